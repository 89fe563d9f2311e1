#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::quirk::Quirk;

fn check(json: &str, expected: &[(Unit, u64)]) {
    let usage = read(Json::parse(json).unwrap(), Quirks::default());
    assert_eq!(usage.iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(), expected, "{json}");
}

#[test]
fn inclusive_counts_become_disjoint() {
    let usage = r#""usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":10},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":20},"total_tokens":150}"#;
    let counts =
        [(Unit::Input, 30), (Unit::CacheRead, 60), (Unit::CacheWrite, 10), (Unit::Output, 50), (Unit::Reasoning, 20)];
    check(&format!("{{{usage}}}"), &counts);
    let searched = r#"{"type":"web_search_call","action":{"type":"search"}},{"type":"web_search_call","action":{"type":"open_page"}},{"type":"web_search_call"}"#;
    let mut with_searches = counts.to_vec();
    with_searches.push((Unit::Search, 2));
    check(&format!(r#"{{{usage},"output":[{searched}]}}"#), &with_searches);
    check(r#"{"usage":null}"#, &[]);
    check(r#"{"output":[{"type":"web_search_call"}]}"#, &[]);
}

#[test]
fn tier_and_cost_of_the_provider() {
    let json = Json::parse(
        r#"{"service_tier":"flex","usage":{"input_tokens":1,"output_tokens":1,"cost_in_usd_ticks":15000000}}"#,
    )
    .unwrap();
    let usage = read(json, [Quirk::CostInTicks].into_iter().collect());
    assert_eq!((usage.tier.as_deref(), usage.reported_usd.as_deref()), (Some("flex"), Some("0.0015")));
}

#[test]
fn written_with_the_details_that_clients_want() {
    let mut json = Writer::new();
    let usage = Usage::default()
        .with(Unit::Input, 30)
        .with(Unit::CacheRead, 60)
        .with(Unit::CacheWrite5m, 10)
        .with(Unit::Output, 5);
    write(&usage, &mut json);
    assert_eq!(
        json.finish(),
        r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":10},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":105}"#
    );
    assert!(is_lossy(&usage));
    let mut json = Writer::new();
    write(&Usage::default(), &mut json);
    assert_eq!(json.finish(), "null");
}
