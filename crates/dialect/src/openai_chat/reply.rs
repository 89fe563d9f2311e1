//! A whole answer as OpenAI's own clients read it.

use wire::json::Writer;

use super::encode::finish_losses;
use super::write_part::is_object;
use super::{cite, finish, proof, usage};
use crate::dialect::Asked;
use crate::id::DialectId;
use crate::ir::finish::{Finish, Reason};
use crate::ir::part::{Body, Citation, Reasoning, ToolCall};
use crate::ir::response::{Choice, Response};
use crate::loss::{Loss, Lossy};

/// Writes a whole answer.
pub(super) fn write(response: &Response, asked: &Asked) -> Lossy<String> {
    let mut losses = Vec::new();
    let mut json = Writer::with_capacity(1_024);
    let or = |own: &str, other: &str| if own.is_empty() { other.to_owned() } else { own.to_owned() };
    json.object(|json| {
        json.key("id").str(&or(&response.id, &asked.id));
        json.key("object").str("chat.completion");
        json.key("created").u64(response.created.unwrap_or(asked.now));
        json.key("model").str(&or(&response.model, &asked.model));
        json.key("choices").array(|json| {
            for (index, choice) in (0..).zip(&response.choices) {
                write_choice(choice, index, json, &mut losses);
            }
        });
        if !response.usage.is_empty() {
            json.key("usage");
            usage::write(&response.usage, json);
        }
    });
    Lossy { value: json.finish(), losses }
}

/// What a message is made of, in the order of its members.
#[derive(Default)]
struct Said<'a> {
    text: Option<String>,
    /// Citations with the span of the text they stand on, in characters.
    citations: Vec<(&'a Citation, (u64, u64))>,
    refusal: Option<String>,
    thoughts: Vec<&'a Reasoning>,
    calls: Vec<&'a ToolCall>,
}

fn sort<'a>(choice: &'a Choice, index: u32, losses: &mut Vec<Loss>) -> Said<'a> {
    let mut said = Said::default();
    let mut chars = 0;
    let mut mixed = false;
    for (place, part) in choice.parts.iter().enumerate() {
        let spoken = said.text.is_some() || said.refusal.is_some();
        mixed |= match &part.body {
            Body::Reasoning(_) => spoken || !said.calls.is_empty(),
            Body::Text { .. } | Body::Refusal(_) => !said.calls.is_empty(),
            _ => false,
        };
        let at = || format!("choices[{index}].content[{place}]");
        match &part.body {
            Body::Text { text, citations } => {
                let from = chars;
                chars += text.chars().count() as u64;
                said.text.get_or_insert_default().push_str(text);
                said.citations.extend(citations.iter().map(|citation| (citation, (from, chars))));
            }
            Body::Refusal(text) => said.refusal.get_or_insert_default().push_str(text),
            Body::Reasoning(reasoning) => said.thoughts.push(reasoning),
            Body::ToolCall(call) => said.calls.push(call),
            Body::Media(_) => losses.push(Loss::dropped("media", at())),
            Body::Unknown { kind, .. } => losses.push(Loss::dropped(kind.clone(), at())),
            Body::ToolResult(_) => losses.push(Loss::dropped("tool result", at())),
        }
    }
    if mixed {
        losses.push(Loss::approximated("order of parts", format!("choices[{index}]")));
    }
    said
}

fn write_choice(choice: &Choice, index: u32, json: &mut Writer, losses: &mut Vec<Loss>) {
    let said = sort(choice, index, losses);
    let at = format!("choices[{index}]");
    // A call without arguments is a call with none, unless it was cut off before them.
    let cut = |finish: &Finish| matches!(finish.reason, Reason::Length | Reason::ContentFilter | Reason::Error);
    let meant = !choice.finish.as_ref().is_some_and(cut);
    json.object(|json| {
        json.key("index").u64(u64::from(index));
        json.key("message").object(|json| {
            json.key("role").str("assistant");
            optional("content", said.text.as_deref(), json);
            optional("refusal", said.refusal.as_deref(), json);
            thoughts(&said.thoughts, json);
            annotations(&said.citations, &at, json, losses);
            if !said.calls.is_empty() {
                json.key("tool_calls").array(|json| {
                    for call in &said.calls {
                        write_call(call, meant, &at, json, losses);
                    }
                });
            }
        });
        json.key("logprobs").null();
        match &choice.finish {
            Some(finish) => {
                let (word, exact) = finish::write(finish, said.refusal.is_some());
                finish_losses(finish, exact, index, losses);
                json.key("finish_reason").str(word);
            }
            None => {
                json.key("finish_reason").str("stop");
            }
        }
    });
}

fn optional(key: &str, text: Option<&str>, json: &mut Writer) {
    match text {
        Some(text) => json.key(key).str(text),
        None => json.key(key).null(),
    };
}

fn thoughts(all: &[&Reasoning], json: &mut Writer) {
    let text: String = all.iter().map(|reasoning| reasoning.text.as_str()).collect();
    if !text.is_empty() {
        json.key("reasoning_content").str(&text);
    }
    if all.iter().any(|reasoning| reasoning.proof.is_some()) {
        json.key("reasoning_details").array(|json| {
            for (index, reasoning) in (0..).zip(all) {
                proof::write(reasoning, index, true, json);
            }
        });
    }
}

fn annotations(all: &[(&Citation, (u64, u64))], at: &str, json: &mut Writer, losses: &mut Vec<Loss>) {
    let mut written = Vec::new();
    for (citation, span) in all {
        match cite::write(citation, *span) {
            Some(annotation) => written.push(annotation),
            None => losses.push(Loss::dropped("citation", at)),
        }
    }
    if !written.is_empty() {
        json.key("annotations").array(|json| {
            for annotation in &written {
                json.raw(annotation);
            }
        });
    }
}

fn write_call(call: &ToolCall, meant: bool, at: &str, json: &mut Writer, losses: &mut Vec<Loss>) {
    json.object(|json| {
        json.key("id").str(&call.id);
        json.key("type").str("function");
        json.key("function").object(|json| {
            json.key("name").str(&call.name);
            let none = meant && call.arguments.trim().is_empty();
            json.key("arguments").str(if none { "{}" } else { &call.arguments });
        });
        match &call.proof {
            Some(proof) if proof.origin.dialect == DialectId::OpenAiChat && is_object(&proof.data) => {
                json.key("extra_content").raw(&proof.data);
            }
            Some(_) => losses.push(Loss::dropped("signature", at)),
            None => {}
        }
    });
}

#[cfg(test)]
mod tests;
