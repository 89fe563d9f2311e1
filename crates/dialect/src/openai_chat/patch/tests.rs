#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use bytes::Bytes;

use super::*;
use crate::openai_chat::peek::peek;
use crate::quirk::Quirks;

fn patched(body: &str, quirks: &[Quirk], openrouter: bool) -> (String, Vec<String>, bool) {
    let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON");
    let quirks: Quirks = quirks.iter().copied().collect();
    let to = Target { model: "m", quirks, openrouter, ..Target::default() };
    let patch = patch(&document, &peek(&document).expect("a peek"), &to);
    let text = String::from_utf8(document.edit(&patch.edits).to_vec()).expect("UTF-8");
    (text, patch.losses.iter().map(ToString::to_string).collect(), patch.hold_usage)
}

#[test]
fn nothing_to_change_changes_nothing() {
    let body = r#" { "messages" : [ ] , "model":"m", "x": 1e400 } "#;
    assert_eq!(patched(body, &[], false), (body.to_owned(), vec![], false));
}

#[test]
fn streams_ask_for_usage() {
    for (body, quirks, out, hold) in [
        (
            r#"{"model":"a","messages":[],"stream":true}"#,
            &[][..],
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
            true,
        ),
        (
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_obfuscation":false}}"#,
            &[],
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}"#,
            true,
        ),
        (
            r#"{"model":"m","messages":[],"stream":true,"stream_options":null}"#,
            &[],
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
            true,
        ),
        (
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
            &[],
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
            false,
        ),
        (
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
            &[Quirk::NoStreamOptions],
            r#"{"model":"m","messages":[],"stream":true}"#,
            false,
        ),
        (
            r#"{"model":"m","messages":[],"stream":true}"#,
            &[Quirk::NoStreamOptions],
            r#"{"model":"m","messages":[],"stream":true}"#,
            true,
        ),
    ] {
        assert_eq!(patched(body, quirks, false), (out.to_owned(), vec![], hold), "{body}");
    }
}

#[test]
fn our_own_members_stay_here() {
    let body = r#"{"model":"m","messages":[],"provider":{},"models":["a"],"usage":{"include":true}}"#;
    assert_eq!(patched(body, &[], false), (r#"{"model":"m","messages":[]}"#.to_owned(), vec![], false));
    assert_eq!(patched(body, &[], true).0, body);
    let other = r#"{"model":"m","messages":[],"usage":{"theirs":1}}"#;
    assert_eq!(patched(other, &[], false).0, other);
}

#[test]
fn each_quirk_takes_out_what_it_names() {
    for (quirk, members, out, losses) in [
        (Quirk::NoLogprobs, r#""logprobs":true,"top_logprobs":2"#, "", &["logprobs", "top_logprobs"][..]),
        (Quirk::NoLogprobs, r#""logprobs":false"#, "", &[]),
        (Quirk::NoN, r#""n":2"#, "", &["n"]),
        (Quirk::NoN, r#""n":1"#, "", &[]),
        (Quirk::NoN, r#""n":null"#, "", &[]),
        (Quirk::NoPenalties, r#""frequency_penalty":0.5,"presence_penalty":0"#, "", &["frequency_penalty"]),
        (Quirk::NoLogitBias, r#""logit_bias":{"1":2}"#, "", &["logit_bias"]),
        (Quirk::NoParallelToolCalls, r#""parallel_tool_calls":false"#, "", &["parallel_tool_calls"]),
        (Quirk::NoToolChoice, r#""tool_choice":"required""#, "", &["tool_choice"]),
        (Quirk::NoToolChoice, r#""tool_choice":"auto""#, r#","tool_choice":"auto""#, &[]),
        (Quirk::NoToolChoice, r#""tool_choice":{"type":"function","function":{"name":"f"}}"#, "", &["tool_choice"]),
        (Quirk::ToolChoiceAny, r#""tool_choice":"auto""#, r#","tool_choice":"auto""#, &[]),
        (
            Quirk::JsonObjectOnly,
            r#""response_format":{"type":"json_object"}"#,
            r#","response_format":{"type":"json_object"}"#,
            &[],
        ),
        (Quirk::NoSampling, r#""temperature":0.2,"top_p":1,"top_k":null"#, "", &["temperature"]),
        (Quirk::MaxTokensOnly, r#""max_completion_tokens":9"#, r#","max_tokens":9"#, &[]),
        (Quirk::MaxCompletionTokensOnly, r#""max_tokens":9"#, r#","max_completion_tokens":9"#, &[]),
        (
            Quirk::MaxCompletionTokensOnly,
            r#""max_tokens":9,"max_completion_tokens":8"#,
            r#","max_completion_tokens":8"#,
            &[],
        ),
        (Quirk::RandomSeed, r#""seed":1234567890123456789"#, r#","random_seed":1234567890123456789"#, &[]),
        (Quirk::ToolChoiceAny, r#""tool_choice":"required""#, r#","tool_choice":"any""#, &[]),
    ] {
        let (text, lost, _) = patched(&format!(r#"{{"model":"m","messages":[],{members}}}"#), &[quirk], false);
        assert_eq!(text, format!(r#"{{"model":"m","messages":[]{out}}}"#), "{quirk:?} {members}");
        let losses: Vec<String> = losses.iter().map(|what| format!("dropped {what} at {what}")).collect();
        assert_eq!(lost, losses, "{quirk:?} {members}");
    }
}

#[test]
fn forms_and_messages_are_edited() {
    let body = r#"{"model":"m","messages":[{"role":"developer","content":"a"},{"role":"user","name":"n","content":"b"}],"response_format":{"type":"json_schema","json_schema":{}}}"#;
    let (text, lost, _) =
        patched(body, &[Quirk::JsonObjectOnly, Quirk::SystemNotDeveloper, Quirk::NoMessageName], false);
    assert_eq!(
        text,
        r#"{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}],"response_format":{"type":"json_object"}}"#
    );
    let spaced = r#"{"model":"m","messages": [ {"role":"user" , "x":1e400} ,{ "name":null, "role":"user" }, {"name":"f","role":"function"},
 7, {"role" : "developer","role":1}, {"n":{"name":"q"},"name":"z"} ] }"#;
    let (text, told, _) = patched(spaced, &[Quirk::SystemNotDeveloper, Quirk::NoMessageName], false);
    let expected = spaced.replace(r#" "name":null,"#, "").replace(r#","name":"z""#, "");
    assert_eq!((text, told), (expected, vec!["dropped name at messages[5].name".to_owned()]));
    assert_eq!(lost, ["approximated json_schema at response_format", "dropped name at messages[1].name"]);
}

#[test]
fn many_messages_take_one_pass() {
    let messages = vec![r#"{"name":"n"}"#; 50_000].join(",");
    let body = format!(r#"{{"model":"m","messages":[{messages}]}}"#);
    let (text, lost, _) = patched(&body, &[Quirk::NoMessageName], false);
    assert_eq!(text, format!(r#"{{"model":"m","messages":[{}]}}"#, vec!["{}"; 50_000].join(",")));
    assert_eq!(lost.len(), 50_000);
}

#[test]
fn ids_of_other_servers_become_nine_letters_everywhere_alike() {
    let call = |id: &str| format!(r#"{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#);
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{},{}]}},{{"role":"tool","tool_call_id":"call_abc","content":"1"}}]}}"#,
        call("EscTeQY62"),
        call("call_abc")
    );
    let (out, losses, _) = patched(&body, &[Quirk::NineCharIds], false);
    let mut ids = Names::new(true);
    let sent = ids.id("call_abc");
    assert!(sent.len() == 9 && losses.is_empty());
    assert_eq!(out, body.replace("call_abc", &sent));
    assert_eq!(patched(&body, &[Quirk::NineCharIds], false).0, out, "the same in every request");
}

#[test]
fn words_that_only_some_servers_take() {
    for (quirk, body, out, lost) in [
        (
            Quirk::Prefix,
            r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","prefix":true}]}"#,
            None,
        ),
        (
            Quirk::Prefix,
            r#"{"model":"m","messages":[{"role":"assistant","content":"b"},{"role":"user","content":"a"}]}"#,
            r#"{"model":"m","messages":[{"role":"assistant","content":"b"},{"role":"user","content":"a"}]}"#,
            None,
        ),
        (
            Quirk::EffortHighOrNone,
            r#"{"model":"m","messages":[],"reasoning_effort":"low"}"#,
            r#"{"model":"m","messages":[],"reasoning_effort":"high"}"#,
            Some("approximated reasoning_effort at reasoning_effort"),
        ),
        (
            Quirk::EffortHighOrNone,
            r#"{"model":"m","messages":[],"reasoning_effort":"none"}"#,
            r#"{"model":"m","messages":[],"reasoning_effort":"none"}"#,
            None,
        ),
        (
            Quirk::NoForcedChoiceThinking,
            r#"{"model":"m","messages":[],"thinking":{"type":"enabled"},"tool_choice":"required"}"#,
            r#"{"model":"m","messages":[],"thinking":{"type":"enabled"}}"#,
            Some("dropped tool_choice at tool_choice"),
        ),
        (
            Quirk::NoForcedChoiceThinking,
            r#"{"model":"m","messages":[],"thinking":{"type":"disabled"},"tool_choice":"required"}"#,
            r#"{"model":"m","messages":[],"thinking":{"type":"disabled"},"tool_choice":"required"}"#,
            None,
        ),
    ] {
        let (patched, losses, _) = patched(body, &[quirk], false);
        assert_eq!((patched.as_str(), losses.first().map(String::as_str)), (out, lost));
    }
}
