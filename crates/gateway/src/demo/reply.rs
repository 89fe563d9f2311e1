//! What a simulated model says: text, a tool call or a value that fits a schema, and what that counts as.

use wire::json::{Json, Writer};

use super::fit::fit;
use super::luck::Luck;
use super::model::Model;
use super::request::{Chat, Choice, Format, Tool};

/// Bytes of text that count as a token.
const TOKEN: u64 = 4;

/// True things about the gateway, to have something to say.
const TALK: [&str; 8] = [
    "No model was asked and nothing left this machine.",
    "The header x-tollgate-served-by names who answered.",
    "The header x-tollgate-why says why that one did.",
    "Every request has a line in the ledger: GET /v1/requests/ID.",
    "What it would have cost is in that line, to the nanodollar.",
    "A virtual key names the team that a request is charged to.",
    "When a provider fails, the next target of the same name is tried.",
    "Set OPENAI_API_KEY or ANTHROPIC_API_KEY and real models answer at the same address.",
];

/// Tokens of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Of the prompt.
    pub(super) prompt: u64,
    /// Of the answer, thoughts included.
    pub(super) completion: u64,
    /// Of the thoughts.
    pub(super) reasoning: u64,
}

/// One call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// Its id.
    pub(super) id: String,
    /// The function.
    pub(super) name: String,
    /// JSON text.
    pub(super) arguments: String,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// Thoughts; empty for none.
    pub(super) reasoning: String,
    /// The text; `None` beside calls.
    pub(super) text: Option<String>,
    /// Calls.
    pub(super) calls: Vec<Call>,
    /// Why it ended.
    pub(super) finish: &'static str,
    /// Tokens.
    pub(super) usage: Usage,
}

/// Tokens of so many bytes: a started one counts.
pub(super) fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(TOKEN)
}

/// Tokens of a text.
pub(super) fn count(text: &str) -> u64 {
    tokens(u64::try_from(text.len()).unwrap_or(u64::MAX))
}

impl Reply {
    /// The answer to a request.
    pub(super) fn to(chat: &Chat<'_>, model: &Model, luck: &mut Luck) -> Self {
        let mut reasoning = if model.thinks { think(chat) } else { String::new() };
        let mut calls = calls(chat, luck);
        let mut text = calls.is_empty().then(|| say(chat, model, luck));
        let mut left = chat.most.unwrap_or(u64::MAX);
        let mut cut = shorten(&mut reasoning, &mut left);
        if let Some(text) = &mut text {
            stop(text, chat);
            cut |= shorten(text, &mut left);
        }
        calls.retain_mut(|call| {
            if cut {
                return false;
            }
            cut = shorten(&mut call.arguments, &mut left);
            true
        });
        if calls.is_empty() && text.is_none() {
            text = Some(String::new());
        }
        let arguments = calls.iter().map(|call| count(&call.arguments)).sum::<u64>();
        let thoughts = count(&reasoning);
        let said = thoughts + text.as_deref().map_or(0, count) + arguments;
        let usage = Usage { prompt: tokens(chat.bytes).max(1), completion: said, reasoning: thoughts };
        let finish = match (cut, calls.is_empty()) {
            (true, _) => "length",
            (false, true) => "stop",
            (false, false) => "tool_calls",
        };
        Self { reasoning, text, calls, finish, usage }
    }
}

fn think(chat: &Chat<'_>) -> String {
    let thoughts = [
        "The user wants an answer, and there is no model here to find one.",
        "I am simulated, so I say that first, then repeat what was said to me.",
        "Then something useful about the gateway, because that is what is being tried out.",
        "These thoughts are counted as reasoning tokens and priced like the answer.",
    ];
    let many = match chat.effort.as_deref() {
        Some("none" | "minimal") => 0,
        Some("low") => 1,
        Some("high" | "xhigh" | "max") => 4,
        _ => 2,
    };
    thoughts.get(..many).unwrap_or_default().join(" ")
}

fn say(chat: &Chat<'_>, model: &Model, luck: &mut Luck) -> String {
    match chat.format {
        Format::Schema(schema) => return fit(schema, &chat.prompt),
        Format::Object => {
            let mut json = Writer::new();
            json.object(|json| {
                json.key("model").str(model.id).key("simulated").bool(true).key("you_said").str(&chat.prompt);
            });
            return json.finish();
        }
        Format::Text => {}
    }
    let mut text = format!("This is tollgate's simulated model `{}`.", model.id);
    match &chat.result {
        Some(result) => text.extend([" The tool returned: ", result]),
        None if chat.prompt.is_empty() => {}
        None => text.extend([" You said: \u{201c}", &chat.prompt, "\u{201d}."]),
    }
    let start = usize::try_from(luck.draw() % 8).unwrap_or(0);
    for sentence in TALK.iter().cycle().skip(start).take(model.talk) {
        text.extend([" ", sentence]);
    }
    text
}

/// Ends a text before the first of the stop sequences.
fn stop(text: &mut String, chat: &Chat<'_>) {
    if let Some(at) = chat.stops.iter().filter_map(|stop| text.find(&**stop)).min() {
        text.truncate(at);
    }
}

/// Cuts a text to the tokens that are left, and takes them; true when something was cut off.
fn shorten(text: &mut String, left: &mut u64) -> bool {
    let wanted = count(text);
    if wanted <= *left {
        *left -= wanted;
        return false;
    }
    let bytes = usize::try_from(left.saturating_mul(TOKEN)).unwrap_or(usize::MAX);
    text.truncate(text.floor_char_boundary(bytes));
    *left = 0;
    true
}

/// The functions to call, with arguments that fit.
fn calls(chat: &Chat<'_>, luck: &mut Luck) -> Vec<Call> {
    let named = |name: &str| chat.tools.iter().filter(|tool| tool.name == name).take(1).collect();
    let asked = || chat.tools.iter().filter(|tool| asks(&chat.prompt, tool)).collect::<Vec<_>>();
    let mut wanted: Vec<&Tool<'_>> = match &chat.choice {
        Choice::None => Vec::new(),
        Choice::Named(name) => named(name),
        Choice::Required => asked(),
        // Once the tool has answered, so does the model.
        Choice::Auto if chat.result.is_some() => Vec::new(),
        Choice::Auto => asked(),
    };
    if wanted.is_empty() && chat.choice == Choice::Required {
        wanted.extend(chat.tools.first());
    }
    if !chat.parallel {
        wanted.truncate(1);
    }
    let call = |tool: &Tool<'_>| {
        let no_schema = Json::parse("{\"type\":\"object\"}").unwrap_or(Json::NULL);
        let schema = if tool.schema.is_null() { no_schema } else { tool.schema };
        let id = format!("call_{:016x}", luck.draw());
        Call { id, name: tool.name.clone().into_owned(), arguments: fit(schema, &chat.prompt) }
    };
    wanted.into_iter().map(call).collect()
}

/// True when a prompt asks for a tool: it has a long word of its name, or speaks of tools.
fn asks(prompt: &str, tool: &Tool<'_>) -> bool {
    let prompt = prompt.to_lowercase();
    let words = |text: &str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let said = words(&prompt);
    let name = tool.name.to_lowercase();
    let meant = |word: &String| word.len() >= 4 && said.contains(word);
    said.iter().any(|word| word == "tool" || word == "tools")
        || prompt.contains(&name)
        || words(&name).iter().any(meant)
}
