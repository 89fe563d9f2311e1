//! Sampling, length, thinking and form: most of it stands in `options`.

use wire::json::Writer;

use crate::id::DialectId;
use crate::ir::request::{Effort, Format, Request};
use crate::ir::tool::{Tool, ToolChoice};
use crate::loss::Loss;
use crate::members::own;
use crate::quirk::Quirk;
use crate::target::Target;

const HERE: DialectId = DialectId::Ollama;

/// What members of `options` are called where they stand apart.
const OPTIONS: &str = "options.";

/// Writes everything beside conversation and tools.
pub(super) fn write(request: &Request, to: &Target<'_>, losses: &mut Vec<Loss>, json: &mut Writer) {
    // Unless told not to, it streams.
    json.key("stream").bool(request.stream);
    form(request, losses, json);
    effort(request, to, losses, json);
    let asked = &request.sampling;
    if asked.logprobs == Some(true) {
        json.key("logprobs").bool(true);
    }
    if let Some(most) = asked.top_logprobs.filter(|most| *most > 0) {
        json.key("top_logprobs").u64(most);
    }
    for (name, lost) in [
        ("user", request.user.is_some()),
        ("service_tier", request.tier.is_some()),
        ("n", asked.choices.is_some_and(|choices| choices > 1)),
    ] {
        if lost {
            losses.push(Loss::dropped(name, name));
        }
    }
    let own = own(HERE, &request.foreign, "", losses);
    let options = options(request, to, &own, losses);
    if !options.is_empty() {
        json.key("options").object(|json| options.iter().for_each(|(key, value)| _ = json.key(key).raw(value)));
    }
    for (key, value) in own.iter().filter(|(key, _)| !key.starts_with(OPTIONS)) {
        json.key(key).raw(value);
    }
}

/// The members of `options`.
fn options(
    request: &Request,
    to: &Target<'_>,
    own: &[(String, String)],
    losses: &mut Vec<Loss>,
) -> Vec<(String, String)> {
    let asked = &request.sampling;
    let mut options: Vec<(String, String)> = Vec::new();
    if let Some(wanted) = asked.max_output {
        let most = wanted.min(to.max_output.unwrap_or(u64::MAX));
        if most < wanted {
            losses.push(Loss::approximated("max_tokens", "max_tokens"));
        }
        options.push(("num_predict".to_owned(), most.to_string()));
    }
    let refused = to.quirks.has(Quirk::NoSampling);
    for (name, value, refused) in [
        ("temperature", &asked.temperature, refused),
        ("top_p", &asked.top_p, refused),
        ("top_k", &asked.top_k, refused),
        ("seed", &asked.seed, false),
        ("frequency_penalty", &asked.frequency_penalty, false),
        ("presence_penalty", &asked.presence_penalty, false),
    ] {
        match value {
            Some(_) if refused => losses.push(Loss::dropped(name, name)),
            Some(value) => options.push((name.to_owned(), value.as_str().to_owned())),
            None => {}
        }
    }
    if !asked.stop.is_empty() {
        let mut json = Writer::new();
        json.array(|json| asked.stop.iter().for_each(|text| _ = json.str(text)));
        options.push(("stop".to_owned(), json.finish()));
    }
    let kept = own.iter().filter_map(|(key, value)| Some((key.strip_prefix(OPTIONS)?.to_owned(), value.clone())));
    let known: Vec<String> = options.iter().map(|(key, _)| key.clone()).collect();
    options.extend(kept.filter(|(key, _)| !known.contains(key)));
    options
}

/// `think`: on or off. Levels are the words of OpenAI's open models, which think in any case.
fn effort(request: &Request, to: &Target<'_>, losses: &mut Vec<Loss>, json: &mut Writer) {
    let Some(asked) = request.effort.as_ref().filter(|effort| **effort != Effort::default()) else { return };
    let off = asked.enabled == Some(false) || asked.level.as_deref() == Some("none");
    let level = match asked.level.as_deref().filter(|_| !off && to.model.contains("gpt-oss")) {
        Some("minimal") => Some("low"),
        Some("xhigh" | "max") => Some("high"),
        other => other,
    };
    let said = match level {
        Some(level) => {
            json.key("think").str(level);
            Effort { level: Some(level.to_owned()), ..Effort::default() }
        }
        None => {
            json.key("think").bool(!off);
            Effort { enabled: Some(!off), ..Effort::default() }
        }
    };
    if said != *asked {
        losses.push(Loss::approximated("reasoning", "reasoning"));
    }
}

/// `format`: JSON, or a schema that the grammar holds the model to.
fn form(request: &Request, losses: &mut Vec<Loss>, json: &mut Writer) {
    match &request.format {
        None | Some(Format::Text) => {}
        Some(Format::JsonObject) => _ = json.key("format").str("json"),
        Some(Format::JsonSchema { description, schema, .. }) => {
            let is_object = schema.as_str().trim_start().starts_with('{');
            if description.is_some() || !is_object {
                losses.push(Loss::approximated("response_format", "response_format"));
            }
            match is_object {
                true => _ = json.key("format").raw(schema.as_str()),
                false => _ = json.key("format").str("json"),
            }
        }
    }
}

/// Which tools are sent. Nothing can be forced: one that must be called is sent alone, and where none may be
/// called, none is sent.
pub(super) fn chosen<'a>(request: &'a Request, losses: &mut Vec<Loss>) -> Vec<(usize, &'a Tool)> {
    let all = || request.tools.iter().enumerate();
    let only = |names: &[String]| -> Vec<(usize, &'a Tool)> {
        all().filter(|(_, tool)| matches!(tool, Tool::Function(own) if names.contains(&own.name))).collect()
    };
    let some = match &request.tool_choice {
        None | Some(ToolChoice::Auto) => return all().collect(),
        Some(ToolChoice::Any) => {
            losses.push(Loss::dropped("tool_choice", "tool_choice"));
            return all().collect();
        }
        Some(ToolChoice::None) => Vec::new(),
        Some(ToolChoice::Named(name)) => only(std::slice::from_ref(name)),
        Some(ToolChoice::Allowed { names, .. }) => only(names),
    };
    losses.push(Loss::approximated("tool_choice", "tool_choice"));
    some
}
