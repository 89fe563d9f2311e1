//! How a body must change on its way to a target of the same dialect: hardly ever, since the path names the model.

use wire::json::{Document, Edit};

use crate::dialect::Patch;
use crate::target::Target;

/// The edits: the model where the body names it too, and the gateway's own request controls.
pub(super) fn patch(body: &Document, to: &Target<'_>) -> Patch {
    let mut patch = Patch::default();
    if body.get("model").is_some_and(|model| !model.is(to.model)) {
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
        let target = Target { model: "b", ..Target::default() };
        assert_eq!(document.edit(&patch(&document, &target).edits), expected.as_bytes());
    }

    #[test]
    fn nothing_but_what_must() {
        check(r#"{ "messages" : [] , "x_new":1e400}"#, r#"{ "messages" : [] , "x_new":1e400}"#);
        check(r#"{"model":"a","messages":[]}"#, r#"{"model":"b","messages":[]}"#);
        check(r#"{"model":"b","messages":[]}"#, r#"{"model":"b","messages":[]}"#);
        check(r#"{"models":["a"],"provider":{},"messages":[],"usage":{"include":true}}"#, r#"{"messages":[]}"#);
    }
}
