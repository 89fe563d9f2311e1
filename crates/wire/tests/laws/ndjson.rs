//! Framing of lines: what a naive reader of lines reads, whatever the chunks.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wire::error::FrameError;
use wire::frame::{Frame, Framer};
use wire::ndjson::NdjsonFramer;

fn cut(stream: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.sort_unstable();
    at.push(stream.len());
    let mut from = 0;
    at.into_iter().map(|to| Bytes::copy_from_slice(&stream[std::mem::replace(&mut from, to)..to])).collect()
}

fn frames(chunks: &[Bytes]) -> Vec<Frame> {
    let (mut framer, mut out) = (NdjsonFramer::default(), Vec::new());
    for chunk in chunks {
        framer.push(chunk, &mut out).unwrap();
    }
    framer.finish(&mut out);
    assert!(framer.is_between());
    out
}

fn said(frames: &[Frame]) -> Vec<Vec<u8>> {
    frames.iter().filter_map(|frame| frame.data.as_deref().map(<[u8]>::to_vec)).collect()
}

proptest! {
    #[test]
    fn lines_in_any_chunks(stream in vec(prop::sample::select(b"{}a \n\r\xc3\xa9".to_vec()), 0..60), cuts in vec(any::<Index>(), 0..8)) {
        let expected: Vec<Vec<u8>> =
            stream.split(|byte| *byte == b'\n').map(|line| line.trim_ascii().to_vec()).filter(|line| !line.is_empty()).collect();
        let frames = frames(&cut(&stream, &cuts));
        prop_assert_eq!(said(&frames), expected);
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        prop_assert_eq!(raw, stream);
    }

    #[test]
    fn no_line_waits_for_the_next(texts in vec("[a-z]{1,5}", 1..5)) {
        let (mut framer, mut out) = (NdjsonFramer::default(), Vec::new());
        for (at, text) in texts.iter().enumerate() {
            framer.push(&Bytes::from(format!("{text}\n")), &mut out).unwrap();
            prop_assert_eq!((out.len(), out[at].text()), (at + 1, text.as_str()));
        }
    }

    #[test]
    fn the_limit_does_not_depend_on_the_cuts(sizes in vec(0usize..40, 1..6), cuts in vec(any::<Index>(), 0..6)) {
        const LIMIT: usize = 30;
        let stream: String = sizes.iter().map(|size| format!("{}\n", "x".repeat(*size))).collect();
        let (mut framer, mut out) = (NdjsonFramer::with_limit(LIMIT), Vec::new());
        let verdict = cut(stream.as_bytes(), &cuts).iter().try_for_each(|chunk| framer.push(chunk, &mut out));
        let fit = sizes.iter().take_while(|size| **size < LIMIT).count();
        prop_assert_eq!(out.len(), fit);
        let expected = if fit == sizes.len() { Ok(()) } else { Err(FrameError::TooLong { limit: LIMIT }) };
        prop_assert_eq!(verdict, expected);
    }
}
