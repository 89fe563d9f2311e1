//! Anthropic's usage objects to disjoint buckets, and back.
//!
//! Input excludes everything cached; a stream gives input first and the rest at its end, each count
//! cumulative, so what is given last replaces what was given before. Wire facts: anthropic-messages
//! streams and `usage.iterations` of compaction and advisor turns.

use wire::json::{Json, Writer};

use crate::usage::{Source, Unit, Usage};

/// Token counts of one usage object or iteration.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    input: Option<u64>,
    read: Option<u64>,
    /// Everything written to a cache.
    write: Option<u64>,
    write_5m: Option<u64>,
    write_1h: Option<u64>,
    output: Option<u64>,
}

impl Counts {
    /// Takes what an object says; what it leaves out stays.
    fn take(&mut self, object: Json<'_>) {
        for (key, value) in object.members() {
            match &*key {
                "input_tokens" => replace(&mut self.input, value),
                "cache_read_input_tokens" => replace(&mut self.read, value),
                "cache_creation_input_tokens" => replace(&mut self.write, value),
                "cache_creation" => {
                    for (key, value) in value.members() {
                        match &*key {
                            "ephemeral_5m_input_tokens" => replace(&mut self.write_5m, value),
                            "ephemeral_1h_input_tokens" => replace(&mut self.write_1h, value),
                            _ => {}
                        }
                    }
                }
                "output_tokens" => replace(&mut self.output, value),
                _ => {}
            }
        }
    }

    /// Adds to buckets. Writes are split by lifetime as far as the split explains their total.
    fn add_to(self, usage: &mut Usage) {
        let split = match (self.write_5m, self.write_1h) {
            (None, None) => None,
            (five, hour) => Some(five.unwrap_or(0).saturating_add(hour.unwrap_or(0))),
        };
        add(usage, Unit::Input, self.input);
        add(usage, Unit::CacheRead, self.read);
        match (self.write, split) {
            (Some(total), Some(split)) if total >= split => {
                add(usage, Unit::CacheWrite5m, self.write_5m);
                add(usage, Unit::CacheWrite1h, self.write_1h);
                add(usage, Unit::CacheWrite, Some(total - split).filter(|rest| *rest > 0));
            }
            (Some(total), _) => add(usage, Unit::CacheWrite, Some(total)),
            (None, _) => {
                add(usage, Unit::CacheWrite5m, self.write_5m);
                add(usage, Unit::CacheWrite1h, self.write_1h);
            }
        }
        add(usage, Unit::Output, self.output);
    }
}

fn replace(slot: &mut Option<u64>, value: Json<'_>) {
    if let Some(count) = value.as_u64() {
        *slot = Some(count);
    }
}

fn add(usage: &mut Usage, unit: Unit, quantity: Option<u64>) {
    if let Some(quantity) = quantity {
        usage.set(unit, usage.get(unit).unwrap_or(0).saturating_add(quantity));
    }
}

/// The usage objects of one answer, taken in the order they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    counts: Counts,
    thinking: Option<u64>,
    searches: Option<u64>,
    /// Iterations that the top-level counts leave out, added up, and a note on each.
    extra: Counts,
    beyond: Vec<String>,
    geo: Option<Box<str>>,
    speed: Option<Box<str>>,
    tier: Option<Box<str>>,
    cost: Option<Box<str>>,
    raw: Option<Box<str>>,
}

impl Tokens {
    /// Takes one usage object; anything but an object says nothing.
    pub(super) fn take(&mut self, object: Json<'_>) {
        if object.kind() != wire::json::Kind::Object {
            return;
        }
        self.raw = Some(object.raw().into());
        self.counts.take(object);
        for (key, value) in object.members() {
            match &*key {
                "output_tokens_details" => {
                    if let Some(value) = value.get("thinking_tokens") {
                        replace(&mut self.thinking, value);
                    }
                }
                "thinking_tokens" => replace(&mut self.thinking, value),
                "server_tool_use" => {
                    if let Some(value) = value.get("web_search_requests") {
                        replace(&mut self.searches, value);
                    }
                }
                "service_tier" => word(&mut self.tier, value),
                "inference_geo" => word(&mut self.geo, value),
                "speed" => word(&mut self.speed, value),
                "cost" => {
                    if let Some(number) = value.as_number().filter(|number| !number.starts_with('-')) {
                        self.cost = Some(number.into());
                    }
                }
                "iterations" => self.take_iterations(value),
                _ => {}
            }
        }
    }

    /// Iterations other than `message` are billed and are not in the top-level counts.
    fn take_iterations(&mut self, iterations: Json<'_>) {
        self.extra = Counts::default();
        self.beyond.clear();
        let mut sum = Usage::default();
        for iteration in iterations.items() {
            let Some(kind) = iteration.get("type").and_then(Json::as_str).filter(|kind| kind != "message") else {
                continue;
            };
            let mut counts = Counts::default();
            counts.take(iteration);
            counts.add_to(&mut sum);
            self.beyond.push(match iteration.get("model").and_then(Json::as_str) {
                Some(model) => format!("{kind} iteration of {model} is added to the counts"),
                None => format!("{kind} iteration is added to the counts"),
            });
        }
        self.extra = Counts {
            input: sum.get(Unit::Input),
            read: sum.get(Unit::CacheRead),
            write: Some(sum.cache_writes()).filter(|writes| *writes > 0),
            write_5m: sum.get(Unit::CacheWrite5m),
            write_1h: sum.get(Unit::CacheWrite1h),
            output: sum.get(Unit::Output),
        };
    }

    /// What was used, by the objects taken so far.
    pub(super) fn usage(&self, source: Source) -> Usage {
        let mut usage = Usage::default();
        self.counts.add_to(&mut usage);
        self.extra.add_to(&mut usage);
        usage.put(Unit::Reasoning, self.thinking);
        usage.put(Unit::Search, self.searches);
        usage.source = if usage.is_empty() { Source::Unknown } else { source };
        usage.notes.clone_from(&self.beyond);
        if let Some(geo) = self.geo.as_deref().filter(|geo| !matches!(*geo, "global" | "not_available" | "")) {
            usage.notes.push(format!("inference_geo is {geo}"));
        }
        if let Some(speed) = self.speed.as_deref().filter(|speed| !matches!(*speed, "standard" | "")) {
            usage.notes.push(format!("speed is {speed}"));
        }
        usage.raw.clone_from(&self.raw);
        usage.reported_usd.clone_from(&self.cost);
        usage.tier.clone_from(&self.tier);
        usage
    }
}

fn word(slot: &mut Option<Box<str>>, value: Json<'_>) {
    if let Some(text) = value.as_str() {
        *slot = Some(text.into());
    }
}

/// The usage of a whole answer.
pub(super) fn read(object: Json<'_>) -> Usage {
    let mut tokens = Tokens::default();
    tokens.take(object);
    tokens.usage(Source::Reported)
}

/// Writes a usage object. The counts that Anthropic's clients require are 0 where nobody knows them.
pub(super) fn write(usage: &Usage, json: &mut Writer) {
    let beside = [Unit::Input, Unit::AudioIn, Unit::ImageIn].into_iter().filter_map(|unit| usage.get(unit));
    let input = beside.fold(0, u64::saturating_add);
    let writes = [Unit::CacheWrite, Unit::CacheWrite5m, Unit::CacheWrite1h];
    json.object(|json| {
        json.key("input_tokens").u64(input);
        if writes.into_iter().any(|unit| usage.get(unit).is_some()) {
            json.key("cache_creation_input_tokens").u64(usage.cache_writes());
        }
        if let Some(read) = usage.get(Unit::CacheRead) {
            json.key("cache_read_input_tokens").u64(read);
        }
        let (five, hour) = (usage.get(Unit::CacheWrite5m), usage.get(Unit::CacheWrite1h));
        if five.is_some() || hour.is_some() {
            json.key("cache_creation").object(|json| {
                json.key("ephemeral_5m_input_tokens").u64(five.unwrap_or(0));
                json.key("ephemeral_1h_input_tokens").u64(hour.unwrap_or(0));
            });
        }
        json.key("output_tokens").u64(usage.completion_tokens());
        if let Some(reasoning) = usage.get(Unit::Reasoning) {
            json.key("output_tokens_details").object(|json| {
                json.key("thinking_tokens").u64(reasoning);
            });
        }
        if let Some(searches) = usage.get(Unit::Search) {
            json.key("server_tool_use").object(|json| {
                json.key("web_search_requests").u64(searches);
            });
        }
        match usage.tier.as_deref() {
            Some(tier @ ("standard" | "priority" | "batch")) => {
                json.key("service_tier").str(tier);
            }
            Some("default") => {
                json.key("service_tier").str("standard");
            }
            _ => {}
        }
    });
}

#[cfg(test)]
mod tests;
