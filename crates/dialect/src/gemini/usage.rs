//! Google's `usageMetadata` to disjoint buckets, and back.
//!
//! The prompt's count includes what was cached and excludes what tools put into it; the candidates' count
//! excludes thoughts. Every chunk of a stream repeats the counts so far: the last one of each counts. Wire facts:
//! gemini usage (1,728 of 1,735 totals are the sum of these).

use wire::json::{Json, Kind, Writer};

use super::member::{camel, get};
use crate::usage::{Source, Unit, Usage};

/// Counts of one object.
#[derive(Debug, Default)]
struct Counts {
    prompt: Option<u64>,
    cached: Option<u64>,
    tools: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    total: Option<u64>,
    /// Audio tokens heard, those of them cached, and spoken; images drawn.
    heard: u64,
    heard_cached: u64,
    spoken: u64,
    drawn: u64,
}

impl Counts {
    fn of(object: Json<'_>) -> Self {
        let mut counts = Self::default();
        for (key, value) in object.members() {
            match &*camel(key) {
                "promptTokenCount" => counts.prompt = value.as_u64(),
                "cachedContentTokenCount" => counts.cached = value.as_u64(),
                "toolUsePromptTokenCount" => counts.tools = value.as_u64(),
                "candidatesTokenCount" | "responseTokenCount" => counts.candidates = value.as_u64(),
                "thoughtsTokenCount" => counts.thoughts = value.as_u64(),
                "totalTokenCount" => counts.total = value.as_u64(),
                "promptTokensDetails" | "toolUsePromptTokensDetails" => {
                    counts.heard = counts.heard.saturating_add(modality(value, "AUDIO", 4));
                }
                "cacheTokensDetails" => counts.heard_cached = modality(value, "AUDIO", 4),
                "candidatesTokensDetails" | "responseTokensDetails" => {
                    counts.spoken = modality(value, "AUDIO", 4);
                    counts.drawn = modality(value, "IMAGE", 2);
                }
                _ => {}
            }
        }
        counts
    }
}

/// The usage objects of one answer, taken in the order they came: a count that a later one leaves out stays.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    members: Vec<(String, String)>,
}

impl Tokens {
    /// Takes one usage object; anything but an object says nothing.
    pub(super) fn take(&mut self, object: Json<'_>) {
        for (key, value) in object.members() {
            match self.members.iter_mut().find(|(own, _)| *own == key) {
                Some((_, own)) => {
                    own.clear();
                    own.push_str(value.raw());
                }
                None => self.members.push((key.into_owned(), value.raw().to_owned())),
            }
        }
    }

    /// What was used, by the objects taken so far.
    pub(super) fn usage(&self, source: Source) -> Usage {
        let mut json = Writer::new();
        json.object(|json| {
            for (key, value) in &self.members {
                json.key(key).raw(value);
            }
        });
        let text = json.finish();
        read(Json::parse(&text).unwrap_or(Json::NULL), source)
    }
}

/// Tokens of a modality, named by its word or, for old clients, by its number.
fn modality(details: Json<'_>, word: &str, number: u64) -> u64 {
    let is = |value: Json<'_>| value.is(word) || value.as_u64() == Some(number);
    let of = |detail: Json<'_>| get(detail, "modality").is_some_and(is).then(|| get(detail, "tokenCount")?.as_u64());
    details.items().filter_map(|detail| of(detail)?).fold(0, u64::saturating_add)
}

/// The usage of an object; anything but an object says nothing.
fn read(object: Json<'_>, source: Source) -> Usage {
    let mut usage = Usage::default();
    if object.kind() != Kind::Object {
        return usage;
    }
    let counts = Counts::of(object);
    if let Some(prompt) = counts.prompt {
        let cached = counts.cached.unwrap_or(0);
        if cached > prompt {
            usage.notes.push(format!("cachedContentTokenCount is {cached}, more than the prompt's {prompt}"));
        }
        let read = cached.min(prompt);
        let fresh = (prompt - read).saturating_add(counts.tools.unwrap_or(0));
        let heard = counts.heard.saturating_sub(counts.heard_cached).min(fresh);
        usage.set(Unit::Input, fresh - heard);
        usage.put(Unit::CacheRead, counts.cached.map(|_| read));
        usage.put(Unit::AudioIn, Some(heard).filter(|heard| *heard > 0));
    }
    let mut written = match (counts.candidates, counts.thoughts) {
        (None, None) => None,
        (candidates, thoughts) => Some(candidates.unwrap_or(0).saturating_add(thoughts.unwrap_or(0))),
    };
    let read = counts.prompt.unwrap_or(0).saturating_add(counts.tools.unwrap_or(0));
    if let Some(total) = counts.total.filter(|_| counts.prompt.is_some()) {
        let sum = read.saturating_add(written.unwrap_or(0));
        if written.is_none() && total > sum {
            written = Some(total - sum);
            usage.notes.push("the candidates' count is missing: it is the rest of totalTokenCount".to_owned());
        } else if total != sum {
            usage.notes.push(format!("totalTokenCount is {total}, the counts add up to {sum}"));
        }
    }
    if let Some(written) = written {
        let said = written.saturating_sub(counts.thoughts.unwrap_or(0));
        let spoken = counts.spoken.min(said);
        let drawn = counts.drawn.min(said - spoken);
        usage.set(Unit::Output, written - spoken - drawn);
        usage.put(Unit::AudioOut, Some(spoken).filter(|spoken| *spoken > 0));
        usage.put(Unit::ImageOut, Some(drawn).filter(|drawn| *drawn > 0));
    } else if counts.prompt.is_some() {
        // A count that is 0 is left out.
        usage.set(Unit::Output, 0);
    }
    usage.put(Unit::Reasoning, counts.thoughts);
    usage.source = match counts.prompt {
        _ if usage.is_empty() => Source::Unknown,
        // A prompt of nothing there is not: its count is missing.
        None => Source::Partial,
        Some(_) => source,
    };
    usage.raw = Some(object.raw().into());
    usage.tier = tier(object).map(Into::into);
    usage
}

/// The tier served: `serviceTier`, or what Vertex says of its traffic.
fn tier(object: Json<'_>) -> Option<String> {
    if let Some(tier) = get(object, "serviceTier").and_then(Json::as_str) {
        return Some(tier.to_ascii_lowercase()).filter(|tier| !tier.is_empty());
    }
    match &*get(object, "trafficType")?.as_str()? {
        "ON_DEMAND_FLEX" => Some("flex".to_owned()),
        "ON_DEMAND_PRIORITY" => Some("priority".to_owned()),
        _ => None,
    }
}

/// True for counts that this dialect has words for.
pub(super) fn is_told(usage: &Usage) -> bool {
    let writes = usage.cache_writes() == 0;
    let rest = [Unit::Search, Unit::Second, Unit::Page, Unit::Character, Unit::ImageIn, Unit::Request];
    writes && rest.into_iter().all(|unit| usage.get(unit).unwrap_or(0) == 0) && thoughts(usage).1
}

/// Thoughts within the output, and whether they are all that was said of them.
fn thoughts(usage: &Usage) -> (Option<u64>, bool) {
    let said = usage.get(Unit::Reasoning);
    let kept = said.map(|said| said.min(usage.get(Unit::Output).unwrap_or(0)));
    (kept, kept == said)
}

/// Writes a usage object.
pub(super) fn write(usage: &Usage, json: &mut Writer) {
    let prompt = usage.prompt_tokens();
    let drawn = usage.get(Unit::ImageOut).unwrap_or(0);
    let written = usage.completion_tokens().saturating_add(drawn);
    let (thoughts, _) = thoughts(usage);
    let details = |json: &mut Writer, key: &str, all: u64, parts: &[(&str, u64)]| {
        let rest = parts.iter().fold(all, |rest, (_, count)| rest.saturating_sub(*count));
        if rest == all {
            return;
        }
        json.key(key).array(|json| {
            for (modality, count) in [("TEXT", rest)].iter().chain(parts).filter(|(_, count)| *count > 0) {
                json.object(|json| {
                    json.key("modality").str(modality);
                    json.key("tokenCount").u64(*count);
                });
            }
        });
    };
    json.object(|json| {
        json.key("promptTokenCount").u64(prompt);
        if let Some(read) = usage.get(Unit::CacheRead) {
            json.key("cachedContentTokenCount").u64(read);
        }
        let candidates = written.saturating_sub(thoughts.unwrap_or(0));
        json.key("candidatesTokenCount").u64(candidates);
        if let Some(thoughts) = thoughts {
            json.key("thoughtsTokenCount").u64(thoughts);
        }
        json.key("totalTokenCount").u64(prompt.saturating_add(written));
        details(json, "promptTokensDetails", prompt, &[("AUDIO", usage.get(Unit::AudioIn).unwrap_or(0))]);
        let spoken = usage.get(Unit::AudioOut).unwrap_or(0);
        details(json, "candidatesTokensDetails", candidates, &[("AUDIO", spoken), ("IMAGE", drawn)]);
        if let Some(tier) = usage.tier.as_deref() {
            json.key("serviceTier").str(if tier == "default" { "standard" } else { tier });
        }
    });
}

#[cfg(test)]
mod tests;
