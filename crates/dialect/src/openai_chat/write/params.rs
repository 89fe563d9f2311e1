//! Sampling, length, thinking, form and delivery: what a server of this dialect takes by its quirks.

use wire::json::Writer;

use super::body::Body;
use super::names::{clean, tier};
use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Format, Request};
use crate::loss::Loss;
use crate::quirk::Quirk;
use crate::target::{Control, Target};

/// The name of a schema that has none, since the dialect wants one.
use crate::openai_chat::read::NO_NAME;

/// Writes everything beside conversation and tools.
pub(super) fn write(request: &Request, to: &Target<'_>, body: &mut Body) {
    let asked = request.effort.as_ref().and_then(Effort::word);
    let to = &Target { quirks: to.quirks.at_effort(asked), ..*to };
    length(request, to, body);
    sampling(request, to, body);
    effort(request, to, body);
    form(request, to, body);
    if let Some(user) = &request.user {
        body.put("user", |json| _ = json.str(user));
    }
    match request.tier.as_deref().map(tier) {
        None => {}
        Some(Some(tier)) => body.put("service_tier", |json| _ = json.str(tier)),
        Some(None) => body.lose(Loss::dropped("service_tier", "service_tier")),
    }
    if request.stream {
        body.put("stream", |json| _ = json.bool(true));
        if !to.quirks.has(Quirk::NoStreamOptions) {
            body.put("stream_options", |json| {
                json.object(|json| _ = json.key("include_usage").bool(true));
            });
        }
    }
}

fn length(request: &Request, to: &Target<'_>, body: &mut Body) {
    let Some(asked) = request.sampling.max_output else { return };
    let most = asked.min(to.max_output.unwrap_or(u64::MAX));
    if most < asked {
        body.lose(Loss::approximated("max_tokens", "max_tokens"));
    }
    let name = match to.quirks.has(Quirk::MaxCompletionTokensOnly) {
        true => "max_completion_tokens",
        false => "max_tokens",
    };
    body.put(name, |json| _ = json.u64(most));
}

fn sampling(request: &Request, to: &Target<'_>, body: &mut Body) {
    let asked = &request.sampling;
    let has = |quirk| to.quirks.has(quirk);
    let mut number = |name: &'static str, sent: &'static str, value: &Option<Raw>, refused: bool| match value {
        Some(_) if refused => body.lose(Loss::dropped(name, name)),
        Some(value) => body.put(sent, |json| _ = json.raw(value.as_str())),
        None => {}
    };
    number("temperature", "temperature", &asked.temperature, has(Quirk::NoSampling));
    number("top_p", "top_p", &asked.top_p, has(Quirk::NoSampling));
    // Not in the dialect; OpenRouter takes it.
    number("top_k", "top_k", &asked.top_k, has(Quirk::NoSampling) || !to.openrouter);
    number("seed", if has(Quirk::RandomSeed) { "random_seed" } else { "seed" }, &asked.seed, false);
    for (name, value) in
        [("frequency_penalty", &asked.frequency_penalty), ("presence_penalty", &asked.presence_penalty)]
    {
        let refused = has(Quirk::NoPenalties);
        let zero = value.as_ref().is_some_and(|value| matches!(value.as_str(), "0" | "0.0" | "-0"));
        if !(refused && zero) {
            number(name, name, value, refused);
        }
    }
    if let Some(choices) = asked.choices {
        match has(Quirk::NoN) {
            true if choices > 1 => body.lose(Loss::dropped("n", "n")),
            true => {}
            false => body.put("n", |json| _ = json.u64(choices)),
        }
    }
    let refused = has(Quirk::NoLogprobs);
    match asked.logprobs {
        Some(true) if refused => body.lose(Loss::dropped("logprobs", "logprobs")),
        Some(wanted) if !refused => body.put("logprobs", |json| _ = json.bool(wanted)),
        _ => {}
    }
    match asked.top_logprobs {
        Some(1..) if refused => body.lose(Loss::dropped("top_logprobs", "top_logprobs")),
        Some(most) if !refused => body.put("top_logprobs", |json| _ = json.u64(most)),
        _ => {}
    }
    if !asked.stop.is_empty() {
        body.put("stop", |json| {
            json.array(|json| asked.stop.iter().for_each(|text| _ = json.str(text)));
        });
    }
}

/// How much to think, in the words that the server has; whatever of it they do not say is named.
fn effort(request: &Request, to: &Target<'_>, body: &mut Body) {
    let Some(asked) = request.effort.as_ref().filter(|effort| **effort != Effort::default()) else { return };
    let off = asked.enabled == Some(false) || asked.level.as_deref() == Some("none");
    let said = if to.quirks.has(Quirk::ReasoningObject) {
        reasoning_object(asked, off, to, body)
    } else if to.quirks.has(Quirk::ThinkingObject) {
        thinking_object(asked, off, to, body)
    } else if to.quirks.has(Quirk::EnableThinking) {
        enable_thinking(asked, off, body)
    } else {
        reasoning_effort(asked, off, to, body)
    };
    if said == Effort::default() {
        body.lose(Loss::dropped("reasoning", "reasoning"));
    } else if said != *asked {
        body.lose(Loss::approximated("reasoning", "reasoning"));
    }
}

/// `reasoning: {…}`, which takes a level or a budget.
fn reasoning_object(asked: &Effort, off: bool, to: &Target<'_>, body: &mut Body) -> Effort {
    let mut said = Effort { enabled: if off { Some(false) } else { asked.enabled }, ..Effort::default() };
    if !off {
        let by_budget = asked.budget.is_some() && (asked.level.is_none() || to.reasoning == Control::Budget);
        if by_budget { said.budget = asked.budget } else { said.level.clone_from(&asked.level) }
    }
    body.put("reasoning", |json| {
        json.object(|json| {
            if let Some(level) = &said.level {
                json.key("effort").str(level);
            }
            if let Some(budget) = said.budget {
                json.key("max_tokens").u64(budget);
            }
            if let Some(enabled) = said.enabled {
                json.key("enabled").bool(enabled);
            }
        });
    });
    said
}

/// `thinking: {type}`, and a level beside it where the model has levels.
fn thinking_object(asked: &Effort, off: bool, to: &Target<'_>, body: &mut Body) -> Effort {
    let mut said = Effort { enabled: Some(!off), ..Effort::default() };
    body.put("thinking", |json| {
        json.object(|json| _ = json.key("type").str(if off { "disabled" } else { "enabled" }));
    });
    if let Some(level) = asked.level.as_ref().filter(|_| !off && to.reasoning == Control::Effort) {
        body.put("reasoning_effort", |json| _ = json.str(level));
        said.level = Some(level.clone());
    }
    said
}

/// `enable_thinking` and `thinking_budget`.
fn enable_thinking(asked: &Effort, off: bool, body: &mut Body) -> Effort {
    let budget = asked.budget.or_else(|| asked.level.as_deref().map(budget)).filter(|_| !off);
    body.put("enable_thinking", |json| _ = json.bool(!off));
    if let Some(budget) = budget {
        body.put("thinking_budget", |json| _ = json.u64(budget));
    }
    Effort { enabled: Some(!off), budget, ..Effort::default() }
}

/// `reasoning_effort`, which has no word for off that every model takes: nothing is said then.
fn reasoning_effort(asked: &Effort, off: bool, to: &Target<'_>, body: &mut Body) -> Effort {
    if to.quirks.has(Quirk::EffortHighOrNone) {
        body.put("reasoning_effort", |json| _ = json.str(if off { "none" } else { "high" }));
        return match off {
            true => Effort { enabled: Some(false), ..Effort::default() },
            false => Effort { level: Some("high".to_owned()), ..Effort::default() },
        };
    }
    let known = to.reasoning != Control::None;
    let from_budget = asked.budget.filter(|_| known).map(|budget| level(budget).to_owned());
    let level = asked.level.clone().or(from_budget).filter(|_| !off);
    if let Some(level) = &level {
        body.put("reasoning_effort", |json| _ = json.str(level));
    }
    Effort { level, ..Effort::default() }
}

/// The level that comes near a budget in tokens.
const fn level(budget: u64) -> &'static str {
    match budget {
        0..=2_048 => "low",
        2_049..=8_192 => "medium",
        _ => "high",
    }
}

/// The budget in tokens that comes near a level, as Google's endpoint of this dialect has it.
fn budget(level: &str) -> u64 {
    match level {
        "minimal" | "low" => 1_024,
        "medium" => 8_192,
        "xhigh" | "max" => 32_768,
        _ => 24_576,
    }
}

/// The form of the answer.
fn form(request: &Request, to: &Target<'_>, body: &mut Body) {
    let only_object = to.quirks.has(Quirk::JsonObjectOnly);
    match &request.format {
        None | Some(Format::Text) => {}
        Some(Format::JsonSchema { name, description, schema, strict }) if !only_object => {
            let name = name.as_deref().unwrap_or(NO_NAME);
            let sent = clean(name);
            if sent != name {
                body.lose(Loss::approximated("response_format", "response_format"));
            }
            let mut json = Writer::new();
            json.object(|json| {
                json.key("name").str(&sent);
                if let Some(description) = description {
                    json.key("description").str(description);
                }
                json.key("schema").raw(schema.as_str());
                if let Some(strict) = strict {
                    json.key("strict").bool(*strict);
                }
            });
            let inner = json.finish();
            body.put("response_format", |json| {
                json.object(|json| {
                    json.key("type").str("json_schema");
                    json.key("json_schema").raw(&inner);
                });
            });
        }
        Some(format) => {
            if *format != Format::JsonObject {
                body.lose(Loss::approximated("response_format", "response_format"));
            }
            body.put("response_format", |json| {
                json.object(|json| _ = json.key("type").str("json_object"));
            });
        }
    }
}
