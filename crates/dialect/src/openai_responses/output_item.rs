//! The items of an answer under way and their texts, as far as they were said.

use wire::json::{Joiner, Json};

use super::item::{foreign, unknown};
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Part};

/// Which of an item's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Text of a message.
    Text,
    /// A refusal in a message.
    Refusal,
    /// The model's own reasoning.
    Thought,
    /// A summary of its reasoning.
    Summary,
    /// Arguments of a call.
    Arguments,
}

impl Voice {
    /// The type of the item that says it.
    pub(super) const fn item(self) -> &'static str {
        match self {
            Voice::Text | Voice::Refusal => "message",
            Voice::Thought | Voice::Summary => "reasoning",
            Voice::Arguments => "function_call",
        }
    }
}

/// Where a frame says that something stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// `output_index`.
    pub(super) index: Option<u64>,
    /// `item_id`; some servers give another with every frame.
    pub(super) id: &'a str,
    /// `content_index` or `summary_index`.
    pub(super) number: u64,
}

/// One text of an item.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) voice: Voice,
    pub(super) number: u64,
    /// The part it is, where it has one of its own.
    pub(super) part: Option<u32>,
    pub(super) said: String,
    pub(super) joiner: Joiner,
    pub(super) cited: usize,
    pub(super) closed: bool,
}

/// One item of the output.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) index: Option<u64>,
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) slots: Vec<Slot>,
    /// The part that a call or reasoning is.
    pub(super) part: Option<u32>,
    /// Which of the two ways of telling reasoning is taken, and the text that spoke last.
    pub(super) voice: Option<(Voice, u64)>,
    pub(super) call_id: String,
    pub(super) name: String,
    /// Its tool stands for the answer's form.
    pub(super) format: bool,
    pub(super) done: bool,
}

/// An item beyond text, reasoning and calls: an image that was drawn, or what only this dialect knows.
pub(super) fn other(kind: &str, json: Json<'_>) -> Part {
    let drawn =
        json.get("result").and_then(Json::as_str).filter(|data| kind == "image_generation_call" && !data.is_empty());
    let Some(data) = drawn else { return unknown(kind, json).into() };
    let form = json.get("output_format").and_then(Json::as_str);
    let media_type = format!("image/{}", form.as_deref().unwrap_or("png"));
    let source = MediaSource::Base64 { media_type, data: data.into_owned() };
    let media = Media { kind: MediaKind::Image, source, name: None, detail: None };
    let mut part = Part::from(Body::Media(media));
    // Its size and quality can be seen; the prompt that drew it cannot.
    let shown =
        ["id", "type", "status", "result", "output_format", "size", "quality", "background", "action", "prompt"];
    part.foreign = foreign(json, &shown);
    part
}
