//! Converse's usage object to disjoint buckets, and back.
//!
//! Input excludes everything cached. Writes are split by lifetime in `cacheDetails`. Source: AWS, "TokenUsage" and
//! "CacheDetail"; recordings.

use wire::json::{Json, Kind, Writer};

use crate::usage::{Source, Unit, Usage};

/// The usage of an answer, or of a stream's `metadata`: an object with `usage` and what else prices depend on.
pub(super) fn read(object: Json<'_>) -> Usage {
    let mut usage = Usage::default();
    let counts = object.get("usage").filter(|counts| counts.kind() == Kind::Object);
    if let Some(counts) = counts {
        take(counts, &mut usage);
        usage.source = if usage.is_empty() { Source::Unknown } else { Source::Reported };
        usage.raw = Some(counts.raw().into());
    }
    let word = |path: &[&str]| object.at(path).and_then(Json::as_str);
    usage.tier = word(&["serviceTier", "type"]).map(|tier| (&*tier).into());
    if let Some(latency) = word(&["performanceConfig", "latency"]).filter(|latency| latency != "standard") {
        usage.notes.push(format!("latency is {latency}"));
    }
    usage
}

fn take(counts: Json<'_>, usage: &mut Usage) {
    let (mut total, mut writes, mut split) = (None, None, [None, None]);
    for (key, value) in counts.members() {
        match &*key {
            "inputTokens" => usage.put(Unit::Input, value.as_u64()),
            "outputTokens" => usage.put(Unit::Output, value.as_u64()),
            "cacheReadInputTokens" => usage.put(Unit::CacheRead, value.as_u64()),
            "cacheWriteInputTokens" => writes = value.as_u64(),
            "totalTokens" => total = value.as_u64(),
            "cacheDetails" => {
                for detail in value.items() {
                    let tokens = detail.get("inputTokens").and_then(Json::as_u64);
                    let ttl = detail.get("ttl").and_then(Json::as_str).unwrap_or_default();
                    let slot = match &*ttl {
                        "5m" => &mut split[0],
                        "1h" => &mut split[1],
                        _ => continue,
                    };
                    if let Some(tokens) = tokens {
                        *slot = Some(slot.unwrap_or(0_u64).saturating_add(tokens));
                    }
                }
            }
            _ => {}
        }
    }
    // Nova's own spelling, beside or instead of the other.
    let other = |name: &str| counts.get(name).and_then(Json::as_u64);
    if usage.get(Unit::CacheRead).is_none() {
        usage.put(Unit::CacheRead, other("cacheReadInputTokenCount"));
    }
    let writes = writes.or_else(|| other("cacheWriteInputTokenCount"));
    let told = split.iter().flatten().fold(0_u64, |sum, tokens| sum.saturating_add(*tokens));
    match writes {
        Some(all) if all >= told => {
            usage.put(Unit::CacheWrite5m, split[0]);
            usage.put(Unit::CacheWrite1h, split[1]);
            let none = split == [None, None];
            usage.put(Unit::CacheWrite, Some(all - told).filter(|rest| none || *rest > 0));
        }
        Some(all) => usage.set(Unit::CacheWrite, all),
        None => {
            usage.put(Unit::CacheWrite5m, split[0]);
            usage.put(Unit::CacheWrite1h, split[1]);
        }
    }
    let sum = usage.prompt_tokens().saturating_add(usage.completion_tokens());
    if let Some(total) = total.filter(|total| *total != sum && !usage.is_empty()) {
        usage.notes.push(format!("totalTokens is {total}, its parts are {sum}"));
    }
}

/// Writes a usage object. The counts that Converse's clients require are 0 where nobody knows them.
pub(super) fn write(usage: &Usage, json: &mut Writer) {
    let beside = [Unit::Input, Unit::AudioIn, Unit::ImageIn].into_iter().filter_map(|unit| usage.get(unit));
    let input = beside.fold(0, u64::saturating_add);
    let output = usage.completion_tokens();
    json.object(|json| {
        json.key("inputTokens").u64(input);
        json.key("outputTokens").u64(output);
        json.key("totalTokens").u64(usage.prompt_tokens().saturating_add(output));
        if let Some(read) = usage.get(Unit::CacheRead) {
            json.key("cacheReadInputTokens").u64(read);
        }
        let writes = [Unit::CacheWrite, Unit::CacheWrite5m, Unit::CacheWrite1h];
        if writes.into_iter().any(|unit| usage.get(unit).is_some()) {
            json.key("cacheWriteInputTokens").u64(usage.cache_writes());
        }
        let split = [("1h", usage.get(Unit::CacheWrite1h)), ("5m", usage.get(Unit::CacheWrite5m))];
        if split.iter().any(|(_, tokens)| tokens.is_some()) {
            json.key("cacheDetails").array(|json| {
                for (ttl, tokens) in split {
                    if let Some(tokens) = tokens {
                        json.object(|json| {
                            json.key("ttl").str(ttl);
                            json.key("inputTokens").u64(tokens);
                        });
                    }
                }
            });
        }
    });
}

/// True where some part of the counts has no word here.
pub(super) fn is_less(usage: &Usage) -> bool {
    usage.get(Unit::Reasoning).is_some_and(|tokens| tokens > 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    fn check(counts: &str, expected: &[(Unit, u64)], notes: usize) {
        let text = format!("{{\"usage\":{counts}}}");
        let usage = read(Json::parse(&text).expect("JSON"));
        assert_eq!(usage.iter().collect::<Vec<_>>(), expected, "{counts}");
        assert_eq!(usage.notes.len(), notes, "{:?}", usage.notes);
        let mut json = Writer::new();
        write(&usage, &mut json);
        let back = format!("{{\"usage\":{}}}", json.finish());
        let back = read(Json::parse(&back).expect("JSON"));
        for unit in [Unit::Input, Unit::Output, Unit::CacheRead] {
            assert_eq!(back.get(unit).unwrap_or(0), usage.get(unit).unwrap_or(0), "{counts}");
        }
        assert_eq!(back.cache_writes(), usage.cache_writes(), "{counts}");
    }

    #[test]
    fn buckets_are_disjoint() {
        use Unit::{CacheRead, CacheWrite, CacheWrite1h, CacheWrite5m, Input, Output};
        check(r#"{"inputTokens":3,"outputTokens":2,"totalTokens":5}"#, &[(Input, 3), (Output, 2)], 0);
        check(
            r#"{"inputTokens":22,"outputTokens":13,"totalTokens":2527,"cacheReadInputTokenCount":0,"cacheReadInputTokens":0,"cacheWriteInputTokenCount":2492,"cacheWriteInputTokens":2492,"serverToolUsage":{}}"#,
            &[(Input, 22), (CacheRead, 0), (CacheWrite, 2492), (Output, 13)],
            0,
        );
        check(
            r#"{"inputTokens":1,"outputTokens":1,"cacheWriteInputTokens":10,"cacheDetails":[{"ttl":"1h","inputTokens":6},{"ttl":"5m","inputTokens":3}]}"#,
            &[(Input, 1), (CacheWrite, 1), (CacheWrite5m, 3), (CacheWrite1h, 6), (Output, 1)],
            0,
        );
        // A split of more than there is explains nothing.
        check(
            r#"{"inputTokens":1,"outputTokens":1,"cacheWriteInputTokens":5,"cacheDetails":[{"ttl":"1h","inputTokens":6}]}"#,
            &[(Input, 1), (CacheWrite, 5), (Output, 1)],
            0,
        );
        check(r#"{"inputTokens":3,"outputTokens":2,"totalTokens":9}"#, &[(Input, 3), (Output, 2)], 1);
        check("{}", &[], 0);
        check("[]", &[], 0);
    }

    #[test]
    fn what_prices_depend_on_is_told() {
        let text =
            r#"{"usage":{"inputTokens":1},"serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"}}"#;
        let usage = read(Json::parse(text).expect("JSON"));
        assert_eq!(
            (usage.tier.as_deref(), usage.notes.as_slice()),
            (Some("flex"), &["latency is optimized".to_owned()][..])
        );
    }
}
