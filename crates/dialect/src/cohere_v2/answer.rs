//! What whole answers and streams of this dialect share when they are written.

use crate::id::DialectId;
use crate::ir::part::{Body, Part, Reasoning, ToolCall};
use crate::loss::Loss;

const HERE: DialectId = DialectId::CohereV2;

/// A part of an answer as this dialect has it.
#[derive(Debug)]
pub(super) enum Item<'a> {
    /// An item of content: its kind, which is also the member that holds the words.
    Said(&'static str, &'a str),
    /// A call.
    Call(&'a ToolCall),
    /// An item of the dialect's own.
    Own(&'a str),
}

/// The place of a part, for losses.
pub(super) fn at(choice: impl std::fmt::Display, place: impl std::fmt::Display) -> String {
    format!("choices[{choice}].content[{place}]")
}

/// A part as an item; `None` where it has no place, which is named.
pub(super) fn item<'a>(part: &'a Part, at: &str, losses: &mut Vec<Loss>) -> Option<Item<'a>> {
    losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at)));
    if part.cache.is_some() {
        losses.push(Loss::dropped("cache_control", at));
    }
    match &part.body {
        Body::Text { text, .. } => Some(Item::Said("text", text)),
        Body::Refusal(text) => {
            losses.push(Loss::approximated("refusal", at));
            Some(Item::Said("text", text))
        }
        Body::Reasoning(Reasoning { text, proof, redacted: false }) if !text.is_empty() => {
            if proof.is_some() {
                losses.push(Loss::dropped("signature", at));
            }
            Some(Item::Said("thinking", text))
        }
        Body::ToolCall(call) => {
            if call.proof.is_some() {
                losses.push(Loss::dropped("signature", at));
            }
            Some(Item::Call(call))
        }
        Body::Unknown { dialect: HERE, raw, .. } => Some(Item::Own(raw.as_str())),
        other => {
            losses.push(Loss::dropped(other.word(), at));
            None
        }
    }
}

/// An id for a call that has none, made of its tool's name, as the dialect makes them, and of the answer's id.
pub(super) fn made_id(name: &str, answer: &str, number: u64) -> String {
    let kept: Vec<char> = answer.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail: String = kept.iter().skip(kept.len().saturating_sub(10)).collect();
    format!("{name}_{tail}{number}")
}
