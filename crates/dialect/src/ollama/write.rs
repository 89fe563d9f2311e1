//! Requests of the IR to this dialect.

use wire::json::Writer;

use super::params;
use super::turns::Turns;
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::Request;
use crate::ir::tool::{Function, Tool};
use crate::loss::Loss;
use crate::members::own;
use crate::target::Target;
use crate::undo::Undo;

const HERE: DialectId = DialectId::Ollama;

/// Writes a request for a target.
///
/// # Errors
/// `invalid_request` for a request that says nothing that the target can be told.
pub(super) fn write(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let request = request.clone().normalize();
    let mut turns = Turns::default();
    turns.system(&request.system);
    for (index, message) in request.messages.iter().enumerate() {
        turns.message(message, index);
    }
    if turns.messages.is_empty() {
        let message = "Nothing in `messages` can be sent to this model: say something to it.";
        return Err(Fault::invalid("messages", message));
    }
    let mut losses = turns.losses;
    let chosen = params::chosen(&request, &mut losses);
    let tools: Vec<String> = chosen.iter().filter_map(|(index, tool)| self::tool(tool, *index, &mut losses)).collect();
    let mut json = Writer::with_capacity(1024);
    json.object(|json| {
        json.key("model").str(to.model);
        json.key("messages").array(|json| turns.messages.iter().for_each(|message| _ = json.raw(message)));
        if !tools.is_empty() {
            json.key("tools").array(|json| tools.iter().for_each(|tool| _ = json.raw(tool)));
            if request.parallel_tools == Some(false) {
                losses.push(Loss::dropped("parallel_tool_calls", "parallel_tool_calls"));
            }
        }
        params::write(&request, to, &mut losses, json);
    });
    // Any name and any id is taken.
    Ok(Outgoing { body: json.finish(), headers: Vec::new(), losses, undo: Undo::default() })
}

fn tool(tool: &Tool, index: usize, losses: &mut Vec<Loss>) -> Option<String> {
    let at = format!("tools[{index}]");
    match tool {
        Tool::Function(function) => Some(self::function(function, &at, losses)),
        Tool::Foreign { dialect: HERE, raw, .. } => Some(raw.as_str().to_owned()),
        Tool::Foreign { kind, .. } => {
            losses.push(Loss::dropped(kind.clone(), at));
            None
        }
    }
}

fn function(function: &Function, at: &str, losses: &mut Vec<Loss>) -> String {
    if function.cache.is_some() {
        losses.push(Loss::dropped("cache_control", at));
    }
    if function.strict == Some(true) {
        losses.push(Loss::dropped("strict", at));
    }
    let own = own(HERE, &function.foreign, at, losses);
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("function");
        json.key("function").object(|json| {
            json.key("name").str(&function.name);
            if let Some(description) = &function.description {
                json.key("description").str(description);
            }
            // The dialect wants a schema of every tool.
            let schema = function.schema.as_ref().map_or(NO_ARGUMENTS, |schema| schema.as_str());
            json.key("parameters").raw(schema);
        });
        for (key, value) in &own {
            json.key(key).raw(value);
        }
    });
    json.finish()
}

/// The schema of a tool that takes nothing.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::part::{Body, Part, ToolCall, ToolResult};
    use crate::ir::request::{Effort, Message, Role};

    fn written(request: &Request, model: &str) -> (String, Vec<String>) {
        let out = write(request, &Target { model, ..Target::default() }).expect("a body");
        (out.body, out.losses.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_turn_of_several_texts_is_several_messages() {
        let call = ToolCall { id: "c".into(), name: "f".into(), arguments: "7".into(), proof: None };
        let result = ToolResult { call_id: "c".into(), content: vec![Part::text("1")], is_error: None };
        let request = Request {
            messages: vec![
                Message::new(Role::User, vec![Part::text("a"), Part::text("b")]),
                Message::new(Role::Assistant, vec![Part::text("c"), Body::ToolCall(call).into()]),
                Message::new(Role::Tool, vec![Body::ToolResult(result).into()]),
            ],
            ..Request::default()
        };
        let (body, losses) = written(&request, "m");
        assert_eq!(
            body,
            r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c","tool_calls":[{"id":"c","function":{"name":"f","arguments":{"arguments":"7"}}}]},{"role":"tool","content":"1","tool_name":"f","tool_call_id":"c"}],"stream":false}"#
        );
        assert_eq!(losses, ["approximated arguments at messages[1].content[1]"]);
    }

    #[test]
    fn levels_are_said_where_they_are_words() {
        let mut request =
            Request { messages: vec![Message::new(Role::User, vec![Part::text("a")])], ..Request::default() };
        request.effort = Some(Effort { level: Some("low".to_owned()), ..Effort::default() });
        request.sampling.max_output = Some(5);
        for (model, think, lost) in [("gpt-oss:20b", "\"low\"", 0), ("qwen3", "true", 1)] {
            let (body, losses) = written(&request, model);
            let tail = format!(r#""stream":false,"think":{think},"options":{{"num_predict":5}}}}"#);
            assert!(body.ends_with(&tail), "{body}");
            assert_eq!(losses.len(), lost);
        }
    }
}
