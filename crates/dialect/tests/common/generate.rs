//! Requests, answers and streams of every kind the representation has.

use dialect::id::DialectId;
use dialect::ir::finish::{Finish, Reason};
use dialect::ir::foreign::{Foreign, Raw};
use dialect::ir::part::{
    Body, Citation, Media, MediaKind, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult,
};
use dialect::ir::request::{Effort, Format, Message, Request, Role, Sampling};
use dialect::ir::response::{Choice, Response};
use dialect::ir::tool::{Function, Tool, ToolChoice};
use dialect::usage::{Source, Unit, Usage};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The model that requests ask for.
pub const MODEL: &str = "model-x";

pub fn dialect_id() -> BoxedStrategy<DialectId> {
    select(DialectId::ALL.to_vec()).boxed()
}

/// Text with something to read in it.
pub fn text() -> BoxedStrategy<String> {
    "[a-zA-Z][a-z é\"\\\\\n😀<>&/\u{1}]{0,12}[a-z.]".boxed()
}

fn word() -> BoxedStrategy<String> {
    "[a-z][a-z0-9_]{0,8}".boxed()
}

fn raw_object() -> BoxedStrategy<Raw> {
    select(vec![
        r#"{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer"}},"required":["b"]}"#,
        r#"{"type":"object"}"#,
        r#"{ "type" : "object", "$defs":{"z":{"enum":[1e400]}} , "additionalProperties":false}"#,
    ])
    .prop_map(Raw::from)
    .boxed()
}

fn number() -> BoxedStrategy<Raw> {
    select(vec!["0", "1", "0.7", "0.25", "1e-1", "0.10", "2"]).prop_map(Raw::from).boxed()
}

fn cache() -> BoxedStrategy<Option<Raw>> {
    option::weighted(
        0.1,
        select(vec![r#"{"type":"ephemeral"}"#, r#"{"type":"ephemeral","ttl":"1h"}"#]).prop_map(Raw::from),
    )
    .boxed()
}

/// Members that no dialect knows.
fn foreign() -> BoxedStrategy<Foreign> {
    let member = (dialect_id(), "x_[a-z]{1,6}", select(vec!["1", "\"s\"", "[1e400]", "{\"b\":1,\"a\":null}"]));
    option::weighted(0.1, member)
        .prop_map(|member| {
            let mut foreign = Foreign::default();
            if let Some((dialect, key, value)) = member {
                foreign.push(dialect, &key, value);
            }
            foreign
        })
        .boxed()
}

fn part(body: impl Strategy<Value = Body> + 'static) -> BoxedStrategy<Part> {
    (body, cache(), foreign())
        .prop_map(|(body, cache, foreign)| match body {
            // Its text holds everything it has.
            Body::Unknown { .. } => body.into(),
            body => Part { body, cache, foreign },
        })
        .boxed()
}

fn plain() -> BoxedStrategy<Body> {
    text().prop_map(|text| Body::Text { text, citations: Vec::new() }).boxed()
}

fn opaque() -> BoxedStrategy<Opaque> {
    (dialect_id(), select(vec!["", MODEL, "another-model"]), "[A-Za-z0-9+/]{4,12}")
        .prop_map(|(dialect, model, data)| Opaque { origin: Origin { dialect, model: model.to_owned() }, data })
        .boxed()
}

fn media() -> BoxedStrategy<Body> {
    let kind = select(vec![
        (MediaKind::Image, "image/png"),
        (MediaKind::Image, "image/jpeg"),
        (MediaKind::Audio, "audio/wav"),
        (MediaKind::Audio, "audio/mpeg"),
        (MediaKind::File, "application/pdf"),
        (MediaKind::File, "text/csv"),
        (MediaKind::Video, "video/mp4"),
    ]);
    let source = prop_oneof![
        select(vec!["https://a.example/x.png", "http://a.example/d.pdf?x=1&y=2"])
            .prop_map(|url| MediaSource::Url(url.into())),
        "[A-Za-z0-9]{4}".prop_map(|data| MediaSource::Base64 { media_type: String::new(), data }),
        (dialect_id(), "file_[a-z0-9]{3}").prop_map(|(dialect, id)| MediaSource::FileId { dialect, id }),
        text().prop_map(MediaSource::Text),
    ];
    (kind, source, option::weighted(0.2, word()), option::weighted(0.2, select(vec!["low", "high", "auto"])))
        .prop_map(|((kind, kind_of_bytes), mut source, name, detail)| {
            match &mut source {
                MediaSource::Base64 { media_type, .. } => *media_type = kind_of_bytes.to_owned(),
                // Only documents are plain text.
                MediaSource::Text(_) if kind != MediaKind::File => {
                    source = MediaSource::Url("https://a.example/y".into())
                }
                _ => {}
            }
            Body::Media(Media { kind, source, name, detail: detail.map(str::to_owned) })
        })
        .boxed()
}

fn unknown() -> BoxedStrategy<Body> {
    (dialect_id(), "x_[a-z]{2,5}")
        .prop_map(|(dialect, kind)| {
            // Where a kind stands in a `type`, and where it is the member's name.
            let (kind, raw) = match dialect {
                DialectId::BedrockConverse => (kind.clone(), format!("{{\"{kind}\":{{\"b\":1,\"a\":[1e400]}}}}")),
                DialectId::Gemini => (kind.clone(), format!("{{\"{kind}\":{{\"b\":1,\"a\":[1e400]}}}}")),
                _ => (kind.clone(), format!("{{\"type\":\"{kind}\",\"payload\":{{\"b\":1,\"a\":[1e400]}}}}")),
            };
            Body::Unknown { dialect, kind, raw: raw.into() }
        })
        .boxed()
}

fn citation() -> BoxedStrategy<Citation> {
    let url = select(vec!["https://a.example/1", "https://b.example/2"]);
    (url, option::of(text()), option::of(text()), option::of((0u64..5, 5u64..9)))
        .prop_map(|(url, title, quoted, span)| Citation { url: Some(url.into()), title, quoted, span, raw: None })
        .boxed()
}

fn reasoning() -> BoxedStrategy<Body> {
    prop_oneof![
        3 => (text(), option::of(opaque())).prop_map(|(text, proof)| Reasoning { text, proof, redacted: false }),
        1 => opaque().prop_map(|proof| Reasoning { text: String::new(), proof: Some(proof), redacted: true }),
    ]
    .prop_map(Body::Reasoning)
    .boxed()
}

fn arguments() -> BoxedStrategy<String> {
    prop_oneof![
        6 => select(vec!["{}", "{\"b\":1,\"a\":2}", "{ \"n\" : 12345678901234567890 }", "{\"t\":\"\\ud83d\\ude00\"}"]),
        1 => select(vec!["", "null", "[1]", "not json", "{\"a\":"]),
    ]
    .prop_map(str::to_owned)
    .boxed()
}

/// A call to one of the tools `t0`, `t1`, …; the id is numbered later.
fn call() -> BoxedStrategy<ToolCall> {
    let name = prop_oneof![8 => select(vec!["t0", "t1"]), 1 => select(vec!["odd.name", "a name with spaces"])];
    let id = prop_oneof![8 => Just("call_"), 1 => Just("odd:id.")];
    (id, name, arguments(), option::weighted(0.1, opaque()))
        .prop_map(|(id, name, arguments, proof)| ToolCall { id: id.into(), name: name.into(), arguments, proof })
        .boxed()
}

/// What the model says in a turn, in the order that every dialect has, mostly.
fn answer_parts() -> BoxedStrategy<Vec<Part>> {
    let text = prop_oneof![4 => plain(), 1 => (text(), vec(citation(), 1..3)).prop_map(|(text, citations)| Body::Text { text, citations })];
    let call = part(call().prop_map(Body::ToolCall));
    let ordered = (
        vec(part(reasoning()), 0..2),
        vec(part(text), 0..3),
        option::weighted(0.1, part(self::text().prop_map(Body::Refusal))),
        vec(call, 0..3),
    )
        .prop_map(|(reasoning, text, refusal, calls)| {
            reasoning.into_iter().chain(text).chain(refusal).chain(calls).collect()
        });
    let ordered = ordered.prop_filter("says something", |parts: &Vec<Part>| !parts.is_empty()).boxed();
    prop_oneof![
        8 => ordered.clone(),
        1 => (ordered.clone(), part(unknown())).prop_map(|(mut parts, extra)| { parts.push(extra); parts }),
        1 => ordered.prop_shuffle(),
    ]
    .boxed()
}

/// One turn of a conversation, its results without ids.
#[derive(Debug, Clone)]
enum Turn {
    User(Message),
    System(Message),
    Assistant(Message, Vec<(Vec<Part>, Option<bool>)>),
}

fn turn() -> BoxedStrategy<Turn> {
    let message = |role, parts: BoxedStrategy<Vec<Part>>| {
        (parts, option::weighted(0.1, word()), foreign()).prop_map(move |(parts, name, foreign)| Message {
            role,
            parts,
            name,
            foreign,
        })
    };
    let user = prop_oneof![6 => plain(), 2 => media(), 1 => unknown()];
    let user = message(Role::User, vec(part(user), 1..4).boxed());
    let system = message(Role::System, vec(part(plain()), 1..3).boxed());
    let result = (vec(part(prop_oneof![5 => plain().boxed(), 1 => media().boxed()]), 0..3), option::of(any::<bool>()));
    let assistant = message(Role::Assistant, answer_parts().boxed());
    prop_oneof![
        4 => user.prop_map(Turn::User),
        1 => system.prop_map(Turn::System),
        4 => (assistant, vec(result, 3)).prop_map(|(message, results)| Turn::Assistant(message, results)),
    ]
    .boxed()
}

/// Numbers the calls and lets tools answer each of them.
fn conversation(turns: Vec<Turn>) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut calls = 0;
    for turn in turns {
        match turn {
            Turn::User(message) | Turn::System(message) => messages.push(message),
            Turn::Assistant(mut message, results) => {
                let mut answers = Vec::new();
                let mut results = results.into_iter();
                for part in &mut message.parts {
                    if let Body::ToolCall(call) = &mut part.body {
                        call.id.push_str(&calls.to_string());
                        calls += 1;
                        let (content, is_error) = results.next().unwrap_or_default();
                        answers
                            .push(Body::ToolResult(ToolResult { call_id: call.id.clone(), content, is_error }).into());
                    }
                }
                messages.push(message);
                if !answers.is_empty() {
                    messages.push(Message::new(Role::Tool, answers));
                }
            }
        }
    }
    messages
}

/// A name longer than most dialects take.
const LONG_NAME: &str = "a_name_of_more_than_sixty_four_characters_which_some_servers_allow_and_others_refuse";

fn tool(name: &'static str) -> BoxedStrategy<Tool> {
    let function =
        (option::of(text()), option::weighted(0.9, raw_object()), option::of(any::<bool>()), cache(), foreign())
            .prop_map(move |(description, schema, strict, cache, foreign)| {
                Tool::Function(Function { name: name.to_owned(), description, schema, strict, cache, foreign })
            });
    let other = dialect_id().prop_map(|dialect| match dialect {
        DialectId::Gemini | DialectId::BedrockConverse => {
            Tool::Foreign { dialect, kind: "xSearch".into(), raw: r#"{"xSearch":{"max_uses":3}}"#.into() }
        }
        _ => Tool::Foreign {
            dialect,
            kind: "x_search_20250101".into(),
            raw: r#"{"type":"x_search_20250101","name":"x_search","max_uses":3}"#.into(),
        },
    });
    prop_oneof![8 => function, 1 => other].boxed()
}

fn tools() -> BoxedStrategy<(Vec<Tool>, Option<ToolChoice>, Option<bool>)> {
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::Any),
        Just(ToolChoice::None),
        select(vec!["t0", "odd.name"]).prop_map(|name| ToolChoice::Named(name.into())),
        any::<bool>().prop_map(|required| ToolChoice::Allowed { required, names: vec!["t0".into()] }),
    ];
    let odd = prop_oneof![
        3 => Just(Vec::new()),
        1 => (tool("odd.name"), tool(LONG_NAME)).prop_map(|(odd, long)| vec![odd, long]),
    ];
    prop_oneof![
        Just((Vec::new(), None, None)),
        (tool("t0"), option::of(tool("t1")), odd, option::of(choice), option::of(any::<bool>())).prop_map(
            |(first, second, odd, mut choice, parallel)| {
                if odd.is_empty() && matches!(&choice, Some(ToolChoice::Named(name)) if name == "odd.name") {
                    choice = None;
                }
                (std::iter::once(first).chain(second).chain(odd).collect(), choice, parallel)
            }
        ),
    ]
    .boxed()
}

fn sampling() -> BoxedStrategy<Sampling> {
    let rare = || option::weighted(0.15, number());
    let shape = (option::weighted(0.7, 1u64..9000), option::weighted(0.3, number()), rare(), rare(), vec(text(), 0..3));
    let draws = (option::weighted(0.15, select(vec!["7", "1234567890123456789"]).prop_map(Raw::from)), rare(), rare());
    let many = (option::weighted(0.1, 1u64..4), option::weighted(0.1, any::<bool>()), option::weighted(0.1, 0u64..5));
    (shape, draws, many)
        .prop_map(|((max_output, temperature, top_p, top_k, stop), (seed, frequency, presence), many)| {
            let (choices, logprobs, top_logprobs) = many;
            Sampling {
                max_output,
                temperature,
                top_p,
                top_k,
                stop,
                seed,
                frequency_penalty: frequency,
                presence_penalty: presence,
                choices,
                logprobs,
                top_logprobs,
            }
        })
        .boxed()
}

fn format() -> BoxedStrategy<Format> {
    prop_oneof![
        Just(Format::Text),
        Just(Format::JsonObject),
        (option::of(word()), option::of(text()), raw_object(), option::of(any::<bool>()))
            .prop_map(|(name, description, schema, strict)| Format::JsonSchema { name, description, schema, strict }),
    ]
    .boxed()
}

fn effort() -> BoxedStrategy<Effort> {
    prop_oneof![
        select(vec!["minimal", "low", "medium", "high", "xhigh", "max"])
            .prop_map(|level| Effort { level: Some(level.into()), ..Effort::default() }),
        (1024u64..20_000).prop_map(|budget| Effort { enabled: Some(true), budget: Some(budget), ..Effort::default() }),
        Just(Effort { enabled: Some(false), ..Effort::default() }),
        option::of(select(vec!["low", "high"])).prop_map(|level| Effort {
            enabled: Some(true),
            adaptive: true,
            level: level.map(str::to_owned),
            budget: None,
        }),
    ]
    .boxed()
}

/// Any request, in normal form.
pub fn request() -> BoxedStrategy<Request> {
    let talk = (vec(part(plain()), 0..3), turn(), vec(turn(), 0..5));
    let rest = (
        option::weighted(0.2, format()),
        option::weighted(0.3, effort()),
        option::weighted(0.2, word()),
        option::weighted(0.2, select(vec!["auto", "default", "flex", "standard_only"])),
        any::<bool>(),
        foreign(),
    );
    (talk, tools(), sampling(), rest)
        .prop_map(|((system, first, turns), (tools, tool_choice, parallel_tools), sampling, rest)| {
            let (format, effort, user, tier, stream, foreign) = rest;
            Request {
                model: MODEL.to_owned(),
                system,
                messages: conversation(std::iter::once(first).chain(turns).collect()),
                tools,
                tool_choice,
                parallel_tools,
                sampling,
                format,
                effort,
                user,
                tier: tier.map(str::to_owned),
                stream,
                foreign,
            }
            .normalize()
        })
        .boxed()
}

fn finish() -> BoxedStrategy<Finish> {
    prop_oneof![
        select(vec![
            Reason::Stop,
            Reason::Length,
            Reason::ToolUse,
            Reason::ContentFilter,
            Reason::Refusal,
            Reason::Pause,
            Reason::Error,
        ])
        .prop_map(Finish::new),
        word().prop_map(|stop| Finish { stop_sequence: Some(stop), ..Finish::new(Reason::StopSequence) }),
        Just(Finish { raw: Some("x_new_reason".into()), ..Finish::new(Reason::Other) }),
    ]
    .boxed()
}

fn usage() -> BoxedStrategy<Usage> {
    let counts = (0u64..9000, option::of(0u64..500), option::of(0u64..500), 0u64..9000, option::of(0u64..50));
    counts
        .prop_map(|(input, read, write, output, reasoning)| {
            let mut usage = Usage::default();
            usage.source = Source::Reported;
            usage.set(Unit::Input, input);
            usage.put(Unit::CacheRead, read);
            usage.put(Unit::CacheWrite, write);
            usage.set(Unit::Output, output + reasoning.unwrap_or(0));
            usage.put(Unit::Reasoning, reasoning);
            usage
        })
        .boxed()
}

/// Any well-formed answer; parts that only requests have stand in it too.
pub fn any_response() -> BoxedStrategy<Response> {
    let odd = part(prop_oneof![media(), unknown(), plain()]);
    let parts = (answer_parts(), vec(odd, 0..2)).prop_map(|(mut parts, odd)| {
        parts.extend(odd);
        parts
    });
    let empty = Just(Choice::default());
    let choice = (parts, option::weighted(0.9, finish())).prop_map(|(parts, finish)| Choice { parts, finish }).boxed();
    let last = choice.clone();
    let choices =
        (vec(prop_oneof![4 => choice, 1 => empty], 0..3), option::weighted(0.9, last)).prop_map(|(choices, last)| {
            let some = last.is_some();
            choices.into_iter().take(if some { 3 } else { 0 }).chain(last).collect()
        });
    head(choices, prop_oneof![usage(), Just(Usage::default())]).boxed()
}

/// An answer as a model gives one: finished, with usage.
pub fn response() -> BoxedStrategy<Response> {
    let choice = (answer_parts(), finish())
        .prop_map(|(mut parts, mut finish)| {
            let mut calls = 0;
            for part in &mut parts {
                // Only requests mark what is to be cached.
                part.cache = None;
                if let Body::ToolCall(call) = &mut part.body {
                    call.id = format!("call_{calls}");
                    call.name = "t0".to_owned();
                    calls += 1;
                }
            }
            // Calls and their finish reason go together.
            if calls > 0 {
                finish = Finish::new(Reason::ToolUse);
            } else if finish.reason == Reason::ToolUse {
                finish = Finish::new(Reason::Stop);
            }
            Choice { parts, finish: Some(finish) }
        })
        .boxed();
    let many = prop_oneof![6 => vec(choice.clone(), 1), 1 => vec(choice, 2)];
    head(many, usage()).boxed()
}

fn head(
    choices: impl Strategy<Value = Vec<Choice>>,
    usage: impl Strategy<Value = Usage>,
) -> impl Strategy<Value = Response> {
    (
        "[a-z]{2}-[a-z0-9]{6}",
        select(vec![MODEL, "model-x-2026-01-01"]),
        option::of(1_600_000_000u64..1_800_000_000),
        choices,
        usage,
    )
        .prop_map(|(id, model, created, choices, usage)| Response {
            id,
            model: model.to_owned(),
            created,
            choices,
            usage,
        })
}
