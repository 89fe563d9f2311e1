#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;

fn check(schema: &str, expected: &str, lost: &[&str]) {
    let mut losses = Vec::new();
    assert_eq!(to_subset(schema, "tools[0]", &mut losses), expected);
    Json::parse(expected).expect("JSON");
    let said: Vec<String> = losses.iter().map(|loss| loss.what.trim_start_matches("schema ").to_owned()).collect();
    assert_eq!(said, lost, "{schema}");
}

#[test]
fn what_the_subset_has() {
    check(
        r#"{"type":"object","properties":{"b":{"type":"string","description":"x"},"a":{"type":"array","items":{"type":"integer"}}},"required":["b"]}"#,
        r#"{"type":"OBJECT","properties":{"b":{"type":"STRING","description":"x"},"a":{"type":"ARRAY","items":{"type":"INTEGER"}}},"required":["b"]}"#,
        &[],
    );
    check(r#"{"type":["string","null"]}"#, r#"{"type":"STRING","nullable":true}"#, &[]);
    check(r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, r#"{"nullable":true,"anyOf":[{"type":"STRING"}]}"#, &[]);
    check(r#"{"type":["string","integer"]}"#, r#"{"anyOf":[{"type":"STRING"},{"type":"INTEGER"}]}"#, &[]);
    check(r#"{"const":"a"}"#, r#"{"enum":["a"]}"#, &[]);
    check(r##"{"$defs":{"p":{"type":"number"}},"$ref":"#/$defs/p"}"##, r#"{"type":"NUMBER"}"#, &["beside $ref"]);
    check(
        r##"{"type":"object","$defs":{"p":{"type":"number"}},"properties":{"x":{"$ref":"#/$defs/p"}}}"##,
        r#"{"type":"OBJECT","properties":{"x":{"type":"NUMBER"}}}"#,
        &[],
    );
}

#[test]
fn what_it_has_not_is_named() {
    check(r#"{"type":"object","additionalProperties":false}"#, r#"{"type":"OBJECT"}"#, &["additionalProperties"]);
    check(r#"{"type":"string","format":"uuid"}"#, r#"{"type":"STRING"}"#, &["format"]);
    check(r#"{"type":"string","format":"date-time"}"#, r#"{"type":"STRING","format":"date-time"}"#, &[]);
    check(r#"{"enum":[1,2]}"#, "{}", &["enum"]);
    check(r#"{"oneOf":[{"type":"string"}]}"#, r#"{"anyOf":[{"type":"STRING"}]}"#, &["oneOf"]);
    check(r#"{"items":[{"type":"string"}]}"#, "{}", &["items"]);
    check("true", "{}", &[]);
    check("7", "{}", &["nesting"]);
    check(r#"{"x_new":1}"#, "{}", &["x_new"]);
}

#[test]
fn circles_end() {
    let mut losses = Vec::new();
    let schema = r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##;
    let circle = r##"{"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}"##;
    for schema in [schema, circle] {
        Json::parse(&to_subset(schema, "", &mut losses)).expect("JSON");
    }
    assert!(!losses.is_empty());
}

#[test]
fn the_subset_is_json_schema_again() {
    for (subset, expected) in [
        (
            r#"{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}"#,
            r#"{"type":"object","properties":{"a":{"type":["string","null"]}}}"#,
        ),
        (r#"{ "type":"object", "x" : 1e400 }"#, r#"{ "type":"object", "x" : 1e400 }"#),
        (
            r#"{"type":"ARRAY","items":{"type":"NUMBER"},"max_items":3}"#,
            r#"{"type":"array","items":{"type":"number"},"maxItems":3}"#,
        ),
        (r#"{"any_of":[{"type":"STRING"}]}"#, r#"{"anyOf":[{"type":"string"}]}"#),
    ] {
        assert_eq!(from_subset(Json::parse(subset).expect("JSON")), expected);
    }
}
