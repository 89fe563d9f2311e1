//! Texts of JSON as clients may spell them: odd spacing, escapes, numbers no type holds.

use proptest::collection::vec;
use proptest::prelude::*;

/// White space between tokens, mostly none.
pub fn space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \t\r\n]{1,4}"]
}

/// Numbers, also such as no machine type holds.
pub fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (0u8..100).prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        Just("1e400".to_owned()),
        Just("-0".to_owned()),
        Just("-0.0E-0".to_owned()),
        Just("9007199254740993".to_owned()),
        Just("1234567890123456789".to_owned()),
        Just("0.1000000000000000055511151231257827".to_owned()),
        Just("123456789012345678901234567890".to_owned()),
    ]
}

/// A string in quotes: plain text, escapes of every kind, lone surrogates where `lone` allows.
pub fn string(lone: bool) -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        4 => "[a-z]{0,6}",
        1 => "[^\"\\\\\\x00-\\x1f]{0,6}",
        1 => prop_oneof![
            Just("\\n"), Just("\\r"), Just("\\t"), Just("\\b"), Just("\\f"), Just("\\/"), Just("\\\\"), Just("\\\""),
            Just("\\u0041"), Just("\\u00e9"), Just("\\u0000"), Just("\\uFFFD"), Just("\\ud83d\\ude00"), Just("😀é€"),
        ].prop_map(str::to_owned),
    ];
    let odd = prop_oneof![Just("\\ud800"), Just("\\udc00"), Just("\\udbff\\ud83d\\ude00"), Just("\\ud83d x")]
        .prop_map(str::to_owned);
    let piece = if lone { prop_oneof![8 => plain, 1 => odd].boxed() } else { plain.boxed() };
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// Any JSON value as text, without white space around it.
pub fn value(lone: bool) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        number(),
        string(lone),
        prop_oneof![Just("true"), Just("false"), Just("null"), Just("{}"), Just("[]"), Just("[ ]")]
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let item =
            (space(), inner.clone(), space()).prop_map(|(before, value, after)| format!("{before}{value}{after}"));
        let member = (space(), string(lone), space(), space(), inner, space())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        prop_oneof![
            vec(item, 1..5).prop_map(|items| format!("[{}]", items.join(","))),
            vec(member, 1..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// Changes one place of a text: removes, doubles or replaces a character.
pub fn mutate(text: &str, at: prop::sample::Index, how: u8, with: char) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    if chars.is_empty() {
        return with.to_string();
    }
    let at = at.index(chars.len());
    match how % 4 {
        0 => drop(chars.remove(at)),
        1 => chars.insert(at, with),
        2 => chars[at] = with,
        _ => chars.truncate(at),
    }
    chars.into_iter().collect()
}
