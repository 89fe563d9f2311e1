//! Length, sampling, form and reasoning as a server takes them; what it refuses is lost.

use wire::json::Writer;

use super::write_part::Place;
use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Format, Request};
use crate::loss::Loss;
use crate::quirk::Quirk;
use crate::target::Control;

/// Writes length and sampling.
pub(super) fn sampling(request: &Request, place: &mut Place<'_>, json: &mut Writer) {
    let sampling = &request.sampling;
    if let Some(asked) = sampling.max_output {
        let most = place.to.max_output.map_or(asked, |most| most.min(asked));
        if most < asked {
            place.losses.push(Loss::approximated("max_tokens", "max_tokens"));
        }
        let completion = place.has(Quirk::MaxCompletionTokensOnly);
        json.key(if completion { "max_completion_tokens" } else { "max_tokens" }).u64(most);
    }
    let drawn = !place.has(Quirk::NoSampling);
    let penalties = !place.has(Quirk::NoPenalties);
    let seed = if place.has(Quirk::RandomSeed) { "random_seed" } else { "seed" };
    let numbers: [(&str, &str, &Option<Raw>, bool); 6] = [
        ("temperature", "temperature", &sampling.temperature, drawn),
        ("top_p", "top_p", &sampling.top_p, drawn),
        // OpenAI has no such parameter; OpenRouter passes it on.
        ("top_k", "top_k", &sampling.top_k, drawn && place.to.openrouter),
        (seed, "seed", &sampling.seed, true),
        ("frequency_penalty", "frequency_penalty", &sampling.frequency_penalty, penalties),
        ("presence_penalty", "presence_penalty", &sampling.presence_penalty, penalties),
    ];
    for (key, word, value, taken) in numbers {
        match value {
            Some(value) if taken => {
                json.key(key).raw(value.as_str());
            }
            Some(_) => place.dropped(word, word),
            None => {}
        }
    }
    match &sampling.stop[..] {
        [] => {}
        stop => {
            json.key("stop").array(|json| {
                for text in stop {
                    json.str(text);
                }
            });
        }
    }
    match sampling.choices {
        Some(n) if n != 1 && place.has(Quirk::NoN) => place.dropped("n", "n"),
        Some(n) => {
            json.key("n").u64(n);
        }
        None => {}
    }
    logprobs(request, place, json);
}

fn logprobs(request: &Request, place: &mut Place<'_>, json: &mut Writer) {
    let refused = place.has(Quirk::NoLogprobs);
    match request.sampling.logprobs {
        Some(_) if refused => place.dropped("logprobs", "logprobs"),
        Some(wanted) => {
            json.key("logprobs").bool(wanted);
        }
        None => {}
    }
    match request.sampling.top_logprobs {
        Some(_) if refused => place.dropped("top_logprobs", "top_logprobs"),
        Some(count) => {
            json.key("top_logprobs").u64(count);
        }
        None => {}
    }
}

/// Writes the form of the answer.
pub(super) fn format(request: &Request, place: &mut Place<'_>, json: &mut Writer) {
    let Some(format) = &request.format else { return };
    json.key("response_format").object(|json| match format {
        Format::Text => {
            json.key("type").str("text");
        }
        Format::JsonObject => {
            json.key("type").str("json_object");
        }
        Format::JsonSchema { .. } if place.has(Quirk::JsonObjectOnly) => {
            json.key("type").str("json_object");
            place.losses.push(Loss::approximated("json_schema", "response_format"));
        }
        Format::JsonSchema { name, description, schema, strict } => {
            json.key("type").str("json_schema");
            json.key("json_schema").object(|json| {
                // OpenAI refuses a schema without a name.
                json.key("name").str(name.as_deref().unwrap_or("response"));
                if let Some(description) = description {
                    json.key("description").str(description);
                }
                json.key("schema").raw(schema.as_str());
                if let Some(strict) = strict {
                    json.key("strict").bool(*strict);
                }
            });
        }
    });
}

/// Levels and the budgets in tokens that stand for them (Google's own OpenAI endpoint for 2.5).
fn level_of(budget: u64) -> &'static str {
    match budget {
        0..=2_048 => "low",
        2_049..=8_192 => "medium",
        _ => "high",
    }
}

fn budget_of(level: &str) -> u64 {
    match level {
        "minimal" | "low" => 1_024,
        "medium" => 8_192,
        _ => 24_576,
    }
}

/// Writes how much to think, in the one form this server takes.
pub(super) fn effort(request: &Request, place: &mut Place<'_>, json: &mut Writer) {
    let Some(effort) = &request.effort else { return };
    let off = effort.enabled == Some(false);
    if place.has(Quirk::ReasoningObject) {
        return object(effort, place, json);
    }
    if place.has(Quirk::EnableThinking) {
        json.key("enable_thinking").bool(!off);
        let budget = effort.budget.or_else(|| effort.level.as_deref().map(budget_of));
        if let Some(budget) = budget.filter(|_| !off) {
            json.key("thinking_budget").u64(budget);
        }
        return inexact(effort, effort.level.is_some() || effort.adaptive, place);
    }
    if place.has(Quirk::ThinkingObject) {
        json.key("thinking").object(|json| {
            json.key("type").str(if off { "disabled" } else { "enabled" });
        });
        return inexact(effort, effort.level.is_some() || effort.budget.is_some() || effort.adaptive, place);
    }
    if place.to.reasoning == Control::None {
        // It does not reason, or nobody knows: asking could be refused, and off is what it is.
        return place.dropped("reasoning", "reasoning");
    }
    let level = effort.level.as_deref().or_else(|| effort.budget.map(level_of));
    match level {
        _ if off => {
            json.key("reasoning_effort").str("none");
            inexact(effort, effort.level.is_some() || effort.budget.is_some() || effort.adaptive, place);
        }
        Some(level) => {
            json.key("reasoning_effort").str(level);
            inexact(effort, effort.budget.is_some() || effort.adaptive || effort.enabled.is_some(), place);
        }
        // On without a level: it thinks as it does by itself.
        None => inexact(effort, true, place),
    }
}

/// OpenRouter's `reasoning`: an effort or a budget, never both.
fn object(effort: &Effort, place: &mut Place<'_>, json: &mut Writer) {
    json.key("reasoning").object(|json| {
        if let Some(enabled) = effort.enabled {
            json.key("enabled").bool(enabled);
        }
        match (&effort.level, effort.budget) {
            (Some(level), _) => {
                json.key("effort").str(level);
            }
            (None, Some(budget)) => {
                json.key("max_tokens").u64(budget);
            }
            (None, None) if effort.enabled.is_none() => {
                json.key("enabled").bool(true);
            }
            (None, None) => {}
        }
    });
    inexact(effort, effort.adaptive || (effort.level.is_some() && effort.budget.is_some()), place);
}

/// Says that the server is told something near to what was asked.
fn inexact(effort: &Effort, near: bool, place: &mut Place<'_>) {
    if near && *effort != Effort::default() {
        place.losses.push(Loss::approximated("reasoning", "reasoning"));
    }
}
