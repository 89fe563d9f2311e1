//! Sampling, length, thinking and form: what the dialect takes, within the bounds it takes it in.

use wire::json::Writer;

use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Format, Request};
use crate::ir::tool::{Tool, ToolChoice};
use crate::loss::Loss;
use crate::number::{is_zero, within};
use crate::quirk::Quirk;
use crate::target::Target;

/// Writes everything beside conversation and tools. `tools`: some are sent.
pub(super) fn write(request: &Request, to: &Target<'_>, tools: bool, losses: &mut Vec<Loss>, json: &mut Writer) {
    if let Some(asked) = request.sampling.max_output {
        let most = asked.min(to.max_output.unwrap_or(u64::MAX));
        if most < asked {
            losses.push(Loss::approximated("max_tokens", "max_tokens"));
        }
        json.key("max_tokens").u64(most);
    }
    sampling(request, to, losses, json);
    effort(request, losses, json);
    form(request, tools, losses, json);
    for (name, lost) in [("user", request.user.is_some()), ("service_tier", request.tier.is_some())] {
        if lost {
            losses.push(Loss::dropped(name, name));
        }
    }
    if request.stream {
        json.key("stream").bool(true);
    }
}

/// Numbers within the bounds of Cohere's reference: temperature and penalties 0 to 1, `p` 0.01 to 0.99, `k` 0 to
/// 500. Outside them it answers 400.
fn sampling(request: &Request, to: &Target<'_>, losses: &mut Vec<Loss>, json: &mut Writer) {
    let asked = &request.sampling;
    let refused = to.quirks.has(Quirk::NoSampling);
    let mut number = |name: &'static str, sent: &'static str, value: &Option<Raw>, bounds: (&str, &str), refused| {
        let Some(value) = value else { return };
        if refused {
            return losses.push(Loss::dropped(name, name));
        }
        let (near, exact) = within(value.as_str(), bounds.0, bounds.1);
        if !exact {
            losses.push(Loss::approximated(name, name));
        }
        json.key(sent).raw(near);
    };
    number("temperature", "temperature", &asked.temperature, ("0", "1"), refused);
    number("top_p", "p", &asked.top_p, ("0.01", "0.99"), refused);
    number("top_k", "k", &asked.top_k, ("0", "500"), refused);
    let few = to.quirks.has(Quirk::NoPenalties);
    let said = |value: &Option<Raw>| value.clone().filter(|value| !(few && is_zero(value.as_str())));
    number("frequency_penalty", "frequency_penalty", &said(&asked.frequency_penalty), ("0", "1"), few);
    number("presence_penalty", "presence_penalty", &said(&asked.presence_penalty), ("0", "1"), few);
    if let Some(seed) = &asked.seed {
        json.key("seed").raw(seed.as_str());
    }
    if !asked.stop.is_empty() {
        json.key("stop_sequences").array(|json| asked.stop.iter().for_each(|text| _ = json.str(text)));
    }
    let logprobs = asked.logprobs == Some(true);
    if logprobs && !to.quirks.has(Quirk::NoLogprobs) {
        json.key("logprobs").bool(true);
    }
    for (name, lost) in [
        ("logprobs", logprobs && to.quirks.has(Quirk::NoLogprobs)),
        ("top_logprobs", asked.top_logprobs.is_some_and(|most| most > 0)),
        ("n", asked.choices.is_some_and(|choices| choices > 1)),
    ] {
        if lost {
            losses.push(Loss::dropped(name, name));
        }
    }
}

/// On or off, with a budget in tokens where one is named or a level comes near one.
fn effort(request: &Request, losses: &mut Vec<Loss>, json: &mut Writer) {
    let Some(asked) = request.effort.as_ref().filter(|effort| **effort != Effort::default()) else { return };
    let off = asked.enabled == Some(false) || asked.level.as_deref() == Some("none");
    let by_level = match asked.level.as_deref() {
        Some("minimal" | "low") => Some(1_024),
        Some("medium") => Some(8_192),
        _ => None,
    };
    let budget = asked.budget.or(by_level).filter(|_| !off);
    json.key("thinking").object(|json| {
        json.key("type").str(if off { "disabled" } else { "enabled" });
        if let Some(budget) = budget {
            json.key("token_budget").u64(budget);
        }
    });
    let said = Effort { enabled: Some(!off), budget, ..Effort::default() };
    if said != *asked {
        losses.push(Loss::approximated("reasoning", "reasoning"));
    }
}

/// The form of the answer, which Cohere refuses beside tools.
fn form(request: &Request, tools: bool, losses: &mut Vec<Loss>, json: &mut Writer) {
    let schema = match &request.format {
        None | Some(Format::Text) => return,
        Some(_) if tools => return losses.push(Loss::dropped("response_format", "response_format")),
        Some(Format::JsonObject) => None,
        Some(Format::JsonSchema { description, schema, .. }) => {
            if description.is_some() {
                losses.push(Loss::approximated("response_format", "response_format"));
            }
            Some(schema)
        }
    };
    json.key("response_format").object(|json| {
        json.key("type").str("json_object");
        if let Some(schema) = schema {
            json.key("json_schema").raw(schema.as_str());
        }
    });
}

/// Which tools are sent, and the word for the choice. One that must be called is sent alone, because there is no
/// word for it.
pub(super) fn choice<'a>(
    request: &'a Request,
    losses: &mut Vec<Loss>,
) -> (Vec<(usize, &'a Tool)>, Option<&'static str>) {
    let all = || request.tools.iter().enumerate();
    let only = |names: &[String]| -> Vec<(usize, &'a Tool)> {
        all().filter(|(_, tool)| matches!(tool, Tool::Function(own) if names.contains(&own.name))).collect()
    };
    let (some, word) = match &request.tool_choice {
        None | Some(ToolChoice::Auto) => return (all().collect(), None),
        Some(ToolChoice::Any) => return (all().collect(), Some("REQUIRED")),
        Some(ToolChoice::None) => return (all().collect(), Some("NONE")),
        Some(ToolChoice::Named(name)) => (only(std::slice::from_ref(name)), Some("REQUIRED")),
        Some(ToolChoice::Allowed { required, names }) => (only(names), required.then_some("REQUIRED")),
    };
    losses.push(Loss::approximated("tool_choice", "tool_choice"));
    if some.is_empty() { (all().collect(), None) } else { (some, word) }
}
