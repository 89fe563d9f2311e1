//! One JSON object as the bytes it came in, with the places of its members. A key may stand once.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;

use super::edit::{Edit, Step, rewrite, splice};
use super::index::Index;
use super::node::Node;
use super::read::Json;
use super::text::unescape;
use crate::error::JsonError;

/// Most members that are compared in pairs.
const FEW: usize = 12;

/// A request or answer body: the bytes, and where what is in it stands.
///
/// Keys are compared as they read, so `"mod\u0065l"` is `"model"`; a key that stands twice is refused,
/// because two readers would disagree which one counts.
#[derive(Clone)]
pub struct Document {
    text: ByteString,
    index: Index,
    /// Keys that read otherwise than their bytes, by the place of their node.
    names: Vec<(usize, Box<str>)>,
}

impl std::fmt::Debug for Document {
    /// Prints sizes only: a body is a prompt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} members, {} bytes)", self.places().count(), self.text.len())
    }
}

impl Document {
    /// Checks a body and finds its members, in one pass.
    ///
    /// # Errors
    /// Bytes that are not UTF-8 or not JSON, anything but an object, a top-level key that stands twice,
    /// nesting deeper than [`crate::limits::MAX_DEPTH`].
    pub fn parse(bytes: Bytes) -> Result<Self, JsonError> {
        let text = match ByteString::try_from(bytes) {
            Ok(text) => text,
            Err(error) => return Err(JsonError::new("not UTF-8", error.valid_up_to())),
        };
        let mut index = Index::default();
        index.object(&text)?;
        let mut document = Self { text, index, names: Vec::new() };
        let escaped = document.places().filter(|(_, key, _)| key.escaped).map(|(place, key, _)| (place, inside(key)));
        let escaped: Vec<(usize, Range<usize>)> = escaped.collect();
        for (place, inside) in escaped {
            if let Cow::Owned(read) = unescape(document.text.get(inside).unwrap_or_default()).text {
                document.names.push((place, read.into_boxed_str()));
            }
        }
        match document.twice() {
            Some(at) => Err(JsonError::new("a key stands twice", at)),
            None => Ok(document),
        }
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        self.text.as_bytes()
    }

    /// The text as it came.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole body as one value.
    #[must_use]
    pub fn json(&self) -> Json<'_> {
        self.index.again(&self.text)
    }

    /// The value of a top-level member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json<'_>> {
        self.find(name).map(|(place, _)| self.index.at(&self.text, place))
    }

    /// Top-level members in order: the key as it reads, and its value.
    pub fn members(&self) -> impl Iterator<Item = (&str, Json<'_>)> {
        self.places().map(move |(place, key, _)| (self.reads(place, key), self.index.at(&self.text, place + 1)))
    }

    /// The body with edits applied; every byte outside them keeps its place. No edits: the same bytes.
    #[must_use]
    pub fn edit(&self, edits: &[Edit<'_>]) -> Bytes {
        if edits.is_empty() {
            return self.bytes().clone();
        }
        match self.replaced(edits) {
            Some(spans) => Bytes::from(splice(self.bytes(), &spans)),
            None => Bytes::from(rewrite(self.text(), edits)),
        }
    }

    /// The spans of edits that only give top-level members that are there a new value; `None` for others.
    fn replaced<'e>(&self, edits: &'e [Edit<'_>]) -> Option<Vec<(Range<usize>, &'e str)>> {
        let mut spans = Vec::with_capacity(edits.len());
        for edit in edits {
            let [Step::Key(name)] = edit.path.as_slice() else { return None };
            let value = edit.value.as_deref()?;
            let (_, node) = self.find(name)?;
            let place = node.start as usize..node.end as usize;
            if spans.iter().any(|(span, _): &(Range<usize>, &str)| *span == place) {
                return None;
            }
            spans.push((place, value));
        }
        spans.sort_by_key(|(span, _)| span.start);
        Some(spans)
    }

    /// The top-level members: the place of the key's node, its node, the value's node.
    fn places(&self) -> impl Iterator<Item = (usize, Node, Node)> {
        let nodes = self.index.nodes();
        let mut place = 1;
        std::iter::from_fn(move || {
            let (key, value) = (*nodes.get(place)?, *nodes.get(place + 1)?);
            let at = place;
            place += 1 + value.nodes as usize;
            Some((at, key, value))
        })
    }

    /// The place and the node of a member's value.
    fn find(&self, name: &str) -> Option<(usize, Node)> {
        let (place, _, value) = self.places().find(|(place, key, _)| self.reads(*place, *key) == name)?;
        Some((place + 1, value))
    }

    /// How a key reads.
    fn reads(&self, place: usize, key: Node) -> &str {
        if key.escaped
            && let Ok(at) = self.names.binary_search_by_key(&place, |(at, _)| *at)
            && let Some((_, name)) = self.names.get(at)
        {
            return name;
        }
        self.text.get(inside(key)).unwrap_or_default()
    }

    /// Offset of a key that stands twice. Few are compared in pairs; many are sorted, because a hostile body may
    /// have a million members.
    fn twice(&self) -> Option<usize> {
        let mut keys: Vec<(&str, usize)> =
            self.places().map(|(place, key, _)| (self.reads(place, key), key.start as usize)).collect();
        if keys.len() <= FEW {
            let mut rest = keys.as_slice();
            while let Some(((first, _), others)) = rest.split_first() {
                if let Some((_, at)) = others.iter().find(|(other, _)| other == first) {
                    return Some(*at);
                }
                rest = others;
            }
            return None;
        }
        keys.sort_unstable();
        keys.windows(2).find_map(|pair| match pair {
            [(one, _), (other, at)] if one == other => Some(*at),
            _ => None,
        })
    }
}

/// What stands between a key's quotes.
fn inside(key: Node) -> Range<usize> {
    key.start as usize + 1..(key.end as usize).saturating_sub(1)
}
