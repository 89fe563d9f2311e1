//! Items of an array do not depend on how the bytes were cut, and the frames hold every byte.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wire::frame::{Frame, Framer};
use wire::jsonarray::JsonArrayFramer;

fn frames(chunks: impl Iterator<Item = Bytes>) -> Vec<Frame> {
    let (mut framer, mut out) = (JsonArrayFramer::default(), Vec::new());
    for chunk in chunks {
        framer.push(&chunk, &mut out).expect("shorter than the limit");
    }
    framer.finish(&mut out);
    out
}

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (stream, size) = input;
    let whole = frames(std::iter::once(Bytes::from(stream.clone())));
    let cut = frames(stream.chunks(usize::from(size).max(1)).map(Bytes::copy_from_slice));
    let raw = |frames: &[Frame]| frames.iter().flat_map(|frame| frame.raw.to_vec()).collect::<Vec<u8>>();
    assert_eq!(raw(&whole), stream);
    assert_eq!(raw(&cut), stream);
    let said = |frames: &[Frame]| frames.iter().filter_map(|frame| frame.data.clone()).collect::<Vec<_>>();
    assert_eq!(said(&whole), said(&cut));
});
