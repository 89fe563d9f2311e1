#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::finish::Reason;
use crate::ir::part::{Opaque, Origin, Reasoning};
use crate::usage::Unit;

/// Decodes frames given as their data, and checks that they end once.
fn events(frames: &[&str], undo: Undo) -> (Vec<Event>, Vec<Loss>) {
    let target = Target { model: "claude-x", ..Target::default() };
    let mut decoder = MessagesDecoder::new(undo, &target);
    let mut out = Vec::new();
    for data in frames {
        let data = Bytes::from((*data).to_owned());
        decoder.push(&Frame { event: None, data: Some(data.clone()), raw: data }, &mut out);
    }
    decoder.finish(&mut out);
    let ends = out.iter().filter(|event| matches!(event, Event::End | Event::Fault(_))).count();
    assert_eq!(ends, 1, "{out:?}");
    assert!(matches!(out.last(), Some(Event::End | Event::Fault(_))));
    (out, decoder.take_losses())
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"claude-x-1","usage":{"input_tokens":5,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

fn ended(reason: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{{"output_tokens":9}}}}"#
    )
}

fn begun(index: u64, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

fn delta(index: u64, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

fn stopped(index: u64) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

/// The events between start and finish of a whole stream of these frames.
fn inner(frames: &[String], undo: Undo) -> (Vec<Event>, Vec<Loss>) {
    let ended = ended("end_turn");
    let mut all = vec![START, r#"{"type": "ping"}"#];
    all.extend(frames.iter().map(String::as_str));
    all.extend([ended.as_str(), STOP, "[DONE]"]);
    let (events, losses) = events(&all, undo);
    let [Event::Start { .. }, Event::Usage(_), inner @ .., Event::Finish { .. }, Event::Usage(usage), Event::End] =
        events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!((usage.get(Unit::Input), usage.get(Unit::Output)), (Some(5), Some(9)));
    assert_eq!(usage.source, Source::Reported);
    (inner.to_vec(), losses)
}

fn open(part: u32, kind: Open) -> Event {
    Event::Open { choice: 0, part, kind }
}

fn tool(part: u32, id: &str, name: &str) -> Event {
    open(part, Open::ToolCall { id: id.to_owned(), name: name.to_owned(), proof: None })
}

fn gives(part: u32, delta: Delta) -> Event {
    Event::Delta { part, delta }
}

#[test]
fn thinking_text_and_parallel_calls() {
    let frames = [
        begun(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"hm"}"#),
        delta(0, r#"{"type":"signature_delta","signature":"si"}"#),
        delta(0, r#"{"type":"signature_delta","signature":"g"}"#),
        stopped(0),
        begun(1, r#"{"type":"redacted_thinking","data":"d"}"#),
        stopped(1),
        begun(2, r#"{"type":"text","text":""}"#),
        delta(2, r#"{"type":"text_delta","text":"hi \ud83d"}"#),
        delta(2, r#"{"type":"text_delta","text":"\ude00"}"#),
        stopped(2),
        begun(3, r#"{"type":"tool_use","id":"t1","name":"a","input":{}}"#),
        delta(3, r#"{"type":"input_json_delta","partial_json":""}"#),
        begun(4, r#"{"type":"tool_use","id":"t2","name":"b","input":{}}"#),
        delta(4, r#"{"type":"input_json_delta","partial_json":"{\"x\""}"#),
        stopped(3),
        delta(4, r#"{"type":"input_json_delta","partial_json":":1}"}"#),
        stopped(4),
    ];
    let origin = Origin { dialect: crate::id::DialectId::AnthropicMessages, model: "claude-x".to_owned() };
    let proof = |data: &str| Opaque { origin: origin.clone(), data: data.to_owned() };
    let redacted = Reasoning { text: String::new(), proof: Some(proof("d")), redacted: true };
    let expected = [
        open(0, Open::Reasoning),
        gives(0, Delta::Reasoning("hm".to_owned())),
        gives(0, Delta::Proof(proof("sig"))),
        Event::Close { part: 0 },
        open(1, Open::Whole(Box::new(Body::Reasoning(redacted).into()))),
        Event::Close { part: 1 },
        open(2, Open::Text),
        gives(2, Delta::Text("hi ".to_owned())),
        gives(2, Delta::Text("\u{1f600}".to_owned())),
        Event::Close { part: 2 },
        tool(3, "t1", "a"),
        tool(4, "t2", "b"),
        gives(4, Delta::Arguments(r#"{"x""#.to_owned())),
        gives(3, Delta::Arguments("{}".to_owned())),
        Event::Close { part: 3 },
        gives(4, Delta::Arguments(":1}".to_owned())),
        Event::Close { part: 4 },
    ];
    let (events, losses) = inner(&frames, Undo::default());
    assert_eq!(events, expected);
    assert!(losses.is_empty());
}

#[test]
fn citations_and_server_tools() {
    let citation = r#"{"type":"web_search_result_location","url":"u","title":"t","cited_text":"q"}"#;
    let frames = [
        begun(0, r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#),
        delta(0, r#"{"type":"input_json_delta","partial_json":"{\"q\":"}"#),
        delta(0, r#"{"type":"input_json_delta","partial_json":"1}"}"#),
        stopped(0),
        begun(1, r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#),
        stopped(1),
        begun(2, r#"{"type":"compaction","content":null}"#),
        delta(2, r#"{"type":"compaction_delta","content":"sum"}"#),
        stopped(2),
        begun(3, r#"{"type":"text","text":"","citations":[]}"#),
        delta(3, &format!(r#"{{"type":"citations_delta","citation":{citation}}}"#)),
        stopped(3),
    ];
    let (events, losses) = inner(&frames, Undo::default());
    let raws: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::Open { kind: Open::Whole(part), .. } => match &part.body {
                Body::Unknown { raw, .. } => Some(raw.as_str()),
                other => panic!("{other:?}"),
            },
            _ => None,
        })
        .collect();
    assert_eq!(
        raws,
        [
            r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}"#,
            r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#,
            r#"{"type":"compaction","content":"sum"}"#,
        ]
    );
    let cited = block::citation(Json::parse(citation).unwrap());
    assert!(events.contains(&gives(3, Delta::Citation(cited))));
    assert!(losses.is_empty());
}

#[test]
fn what_was_changed_is_changed_back() {
    let frames = [
        begun(0, r#"{"type":"tool_use","id":"t_1","name":"get_it","input":{}}"#),
        stopped(0),
        begun(1, r#"{"type":"tool_use","id":"t2","name":"form","input":{}}"#),
        delta(1, r#"{"type":"input_json_delta","partial_json":"{}"}"#),
        stopped(1),
    ];
    let undo = Undo {
        ids: vec![("t_1".to_owned(), "t:1".to_owned())],
        names: vec![("get_it".to_owned(), "get.it".to_owned())],
        format_tool: Some("form".to_owned()),
    };
    let (events, _) = inner(&frames, undo);
    assert_eq!(events[0], tool(0, "t:1", "get.it"));
    assert_eq!(events[3..], [open(1, Open::Text), gives(1, Delta::Text("{}".to_owned())), Event::Close { part: 1 }]);
    let undo = Undo { format_tool: Some("form".to_owned()), ..Undo::default() };
    let (all, _) = self::events(&[START, &frames[2], &frames[3], &frames[4], &ended("tool_use"), STOP], undo);
    assert!(all.contains(&Event::Finish { choice: 0, finish: Finish::new(Reason::Stop) }));
}

#[test]
fn every_bad_stream_is_a_fault() {
    let text = begun(0, r#"{"type":"text","text":""}"#);
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let ended = ended("end_turn");
    let cases: [(&[&str], Outcome); 11] = [
        (&[], Outcome::Truncated),
        (&[START], Outcome::Truncated),
        (&[START, &text], Outcome::Truncated),
        (&[START, &ended], Outcome::Truncated),
        (&[error], Outcome::Overloaded),
        (&[START, &text, error, STOP], Outcome::Overloaded),
        (&[STOP], Outcome::BadAnswer),
        (&[START, START], Outcome::BadAnswer),
        (&[r#"{"type":"message_start","message":{"content":[0,0]}}"#, STOP], Outcome::BadAnswer),
        (&[START, "not json", STOP], Outcome::BadAnswer),
        (
            &[START, r#"{"type":"content_block_delta","index":9,"delta":{"type":"input_json_delta"}}"#],
            Outcome::BadAnswer,
        ),
    ];
    for (frames, outcome) in cases {
        let (events, _) = events(frames, Undo::default());
        let Some(Event::Fault(fault)) = events.last() else { panic!("{frames:?} {events:?}") };
        assert_eq!(fault.outcome, outcome, "{frames:?}");
    }
    let (events, _) = events(&[START, &ended], Undo::default());
    let usage =
        events.iter().filter_map(|event| if let Event::Usage(usage) = event { Some(usage) } else { None }).next_back();
    assert_eq!(usage.unwrap().get(Unit::Output), Some(9));
}

#[test]
fn starts_may_be_missing_and_surrogates_lone() {
    let frames = [delta(0, r#"{"type":"text_delta","text":"a\ud83d"}"#), stopped(0)];
    let (events, losses) = inner(&frames, Undo::default());
    let text = |text: &str| gives(0, Delta::Text(text.to_owned()));
    assert_eq!(events, [open(0, Open::Text), text("a"), text("\u{fffd}"), Event::Close { part: 0 }]);
    assert_eq!(losses, [Loss::approximated("lone surrogate", "content[0]")]);
}
