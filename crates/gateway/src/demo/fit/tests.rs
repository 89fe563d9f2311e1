//! Values that fit their schemas.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use wire::json::Json;

use super::fit;

#[track_caller]
fn check(schema: &str, prompt: &str, wanted: &str) {
    let schema = Json::parse(schema).unwrap();
    assert_eq!(fit(schema, prompt), wanted);
}

#[test]
fn required_members_are_there_and_optional_ones_are_not() {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["c","f"]},
        "days":{"type":"integer","minimum":3}},"required":["city","days"]}"#;
    check(schema, "What is the weather in Paris?", r#"{"city":"Paris","days":3}"#);
}

#[test]
fn without_a_list_of_required_members_all_are_there() {
    check(r#"{"properties":{"a":{"type":"boolean"},"b":{"const":7}}}"#, "", r#"{"a":true,"b":7}"#);
    check(r#"{"type":"object","required":["x"]}"#, "hello there", r#"{"x":"hello there"}"#);
}

#[test]
fn references_joins_and_choices_are_followed() {
    let schema = r##"{"$ref":"#/$defs/root","$defs":{"root":{"allOf":[
        {"properties":{"a":{"anyOf":[{"type":"null"},{"type":"integer"}]}},"required":["a"]},
        {"properties":{"b":{"type":["null","string"],"maxLength":3}},"required":["b"]}],"type":"object"}}}"##;
    let schema = Json::parse(schema).unwrap();
    let made = fit(schema, "abcdef");
    let made = Json::parse(&made).unwrap();
    assert_eq!(made.get("a").and_then(Json::as_u64), Some(1));
    assert!(made.get("b").is_some_and(|b| b.is("abc")));
}

#[test]
fn numbers_are_within_their_bounds() {
    check(r#"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.5}"#, "", "0.25");
    check(r#"{"type":"integer","minimum":1.5,"maximum":2.5}"#, "", "2");
    check(r#"{"type":"integer","exclusiveMinimum":10}"#, "", "11");
    check(r#"{"type":"integer","maximum":-4}"#, "", "-4");
    check(r#"{"type":"integer","multipleOf":5,"minimum":7}"#, "", "10");
    check(r#"{"type":"number","minimum":1e999}"#, "", "1");
}

#[test]
fn lists_are_as_long_as_they_must_be() {
    check(r#"{"type":"array","items":{"type":"null"}}"#, "", "[null]");
    check(r#"{"items":{"type":"boolean"},"minItems":3}"#, "", "[true,true,true]");
    check(r#"{"type":"array","maxItems":0}"#, "", "[]");
    check(r#"{"type":"array","prefixItems":[{"type":"integer"},{"type":"boolean"}]}"#, "", "[1,true]");
}

#[test]
fn a_list_that_nests_itself_ends() {
    let schema = r##"{"type":"object","properties":{"v":{"type":"integer"},
        "next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["v","next"]}"##;
    let made = fit(Json::parse(schema).unwrap(), "");
    assert_eq!(made.matches("\"v\":1").count(), 5);
    assert!(made.contains("\"next\":null"));
}

#[test]
fn a_schema_that_nothing_fits_ends_soon() {
    let members: Vec<String> = (0..10).map(|n| format!("\"k{n}\":{{\"$ref\":\"#\"}}")).collect();
    let names: Vec<String> = (0..10).map(|n| format!("\"k{n}\"")).collect();
    let schema =
        format!("{{\"type\":\"object\",\"properties\":{{{}}},\"required\":[{}]}}", members.join(","), names.join(","));
    let made = fit(Json::parse(&schema).unwrap(), "");
    assert!(made.len() < 200_000, "{}", made.len());
    Json::parse(&made).unwrap();
    let chain = r##"{"$ref":"#"}"##;
    check(chain, "x", "\"x\"");
}
