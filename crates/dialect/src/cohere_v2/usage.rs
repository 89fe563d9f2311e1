//! Cohere's usage to units and back: `billed_units` are what the bill says, `tokens` what the model saw.

use wire::json::{Json, Kind, Writer};

use crate::loss::Loss;
use crate::usage::{Source, Unit, Usage};

/// Reads a usage object. `cached_tokens` is a part of the prompt; it counts raw tokens, which may be more than are
/// billed, and is clamped then. Source: recordings (2,928 cached of 2,406 billed).
pub(super) fn read(value: Json<'_>) -> Usage {
    let mut usage = Usage::unknown();
    if value.kind() != Kind::Object {
        return usage;
    }
    let count = |group: &str, name: &str| value.at(&[group, name]).and_then(Json::as_u64);
    usage.raw = Some(value.raw().into());
    let billed = (count("billed_units", "input_tokens"), count("billed_units", "output_tokens"));
    let searches = count("billed_units", "search_units").filter(|searches| *searches > 0);
    let raw = (count("tokens", "input_tokens"), count("tokens", "output_tokens"));
    let (input, output) = match (billed, raw) {
        ((None, None), (None, None)) if searches.is_none() => return usage,
        ((None, None), (None, None)) => (0, 0),
        ((None, None), (input, output)) => {
            usage.notes.push("no billed units were told: raw tokens are counted".to_owned());
            (input.unwrap_or(0), output.unwrap_or(0))
        }
        ((input, output), _) => (input.unwrap_or(0), output.unwrap_or(0)),
    };
    usage.source = Source::Reported;
    let told = value.get("cached_tokens").and_then(Json::as_u64).unwrap_or(0);
    let cached = told.min(input);
    if told > cached {
        usage.notes.push("cached tokens exceed billed input tokens: clamped".to_owned());
    }
    usage.set(Unit::Input, input - cached);
    usage.put(Unit::CacheRead, (told > 0).then_some(cached));
    usage.set(Unit::Output, output);
    if let Some(reasoning) = count("tokens", "reasoning_tokens") {
        usage.set(Unit::Reasoning, reasoning.min(output));
        if reasoning > output {
            usage.notes.push("reasoning tokens exceed billed output tokens: clamped".to_owned());
        }
    }
    if let Some(searches) = searches {
        usage.set(Unit::Search, searches);
    }
    usage
}

/// Writes the usage member; nothing where nobody knows, because 0 would be a claim.
pub(super) fn write(usage: &Usage, losses: &mut Vec<Loss>, json: &mut Writer) {
    if usage.is_empty() {
        return;
    }
    let (input, output) = (usage.prompt_tokens(), usage.completion_tokens());
    let cached = usage.get(Unit::CacheRead).filter(|cached| *cached > 0);
    json.key("usage").object(|json| {
        json.key("billed_units").object(|json| {
            json.key("input_tokens").u64(input);
            json.key("output_tokens").u64(output);
            if let Some(searches) = usage.get(Unit::Search) {
                json.key("search_units").u64(searches);
            }
        });
        json.key("tokens").object(|json| {
            json.key("input_tokens").u64(input);
            json.key("output_tokens").u64(output);
            if let Some(reasoning) = usage.get(Unit::Reasoning) {
                json.key("reasoning_tokens").u64(reasoning);
            }
        });
        if let Some(cached) = cached {
            json.key("cached_tokens").u64(cached);
        }
    });
    let told = [Unit::Input, Unit::Output, Unit::Reasoning, Unit::Search];
    if usage.iter().any(|(unit, quantity)| quantity > 0 && !told.contains(&unit)) {
        losses.push(Loss::approximated("usage", "usage"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn the_bill_counts() {
        let read = |text: &str| read(Json::parse(text).expect("JSON"));
        let units = |usage: &Usage| usage.iter().map(|(unit, count)| (unit.name(), count)).collect::<Vec<_>>();
        let usage = read(
            r#"{"billed_units":{"input_tokens":65,"output_tokens":63},
               "tokens":{"input_tokens":508,"output_tokens":86,"reasoning_tokens":28},"cached_tokens":144}"#,
        );
        // More was cached than is billed: clamped, and noted.
        assert_eq!(units(&usage), [("input", 0), ("cache_read", 65), ("output", 63), ("reasoning", 28)]);
        assert!(usage.notes.len() == 1 && usage.source == Source::Reported);
        let cached = read(r#"{"billed_units":{"input_tokens":65,"output_tokens":1},"cached_tokens":60}"#);
        assert_eq!(units(&cached), [("input", 5), ("cache_read", 60), ("output", 1)]);
        assert!(cached.notes.is_empty());
        let raw = read(r#"{"tokens":{"input_tokens":5,"output_tokens":1}}"#);
        assert_eq!((units(&raw), raw.notes.len()), (vec![("input", 5), ("output", 1)], 1));
        assert_eq!(
            units(&read(r#"{"billed_units":{"search_units":2}}"#)),
            [("input", 0), ("output", 0), ("search", 2)]
        );
        let odd = read(r#"{"billed_units":{"output_tokens":3},"tokens":{"reasoning_tokens":4}}"#);
        assert_eq!((units(&odd)[2], odd.notes.len()), (("reasoning", 3), 1));
        assert_eq!((read("{}").source, read("1").source), (Source::Unknown, Source::Unknown));
    }
}
