//! Parts of messages and answers: text, media, reasoning, tool calls and results, refusals.

use std::borrow::Cow;

use super::foreign::{Foreign, Raw};
use super::maker::same_model;
use crate::id::DialectId;

/// A mark that everything up to here is to be cached by the provider, as the JSON object it came in
/// (`{"type":"ephemeral","ttl":"1h"}`).
pub type CacheMark = Raw;

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub body: Body,
    /// A prompt-cache mark on it.
    pub cache: Option<CacheMark>,
    /// Members beyond what the IR knows.
    pub foreign: Foreign,
}

impl From<Body> for Part {
    fn from(body: Body) -> Self {
        Self { body, cache: None, foreign: Foreign::default() }
    }
}

impl Part {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Body::Text { text: text.into(), citations: Vec::new() }.into()
    }
}

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text, with the citations that stand on it.
    Text {
        /// The text.
        text: String,
        /// Sources it cites.
        citations: Vec<Citation>,
    },
    /// An image, a file, a sound or a film.
    Media(Media),
    /// What the model thought.
    Reasoning(Reasoning),
    /// The model calls a tool.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// The model refuses.
    Refusal(String),
    /// A part of a kind that only its own dialect knows (server-side tool blocks, containers).
    Unknown {
        /// Whose word it is.
        dialect: DialectId,
        /// Its `type`.
        kind: String,
        /// The whole part.
        raw: Raw,
    },
}

impl Body {
    /// What it is called where it is lost.
    pub(crate) fn word(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Body::Text { .. } => "text",
            Body::Media(media) => media.kind.word(),
            Body::Reasoning(_) => "reasoning",
            Body::ToolCall(_) => "tool call",
            Body::ToolResult(_) => "tool result",
            Body::Refusal(_) => "refusal",
            Body::Unknown { kind, .. } => return Cow::Owned(kind.clone()),
        })
    }
}

/// A source that a text cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// Address of the source.
    pub url: Option<String>,
    /// Title of the source.
    pub title: Option<String>,
    /// The words cited.
    pub quoted: Option<String>,
    /// Span of the answer's text that cites, in characters: start, end.
    pub span: Option<(u64, u64)>,
    /// Whose form it has, and the form as it came.
    pub raw: Option<(DialectId, Raw)>,
}

/// What kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A document.
    File,
    /// A film.
    Video,
}

impl MediaKind {
    /// What it is called where it is lost.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            MediaKind::Image => "image",
            MediaKind::Audio => "audio",
            MediaKind::File => "file",
            MediaKind::Video => "video",
        }
    }
}

/// An image, a file, a sound or a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What kind.
    pub kind: MediaKind,
    /// Where its bytes are.
    pub source: MediaSource,
    /// File name or title.
    pub name: Option<String>,
    /// How closely to look (`low`, `high`, `auto`).
    pub detail: Option<String>,
}

/// Where the bytes of media are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// At an address.
    Url(String),
    /// Here, in base64.
    Base64 {
        /// Media type (`image/png`).
        media_type: String,
        /// The bytes in base64, as they came.
        data: String,
    },
    /// At the provider, under an id of that account.
    FileId {
        /// Whose id it is.
        dialect: DialectId,
        /// The id.
        id: String,
    },
    /// Here, as plain text.
    Text(String),
}

/// A proof that only its maker can read: a signature or encrypted reasoning, bound to its origin.
#[derive(Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Who made it.
    pub origin: Origin,
    /// The proof as it came.
    pub data: String,
}

impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opaque({:?}, {} bytes)", self.origin, self.data.len())
    }
}

/// The maker of an opaque proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The dialect it came in.
    pub dialect: DialectId,
    /// The model that made it; empty where the client's history does not say.
    pub model: String,
}

impl Origin {
    /// True when a proof of this origin may be sent to a model: the same dialect, and the same model, under
    /// whatever name its host has for it, where the origin names one.
    #[must_use]
    pub fn accepts(&self, dialect: DialectId, model: &str) -> bool {
        self.dialect == dialect && (self.model.is_empty() || same_model(dialect, &self.model, model))
    }
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoning {
    /// The text; empty where it is hidden.
    pub text: String,
    /// Signature over the text, or the encrypted reasoning itself.
    pub proof: Option<Opaque>,
    /// The text is hidden and the proof holds it encrypted (Anthropic `redacted_thinking`).
    pub redacted: bool,
}

/// The model calls a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Id that the result refers to.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Arguments as the JSON text the model wrote; may be empty or not JSON at all.
    pub arguments: String,
    /// A proof bound to the call (Gemini's thought signature).
    pub proof: Option<Opaque>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The call it answers.
    pub call_id: String,
    /// Text and media.
    pub content: Vec<Part>,
    /// The tool failed, where the client says.
    pub is_error: Option<bool>,
}
