//! A short fuzz run on the stable toolchain: recordings with bytes changed, through everything that reads.
//!
//! `TOLLGATE_FUZZ_SECONDS` makes it longer. A failure names its seed; `TOLLGATE_FUZZ_SEED` runs it again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dialect::dialect::Dialect;
use dialect::peek::Said;
use dialect::undo::Undo;
use http::HeaderMap;
use wire::json::{Document, Json};

use super::grammar::assert_sentence;
use crate::common::recordings::{self, Answer};
use crate::common::{rows, streams};

/// A small generator of numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap()
    }
}

/// What a path says.
const SAID: Said<'static> = Said { model: Some("m"), stream: Some(true) };

const WORDS: &[&str] = &[
    "null",
    "0",
    "-1",
    "18446744073709551616",
    "1e400",
    "\"\"",
    "[]",
    "{}",
    "\\ud800",
    "\n\n",
    "\r\n",
    "data: ",
    "event: error\n",
    "[DONE]",
    "\"index\":7",
    "\"type\":\"tool_use\"",
    "\u{feff}",
    "\"id\":\"x\",",
    "true",
    "\"content\":null",
    "\"output_index\":1,",
    "\"type\":\"function_call\"",
    "\"type\":\"item_reference\"",
    "\"contentBlockIndex\":1,",
    "{\"cachePoint\":{\"type\":\"default\"}},",
];

/// Changes a few places.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let to = (at + dice.below(40)).min(bytes.len());
        match dice.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let copy = bytes[at..to].to_vec();
                let target = dice.below(bytes.len() + 1);
                bytes.splice(target..target, copy);
            }
            3 => {
                let word = WORDS[dice.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
            4 => replace_token(bytes, at, dice),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(dice.roll() & 0xff).unwrap();
                }
            }
        }
    }
}

/// Replaces a whole JSON token by another word, so that more texts stay JSON.
fn replace_token(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let delimiter = |byte: &u8| b",:[]{}".contains(byte);
    let from = bytes[..at].iter().rposition(delimiter).map_or(0, |at| at + 1);
    let to = bytes[at..].iter().position(delimiter).map_or(bytes.len(), |end| at + end);
    if from <= to {
        bytes.splice(from..to, WORDS[dice.below(8)].bytes());
    }
}

/// Puts a request's bytes through everything that reads requests.
fn requests(dialect: &dyn Dialect, bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes)) else { return };
    let target = rows::target("p", "m");
    if let Ok(peek) = dialect.peek(&document, SAID) {
        let patch = dialect.patch(&document, &peek, &target);
        Document::parse(document.edit(&patch.edits)).expect("a patched body is JSON");
    }
    let Ok(request) = dialect.read_request(&document, SAID) else { return };
    for other in dialect::all() {
        let Ok(outgoing) = other.write_request(&request.value, &target) else { continue };
        let body = Document::parse(Bytes::from(outgoing.body.clone())).expect("a written body is JSON");
        if let Err(fault) = other.read_request(&body, SAID) {
            panic!("{} does not read what it wrote: {fault:?}\n{}", other.id(), outgoing.body);
        }
    }
}

/// Puts an answer's bytes through everything that reads answers.
fn answers(dialect: &dyn Dialect, bytes: &[u8], status: u16) {
    let target = rows::target("p", "m");
    let _ = dialect.read_fault(status, &HeaderMap::new(), bytes, 1_700_000_000);
    let Ok(json) = Json::from_bytes(bytes) else { return };
    let mut meter = dialect.meter(&target);
    meter.whole(json);
    meter.finish();
    let Ok(response) = dialect.read_response(json, &Undo::default(), &target) else { return };
    for other in dialect::all() {
        let written = other.write_response(&response.value, &streams::asked());
        Json::parse(&written.value).expect("a written answer is JSON");
    }
}

fn streamed(dialect: &dyn Dialect, bytes: &[u8]) {
    let target = rows::target("p", "m");
    let mut meter = dialect.meter(&target);
    for frame in streams::frames(&[Bytes::copy_from_slice(bytes)]) {
        meter.frame(&frame);
    }
    meter.finish();
    assert_sentence(dialect, &target, bytes);
}

#[test]
fn recordings_with_bytes_changed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("TOLLGATE_FUZZ_SECONDS").unwrap_or(8);
    let only = number("TOLLGATE_FUZZ_SEED");
    let all = recordings::all();
    let begin = Instant::now();
    let mut seed = only.unwrap_or(0);
    while begin.elapsed() < Duration::from_secs(seconds) {
        let mut dice = Dice(seed);
        let exchange = &all[dice.below(all.len())];
        // Mostly its own dialect, now and then another.
        let dialect = match dice.below(8) {
            0 => dialect::all()[dice.below(dialect::all().len())],
            _ => dialect::of(exchange.dialect),
        };
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Some(request) = &exchange.request {
                let mut bytes = request.clone().into_bytes();
                mutate(&mut bytes, &mut dice);
                requests(dialect, &bytes);
            }
            match &exchange.answer {
                Answer::Whole(body) => {
                    let mut bytes = body.clone().into_bytes();
                    mutate(&mut bytes, &mut dice);
                    answers(dialect, &bytes, exchange.status);
                }
                Answer::Stream(stream) => {
                    // Early frames, so that a run does not spend its time on one long text.
                    let mut bytes = stream[..stream.len().min(4000)].to_vec();
                    mutate(&mut bytes, &mut dice);
                    streamed(dialect, &bytes);
                }
                Answer::Nothing => {}
            }
        }));
        if let Err(panic) = run {
            println!("seed {seed}: {}", exchange.name);
            std::panic::resume_unwind(panic);
        }
        if only.is_some() {
            break;
        }
        seed += 1;
    }
    println!("{seed} texts in {seconds} s");
}
