#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;

fn buckets(raw: &str, quirks: &[Quirk]) -> (Vec<(&'static str, u64)>, Vec<String>) {
    let usage = read(Json::parse(raw).expect("JSON"), quirks.iter().copied().collect());
    assert_eq!(usage.source, Source::Reported);
    (
        usage.iter().filter(|(_, quantity)| *quantity > 0).map(|(unit, quantity)| (unit.name(), quantity)).collect(),
        usage.notes,
    )
}

#[test]
fn each_way_of_counting() {
    type Case = (&'static str, &'static [Quirk], &'static [(&'static str, u64)], &'static [&'static str]);
    let cases: &[Case] = &[
        (
            r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":10,"audio_tokens":5},"completion_tokens_details":{"reasoning_tokens":20,"audio_tokens":8}}"#,
            &[],
            &[
                ("input", 25),
                ("cache_read", 60),
                ("cache_write", 10),
                ("output", 42),
                ("reasoning", 20),
                ("audio_in", 5),
                ("audio_out", 8),
            ],
            &[],
        ),
        // Grok on Azure.
        (
            r#"{"prompt_tokens":29,"completion_tokens":6,"total_tokens":35,"prompt_tokens_details":{"cached_tokens":157,"audio_tokens":0}}"#,
            &[Quirk::ClampCached],
            &[("cache_read", 29), ("output", 6)],
            &["cached tokens exceed prompt tokens: clamped"],
        ),
        // xAI: reasoning beside the output, also where the row does not say so.
        (
            r#"{"prompt_tokens":468,"completion_tokens":77,"total_tokens":1127,"prompt_tokens_details":{"cached_tokens":467},"completion_tokens_details":{"reasoning_tokens":582}}"#,
            &[Quirk::ReasoningBesideOutput],
            &[("input", 1), ("cache_read", 467), ("output", 659), ("reasoning", 582)],
            &[],
        ),
        (
            r#"{"prompt_tokens":12,"completion_tokens":2,"total_tokens":354,"prompt_tokens_details":{"cached_tokens":11},"completion_tokens_details":{"reasoning_tokens":340}}"#,
            &[],
            &[("input", 1), ("cache_read", 11), ("output", 342), ("reasoning", 340)],
            &["reasoning tokens stand beside the completion tokens: added"],
        ),
        // Gemini through Vercel: billed on top, by the price it asked.
        (
            r#"{"prompt_tokens":28,"completion_tokens":9,"total_tokens":37,"completion_tokens_details":{"reasoning_tokens":84}}"#,
            &[],
            &[("input", 28), ("output", 93), ("reasoning", 84)],
            &["reasoning tokens exceed completion tokens: added"],
        ),
        // Claude through Portkey; what LiteLLM makes of the same answer counts as OpenAI does.
        (
            r#"{"prompt_tokens":20,"completion_tokens":7,"total_tokens":130,"prompt_tokens_details":{"cached_tokens":100},"cache_read_input_tokens":100,"cache_creation_input_tokens":3}"#,
            &[],
            &[("input", 20), ("cache_read", 100), ("cache_write", 3), ("output", 7)],
            &["cached tokens stand beside the prompt tokens: added"],
        ),
        (
            r#"{"completion_tokens":7,"prompt_tokens":120,"total_tokens":127,"prompt_tokens_details":{"cache_write_tokens":0,"cached_tokens":100},"cache_creation_input_tokens":0,"cache_read_input_tokens":100}"#,
            &[],
            &[("input", 20), ("cache_read", 100), ("output", 7)],
            &[],
        ),
        // DeepSeek.
        (
            r#"{"prompt_tokens":404,"completion_tokens":5,"total_tokens":409,"prompt_cache_hit_tokens":384,"prompt_cache_miss_tokens":20}"#,
            &[],
            &[("input", 20), ("cache_read", 384), ("output", 5)],
            &[],
        ),
        // Gemini's OpenAI endpoint.
        (
            r#"{"completion_tokens":12,"prompt_tokens":35,"total_tokens":109}"#,
            &[Quirk::HiddenThoughtsInTotal],
            &[("input", 35), ("output", 74), ("reasoning", 62)],
            &[],
        ),
        (
            r#"{"completion_tokens":12,"prompt_tokens":35,"total_tokens":109}"#,
            &[],
            &[("input", 35), ("output", 12)],
            &["total_tokens is not the sum of its parts"],
        ),
        // Mistral with audio, counted beside the prompt.
        (
            r#"{"completion_tokens":15,"prompt_audio_seconds":5,"prompt_tokens":11,"prompt_tokens_details":{"audio_tokens":375,"cached_tokens":9},"total_tokens":401}"#,
            &[],
            &[("input", 2), ("cache_read", 9), ("output", 15), ("audio_in", 375), ("second", 5)],
            &["audio tokens stand beside the prompt tokens"],
        ),
        (
            r#"{"prompt_tokens":8,"num_cached_tokens":3,"completion_tokens":1,"total_tokens":9}"#,
            &[],
            &[("input", 5), ("cache_read", 3), ("output", 1)],
            &[],
        ),
    ];
    for (raw, quirks, expected, notes) in cases {
        let (found, noted) = buckets(raw, quirks);
        assert_eq!(found, *expected, "{raw}");
        assert_eq!(noted, *notes, "{raw}");
    }
}

#[test]
fn a_bucket_not_mentioned_is_zero_and_nothing_is_unknown() {
    let usage = read(Json::parse(r#"{"prompt_tokens":1,"completion_tokens":2}"#).expect("JSON"), Quirks::default());
    assert_eq!(usage.get(Unit::CacheRead), Some(0));
    assert_eq!(usage.get(Unit::CacheWrite), Some(0));
    assert_eq!(usage.get(Unit::Reasoning), Some(0));
    assert_eq!(usage.get(Unit::AudioIn), None);
    let nothing = read(Json::parse("{}").expect("JSON"), Quirks::default());
    assert_eq!(nothing.source, Source::Unknown);
    assert!(nothing.is_empty());
}

#[test]
fn reported_cost_is_exact() {
    for (raw, quirk, usd) in [
        (r#"{"cost_in_usd_ticks":3530500}"#, Quirk::CostInTicks, Some("0.00035305")),
        (r#"{"cost":7.02e-05}"#, Quirk::CostInUsage, Some("0.0000702")),
        (r#"{"cost":{"total_cost":0.00504}}"#, Quirk::CostInUsage, Some("0.00504")),
        (
            r#"{"cost":0.0001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.002}}"#,
            Quirk::CostInUsage,
            Some("0.0021"),
        ),
        (
            r#"{"cost":0.002,"is_byok":false,"cost_details":{"upstream_inference_cost":0.002}}"#,
            Quirk::CostInUsage,
            Some("0.002"),
        ),
        (r#"{"cost":0.002}"#, Quirk::NoDone, None),
    ] {
        let usage = read(Json::parse(raw).expect("JSON"), Quirks::default().with(quirk));
        assert_eq!(usage.reported_usd.as_deref(), usd, "{raw}");
    }
}

#[test]
fn what_is_written_reads_back() {
    let usage = Usage::unknown()
        .with(Unit::Input, 25)
        .with(Unit::CacheRead, 60)
        .with(Unit::CacheWrite, 10)
        .with(Unit::Output, 42)
        .with(Unit::Reasoning, 20)
        .with(Unit::AudioIn, 5)
        .with(Unit::AudioOut, 8);
    let mut json = Writer::new();
    write(&usage, &mut json);
    let back = read(Json::parse(&json.finish()).expect("JSON"), Quirks::default());
    assert_eq!(back.iter().collect::<Vec<_>>(), usage.iter().collect::<Vec<_>>());
}

#[test]
fn only_known_parts_are_written() {
    let text = |usage: &Usage| {
        let mut json = Writer::new();
        write(usage, &mut json);
        json.finish()
    };
    let usage = Usage::unknown().with(Unit::Input, 3).with(Unit::Output, 2);
    assert_eq!(text(&usage), r#"{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"#);
    let usage = usage.with(Unit::CacheRead, 4).with(Unit::CacheWrite1h, 1).with(Unit::Reasoning, 0);
    assert_eq!(
        text(&usage),
        r#"{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":1},"completion_tokens_details":{"reasoning_tokens":0}}"#
    );
}
