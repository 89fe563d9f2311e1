#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::foreign::Raw;
use crate::ir::part::Body;
use bytes::Bytes;

fn of(text: &str) -> Result<Lossy<Request>, Fault> {
    read(&Document::parse(Bytes::from(text.to_owned())).unwrap())
}

#[test]
fn a_request_with_everything() {
    let request = of(r#"{"model":"m","max_tokens":9,"temperature":0.50,"top_p":1e-1,"top_k":4,
        "stop_sequences":["a","b"],"stream":true,"metadata":{"user_id":"u","team":"t"},
        "service_tier":"standard_only","thinking":{"type":"enabled","budget_tokens":2000,"display":"omitted"},
        "output_config":{"effort":"high","format":{"type":"json_schema","schema":{"z":1,"a":2}},"task_budget":1},
        "system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"container":null,
        "provider":{},"models":[],"usage":{"include":true},"mcp_servers":[],
        "tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"defer_loading":true},
                 {"type":"web_search_20250305","name":"web_search"}],
        "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
        "messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[]},{"role":"system","content":"s"}]}"#)
    .unwrap();
    assert!(request.losses.is_empty());
    let request = request.value;
    assert_eq!((request.model.as_str(), request.stream), ("m", true));
    let sampling = &request.sampling;
    assert_eq!(sampling.max_output, Some(9));
    let raw = |value: &Option<Raw>| value.as_ref().unwrap().as_str().to_owned();
    let numbers = [raw(&sampling.temperature), raw(&sampling.top_p), raw(&sampling.top_k)];
    assert_eq!(numbers, ["0.50", "1e-1", "4"]);
    assert_eq!(sampling.stop, ["a", "b"]);
    assert_eq!((request.user.as_deref(), request.tier.as_deref()), (Some("u"), Some("default")));
    let effort = Effort { enabled: Some(true), level: Some("high".to_owned()), budget: Some(2000), adaptive: false };
    assert_eq!(request.effort, Some(effort));
    let Some(Format::JsonSchema { schema, .. }) = &request.format else { panic!("a schema") };
    assert_eq!(schema.as_str(), r#"{"z":1,"a":2}"#);
    assert_eq!(request.system[0].cache.as_ref().unwrap().as_str(), r#"{"type":"ephemeral"}"#);
    let foreign: Vec<&str> = request.foreign.iter().map(|(_, key, _)| key).collect();
    assert_eq!(foreign, ["metadata.team", "thinking.display", "output_config.task_budget", "mcp_servers"]);
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".to_owned())));
    assert_eq!(request.parallel_tools, Some(false));
    let [Tool::Function(function), Tool::Foreign { kind, .. }] = request.tools.as_slice() else { panic!("two tools") };
    assert_eq!((function.strict, kind.as_str()), (Some(true), "web_search_20250305"));
    assert_eq!(function.foreign.iter().next(), Some((HERE, "defer_loading", "true")));
    let roles: Vec<(Role, usize)> = request.messages.iter().map(|each| (each.role, each.parts.len())).collect();
    assert_eq!(roles, [(Role::User, 1), (Role::Assistant, 0), (Role::System, 1)]);
}

#[test]
fn older_and_adaptive_spellings() {
    let request = of(r#"{"model":"m","messages":[],"thinking":{"type":"adaptive"},
        "output_format":{"type":"json_schema","schema":{}},"tool_choice":{"type":"none"}}"#);
    let request = request.unwrap().value;
    assert!(request.effort.unwrap().adaptive);
    assert!(matches!(request.format, Some(Format::JsonSchema { strict: Some(true), .. })));
    assert_eq!((request.tool_choice, request.parallel_tools), (Some(ToolChoice::None), None));
    let request = of(r#"{"model":"m","messages":[],"thinking":{"type":"new"}}"#).unwrap().value;
    assert_eq!((request.effort, request.foreign.iter().next()), (None, Some((HERE, "thinking", r#"{"type":"new"}"#))));
    let request = of(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"u"}}]}]}]}"#,
    );
    let Body::ToolResult(result) = &request.unwrap().value.messages[0].parts[0].body.clone() else {
        panic!("a result")
    };
    assert!(matches!(result.content[0].body, Body::Media(_)));
}

#[test]
fn faults_name_their_path() {
    for (more, path) in [
        (r#""messages":{}"#, "messages"),
        (r#""messages":[7]"#, "messages[0]"),
        (r#""messages":[{"content":"x"}]"#, "messages[0].role"),
        (r#""messages":[{"role":"tool","content":"x"}]"#, "messages[0].role"),
        (r#""messages":[{"role":"user"}]"#, "messages[0].content"),
        (r#""messages":[{"role":"user","content":5}]"#, "messages[0].content"),
        (
            r#""messages":[{"role":"user","content":"x"},{"role":"user","content":[{"text":"x"}]}]"#,
            "messages[1].content[0].type",
        ),
        (r#""messages":[],"system":5"#, "system"),
        (r#""messages":[],"max_tokens":-1"#, "max_tokens"),
        (r#""messages":[],"temperature":"hot""#, "temperature"),
        (r#""messages":[],"stop_sequences":[1]"#, "stop_sequences[0]"),
        (r#""messages":[],"stop_sequences":"x""#, "stop_sequences"),
        (r#""messages":[],"tools":[1]"#, "tools[0]"),
        (r#""messages":[],"tools":[{"input_schema":{}}]"#, "tools[0].name"),
        (r#""messages":[],"tool_choice":"auto""#, "tool_choice"),
        (r#""messages":[],"tool_choice":{"type":"x"}"#, "tool_choice.type"),
        (r#""messages":[],"tool_choice":{"type":"tool"}"#, "tool_choice.name"),
        (r#""messages":[],"thinking":{"type":"enabled","budget_tokens":"x"}"#, "thinking.budget_tokens"),
        (r#""messages":[],"output_config":{"format":{"type":"x"}}"#, "output_config.format.type"),
        (r#""messages":[],"output_config":{"format":{"type":"json_schema"}}"#, "output_config.format.schema"),
    ] {
        let fault = of(&format!(r#"{{"model":"m",{more}}}"#)).unwrap_err();
        assert_eq!(fault.path.as_deref(), Some(path), "{more}");
    }
    assert_eq!(of(r#"{"model":"m"}"#).unwrap_err().path.as_deref(), Some("messages"));
    assert_eq!(of(r#"{"messages":[]}"#).unwrap_err().path.as_deref(), Some("model"));
}
