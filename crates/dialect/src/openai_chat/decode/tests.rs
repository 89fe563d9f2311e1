#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use bytes::Bytes;

use super::*;
use crate::ir::finish::Reason;
use crate::ir::fold::fold;
use crate::ir::grammar::Grammar;
use crate::ir::part::{Body, Part};
use crate::ir::response::Response;
use crate::openai_chat::answer;
use crate::usage::Unit;

fn target(quirks: &[Quirk]) -> Target<'static> {
    Target { provider: "p", model: "m", quirks: quirks.iter().copied().collect(), ..Target::default() }
}

/// Decodes frames given as their data, and holds the result against the grammar.
fn events(frames: &[&str], quirks: &[Quirk], undo: Undo) -> (Vec<Event>, Vec<Loss>) {
    let mut decoder = ChatDecoder::new(undo, &target(quirks));
    let mut out = Vec::new();
    for data in frames {
        let data = Bytes::from((*data).to_owned());
        decoder.push(&Frame { event: None, data: Some(data.clone()), raw: data }, &mut out);
    }
    decoder.finish(&mut out);
    assert_eq!(Grammar::check(&out), Ok(()), "{out:?}");
    (out, decoder.take_losses())
}

fn chunk(delta: &str) -> String {
    format!(r#"{{"id":"c1","model":"m-1","created":7,"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

fn finished(word: &str) -> String {
    format!(r#"{{"id":"c1","choices":[{{"index":0,"delta":{{}},"finish_reason":"{word}"}}]}}"#)
}

/// The answer of a stream of these deltas that ends with this word.
fn said(deltas: &[&str], word: &str, quirks: &[Quirk], undo: Undo) -> Response {
    let mut frames: Vec<String> = deltas.iter().map(|delta| chunk(delta)).collect();
    frames.extend([finished(word), "[DONE]".to_owned()]);
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
    fold(events(&frames, quirks, undo).0).unwrap()
}

/// Parts as short lines: kind and what it says.
fn lines(parts: &[Part]) -> Vec<String> {
    let line = |part: &Part| match &part.body {
        Body::Text { text, citations } if citations.is_empty() => format!("text {text}"),
        Body::Text { text, citations } => format!("text {text} {}", citations[0].url.as_deref().unwrap_or("-")),
        Body::Reasoning(own) => match &own.proof {
            Some(proof) => format!("reasoning {} {} {}", own.text, own.redacted, proof.data),
            None => format!("reasoning {}", own.text),
        },
        Body::ToolCall(call) => format!("call {} {} {}", call.id, call.name, call.arguments),
        Body::Refusal(text) => format!("refusal {text}"),
        Body::Unknown { kind, raw, .. } => format!("{kind} {}", raw.as_str()),
        Body::Media(media) => format!("{:?} {:?}", media.kind, media.source),
        Body::ToolResult(_) => panic!("no result in an answer"),
    };
    parts.iter().map(line).collect()
}

type Row = (&'static str, &'static [&'static str], &'static [Quirk], &'static [&'static str]);

const CONTENT: &[Row] = &[
    ("text", &[r#"{"role":"assistant","content":""}"#, r#"{"content":"a"}"#, r#"{"content":"b"}"#], &[], &["text ab"]),
    ("a pair of surrogates cut in two", &[r#"{"content":"x\ud83d"}"#, r#"{"content":"\ude00y"}"#], &[], &["text x😀y"]),
    (
        "reasoning, then text, then reasoning",
        &[r#"{"reasoning_content":"r"}"#, r#"{"content":"t"}"#, r#"{"reasoning":"s"}"#],
        &[],
        &["reasoning r", "text t", "reasoning s"],
    ),
    (
        "details with a signature beside the same reasoning in plain",
        &[
            r#"{"content":"","reasoning":"h","reasoning_details":[{"type":"reasoning.text","text":"h","index":0}]}"#,
            r#"{"reasoning":"m","reasoning_details":[{"type":"reasoning.text","text":"m","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","signature":"S","format":"f","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"D","index":1}]}"#,
        ],
        &[],
        &[
            r#"reasoning hm false {"type":"reasoning.text","signature":"S","format":"f","index":0}"#,
            r#"reasoning  true {"type":"reasoning.encrypted","data":"D","index":1}"#,
        ],
    ),
    (
        "content as a list",
        &[
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]}]}"#,
            r#"{"content":[{"type":"text","text":"t"},{"type":"new","x":1}]}"#,
        ],
        &[],
        &["reasoning r", "text t", r#"new {"type":"new","x":1}"#],
    ),
    (
        "tags",
        &[r#"{"content":"<thi"}"#, r#"{"content":"nk>r</think>\n"}"#, r#"{"content":"t"}"#],
        &[Quirk::ThinkTags],
        &["reasoning r", "text t"],
    ),
    (
        "tags where there are none to look for",
        &[r#"{"content":"<think>r</think>t"}"#],
        &[],
        &["text <think>r</think>t"],
    ),
    (
        "calls by index, cut",
        &[
            r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#,
        ],
        &[],
        &[r#"call a f {"x":1}"#, "call b g {}"],
    ),
    (
        "calls without an index, an id, or with one index for all",
        &[
            r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"name":"g","arguments":"{}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"name":"g","arguments":"{}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"z","function":{"name":"g","arguments":{"o":1}}}]}"#,
        ],
        &[],
        &["call a f {}", "call b f {}", "call call_c1_2 g {}", "call call_c1_3 g {}", r#"call z g {"o":1}"#],
    ),
    (
        "the old form, and members that say nothing",
        &[
            r#"{"function_call":{"name":"","arguments":""},"audio":{"data":""},"tool_calls":null}"#,
            r#"{"function_call":{"name":"f","arguments":"{"}}"#,
            r#"{"function_call":{"arguments":"}"}}"#,
        ],
        &[],
        &["call call_c1_0 f {}"],
    ),
    (
        "a custom tool",
        &[
            r#"{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"c","input":"x"}}]}"#,
            r#"{"tool_calls":[{"index":0,"custom":{"input":"y"}}]}"#,
        ],
        &[],
        &[r#"custom {"id":"a","type":"custom","custom":{"name":"c","input":"xy"}}"#],
    ),
    (
        "annotations and images",
        &[
            r#"{"content":"t"}"#,
            r#"{"annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"T","start_index":0,"end_index":1}}]}"#,
            r#"{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]}"#,
        ],
        &[],
        &["text t u", r#"Image Base64 { media_type: "image/png", data: "QUJD" }"#],
    ),
    (
        "sound with what it says",
        &[
            r#"{"audio":{"id":"a","transcript":"he"}}"#,
            r#"{"audio":{"data":"T2dn"}}"#,
            r#"{"audio":{"transcript":"y","data":"U1"}}"#,
        ],
        &[],
        &["text hey", r#"Audio Base64 { media_type: "audio/ogg", data: "T2dnU1" }"#],
    ),
];

#[test]
fn deltas_say_their_parts() {
    for (name, deltas, quirks, expected) in CONTENT {
        let response = said(deltas, "stop", quirks, Undo::default());
        assert_eq!((&*response.id, &*response.model, response.created), ("c1", "m-1", Some(7)), "{name}");
        assert_eq!(lines(&response.choices[0].parts), *expected, "{name}");
    }
}

#[test]
fn finish_is_read_in_view_of_what_was_said() {
    let call = r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"k\":1}"}}]}"#;
    let form = Undo { format_tool: Some("f".into()), ..Undo::default() };
    let named = Undo { ids: vec![("a".into(), "A".into())], names: vec![("f".into(), "F".into())], format_tool: None };
    for (delta, word, undo, reason, line) in [
        (r#"{"content":"t"}"#, "eos_token", Undo::default(), Reason::Stop, "text t"),
        (r#"{"content":"t"}"#, "model_length", Undo::default(), Reason::Length, "text t"),
        (r#"{"content":"t"}"#, "insufficient_system_resource", Undo::default(), Reason::Error, "text t"),
        (r#"{"refusal":"no"}"#, "stop", Undo::default(), Reason::Refusal, "refusal no"),
        (call, "stop", Undo::default(), Reason::ToolUse, r#"call a f {"k":1}"#),
        (call, "tool_calls", form, Reason::Stop, r#"text {"k":1}"#),
        (call, "tool_calls", named, Reason::ToolUse, r#"call A F {"k":1}"#),
    ] {
        let response = said(&[delta], word, &[], undo);
        assert_eq!(response.choices[0].finish.as_ref().unwrap().reason, reason, "{delta} {word}");
        assert_eq!(lines(&response.choices[0].parts), [line]);
    }
}

#[test]
fn streams_end_as_they_should() {
    let (text, done) = (chunk(r#"{"content":"t"}"#), finished("stop"));
    let usage = r#"{"id":"c1","model":"m-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5},"service_tier":"flex"}"#;
    let groq = r#"{"id":"c1","choices":[],"x_groq":{"usage":{"prompt_tokens":4,"completion_tokens":2}}}"#;
    let azure = r#"{"id":"","model":"","created":0,"choices":[],"prompt_filter_results":[]}"#;
    let error = r#"{"id":"c1","error":{"code":429,"message":"slow"},"choices":[]}"#;
    let inner = r#"{"choices":[{"index":0,"delta":{},"error":{"code":502,"message":"gone"}}]}"#;
    let far = r#"{"choices":[{"index":4294967295,"delta":{"content":"t"}}]}"#;
    type Row<'a> = (&'a [&'a str], &'a [Quirk], Result<u64, Outcome>);
    let rows: &[Row<'_>] = &[
        (&[azure, &text, &done, usage, "[DONE]", "junk"], &[], Ok(3)),
        (&[usage, &text, groq, &done, &done, "", " [DONE] "], &[], Ok(4)),
        (&[&text, usage, &done], &[Quirk::NoDone], Ok(3)),
        (&[&text, usage, &done], &[], Err(Outcome::Truncated)),
        (&[&text], &[Quirk::NoDone], Err(Outcome::Truncated)),
        (&[], &[Quirk::NoDone], Err(Outcome::Truncated)),
        (&[&text, error, &text, "[DONE]"], &[], Err(Outcome::RateLimited)),
        (&[&text, inner], &[], Err(Outcome::ServerError)),
        (&[&text, "{"], &[], Err(Outcome::BadAnswer)),
        (&[far, "[DONE]"], &[], Err(Outcome::BadAnswer)),
        (&["[DONE]"], &[], Err(Outcome::BadAnswer)),
    ];
    for (frames, quirks, expected) in rows {
        let (events, _) = events(frames, quirks, Undo::default());
        let read = fold(events).map(|response| {
            assert_eq!((&*response.id, &*response.model), ("c1", "m-1"));
            response.usage.get(Unit::Input).unwrap()
        });
        assert_eq!(read.map_err(|fault| fault.outcome), *expected, "{frames:?}");
    }
}

#[test]
fn an_error_event_is_a_fault_whatever_it_holds() {
    let mut decoder = ChatDecoder::new(Undo::default(), &target(&[]));
    let (mut out, data) = (Vec::new(), Bytes::from_static(b"broken"));
    let frame = Frame { event: Some(Bytes::from_static(b"error")), data: Some(data.clone()), raw: data };
    decoder.push(&frame, &mut out);
    decoder.finish(&mut out);
    assert!(matches!(out.as_slice(), [Event::Fault(_)]), "{out:?}");
}

#[test]
fn a_whole_answer_says_what_its_stream_says() {
    let message = r#"{"role":"assistant","content":"t","reasoning":"r","refusal":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"f","arguments":"{}"}}]}"#;
    let body = format!(
        r#"{{"id":"c1","model":"m-1","created":7,"service_tier":"flex","choices":[{{"index":0,"message":{message},"logprobs":{{"content":[]}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":3,"completion_tokens":1}}}}"#
    );
    let read = answer::read(Json::parse(&body).unwrap(), &Undo::default(), &target(&[])).unwrap();
    assert_eq!(
        lines(&read.value.choices[0].parts),
        ["reasoning r", "text t", "call call_c1_0 f {}", "call call_c1_1 f {}"]
    );
    assert_eq!(read.value.choices[0].finish.as_ref().unwrap().reason, Reason::ToolUse);
    assert_eq!(read.losses, [Loss::dropped("logprobs", "choices[0]")]);
    assert_eq!((read.value.usage.get(Unit::Input), read.value.usage.tier.as_deref()), (Some(3), Some("flex")));
    for (body, outcome) in [
        (r#"{"error":{"message":"x","code":429}}"#, Outcome::RateLimited),
        ("{}", Outcome::BadAnswer),
        ("[]", Outcome::BadAnswer),
    ] {
        let fault = answer::read(Json::parse(body).unwrap(), &Undo::default(), &target(&[])).unwrap_err();
        assert_eq!(fault.outcome, outcome, "{body}");
    }
}

#[test]
fn what_was_found_on_the_web_is_cited_once() {
    // Perplexity repeats it at the top of every chunk.
    let frames = [
        r#"{"id":"c","citations":["https://a/1"],"choices":[{"index":0,"delta":{"content":"x"}}]}"#,
        r#"{"id":"c","citations":["https://a/1","https://a/2"],"search_results":[{"title":"t","url":"https://a/1","snippet":"s"}],"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    ];
    let quirks = [Quirk::NoDone, Quirk::SearchResults];
    let answer = fold(events(&frames, &quirks, Undo::default()).0).unwrap();
    let Body::Text { citations, .. } = &answer.choices[0].parts[0].body else { panic!("text") };
    let [one] = citations.as_slice() else { panic!("one citation: {citations:?}") };
    assert_eq!((one.title.as_deref(), one.quoted.as_deref()), (Some("t"), Some("s")));
    let bare = fold(events(&[frames[0], &finished("stop"), "[DONE]"], &quirks, Undo::default()).0).unwrap();
    assert_eq!(lines(&bare.choices[0].parts), ["text x https://a/1"]);
    // Other servers' members of these names are none of ours.
    let other = fold(events(&[frames[0], &finished("stop"), "[DONE]"], &[], Undo::default()).0).unwrap();
    assert_eq!(lines(&other.choices[0].parts), ["text x"]);
}

#[test]
fn groqs_word_for_a_stream_that_was_stopped() {
    let frames =
        [&*chunk(r#"{"content":"x"}"#), r#"{"id":"c","choices":[],"x_groq":{"id":"r","error":"over capacity"}}"#];
    let Some(Event::Fault(fault)) = events(&frames, &[], Undo::default()).0.pop() else { panic!("no fault") };
    assert_eq!(fault.message, "over capacity");
}
