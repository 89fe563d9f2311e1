//! What is read is what serde_json accepts; an edited document is a document.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wire::json::{Document, Edit, Json, Step};

#[derive(Debug, arbitrary::Arbitrary)]
struct Change {
    path: Vec<Place>,
    value: Option<i32>,
}

#[derive(Debug, arbitrary::Arbitrary)]
enum Place {
    Key(String),
    Item(u8),
}

fuzz_target!(|input: (Vec<u8>, Vec<Change>)| {
    let (bytes, changes) = input;
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    let deep = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > 100;
    let accepted = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    assert!(deep || Json::parse(text).is_ok() == accepted, "{text}");
    let Ok(document) = Document::parse(Bytes::from(bytes.clone())) else { return };
    let edits: Vec<Edit<'_>> = changes
        .iter()
        .filter(|change| !change.path.is_empty())
        .map(|change| {
            let step = |place: &Place| match place {
                Place::Key(key) => Step::Key(key.clone().into()),
                Place::Item(item) => Step::Item(usize::from(*item)),
            };
            let value = change.value.map(|value| value.to_string().into());
            Edit { path: change.path.iter().map(step).collect(), value }
        })
        .collect();
    let out = document.edit(&edits);
    if edits.is_empty() {
        assert_eq!(out, bytes);
    }
    Document::parse(out).expect("an edited document is one");
});
