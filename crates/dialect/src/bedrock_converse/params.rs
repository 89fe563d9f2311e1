//! Sampling, length and thinking: what a model behind Converse takes, and what it must do without.

use wire::json::Writer;

use super::model::{Family, family, is_structured};
use crate::anthropic_messages::params::{self as claude, Thinking};
use crate::ir::request::{Effort, Request};
use crate::loss::Loss;
use crate::quirk::Quirk;
use crate::target::{Control, Target};

/// What is sent beside the conversation.
#[derive(Debug, Default)]
pub(super) struct Params {
    /// Answers and strict tools are held to a schema.
    pub(super) structured: bool,
    /// It thinks, which forbids to force a tool call.
    pub(super) thinks: bool,
    /// It thinks to a budget: a turn that tools answer must then begin with its thinking.
    pub(super) budget: bool,
    /// Members of `inferenceConfig`, as JSON texts.
    pub(super) config: Vec<(&'static str, String)>,
    /// Members of `additionalModelRequestFields`, as JSON texts.
    pub(super) more: Vec<(&'static str, String)>,
}

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Claude's `thinking`.
    Thinking,
    /// Nova's `reasoningConfig`.
    Nova,
    /// OpenAI's `reasoning_effort`.
    Effort,
    /// Qwen's `reasoning_config`, a level.
    Qwen,
}

/// Chooses the parameters for a target. `forced` says that a tool call must be forced for the answer's form, which
/// thinking forbids.
pub(super) fn choose(request: &Request, to: &Target<'_>, forced: bool, losses: &mut Vec<Loss>) -> Params {
    let family = family(to.model);
    let control = match (family, to.reasoning) {
        (Family::Nova, _) => Way::Nova,
        (Family::Qwen, _) => Way::Qwen,
        (Family::GptOss, _) | (Family::Other, Control::Effort) => Way::Effort,
        _ => Way::Thinking,
    };
    let mut plain = request.clone();
    let effort = match control {
        Way::Thinking => None,
        Way::Nova | Way::Effort | Way::Qwen => plain.effort.take(),
    };
    let chosen = claude::choose(&plain, to, forced, losses);
    let mut params = Params {
        structured: is_structured(to.model),
        thinks: chosen.thinking.is_on(),
        budget: matches!(chosen.thinking, Thinking::Budget(_)),
        ..Params::default()
    };
    if request.sampling.max_output.is_some() || params.budget {
        params.config.push(("maxTokens", chosen.max_tokens.to_string()));
    }
    for (name, value) in chosen.sampling {
        match (name, family) {
            ("temperature", _) => params.config.push(("temperature", value)),
            ("top_p", _) => params.config.push(("topP", value)),
            (_, Family::Claude) => params.more.push(("top_k", value)),
            (_, Family::Nova) => params.more.push(("inferenceConfig", format!("{{\"topK\":{value}}}"))),
            _ => losses.push(Loss::dropped("top_k", "top_k")),
        }
    }
    params.think(&chosen.thinking);
    match (effort, control) {
        (Some(effort), Way::Nova) => params.nova(&effort, forced, losses),
        (Some(effort), Way::Qwen) => params.level("reasoning_config", &effort, losses),
        (Some(effort), _) => params.level("reasoning_effort", &effort, losses),
        (None, _) => {}
    }
    if to.quirks.has(Quirk::NoToolChoice) {
        // As if it thought: a call cannot be forced.
        params.thinks = true;
    }
    params
}

impl Params {
    /// In the words of a Claude.
    fn think(&mut self, thinking: &Thinking) {
        let (kind, budget) = match thinking {
            Thinking::Unsaid => return,
            Thinking::Disabled => ("disabled", None),
            Thinking::Budget(budget) => ("enabled", Some(*budget)),
            Thinking::Adaptive(_) => ("adaptive", None),
        };
        let mut json = Writer::new();
        json.object(|json| {
            json.key("type").str(kind);
            if let Some(budget) = budget {
                json.key("budget_tokens").u64(budget);
            }
        });
        self.more.push(("thinking", json.finish()));
        if let Thinking::Adaptive(Some(effort)) = thinking {
            self.more.push(("output_config", format!("{{\"effort\":\"{effort}\"}}")));
        }
    }

    /// In the words of a Nova. At the highest level it takes neither length nor sampling.
    fn nova(&mut self, effort: &Effort, forced: bool, losses: &mut Vec<Loss>) {
        if *effort == Effort::default() {
            return;
        }
        if is_off(effort) {
            return self.more.push(("reasoningConfig", r#"{"type":"disabled"}"#.to_owned()));
        }
        if forced {
            return losses.push(Loss::dropped("reasoning effort", "effort"));
        }
        let (mut level, mut exact) = level(effort);
        if level == "high" && !self.config.is_empty() {
            (level, exact) = ("medium", false);
        }
        if !exact {
            losses.push(Loss::approximated("reasoning effort", "effort"));
        }
        self.more.push(("reasoningConfig", format!("{{\"type\":\"enabled\",\"maxReasoningEffort\":\"{level}\"}}")));
    }

    /// By a level alone.
    fn level(&mut self, member: &'static str, effort: &Effort, losses: &mut Vec<Loss>) {
        if *effort == Effort::default() {
            return;
        }
        if is_off(effort) {
            return losses.push(Loss::dropped("reasoning effort", "effort"));
        }
        let (level, exact) = level(effort);
        if !exact {
            losses.push(Loss::approximated("reasoning effort", "effort"));
        }
        self.more.push((member, format!("\"{level}\"")));
    }
}

fn is_off(effort: &Effort) -> bool {
    effort.enabled == Some(false) || effort.level.as_deref() == Some("none")
}

/// One of three levels, and whether that is what was asked.
fn level(effort: &Effort) -> (&'static str, bool) {
    let plain = effort.budget.is_none() && !effort.adaptive && effort.enabled.is_none();
    match (effort.level.as_deref(), effort.budget) {
        (Some("low"), _) => ("low", plain),
        (Some("minimal"), _) => ("low", false),
        (Some("medium"), _) => ("medium", plain),
        (Some("high"), _) => ("high", plain),
        (Some(_), _) => ("high", false),
        (None, Some(0..=2_048)) => ("low", false),
        (None, Some(0..=8_192)) => ("medium", false),
        (None, Some(_)) => ("high", false),
        (None, None) => ("medium", false),
    }
}
