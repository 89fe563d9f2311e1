//! Everything beside conversation and tools: length, sampling, thinking, form, delivery.

use wire::json::Writer;

use super::read::NO_NAME;
use super::turns::Turns;
use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Format, Request};
use crate::loss::Loss;
use crate::openai_chat::write::names::{clean, tier};
use crate::quirk::Quirk;
use crate::target::{Control, Target};

/// Fewest tokens that OpenAI takes as a limit.
const MIN_OUTPUT: u64 = 16;

/// Top-level members in order, each key once.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<(String, String)>);

impl Members {
    /// Adds a member that nothing else writes.
    pub(super) fn put(&mut self, key: &str, value: impl FnOnce(&mut Writer)) {
        let mut json = Writer::new();
        value(&mut json);
        self.0.push((key.to_owned(), json.finish()));
    }

    /// Adds a member that the caller said; false where one of that name stands already.
    pub(super) fn add(&mut self, key: &str, value: &str) -> bool {
        let free = self.0.iter().all(|(own, _)| own != key);
        if free {
            self.0.push((key.to_owned(), value.to_owned()));
        }
        free
    }

    /// The body.
    pub(super) fn finish(self) -> String {
        let mut json = Writer::with_capacity(self.0.iter().map(|(key, value)| key.len() + value.len() + 4).sum());
        json.object(|json| {
            for (key, value) in &self.0 {
                json.key(key).raw(value);
            }
        });
        json.finish()
    }
}

/// Writes the parameters, and the request's own members behind them.
pub(super) fn write(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>, body: &mut Members) {
    let asked = request.effort.as_ref().and_then(Effort::word);
    let to = &Target { quirks: to.quirks.at_effort(asked), ..*to };
    length(request, to, turns, body);
    sampling(request, to, turns, body);
    let own = turns.own(&request.foreign, "");
    let (reasoning, own) = nested("reasoning.", own);
    let (text, own) = nested("text.", own);
    let effort = effort(request, to, turns);
    group(body, "reasoning", effort.map(|level| ("effort".to_owned(), level)), reasoning);
    let format = format(request, to, turns).map(|format| ("format".to_owned(), format));
    if format.is_some() && text.iter().any(|(key, _)| key == "format") {
        turns.lose(Loss::dropped("text.format", "text.format"));
    }
    group(body, "text", format, text);
    if let Some(user) = &request.user {
        body.put("user", |json| _ = json.str(user));
    }
    match request.tier.as_deref().map(tier) {
        None => {}
        Some(Some(tier)) => body.put("service_tier", |json| _ = json.str(tier)),
        Some(None) => turns.lose(Loss::dropped("service_tier", "service_tier")),
    }
    if request.stream {
        body.put("stream", |json| _ = json.bool(true));
    }
    // This dialect keeps answers unless told not to; no other does.
    body.put("store", |json| _ = json.bool(false));
    for (key, value) in own {
        if !body.add(&key, &value) {
            turns.lose(Loss::dropped(key.clone(), key));
        }
    }
}

fn length(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>, body: &mut Members) {
    let Some(asked) = request.sampling.max_output else { return };
    let most = asked.max(MIN_OUTPUT).min(to.max_output.unwrap_or(u64::MAX));
    if most != asked {
        turns.lose(Loss::approximated("max_tokens", "max_tokens"));
    }
    body.put("max_output_tokens", |json| _ = json.u64(most));
}

fn sampling(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>, body: &mut Members) {
    let asked = &request.sampling;
    let refused = to.quirks.has(Quirk::NoSampling);
    let mut number = |name: &'static str, value: &Option<Raw>, refused: bool| match value {
        Some(_) if refused => turns.lose(Loss::dropped(name, name)),
        Some(value) => body.put(name, |json| _ = json.raw(value.as_str())),
        None => {}
    };
    number("temperature", &asked.temperature, refused);
    number("top_p", &asked.top_p, refused);
    // Not in the dialect; OpenRouter takes it.
    number("top_k", &asked.top_k, refused || !to.openrouter);
    number("seed", &asked.seed, true);
    let zero = |value: &Option<Raw>| value.as_ref().is_none_or(|value| matches!(value.as_str(), "0" | "0.0" | "-0"));
    let silent = to.quirks.has(Quirk::NoLogprobs);
    for (name, lost) in [
        ("frequency_penalty", !zero(&asked.frequency_penalty)),
        ("presence_penalty", !zero(&asked.presence_penalty)),
        ("n", asked.choices.is_some_and(|choices| choices > 1)),
        ("stop", !asked.stop.is_empty()),
        ("logprobs", silent && asked.logprobs == Some(true)),
        ("top_logprobs", silent && asked.top_logprobs.is_some_and(|most| most > 0)),
    ] {
        if lost {
            turns.lose(Loss::dropped(name, name));
        }
    }
    if let Some(most) = asked.top_logprobs.filter(|_| !silent) {
        body.put("top_logprobs", |json| _ = json.u64(most));
    }
    let logprobs = asked.logprobs == Some(true) && !silent;
    // A model that thinks and keeps nothing gives its reasoning encrypted, to be sent back.
    let encrypted = to.reasoning == Control::Effort;
    if logprobs || encrypted {
        body.put("include", |json| {
            json.array(|json| {
                if logprobs {
                    json.str("message.output_text.logprobs");
                }
                if encrypted {
                    json.str("reasoning.encrypted_content");
                }
            });
        });
    }
}

/// The level to think at, as JSON. There is no word for off that every model takes: nothing is said then.
fn effort(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>) -> Option<String> {
    let asked = request.effort.as_ref().filter(|effort| **effort != Effort::default())?;
    let off = asked.enabled == Some(false) || asked.level.as_deref() == Some("none");
    let from_budget = asked.budget.filter(|_| to.reasoning != Control::None).map(|budget| {
        let level = match budget {
            0..=2_048 => "low",
            2_049..=8_192 => "medium",
            _ => "high",
        };
        level.to_owned()
    });
    let level = asked.level.clone().or(from_budget).filter(|_| !off);
    match &level {
        None => turns.lose(Loss::dropped("reasoning", "reasoning")),
        Some(_) if *asked == (Effort { level: level.clone(), ..Effort::default() }) => {}
        Some(_) => turns.lose(Loss::approximated("reasoning", "reasoning")),
    }
    let mut json = Writer::new();
    json.str(&level?);
    Some(json.finish())
}

/// The form of the answer, as JSON.
fn format(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>) -> Option<String> {
    let only_object = to.quirks.has(Quirk::JsonObjectOnly);
    let mut json = Writer::new();
    match request.format.as_ref()? {
        Format::Text => return None,
        Format::JsonSchema { name, description, schema, strict } if !only_object => {
            let name = name.as_deref().unwrap_or(NO_NAME);
            let sent = clean(name);
            if sent != name {
                turns.lose(Loss::approximated("response_format", "response_format"));
            }
            json.object(|json| {
                json.key("type").str("json_schema");
                json.key("name").str(&sent);
                if let Some(description) = description {
                    json.key("description").str(description);
                }
                json.key("schema").raw(schema.as_str());
                if let Some(strict) = strict {
                    json.key("strict").bool(*strict);
                }
            });
        }
        format => {
            if *format != Format::JsonObject {
                turns.lose(Loss::approximated("response_format", "response_format"));
            }
            json.object(|json| _ = json.key("type").str("json_object"));
        }
    }
    Some(json.finish())
}

/// Keys and their values as JSON.
type Said = Vec<(String, String)>;

/// Members whose keys begin with a prefix, without it, and the others.
fn nested(prefix: &str, own: Said) -> (Said, Said) {
    let (mut inside, mut rest) = (Vec::new(), Vec::new());
    for (key, value) in own {
        match key.strip_prefix(prefix) {
            Some(name) => inside.push((name.to_owned(), value)),
            None => rest.push((key, value)),
        }
    }
    (inside, rest)
}

/// A nested object of a member written here and members that go home to it.
fn group(body: &mut Members, name: &str, first: Option<(String, String)>, own: Said) {
    let mut members: Said = first.into_iter().collect();
    for (key, value) in own {
        if members.iter().all(|(known, _)| *known != key) {
            members.push((key, value));
        }
    }
    if members.is_empty() {
        return;
    }
    body.put(name, |json| {
        json.object(|json| {
            for (key, value) in &members {
                json.key(key).raw(value);
            }
        });
    });
}
