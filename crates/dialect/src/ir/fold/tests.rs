#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::id::DialectId;
use crate::ir::finish::Reason;
use crate::ir::part::{Citation, Opaque, Origin};
use crate::usage::{Unit, Usage};

fn start() -> Event {
    Event::Start { id: "i".into(), model: "m".into(), created: Some(7) }
}
fn citation(url: &str) -> Citation {
    Citation { url: Some(url.into()), title: None, quoted: None, span: None, raw: None }
}
fn proof(data: &str) -> Opaque {
    Opaque { origin: Origin { dialect: DialectId::AnthropicMessages, model: "m".into() }, data: data.into() }
}

#[test]
fn deltas_join_across_interleaved_parts_and_choices() {
    let events = vec![
        start(),
        Event::Open { choice: 1, part: 0, kind: Open::Text },
        Event::Open { choice: 0, part: 1, kind: Open::Reasoning },
        Event::Delta { part: 0, delta: Delta::Text("He".into()) },
        Event::Delta { part: 1, delta: Delta::Reasoning("hm".into()) },
        Event::Delta { part: 0, delta: Delta::Citation(citation("u")) },
        Event::Delta { part: 0, delta: Delta::Text("llo".into()) },
        Event::Delta { part: 1, delta: Delta::Proof(proof("sig")) },
        Event::Usage(Usage::default().with(Unit::Input, 1)),
        Event::Close { part: 1 },
        Event::Finish { choice: 0, finish: Finish::new(Reason::Stop) },
        Event::Close { part: 0 },
        Event::Usage(Usage::default().with(Unit::Input, 2)),
        Event::End,
    ];
    let response = fold(events).unwrap();
    assert_eq!((response.id.as_str(), response.model.as_str(), response.created), ("i", "m", Some(7)));
    assert_eq!(response.usage.get(Unit::Input), Some(2), "the last usage counts");
    let reasoning = Reasoning { text: "hm".into(), proof: Some(proof("sig")), redacted: false };
    assert_eq!(response.choices[0].parts, [Body::Reasoning(reasoning).into()]);
    assert_eq!(response.choices[0].finish, Some(Finish::new(Reason::Stop)));
    assert_eq!(response.choices[1].parts, [Body::Text { text: "Hello".into(), citations: vec![citation("u")] }.into()]);
    assert_eq!(response.choices[1].finish, None);
    assert_eq!(fold(unfold(&response)).unwrap(), response);
}

#[test]
fn what_a_stream_cannot_say_in_deltas_comes_whole() {
    let mut marked = Part::text("t");
    marked.foreign.push(DialectId::AnthropicMessages, "caller", "{}");
    let hidden = Body::Reasoning(Reasoning { text: String::new(), proof: Some(proof("x")), redacted: true });
    let response =
        Response { choices: vec![Choice { parts: vec![marked, hidden.into()], finish: None }], ..Response::default() };
    let events = unfold(&response);
    let wholes = events.iter().filter(|event| matches!(event, Event::Open { kind: Open::Whole(_), .. })).count();
    assert_eq!(wholes, 2);
    assert_eq!(Grammar::check(&events), Ok(()));
    assert_eq!(fold(events).unwrap(), response);
}

#[test]
fn a_stream_that_fails_or_stops_is_no_answer() {
    let fault = UpstreamFault::new(Outcome::Overloaded, 200, "busy");
    assert_eq!(fold([start(), Event::Fault(fault.clone())]), Err(fault));
    assert_eq!(fold([start()]).unwrap_err().outcome, Outcome::Truncated);
    assert_eq!(fold([]).unwrap_err().outcome, Outcome::Truncated);
    assert_eq!(fold([Event::End]).unwrap_err().outcome, Outcome::BadAnswer);
    let high = Event::Finish { choice: u32::MAX, finish: Finish::new(Reason::Stop) };
    assert_eq!(fold([start(), high, Event::End]).unwrap_err().outcome, Outcome::BadAnswer);
}
