//! One long answer and one long request, so that every pair of dialects carries the same words.

use dialect::dialect::Asked;
use dialect::id::DialectId;
use dialect::ir::event::{Delta, Event, Open};
use dialect::ir::finish::{Finish, Reason};
use dialect::ir::foreign::{Foreign, Raw};
use dialect::ir::part::{Body, Part, ToolCall, ToolResult};
use dialect::ir::request::{Message, Request, Role};
use dialect::ir::tool::{Function, Tool};
use dialect::target::Target;
use dialect::usage::{Source, Unit, Usage};

/// Pieces of text in the answer.
const TEXTS: u32 = 400;
/// Pieces of a tool call's arguments.
const ARGUMENTS: u32 = 60;
/// Turns of the request.
const TURNS: u32 = 24;

/// The events of the answer: text, a tool call, usage.
pub(super) fn events() -> Vec<Event> {
    let mut events = vec![
        Event::Start { id: "msg_01".into(), model: "model-1".into(), created: Some(1_700_000_000) },
        Event::Open { choice: 0, part: 0, kind: Open::Text },
    ];
    for nth in 0..TEXTS {
        // A few of the characters that JSON escapes, at about the rate of prose.
        let text = if nth % 12 == 0 { "\n\n\"Yes\", he said –" } else { " and so the gateway" };
        events.push(Event::Delta { part: 0, delta: Delta::Text(text.to_owned()) });
    }
    events.push(Event::Close { part: 0 });
    let kind = Open::ToolCall { id: "call_0123456789".into(), name: "look_up".into(), proof: None };
    events.push(Event::Open { choice: 0, part: 1, kind });
    for nth in 0..ARGUMENTS {
        let piece = match nth {
            0 => "{\"words\":[\"gate\"".to_owned(),
            nth if nth == ARGUMENTS - 1 => "]}".to_owned(),
            nth => format!(",\"word {nth}\""),
        };
        events.push(Event::Delta { part: 1, delta: Delta::Arguments(piece) });
    }
    events.push(Event::Close { part: 1 });
    let mut usage = Usage::default();
    usage.source = Source::Reported;
    events.push(Event::Usage(usage.with(Unit::Input, 1_200).with(Unit::Output, 900)));
    events.push(Event::Finish { choice: 0, finish: Finish::new(Reason::ToolUse) });
    events.push(Event::End);
    events
}

/// What an encoder must know of the request.
pub(super) fn asked() -> Asked {
    Asked { include_usage: true, now: 1_700_000_000, id: "tg-1".into(), model: "model-1".into(), echo: Vec::new() }
}

/// The answer as a stream in a dialect.
pub(super) fn stream(dialect: DialectId) -> Vec<u8> {
    let mut encoder = dialect::of(dialect).encoder(&asked());
    let mut bytes = Vec::new();
    for event in events() {
        encoder.push(&event, &mut bytes);
    }
    bytes
}

/// The target that everything is written for.
pub(super) fn target() -> Target<'static> {
    Target { provider: "bench", model: "model-1", max_output: Some(4_096), ..Target::default() }
}

/// A conversation with a tool, of about 30 KB.
fn request() -> Request {
    let mut messages = Vec::new();
    for turn in 0..TURNS {
        let words = "Tell me, in a few \"plain\" words, what a gateway is good for.\n".repeat(10);
        messages.push(Message::new(Role::User, vec![Part::text(words)]));
        let call = ToolCall {
            id: format!("call_{turn:09}"),
            name: "look_up".into(),
            arguments: format!("{{\"words\":[\"gate\",\"way {turn}\"]}}"),
            proof: None,
        };
        messages.push(Message::new(Role::Assistant, vec![Part::text("I look it up."), Body::ToolCall(call).into()]));
        let result = ToolResult {
            call_id: format!("call_{turn:09}"),
            content: vec![Part::text("A gate is a way through a wall. ".repeat(8))],
            is_error: None,
        };
        messages.push(Message::new(Role::Tool, vec![Body::ToolResult(result).into()]));
    }
    messages.push(Message::new(Role::User, vec![Part::text("And now?")]));
    let schema =
        r#"{"type":"object","properties":{"words":{"type":"array","items":{"type":"string"}}},"required":["words"]}"#;
    let tool = Function {
        name: "look_up".into(),
        description: Some("Looks words up.".into()),
        schema: Some(Raw::from(schema)),
        strict: None,
        cache: None,
        foreign: Foreign::default(),
    };
    Request {
        model: "model-1".into(),
        system: vec![Part::text("You are a careful assistant. ".repeat(20))],
        messages,
        tools: vec![Tool::Function(tool)],
        ..Request::default()
    }
}

/// The conversation as a request in a dialect.
pub(super) fn body(dialect: DialectId) -> String {
    dialect::of(dialect).write_request(&request(), &target()).map(|written| written.body).unwrap_or_default()
}
