//! Law 3: how bytes are cut changes no event, how events are cut changes no byte.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::recordings::{self, Answer};
use crate::common::{generate, rows, streams};

#[test]
fn recorded_streams_byte_by_byte() {
    let mut count = 0;
    for exchange in recordings::all() {
        let Answer::Stream(stream) = &exchange.answer else { continue };
        let (dialect, model) = (dialect::of(exchange.dialect), exchange.model());
        let target = rows::target(&exchange.provider, &model);
        let whole = streams::decode(dialect, &target, std::slice::from_ref(stream));
        for size in [1, 7, 1000] {
            let chunks: Vec<Bytes> = stream.chunks(size).map(Bytes::copy_from_slice).collect();
            assert_eq!(streams::decode(dialect, &target, &chunks), whole, "{} by {size}", exchange.name);
        }
        count += 1;
    }
    assert!(count > 250, "{count} streams");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::cases(64)))]
    #[test]
    fn any_cut_of_a_made_stream(response in generate::response(), cuts in vec(any::<Index>(), 0..12)) {
        let events = dialect::ir::fold::unfold(&response);
        for dialect in dialect::all() {
            let (bytes, losses) = streams::encode(dialect, &streams::asked(), &events);
            // One encoder, its events pushed one by one and in between nothing else, writes the same bytes.
            prop_assert_eq!(&streams::encode(dialect, &streams::asked(), &events), &(bytes.clone(), losses));
            let target = rows::target("p", generate::MODEL);
            let whole = streams::decode(dialect, &target, &[Bytes::from(bytes.clone())]);
            prop_assert_eq!(&streams::decode(dialect, &target, &streams::cut(&bytes, &cuts)), &whole);
        }
    }

    #[test]
    fn any_cut_of_deltas(response in generate::response(), cuts in vec(any::<Index>(), 0..12)) {
        // What is said does not depend on how finely it was said.
        let events = dialect::ir::fold::unfold(&response);
        let finer = finer(&events, &cuts);
        for dialect in dialect::all() {
            let target = rows::target("p", generate::MODEL);
            let said = |events: &[dialect::ir::event::Event]| {
                let (bytes, _) = streams::encode(dialect, &streams::asked(), events);
                let (events, _) = streams::decode(dialect, &target, &[Bytes::from(bytes)]);
                dialect::ir::fold::fold(events).map(|response| (response.choices, response.usage.iter().collect::<Vec<_>>()))
            };
            prop_assert_eq!(said(&events), said(&finer));
        }
    }
}

/// The same events with text cut into more deltas.
fn finer(events: &[dialect::ir::event::Event], cuts: &[Index]) -> Vec<dialect::ir::event::Event> {
    use dialect::ir::event::{Delta, Event};
    let mut cuts = cuts.iter().cycle();
    let mut out = Vec::new();
    for event in events {
        let Event::Delta { part, delta } = event else {
            out.push(event.clone());
            continue;
        };
        let (text, wrap): (&str, fn(String) -> Delta) = match delta {
            Delta::Text(text) => (text, Delta::Text),
            Delta::Reasoning(text) => (text, Delta::Reasoning),
            Delta::Arguments(text) => (text, Delta::Arguments),
            Delta::Refusal(text) => (text, Delta::Refusal),
            Delta::Proof(_) | Delta::Citation(_) => {
                out.push(event.clone());
                continue;
            }
        };
        let at = cuts.next().map_or(0, |cut| cut.index(text.len() + 1));
        let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        for piece in [&text[..at], &text[at..]] {
            if !piece.is_empty() {
                out.push(Event::Delta { part: *part, delta: wrap(piece.to_owned()) });
            }
        }
    }
    out
}
