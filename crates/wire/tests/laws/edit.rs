//! Editing: the meaning is that of a plain model, the bytes outside are those that came.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};
use wire::json::{Document, Edit, Step};

use super::common;

/// One edit in the model's words.
#[derive(Debug, Clone)]
struct Change {
    path: Vec<Place>,
    value: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    Key(String),
    Item(usize),
}

impl Change {
    fn edit(&self) -> Edit<'_> {
        let path = self
            .path
            .iter()
            .map(|place| match place {
                Place::Key(key) => Step::from(key.as_str()),
                Place::Item(item) => Step::from(*item),
            })
            .collect();
        Edit { path, value: self.value.as_deref().map(Into::into) }
    }
}

/// A marker for a removed item: the places of the others must not move before all edits are done.
const GONE: &str = "\u{0}gone";

fn apply(value: &mut Value, path: &[Place], new: Option<&str>) {
    let (first, rest) = path.split_first().unwrap();
    match (value, first) {
        (Value::Object(map), Place::Key(key)) => match (rest.is_empty(), new) {
            (true, Some(new)) => drop(map.insert(key.clone(), serde_json::from_str(new).unwrap())),
            (true, None) => drop(map.remove(key)),
            (false, Some(_)) => apply(map.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())), rest, new),
            (false, None) => {
                if let Some(inner) = map.get_mut(key) {
                    apply(inner, rest, new);
                }
            }
        },
        (Value::Array(items), Place::Item(item)) => {
            let Some(inner) = items.get_mut(*item) else { return };
            match (rest.is_empty(), new) {
                (true, Some(new)) => *inner = serde_json::from_str(new).unwrap(),
                (true, None) => *inner = Value::String(GONE.into()),
                (false, _) => apply(inner, rest, new),
            }
        }
        _ => {}
    }
}

fn settle(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item != GONE);
            items.iter_mut().for_each(settle);
        }
        Value::Object(map) => map.values_mut().for_each(settle),
        _ => {}
    }
}

/// A small body with few names, so that paths meet what is there.
fn body() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![Just("1".to_owned()), Just("\"s\"".to_owned()), Just("{}".to_owned()), Just("[ ]".to_owned())];
    let value = leaf.prop_recursive(3, 20, 3, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,"))), object(inner)]
    });
    object(value)
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (prop::sample::subsequence(vec!["\"a\"", "\"b\"", "\"\\u0063\""], 0..=3), vec((value, common::space()), 3))
        .prop_map(|(keys, values)| {
            let members: Vec<String> = keys
                .iter()
                .zip(&values)
                .map(|(key, (value, space))| format!("{space}{key}{space}:{value}{space}"))
                .collect();
            format!("{{{}}}", members.join(","))
        })
}

fn change() -> impl Strategy<Value = Change> {
    let key = prop::sample::select(vec!["a", "b", "c", "new"]).prop_map(|key| Place::Key(key.to_owned()));
    let place = prop_oneof![3 => key.clone(), 1 => (0usize..3).prop_map(Place::Item)];
    (
        key,
        vec(place, 0..3),
        prop::option::weighted(
            0.7,
            common::value(false)
                .prop_filter("a number no model holds", |text| serde_json::from_str::<Value>(text).is_ok()),
        ),
    )
        .prop_map(|(first, rest, value)| Change { path: [first].into_iter().chain(rest).collect(), value })
}

/// True unless an edit steps below an item that an earlier one removes: there is nothing to make again.
fn is_promised(changes: &[Change]) -> bool {
    let removed: Vec<_> = changes.iter().filter(|change| change.value.is_none()).map(|change| &change.path).collect();
    let item = |path: &[Place]| matches!(path.last(), Some(Place::Item(_)));
    changes
        .iter()
        .all(|change| !removed.iter().any(|path| item(path) && change.path != **path && change.path.starts_with(path)))
}

/// The pieces of an object's text between its commas, with the key each begins with.
fn pieces(text: &str) -> Vec<(String, String)> {
    let document = Document::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap();
    let inside = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap();
    let (mut depth, mut quoted, mut escaped, mut from) = (0, false, false, 0);
    let mut cuts = Vec::new();
    for (at, char) in inside.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                cuts.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !inside[from..].trim().is_empty() {
        cuts.push(&inside[from..]);
    }
    let keys: Vec<String> = document.members().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(keys.len(), cuts.len());
    keys.into_iter().zip(cuts.into_iter().map(str::to_owned)).collect()
}

proptest! {
    #[test]
    fn edits_mean_what_the_model_means(text in body(), changes in vec(change(), 0..4)) {
        prop_assume!(is_promised(&changes));
        let document = Document::parse(Bytes::from(text.clone())).unwrap();
        let edits: Vec<Edit<'_>> = changes.iter().map(Change::edit).collect();
        let out = document.edit(&edits);
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        for change in &changes {
            apply(&mut expected, &change.path, change.value.as_deref());
        }
        settle(&mut expected);
        prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    }

    #[test]
    fn bytes_outside_the_edits_are_those_that_came(text in body(), changes in vec(change(), 0..4)) {
        let document = Document::parse(Bytes::from(text.clone())).unwrap();
        let edits: Vec<Edit<'_>> = changes.iter().map(Change::edit).collect();
        let out = String::from_utf8(document.edit(&edits).to_vec()).unwrap();
        let touched = |key: &str| changes.iter().any(|change| change.path.first() == Some(&Place::Key(key.to_owned())));
        let before: Vec<_> = pieces(&text).into_iter().filter(|(key, _)| !touched(key)).collect();
        let after: Vec<_> = pieces(&out).into_iter().filter(|(key, _)| !touched(key)).collect();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn no_edit_gives_the_same_bytes(before in common::space(), text in body(), after in common::space()) {
        let bytes = Bytes::from(format!("{before}{text}{after}"));
        let document = Document::parse(bytes.clone()).unwrap();
        prop_assert_eq!(document.edit(&[]).as_ptr(), bytes.as_ptr());
        prop_assert_eq!(document.edit(&[Edit::remove("not there")]), bytes);
    }
}

#[test]
fn a_set_replaces_the_value_and_nothing_else() {
    let document =
        Document::parse(Bytes::from_static(b" { \"model\" : \"a\" , \"x\":1e400,\"y\":[1 , {\"z\":2}] }\n")).unwrap();
    let edits = [Edit::set_str("model", "b\"c"), Edit::set_at(vec!["y".into(), 1.into(), "w".into()], "3")];
    assert_eq!(
        std::str::from_utf8(&document.edit(&edits)).unwrap(),
        " { \"model\" : \"b\\\"c\" , \"x\":1e400,\"y\":[1 , {\"z\":2,\"w\":3}] }\n"
    );
    let removed = document.edit(&[Edit::remove("model"), Edit::remove_at(vec!["y".into(), 0.into()])]);
    assert_eq!(std::str::from_utf8(&removed).unwrap(), " { \"x\":1e400,\"y\":[ {\"z\":2}] }\n");
}

#[test]
fn of_edits_at_one_place_the_last_counts() {
    let document = Document::parse(Bytes::from_static(b"{\"a\":1}")).unwrap();
    assert_eq!(&document.edit(&[Edit::set("a", "2"), Edit::set("a", "3")])[..], b"{\"a\":3}");
    assert_eq!(&document.edit(&[Edit::set("a", "2"), Edit::remove("a")])[..], b"{}");
    assert_eq!(&document.edit(&[Edit::remove("a"), Edit::set("a", "2")])[..], b"{\"a\":2}");
    assert_eq!(&document.edit(&[Edit::set("b", "2"), Edit::remove("b")])[..], b"{\"a\":1}");
}
