//! Framing of arrays: the items that a reader of the whole text reads, whatever the chunks.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wire::error::FrameError;
use wire::frame::{Frame, Framer};
use wire::json::Json;
use wire::jsonarray::JsonArrayFramer;

use crate::common::{space, value};

fn cut(stream: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.sort_unstable();
    at.push(stream.len());
    let mut from = 0;
    at.into_iter().map(|to| Bytes::copy_from_slice(&stream[std::mem::replace(&mut from, to)..to])).collect()
}

fn frames(chunks: &[Bytes]) -> Vec<Frame> {
    let (mut framer, mut out) = (JsonArrayFramer::default(), Vec::new());
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

fn raw(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.raw.to_vec()).collect()
}

proptest! {
    #[test]
    fn frames_are_the_items(items in vec((space(), value(true), space()), 0..6), cuts in vec(any::<Index>(), 0..10), behind in space()) {
        let inner: Vec<String> = items.iter().map(|(before, value, after)| format!("{before}{value}{after}")).collect();
        let text = format!("[{}]{behind}", inner.join(","));
        let expected: Vec<Vec<u8>> = Json::parse(&text).unwrap().items().map(|item| item.raw().as_bytes().to_vec()).collect();
        let frames = frames(&cut(text.as_bytes(), &cuts));
        prop_assert_eq!(said(&frames), expected);
        prop_assert_eq!(raw(&frames), text.as_bytes());
    }

    #[test]
    fn any_bytes_in_any_chunks(stream in vec(prop::sample::select(b"[]{}\",\\ \n1a:".to_vec()), 0..60), cuts in vec(any::<Index>(), 0..8)) {
        let whole = frames(&[Bytes::from(stream.clone())]);
        let pieces = frames(&cut(&stream, &cuts));
        prop_assert_eq!(said(&whole), said(&pieces));
        prop_assert_eq!(&raw(&whole), &stream);
        prop_assert_eq!(raw(&pieces), stream);
    }

    #[test]
    fn no_item_waits_for_the_next_byte(texts in vec("[a-z]{0,5}", 1..5)) {
        let (mut framer, mut out) = (JsonArrayFramer::default(), Vec::new());
        for (at, text) in texts.iter().enumerate() {
            let item = format!("{{\"t\":\"{text}\"}}");
            framer.push(&Bytes::from(format!("{}{item}", if at == 0 { "[" } else { "\n,\r\n" })), &mut out).unwrap();
            prop_assert_eq!(out.len(), at + 1);
            prop_assert_eq!(out[at].text(), item);
        }
    }

    #[test]
    fn the_limit_does_not_depend_on_the_cuts(sizes in vec(0usize..40, 1..6), cuts in vec(any::<Index>(), 0..6)) {
        const LIMIT: usize = 30;
        let items: Vec<String> = sizes.iter().map(|size| format!("\"{}\"", "x".repeat(*size))).collect();
        let stream = format!("[{}]", items.join(","));
        let (mut framer, mut out) = (JsonArrayFramer::with_limit(LIMIT), Vec::new());
        let verdict = cut(stream.as_bytes(), &cuts).iter().try_for_each(|chunk| framer.push(chunk, &mut out));
        let fit = sizes.iter().take_while(|size| **size + 3 <= LIMIT).count();
        prop_assert_eq!(said(&out).len(), fit);
        let expected = if fit == sizes.len() { Ok(()) } else { Err(FrameError::TooLong { limit: LIMIT }) };
        prop_assert_eq!(verdict, expected);
    }
}

#[test]
fn an_object_alone_is_an_item() {
    let frames = frames(&[Bytes::from_static(b" {\"error\":{}}\n")]);
    assert_eq!(said(&frames), [b"{\"error\":{}}".to_vec()]);
}
