//! OpenAI's usage object to disjoint buckets and back, with the ways in which servers count otherwise.
//!
//! OpenAI counts inclusively: cached tokens and audio are inside `prompt_tokens`, reasoning and audio
//! inside `completion_tokens`.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use super::decimal;
use crate::quirk::{Quirk, Quirks};
use crate::usage::{Source, Unit, Usage};

/// The numbers of a usage object, under whatever names a server gives them.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    missed: Option<u64>,
    written: Option<u64>,
    written_5m: Option<u64>,
    written_1h: Option<u64>,
    audio_in: u64,
    audio_out: u64,
    reasoning: Option<u64>,
    searches: Option<u64>,
    seconds: Option<u64>,
    /// Anthropic's names for what the cache read and kept stand at the top.
    anthropic: bool,
}

impl Counts {
    /// Portkey counts Claude's prompt as Anthropic does, without what the cache read and kept, and the total with
    /// both: what stands beside the prompt is added to it. True where that was so.
    fn include_cache(&mut self) -> bool {
        let writes = self.written.unwrap_or(0);
        let beside = self.cached.unwrap_or(0).saturating_add(writes);
        let (prompt, completion) = (self.prompt.unwrap_or(0), self.completion.unwrap_or(0));
        let sum = prompt.saturating_add(completion).saturating_add(beside);
        let found = self.anthropic && beside > 0 && self.total == Some(sum);
        if found {
            self.prompt = Some(prompt.saturating_add(beside));
        }
        found
    }
}

/// One walk over the object: its numbers, and the service tier it names.
fn counts<'a>(raw: Json<'a>, tier: &mut Option<Cow<'a, str>>) -> Counts {
    let mut counts = Counts::default();
    for (key, value) in raw.members() {
        match &*key {
            "prompt_tokens" | "input_tokens" => counts.prompt = counts.prompt.or(value.as_u64()),
            "completion_tokens" | "output_tokens" => counts.completion = counts.completion.or(value.as_u64()),
            "total_tokens" => counts.total = value.as_u64(),
            "prompt_tokens_details" | "input_tokens_details" => prompt_details(value, &mut counts),
            "completion_tokens_details" | "output_tokens_details" => {
                for (key, value) in value.members() {
                    match &*key {
                        "reasoning_tokens" => counts.reasoning = value.as_u64().or(counts.reasoning),
                        "audio_tokens" => counts.audio_out = value.as_u64().unwrap_or(0),
                        _ => {}
                    }
                }
            }
            "prompt_cache_hit_tokens" | "num_cached_tokens" | "cached_tokens" | "cache_read_input_tokens" => {
                counts.anthropic |= key == "cache_read_input_tokens";
                counts.cached = counts.cached.or(value.as_u64());
            }
            "prompt_cache_miss_tokens" => counts.missed = value.as_u64(),
            "cache_creation_input_tokens" => {
                counts.anthropic = true;
                counts.written = counts.written.or(value.as_u64());
            }
            "cache_creation" => {
                counts.written_5m = value.get("ephemeral_5m_input_tokens").and_then(Json::as_u64);
                counts.written_1h = value.get("ephemeral_1h_input_tokens").and_then(Json::as_u64);
            }
            "reasoning_tokens" => counts.reasoning = counts.reasoning.or(value.as_u64()),
            "num_search_queries" => counts.searches = value.as_u64(),
            "server_tool_use_details" => {
                counts.searches = value.get("web_search_requests").and_then(Json::as_u64);
            }
            "prompt_audio_seconds" => counts.seconds = value.as_u64(),
            "service_tier" => *tier = value.as_str(),
            _ => {}
        }
    }
    counts
}

fn prompt_details(details: Json<'_>, counts: &mut Counts) {
    for (key, value) in details.members() {
        match &*key {
            // The detail is the standard's own word; it wins over a name at the top.
            "cached_tokens" => counts.cached = value.as_u64().or(counts.cached),
            "cache_write_tokens" | "cache_creation_tokens" => counts.written = value.as_u64().or(counts.written),
            "audio_tokens" => counts.audio_in = value.as_u64().unwrap_or(0),
            _ => {}
        }
    }
}

/// Reads a usage object. A bucket it does not mention is 0; what contradicts itself is noted.
pub(crate) fn read(raw: Json<'_>, quirks: Quirks) -> Usage {
    let mut usage = Usage::unknown();
    usage.raw = Some(raw.raw().into());
    usage.reported_usd = cost(raw, quirks).map(String::into_boxed_str);
    let mut tier = None;
    let mut counts = counts(raw, &mut tier);
    usage.tier = tier.map(Cow::into_owned).map(String::into_boxed_str);
    if counts.prompt.or(counts.completion).or(counts.total).or(counts.missed).is_none() {
        return usage;
    }
    usage.source = Source::Reported;
    if counts.include_cache() {
        usage.notes.push("cached tokens stand beside the prompt tokens: added".to_owned());
    }
    input(&mut usage, &counts);
    output(&mut usage, &counts, quirks);
    if let Some(searches) = counts.searches.filter(|searches| *searches > 0) {
        usage.set(Unit::Search, searches);
    }
    if let Some(seconds) = counts.seconds.filter(|seconds| *seconds > 0) {
        usage.set(Unit::Second, seconds);
    }
    usage
}

/// What was read: the prompt without its cached, written and spoken parts, and those.
fn input(usage: &mut Usage, counts: &Counts) {
    let hits = counts.missed.map(|missed| missed.saturating_add(counts.cached.unwrap_or(0)));
    let only_total = counts.total.filter(|_| counts.completion.is_none());
    let mut rest = counts.prompt.or(hits).or(only_total).unwrap_or(0);
    let mut take = |usage: &mut Usage, unit: Unit, wanted: u64, note: &str| {
        let taken = wanted.min(rest);
        rest -= taken;
        usage.set(unit, taken);
        if taken < wanted {
            usage.notes.push(note.to_owned());
        }
    };
    take(usage, Unit::CacheRead, counts.cached.unwrap_or(0), "cached tokens exceed prompt tokens: clamped");
    let note = "cache writes exceed the prompt tokens left: clamped";
    match (counts.written_5m.unwrap_or(0), counts.written_1h.unwrap_or(0)) {
        (0, 0) => take(usage, Unit::CacheWrite, counts.written.unwrap_or(0), note),
        (five, hour) => {
            take(usage, Unit::CacheWrite5m, five, note);
            take(usage, Unit::CacheWrite1h, hour, note);
            let other = counts.written.unwrap_or(0).saturating_sub(five.saturating_add(hour));
            take(usage, Unit::CacheWrite, other, note);
        }
    }
    if counts.audio_in > 0 {
        let (prompt, completion) = (counts.prompt.unwrap_or(0), counts.completion.unwrap_or(0));
        let inside = prompt.saturating_add(completion);
        if counts.total.is_some_and(|total| total == inside.saturating_add(counts.audio_in)) {
            usage.set(Unit::AudioIn, counts.audio_in);
            usage.notes.push("audio tokens stand beside the prompt tokens".to_owned());
        } else {
            take(usage, Unit::AudioIn, counts.audio_in, "audio tokens exceed the prompt tokens left: clamped");
        }
    }
    usage.set(Unit::Input, rest);
}

/// What was written: the completion with its reasoning, and its spoken part.
fn output(usage: &mut Usage, counts: &Counts, quirks: Quirks) {
    let prompt = counts.prompt.unwrap_or(0);
    let completion = counts.completion.unwrap_or(0);
    let sum = prompt.saturating_add(completion);
    let mut reasoning = counts.reasoning.unwrap_or(0);
    let mut output = completion;
    let beside = counts.total == Some(sum.saturating_add(reasoning)) || counts.total.is_none();
    if quirks.has(Quirk::HiddenThoughtsInTotal) && counts.total.is_some_and(|total| total > sum) {
        output = counts.total.unwrap_or(0).saturating_sub(prompt);
        reasoning = reasoning.max(output.saturating_sub(completion));
    } else if reasoning > 0 && (quirks.has(Quirk::ReasoningBesideOutput) && counts.total != Some(sum)) {
        output = completion.saturating_add(reasoning);
        if !beside {
            usage.notes.push("total_tokens is not the sum of its parts".to_owned());
        }
    } else if reasoning > 0 && counts.total.is_some() && beside {
        output = completion.saturating_add(reasoning);
        usage.notes.push("reasoning tokens stand beside the completion tokens: added".to_owned());
    } else if reasoning > completion {
        // Gemini through Vercel: the cost it reports is that of both together.
        output = completion.saturating_add(reasoning);
        usage.notes.push("reasoning tokens exceed completion tokens: added".to_owned());
    } else if counts.total.is_some_and(|total| total != sum.saturating_add(counts.audio_in) && total != sum)
        && counts.completion.is_some()
    {
        usage.notes.push("total_tokens is not the sum of its parts".to_owned());
    }
    let audio = counts.audio_out.min(output);
    if audio > 0 {
        usage.set(Unit::AudioOut, audio);
    }
    if audio < counts.audio_out {
        usage.notes.push("audio tokens exceed completion tokens: clamped".to_owned());
    }
    usage.set(Unit::Output, output - audio);
    usage.set(Unit::Reasoning, reasoning);
}

/// The cost in USD that the server names, where its row says that this is what it will charge.
fn cost(raw: Json<'_>, quirks: Quirks) -> Option<String> {
    if quirks.has(Quirk::CostInTicks)
        && let Some(ticks) = raw.get("cost_in_usd_ticks").and_then(Json::as_u64)
    {
        return Some(decimal::ticks(ticks));
    }
    if !quirks.has(Quirk::CostInUsage) {
        return None;
    }
    let cost = raw.get("cost").and_then(Json::non_null)?;
    let cost = if cost.kind() == Kind::Object { cost.get("total_cost")? } else { cost };
    let fee = cost.as_number()?;
    // With the caller's own key at the provider, `cost` is the fee and the rest is charged there.
    if raw.get("is_byok").and_then(Json::as_bool) == Some(true) {
        let upstream = raw.at(&["cost_details", "upstream_inference_cost"]).and_then(Json::as_number);
        if let Some(upstream) = upstream {
            return decimal::sum(fee, upstream);
        }
    }
    decimal::plain(fee)
}

/// Writes OpenAI's usage object: inclusive counts, with the parts that are known as details.
pub(crate) fn write(usage: &Usage, json: &mut Writer) {
    let some = |unit: Unit| usage.get(unit).filter(|quantity| *quantity > 0);
    let (prompt, completion) = (usage.prompt_tokens(), usage.completion_tokens());
    let (read, written, heard) = (usage.get(Unit::CacheRead), usage.cache_writes(), some(Unit::AudioIn));
    let (reasoning, spoken) = (usage.get(Unit::Reasoning), some(Unit::AudioOut));
    json.object(|json| {
        json.key("prompt_tokens").u64(prompt);
        json.key("completion_tokens").u64(completion);
        json.key("total_tokens").u64(prompt.saturating_add(completion));
        if read.is_some() || written > 0 || heard.is_some() {
            json.key("prompt_tokens_details").object(|json| {
                json.key("cached_tokens").u64(read.unwrap_or(0));
                if written > 0 {
                    json.key("cache_write_tokens").u64(written);
                }
                if let Some(heard) = heard {
                    json.key("audio_tokens").u64(heard);
                }
            });
        }
        if reasoning.is_some() || spoken.is_some() {
            json.key("completion_tokens_details").object(|json| {
                json.key("reasoning_tokens").u64(reasoning.unwrap_or(0));
                if let Some(spoken) = spoken {
                    json.key("audio_tokens").u64(spoken);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests;
