//! Chosen exchanges as they cross to the other dialect, with their losses: a change of a translation shows
//! in a review. `INSTA_UPDATE=always` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, print, and read clock and environment"
)]

mod common;

use std::fmt::Write as _;

use bytes::Bytes;
use common::recordings::{self, Answer, Exchange};
use common::{rows, streams};
use dialect::dialect::Dialect;
use dialect::fault::{Fault, Kind};
use dialect::loss::Loss;
use dialect::target::Target;
use dialect::undo::Undo;
use wire::json::{Document, Json};

/// The cases: among the smallest that show each feature of their dialect.
const CASES: &[&str] = &[
    "anthropic/anthropic-messages--error-envelope-nonexistent-model-error-preserves-status-and-body-de068",
    "anthropic/anthropic-messages--error-identity-edge-streaming-connect-auth-rejection-classifies-with-contract-da813",
    "anthropic/anthropic-messages--reasoning-usage-matrix-blocking-redacted-thinking-d577b",
    "anthropic/anthropic-messages--streamed-server-tools-streamed-web-search-preserves-server-tool-blocks-2c49b",
    "anthropic/anthropic-messages--streaming-gateway-message-delta-metadata-dfefe",
    "anthropic/anthropic-messages--strict-schema-integrations-manual-prompt-caching-coexists-with-strict-tools-0518b",
    "anthropic/anthropic-messages--test-anthropic-native-output-decimal-strict-202b5",
    "anthropic/anthropic-messages--test-anthropic-opus-5-features-13b81",
    "anthropic/anthropic-messages--test-anthropic-test-image-url-input-cc2b7",
    "anthropic/anthropic-messages--test-anthropic-unsupported-model-uses-previous-web-tools-a4a55",
    "anthropic/anthropic-messages--test-strict-none-tool-basemodel-output-08abb",
    "anthropic/anthropic-messages--test-tool-availability-portability-matrix-r5-t2-native-search-c24f2",
    "anthropic/anthropic-messages--test-tool-choice-matrix-none-anthropic-fc177",
    "anthropic/anthropic-messages--testtokencounts-test-anthropic-88011",
    "azure/openai-responses--openai-file-search-tool-1-214c6",
    "bedrock-mantle/openai-responses--test-bedrock-mantle-test-native-output-71168",
    "bedrock/bedrock-converse--bedrock-429-throttling-f8a80",
    "bedrock/bedrock-converse--chat-citations-with-bedrock-claude-haiku-4-5-streams-citations-8c0e0",
    "bedrock/bedrock-converse--chat-with-schema-with-bedrock-claude-haiku-4-5-accepts-a-json-schema-and-retur-cbe3e",
    "bedrock/bedrock-converse--model-ids-bare-profile-only-model-id-is-rejected-42b16",
    "bedrock/bedrock-converse--test-bedrock-cache-point-adds-cache-control-claude-sonnet-4-5-fcf1e",
    "bedrock/bedrock-converse--test-bedrock-model-code-execution-tool-stream-a3524",
    "bedrock/bedrock-converse--test-bedrock-model-thinking-part-stream-f3b77",
    "bedrock/bedrock-converse--test-guardrail-converse-stream-f00f9",
    "bedrock/bedrock-converse--test-tool-choice-matrix-list-single-bedrock-7b189",
    "deepseek/openai-chat--wire-shape-matrix-blocking-video-part-reaches-the-wire-164bd",
    "deepseek/openai-responses--test-deepseek-responses-replay-interleaved-settled-function-calls-8fc35",
    "doubleword/openai-chat--error-matrix-invalid-key-blocking-61faf",
    "gemini/gemini--agent-run-streamed-builtin-streaming-max-turns-error-carries-pending-message-b2eaa#1",
    "gemini/gemini--chat-tool-choice-and-calls-control-gemini-gemini-2-5-flash-respects-specific-t-c3f6c#1",
    "gemini/gemini--chat-with-params-gemini-gemini-2-5-flash-supports-responseschema-param-dad68",
    "gemini/gemini--code-execution-matrix-streaming-code-execution-unicode-output-7f9f4",
    "gemini/gemini--google-stream-tool-call-arguments-5066e",
    "gemini/gemini--response-identity-auth-rejection-keeps-transport-shape-d6510",
    "gemini/gemini--streaming-grammar-thinking-then-tool-call-a8ae0",
    "gemini/gemini--test-google-model-file-search-tool-stream-4de68",
    "gemini/gemini--test-tools-with-gemini-3-thought-signatures-43e4d#1",
    "gemini/gemini--testgoogleaigeneratecontentwithsystemmessage-71f89",
    "huggingface/openai-chat--test-tool-choice-matrix-required-huggingface-249b1",
    "llamacpp/openai-chat--multimodal-matrix-malformed-data-uri-7185e",
    "llamacpp/openai-chat--structured-output-matrix-schema-and-grammar-conflict-99a79",
    "mistral/openai-chat--capability-edges-a-forced-tool-choice-beside-a-response-format-is-accepted-94d7c",
    "mistral/openai-chat--request-shape-matrix-blocking-ministral-3b-json-none-09d8d",
    "mistral/openai-chat--tool-lifecycle-matrix-streaming-ministral-3b-nested-agent-f0e2e",
    "openai/openai-chat--cassettes-chat-audio-to-text-4ac26",
    "openai/openai-chat--chat-streaming-logprobs-matrix-streaming-gpt-4o-mini-stop-top-two-66406",
    "openai/openai-chat--test-openai-o1-mini-system-role-developer-abf33",
    "openai/openai-responses--fixtures-openai-custom-tool-1-b0a69",
    "openai/openai-responses--refusal-matrix-responses-agent-streaming-refusal-surfaces-7c702",
    "openai/openai-responses--responses-tool-choice-specific-multiple-functions-use-allowed-tools-eec6d",
    "openai/openai-responses--test-document-url-input-response-api-de3c8",
    "openai/openai-responses--test-openai-responses-image-url-input-b61a5",
    "openai/openai-responses--test-openai-responses-model-web-search-tool-without-external-access-c71dc",
    "openai/openai-responses--truncated-turn-matrix-responses-blocking-reasoning-budget-exhausted-1365b",
    "openrouter/openai-chat--reasoning-tool-order-matrix-streaming-parallel-694f7",
    "openrouter/openai-chat--refusal-matrix-blocking-gpt-4-1-refusal-fee00",
    "openrouter/openai-chat--test-openrouter-cache-tool-definitions-e2e-ad9b9",
    "openrouter/openai-chat--test-openrouter-web-search-annotations-fa223",
    "openrouter/openai-responses--test-openai-responses-raw-cot-stream-openrouter-d4dae",
    "venice/openai-chat--error-envelope-nonexistent-model-error-preserves-status-and-body-dec5e",
    "xai/openai-responses--response-identity-auth-rejection-classifies-with-contract-2bde9",
    "vertex/gemini--chat-multimodal-tool-attachments-vertexai-gemini-3-flash-preview-describes-ima-9e1c6#1",
    "vertex/gemini--test-google-model-armor-prompt-template-text-gets-blocked-58012",
];

fn other_than(exchange: &Exchange) -> &'static dyn Dialect {
    dialect::all().into_iter().find(|dialect| dialect.id() != exchange.dialect).unwrap()
}

/// JSON on several lines as far as its top level goes, long texts cut.
fn lines(json: &str, out: &mut String) {
    let Ok(json) = Json::parse(json) else { return writeln!(out, "{json}").unwrap() };
    out.push_str("{\n");
    for (key, value) in json.members() {
        let _ = write!(out, "  {key}: ");
        if value.raw().len() < 200 || value.items().next().is_none() {
            let _ = writeln!(out, "{}", cut(value.raw()));
            continue;
        }
        out.push_str("[\n");
        for item in value.items() {
            let _ = writeln!(out, "    {}", cut(item.raw()));
        }
        out.push_str("  ]\n");
    }
    out.push_str("}\n");
}

/// A long text without its middle.
fn cut(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 1200 {
        return text.to_owned();
    }
    let (head, tail) = (&chars[..700], &chars[chars.len() - 300..]);
    format!("{}…{} characters…{}", String::from_iter(head), chars.len() - 1000, String::from_iter(tail))
}

fn losses(losses: &[Loss], out: &mut String) {
    for loss in losses {
        let _ = writeln!(out, "loss: {loss}");
    }
}

fn request(exchange: &Exchange, body: &str, model: &str, out: &mut String) {
    let other = other_than(exchange);
    let _ = writeln!(out, "== request to {}", other.id());
    let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let read = match dialect::of(exchange.dialect).read_request(&document, exchange.said()) {
        Ok(read) => read,
        Err(fault) => return writeln!(out, "refused: {}", fault.message).unwrap(),
    };
    let target = Target { provider: "other", model, max_output: Some(64_000), ..Target::default() };
    match other.write_request(&read.value, &target) {
        Ok(outgoing) => {
            lines(&outgoing.body, out);
            for (name, value) in &outgoing.headers {
                let _ = writeln!(out, "header: {name}: {value}");
            }
            losses(&[read.losses, outgoing.losses].concat(), out);
        }
        Err(fault) => writeln!(out, "refused: {}", fault.message).unwrap(),
    }
}

fn answer(exchange: &Exchange, target: &Target<'_>, out: &mut String) {
    let (own, other) = (dialect::of(exchange.dialect), other_than(exchange));
    let _ = writeln!(out, "== answer {} to a client of {}", exchange.status, other.id());
    match &exchange.answer {
        Answer::Whole(body) if exchange.is_ok() => {
            match own.read_response(Json::parse(body).unwrap(), &Undo::default(), target) {
                Ok(read) => {
                    let written = other.write_response(&read.value, &streams::asked());
                    lines(&written.value, out);
                    losses(&[read.losses, written.losses].concat(), out);
                }
                Err(fault) => writeln!(out, "fault: {fault:?}").unwrap(),
            }
        }
        Answer::Stream(stream) if exchange.is_ok() => {
            let (events, read) = streams::decode(own, target, std::slice::from_ref(stream));
            let (bytes, written) = streams::encode(other, &streams::asked(), &events);
            let text = String::from_utf8(bytes).unwrap();
            let frames: Vec<&str> = text.split_terminator("\n\n").collect();
            for (index, frame) in frames.iter().enumerate() {
                if index == 20 && frames.len() > 40 {
                    let _ = writeln!(out, "… {} frames …", frames.len() - 40);
                }
                if index < 20 || index + 20 >= frames.len() {
                    let _ = writeln!(out, "{}", cut(&frame.replace('\n', " ⏎ ")));
                }
            }
            losses(&[read, written].concat(), out);
        }
        Answer::Whole(_) | Answer::Stream(_) | Answer::Nothing => {
            let body = match &exchange.answer {
                Answer::Whole(body) => body.as_bytes(),
                Answer::Stream(stream) => stream,
                Answer::Nothing => &[],
            };
            let fault = own.read_fault(exchange.status, &exchange.headers, body, 1_780_000_000);
            let _ = writeln!(out, "read as: {fault:?}");
            let mut told = Fault::new(Kind::UpstreamRejected, fault.message);
            told.status = Some(fault.status);
            lines(&other.write_fault(&told, "req_1"), out);
        }
    }
}

#[test]
fn chosen_exchanges() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    for case in CASES {
        let exchange = recordings::all().iter().find(|exchange| exchange.name == *case).expect(case);
        let model = exchange.model();
        let mut out = String::new();
        if let Some(body) = &exchange.request {
            request(exchange, body, &model, &mut out);
        }
        answer(exchange, &rows::target(&exchange.provider, &model), &mut out);
        insta::assert_snapshot!(case.replace('/', "--"), out);
    }
}
