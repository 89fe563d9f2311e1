use super::*;

#[test]
fn arguments_are_an_object() {
    for (arguments, expected, exact) in [
        (r#" { "b":1, "a":2 } "#, r#"{ "b":1, "a":2 }"#, true),
        ("", "{}", true),
        ("null", "{}", true),
        ("[1]", r#"{"arguments":"[1]"}"#, false),
        ("no json", r#"{"arguments":"no json"}"#, false),
    ] {
        assert_eq!(args(arguments), (expected.to_owned(), exact));
    }
}

#[test]
fn results_are_an_object() {
    let check = |texts: &[&str], failed: bool, expected: &str| {
        let mut json = Writer::new();
        response(texts, failed, &mut json);
        assert_eq!(json.finish(), expected);
    };
    check(&["x"], false, r#"{"result":"x"}"#);
    check(&["x"], true, r#"{"error":"x"}"#);
    check(&[r#"{"a":1}"#], false, r#"{"a":1}"#);
    check(&[r#"{"a":1}"#], true, r#"{"error":"{\"a\":1}"}"#);
    // What would be read as a wrapping is wrapped itself.
    check(&[r#"{"result":"x"}"#], false, r#"{"result":"{\"result\":\"x\"}"}"#);
    check(&["{}"], false, r#"{"result":"{}"}"#);
    check(&["a", "b"], false, r#"{"result":["a","b"]}"#);
    check(&[], false, "{}");
}
