//! `generationConfig`: sampling, length, form and thinking as a model of this dialect takes them.

use wire::json::Writer;

use super::schema;
use super::turns::Turns;
use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Format, Request};
use crate::loss::Loss;
use crate::target::{Control, Target};

/// Most texts that end an answer.
const MAX_STOPS: usize = 5;

/// Writes `generationConfig`; nothing where nothing is said. `tools`: the model may call functions.
pub(super) fn write(
    request: &Request,
    to: &Target<'_>,
    own: Vec<(String, String)>,
    tools: bool,
    turns: &mut Turns<'_>,
    json: &mut Writer,
) {
    let (thinking, own): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|(key, _)| key.starts_with("generationConfig.thinkingConfig."));
    let mut config = Config::default();
    sampling(request, to, turns, &mut config);
    form(request, tools, turns, &mut config);
    effort(request, to, &thinking, turns, &mut config);
    for (key, value) in own {
        let name = key.strip_prefix("generationConfig.").unwrap_or(&key);
        config.members.push((name.to_owned(), value));
    }
    if config.members.is_empty() {
        return;
    }
    json.key("generationConfig").object(|json| {
        for (key, value) in &config.members {
            json.key(key).raw(value);
        }
    });
}

/// Members as JSON texts, in order.
#[derive(Debug, Default)]
struct Config {
    members: Vec<(String, String)>,
}

impl Config {
    fn put(&mut self, key: &str, value: impl FnOnce(&mut Writer)) {
        let mut json = Writer::new();
        value(&mut json);
        self.members.push((key.to_owned(), json.finish()));
    }
}

fn sampling(request: &Request, to: &Target<'_>, turns: &mut Turns<'_>, config: &mut Config) {
    let asked = &request.sampling;
    if let Some(most) = asked.max_output {
        let sent = most.min(to.max_output.unwrap_or(u64::MAX));
        if sent < most {
            turns.lose(Loss::approximated("max_tokens", "max_tokens"));
        }
        config.put("maxOutputTokens", |json| _ = json.u64(sent));
    }
    let mut number = |key: &str, value: &Option<Raw>| {
        if let Some(value) = value {
            config.put(key, |json| _ = json.raw(value.as_str()));
        }
    };
    number("temperature", &asked.temperature);
    number("topP", &asked.top_p);
    number("topK", &asked.top_k);
    number("seed", &asked.seed);
    number("frequencyPenalty", &asked.frequency_penalty);
    number("presencePenalty", &asked.presence_penalty);
    if let Some(choices) = asked.choices {
        config.put("candidateCount", |json| _ = json.u64(choices));
    }
    if let Some(wanted) = asked.logprobs {
        config.put("responseLogprobs", |json| _ = json.bool(wanted));
    }
    if let Some(most) = asked.top_logprobs {
        config.put("logprobs", |json| _ = json.u64(most));
    }
    let stop: Vec<&String> = asked.stop.iter().filter(|text| !text.is_empty()).take(MAX_STOPS).collect();
    if stop.len() < asked.stop.len() {
        turns.lose(Loss::dropped("stop", "stop"));
    }
    if !stop.is_empty() {
        config.put("stopSequences", |json| {
            json.array(|json| stop.iter().for_each(|text| _ = json.str(text)));
        });
    }
}

/// The form of the answer. Old models hold no form while they may call functions: they are told of it.
fn form(request: &Request, tools: bool, turns: &mut Turns<'_>, config: &mut Config) {
    let (schema, description) = match &request.format {
        None | Some(Format::Text) => return,
        Some(Format::JsonObject) => (None, None),
        Some(Format::JsonSchema { schema, description, .. }) => (Some(schema.as_str()), description.as_ref()),
    };
    if description.is_some() {
        turns.lose(Loss::approximated("response_format", "format"));
    }
    if tools && !turns.able.form_beside_tools {
        turns.lose(Loss::weakened("response_format", "format"));
        let form = match schema {
            Some(schema) => {
                format!("Give your final answer as JSON that follows this schema, and nothing else:\n{schema}")
            }
            None => "Give your final answer as a JSON object, and nothing else.".to_owned(),
        };
        let mut json = Writer::new();
        json.object(|json| _ = json.key("text").str(&form));
        turns.system.push(json.finish());
        return;
    }
    config.put("responseMimeType", |json| _ = json.str("application/json"));
    match schema {
        None => {}
        Some(schema) if turns.able.json_schema => config.put("responseJsonSchema", |json| _ = json.raw(schema)),
        Some(schema) => {
            let subset = schema::to_subset(schema, "format", &mut turns.losses);
            config.put("responseSchema", |json| _ = json.raw(&subset));
        }
    }
}

/// What is said of thinking.
#[derive(Debug, Default, PartialEq, Eq)]
struct Thinking {
    /// -1: as the model sees fit.
    budget: Option<i64>,
    level: Option<&'static str>,
}

/// How much to think, in the words that the model has; whatever of it they do not say is named.
fn effort(request: &Request, to: &Target<'_>, own: &[(String, String)], turns: &mut Turns<'_>, config: &mut Config) {
    let asked = request.effort.as_ref().filter(|effort| **effort != Effort::default());
    let mut thinking = None;
    if let Some(asked) = asked {
        if turns.able.thoughtless {
            turns.lose(Loss::dropped("reasoning effort", "effort"));
        } else {
            let (said, exact) = think(asked, to, turns);
            if !exact {
                turns.lose(Loss::approximated("reasoning effort", "effort"));
            }
            thinking = Some(said);
        }
    }
    if thinking.is_none() && own.is_empty() {
        return;
    }
    config.put("thinkingConfig", |json| {
        json.object(|json| {
            if let Some(said) = &thinking {
                if let Some(budget) = said.budget {
                    json.key("thinkingBudget").raw(&budget.to_string());
                }
                if let Some(level) = said.level {
                    json.key("thinkingLevel").str(level);
                }
                // Who asks for thoughts wants to see them.
                if said.budget != Some(0) {
                    json.key("includeThoughts").bool(true);
                }
            }
            for (key, value) in own {
                json.key(key.rsplit_once('.').map_or(key, |(_, name)| name)).raw(value);
            }
        });
    });
}

/// An effort as a budget or a level, and whether it says just what was asked.
fn think(asked: &Effort, to: &Target<'_>, turns: &Turns<'_>) -> (Thinking, bool) {
    let budgets = turns.able.budget || (!turns.able.levels && to.reasoning == Control::Budget);
    let levels = turns.able.levels || (!budgets && to.reasoning == Control::Effort);
    let level = asked.level.as_deref();
    let by_level = |level: &'static str| Thinking { budget: None, level: Some(level) };
    let by_budget = |budget: i64| Thinking { budget: Some(budget), level: None };
    if asked.enabled == Some(false) || level == Some("none") {
        let plain = level.is_none();
        return match (levels, turns.able.silent) {
            // Levels have no word for off.
            (true, _) => (by_level("minimal"), false),
            (false, true) => (by_budget(0), plain),
            (false, false) => (by_budget(128), false),
        };
    }
    let alone = asked.enabled.is_none() && !asked.adaptive && asked.budget.is_none();
    let named = match level {
        Some("minimal") => Some(("minimal", alone)),
        Some("low") => Some(("low", alone)),
        Some("medium") => Some(("medium", alone)),
        Some("high") => Some(("high", alone)),
        Some(_) => Some(("high", false)),
        None => None,
    };
    match (asked.budget, named) {
        (Some(budget), named) if !levels && (budgets || named.is_none()) => {
            (by_budget(i64::try_from(budget).unwrap_or(i64::MAX)), budget > 0 && named.is_none() && !asked.adaptive)
        }
        (None, Some((level, _))) if budgets => (by_budget(near(level)), false),
        (_, Some((level, exact))) => (by_level(level), exact),
        (Some(0..=2_048), None) => (by_level("low"), false),
        (Some(0..=8_192), None) => (by_level("medium"), false),
        (Some(_), None) => (by_level("high"), false),
        (None, None) if asked.adaptive && !levels => (by_budget(-1), asked.enabled == Some(true)),
        (None, None) => (Thinking::default(), !asked.adaptive),
    }
}

/// The budget in tokens that comes near a level, as Google's endpoint of OpenAI's dialect has it.
fn near(level: &str) -> i64 {
    match level {
        "minimal" | "low" => 1_024,
        "medium" => 8_192,
        _ => 24_576,
    }
}

#[cfg(test)]
mod tests;
