#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Effort, Message, Role};
use crate::target::Control;
use wire::json::Json;

fn written(messages: Vec<Message>, quirks: &[Quirk]) -> (String, Vec<String>) {
    sent(&Request { messages, ..Request::default() }, quirks, Control::None)
}

/// The body behind `{"model":"m",` and the losses.
fn sent(asked: &Request, quirks: &[Quirk], reasoning: Control) -> (String, Vec<String>) {
    let quirks = quirks.iter().copied().collect();
    let out = request(asked, &Target { model: "m", quirks, reasoning, ..Target::default() }).unwrap();
    Json::parse(&out.body).expect("what is written is JSON");
    let body = out.body.strip_prefix(r#"{"model":"m","messages":"#).unwrap().to_owned();
    (body, out.losses.iter().map(ToString::to_string).collect())
}

fn asks() -> Request {
    Request { messages: vec![Message::new(Role::User, vec![Part::text("hi")])], ..Request::default() }
}

fn thought(dialect: DialectId) -> Part {
    let proof = Opaque { origin: Origin { dialect, model: "m".to_owned() }, data: "S".to_owned() };
    Body::Reasoning(Reasoning { text: "hm".to_owned(), proof: Some(proof), redacted: false }).into()
}

#[test]
fn a_turn_with_tools() {
    let (id, name) = ("toolu_1".to_owned(), "f.g".to_owned());
    let image = Media {
        kind: MediaKind::Image,
        source: MediaSource::Base64 { media_type: "image/png".to_owned(), data: "QUJD".to_owned() },
        name: None,
        detail: None,
    };
    let content = vec![Part::text("one"), Body::Media(image).into()];
    let messages = vec![
        Message::new(
            Role::Assistant,
            vec![Body::ToolCall(ToolCall { id: id.clone(), name, arguments: String::new(), proof: None }).into()],
        ),
        Message::new(
            Role::Tool,
            vec![Body::ToolResult(ToolResult { call_id: id, content, is_error: Some(true) }).into()],
        ),
    ];
    let (body, losses) = written(messages, &[]);
    assert_eq!(
        body,
        concat!(
            r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"toolu_1","type":"function","#,
            r#""function":{"name":"f_g","arguments":"{}"}}]},"#,
            r#"{"role":"tool","tool_call_id":"toolu_1","content":"one"},"#,
            r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]}]}"#
        )
    );
    assert_eq!(
        losses,
        [
            "approximated image at messages[1].content[0].content[1]",
            "dropped is_error at messages[1].content[0]",
            "approximated message order at messages",
        ]
    );
}

#[test]
fn reasoning_goes_where_it_is_taken() {
    let turn = |dialect| vec![Message::new(Role::Assistant, vec![thought(dialect), Part::text("so")])];
    let claude = DialectId::AnthropicMessages;
    for (quirk, dialect, expected, loss) in [
        (None, HERE, r#"[{"role":"assistant","content":"so"}]}"#, Some("reasoning")),
        (
            Some(Quirk::ReasoningContent),
            claude,
            r#"[{"role":"assistant","reasoning_content":"hm","content":"so"}]}"#,
            Some("signature"),
        ),
        (
            Some(Quirk::ReasoningDetails),
            claude,
            r#"[{"role":"assistant","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"S","format":"anthropic-claude-v1"}],"content":"so"}]}"#,
            None,
        ),
        (
            Some(Quirk::ThinkingLists),
            HERE,
            r#"[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"so"}]}]}"#,
            Some("signature"),
        ),
    ] {
        let (body, losses) = written(turn(dialect), quirk.as_slice());
        assert_eq!(body, expected);
        let loss: Vec<String> = loss.iter().map(|what| format!("dropped {what} at messages[0].content[0]")).collect();
        assert_eq!(losses, loss, "{quirk:?}");
    }
}

#[test]
fn effort_in_the_words_of_the_server() {
    let level = Effort { level: Some("low".to_owned()), ..Effort::default() };
    let budget = Effort { enabled: Some(true), budget: Some(4000), ..Effort::default() };
    let off = Effort { enabled: Some(false), ..Effort::default() };
    for (effort, quirk, control, expected, loss) in [
        (&level, None, Control::None, r#""reasoning_effort":"low""#, None),
        (&budget, None, Control::Effort, r#""reasoning_effort":"medium""#, Some("approximated")),
        (&budget, None, Control::None, "", Some("dropped")),
        (&off, None, Control::Effort, "", Some("dropped")),
        (
            &budget,
            Some(Quirk::ReasoningObject),
            Control::None,
            r#""reasoning":{"max_tokens":4000,"enabled":true}"#,
            None,
        ),
        (&off, Some(Quirk::ReasoningObject), Control::None, r#""reasoning":{"enabled":false}"#, None),
        (&off, Some(Quirk::ThinkingObject), Control::None, r#""thinking":{"type":"disabled"}"#, None),
        (
            &budget,
            Some(Quirk::EnableThinking),
            Control::Budget,
            r#""enable_thinking":true,"thinking_budget":4000"#,
            None,
        ),
    ] {
        let asked = Request { effort: Some(effort.clone()), ..asks() };
        let (body, losses) = sent(&asked, quirk.as_slice(), control);
        let rest = body.strip_prefix(r#"[{"role":"user","content":"hi"}]"#).unwrap();
        assert_eq!(rest.trim_start_matches(',').trim_end_matches('}'), expected.trim_end_matches('}'));
        let loss: Vec<String> = loss.iter().map(|how| format!("{how} reasoning at reasoning")).collect();
        assert_eq!(losses, loss, "{quirk:?} {control:?}");
    }
}

#[test]
fn quirks_refuse_with_a_loss() {
    let mut asked = asks();
    asked.stream = true;
    asked.sampling.max_output = Some(9);
    asked.sampling.temperature = Some("0.5".into());
    asked.sampling.top_k = Some("4".into());
    asked.sampling.seed = Some("7".into());
    asked.sampling.choices = Some(2);
    asked.tier = Some("batch".to_owned());
    let quirks =
        [Quirk::MaxCompletionTokensOnly, Quirk::NoSampling, Quirk::RandomSeed, Quirk::NoN, Quirk::NoStreamOptions];
    let (body, losses) = sent(&asked, &quirks, Control::None);
    assert!(body.ends_with(r#","max_completion_tokens":9,"random_seed":7,"stream":true}"#), "{body}");
    let dropped = ["temperature", "top_k", "n", "service_tier"].map(|what| format!("dropped {what} at {what}"));
    assert_eq!(losses, dropped);
    let (body, _) = sent(&asked, &[], Control::None);
    assert!(body.ends_with(r#""stream":true,"stream_options":{"include_usage":true}}"#), "{body}");
}

#[test]
fn nothing_to_say_is_a_fault() {
    let fault = request(&Request::default(), &Target::default()).unwrap_err();
    assert_eq!(fault.path.as_deref(), Some("messages"));
}

#[test]
fn a_message_to_go_on_with_and_levels_as_the_server_has_them() {
    let turns = vec![
        Message::new(Role::Assistant, vec![Part::text("a")]),
        Message::new(Role::User, vec![Part::text("b")]),
        Message::new(Role::Assistant, vec![Part::text("c")]),
    ];
    let (body, losses) = written(turns, &[Quirk::Prefix]);
    assert!(body.ends_with(r#"{"role":"assistant","prefix":true,"content":"c"}]}"#), "{body}");
    assert_eq!((body.matches("prefix").count(), losses.len()), (1, 0));
    for (level, enabled, word, lost) in
        [(Some("high"), None, "high", 0), (Some("low"), None, "high", 1), (None, Some(false), "none", 0)]
    {
        let effort = Effort { level: level.map(str::to_owned), enabled, ..Effort::default() };
        let (body, losses) =
            sent(&Request { effort: Some(effort), ..asks() }, &[Quirk::EffortHighOrNone], Control::None);
        assert!(body.ends_with(&format!(r#""reasoning_effort":"{word}"}}"#)), "{body}");
        assert_eq!(losses.len(), lost, "{losses:?}");
    }
}

#[test]
fn a_choice_is_not_forced_on_a_model_that_thinks() {
    let tool = Function {
        name: "f".to_owned(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
        foreign: Default::default(),
    };
    for (enabled, word) in [(true, "auto"), (false, "required")] {
        let request = Request {
            tools: vec![Tool::Function(tool.clone())],
            tool_choice: Some(ToolChoice::Any),
            effort: Some(Effort { enabled: Some(enabled), ..Effort::default() }),
            ..asks()
        };
        let (body, losses) = sent(&request, &[Quirk::NoForcedChoiceThinking, Quirk::ThinkingObject], Control::None);
        assert!(body.contains(&format!(r#""tool_choice":"{word}""#)), "{body}");
        assert_eq!(losses.len(), usize::from(enabled));
    }
}
