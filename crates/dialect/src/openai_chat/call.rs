//! One tool call of an answer, whole or in pieces that come by index, by id or by neither.

use std::borrow::Cow;

use wire::json::{Joiner, Json, Writer};

use crate::id::DialectId;
use crate::ir::part::{Body, Opaque, Origin, Part};
use crate::signature;

/// The place of a call of the old form, `function_call`, which has no index.
pub(super) const LEGACY: u64 = u64::MAX;

/// What one object of `tool_calls` says.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    pub(super) index: Option<u64>,
    /// Empty where it gives none.
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    /// More of the arguments, as the inside of a JSON string or as a JSON value.
    pub(super) arguments: &'a str,
    /// A tool with free text as its input (`type: custom`).
    pub(super) custom: bool,
    /// What a server put beside the call and wants back (Gemini's thought signature).
    pub(super) extra: Option<Json<'a>>,
    /// The arguments are a JSON value rather than a text of one.
    pub(super) value: bool,
}

impl<'a> Piece<'a> {
    /// Reads one object of `tool_calls`, or a `function_call`.
    pub(super) fn read(call: Json<'a>, legacy: bool) -> Self {
        let custom = call.get("custom").and_then(Json::non_null).filter(|_| !legacy);
        let inner = if legacy { call } else { custom.or_else(|| call.get("function")).unwrap_or(Json::NULL) };
        let text = |json: Json<'a>, name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
        let given = inner.get(if custom.is_some() { "input" } else { "arguments" }).and_then(Json::non_null);
        let inside = given.and_then(Json::inside);
        Self {
            index: if legacy { Some(LEGACY) } else { call.get("index").and_then(Json::as_u64) },
            id: if legacy { Cow::Borrowed("") } else { text(call, "id") },
            name: text(inner, "name"),
            arguments: inside.or(given.map(Json::raw)).unwrap_or_default(),
            custom: custom.is_some(),
            extra: call.get("extra_content").and_then(Json::non_null).filter(|_| !legacy),
            value: inside.is_none() && given.is_some(),
        }
    }

    /// True when it says nothing at all, as servers do that write every member of an empty answer.
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_empty() && self.name.is_empty() && self.arguments.is_empty()
    }
}

/// A call under way.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) index: Option<u64>,
    /// As the server said them; empty until it does.
    pub(super) id: String,
    pub(super) name: String,
    /// Everything of the arguments so far.
    pub(super) arguments: String,
    pub(super) joiner: Joiner,
    pub(super) custom: bool,
    /// The part, once it is open; a call opens when its name is known.
    pub(super) part: Option<u32>,
    /// It stands for the answer's form: its arguments are the answer's text.
    pub(super) format: bool,
    pub(super) closed: bool,
}

impl Call {
    /// True when a piece goes on with this call. A new id at a known index is a new call, and so is a
    /// name behind arguments that are whole already: servers repeat index 0 for parallel calls.
    pub(super) fn goes_on(&self, piece: &Piece<'_>) -> bool {
        if self.closed {
            return false;
        }
        let same_id = piece.id.is_empty() || self.id.is_empty() || piece.id == self.id;
        let same_name = piece.name.is_empty() || self.name.is_empty() || piece.name == self.name;
        if !same_id || !same_name {
            return false;
        }
        let known = !piece.id.is_empty() && piece.id == self.id;
        if !known && !piece.name.is_empty() && !self.name.is_empty() {
            // The same name again, with nothing to tell two calls apart by but the arguments.
            return piece.index == self.index && Json::parse(&self.arguments).is_err();
        }
        match (piece.index, self.index) {
            (Some(new), Some(own)) => new == own,
            (None, _) => piece.name.is_empty() || (!piece.id.is_empty() && piece.id == self.id),
            (Some(_), None) => !piece.id.is_empty(),
        }
    }

    /// A custom call as the part that only this dialect knows.
    pub(super) fn custom_part(&self, id: &str, name: &str) -> Part {
        let mut json = Writer::new();
        json.object(|json| {
            json.key("id").str(id);
            json.key("type").str("custom");
            json.key("custom").object(|json| {
                json.key("name").str(name);
                json.key("input").str(&self.arguments);
            });
        });
        Body::Unknown { dialect: DialectId::OpenAiChat, kind: "custom".to_owned(), raw: json.finish().into() }.into()
    }
}

/// What stands beside a call of `model`: a Gemini's signature, else what only that server can read.
pub(super) fn proof(extra: Json<'_>, model: &str) -> Opaque {
    let signature = signature::read(extra);
    let dialect = if signature.is_some() { DialectId::Gemini } else { DialectId::OpenAiChat };
    let origin = Origin { dialect, model: model.to_owned() };
    Opaque { origin, data: signature.unwrap_or_else(|| extra.raw().to_owned()) }
}

/// An id for the `number`th call of an answer whose server gave none: unique over the turns of a
/// conversation where the answer has an id, and within every provider's rules for ids.
pub(super) fn made_id(answer: &str, choice: u32, number: usize) -> String {
    let tail: Vec<char> = answer.chars().rev().filter(char::is_ascii_alphanumeric).take(16).collect();
    let tail: String = tail.into_iter().rev().collect();
    let choice = if choice == 0 { String::new() } else { format!("{choice}_") };
    if tail.is_empty() { format!("call_{choice}{number}") } else { format!("call_{tail}_{choice}{number}") }
}
