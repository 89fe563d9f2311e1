//! Requests of this dialect to the IR. Calls without ids are numbered, and answers to them found by their tool's
//! name, else in order.

use wire::json::{Document, Json, Kind};

use super::answer::picture;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Effort, Format, Message, Request, Role};
use crate::ir::tool::{Function, Tool};
use crate::loss::{Loss, Lossy};
use crate::members::{self, array, flag, join, need, number, object, raw, said, whole};
use crate::packed;

const HERE: DialectId = DialectId::Ollama;

/// Reads values, gathers what was lost, and remembers calls.
#[derive(Debug, Default)]
struct Reader {
    losses: Vec<Loss>,
    /// Calls that no tool has answered: id and name.
    calls: Vec<(String, String)>,
    /// How many calls there were.
    count: usize,
}

/// Reads a request.
///
/// # Errors
/// `invalid_request` with the path of what is not as the dialect says.
pub(super) fn read(body: &Document) -> Result<Lossy<Request>, Fault> {
    let mut reader = Reader::default();
    let mut request = Request { stream: true, ..Request::default() };
    for name in ["model", "messages"] {
        if body.get(name).is_none() {
            return Err(Fault::invalid(name, format!("`{name}` is missing.")));
        }
    }
    for (key, value) in body.members().filter(|(_, value)| !value.is_null()) {
        member(&mut reader, &mut request, key, value)?;
    }
    Ok(Lossy { value: request, losses: reader.losses })
}

fn member(reader: &mut Reader, request: &mut Request, key: &str, value: Json<'_>) -> Result<(), Fault> {
    let losses = &mut reader.losses;
    match key {
        "model" => request.model = said(value, key, losses)?,
        "messages" => {
            for (index, message) in array(value, key)?.enumerate() {
                let message = self::message(reader, message, &format!("messages[{index}]"))?;
                request.messages.push(message);
            }
        }
        "stream" => request.stream = flag(value, key)?,
        "tools" => {
            for (index, tool) in array(value, key)?.enumerate() {
                request.tools.push(self::tool(losses, tool, &format!("tools[{index}]"))?);
            }
        }
        "format" => {
            request.format = match value.kind() {
                Kind::String if value.is("") => None,
                Kind::String if value.is("json") => Some(Format::JsonObject),
                Kind::Object => Some(Format::JsonSchema {
                    name: None,
                    description: None,
                    schema: raw(value),
                    // The grammar holds the model to it.
                    strict: Some(true),
                }),
                _ => return Err(Fault::invalid(key, "`format` must be `json` or a JSON schema.")),
            }
        }
        "think" => {
            let mut effort = Effort::default();
            match value.as_bool() {
                Some(on) => effort.enabled = Some(on),
                None => effort.level = Some(said(value, key, losses)?),
            }
            request.effort = Some(effort);
        }
        "options" => options(reader, request, value)?,
        "logprobs" => request.sampling.logprobs = Some(flag(value, key)?),
        "top_logprobs" => request.sampling.top_logprobs = Some(whole(value, key)?),
        // Controls of routing, read by the gateway itself.
        "provider" | "models" | "usage" => {}
        _ => request.foreign.push(HERE, key, value.raw()),
    }
    Ok(())
}

/// What the runner takes; those without a meaning elsewhere are kept under dotted names.
fn options(reader: &mut Reader, request: &mut Request, options: Json<'_>) -> Result<(), Fault> {
    let sampling = &mut request.sampling;
    for (key, value) in object(options, "options")?.members().filter(|(_, value)| !value.is_null()) {
        let path = join("options", &key);
        match &*key {
            "num_predict" if value.as_u64().is_some() => sampling.max_output = value.as_u64(),
            "temperature" => sampling.temperature = Some(number(value, &path)?),
            "top_p" => sampling.top_p = Some(number(value, &path)?),
            "top_k" => sampling.top_k = Some(number(value, &path)?),
            "seed" => sampling.seed = Some(number(value, &path)?),
            "frequency_penalty" => sampling.frequency_penalty = Some(number(value, &path)?),
            "presence_penalty" => sampling.presence_penalty = Some(number(value, &path)?),
            "stop" if value.kind() == Kind::String => sampling.stop.push(said(value, &path, &mut reader.losses)?),
            "stop" => {
                for (index, text) in array(value, &path)?.enumerate() {
                    sampling.stop.push(said(text, &format!("{path}[{index}]"), &mut reader.losses)?);
                }
            }
            _ => request.foreign.push(HERE, &path, value.raw()),
        }
    }
    Ok(())
}

fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    members::foreign(HERE, object, |key, _| known.contains(&key))
}

fn maybe(object: Json<'_>, name: &str, path: &str, losses: &mut Vec<Loss>) -> Result<Option<String>, Fault> {
    let value = object.get(name).and_then(Json::non_null);
    let text = value.map(|value| said(value, &join(path, name), losses)).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

fn tool(losses: &mut Vec<Loss>, tool: Json<'_>, path: &str) -> Result<Tool, Fault> {
    let kind = maybe(object(tool, path)?, "type", path, losses)?.unwrap_or_else(|| "function".to_owned());
    if kind != "function" {
        return Ok(Tool::Foreign { dialect: HERE, kind, raw: raw(tool) });
    }
    let at = join(path, "function");
    let function = object(tool.get("function").unwrap_or(Json::NULL), &at)?;
    for (_, key, _) in foreign(function, &["name", "description", "parameters"]).iter() {
        losses.push(Loss::dropped(key.to_owned(), join(&at, key)));
    }
    Ok(Tool::Function(Function {
        name: need(function, "name", &at, losses)?,
        description: function
            .get("description")
            .and_then(Json::non_null)
            .map(|text| said(text, &join(&at, "description"), losses))
            .transpose()?,
        schema: function.get("parameters").and_then(Json::non_null).map(raw),
        strict: None,
        cache: None,
        foreign: foreign(tool, &["type", "function"]),
    }))
}

fn message(reader: &mut Reader, value: Json<'_>, path: &str) -> Result<Message, Fault> {
    object(value, path)?;
    let mut known = vec!["role", "content", "images"];
    let role = match &*need(value, "role", path, &mut reader.losses)? {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => {
            let path = join(path, "role");
            return Err(Fault::invalid(&path, format!("`{path}` must be `system`, `user`, `assistant` or `tool`.")));
        }
    };
    let mut parts = Vec::new();
    if role == Role::Assistant {
        known.extend(["thinking", "tool_calls"]);
        let thought = maybe(value, "thinking", path, &mut reader.losses)?;
        let body = |text| Body::Reasoning(Reasoning { text, proof: None, redacted: false });
        parts.extend(thought.map(|text| Part::from(body(text))));
    }
    parts.extend(maybe(value, "content", path, &mut reader.losses)?.map(Part::text));
    if let Some(images) = value.get("images").and_then(Json::non_null) {
        let at = join(path, "images");
        for (index, image) in array(images, &at)?.enumerate() {
            let at = format!("{at}[{index}]");
            let data = packed::base64(said(image, &at, &mut reader.losses)?, &at)?;
            parts.push(Body::Media(picture(data)).into());
        }
    }
    if role == Role::Tool {
        known.extend(["tool_call_id", "tool_name"]);
        let call_id = reader.answered(value, path)?;
        let body = Body::ToolResult(ToolResult { call_id, content: parts, is_error: None });
        let part = Part { body, cache: None, foreign: foreign(value, &known) };
        return Ok(Message::new(Role::Tool, vec![part]));
    }
    if let Some(calls) = value.get("tool_calls").and_then(Json::non_null).filter(|_| role == Role::Assistant) {
        let at = join(path, "tool_calls");
        for (index, call) in array(calls, &at)?.enumerate() {
            parts.push(reader.call(call, &format!("{at}[{index}]"))?);
        }
    }
    Ok(Message { foreign: foreign(value, &known), ..Message::new(role, parts) })
}

impl Reader {
    /// One of `tool_calls`.
    fn call(&mut self, call: Json<'_>, path: &str) -> Result<Part, Fault> {
        let at = join(path, "function");
        let function = object(object(call, path)?.get("function").unwrap_or(Json::NULL), &at)?;
        let name = need(function, "name", &at, &mut self.losses)?;
        let id = maybe(call, "id", path, &mut self.losses)?.unwrap_or_else(|| format!("call_{}", self.count));
        self.count += 1;
        self.calls.push((id.clone(), name.clone()));
        let arguments = match function.get("arguments").and_then(Json::non_null) {
            None => String::new(),
            Some(text) if text.kind() == Kind::String => said(text, &join(&at, "arguments"), &mut self.losses)?,
            Some(other) => other.raw().to_owned(),
        };
        let body = Body::ToolCall(ToolCall { id, name, arguments, proof: None });
        Ok(Part { body, cache: None, foreign: foreign(call, &["id", "type", "function"]) })
    }

    /// The call that a message of a tool answers.
    fn answered(&mut self, message: Json<'_>, path: &str) -> Result<String, Fault> {
        let id = maybe(message, "tool_call_id", path, &mut self.losses)?;
        let name = maybe(message, "tool_name", path, &mut self.losses)?;
        let place = self.calls.iter().position(|(own, called)| match (&id, &name) {
            (Some(id), _) => own == id,
            (None, Some(name)) => called == name,
            (None, None) => true,
        });
        let known = place.map(|place| self.calls.remove(place).0);
        Ok(id.or(known).or(name).unwrap_or_else(|| "call_0".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use bytes::Bytes;

    fn asked(body: &str) -> Result<Lossy<Request>, Fault> {
        read(&Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON"))
    }

    #[test]
    fn calls_without_ids_find_their_answers() {
        let read = asked(
            r#"{"model":"m","format":{"type":"object"},"think":"low","keep_alive":"5m",
            "options":{"num_predict":-1,"num_ctx":4096,"temperature":0.5,"stop":"x"},"messages":[
            {"role":"user","content":"a","images":["iVBORw0KGgo="]},
            {"role":"assistant","content":"","thinking":"t","tool_calls":[
              {"function":{"name":"f","arguments":{"x":1}}},{"function":{"name":"g","arguments":{}}}]},
            {"role":"tool","tool_name":"g","content":"2"},{"role":"tool","content":"1"}]}"#,
        )
        .expect("a request");
        assert!(read.losses.is_empty(), "{:?}", read.losses);
        let request = read.value;
        assert!(request.stream && request.sampling.max_output.is_none());
        let foreign: Vec<&str> = request.foreign.iter().map(|(_, key, _)| key).collect();
        assert_eq!(foreign, ["keep_alive", "options.num_predict", "options.num_ctx"]);
        let [user, model, first, second] = request.messages.as_slice() else { panic!("four messages") };
        assert_eq!(user.parts.len(), 2);
        let id = |part: &Part| match &part.body {
            Body::ToolCall(call) => call.id.clone(),
            Body::ToolResult(result) => result.call_id.clone(),
            _ => String::new(),
        };
        assert_eq!((id(&model.parts[1]), id(&model.parts[2])), ("call_0".to_owned(), "call_1".to_owned()));
        assert_eq!((id(&first.parts[0]), id(&second.parts[0])), ("call_1".to_owned(), "call_0".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (members, path) in [
            (r#""messages":[{"role":"x"}]"#, "messages[0].role"),
            (r#""messages":[{"role":"user","content":[]}]"#, "messages[0].content"),
            (r#""messages":[],"format":"xml""#, "format"),
            (r#""messages":[],"options":{"top_p":"x"}"#, "options.top_p"),
            (r#""messages":[],"think":7"#, "think"),
        ] {
            let fault = asked(&format!(r#"{{"model":"m",{members}}}"#)).expect_err("a fault");
            assert_eq!(fault.path.as_deref(), Some(path));
        }
    }
}
