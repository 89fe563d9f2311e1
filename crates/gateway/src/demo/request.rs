//! Reads a chat request as far as the simulated models heed it.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind};

use super::luck::Fate;

/// How much of the last user message is kept, in characters.
const KEPT: usize = 200;
/// What a part that is not text counts as, in bytes of text.
const MEDIA_BYTES: u64 = 400;

/// What is wrong with a request.
#[derive(Debug)]
pub(super) struct Wrong {
    /// What, for the caller.
    pub(super) message: String,
    /// Where.
    pub(super) param: Option<&'static str>,
}

/// A function that may be called.
#[derive(Debug, Clone)]
pub(super) struct Tool<'a> {
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// The schema of its arguments.
    pub(super) schema: Json<'a>,
}

/// Whether tools are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// When the prompt asks for one.
    Auto,
    /// Never.
    None,
    /// Any one.
    Required,
    /// This one.
    Named(Cow<'a, str>),
}

/// The form of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format<'a> {
    /// Text.
    Text,
    /// Any JSON object.
    Object,
    /// A value that fits a schema.
    Schema(Json<'a>),
}

/// A chat request.
#[derive(Debug)]
pub(super) struct Chat<'a> {
    /// The start of the last user message.
    pub(super) prompt: String,
    /// The start of a tool's result, when that is the last message.
    pub(super) result: Option<String>,
    /// Bytes of the prompt, tools included.
    pub(super) bytes: u64,
    /// A streamed answer is asked for.
    pub(super) stream: bool,
    /// With usage at its end.
    pub(super) include_usage: bool,
    /// Most tokens of the answer.
    pub(super) most: Option<u64>,
    /// Where the answer stops.
    pub(super) stops: Vec<Cow<'a, str>>,
    /// Functions.
    pub(super) tools: Vec<Tool<'a>>,
    /// Whether they are called.
    pub(super) choice: Choice<'a>,
    /// Several may be called at once.
    pub(super) parallel: bool,
    /// The answer's form.
    pub(super) format: Format<'a>,
    /// How hard to think.
    pub(super) effort: Option<Cow<'a, str>>,
    /// There is a seed.
    pub(super) seeded: bool,
    /// What shall happen.
    pub(super) simulate: Option<Fate>,
}

impl<'a> Chat<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// There are no messages, or something is asked for that no simulated model does.
    pub(super) fn read(body: &'a Document) -> Result<Self, Wrong> {
        let get = |name: &str| body.get(name).and_then(Json::non_null);
        let messages = get("messages").filter(|messages| messages.kind() == Kind::Array);
        let messages: Vec<Json<'a>> = messages.map(|messages| messages.items().collect()).unwrap_or_default();
        if messages.is_empty() {
            return Err(wrong("`messages` must be a list of at least one message.", "messages"));
        }
        if get("n").is_some_and(|n| n.as_u64() != Some(1)) {
            return Err(wrong("A simulated model gives one choice: leave `n` out.", "n"));
        }
        let most = get("max_completion_tokens").or_else(|| get("max_tokens"));
        if most.is_some_and(|most| most.as_u64().is_none_or(|most| most == 0)) {
            return Err(wrong("The most tokens of an answer must be a whole number of at least 1.", "max_tokens"));
        }
        let of_role = |role: &str, message: &Json<'a>| message.get("role").is_some_and(|own| own.is(role));
        let user = messages.iter().rev().find(|message| of_role("user", message));
        let result = messages.last().filter(|message| of_role("tool", message));
        let tools = get("tools").map(|tools| tools.raw().len()).unwrap_or_default();
        let bytes = messages.iter().map(|message| measure(*message)).fold(size(tools), u64::saturating_add);
        Ok(Self {
            prompt: user.map(|message| start(*message)).unwrap_or_default(),
            result: result.map(|message| start(*message)),
            bytes,
            stream: get("stream").and_then(Json::as_bool).unwrap_or(false),
            include_usage: get("stream_options")
                .and_then(|options| options.get("include_usage")?.as_bool())
                .unwrap_or(false),
            most: most.and_then(Json::as_u64),
            stops: get("stop").map(stops).unwrap_or_default(),
            tools: get("tools").map(|tools| tools.items().filter_map(tool).collect()).unwrap_or_default(),
            choice: get("tool_choice").map_or(Choice::Auto, choice),
            parallel: get("parallel_tool_calls").and_then(Json::as_bool).unwrap_or(true),
            format: get("response_format").map_or(Format::Text, format),
            effort: get("reasoning_effort").and_then(Json::as_str),
            seeded: get("seed").is_some(),
            simulate: simulate(get("metadata"))?,
        })
    }
}

fn wrong(message: &str, param: &'static str) -> Wrong {
    Wrong { message: message.to_owned(), param: Some(param) }
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The texts of a message's content.
fn texts(message: Json<'_>) -> impl Iterator<Item = Cow<'_, str>> {
    let content = message.get("content").unwrap_or(Json::NULL);
    let whole = content.as_str();
    whole.into_iter().chain(content.items().filter_map(|part| part.get("text")?.as_str()))
}

/// Bytes of a message.
fn measure(message: Json<'_>) -> u64 {
    let calls = message.get("tool_calls").map_or(0, |calls| calls.raw().len());
    let parts = message.get("content").map(Json::items);
    let media = parts.into_iter().flatten().filter(|part| part.get("text").is_none()).count();
    let media = size(media).saturating_mul(MEDIA_BYTES);
    texts(message).map(|text| size(text.len())).fold(media.saturating_add(size(calls)), u64::saturating_add)
}

/// The start of a message.
fn start(message: Json<'_>) -> String {
    let mut text = String::new();
    for piece in texts(message) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(piece.chars().take(KEPT));
    }
    match text.char_indices().nth(KEPT) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

fn stops(stop: Json<'_>) -> Vec<Cow<'_, str>> {
    let all = stop.as_str().into_iter().chain(stop.items().filter_map(Json::as_str));
    all.filter(|stop| !stop.is_empty()).collect()
}

fn tool(tool: Json<'_>) -> Option<Tool<'_>> {
    let function = tool.get("function")?;
    Some(Tool { name: function.get("name")?.as_str()?, schema: function.get("parameters").unwrap_or(Json::NULL) })
}

fn choice(choice: Json<'_>) -> Choice<'_> {
    if let Some(name) = choice.at(&["function", "name"]).and_then(Json::as_str) {
        return Choice::Named(name);
    }
    match choice.as_str().as_deref() {
        Some("none") => Choice::None,
        Some("required") => Choice::Required,
        _ => Choice::Auto,
    }
}

fn format(format: Json<'_>) -> Format<'_> {
    match format.get("type").and_then(Json::as_str).as_deref() {
        Some("json_schema") => match format.at(&["json_schema", "schema"]) {
            Some(schema) => Format::Schema(schema),
            None => Format::Object,
        },
        Some("json_object") => Format::Object,
        _ => Format::Text,
    }
}

fn simulate(metadata: Option<Json<'_>>) -> Result<Option<Fate>, Wrong> {
    let Some(word) = metadata.and_then(|metadata| metadata.get("simulate")).and_then(Json::as_str) else {
        return Ok(None);
    };
    Fate::named(&word).map(Some).ok_or_else(|| {
        let words = Fate::NAMES.map(|(name, _)| name).join(", ");
        wrong(&format!("`metadata.simulate` is one of {words}."), "metadata.simulate")
    })
}
