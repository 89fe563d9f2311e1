//! One set of facts from the sources' sets: models.dev first, LiteLLM second; limits told apart from windows.

use policy::catalog::{Facts, Modality, Mode};

/// models.dev's derivative clamps the window of OpenAI's newest models to the cheaper context step.
const CLAMP: u64 = 272_000;

/// What the sources say of the window, where they contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) litellm: Option<u64>,
    pub(crate) genai: Option<u64>,
    pub(crate) modelsdev: Option<u64>,
    pub(crate) chosen: (Option<u64>, Option<u64>),
    pub(crate) why: &'static str,
}

/// Merges; the second value is the contradiction about the window, if there is one.
pub(crate) fn merge(
    litellm: Option<&Facts>,
    genai: Option<u64>,
    modelsdev: Option<&Facts>,
    mode: Mode,
) -> (Facts, Option<Windows>) {
    let nothing = Facts::default();
    let (l, m) = (litellm.unwrap_or(&nothing), modelsdev.unwrap_or(&nothing));
    let max_output = m.max_output.or(l.max_output);
    let (windows, contradiction) = windows(l.max_input, genai, m.context, max_output.max(l.max_output));
    let mut input: Vec<Modality> = m.input.iter().chain(&l.input).copied().collect();
    let mut output: Vec<Modality> = m.output.iter().chain(&l.output).copied().collect();
    if matches!(mode, Mode::Chat | Mode::Responses | Mode::Completion) {
        input.push(Modality::Text);
        output.push(Modality::Text);
    }
    for list in [&mut input, &mut output] {
        list.sort();
        list.dedup();
    }
    let facts = Facts {
        name: m.name.clone(),
        context: windows.0,
        max_input: windows.1,
        max_output: if matches!(mode, Mode::Embedding | Mode::Rerank) { None } else { max_output },
        input,
        output,
        tools: l.tools,
        parallel_tools: l.parallel_tools,
        structured: m.structured.or(l.structured),
        reasoning: m.reasoning.clone().or_else(|| l.reasoning.clone()),
        prompt_cache: l.prompt_cache,
        prompt_cache_min: l.prompt_cache_min,
        sampling: l.sampling,
        dimensions: l.dimensions,
        deprecated_on: l.deprecated_on.clone(),
    };
    (facts, contradiction)
}

/// The window and, where it is less than that, the input limit.
fn windows(
    litellm: Option<u64>,
    genai: Option<u64>,
    modelsdev: Option<u64>,
    output: Option<u64>,
) -> ((Option<u64>, Option<u64>), Option<Windows>) {
    let clamped = modelsdev == Some(CLAMP) && genai.max(litellm) > Some(CLAMP);
    let voice = if clamped { None } else { modelsdev };
    let differ = |one: Option<u64>, other: Option<u64>| one.is_some() && other.is_some() && one != other;
    let (chosen, why) = match (litellm, genai, voice) {
        // An input limit and the output limit make up the window: both are right.
        (Some(input), window, other) if is_sum(input, output, other.or(window)) => {
            ((other.or(window), Some(input)), "LiteLLM states the input limit, the others the window")
        }
        (Some(one), Some(two), Some(_)) if one == two => ((Some(one), None), "two of three"),
        (Some(one), _, Some(three)) if one == three => ((Some(one), None), "two of three"),
        (_, Some(two), Some(three)) if two == three => ((Some(two), None), "two of three"),
        (_, _, Some(three)) => ((Some(three), None), "models.dev first"),
        (Some(one), Some(two), None) if clamped && two > one => {
            ((Some(two), Some(one)), "models.dev clamps to 272,000")
        }
        (_, Some(two), None) => ((Some(two), None), "genai-prices states windows"),
        (one, None, None) => ((one, None), "the only voice"),
    };
    let contradiction = differ(litellm, genai) || differ(litellm, modelsdev) || differ(genai, modelsdev);
    (chosen, contradiction.then_some(Windows { litellm, genai, modelsdev, chosen, why }))
}

/// True when input and output limits add up to the window, give or take a twentieth (1,050,000 is written 1,000,000).
fn is_sum(input: u64, output: Option<u64>, window: Option<u64>) -> bool {
    match (output, window) {
        (Some(output), Some(window)) => input < window && (input + output).abs_diff(window) <= window / 20,
        _ => false,
    }
}
