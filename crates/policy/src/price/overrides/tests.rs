#![allow(clippy::unwrap_used, clippy::expect_used, clippy::allow_attributes, reason = "tests")]

use proptest::prelude::*;

use super::*;

#[test]
fn numbers_and_strings_are_the_same_price() {
    let read = |json: &str| serde_json::from_str::<Override>(json).map(|prices| prices.input.unwrap().0.to_string());
    for (json, price) in [
        (r#"{"input":0.1}"#, "0.1"),
        (r#"{"input":"0.1"}"#, "0.1"),
        (r#"{"input":3}"#, "3"),
        (r#"{"input":0}"#, "0"),
        (r#"{"input":"$1,000.50"}"#, "1000.5"),
        (r#"{"input":1e-7}"#, "0.0000001"),
    ] {
        assert_eq!(read(json).unwrap(), price, "{json}");
    }
    for json in [r#"{"input":-1}"#, r#"{"input":"cheap"}"#, r#"{"input":true}"#, r#"{"imput":1}"#, r#"{"input":1e300}"#]
    {
        assert!(read(json).is_err(), "{json}");
    }
}

#[test]
fn globs_match_runs_of_anything() {
    for (pattern, name, matches) in [
        ("*", "", true),
        ("*", "a/b", true),
        ("gpt-5*", "gpt-5-mini", true),
        ("gpt-5*", "gpt-4", false),
        ("*/gpt-5", "openai/gpt-5", true),
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "aXcYb", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("*mini*", "gpt-5-mini-2025", true),
        ("gpt-5", "gpt-5-mini", false),
        ("**", "x", true),
    ] {
        assert_eq!(glob(pattern, name), matches, "{pattern} {name}");
    }
}

#[test]
fn the_exact_name_wins_else_the_longest_glob() {
    let entries: Vec<(String, u8)> = [("*", 1), ("gpt-*", 2), ("gpt-5-*", 3), ("gpt-5-mini", 4), ("*-mini-x", 5)]
        .map(|(p, n)| (p.to_owned(), n))
        .into();
    assert_eq!(find(&entries, "gpt-5-mini"), Some(&4));
    assert_eq!(find(&entries, "gpt-5-nano"), Some(&3));
    assert_eq!(find(&entries, "gpt-4"), Some(&2));
    assert_eq!(find(&entries, "llama"), Some(&1));
    assert_eq!(find(&entries[1..2], "llama"), None);
}

proptest! {
    #[test]
    fn no_pattern_panics(pattern in "[ab*é]{0,8}", name in "[abé]{0,8}") {
        let _ = glob(&pattern, &name);
        prop_assert!(glob("*", &name) && glob(&name, &name));
    }
}
