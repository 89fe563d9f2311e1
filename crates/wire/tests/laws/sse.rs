//! Framing: what a naive reader of the whole text reads, whatever the chunks.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wire::error::FrameError;
use wire::frame::{Frame, Framer};
use wire::sse::SseFramer;

type Said = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Reads a whole stream as the standard says, except that a last event may lack its blank line.
fn naive(stream: &[u8]) -> Vec<Said> {
    let mut lines: Vec<Vec<u8>> = vec![Vec::new()];
    let body = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let mut bytes = body.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&&b'\n');
                lines.push(Vec::new());
            }
            b'\n' => lines.push(Vec::new()),
            other => lines.last_mut().unwrap().push(*other),
        }
    }
    let mut events = Vec::new();
    let (mut event, mut data): Said = (None, None);
    for line in lines.into_iter().chain([Vec::new()]) {
        if line.is_empty() {
            let said = (event.take(), data.take());
            if said != (None, None) {
                events.push(said);
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        match &line[..colon] {
            b"event" => event = Some(value),
            b"data" => match &mut data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend(value);
                }
                None => data = Some(value),
            },
            _ => {}
        }
    }
    events
}

fn cut(stream: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.sort_unstable();
    at.push(stream.len());
    let mut from = 0;
    at.into_iter().map(|to| Bytes::copy_from_slice(&stream[std::mem::replace(&mut from, to)..to])).collect()
}

fn frames(chunks: &[Bytes]) -> Vec<Frame> {
    let (mut framer, mut out) = (SseFramer::default(), Vec::new());
    for chunk in chunks {
        framer.push(chunk, &mut out).unwrap();
    }
    framer.finish(&mut out);
    assert!(framer.is_between());
    out
}

/// Frames that say something, without their bytes.
fn said(frames: &[Frame]) -> Vec<Said> {
    frames
        .iter()
        .map(|frame| (frame.event.as_deref().map(<[u8]>::to_vec), frame.data.as_deref().map(<[u8]>::to_vec)))
        .filter(|said| *said != (None, None))
        .collect()
}

/// Streams in any mix of line ends, with comments, marks and unknown fields.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["\n", "\r\n", "\r"]).prop_map(|end| end.as_bytes().to_vec()),
        4 => prop::sample::select(vec!["data: {}", "data:x", "data", "data:  two", "event: ping", "event:a", "event", ": note",
            "id: 1", "retry: 5", "dat: no", "data : no", "data: \u{1F600}", "data: a:b", "\u{feff}", "\u{feff}data: b"])
            .prop_map(|line| line.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn frames_are_what_a_naive_reader_reads(stream in stream(), cuts in vec(any::<Index>(), 0..8)) {
        let frames = frames(&cut(&stream, &cuts));
        prop_assert_eq!(said(&frames), naive(&stream));
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        prop_assert_eq!(raw, stream);
    }

    #[test]
    fn byte_by_byte_is_the_same(stream in stream()) {
        let single: Vec<Bytes> = stream.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect();
        prop_assert_eq!(said(&frames(&single)), naive(&stream));
    }

    #[test]
    fn no_frame_waits_for_the_next_byte(lines in vec("[a-z]{1,5}", 1..5), end in prop::sample::select(vec!["\n", "\r\n", "\r"])) {
        let (mut framer, mut out) = (SseFramer::default(), Vec::new());
        for (at, line) in lines.iter().enumerate() {
            framer.push(&Bytes::from(format!("data: {line}{end}{end}")), &mut out).unwrap();
            prop_assert_eq!(out.len(), at + 1);
            prop_assert_eq!(out[at].text(), line);
        }
    }

    #[test]
    fn the_limit_does_not_depend_on_the_cuts(sizes in vec(0usize..40, 1..6), cuts in vec(any::<Index>(), 0..6)) {
        const LIMIT: usize = 30;
        let stream: String = sizes.iter().map(|size| format!("data:{}\n\n", "x".repeat(*size))).collect();
        let (mut framer, mut out) = (SseFramer::with_limit(LIMIT), Vec::new());
        let verdict = cut(stream.as_bytes(), &cuts).iter().try_for_each(|chunk| framer.push(chunk, &mut out));
        let fit = sizes.iter().take_while(|size| **size + 7 <= LIMIT).count();
        prop_assert_eq!(out.len(), fit);
        let expected = if fit == sizes.len() { Ok(()) } else { Err(FrameError::TooLong { limit: LIMIT }) };
        prop_assert_eq!(verdict, expected);
    }
}

#[test]
fn a_byte_order_mark_counts_at_the_start_only() {
    let stream = "\u{feff}data: a\n\n\u{feff}data: b\n\n".as_bytes();
    assert_eq!(said(&frames(&[Bytes::from_static(stream)])), [(None, Some(b"a".to_vec()))]);
}
