//! Content frames of one stream differ in one string: knows the next one by its bytes, without reading it.

use wire::json::Json;

/// What stood around the one string of the last content frame.
#[derive(Debug, Default)]
pub(crate) struct Alike {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Alike {
    /// The bytes of the string, where the frame is the learned one but for them, and it is a plain one with
    /// something in it. Such a frame tells what the learned one told, its string aside.
    #[inline]
    pub(crate) fn said(&self, data: &[u8]) -> Option<usize> {
        if self.before.is_empty() {
            return None;
        }
        let said = data.strip_prefix(self.before.as_slice())?.strip_suffix(self.after.as_slice())?;
        // An escape or a quote would have to be read. Bytes above ASCII are checked for being text.
        let plain = said.iter().all(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\'));
        (plain && !said.is_empty() && (said.is_ascii() || std::str::from_utf8(said).is_ok())).then_some(said.len())
    }

    /// Learns a frame whose one telling string this is.
    pub(crate) fn learn(&mut self, data: &[u8], string: Json<'_>) {
        self.before.clear();
        self.after.clear();
        let Some(inside) = string.inside() else { return };
        // The string is a slice of the data, so its address tells its offset.
        let from = (inside.as_ptr() as usize).saturating_sub(data.as_ptr() as usize);
        if let (Some(before), Some(after)) = (data.get(..from), data.get(from + inside.len()..)) {
            self.before.extend_from_slice(before);
            self.after.extend_from_slice(after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_string_may_differ() {
        let frame = r#"{"id":"a","delta":{"content":"one"},"n":null}"#;
        let mut alike = Alike::default();
        assert_eq!(alike.said(frame.as_bytes()), None);
        let json = Json::parse(frame).unwrap_or(Json::NULL);
        alike.learn(frame.as_bytes(), json.at(&["delta", "content"]).unwrap_or(Json::NULL));
        let said = |text: &str| alike.said(frame.replace("one", text).as_bytes());
        assert_eq!((said("one"), said(" zwölf"), said("x")), (Some(3), Some(7), Some(1)));
        for other in ["", "a\\n", "a\"", "\",\"refusal\":\"", "\u{1}"] {
            assert_eq!(said(other), None, "{other}");
        }
        assert_eq!(alike.said(frame.replace("null", "1").as_bytes()), None);
        assert_eq!(alike.said(b"{\"id\":\"a\",\"delta\":{\"content\":\"\xff\"},\"n\":null}"), None);
        alike.learn(frame.as_bytes(), Json::NULL);
        assert_eq!(alike.said(frame.as_bytes()), None);
    }
}
