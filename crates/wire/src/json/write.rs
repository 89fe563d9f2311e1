//! Writes JSON text in the order it is told: commas and quotes are kept right, nothing is sorted.

use super::text::{is_plain, quote};

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

    /// A fragment of JSON text that the program itself holds: keys, brackets, commas, words. Nothing is put
    /// before it; a comma is put behind it only where it ends a value.
    #[inline]
    pub fn lit(&mut self, fragment: &'static str) -> &mut Self {
        self.out.push_str(fragment);
        self.comma = !matches!(fragment.as_bytes().last(), Some(b'{' | b'[' | b',' | b':'));
        self
    }

    /// A string value that holds nothing to escape: digits, ids, names of the program's own.
    pub fn plain(&mut self, text: &str) -> &mut Self {
        debug_assert!(is_plain(text.as_bytes()), "a text that must be escaped");
        self.separate();
        self.out.reserve(text.len() + 2);
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
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
    pub fn u64(&mut self, mut number: u64) -> &mut Self {
        self.separate();
        if number < 10 {
            // Most counts of a ledger line are 0.
            self.out.push(char::from(b'0' + number as u8));
            return self;
        }
        let mut buffer = [b'0'; 20];
        let mut from = buffer.len();
        for (place, digit) in buffer.iter_mut().enumerate().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            from = place;
            if number == 0 {
                break;
            }
        }
        let digits = buffer.get(from..).unwrap_or_default();
        self.out.push_str(std::str::from_utf8(digits).unwrap_or_default());
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

    #[inline]
    fn separate(&mut self) {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
    }
}
