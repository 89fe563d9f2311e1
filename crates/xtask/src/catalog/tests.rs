#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

use dialect::usage::Unit;
use policy::catalog::Confidence;

use super::*;

/// The merged offer `provider/id` of three small sources, as its JSON, and the report.
fn merged(litellm: &str, genai: &str, modelsdev: &str, offer: &str) -> (String, String, report::Report) {
    let (litellm, _) = litellm::read(litellm).unwrap();
    let genai = genai::read(genai).unwrap();
    let modelsdev = modelsdev::read(modelsdev).unwrap();
    let merged = merge::merge(&litellm, &genai, &modelsdev, "2026-11-22").unwrap();
    let (provider, id) = offer.split_once('/').unwrap();
    let entry = merged.offers.get(&(provider.to_owned(), id.to_owned())).expect(offer);
    entry.sheet.check().unwrap();
    let confidence = match entry.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    (serde_json::to_string(&entry.sheet.rows).unwrap(), confidence.to_owned(), merged.report)
}

fn litellm_entry(key: &str, provider: &str, fields: &str) -> String {
    format!(r#"{{"{key}":{{"litellm_provider":"{provider}","mode":"chat",{fields}}}}}"#)
}

fn genai_entry(provider: &str, id: &str, prices: &str) -> String {
    let rule = format!(r#"{{"_t":"ClauseStartsWith","starts_with":"{id}"}}"#);
    format!(r#"[{{"id":"{provider}","models":[{{"id":"{id}","match":{rule},"prices":{prices}}}]}}]"#)
}

fn modelsdev_entry(provider: &str, id: &str, cost: &str) -> String {
    format!(r#"{{"{provider}":{{"{id}":{{"id":"{id}","api":"x","type":"chat","input":["text"],"cost":{cost}}}}}}}"#)
}

const FLAT: &str = r#""input_cost_per_token":1e-06,"output_cost_per_token":2e-06"#;

#[test]
fn tiers_steps_and_lifetimes_are_told_apart() {
    let fields = concat!(
        r#""input_cost_per_token":4e-06,"output_cost_per_token":2e-05,"cache_creation_input_token_cost":5e-06,"#,
        r#""cache_creation_input_token_cost_above_1hr":8e-06,"input_cost_per_token_above_272k_tokens":8e-06,"#,
        r#""input_cost_per_token_flex":2e-06,"cache_creation_input_token_cost_above_12hr":1e-05"#
    );
    let (rows, confidence, _) = merged(&litellm_entry("m", "openai", fields), "[]", "{}", "openai/m");
    assert_eq!(
        rows,
        concat!(
            r#"[{"rates":{"input":"4","cache_write":"5","cache_write_1h":"8","output":"20"}},"#,
            r#"{"prompt":">272000","rates":{"input":"8","cache_write":"5","cache_write_1h":"8","output":"20"}},"#,
            r#"{"tier":"flex","rates":{"input":"2","cache_write":"5","cache_write_1h":"8","output":"20"}},"#,
            r#"{"tier":"flex","prompt":">272000","rates":{"input":"8","cache_write":"5","cache_write_1h":"8","output":"20"}}]"#
        )
    );
    assert_eq!(confidence, "medium");
}

#[test]
fn two_of_three_win_and_the_third_is_written_down() {
    let genai = genai_entry("mistral", "m", r#"{"input_mtok":"0.7","output_mtok":"2.1"}"#);
    let modelsdev = modelsdev_entry("mistral", "m", r#"{"input":0.7,"output":2.1,"cacheRead":0,"cacheWrite":0}"#);
    let litellm = litellm_entry("mistral/m", "mistral", FLAT);
    let (rows, confidence, report) = merged(&litellm, &genai, &modelsdev, "mistral/m");
    assert_eq!((rows.as_str(), confidence.as_str()), (r#"[{"rates":{"input":"0.7","output":"2.1"}}]"#, "medium"));
    let conflict = report.prices.first().unwrap();
    assert_eq!((conflict.chosen, conflict.why), ("genai-prices", "two of three"));
    assert_eq!(conflict.voices, ["1/2 · –", "0.7/2.1 · –", "0.7/2.1 · –"]);
    // All three agree: nothing to decide. A cache price of 0 is not one.
    let genai = genai_entry("mistral", "m", r#"{"input_mtok":"1","output_mtok":"2"}"#);
    let modelsdev = modelsdev_entry("mistral", "m", r#"{"input":1,"output":2,"cacheRead":0,"cacheWrite":0}"#);
    let (rows, confidence, report) = merged(&litellm, &genai, &modelsdev, "mistral/m");
    assert_eq!((rows.as_str(), confidence.as_str()), (r#"[{"rates":{"input":"1","output":"2"}}]"#, "high"));
    assert!(report.prices.is_empty());
}

#[test]
fn dates_come_from_the_source_that_has_them_when_it_agrees_on_today() {
    let dated = |last: &str| {
        format!(
            r#"[{{"prices":{{"input_mtok":"3","output_mtok":"4"}}}},
            {{"constraint":{{"start_date":"date(2026,8,1)"}},"prices":{{"input_mtok":"{last}","output_mtok":"2"}}}}]"#
        )
    };
    let litellm = litellm_entry("groq/m", "groq", FLAT);
    let (rows, ..) = merged(&litellm, &genai_entry("groq", "m", &dated("1")), "{}", "groq/m");
    assert_eq!(
        rows,
        concat!(
            r#"[{"from":"2026-08-01","rates":{"input":"1","output":"2"}},"#,
            r#"{"to":"2026-08-01","rates":{"input":"3","output":"4"}}]"#
        )
    );
    // It does not agree on today, and its change is recent: its word, marked.
    let (_, confidence, report) = merged(&litellm, &genai_entry("groq", "m", &dated("9")), "{}", "groq/m");
    assert_eq!((confidence.as_str(), report.prices.first().unwrap().chosen), ("low", "genai-prices"));
}

#[test]
fn boundaries_zeros_and_prices_beyond_belief() {
    let fields = format!(r#"{FLAT},"input_cost_per_token_above_200k_tokens":2e-06"#);
    let (rows, ..) = merged(&litellm_entry("xai/m", "xai", &fields), "[]", "{}", "xai/m");
    assert!(rows.contains(r#""prompt":">=200000""#), "{rows}");
    let tiered = r#"{"input_mtok":{"base":"1","tiers":[{"start":199999,"price":"2"}]},"output_mtok":"2"}"#;
    let (rows, ..) = merged("{}", &genai_entry("azure", "m", tiered), "{}", "azure/m");
    assert_eq!(
        rows,
        r#"[{"rates":{"input":"1","output":"2"}},{"prompt":">=200000","rates":{"input":"2","output":"2"}}]"#
    );
    let zero = r#""input_cost_per_token":0.0,"output_cost_per_token":0.0"#;
    let (rows, _, report) = merged(&litellm_entry("groq/m", "groq", zero), "[]", "{}", "groq/m");
    assert_eq!((rows.as_str(), report.zeros.len()), ("[]", 1));
    let dear = r#""input_cost_per_token":0.0032"#;
    let (rows, _, report) = merged(&litellm_entry("groq/m", "groq", dear), "[]", "{}", "groq/m");
    assert_eq!((rows.as_str(), report.dear.len()), ("[]", 1));
}

#[test]
fn keys_are_placed_by_provider_region_and_door() {
    let place = |key: &str, provider: &str| {
        rows::litellm(key, provider).map(|place| (place.provider, place.id, place.region.unwrap_or_default()))
    };
    let at = |provider, id: &str, region: &str| Some((provider, id.to_owned(), region.to_owned()));
    assert_eq!(place("gpt-5", "openai"), at("openai", "gpt-5", ""));
    assert_eq!(place("azure/eu/gpt-5", "azure"), at("azure", "gpt-5", "eu"));
    assert_eq!(place("azure/global/gpt-5", "azure"), None);
    assert_eq!(place("bedrock/us-gov-west-1/x.y", "bedrock"), at("bedrock", "x.y", "us-gov-west-1"));
    assert_eq!(place("bedrock/us-east-1/1-month-commitment/x.y", "bedrock"), None);
    assert_eq!(place("vertex_ai/claude-opus-5", "vertex_ai-anthropic_models"), at("vertex", "claude-opus-5", ""));
    assert_eq!(place("high/1024-x-1024/gpt-image-1", "openai"), None);
    assert_eq!(place("kyma/gpt-5", "kyma"), None);
}

#[test]
fn the_rules_of_match_are_followed_and_unknown_ones_match_nothing() {
    let model = |rule: &str| {
        let text =
            format!(r#"[{{"id":"openai","models":[{{"id":"m","match":{rule},"prices":{{"input_mtok":"1"}}}}]}}]"#);
        genai::read(&text).unwrap().remove("openai").unwrap().remove(0)
    };
    let regex = |regex: &str| model(&format!(r#"{{"_t":"ClauseRegex","regex":{}}}"#, serde_json::json!(regex)));
    assert!(regex(r"^gpt-5\.4-\d{4}-\d{2}-\d{2}$").is("gpt-5.4-2026-01-02"));
    assert!(!regex(r"^gpt-5\.4-\d{4}-\d{2}-\d{2}$").is("gpt-5.4-2026-01-02x"));
    assert!(!regex(r"^gpt-5\.4-\d{4}$").is("gpt-5x4-2026"));
    assert!(regex(r"^claude-opus-5[-@]\d{8}$").is("claude-opus-5@20260101"));
    assert!(regex(r"^gemini-3\.5-flash-\d").is("gemini-3.5-flash-001"));
    assert!(!regex(r"^(a|b)$").is("a"));
    assert!(!regex(r"a").is("a"));
    let both =
        r#"{"_t":"ClauseAnd","and_":[{"_t":"ClauseContains","contains":"b"},{"_t":"ClauseEndsWith","ends_with":"c"}]}"#;
    assert!(model(both).is("abc") && !model(both).is("ab"));
    let first = |entry: &str| genai::read(entry).unwrap().remove("groq").unwrap().remove(0);
    let hours = first(&genai_entry("groq", "whisper", r#"{"audio_hours":"0.111"}"#));
    assert_eq!(hours.rows[0].rates.get(Unit::Second).unwrap().to_string(), "30.8333333333");
}
