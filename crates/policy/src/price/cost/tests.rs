#![allow(clippy::unwrap_used, clippy::expect_used, clippy::allow_attributes, reason = "tests")]

use dialect::usage::Unit as U;
use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::price::overrides::Override;

/// A Sunday, 10:00 UTC.
const NOW: &str = "2026-11-22T10:00:00Z";

fn usage(counts: &[(U, u64)]) -> Usage {
    counts.iter().fold(Usage::unknown(), |usage, (unit, count)| usage.with(*unit, *count))
}

fn of(target: &str) -> Sheet {
    let (provider, id) = target.split_once('/').unwrap();
    Catalog::embedded().offer(provider, id).expect(target).sheet.expect(target)
}

/// `total = unit quantity×rate=usd + …`, or `unpriced: units`.
fn shown(cost: &Cost) -> String {
    let line = |line: &Line| {
        let rate = line.usd_per_million.map(|rate| format!("{}×{rate}=", line.quantity)).unwrap_or_default();
        let counted = line.counted_as.map(|unit| format!(" as {unit}")).unwrap_or_default();
        format!("{} {rate}{}{counted}", line.item.name(), line.usd)
    };
    match cost.total() {
        Some(total) => format!("{total} = {}", cost.lines.iter().map(line).collect::<Vec<_>>().join(" + ")),
        None => format!("unpriced: {}", cost.missing.iter().map(|unit| unit.name()).collect::<Vec<_>>().join(" ")),
    }
}

fn check_asked(target: &str, counts: &[(U, u64)], at: &str, asked: Asked<'_>, expect: &str) {
    let cost = cost(&usage(counts), Some(&of(target)), at.parse().unwrap(), asked, None);
    assert_eq!(shown(&cost), expect, "{target}");
}

fn check(target: &str, counts: &[(U, u64)], expect: &str) {
    check_asked(target, counts, NOW, Asked::default(), expect);
}

fn check_tier(target: &str, tier: &str, counts: &[(U, u64)], expect: &str) {
    check_asked(target, counts, NOW, Asked { tier: Some(tier), region: None }, expect);
}

#[test]
fn the_contracts_example() {
    check(
        "anthropic/claude-haiku-4-5",
        &[(U::Input, 10), (U::CacheRead, 0), (U::CacheWrite, 0), (U::Output, 20), (U::Reasoning, 0)],
        "0.000110000 = input 10×1=0.00001 + output 20×5=0.0001",
    );
}

#[test]
fn cached_tokens_have_their_own_price_in_both_conventions() {
    // OpenAI said prompt 1,200 of which 1,000 cached; Anthropic 200 beside 1,000: the same buckets.
    let counts = &[(U::Input, 200), (U::CacheRead, 1000), (U::Output, 50)];
    check(
        "openai/gpt-5",
        counts,
        "0.000875000 = input 200×1.25=0.00025 + cache_read 1000×0.125=0.000125 + output 50×10=0.0005",
    );
    check(
        "anthropic/claude-sonnet-5",
        counts,
        "0.001100000 = input 200×2=0.0004 + cache_read 1000×0.2=0.0002 + output 50×10=0.0005",
    );
}

#[test]
fn cache_writes_cost_by_lifetime() {
    check(
        "anthropic/claude-opus-4-5",
        &[(U::Input, 3), (U::CacheWrite5m, 1000), (U::CacheWrite1h, 1000), (U::Output, 1)],
        "0.016290000 = input 3×5=0.000015 + cache_write_5m 1000×6.25=0.00625 + cache_write_1h 1000×10=0.01 + output 1×25=0.000025",
    );
    check("anthropic/claude-opus-4-5", &[(U::CacheWrite, 1000)], "0.006250000 = cache_write 1000×6.25=0.00625");
    // A rate that is not given counts as another and says so.
    check("openai/gpt-5", &[(U::CacheWrite1h, 1000)], "0.001250000 = cache_write_1h 1000×1.25=0.00125 as input");
    check("openai/gpt-5.6-sol", &[(U::CacheWrite1h, 1000)], "0.005000000 = cache_write_1h 1000×5=0.005 as cache_write");
}

#[test]
fn a_context_step_reprices_the_whole_request_and_counts_cached_tokens() {
    let step = |input, cached| [(U::Input, input), (U::CacheRead, cached), (U::Output, 1000)];
    check("gemini/gemini-2.5-pro", &step(200_000, 0), "0.260000000 = input 200000×1.25=0.25 + output 1000×10=0.01");
    check(
        "gemini/gemini-2.5-pro",
        &step(200_001, 0),
        "0.515002500 = input 200001×2.5=0.5000025 + output 1000×15=0.015",
    );
    // xAI: from 200,000, not above it.
    check("xai/grok-4.3", &step(199_999, 0), "0.252498750 = input 199999×1.25=0.24999875 + output 1000×2.5=0.0025");
    check("xai/grok-4.3", &step(200_000, 0), "0.505000000 = input 200000×2.5=0.5 + output 1000×5=0.005");
    check(
        "openai/gpt-5.5",
        &step(1_000, 271_000),
        "0.170500000 = input 1000×5=0.005 + cache_read 271000×0.5=0.1355 + output 1000×30=0.03",
    );
    check(
        "openai/gpt-5.5",
        &step(1_001, 271_000),
        "0.326010000 = input 1001×10=0.01001 + cache_read 271000×1=0.271 + output 1000×45=0.045",
    );
    // Steps at 32k and 128k.
    check("alibaba/qwen3-max", &step(32_000, 0), "0.044400000 = input 32000×1.2=0.0384 + output 1000×6=0.006");
    check("alibaba/qwen3-max", &step(128_000, 0), "0.319200000 = input 128000×2.4=0.3072 + output 1000×12=0.012");
    check("alibaba/qwen3-max", &step(128_001, 0), "0.399003000 = input 128001×3=0.384003 + output 1000×15=0.015");
    // Anthropic's step of the retired window: gone, and kept for bills of its time.
    check(
        "anthropic/claude-sonnet-4-5",
        &step(200_001, 0),
        "0.615003000 = input 200001×3=0.600003 + output 1000×15=0.015",
    );
    check_asked(
        "anthropic/claude-sonnet-4-5",
        &step(200_001, 0),
        "2026-04-29T23:59:59Z",
        Asked::default(),
        "1.222506000 = input 200001×6=1.200006 + output 1000×22.5=0.0225",
    );
}

#[test]
fn tiers_cost_what_they_cost_and_the_one_served_wins() {
    let counts = &[(U::Input, 1000), (U::Output, 100)];
    check("openai/gpt-5.6-sol", counts, "0.006000000 = input 1000×4=0.004 + output 100×20=0.002");
    check_tier("openai/gpt-5.6-sol", "flex", counts, "0.003000000 = input 1000×2=0.002 + output 100×10=0.001");
    check_tier("openai/gpt-5.6-sol", "batch", counts, "0.003000000 = input 1000×2=0.002 + output 100×10=0.001");
    check_tier("openai/gpt-5.6-sol", "priority", counts, "0.012000000 = input 1000×8=0.008 + output 100×40=0.004");
    check_tier("openai/gpt-5.6-sol", "auto", counts, "0.006000000 = input 1000×4=0.004 + output 100×20=0.002");
    check_tier(
        "openai/gpt-5.6-sol",
        "priority",
        &[(U::Input, 272_001), (U::Output, 100)],
        "4.358016000 = input 272001×16=4.352016 + output 100×60=0.006",
    );
    check_tier("anthropic/claude-opus-5", "fast", counts, "0.015000000 = input 1000×10=0.01 + output 100×50=0.005");
    check_tier(
        "anthropic/claude-opus-5",
        "batch",
        counts,
        "0.003750000 = input 1000×2.5=0.0025 + output 100×12.5=0.00125",
    );
    let mut served = usage(counts);
    served.tier = Some("default".into());
    let asked = Asked { tier: Some("priority"), region: None };
    let cost = cost(&served, Some(&of("openai/gpt-5.6-sol")), NOW.parse().unwrap(), asked, None);
    assert_eq!(cost.total().unwrap().to_string(), "0.006000000");
}

#[test]
fn a_region_moves_rates_per_token_only() {
    let counts = &[(U::Input, 1000), (U::Output, 100), (U::Search, 1)];
    let eu = Asked { tier: None, region: Some("eu") };
    check_asked(
        "openai/gpt-5.6-sol",
        counts,
        NOW,
        eu,
        "0.016600000 = input 1000×4.4=0.0044 + output 100×22=0.0022 + search 1×10000=0.01",
    );
    check_asked("azure/gpt-4o", &[(U::Input, 1000)], NOW, eu, "0.002750000 = input 1000×2.75=0.00275");
    check("azure/gpt-4o", &[(U::Input, 1000)], "0.002500000 = input 1000×2.5=0.0025");
}

#[test]
fn deepseek_costs_less_off_peak_and_on_weekends() {
    let counts = &[(U::Input, 1_000_000), (U::CacheRead, 1_000_000), (U::Output, 1_000_000)];
    let peak = "1.506000000 = input 1000000×0.3=0.3 + cache_read 1000000×0.006=0.006 + output 1000000×1.2=1.2";
    let off = "0.753000000 = input 1000000×0.15=0.15 + cache_read 1000000×0.003=0.003 + output 1000000×0.6=0.6";
    for (at, expect) in [
        // Friday: peak is 01:00–04:00 and 06:00–10:00 UTC.
        ("2026-11-20T00:59:59Z", off),
        ("2026-11-20T01:00:00Z", peak),
        ("2026-11-20T03:59:59Z", peak),
        ("2026-11-20T04:00:00Z", off),
        ("2026-11-20T05:59:59Z", off),
        ("2026-11-20T06:00:00Z", peak),
        ("2026-11-20T09:59:59Z", peak),
        ("2026-11-20T10:00:00Z", off),
        ("2026-11-20T23:59:59Z", off),
        // Saturday and Sunday at what would be peak.
        ("2026-11-21T02:00:00Z", off),
        ("2026-11-22T09:00:00Z", off),
        // Monday again.
        ("2026-11-23T00:30:00Z", off),
        ("2026-11-23T02:00:00Z", peak),
        // Two eras back the price was flat; in the era between only the off-peak price is known.
        (
            "2026-08-16T23:59:59Z",
            "0.422800000 = input 1000000×0.14=0.14 + cache_read 1000000×0.0028=0.0028 + output 1000000×0.28=0.28",
        ),
        (
            "2026-08-22T02:00:00Z",
            "0.887000000 = input 1000000×0.22=0.22 + cache_read 1000000×0.007=0.007 + output 1000000×0.66=0.66",
        ),
        ("2026-08-20T02:00:00Z", "unpriced: input cache_read output"),
    ] {
        check_asked("deepseek/deepseek-v4-flash", counts, at, Asked::default(), expect);
    }
    check_asked(
        "deepseek/deepseek-v4-pro",
        &[(U::Input, 1_000_000)],
        "2026-11-20T02:00:00Z",
        Asked::default(),
        "1.320000000 = input 1000000×1.32=1.32",
    );
}

#[test]
fn the_disputed_prices_are_the_chosen_ones() {
    let counts = &[(U::Input, 100_000), (U::Output, 100_000)];
    for (target, total) in [
        ("mistral/mistral-large-latest", "0.200000000"),
        ("mistral/mistral-large-4", "0.280000000"),
        ("mistral/mistral-medium-latest", "0.900000000"),
        ("anthropic/claude-sonnet-4-5", "1.800000000"),
        ("groq/llama-3.3-70b-versatile", "0.138000000"),
        ("xai/grok-code-fast-1", "0.300000000"),
        ("bedrock/us.anthropic.claude-opus-4-7", "3.300000000"),
        ("bedrock/anthropic.claude-opus-4-7", "3.000000000"),
    ] {
        let cost = cost(&usage(counts), Some(&of(target)), NOW.parse().unwrap(), Asked::default(), None);
        assert_eq!(cost.total().unwrap().to_string(), total, "{target}");
    }
}

#[test]
fn other_units_have_their_own_rates() {
    check("cohere/rerank-v3.5", &[(U::Search, 2)], "0.004000000 = search 2×2000=0.004");
    check("openai/tts-1", &[(U::Character, 100)], "0.001500000 = character 100×15=0.0015");
    check("openai/whisper-1", &[(U::Second, 60)], "0.006000000 = second 60×100=0.006");
    check("gemini/gemini-2.5-flash", &[(U::AudioIn, 1000)], "0.001000000 = audio_in 1000×1=0.001");
    // Images that the provider counts as plain tokens.
    check("openai/gpt-5", &[(U::ImageIn, 1000)], "0.001250000 = image_in 1000×1.25=0.00125 as input");
    check("openai/text-embedding-3-small", &[(U::Input, 8)], "0.000000160 = input 8×0.02=0.00000016");
}

#[test]
fn a_used_unit_without_a_rate_is_unpriced_and_an_unused_one_is_not() {
    check("openai/gpt-5", &[(U::Input, 10), (U::AudioOut, 1)], "unpriced: audio_out");
    check("openai/gpt-5", &[(U::Input, 10), (U::AudioOut, 0)], "0.000012500 = input 10×1.25=0.0000125");
    let nothing = cost(&usage(&[(U::Input, 10), (U::Output, 0)]), None, NOW.parse().unwrap(), Asked::default(), None);
    assert_eq!((nothing.source, shown(&nothing)), (Source::Unpriced, "unpriced: input".to_owned()));
    let unknown = cost(&Usage::unknown(), Some(&of("openai/gpt-5")), NOW.parse().unwrap(), Asked::default(), None);
    assert_eq!((unknown.source, unknown.total()), (Source::Unpriced, None));
}

#[test]
fn reasoning_is_never_charged_twice() {
    let counts = &[(U::Output, 100), (U::Reasoning, 60)];
    check("openai/gpt-5", counts, "0.001000000 = output 100×10=0.001");
    let apart: Sheet = serde_json::from_str(r#"{"rows":[{"rates":{"output":"1","reasoning":"3"}}]}"#).unwrap();
    let price = |counts| shown(&cost(&usage(counts), Some(&apart), NOW.parse().unwrap(), Asked::default(), None));
    assert_eq!(price(counts), "0.000220000 = output 40×1=0.00004 + reasoning 60×3=0.00018");
    // More reasoning than output, as one gateway reports it, is clamped.
    assert_eq!(price(&[(U::Output, 100), (U::Reasoning, 150)]), "0.000300000 = reasoning 100×3=0.0003");
}

fn over(yaml: &str) -> Sheet {
    serde_json::from_str::<Override>(yaml).unwrap().over(Some(&of("openai/gpt-5")))
}

#[test]
fn the_operators_prices_replace_the_catalogues() {
    let price = |yaml: &str, counts: &[(U, u64)]| {
        shown(&cost(&usage(counts), Some(&over(yaml)), NOW.parse().unwrap(), Asked::default(), None))
    };
    let counts = &[(U::Input, 10), (U::CacheRead, 10), (U::CacheWrite1h, 10), (U::Output, 10)];
    assert_eq!(price(r#"{"input":0,"output":0}"#, counts).split(' ').next().unwrap(), "0.000000000");
    assert_eq!(
        price(r#"{"input":0.15,"output":"0.6"}"#, counts),
        "0.000010500 = input 10×0.15=0.0000015 + cache_read 10×0.15=0.0000015 as input + cache_write_1h 10×0.15=0.0000015 as input + output 10×0.6=0.000006"
    );
    assert_eq!(
        price(r#"{"input":1,"output":2,"cache_write":3,"request":"0.005"}"#, counts),
        "0.005070000 = input 10×1=0.00001 + cache_read 10×1=0.00001 as input + cache_write_1h 10×3=0.00003 as cache_write + output 10×2=0.00002 + request 1×5000=0.005"
    );
    assert_eq!(
        price(r#"{"request":0.01}"#, &[(U::Input, 10)]),
        "0.010012500 = input 10×1.25=0.0000125 + request 1×10000=0.01"
    );
    assert_eq!(price(r#"{"input":1}"#, &[(U::Output, 1)]), "unpriced: output");
}

#[test]
fn what_the_provider_reports_wins_and_the_computed_amount_stays_beside_it() {
    let mut used = usage(&[(U::Input, 1000), (U::Output, 100)]);
    used.reported_usd = Some("0.0023".into());
    let sheet = of("openai/gpt-5");
    let at = NOW.parse().unwrap();
    let fee = "5.5%".parse().ok();
    let priced = |used: &Usage, sheet, fee| cost(used, sheet, at, Asked::default(), fee);
    let reported = priced(&used, Some(&sheet), None);
    assert_eq!((reported.source, shown(&reported)), (Source::Provider, "0.002300000 = reported 0.0023".into()));
    // Computed 0.00225: 2.17 % less.
    assert_eq!((reported.computed.unwrap().to_string(), reported.drift()), ("0.00225".into(), Some(-217)));
    let with_fee = priced(&used, Some(&sheet), fee);
    assert_eq!(shown(&with_fee), "0.002426500 = reported 0.0023 + fee 0.0001265");
    // No price of ours: the provider's word is enough.
    let alone = priced(&used, None, fee);
    assert_eq!((alone.source, alone.computed, alone.drift()), (Source::Provider, None, None));
    assert_eq!(shown(&alone), "0.002426500 = reported 0.0023 + fee 0.0001265");
    // A float's text, an exponent, and words that are no amount.
    used.reported_usd = Some("0.00022000000000000003".into());
    assert_eq!(priced(&used, None, None).exact.unwrap().to_string(), "0.00022");
    used.reported_usd = Some("1.1e-05".into());
    assert_eq!(priced(&used, None, None).total().unwrap().to_string(), "0.000011000");
    for text in ["-1", "n/a", ""] {
        used.reported_usd = Some(text.into());
        assert_eq!(priced(&used, Some(&sheet), None).source, Source::Computed, "{text}");
    }
    used.reported_usd = Some("0".into());
    assert_eq!(priced(&used, Some(&sheet), None).drift(), Some(i64::MAX));
}

#[test]
fn an_aggregators_fee_is_a_line_of_its_own() {
    let fee = "5.5%".parse().ok();
    let used = usage(&[(U::Input, 10), (U::Output, 20)]);
    let cost = cost(&used, Some(&of("anthropic/claude-haiku-4-5")), NOW.parse().unwrap(), Asked::default(), fee);
    assert_eq!(shown(&cost), "0.000116050 = input 10×1=0.00001 + output 20×5=0.0001 + fee 0.00000605");
}

#[test]
fn what_leaves_the_range_is_unpriced() {
    let dear = "9000000000";
    let sheet: Sheet =
        serde_json::from_str(&format!(r#"{{"rows":[{{"rates":{{"input":"{dear}","output":"{dear}"}}}}]}}"#)).unwrap();
    let used = usage(&[(U::Input, u64::MAX), (U::Output, u64::MAX)]);
    let cost = cost(&used, Some(&sheet), NOW.parse().unwrap(), Asked::default(), None);
    assert_eq!((cost.source, cost.total()), (Source::Unpriced, None));
}

proptest! {
    #[test]
    fn lines_add_up_to_the_total_whatever_was_used(
        counts in proptest::collection::vec(proptest::option::of(any::<u64>()), U::ALL.len()),
        target in proptest::sample::select(vec!["openai/gpt-5.6-sol", "anthropic/claude-opus-5", "gemini/gemini-2.5-pro",
            "xai/grok-4.3", "deepseek/deepseek-v4-pro", "alibaba/qwen3-max", "cohere/rerank-v3.5", "openai/gpt-image-1"]),
        tier in proptest::option::of(proptest::sample::select(vec!["flex", "priority", "batch", "fast", "x"])),
        region in proptest::option::of(proptest::sample::select(vec!["eu", "us", "x"])),
        second in -2_000_000_000_i64..4_000_000_000,
        fee in proptest::option::of(0_i64..=1_000_000_000),
        reported in proptest::option::of("[0-9]{0,3}(\\.[0-9]{0,25})?(e-?[0-9]{1,2})?"),
    ) {
        let mut used = Usage::unknown();
        for (unit, count) in U::ALL.into_iter().zip(counts) {
            used.put(unit, count);
        }
        used.reported_usd = reported.map(Into::into);
        let at = Timestamp::from_second(second).unwrap();
        let cost = cost(&used, Some(&of(target)), at, Asked { tier, region }, fee.map(Percent));
        let sum = cost.lines.iter().try_fold(Femto::ZERO, |sum, line| sum.checked_add(line.usd));
        match cost.exact {
            Some(exact) => prop_assert_eq!(sum, Some(exact)),
            None => prop_assert_eq!(cost.source, Source::Unpriced),
        }
        let _ = (cost.total(), cost.drift());
    }
}
