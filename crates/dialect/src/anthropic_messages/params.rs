//! Sampling, length and thinking: what a model of this dialect takes, and what it must do without.

use super::model::{Abilities, abilities};
use crate::ir::foreign::Raw;
use crate::ir::request::{Effort, Request};
use crate::loss::Loss;
use crate::number::{is_zero, within};
use crate::quirk::Quirk;
use crate::target::{Control, Target};

/// Most tokens of an answer where neither the request nor the catalogue says.
const DEFAULT_MAX: u64 = 8_192;
/// Smallest budget of thinking that is accepted.
const MIN_BUDGET: u64 = 1_024;

/// How the model thinks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// Nothing is said.
    Unsaid,
    /// Not at all.
    Disabled,
    /// To a budget in tokens.
    Budget(u64),
    /// As it sees fit, with an effort where one is named.
    Adaptive(Option<&'static str>),
}

impl Thinking {
    /// True when it is on.
    pub(crate) const fn is_on(&self) -> bool {
        matches!(self, Thinking::Budget(_) | Thinking::Adaptive(_))
    }
}

/// What is sent beside the conversation.
#[derive(Debug)]
pub(crate) struct Params {
    /// What the model can do.
    pub(crate) able: Abilities,
    /// Most tokens of the answer.
    pub(crate) max_tokens: u64,
    /// How it thinks.
    pub(crate) thinking: Thinking,
    /// `temperature`, `top_p`, `top_k` as far as they are sent.
    pub(crate) sampling: Vec<(&'static str, String)>,
}

/// Chooses the parameters for a target. `forced` says that a tool call must be forced for the answer's
/// form, which thinking forbids.
pub(crate) fn choose(request: &Request, to: &Target<'_>, forced: bool, losses: &mut Vec<Loss>) -> Params {
    let able = abilities(to.model);
    let mut near = Vec::new();
    let mut thinking = request.effort.as_ref().map_or(Thinking::Unsaid, |effort| think(effort, able, to, &mut near));
    if forced && thinking.is_on() {
        losses.push(Loss::dropped("reasoning effort", "effort"));
        thinking = Thinking::Unsaid;
    } else {
        losses.append(&mut near);
    }
    let max_tokens = length(request, to, &mut thinking, losses);
    let sampling = sampling(request, to, able, thinking.is_on(), losses);
    unsupported(request, losses);
    Params { able, max_tokens, thinking, sampling }
}

/// Effort to the control that the model has.
fn think(effort: &Effort, able: Abilities, to: &Target<'_>, losses: &mut Vec<Loss>) -> Thinking {
    let (budget, adaptive) = match to.reasoning {
        Control::Budget => (true, false),
        Control::Adaptive | Control::Effort => (false, true),
        Control::None => (able.budget, able.adaptive),
    };
    let level = effort.level.as_deref();
    if effort.enabled == Some(false) || level == Some("none") {
        // Said to every model: servers that are like this dialect's may think unless told not to.
        return Thinking::Disabled;
    }
    if *effort == Effort::default() {
        return Thinking::Unsaid;
    }
    if adaptive {
        let (word, exact) = match (level, effort.budget) {
            (Some("low"), None) => (Some("low"), true),
            (Some("minimal"), _) => (Some("low"), false),
            (Some("low"), _) => (Some("low"), false),
            (Some("medium"), budget) => (Some("medium"), budget.is_none()),
            (Some("high"), budget) => (Some("high"), budget.is_none()),
            (Some("xhigh"), budget) if able.xhigh => (Some("xhigh"), budget.is_none()),
            (Some("max"), budget) => (Some("max"), budget.is_none()),
            (Some(_), _) => (Some("high"), false),
            (None, Some(0..=2_048)) => (Some("low"), false),
            (None, Some(0..=8_192)) => (Some("medium"), false),
            (None, Some(_)) => (Some("high"), false),
            (None, None) => (None, true),
        };
        // The model decides how long it thinks; a caller that did not leave it that gets only near it.
        if !exact || !effort.adaptive || effort.enabled.is_none() {
            losses.push(Loss::approximated("reasoning effort", "effort"));
        }
        return Thinking::Adaptive(word);
    }
    if budget {
        let (tokens, exact) = match (effort.budget, level) {
            (Some(budget), None) => (budget.max(MIN_BUDGET), budget >= MIN_BUDGET && !effort.adaptive),
            (Some(budget), Some(_)) => (budget.max(MIN_BUDGET), false),
            (None, Some("minimal" | "low")) => (MIN_BUDGET, false),
            (None, Some("high")) => (24_576, false),
            (None, Some("xhigh" | "max")) => (32_768, false),
            (None, _) => (8_192, false),
        };
        if !exact {
            losses.push(Loss::approximated("reasoning effort", "effort"));
        }
        return Thinking::Budget(tokens);
    }
    losses.push(Loss::dropped("reasoning effort", "effort"));
    Thinking::Unsaid
}

/// Most tokens: the request's, else the model's, else a default; above a budget of thinking.
fn length(request: &Request, to: &Target<'_>, thinking: &mut Thinking, losses: &mut Vec<Loss>) -> u64 {
    let asked = request.sampling.max_output;
    let ceiling = to.max_output.unwrap_or(u64::MAX);
    let mut most = asked.or(to.max_output).unwrap_or(DEFAULT_MAX).min(ceiling);
    let mut changed = asked.is_some_and(|asked| asked != most);
    if let Thinking::Budget(budget) = *thinking
        && most <= budget
    {
        let raised = budget.saturating_add(most).min(ceiling);
        // Where there is no room for both, the budget gives way.
        let left = budget.min(raised.saturating_sub(1));
        let lost = Loss::approximated("reasoning effort", "effort");
        if left < budget && left >= MIN_BUDGET && !losses.contains(&lost) {
            losses.push(lost);
        }
        let budget = left;
        if budget < MIN_BUDGET {
            losses.push(Loss::dropped("reasoning effort", "effort"));
            *thinking = Thinking::Unsaid;
        } else {
            changed |= asked.is_some() && raised != most;
            most = raised;
            *thinking = Thinking::Budget(budget);
        }
    }
    if changed {
        losses.push(Loss::approximated("max_tokens", "max_tokens"));
    }
    most
}

/// Sampling parameters that the model takes.
fn sampling(
    request: &Request,
    to: &Target<'_>,
    able: Abilities,
    thinks: bool,
    losses: &mut Vec<Loss>,
) -> Vec<(&'static str, String)> {
    let refused = !able.sampling || to.quirks.has(Quirk::NoSampling) || thinks;
    let asked = &request.sampling;
    let mut sent = Vec::new();
    let mut offer = |name: &'static str, value: &Option<Raw>, refused: bool| match value {
        Some(_) if refused => losses.push(Loss::dropped(name, name)),
        Some(value) => {
            let (text, exact) = if name == "temperature" { clamp(value.as_str()) } else { (value.as_str(), true) };
            if !exact {
                losses.push(Loss::approximated(name, name));
            }
            sent.push((name, text.to_owned()));
        }
        None => {}
    };
    offer("temperature", &asked.temperature, refused);
    offer("top_p", &asked.top_p, refused || (!able.both_samplings && asked.temperature.is_some()));
    offer("top_k", &asked.top_k, refused);
    sent
}

/// A temperature within 0 and 1, and whether it was.
fn clamp(number: &str) -> (&str, bool) {
    within(number, "0", "1")
}

/// What this dialect has no word for.
fn unsupported(request: &Request, losses: &mut Vec<Loss>) {
    let asked = &request.sampling;
    let zero = |value: &Option<Raw>| value.as_ref().is_none_or(|value| is_zero(value.as_str()));
    for (name, lost) in [
        ("n", asked.choices.is_some_and(|choices| choices > 1)),
        ("seed", asked.seed.is_some()),
        ("frequency_penalty", !zero(&asked.frequency_penalty)),
        ("presence_penalty", !zero(&asked.presence_penalty)),
        ("logprobs", asked.logprobs == Some(true)),
        ("top_logprobs", asked.top_logprobs.is_some_and(|most| most > 0)),
    ] {
        if lost {
            losses.push(Loss::dropped(name, name));
        }
    }
}

#[cfg(test)]
mod tests;
