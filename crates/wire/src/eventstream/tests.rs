#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;

/// A message as Bedrock sends it.
pub(super) fn message(headers: &[(&str, u8, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, kind, value) in headers {
        head.push(u8::try_from(name.len()).unwrap());
        head.extend_from_slice(name.as_bytes());
        head.push(*kind);
        if matches!(kind, 6 | 7) {
            head.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        }
        head.extend_from_slice(value);
    }
    let total = u32::try_from(AROUND + head.len() + payload.len()).unwrap();
    let mut out = total.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(head.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

#[test]
fn what_is_written_is_read() {
    let mut out = b"before".to_vec();
    write(&[(":event-type", "metadata"), (":message-type", "event")], b"{}", &mut out);
    let same = message(&[(":event-type", 7, b"metadata"), (":message-type", 7, b"event")], b"{}");
    assert_eq!(out, [b"before".as_slice(), &same].concat());
    assert_eq!(frames(&[&same]).unwrap(), [said("metadata", "{}")]);
}

fn frames(chunks: &[&[u8]]) -> Result<Vec<(String, String)>, FrameError> {
    let mut framer = EventStreamFramer::with_limit(4_096);
    let mut out = Vec::new();
    for chunk in chunks {
        framer.push(&Bytes::copy_from_slice(chunk), &mut out)?;
    }
    framer.finish(&mut out);
    Ok(out.iter().map(|frame| (frame.name().to_owned(), frame.text().to_owned())).collect())
}

fn said(name: &str, data: &str) -> (String, String) {
    (name.to_owned(), data.to_owned())
}

#[test]
fn messages_are_cut_wherever_the_chunks_are() {
    let event = message(&[(":event-type", 7, b"chunk"), (":n", 4, &[0; 4]), (":t", 0, b"")], b"{}");
    let failed =
        message(&[(":exception-type", 7, b"throttlingException"), (":message-type", 7, b"exception")], b"slow");
    let nameless = message(&[], b"");
    let stream = [event, failed, nameless].concat();
    let expect = [said("chunk", "{}"), said("exception:throttlingException", "slow"), said("", "")];
    assert_eq!(frames(&[&stream]).unwrap(), expect);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(frames(&bytes).unwrap(), expect);
    for cut in 0..stream.len() {
        let (one, other) = stream.split_at(cut);
        assert_eq!(frames(&[one, other]).unwrap(), expect, "{cut}");
        // A message that is not whole is none.
        assert!(frames(&[one]).unwrap().len() <= 2 || cut == stream.len());
    }
}

#[test]
fn every_changed_byte_is_found() {
    let whole = message(&[(":event-type", 7, b"chunk")], b"{\"bytes\":\"e30=\"}");
    for place in 0..whole.len() {
        let mut stream = whole.clone();
        stream[place] ^= 0x10;
        // A longer length waits for bytes that never come, if its checksum could be right; it cannot.
        assert!(frames(&[&stream]).is_err(), "{place}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let corrupt = |stream: &[u8]| matches!(frames(&[stream]), Err(FrameError::Corrupt { .. }));
    // A header that ends too soon, a kind that is not known.
    assert!(corrupt(&message(&[(":event-type", 5, b"abc")], b"")));
    assert!(corrupt(&message(&[("x", 42, b"")], b"")));
    let mut short = 8_u32.to_be_bytes().to_vec();
    short.extend_from_slice(&0_u32.to_be_bytes());
    short.extend_from_slice(&crc32fast::hash(&short).to_be_bytes());
    assert!(corrupt(&short));
    let mut long = 5_000_u32.to_be_bytes().to_vec();
    long.extend_from_slice(&0_u32.to_be_bytes());
    long.extend_from_slice(&crc32fast::hash(&long).to_be_bytes());
    assert_eq!(frames(&[&long]), Err(FrameError::TooLong { limit: 4_096 }));
}

#[test]
fn what_bedrock_sent_is_read() {
    // Recorded from Bedrock: dd-trace-py, anthropic_invoke_stream.yaml at 3bb9ecda2283, Apache-2.0 or BSD-3-Clause.
    let recorded = include_bytes!("recorded.bin");
    let frames = frames(&[recorded]).unwrap();
    let [(name, data)] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!(name, "chunk");
    assert!(data.starts_with("{\"bytes\":\"eyJjb21wbGV0aW9u"), "{data}");
}
