//! The response object and its items as clients of this dialect know them; shared by whole answers and
//! streams.

use wire::json::{Document, Json, Writer};

use super::turns::thought;
use super::usage;
use crate::dialect::Asked;
use crate::signature;
use crate::usage::Usage;

/// Members of a request that its answer repeats, and what they are where the request does not say.
const ECHO: [(&str, &str); 18] = [
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// The members of a request that its answer repeats.
pub(super) fn echo(body: &Document) -> Vec<(String, String)> {
    let said = |(key, _): &(&str, &str)| Some(((*key).to_owned(), body.get(key)?.non_null()?.raw().to_owned()));
    ECHO.iter().filter_map(said).collect()
}

/// The names of the custom tools among those that the request declares.
pub(super) fn custom_tools(asked: &Asked) -> Vec<String> {
    let tools = asked.echo.iter().find(|(key, _)| key == "tools").and_then(|(_, tools)| Json::parse(tools).ok());
    let custom = |tool: &Json<'_>| tool.get("type").is_some_and(|kind| kind.is("custom"));
    let name = |tool: Json<'_>| Some(tool.get("name")?.as_str()?.into_owned());
    tools.into_iter().flat_map(Json::items).filter(custom).filter_map(name).collect()
}

/// What is known of a response at some moment.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) created: Option<u64>,
    /// `in_progress`, `completed` or `incomplete`.
    pub(super) status: &'a str,
    /// Why it is incomplete.
    pub(super) reason: Option<&'a str>,
    /// Its items.
    pub(super) output: &'a [&'a str],
    pub(super) usage: Option<&'a Usage>,
}

/// Writes a response object.
pub(super) fn write(known: &Known<'_>, asked: &Asked, json: &mut Writer) {
    let own = |own: &str, asked: &str| if own.is_empty() { asked.to_owned() } else { own.to_owned() };
    json.object(|json| {
        let upstreams = if asked.kept.is_some() { "" } else { known.id };
        json.key("id").str(&own(upstreams, &asked.id));
        json.key("object").str("response");
        json.key("created_at").u64(known.created.unwrap_or(asked.now));
        json.key("status").str(known.status);
        json.key("error").null();
        match known.reason {
            Some(reason) => json.key("incomplete_details").object(|json| _ = json.key("reason").str(reason)),
            None => json.key("incomplete_details").null(),
        };
        json.key("model").str(&own(known.model, &asked.model));
        json.key("output").array(|json| known.output.iter().for_each(|item| _ = json.raw(item)));
        for (key, default) in ECHO {
            let said = asked.echo.iter().find(|(own, _)| own == key);
            json.key(key).raw(said.map_or(default, |(_, value)| value));
        }
        // The provider of another dialect keeps nothing that could be asked for again; the gateway may.
        json.key("store").bool(asked.kept == Some(true));
        match known.usage.and_then(|usage| usage.tier.as_deref()) {
            Some(tier) => json.key("service_tier").str(tier),
            None => json.key("service_tier").null(),
        };
        match known.usage {
            Some(used) => usage::write(used, json.key("usage")),
            None => _ = json.key("usage").null(),
        }
    });
}

/// A made-up id of an item: its kind, the answer's id and its place.
pub(super) fn item_id(kind: &str, asked: &Asked, place: usize) -> String {
    let good = |char: &char| char.is_ascii_alphanumeric();
    let base: String = asked.id.trim_start_matches("tg-").trim_start_matches("resp_tg").chars().filter(good).collect();
    format!("{kind}_{base}{place:03}")
}

/// A text of a message; `text` empty and no annotations while it begins.
pub(super) fn text_part(text: &str, annotations: &[String], json: &mut Writer) {
    json.object(|json| {
        json.key("type").str("output_text");
        json.key("text").str(text);
        json.key("annotations").array(|json| annotations.iter().for_each(|each| _ = json.raw(each)));
        json.key("logprobs").array(|_| {});
    });
}

/// A refusal in a message.
pub(super) fn refusal_part(text: &str, json: &mut Writer) {
    json.object(|json| {
        json.key("type").str("refusal");
        json.key("refusal").str(text);
    });
}

/// A message of parts that are written.
pub(super) fn message(id: &str, done: bool, content: &[String], json: &mut Writer) {
    json.object(|json| {
        json.key("id").str(id);
        json.key("type").str("message");
        json.key("status").str(if done { "completed" } else { "in_progress" });
        json.key("role").str("assistant");
        json.key("content").array(|json| content.iter().for_each(|part| _ = json.raw(part)));
    });
}

/// Reasoning with its summary.
pub(super) fn reasoning(id: &str, text: &str, proof: Option<&str>, json: &mut Writer) {
    json.object(|json| {
        json.key("id").str(id);
        json.key("type").str("reasoning");
        json.key("summary").array(|json| {
            if !text.is_empty() {
                thought("summary_text", text, json);
            }
        });
        if let Some(proof) = proof {
            json.key("encrypted_content").str(proof);
        }
    });
}

/// A call of a function, or of a custom tool with its free text.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) call_id: String,
    pub(super) name: String,
    pub(super) custom: bool,
    /// A Gemini's signature on it.
    pub(super) signature: Option<String>,
}

impl Call {
    /// Writes the item with what was said to the tool.
    pub(super) fn write(&self, said: &str, done: bool, json: &mut Writer) {
        json.object(|json| {
            json.key("id").str(&self.id);
            json.key("type").str(if self.custom { "custom_tool_call" } else { "function_call" });
            json.key("status").str(if done { "completed" } else { "in_progress" });
            json.key("call_id").str(&self.call_id);
            json.key("name").str(&self.name);
            json.key(if self.custom { "input" } else { "arguments" }).str(said);
            if let Some(signature) = &self.signature {
                signature::write(signature, json.key("extra_content"));
            }
        });
    }
}

/// The free text in the arguments of a custom tool's function; anything else is it as it stands.
pub(super) fn free_text(arguments: &str) -> String {
    let input = Json::parse(arguments).ok().and_then(|json| json.get("input"));
    input.and_then(Json::as_str).map_or_else(|| arguments.to_owned(), std::borrow::Cow::into_owned)
}

/// An image that was drawn.
pub(super) fn image(id: &str, media_type: &str, data: &str, json: &mut Writer) {
    json.object(|json| {
        json.key("id").str(id);
        json.key("type").str("image_generation_call");
        json.key("status").str("completed");
        json.key("output_format").str(media_type.strip_prefix("image/").unwrap_or(media_type));
        json.key("result").str(data);
    });
}
