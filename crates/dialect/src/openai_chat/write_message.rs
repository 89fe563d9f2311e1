//! The IR's turns as a server's messages: one message a tool result, reasoning where it is taken.

use wire::json::Writer;

use super::names::Names;
use super::proof;
use super::write_part::{Place, is_object};
use crate::id::DialectId;
use crate::ir::part::{Body, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Request, Role};
use crate::loss::Loss;
use crate::quirk::Quirk;

/// Writes the items of `messages`.
pub(super) fn messages(request: &Request, place: &mut Place<'_>, names: &mut Names, json: &mut Writer) {
    if !request.system.is_empty() {
        let parts = numbered("system", &request.system);
        let mut written = Writer::new();
        let mut any = false;
        written.object(|json| {
            json.key("role").str("system");
            any = place.content(&parts, json);
        });
        if any {
            json.raw(&written.finish());
        }
    }
    for (index, message) in request.messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        match message.role {
            Role::Assistant => assistant(message, &at, place, names, json),
            Role::System | Role::User | Role::Tool => said(message, &at, place, names, json),
        }
    }
}

fn numbered<'a>(base: &str, parts: &'a [Part]) -> Vec<(String, &'a Part)> {
    parts.iter().enumerate().map(|(index, part)| (format!("{base}[{index}]"), part)).collect()
}

/// A turn of the user, the operator or tools: results first, then what else it says.
fn said(message: &Message, at: &str, place: &mut Place<'_>, names: &mut Names, json: &mut Writer) {
    let parts = numbered(&format!("{at}.content"), &message.parts);
    let mut rest = Vec::new();
    let mut pictures: Vec<(String, &Part)> = Vec::new();
    for (path, part) in parts {
        match &part.body {
            Body::ToolResult(answer) => result(part, answer, &path, place, names, &mut pictures, json),
            _ => rest.push((path, part)),
        }
    }
    // Pictures that tools answered: only a user's message takes them.
    pictures.append(&mut rest);
    let whole = message.parts.is_empty() && message.role != Role::Tool;
    if pictures.is_empty() && !whole {
        if !message.foreign.is_empty() {
            place.foreign(&message.foreign, at, &mut Writer::new());
        }
        return;
    }
    let mut written = Writer::new();
    let mut any = false;
    written.object(|json| {
        json.key("role").str(if message.role == Role::System { "system" } else { "user" });
        any = place.content(&pictures, json);
        if whole {
            json.key("content").str("");
            any = true;
        }
        speaker(message, at, place, json);
    });
    if any {
        json.raw(&written.finish());
    }
}

/// Name of the speaker and members beyond what the IR knows.
fn speaker(message: &Message, at: &str, place: &mut Place<'_>, json: &mut Writer) {
    match &message.name {
        Some(_) if place.has(Quirk::NoMessageName) => place.dropped("name", &format!("{at}.name")),
        Some(name) => {
            json.key("name").str(name);
        }
        None => {}
    }
    place.foreign(&message.foreign, at, json);
}

/// Writes a tool result as a message of its own; media in it is left for the user's message behind.
fn result<'a>(
    part: &'a Part,
    answer: &'a ToolResult,
    at: &str,
    place: &mut Place<'_>,
    names: &mut Names,
    pictures: &mut Vec<(String, &'a Part)>,
    json: &mut Writer,
) {
    let mut texts = Vec::new();
    for (path, part) in numbered(&format!("{at}.content"), &answer.content) {
        match &part.body {
            Body::Media(_) => {
                place.losses.push(Loss::approximated("media in a tool result", path.as_str()));
                pictures.push((path, part));
            }
            _ => texts.push((path, part)),
        }
    }
    if answer.is_error.is_some() {
        place.dropped("is_error", at);
    }
    json.object(|json| {
        json.key("role").str("tool");
        json.key("tool_call_id").str(&names.id(&answer.call_id));
        if !place.content(&texts, json) {
            json.key("content").str("");
        }
        place.cache(part, at, json);
        place.foreign(&part.foreign, at, json);
    });
}

/// The parts of an assistant's turn by their places in the message.
#[derive(Default)]
struct Turn<'a> {
    content: Vec<(String, &'a Part)>,
    reasoning: Vec<(String, &'a Part, &'a Reasoning)>,
    calls: Vec<(String, &'a Part)>,
}

impl<'a> Turn<'a> {
    /// Sorts the parts; says where their order is lost.
    fn sort(message: &'a Message, at: &str, place: &mut Place<'_>) -> Self {
        let mut turn = Turn::default();
        let mut mixed = false;
        for (path, part) in numbered(&format!("{at}.content"), &message.parts) {
            match &part.body {
                Body::Reasoning(reasoning) => {
                    mixed |= !turn.content.is_empty() || !turn.calls.is_empty();
                    turn.reasoning.push((path, part, reasoning));
                }
                Body::ToolCall(_) => turn.calls.push((path, part)),
                Body::Unknown { dialect: DialectId::OpenAiChat, kind, .. } if kind == "custom" => {
                    turn.calls.push((path, part));
                }
                Body::Media(_) => place.dropped("media", &path),
                _ => {
                    mixed |= !turn.calls.is_empty();
                    turn.content.push((path, part));
                }
            }
        }
        if mixed {
            place.losses.push(Loss::approximated("order of parts", format!("{at}.content")));
        }
        turn
    }
}

fn assistant(message: &Message, at: &str, place: &mut Place<'_>, names: &mut Names, json: &mut Writer) {
    let turn = Turn::sort(message, at, place);
    let mut written = Writer::new();
    let mut any = message.parts.is_empty();
    written.object(|json| {
        json.key("role").str("assistant");
        let thoughts = kept(&turn.reasoning, place);
        let lists = place.has(Quirk::ThinkingLists) && !thoughts.is_empty();
        let said =
            if lists { listed(&thoughts, &turn.content, place, json) } else { place.content(&turn.content, json) };
        if !said {
            // A message without calls must have a content.
            if turn.calls.is_empty() {
                json.key("content").str("")
            } else {
                json.key("content").null()
            };
        }
        any |= said || !turn.calls.is_empty() || !thoughts.is_empty();
        if !lists {
            reasoning(&thoughts, place, json);
        }
        if !turn.calls.is_empty() {
            json.key("tool_calls").array(|json| {
                for (path, part) in &turn.calls {
                    call(part, path, place, names, json);
                }
            });
        }
        speaker(message, at, place, json);
    });
    if any {
        json.raw(&written.finish());
    }
}

/// The reasoning that this server takes; the rest is lost.
fn kept<'a>(all: &[(String, &Part, &'a Reasoning)], place: &mut Place<'_>) -> Vec<&'a Reasoning> {
    let details = place.has(Quirk::ReasoningDetails);
    let plain = place.has(Quirk::ReasoningContent) || place.has(Quirk::ThinkingLists);
    let mut kept = Vec::new();
    for (at, part, reasoning) in all {
        let own =
            reasoning.proof.as_ref().is_none_or(|proof| proof.origin.accepts(DialectId::OpenAiChat, place.to.model));
        if details && own || plain && !reasoning.redacted {
            if !details && reasoning.proof.is_some() {
                place.dropped("signature", at);
            }
            kept.push(*reasoning);
        } else {
            place.dropped("reasoning", at);
        }
        if part.cache.is_some() {
            place.dropped("cache_control", at);
        }
        for (_, key, _) in part.foreign.iter() {
            place.dropped(key, at);
        }
    }
    kept
}

/// Mistral's list: `thinking` parts before the texts.
fn listed(thoughts: &[&Reasoning], content: &[(String, &Part)], place: &mut Place<'_>, json: &mut Writer) -> bool {
    json.key("content").array(|json| {
        for reasoning in thoughts {
            json.object(|json| {
                json.key("type").str("thinking");
                json.key("thinking").array(|json| {
                    json.object(|json| {
                        json.key("type").str("text");
                        json.key("text").str(&reasoning.text);
                    });
                });
            });
        }
        for (at, part) in content {
            place.part(part, at, json);
        }
    });
    true
}

fn reasoning(thoughts: &[&Reasoning], place: &Place<'_>, json: &mut Writer) {
    if thoughts.is_empty() {
        return;
    }
    if place.has(Quirk::ReasoningDetails) {
        json.key("reasoning_details").array(|json| {
            for (index, reasoning) in (0..).zip(thoughts) {
                proof::write(reasoning, index, false, json);
            }
        });
        return;
    }
    let text: String = thoughts.iter().map(|reasoning| reasoning.text.as_str()).collect();
    json.key("reasoning_content").str(&text);
}

fn call(part: &Part, at: &str, place: &mut Place<'_>, names: &mut Names, json: &mut Writer) {
    let ToolCall { id, name, arguments, proof } = match &part.body {
        Body::ToolCall(call) => call,
        Body::Unknown { raw, .. } => {
            json.raw(raw.as_str());
            return;
        }
        _ => return,
    };
    json.object(|json| {
        json.key("id").str(&names.id(id));
        json.key("type").str("function");
        json.key("function").object(|json| {
            json.key("name").str(&names.name(name));
            // A call without arguments: some servers parse what stands here.
            json.key("arguments").str(if arguments.trim().is_empty() { "{}" } else { arguments });
        });
        match proof {
            Some(proof) if proof.origin.accepts(DialectId::OpenAiChat, place.to.model) && is_object(&proof.data) => {
                json.key("extra_content").raw(&proof.data);
            }
            Some(_) => place.dropped("signature", at),
            None => {}
        }
        place.cache(part, at, json);
        place.foreign(&part.foreign, at, json);
    });
}
