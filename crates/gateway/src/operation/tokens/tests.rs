#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")]

use std::path::Path;

use dialect::id::DialectId;
use dialect::ir::tool::Tool;
use dialect::peek::Said;
use serde_json::Value;
use wire::json::Document;

use super::*;

fn said(text: &str) -> Gist {
    Gist::of_texts([text])
}

#[test]
fn texts_are_counted_and_long_ones_taken_to_go_on_as_they_begin() {
    let (gpt, claude, gemini) = (family("gpt-5"), family("anthropic/Claude-x"), family("google/gemini-3"));
    assert_eq!(of(&said(""), gpt), 0);
    assert_eq!(of(&said("Hello, world!"), gpt), 4);
    assert_eq!(of(&Gist { beside: 3, tools: 2, media: 1, ..said("Hello, world!") }, claude), 4 + 3 + 480 + 1_000);
    assert_eq!(of(&Gist { media: 2, ..said("") }, gemini), 516);
    let tokens = of(&said(&"Hello, world! ".repeat(100_000)), gpt);
    assert!((390_000..=510_000).contains(&tokens), "{tokens}");
    // A character that stands where the text is cut is not cut.
    assert!(of(&said(&"é".repeat(MOST)), gpt) > 0);
}

/// The dialect, the file and the usage of one kind of recordings.
type Kind = (DialectId, &'static str, &'static [&'static [&'static str]]);

/// Estimates against what providers reported of recorded requests, for those without media and without a provider's
/// own tools: half of them within a fifth, all within what a caller may still plan with.
#[test]
fn estimates_are_near_what_providers_report() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings");
    let kinds: [Kind; 4] = [
        (
            DialectId::AnthropicMessages,
            "anthropic",
            &[
                &["usage", "input_tokens"],
                &["usage", "cache_read_input_tokens"],
                &["usage", "cache_creation_input_tokens"],
            ],
        ),
        (DialectId::Gemini, "gemini", &[&["usageMetadata", "promptTokenCount"]]),
        (DialectId::OpenAiChat, "openai", &[&["usage", "prompt_tokens"]]),
        (DialectId::OpenAiResponses, "openai", &[&["usage", "input_tokens"]]),
    ];
    for (dialect, file, counts) in kinds {
        let text = std::fs::read_to_string(folder.join(format!("{file}.jsonl"))).unwrap();
        let mut ratios: Vec<u64> = text.lines().filter_map(|line| ratio(line, dialect, counts)).collect();
        ratios.sort_unstable();
        assert!(ratios.len() >= 4, "{dialect}: {}", ratios.len());
        let (quarter, half, last) = (ratios[ratios.len() / 4], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        assert!((75..=130).contains(&half), "{dialect}: {ratios:?}");
        assert!(quarter >= 60 && last <= 200, "{dialect}: {ratios:?}");
    }
}

/// The estimate of a recorded request in percent of what was reported.
fn ratio(line: &str, dialect: DialectId, counts: &[&[&str]]) -> Option<u64> {
    let case: Value = serde_json::from_str(line).unwrap();
    let (body, answer) = (&case["request"]["body"], &case["response"]["body"]);
    let of_path = |path: &&[&str]| path.iter().fold(answer, |value, name| &value[*name]).as_u64().unwrap_or(0);
    let told: u64 = counts.iter().map(of_path).sum();
    if case["dialect"] != dialect.name() || !body.is_object() || told < 60 {
        return None;
    }
    let body = Document::parse(body.to_string().into()).unwrap();
    let request = dialect::of(dialect).read_request(&body, Said { model: Some("m"), stream: None }).ok()?.value;
    let gist = Gist::of(&request);
    // What the provider adds for its own tools, documents and forms nobody can know.
    let own = request.tools.iter().any(|tool| matches!(tool, Tool::Foreign { .. })) || !request.foreign.is_empty();
    if own || gist.media > 0 || gist.text.len() < 100 || request.format.is_some() || request.effort.is_some() {
        return None;
    }
    let model = match dialect {
        DialectId::AnthropicMessages => "claude",
        DialectId::Gemini => "gemini",
        _ => "gpt",
    };
    Some(of(&gist, family(model)) * 100 / told)
}
