//! A JSON value as the text it came in: looked at lazily, numbers and key order untouched.

use std::borrow::Cow;

use super::node::Node;
use super::scan;
use super::text::{Text, unescape};
use crate::error::JsonError;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// Any number, of any size.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One JSON value, borrowed from the text it came in, without white space around it. Copying it is free.
/// Without an [`super::Index`] every look walks the text, so a reader takes what it needs and pays for nothing
/// else; with one, looks find what is already found.
#[derive(Clone, Copy)]
pub struct Json<'a> {
    raw: &'a str,
    /// This value's node and those inside it; none where the text was not indexed.
    nodes: &'a [Node],
    /// Where `raw` starts in the text that was indexed.
    base: usize,
}

impl PartialEq for Json<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Json<'_> {}

impl std::fmt::Debug for Json<'_> {
    /// Prints the kind and length only: a body is a prompt, and prompts do not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Json({:?}, {} bytes)", self.kind(), self.raw.len())
    }
}

impl<'a> Json<'a> {
    /// The value `null`.
    pub const NULL: Json<'static> = Json::trusted("null");

    /// Checks a text that holds one value and nothing else but white space.
    ///
    /// # Errors
    /// The first byte that is not JSON, or nesting deeper than [`crate::limits::MAX_DEPTH`].
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let bytes = text.as_bytes();
        let from = scan::space(bytes, 0);
        let end = scan::value(bytes, from)?;
        let behind = scan::space(bytes, end);
        if behind != bytes.len() {
            return Err(JsonError::new("more text behind the value", behind));
        }
        Ok(Self::trusted(text.get(from..end).unwrap_or("null")))
    }

    /// The same from bytes.
    ///
    /// # Errors
    /// As [`Json::parse`]; also bytes that are not UTF-8.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(error) => Err(JsonError::new("not UTF-8", error.valid_up_to())),
        }
    }

    /// A span that is known to hold one value.
    pub(super) const fn trusted(raw: &'a str) -> Self {
        Self { raw, nodes: &[], base: 0 }
    }

    /// The value whose node is the first of these in a text that was indexed.
    pub(super) fn indexed(text: &'a str, nodes: &'a [Node]) -> Self {
        let Some(node) = nodes.first() else { return Self::NULL };
        let base = node.start as usize;
        let raw = text.get(base..node.end as usize).unwrap_or("null");
        Self { raw, nodes: nodes.get(..node.nodes as usize).unwrap_or_default(), base }
    }

    /// The exact text.
    #[must_use]
    pub const fn raw(self) -> &'a str {
        self.raw
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.raw.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// True for `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The value unless it is `null`.
    #[must_use]
    pub fn non_null(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    /// The text of a string with its count of replaced lone surrogates; `None` for any other kind.
    #[must_use]
    pub fn text(self) -> Option<Text<'a>> {
        let inside = self.inside()?;
        Some(match self.nodes {
            [Node { escaped: false, .. }] => Text { text: Cow::Borrowed(inside), replaced: 0 },
            _ => unescape(inside),
        })
    }

    /// The text of a string, lone surrogates as U+FFFD; `None` for any other kind.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.text().map(|text| text.text)
    }

    /// What stands between a string's quotes, escapes as they came; `None` for any other kind.
    #[must_use]
    pub fn inside(self) -> Option<&'a str> {
        self.raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
    }

    /// True when this is a string that reads as `text`.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        self.as_str().is_some_and(|own| own == text)
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.raw {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The exact text of a number.
    #[must_use]
    pub fn as_number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then_some(self.raw)
    }

    /// A whole number that fits; `5.0` and `5e0` are accepted, `5.5` and `-1` are not.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        let number = self.as_number()?;
        if let Ok(whole) = number.parse() {
            return Some(whole);
        }
        let (head, exponent) = match number.split_once(['e', 'E']) {
            Some((head, exponent)) => (head, exponent.parse::<i32>().ok()?),
            None => (number, 0),
        };
        let (whole, fraction) = head.split_once('.').unwrap_or((head, ""));
        let shift = usize::try_from(exponent).ok()?;
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > shift || shift > 20 {
            return None;
        }
        let digits = format!("{whole}{fraction}{}", "0".repeat(shift - fraction.len()));
        digits.parse().ok()
    }

    /// Members of an object in order, duplicates included; nothing for any other kind.
    #[must_use]
    pub fn members(self) -> Members<'a> {
        let (text, nodes) = if self.kind() == Kind::Object { (self.raw, self.nodes) } else { ("", [].as_slice()) };
        Members { text, at: 1, checked: true, nodes: nodes.get(1..).unwrap_or_default(), base: self.base }
    }

    /// Members of the object that a text holds, checked while they are walked: for a reader that wants one
    /// pass. What they were is to be believed only if [`Members::is_whole`] says so at the end.
    #[must_use]
    pub fn walk(text: &'a str) -> Members<'a> {
        let at = scan::space(text.as_bytes(), 0);
        let at = if text.as_bytes().get(at) == Some(&b'{') { at + 1 } else { text.len() };
        Members { text, at, checked: false, nodes: &[], base: 0 }
    }

    /// Items of an array in order; nothing for any other kind.
    #[must_use]
    pub fn items(self) -> Items<'a> {
        let (text, nodes) = if self.kind() == Kind::Array { (self.raw, self.nodes) } else { ("", [].as_slice()) };
        Items { text, at: 1, nodes: nodes.get(1..).unwrap_or_default(), base: self.base }
    }

    /// The member of that name; of duplicates the last, as most parsers have it.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        let mut found = None;
        for (key, value) in self.members() {
            if key == name {
                found = Some(value);
            }
        }
        found
    }

    /// The value at a path of member names.
    #[must_use]
    pub fn at(self, path: &[&str]) -> Option<Json<'a>> {
        path.iter().try_fold(self, |value, name| value.get(name))
    }
}

/// The members of an object, in order.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    text: &'a str,
    at: usize,
    /// The text was checked before.
    checked: bool,
    /// What is left of the members' nodes, where the text was indexed.
    nodes: &'a [Node],
    /// Where `text` starts in the text that was indexed.
    base: usize,
}

impl<'a> Members<'a> {
    /// True when the object ended where the walk did, with nothing but white space behind it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let bytes = self.text.as_bytes();
        let end = scan::space(bytes, self.at);
        bytes.get(end) == Some(&b'}') && scan::space(bytes, end + 1) == bytes.len()
    }

    /// The next member of a text that was indexed: its key's node and its value's.
    #[inline]
    fn found(&mut self) -> Option<(Cow<'a, str>, Json<'a>)> {
        let (key, rest) = self.nodes.split_first()?;
        let value = rest.first()?;
        let inside = self.text.get(key.start as usize + 1 - self.base..key.end as usize - 1 - self.base)?;
        let raw = self.text.get(value.start as usize - self.base..value.end as usize - self.base)?;
        let (nodes, rest) = rest.split_at_checked(value.nodes as usize)?;
        self.nodes = rest;
        if rest.is_empty() {
            self.text = "";
        }
        let key = if key.escaped { unescape(inside).text } else { Cow::Borrowed(inside) };
        Some((key, Json { raw, nodes, base: value.start as usize }))
    }

    /// The next member with its spans in the object's text: start of the key's quote, start and end of
    /// the value.
    pub(super) fn next_spans(&mut self) -> Option<(Cow<'a, str>, usize, usize, usize)> {
        let bytes = self.text.as_bytes();
        let key_at = scan::space(bytes, self.at);
        if bytes.get(key_at) != Some(&b'"') {
            return None;
        }
        let (key_end, escaped) =
            if self.checked { scan::skip_string(bytes, key_at) } else { scan::string(bytes, key_at).ok()? };
        let colon = scan::space(bytes, key_end);
        let from = scan::space(bytes, colon + 1);
        let end = if self.checked { scan::skip(bytes, from) } else { scan::value(bytes, from).ok()? };
        let mut next = scan::space(bytes, end);
        if bytes.get(next) == Some(&b',') {
            next += 1;
        }
        self.at = next;
        let inside = self.text.get(key_at + 1..key_end - 1)?;
        let key = if escaped { unescape(inside).text } else { Cow::Borrowed(inside) };
        Some((key, key_at, from, end))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Json<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if !self.nodes.is_empty() {
            return self.found();
        }
        let (key, _, from, end) = self.next_spans()?;
        Some((key, Json::trusted(self.text.get(from..end)?)))
    }
}

/// The items of an array, in order.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    text: &'a str,
    at: usize,
    nodes: &'a [Node],
    base: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(node) = self.nodes.first() {
            let raw = self.text.get(node.start as usize - self.base..node.end as usize - self.base)?;
            let (nodes, rest) = self.nodes.split_at_checked(node.nodes as usize)?;
            self.nodes = rest;
            if rest.is_empty() {
                self.text = "";
            }
            return Some(Json { raw, nodes, base: node.start as usize });
        }
        let bytes = self.text.as_bytes();
        let from = scan::space(bytes, self.at);
        if matches!(bytes.get(from), None | Some(b']')) {
            return None;
        }
        let end = scan::skip(bytes, from);
        let mut next = scan::space(bytes, end);
        if bytes.get(next) == Some(&b',') {
            next += 1;
        }
        self.at = next;
        Some(Json::trusted(self.text.get(from..end)?))
    }
}
