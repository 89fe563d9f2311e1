#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;

fn json(text: &str) -> Json<'_> {
    Json::parse(text).expect("test usage is JSON")
}

fn counts(usage: &Usage) -> Vec<(Unit, u64)> {
    usage.iter().collect()
}

#[test]
fn vectors() {
    use Unit::{CacheRead, CacheWrite, CacheWrite1h, CacheWrite5m, Input, Output, Reasoning, Search};
    let table: [(&str, &[(Unit, u64)]); 8] = [
        (r#"{"input_tokens":10,"output_tokens":20}"#, &[(Input, 10), (Output, 20)]),
        (
            r#"{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":7,"output_tokens":1}"#,
            &[(Input, 10), (CacheRead, 5), (CacheWrite, 7), (Output, 1)],
        ),
        (
            r#"{"input_tokens":10,"cache_creation":{"ephemeral_1h_input_tokens":1603,"ephemeral_5m_input_tokens":67},"cache_creation_input_tokens":1670,"output_tokens":13,"output_tokens_details":{"thinking_tokens":7}}"#,
            &[(Input, 10), (CacheWrite5m, 67), (CacheWrite1h, 1603), (Output, 13), (Reasoning, 7)],
        ),
        // A split that explains too little leaves a rest; one that explains too much is not believed.
        (
            r#"{"cache_creation":{"ephemeral_5m_input_tokens":3},"cache_creation_input_tokens":5}"#,
            &[(CacheWrite, 2), (CacheWrite5m, 3)],
        ),
        (r#"{"cache_creation":{"ephemeral_5m_input_tokens":9},"cache_creation_input_tokens":5}"#, &[(CacheWrite, 5)]),
        (
            r#"{"input_tokens":1,"output_tokens":2,"server_tool_use":{"web_search_requests":3}}"#,
            &[(Input, 1), (Output, 2), (Search, 3)],
        ),
        (r#"{"input_tokens":null,"output_tokens":"x","cache_creation":null}"#, &[]),
        (r#""nothing""#, &[]),
    ];
    for (text, expected) in table {
        assert_eq!(counts(&read(json(text))), expected, "{text}");
    }
    assert_eq!(read(json("{}")).source, Source::Unknown);
    assert_eq!(read(json(r#"{"output_tokens":0}"#)).source, Source::Reported);
}

#[test]
fn iterations_beyond_the_top_level_are_added_and_noted() {
    // Two recorded shapes: a compaction turn, and an advisor of another model.
    let usage = read(json(
        r#"{"input_tokens":682,"iterations":[{"input_tokens":60385,"output_tokens":592,"type":"compaction"},{"input_tokens":682,"output_tokens":1320,"type":"message"}],"output_tokens":1320}"#,
    ));
    assert_eq!(counts(&usage), [(Unit::Input, 61067), (Unit::Output, 1912)]);
    assert_eq!(usage.notes, ["compaction iteration is added to the counts"]);
    let usage = read(json(
        r#"{"input_tokens":2417,"iterations":[{"input_tokens":1128,"output_tokens":121,"type":"message"},{"input_tokens":2529,"cache_read_input_tokens":4,"model":"claude-opus-4-8","output_tokens":38,"type":"advisor_message"},{"input_tokens":1289,"output_tokens":12,"type":"message"}],"output_tokens":133}"#,
    ));
    assert_eq!(counts(&usage), [(Unit::Input, 4946), (Unit::CacheRead, 4), (Unit::Output, 171)]);
    assert_eq!(usage.notes, ["advisor_message iteration of claude-opus-4-8 is added to the counts"]);
}

#[test]
fn the_last_given_wins_and_the_missing_stays() {
    let mut tokens = Tokens::default();
    tokens.take(json(
        r#"{"input_tokens":50,"cache_creation_input_tokens":8,"cache_creation":{"ephemeral_5m_input_tokens":8,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}"#,
    ));
    assert_eq!(tokens.usage(Source::Partial).get(Unit::Output), Some(1));
    tokens.take(json(r#"{"output_tokens":90,"input_tokens":70,"cache_creation_input_tokens":8}"#));
    let usage = tokens.usage(Source::Reported);
    assert_eq!(
        counts(&usage),
        [(Unit::Input, 70), (Unit::CacheWrite5m, 8), (Unit::CacheWrite1h, 0), (Unit::Output, 90)]
    );
    assert_eq!(usage.tier.as_deref(), Some("standard"));
}

#[test]
fn price_facts_beside_the_counts() {
    let usage = read(json(
        r#"{"input_tokens":1,"inference_geo":"us","speed":"fast","cost":0.00012,"service_tier":"priority"}"#,
    ));
    assert_eq!(usage.notes, ["inference_geo is us", "speed is fast"]);
    assert_eq!(usage.reported_usd.as_deref(), Some("0.00012"));
    assert_eq!(usage.tier.as_deref(), Some("priority"));
    assert!(read(json(r#"{"input_tokens":1,"inference_geo":"global","speed":"standard"}"#)).notes.is_empty());
}

#[test]
fn written_usage_reads_back() {
    for text in [
        r#"{"input_tokens":10,"output_tokens":20}"#,
        r#"{"input_tokens":10,"cache_creation_input_tokens":7,"cache_read_input_tokens":5,"output_tokens":1}"#,
        r#"{"input_tokens":1,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":4,"output_tokens_details":{"thinking_tokens":3},"server_tool_use":{"web_search_requests":1},"service_tier":"batch"}"#,
    ] {
        let mut out = Writer::new();
        write(&read(json(text)), &mut out);
        assert_eq!(out.finish(), text);
    }
    let mut out = Writer::new();
    write(&Usage::unknown(), &mut out);
    assert_eq!(out.finish(), r#"{"input_tokens":0,"output_tokens":0}"#);
}
