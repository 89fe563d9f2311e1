//! Writes JSON text in the order it is told: commas and quotes are kept right, nothing is sorted.

use std::fmt::Write as _;

use super::text::quote;

/// A JSON text under construction. Inside [`Writer::object`] write members, inside [`Writer::array`]
/// write values.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    comma: bool,
}

impl Writer {
    /// An empty text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty text with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), comma: false }
    }

    /// The finished text.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    /// Starts a member: its key. A value must follow.
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.separate();
        quote(key, &mut self.out);
        self.out.push(':');
        self.comma = false;
        self
    }

    /// A string value.
    pub fn str(&mut self, text: &str) -> &mut Self {
        self.separate();
        quote(text, &mut self.out);
        self
    }

    /// A value that is already JSON text.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.separate();
        self.out.push_str(json);
        self
    }

    /// A whole number.
    pub fn u64(&mut self, number: u64) -> &mut Self {
        self.separate();
        // Writing to a String cannot fail.
        let _ = write!(self.out, "{number}");
        self
    }

    /// A boolean.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// `null`.
    pub fn null(&mut self) -> &mut Self {
        self.raw("null")
    }

    /// An object; `members` writes its members.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) -> &mut Self {
        self.separate();
        self.out.push('{');
        self.comma = false;
        members(self);
        self.out.push('}');
        self.comma = true;
        self
    }

    /// An array; `items` writes its values.
    pub fn array(&mut self, items: impl FnOnce(&mut Self)) -> &mut Self {
        self.separate();
        self.out.push('[');
        self.comma = false;
        items(self);
        self.out.push(']');
        self.comma = true;
        self
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
    }
}
