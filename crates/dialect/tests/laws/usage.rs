//! Law 6: usage adds up to what the provider billed, in every recording.

use dialect::id::DialectId;
use dialect::quirk::Quirk::{HiddenThoughtsInTotal, ReasoningBesideOutput};
use dialect::usage::{Source, Unit};
use wire::json::Json;

use crate::common::recordings::{self, Answer, Exchange};
use crate::common::rows;

/// Prompt and completion tokens as the provider's own words sum them, from the last usage object.
fn billed(exchange: &Exchange, usage: Json<'_>) -> Option<(u64, u64)> {
    let count = |json: Json<'_>, key: &str| json.get(key).and_then(Json::as_u64);
    let quirks = rows::target(&exchange.provider, "").quirks;
    match exchange.dialect {
        // Reasoning stands beside the completion, or nowhere: only the total holds it.
        DialectId::OpenAiChat if quirks.has(ReasoningBesideOutput) || quirks.has(HiddenThoughtsInTotal) => {
            let prompt = count(usage, "prompt_tokens")?;
            Some((prompt, count(usage, "total_tokens")? - prompt))
        }
        DialectId::OpenAiChat => Some((count(usage, "prompt_tokens")?, count(usage, "completion_tokens")?)),
        DialectId::OpenAiResponses => Some((count(usage, "input_tokens")?, count(usage, "output_tokens")?)),
        DialectId::AnthropicMessages => {
            let cached = ["cache_read_input_tokens", "cache_creation_input_tokens"];
            let cached: u64 = cached.iter().filter_map(|key| count(usage, key)).sum();
            Some((count(usage, "input_tokens")? + cached, count(usage, "output_tokens")?))
        }
        // Raw tokens are told beside those that are billed.
        DialectId::CohereV2 => {
            let units = usage.get("billed_units")?;
            Some((count(units, "input_tokens")?, count(units, "output_tokens")?))
        }
        DialectId::Ollama => {
            let prompt = count(usage, "prompt_eval_count");
            let completion = count(usage, "eval_count");
            prompt.or(completion)?;
            Some((prompt.unwrap_or(0), completion.unwrap_or(0)))
        }
        // What tools put into the prompt stands beside it, and thoughts beside what was said.
        DialectId::Gemini => {
            let prompt = count(usage, "promptTokenCount")? + count(usage, "toolUsePromptTokenCount").unwrap_or(0);
            let thoughts = count(usage, "thoughtsTokenCount").unwrap_or(0);
            Some((prompt, count(usage, "candidatesTokenCount").unwrap_or(0) + thoughts))
        }
        DialectId::BedrockConverse => {
            let cached = ["cacheReadInputTokens", "cacheWriteInputTokens"];
            let cached: u64 = cached.iter().filter_map(|key| count(usage, key)).sum();
            Some((count(usage, "inputTokens")? + cached, count(usage, "outputTokens")?))
        }
    }
}

/// Everything the provider said about usage, later members over earlier ones.
fn said(exchange: &Exchange) -> Option<(u64, u64)> {
    let mut last: Vec<(String, String)> = Vec::new();
    let mut merge = |usage: Json<'_>| {
        for (key, value) in usage.members() {
            last.retain(|(known, _)| *known != key);
            last.push((key.into_owned(), value.raw().to_owned()));
        }
    };
    let mut look = |json: Json<'_>| {
        if exchange.dialect == DialectId::Ollama {
            return merge(json);
        }
        let paths = [
            &["usage"][..],
            &["message", "usage"],
            &["x_groq", "usage"],
            &["response", "usage"],
            &["usageMetadata"],
            &["delta", "usage"],
        ];
        for path in paths {
            if let Some(usage) = json.at(path).and_then(Json::non_null) {
                merge(usage);
            }
        }
    };
    match &exchange.answer {
        Answer::Whole(body) => look(Json::parse(body).ok()?),
        Answer::Stream(stream) => {
            crate::common::streams::frames(std::slice::from_ref(stream))
                .iter()
                .filter_map(|frame| Json::parse(frame.text()).ok())
                .for_each(&mut look);
        }
        Answer::Nothing => {}
    }
    let members: Vec<String> = last.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    let whole = format!("{{{}}}", members.join(","));
    billed(exchange, Json::parse(&whole).unwrap())
}

#[test]
fn what_is_read_is_what_was_billed() {
    let (mut equal, mut noted, mut silent) = (0, Vec::new(), Vec::new());
    for exchange in recordings::all().iter().filter(|exchange| exchange.is_ok()) {
        let model = exchange.model();
        let mut meter = dialect::of(exchange.dialect).meter(&rows::target(&exchange.provider, &model));
        match &exchange.answer {
            Answer::Whole(body) => meter.whole(Json::parse(body).unwrap()),
            Answer::Stream(stream) => {
                for frame in crate::common::streams::frames(std::slice::from_ref(stream)) {
                    meter.frame(&frame);
                }
            }
            Answer::Nothing => continue,
        }
        meter.finish();
        let usage = &meter.reading().usage;
        let Some(billed) = said(exchange) else {
            assert_eq!(usage.get(Unit::Input), None, "{}: nothing was said", exchange.name);
            assert_ne!(usage.source, Source::Reported, "{}: nothing was said", exchange.name);
            continue;
        };
        // Only Gemini counts the images it draws within its output.
        let drawn = if exchange.dialect == DialectId::Gemini { usage.get(Unit::ImageOut).unwrap_or(0) } else { 0 };
        let read = (usage.prompt_tokens(), usage.completion_tokens() + drawn);
        let reasoning = usage.get(Unit::Reasoning).unwrap_or(0);
        if read == billed && reasoning <= usage.completion_tokens() {
            equal += 1;
        } else if usage.notes.is_empty() {
            silent.push(format!("{}: {read:?}, billed {billed:?}: {usage:?}", exchange.name));
        } else {
            noted.push(format!("{}: {}", exchange.name, usage.notes.join("; ")));
        }
    }
    println!("{equal} answers read as billed, {} with a deviation that is noted:", noted.len());
    noted.iter().for_each(|line| println!("  {line}"));
    assert!(silent.is_empty(), "{silent:#?}");
    assert_eq!((equal, noted.len()), EXPECTED);
}

/// Answers whose usage is read as billed; answers whose deviation is noted.
const EXPECTED: (usize, usize) = (1462, 16);
