//! Recorded counts and embeddings: every request reads, goes across and comes back; every answer reads as it was told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use dialect::count::{self, Form};
use dialect::embed::vector::Encoding;
use dialect::embed::{gemini, openai};
use dialect::gist::Gist;
use dialect::id::DialectId;
use dialect::peek::Said;
use dialect::target::Target;
use serde_json::Value;
use wire::json::{Document, Json};

fn lines(name: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/operations/");
    let text = std::fs::read_to_string(format!("{path}{name}.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn document(value: &Value) -> Document {
    Document::parse(Bytes::from(value.to_string())).unwrap()
}

#[test]
fn counts() {
    let mut seen = 0;
    for case in lines("count") {
        let name = case["case"].as_str().unwrap();
        let form = if case["path"].as_str().unwrap().starts_with("/model/") { Form::Invoke } else { Form::Messages };
        let told = count::read(form, Json::parse(&case["answer"].to_string()).unwrap());
        let expected = case["answer"]["input_tokens"].as_u64().or(case["answer"]["inputTokens"].as_u64());
        assert_eq!((told, told.is_some()), (expected, case["status"] == 200), "{name}");
        if form == Form::Invoke {
            continue;
        }
        // Asked of every dialect that counts.
        let body = document(&case["request"]);
        let read = dialect::of(DialectId::AnthropicMessages).read_request(&body, Said::default()).unwrap();
        assert!(!Gist::of(&read.value).text.is_empty(), "{name}");
        for to in [Form::Messages, Form::Responses, Form::Gemini] {
            let target = Target { model: "m", ..Target::default() };
            let written = dialect::of(to.dialect()).write_request(&read.value, &target).unwrap();
            let asked = count::across(to, &Document::parse(written.body.into()).unwrap(), "m");
            let asked = Document::parse(asked).unwrap();
            for never in ["max_tokens", "stream", "store", "max_output_tokens"] {
                assert!(asked.get(never).is_none(), "{name} {to:?}: {never}");
            }
            let inner = count::inner(to.dialect(), &asked).unwrap();
            let again =
                dialect::of(to.dialect()).read_request(&inner, Said { model: Some("m"), stream: None }).unwrap();
            assert_eq!(again.value.messages.is_empty(), read.value.messages.is_empty(), "{name} {to:?}");
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn embeddings() {
    let (mut google, mut openais) = (0, 0);
    for case in lines("embed") {
        let (name, path) = (case["case"].as_str().unwrap(), case["path"].as_str().unwrap());
        let body = document(&case["request"]);
        let answer = case["answer"].to_string();
        let answer = Json::parse(&answer).unwrap();
        let ok = case["status"] == 200;
        if path.contains("mbedContent") {
            google += 1;
            assert_eq!(gemini::read_answer(answer).is_some(), ok, "{name}");
            let read = match gemini::read(&body, path.contains("batch")) {
                Ok(read) => read.value,
                // Pictures are embedded by Google alone.
                Err(fault) if name.contains("multimodal") => {
                    assert!(fault.path.unwrap().contains("parts"), "{name}");
                    continue;
                }
                Err(fault) => panic!("{name}: {fault:?}"),
            };
            let asked =
                openai::read(&document(&serde_json::from_str(&openai::write(&read, "m").value).unwrap())).unwrap();
            assert_eq!((asked.value.inputs, asked.value.dimensions), (read.inputs, read.dimensions), "{name}");
            if let Some(embedded) = gemini::read_answer(answer) {
                let tokens = embedded.tokens.unwrap_or(0);
                let written = openai::write_answer(&embedded, "m", Encoding::Float, tokens).unwrap();
                let again = openai::read_answer(Json::parse(&written).unwrap()).unwrap();
                assert_eq!(again.vectors, embedded.vectors, "{name}");
                // In base64 and back it is the same float.
                let packed = openai::write_answer(&embedded, "m", Encoding::Base64, tokens).unwrap();
                let packed = openai::read_answer(Json::parse(&packed).unwrap()).unwrap();
                for (one, other) in packed.vectors.iter().zip(&embedded.vectors) {
                    let floats = |text: &str| -> Vec<f32> { serde_json::from_str(text).unwrap() };
                    assert_eq!(floats(one.as_str()), floats(other.as_str()), "{name}");
                }
            }
        } else {
            openais += 1;
            let read = match openai::read(&body) {
                Ok(read) => read.value,
                Err(fault) => {
                    assert!(!ok, "{name}: {fault:?}");
                    continue;
                }
            };
            let written = gemini::write(&read, "m").unwrap();
            let again = gemini::read(&document(&serde_json::from_str(&written).unwrap()), true).unwrap();
            assert_eq!((again.value.inputs, again.value.dimensions), (read.inputs, read.dimensions), "{name}");
            let embedded = openai::read_answer(answer);
            if !ok {
                assert_eq!(embedded, None, "{name}");
            } else if let Some(embedded) = embedded {
                assert_eq!(embedded.tokens, case["answer"]["usage"]["prompt_tokens"].as_u64(), "{name}");
            } else {
                // vLLM gave doubles where floats were asked for: they are nobody's to guess.
                assert!(name.starts_with("vllm"), "{name}");
            }
        }
    }
    assert!(google >= 6 && openais >= 15, "{google} {openais}");
}
