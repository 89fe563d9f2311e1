//! Reading: accept, reject and meaning as `serde_json` has them.
//!
//! Known differences, all on purpose: numbers of any size and lone surrogates are read, a top-level key of
//! a document may stand once, nesting is bounded.

use bytes::Bytes;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;
use wire::json::{Document, Index, Joiner, Json, Kind, Writer, quote, unescape};
use wire::limits::MAX_DEPTH;

use super::common;

/// The value as `serde_json` would build it; numbers by their text.
fn model(json: Json<'_>) -> Value {
    match json.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(json.as_bool().unwrap()),
        Kind::Number => serde_json::from_str(json.as_number().unwrap()).unwrap_or(Value::Null),
        Kind::String => Value::String(json.as_str().unwrap().into_owned()),
        Kind::Array => json.items().map(model).collect(),
        Kind::Object => json.members().map(|(key, value)| (key.into_owned(), model(value))).collect(),
    }
}

/// Every value with its text, its string and its members' keys, in the order of the text.
fn told(json: Json<'_>, out: &mut Vec<String>) {
    out.push(format!("{:?} {} {:?}", json.kind(), json.raw(), json.text()));
    json.items().for_each(|item| told(item, out));
    for (key, value) in json.members() {
        out.push(key.clone().into_owned());
        told(value, out);
        assert_eq!(
            json.get(&key).map(Json::raw),
            json.members().filter(|(other, _)| *other == key).map(|(_, value)| value.raw()).last()
        );
    }
}

proptest! {
    #[test]
    fn an_indexed_value_is_the_value(
        before in common::space(),
        text in common::value(true),
        at in any::<prop::sample::Index>(),
        how in any::<u8>(),
        with in prop::sample::select("{}[]\",:\\09e.-tu é\n".chars().collect::<Vec<_>>()),
    ) {
        let mut index = Index::default();
        for text in [format!("{before}{text}{before}"), common::mutate(&text, at, how, with)] {
            match (Json::parse(&text), index.read(&text)) {
                (Ok(lazy), Ok(found)) => {
                    let (mut one, mut other) = (Vec::new(), Vec::new());
                    told(lazy, &mut one);
                    told(found, &mut other);
                    prop_assert_eq!(one, other);
                }
                (Err(lazy), Err(found)) => prop_assert_eq!(lazy, found),
                (lazy, found) => prop_assert!(false, "{text}: {lazy:?} {found:?}"),
            }
        }
    }

    #[test]
    fn every_json_text_is_read_whole(before in common::space(), text in common::value(true), after in common::space()) {
        let json = Json::parse(&text).unwrap();
        prop_assert_eq!(json.raw(), &text);
        let spaced = format!("{before}{text}{after}");
        prop_assert_eq!(Json::parse(&spaced).unwrap().raw(), &text);
        prop_assert_eq!(Json::from_bytes(spaced.as_bytes()).unwrap().raw(), &text);
    }

    #[test]
    fn meaning_is_serde_jsons(text in common::value(false)) {
        if let Ok(expected) = serde_json::from_str::<Value>(&text) {
            prop_assert_eq!(model(Json::parse(&text).unwrap()), expected);
        }
    }

    #[test]
    fn accepts_and_rejects_as_serde_json(
        text in common::value(true),
        at in any::<prop::sample::Index>(),
        how in any::<u8>(),
        with in prop::sample::select("{}[]\",:\\0123456789eE.+-truefalsn u\u{1}\u{7f}é\n".chars().collect::<Vec<_>>()),
    ) {
        let text = common::mutate(&text, at, how, with);
        prop_assert_eq!(Json::parse(&text).is_ok(), serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        prop_assert_eq!(Json::parse(&text).is_ok(), serde_json::from_str::<IgnoredAny>(&text).is_ok());
        if let Err(error) = Json::from_bytes(&bytes) {
            prop_assert!(error.at <= bytes.len());
        }
        let _ = Document::parse(Bytes::from(bytes));
        let _ = unescape(&text);
    }

    #[test]
    fn a_document_is_an_object_whose_keys_stand_once(text in common::value(true)) {
        let document = Document::parse(Bytes::from(text.clone()));
        let json = Json::parse(&text).unwrap();
        let keys: Vec<_> = json.members().map(|(key, _)| key).collect();
        let mut once = keys.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(document.is_ok(), json.kind() == Kind::Object && once.len() == keys.len());
        if let Ok(document) = document {
            prop_assert_eq!(document.json().raw(), &text);
            let members: Vec<_> = document.members().map(|(key, value)| (key.to_owned(), value.raw())).collect();
            let expected: Vec<_> = json.members().map(|(key, value)| (key.into_owned(), value.raw())).collect();
            prop_assert_eq!(members, expected);
            for key in keys {
                prop_assert_eq!(document.get(&key).map(Json::raw), json.get(&key).map(Json::raw));
            }
        }
    }

    #[test]
    fn quoted_text_reads_back(text in any::<String>()) {
        let mut quoted = String::new();
        quote(&text, &mut quoted);
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text.clone());
        let json = Json::parse(&quoted).unwrap();
        prop_assert_eq!(json.as_str().unwrap(), text.clone());
        prop_assert_eq!(json.text().unwrap().replaced, 0);
        let mut writer = Writer::new();
        writer.object(|json| { json.key(&text).array(|json| { json.str(&text).null().bool(true).u64(7); }); });
        let expected = serde_json::json!({ text.clone(): [text, null, true, 7] });
        prop_assert_eq!(serde_json::from_str::<Value>(&writer.finish()).unwrap(), expected);
    }

    #[test]
    fn a_string_in_pieces_reads_as_one(text in common::string(true), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let inside = Json::parse(&text).unwrap().inside().unwrap();
        // Cut between whole escapes, as the strings of two frames are.
        let units = units(inside);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(units.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut joiner, mut out, mut replaced, mut from) = (Joiner::default(), String::new(), 0, 0);
        for cut in cuts.into_iter().chain([units.len()]) {
            replaced += joiner.push(&units[from..cut].concat(), &mut out);
            from = cut;
        }
        replaced += joiner.finish(&mut out);
        let whole = unescape(inside);
        prop_assert_eq!((out.as_str(), replaced), (&*whole.text, whole.replaced));
    }

    #[test]
    fn whole_numbers_are_exact(number in any::<u64>(), zeros in 0usize..4) {
        prop_assert_eq!(Json::parse(&number.to_string()).unwrap().as_u64(), Some(number));
        let fraction = format!("{number}.{}", "0".repeat(zeros + 1));
        prop_assert_eq!(Json::parse(&fraction).unwrap().as_u64(), Some(number));
        let power = number.checked_mul(10u64.pow(zeros as u32));
        prop_assert_eq!(Json::parse(&format!("{number}e{zeros}")).unwrap().as_u64(), power);
        let broken = format!("{number}.5");
        prop_assert_eq!(Json::parse(&broken).unwrap().as_u64(), None);
    }
}

/// The characters and escapes of a string's inside.
fn units(inside: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut rest = inside;
    while let Some(first) = rest.chars().next() {
        let long = match rest.as_bytes() {
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => first.len_utf8(),
        };
        let (unit, after) = rest.split_at(long);
        units.push(unit);
        rest = after;
    }
    units
}

#[test]
fn nesting_is_bounded_alike_everywhere() {
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for (depth, fits) in [(MAX_DEPTH - 1, true), (MAX_DEPTH, true), (MAX_DEPTH + 1, false), (100_000, false)] {
        let text = nested(depth);
        assert_eq!(Json::parse(&text).is_ok(), fits, "{depth}");
        assert_eq!(Document::parse(Bytes::from(text)).is_ok(), fits, "{depth}");
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(Json::parse(&arrays).is_ok(), fits, "{depth}");
    }
}

#[test]
fn escaped_keys_are_their_text() {
    let document = Document::parse(Bytes::from_static(b"{\"mod\\u0065l\":\"a\"}")).unwrap();
    assert_eq!(document.get("model").unwrap().as_str().unwrap(), "a");
    let twice = Document::parse(Bytes::from_static(b"{\"mod\\u0065l\":\"a\",\"model\":\"b\"}"));
    assert_eq!(twice.unwrap_err().what, "a key stands twice");
}

#[test]
fn what_is_too_much_to_index_is_read_all_the_same() {
    let items = vec!["[0]"; 200_000].join(",");
    let text = format!("{{\"a\":[{items}],\"b\\u0062\":{{\"c\":[1,{{\"d\":2}}]}},\"e\":{{}},\"f\":[]}}");
    let document = Document::parse(Bytes::from(text.clone())).unwrap();
    let mut index = Index::default();
    let json = index.read(&text).unwrap();
    for (document, json) in [("a", "a"), ("bb", "bb"), ("e", "e"), ("f", "f")]
        .map(|(one, other)| (document.get(one).unwrap(), json.get(other).unwrap()))
    {
        assert_eq!(document.raw(), json.raw());
        assert_eq!(document.items().count(), json.items().count());
    }
    assert_eq!(document.get("a").unwrap().items().count(), 200_000);
    assert_eq!(document.json().at(&["bb", "c"]).unwrap().items().last().unwrap().get("d").unwrap().as_u64(), Some(2));
    assert!(document.get("e").unwrap().members().next().is_none());
}

#[test]
fn many_members_take_time_in_proportion() {
    // A quadratic search for doubled keys would take minutes here.
    let members: Vec<String> = (0..300_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let text = format!("{{{}}}", members.join(","));
    let document = Document::parse(Bytes::from(text)).unwrap();
    assert_eq!(document.members().count(), 300_000);
    let twice = format!("{{{},\"k7\":0}}", members.join(","));
    assert_eq!(Document::parse(Bytes::from(twice)).unwrap_err().what, "a key stands twice");
}
