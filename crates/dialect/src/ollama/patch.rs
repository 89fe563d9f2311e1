//! How a body must change on its way to a target of the same dialect: as little as possible.

use wire::json::{Document, Edit};

use crate::dialect::Patch;
use crate::peek::Peek;
use crate::target::Target;

/// The edits: the model's name and the gateway's own request controls.
pub(super) fn patch(body: &Document, peek: &Peek, to: &Target<'_>) -> Patch {
    let mut patch = Patch::default();
    if peek.model != to.model {
        patch.edits.push(Edit::set_str("model", to.model));
    }
    for name in ["models", "provider"] {
        if body.get(name).is_some() {
            patch.edits.push(Edit::remove(name));
        }
    }
    if body.get("usage").is_some_and(|usage| usage.get("include").is_some()) {
        patch.edits.push(Edit::remove("usage"));
    }
    patch
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use bytes::Bytes;

    fn check(body: &str, expected: &str) {
        let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON");
        let peek = super::super::peek::peek(&document).expect("a request");
        let target = Target { model: "b", ..Target::default() };
        assert_eq!(document.edit(&patch(&document, &peek, &target).edits), expected.as_bytes());
    }

    #[test]
    fn nothing_but_what_must() {
        check(r#"{ "model":"b", "messages" : [] , "x":1e400}"#, r#"{ "model":"b", "messages" : [] , "x":1e400}"#);
        check(r#"{"model":"a","messages":[],"documents":[]}"#, r#"{"model":"b","messages":[],"documents":[]}"#);
        check(
            r#"{"model":"b","messages":[],"models":["a"],"provider":{},"usage":{"include":true}}"#,
            r#"{"model":"b","messages":[]}"#,
        );
    }
}
