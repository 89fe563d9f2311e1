//! Requests of the IR to this dialect.

use wire::json::Writer;

use super::params;
use super::turns::Turns;
use crate::dialect::Outgoing;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::request::Request;
use crate::ir::tool::{Function, Tool, ToolChoice};
use crate::loss::Loss;
use crate::members::own;
use crate::target::Target;

const HERE: DialectId = DialectId::CohereV2;

/// Writes a request for a target.
///
/// # Errors
/// `invalid_request` for a request that says nothing that the target can be told.
pub(super) fn write(request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
    let request = request.clone().normalize();
    let mut turns = Turns::default();
    turns.names.keep_all(&request);
    turns.system(&request.system);
    for (index, message) in request.messages.iter().enumerate() {
        turns.message(message, index);
    }
    if turns.messages.is_empty() {
        let message = "Nothing in `messages` can be sent to this model: say something to it.";
        return Err(Fault::invalid("messages", message));
    }
    let (sent, word) = params::choice(&request, &mut turns.losses);
    let strict = all_strict(&sent);
    let tools: Vec<String> =
        sent.iter().filter_map(|(index, tool)| self::tool(tool, *index, strict, &mut turns)).collect();
    let mut json = Writer::with_capacity(1024);
    json.object(|json| {
        json.key("model").str(to.model);
        json.key("messages").array(|json| turns.messages.iter().for_each(|message| _ = json.raw(message)));
        if tools.is_empty() {
            if matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. }))
            {
                turns.losses.push(Loss::dropped("tool_choice", "tool_choice"));
            }
        } else {
            json.key("tools").array(|json| tools.iter().for_each(|tool| _ = json.raw(tool)));
            if strict {
                json.key("strict_tools").bool(true);
            }
            if let Some(word) = word {
                json.key("tool_choice").str(word);
            }
            if request.parallel_tools == Some(false) {
                turns.losses.push(Loss::dropped("parallel_tool_calls", "parallel_tool_calls"));
            }
        }
        params::write(&request, to, !tools.is_empty(), &mut turns.losses, json);
        for (key, value) in own(HERE, &request.foreign, "", &mut turns.losses) {
            json.key(&key).raw(&value);
        }
    });
    Ok(Outgoing { body: json.finish(), headers: Vec::new(), losses: turns.losses, undo: turns.names.into_undo() })
}

/// True when every function is held to its schema: the dialect's word is for all of them.
fn all_strict(tools: &[(usize, &Tool)]) -> bool {
    let mut functions = tools.iter().filter_map(|(_, tool)| match tool {
        Tool::Function(function) => Some(function.strict == Some(true)),
        Tool::Foreign { .. } => None,
    });
    functions.next() == Some(true) && functions.all(|strict| strict)
}

fn tool(tool: &Tool, index: usize, strict: bool, turns: &mut Turns) -> Option<String> {
    let at = format!("tools[{index}]");
    match tool {
        Tool::Function(function) => Some(self::function(function, strict, turns, &at)),
        Tool::Foreign { dialect: HERE, raw, .. } => Some(raw.as_str().to_owned()),
        Tool::Foreign { kind, .. } => {
            turns.losses.push(Loss::dropped(kind.clone(), at));
            None
        }
    }
}

fn function(function: &Function, strict: bool, turns: &mut Turns, at: &str) -> String {
    let name = turns.names.name(&function.name);
    if function.cache.is_some() {
        turns.losses.push(Loss::dropped("cache_control", at));
    }
    if function.strict == Some(true) && !strict {
        turns.losses.push(Loss::dropped("strict", at));
    }
    let own = own(HERE, &function.foreign, at, &mut turns.losses);
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("function");
        json.key("function").object(|json| {
            json.key("name").str(&name);
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
    use crate::ir::part::Part;
    use crate::ir::request::{Format, Message, Role};

    fn written(request: &Request) -> (String, Vec<String>) {
        let target = Target { model: "c", ..Target::default() };
        let out = write(request, &target).expect("a body");
        (out.body, out.losses.iter().map(ToString::to_string).collect())
    }

    fn tool(name: &str, strict: bool) -> Tool {
        let (description, schema, cache, foreign) = Default::default();
        Tool::Function(Function { name: name.to_owned(), description, schema, strict: Some(strict), cache, foreign })
    }

    #[test]
    fn one_tool_that_must_be_called_is_sent_alone() {
        let request = Request {
            messages: vec![Message::new(Role::User, vec![Part::text("go")])],
            tools: vec![tool("a", true), tool("b", false)],
            tool_choice: Some(ToolChoice::Named("a".to_owned())),
            format: Some(Format::JsonObject),
            ..Request::default()
        };
        let (body, losses) = written(&request);
        assert_eq!(
            body,
            r#"{"model":"c","messages":[{"role":"user","content":"go"}],"tools":[{"type":"function","function":{"name":"a","parameters":{"type":"object","properties":{}}}}],"strict_tools":true,"tool_choice":"REQUIRED"}"#
        );
        assert_eq!(losses, ["approximated tool_choice at tool_choice", "dropped response_format at response_format"]);
    }

    #[test]
    fn numbers_stay_within_bounds() {
        let mut request =
            Request { messages: vec![Message::new(Role::User, vec![Part::text("go")])], ..Request::default() };
        request.sampling.temperature = Some("1.5".into());
        request.sampling.top_p = Some("1".into());
        request.sampling.presence_penalty = Some("-1".into());
        let (body, losses) = written(&request);
        assert!(body.ends_with(r#""temperature":1,"p":0.99,"presence_penalty":0}"#), "{body}");
        assert_eq!(losses.len(), 3);
        let empty = Request::default();
        assert!(write(&empty, &Target::default()).is_err());
    }
}
