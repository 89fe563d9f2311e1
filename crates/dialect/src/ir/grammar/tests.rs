#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::ir::finish::{Finish, Reason};
use crate::ir::part;
use crate::outcome::{Outcome, UpstreamFault};

fn start() -> Event {
    Event::Start { id: String::new(), model: String::new(), created: None }
}
fn open(choice: u32, part: u32, kind: Open) -> Event {
    Event::Open { choice, part, kind }
}
fn delta(part: u32, delta: Delta) -> Event {
    Event::Delta { part, delta }
}
fn text(part: u32) -> Event {
    delta(part, Delta::Text("a".into()))
}
fn close(part: u32) -> Event {
    Event::Close { part }
}
fn finish(choice: u32) -> Event {
    Event::Finish { choice, finish: Finish::new(Reason::Stop) }
}
fn fault() -> Event {
    Event::Fault(UpstreamFault::new(Outcome::Truncated, 200, ""))
}
fn proof() -> Delta {
    let origin = part::Origin { dialect: crate::id::DialectId::AnthropicMessages, model: String::new() };
    Delta::Proof(part::Opaque { origin, data: "s".into() })
}
fn verdict(events: &[Event]) -> Option<(usize, &'static str)> {
    Grammar::check(events).err().map(|violation| (violation.at, violation.what))
}

#[test]
fn sentences_pass() {
    let interleaved = [
        start(),
        open(1, 0, Open::Text),
        open(0, 1, Open::Reasoning),
        text(0),
        delta(1, Delta::Reasoning("b".into())),
        Event::Usage(Default::default()),
        delta(1, proof()),
        close(1),
        finish(0),
        text(0),
        close(0),
        finish(1),
        Event::Usage(Default::default()),
        Event::End,
    ];
    assert_eq!(verdict(&interleaved), None);
    assert_eq!(verdict(&[fault()]), None);
    assert_eq!(verdict(&[start(), open(0, 0, Open::Text), fault()]), None);
    assert_eq!(verdict(&[start(), Event::End]), None);
}

#[test]
fn every_rule_is_held() {
    let whole = || Open::Whole(Box::new(part::Part::text("w")));
    let cases: Vec<(Vec<Event>, usize, &str)> = vec![
        (vec![], 0, "the stream stops without end or fault"),
        (vec![start()], 1, "the stream stops without end or fault"),
        (vec![Event::End], 0, "a stream begins with its start"),
        (vec![start(), start()], 1, "the start stands once"),
        (vec![start(), Event::End, Event::End], 2, "nothing follows the end"),
        (vec![start(), fault(), Event::End], 2, "nothing follows a fault"),
        (vec![start(), open(0, 1, Open::Text)], 1, "parts are numbered in the order they open"),
        (
            vec![start(), open(0, 0, Open::Text), close(0), open(0, 0, Open::Text)],
            3,
            "parts are numbered in the order they open",
        ),
        (vec![start(), text(0)], 1, "the part was never opened"),
        (vec![start(), open(0, 0, Open::Text), close(0), text(0)], 3, "the part is closed"),
        (vec![start(), open(0, 0, Open::Text), close(0), close(0)], 3, "the part is closed"),
        (vec![start(), open(0, 0, Open::Refusal), text(0)], 2, "the delta is of another kind than its part"),
        (vec![start(), open(0, 0, whole()), text(0)], 2, "the delta is of another kind than its part"),
        (vec![start(), open(0, 0, Open::Text), delta(0, proof())], 2, "the delta is of another kind than its part"),
        (
            vec![start(), open(0, 0, Open::Reasoning), delta(0, proof()), delta(0, proof())],
            3,
            "a part of reasoning has one proof",
        ),
        (vec![start(), open(0, 0, Open::Text), finish(0)], 2, "a choice finishes when its parts are closed"),
        (vec![start(), finish(0), finish(0)], 2, "a choice finishes once"),
        (vec![start(), finish(0), open(0, 0, Open::Text)], 2, "a choice that is finished opens no part"),
        (vec![start(), open(128, 0, Open::Text)], 1, "a choice is numbered too high"),
        (vec![start(), finish(u32::MAX)], 1, "a choice is numbered too high"),
        (vec![start(), open(0, 0, Open::Text), Event::End], 2, "a part is open at the end"),
    ];
    for (events, at, what) in cases {
        assert_eq!(verdict(&events), Some((at, what)), "{events:?}");
    }
}

#[test]
fn a_refused_event_changes_nothing() {
    let mut grammar = Grammar::default();
    grammar.push(&start()).unwrap();
    grammar.push(&open(0, 0, Open::Text)).unwrap();
    assert!(grammar.push(&Event::End).is_err());
    assert!(grammar.push(&finish(0)).is_err());
    grammar.push(&close(0)).unwrap();
    grammar.push(&finish(0)).unwrap();
    assert!(!grammar.is_done());
    grammar.push(&Event::End).unwrap();
    assert!(grammar.is_done());
}
