//! One JSON object as the bytes it came in, with the spans of its members. A key may stand once.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::edit::{Edit, Step, rewrite, splice};
use super::read::Json;
use super::scan;
use super::text::unescape;
use crate::error::JsonError;

/// Most members that are compared in pairs.
const FEW: usize = 12;

/// A request or answer body: the bytes, and where each top-level member stands.
///
/// Keys are compared as they read, so `"mod\u0065l"` is `"model"`; a key that stands twice is refused,
/// because two readers would disagree which one counts.
#[derive(Clone)]
pub struct Document {
    bytes: Bytes,
    members: Vec<Member>,
}

#[derive(Debug, Clone)]
struct Member {
    /// The key as it reads, where that differs from its bytes.
    name: Option<Box<str>>,
    key: Range<usize>,
    value: Range<usize>,
}

impl std::fmt::Debug for Document {
    /// Prints sizes only: a body is a prompt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} members, {} bytes)", self.members.len(), self.bytes.len())
    }
}

impl Document {
    /// Checks a body and finds its members, in one pass.
    ///
    /// # Errors
    /// Bytes that are not UTF-8 or not JSON, anything but an object, a top-level key that stands twice,
    /// nesting deeper than [`crate::limits::MAX_DEPTH`].
    pub fn parse(bytes: Bytes) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(&bytes).map_err(|error| JsonError::new("not UTF-8", error.valid_up_to()))?;
        let raw = text.as_bytes();
        let mut at = scan::space(raw, 0);
        match raw.get(at) {
            Some(b'{') => at += 1,
            None => return Err(JsonError::new("the body is empty", at)),
            Some(_) => return Err(JsonError::new("expected an object", at)),
        }
        let mut members: Vec<Member> = Vec::with_capacity(16);
        at = scan::space(raw, at);
        if raw.get(at) == Some(&b'}') {
            at += 1;
        } else {
            loop {
                let key_at = scan::space(raw, at);
                if raw.get(key_at) != Some(&b'"') {
                    return Err(JsonError::new("expected a key in quotes", key_at));
                }
                let key_end = scan::string(raw, key_at)?;
                let colon = scan::space(raw, key_end);
                if raw.get(colon) != Some(&b':') {
                    return Err(JsonError::new("expected `:`", colon));
                }
                let from = scan::space(raw, colon + 1);
                let end = scan::value_within(raw, from, 1)?;
                let inside = text.get(key_at + 1..key_end - 1).unwrap_or_default();
                let name = match unescape(inside).text {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(read) => Some(read.into_boxed_str()),
                };
                let member = Member { name, key: key_at + 1..key_end - 1, value: from..end };
                members.push(member);
                at = scan::space(raw, end);
                match raw.get(at) {
                    Some(b',') => at += 1,
                    Some(b'}') => {
                        at += 1;
                        break;
                    }
                    Some(_) => return Err(JsonError::new("expected `,` or `}`", at)),
                    None => return Err(JsonError::new("unexpected end", at)),
                }
            }
        }
        let behind = scan::space(raw, at);
        if behind != raw.len() {
            return Err(JsonError::new("more text behind the object", behind));
        }
        if let Some(at) = twice(&members, text) {
            return Err(JsonError::new("a key stands twice", at));
        }
        Ok(Self { bytes, members })
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The text as it came.
    #[must_use]
    pub fn text(&self) -> &str {
        // The constructor checked it; an empty text is the total answer to the impossible.
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The whole body as one value.
    #[must_use]
    pub fn json(&self) -> Json<'_> {
        Json::trusted(self.text().trim_matches([' ', '\n', '\r', '\t']))
    }

    /// The value of a top-level member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json<'_>> {
        self.value(self.members.iter().find(|member| member.is(&self.bytes, name))?)
    }

    /// Top-level members in order: the key as it reads, and its value.
    pub fn members(&self) -> impl Iterator<Item = (&str, Json<'_>)> {
        let bytes = &*self.bytes;
        self.members.iter().filter_map(move |member| {
            let name = match &member.name {
                Some(read) => &**read,
                None => std::str::from_utf8(bytes.get(member.key.clone())?).ok()?,
            };
            Some((name, self.value(member)?))
        })
    }

    /// The body with edits applied; every byte outside them keeps its place. No edits: the same bytes.
    #[must_use]
    pub fn edit(&self, edits: &[Edit<'_>]) -> Bytes {
        if edits.is_empty() {
            return self.bytes.clone();
        }
        match self.replaced(edits) {
            Some(spans) => Bytes::from(splice(&self.bytes, &spans)),
            None => Bytes::from(rewrite(self.text(), edits)),
        }
    }

    /// The spans of edits that only give top-level members that are there a new value; `None` for others.
    fn replaced<'e>(&self, edits: &'e [Edit<'_>]) -> Option<Vec<(Range<usize>, &'e str)>> {
        let mut spans = Vec::with_capacity(edits.len());
        for edit in edits {
            let [Step::Key(name)] = edit.path.as_slice() else { return None };
            let value = edit.value.as_deref()?;
            let member = self.members.iter().find(|member| member.is(&self.bytes, name))?;
            if spans.iter().any(|(span, _): &(Range<usize>, &str)| *span == member.value) {
                return None;
            }
            spans.push((member.value.clone(), value));
        }
        spans.sort_by_key(|(span, _)| span.start);
        Some(spans)
    }

    fn value(&self, member: &Member) -> Option<Json<'_>> {
        std::str::from_utf8(self.bytes.get(member.value.clone())?).ok().map(Json::trusted)
    }
}

impl Member {
    /// True when the key reads so.
    fn is(&self, bytes: &[u8], name: &str) -> bool {
        match &self.name {
            Some(read) => **read == *name,
            None => bytes.get(self.key.clone()) == Some(name.as_bytes()),
        }
    }

    fn reads<'a>(&'a self, text: &'a str) -> &'a str {
        match &self.name {
            Some(name) => name,
            None => text.get(self.key.clone()).unwrap_or_default(),
        }
    }
}

/// Offset of a key that stands twice. Few are compared in pairs; many are sorted, because a hostile body may have a million members.
fn twice(members: &[Member], text: &str) -> Option<usize> {
    let mut rest = members;
    let paired = members.len() <= FEW;
    while let (true, Some((first, others))) = (paired, rest.split_first()) {
        if others.iter().any(|other| other.reads(text) == first.reads(text)) {
            break;
        }
        rest = others;
    }
    if paired && rest.is_empty() {
        return None;
    }
    let mut keys: Vec<(&str, usize)> =
        members.iter().map(|member| (member.reads(text), member.key.start.saturating_sub(1))).collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [(one, _), (other, at)] if one == other => Some(*at),
        _ => None,
    })
}
