//! Clients that lose what a model proved of its reasoning: the next request has it again, for the model that made it
//! and for the same owner alone.

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{anthropic, gemini, responses};
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, BOB, Harness, KEY_1, KEY_2, keys};

const ARGUMENTS: &str = r#"{"city":"Tokyo"}"#;
const ENCRYPTED: &str = "gAAAAABencrypted-reasoning";

/// `a1` speaks Anthropic's messages, `g1` Gemini's dialect, `r1` Responses; all are this upstream.
async fn all(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    Harness::start(&format!(
        "{}providers:\n{}  a2: {{ kind: anthropic-compatible, base_url: \"{url}\", api_key: {KEY_2}, models: [other] }}\n  g1: {{ kind: gemini, base_url: \"{url}\", api_key: {KEY_2}, models: [gemini-3-pro-preview, \
         gemini-3-flash-preview] }}\n  r1: {{ kind: openai, base_url: \"{url}/v1\", api_key: {KEY_1}, dialect: openai-responses, \
         models: [m, other] }}\nmodels:\n  a1/other: {{ targets: [a2/other] }}\n",
        // Bob may ask for what he needs here.
        keys().replace("\"p1/*\"", "\"a1/*\""),
        harness::anthropic("a1", &url, KEY_2, ""),
    ))
    .await
}

fn chat(model: &str, messages: &[Value], stream: bool) -> Request {
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]);
    let body = json!({"model": model, "messages": messages, "tools": tools, "stream": stream});
    Request::post("/v1/chat/completions", &body)
}

/// The id of the call in a chat answer, whole or streamed.
fn call_id(response: &Response, stream: bool) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    if !stream {
        return response.json()["choices"][0]["message"]["tool_calls"][0]["id"].as_str().unwrap().to_owned();
    }
    let frames = response.data();
    let frames = frames.iter().filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let id = |frame: Value| Some(frame["choices"][0]["delta"]["tool_calls"][0]["id"].as_str()?.to_owned());
    frames.filter_map(id).next().expect("a call")
}

/// A history as a client that knows the standard's members alone sends it.
fn stripped(id: &str) -> Vec<Value> {
    let call = json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}});
    vec![
        json!({"role": "user", "content": "Weather in Tokyo?"}),
        json!({"role": "assistant", "content": null, "tool_calls": [call]}),
        json!({"role": "tool", "tool_call_id": id, "content": "22 C"}),
    ]
}

fn asks() -> Vec<Value> {
    vec![json!({"role": "user", "content": "Weather in Tokyo?"})]
}

fn claude(stream: bool, id: &str) -> Script {
    match stream {
        false => {
            let input = json!({"city": "Tokyo"});
            let blocks = [anthropic::thinking("Let me look."), anthropic::tool_use(id, "weather", &input)];
            Script::json(200, &anthropic::message(&blocks, "tool_use", &anthropic::usage(10, 20)))
        }
        true => {
            let blocks = [
                anthropic::Block::Thinking(&["Let me", " look."]),
                anthropic::Block::ToolUse(id, "weather", &[ARGUMENTS]),
            ];
            Script::sse(anthropic::stream(&blocks, "tool_use", 10, 20))
        }
    }
}

#[tokio::test]
async fn claude_gets_its_thinking_back_before_the_call() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let signature = anthropic::thinking("")["signature"].as_str().unwrap().to_owned();
    for stream in [false, true] {
        let id = format!("toolu_{stream}");
        upstream.reply(claude(stream, &id));
        let response = harness.call(&chat("a1/m", &asks(), stream).bearer(ALICE)).await;
        assert_eq!(call_id(&response, stream), id);
        // Words of the thoughts that a client kept are no second block.
        for worded in [false, true] {
            let mut history = stripped(&id);
            if worded {
                history[1]["reasoning_content"] = json!("Let me look.");
            }
            upstream.reply(Script::json(200, &anthropic::answer("Sunny.", 10, 20)));
            let response = harness.call(&chat("a1/m", &history, false).bearer(ALICE)).await;
            assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
            let up = upstream.requests().pop().unwrap().json();
            let turn = up["messages"][1]["content"].as_array().unwrap();
            assert_eq!(turn.len(), 2, "{up}");
            assert_eq!(
                (&turn[0]["thinking"], &turn[0]["signature"]),
                (&json!("Let me look."), &json!(signature)),
                "{up}"
            );
            assert_eq!((&turn[1]["type"], &turn[1]["id"]), (&json!("tool_use"), &json!(id)), "{up}");
        }
        // Another model, of the provider's kind and of others: dropped, and said so.
        for (model, answer) in [
            ("a1/other", anthropic::answer("Sunny.", 10, 20)),
            ("g1/gemini-3-pro-preview", gemini::answer("Sunny.", 10, 20)),
        ] {
            upstream.reply(Script::json(200, &answer));
            let response = harness.call(&chat(model, &stripped(&id), false).bearer(ALICE)).await;
            assert_eq!(response.status, 200, "{}", response.text());
            let lost = response.header("x-tollgate-loss").unwrap_or_default();
            assert!(lost.contains("dropped reasoning"), "{model}: {lost}");
            assert!(!upstream.requests().pop().unwrap().text().contains(&signature), "{model} is not given it");
        }
        // Another's call of the same id finds nothing.
        upstream.reply(Script::json(200, &anthropic::answer("Sunny.", 10, 20)));
        let response = harness.call(&chat("a1/m", &stripped(&id), false).bearer(BOB)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(!upstream.requests().pop().unwrap().text().contains(&signature), "another's thoughts");
    }
    harness.finish().await;
}

#[tokio::test]
async fn what_a_client_kept_goes_to_its_maker_alone() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let signature = anthropic::thinking("")["signature"].as_str().unwrap().to_owned();
    upstream.reply(claude(false, "toolu_1"));
    let response = harness.call(&chat("a1/m", &asks(), false).bearer(ALICE)).await;
    // The client sends the extension fields back; they do not name a model.
    let mut history = stripped("toolu_1");
    history[1] = response.json()["choices"][0]["message"].clone();
    assert!(history[1].to_string().contains(&signature), "{}", history[1]);
    upstream.reply(Script::json(200, &anthropic::answer("Sunny.", 10, 20)));
    let response = harness.call(&chat("a1/m", &history, false).bearer(ALICE)).await;
    assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
    assert!(upstream.requests().pop().unwrap().text().contains(&signature));
    upstream.reply(Script::json(200, &anthropic::answer("Sunny.", 10, 20)));
    let response = harness.call(&chat("a1/other", &history, false).bearer(ALICE)).await;
    let lost = response.header("x-tollgate-loss").unwrap_or_default();
    assert!(lost.contains("dropped reasoning signature"), "{lost}");
    assert!(!upstream.requests().pop().unwrap().text().contains(&signature));
    harness.finish().await;
}

#[tokio::test]
async fn gemini_gets_its_signature_back_on_the_call() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    for stream in [false, true] {
        let parts = [gemini::thought("Let me look."), gemini::call("weather", &json!({"city": "Tokyo"}))];
        let chunk = gemini::chunk(&parts, "STOP", &gemini::usage(10, 0, 20, 5));
        upstream.reply(match stream {
            false => Script::json(200, &chunk),
            true => Script::sse(gemini::events(&[chunk])),
        });
        let model = "g1/gemini-3-pro-preview";
        let response = harness.call(&chat(model, &asks(), stream).bearer(ALICE)).await;
        let id = call_id(&response, stream);
        upstream.reply(Script::json(200, &gemini::answer("Sunny.", 10, 20)));
        let response = harness.call(&chat(model, &stripped(&id), false).bearer(ALICE)).await;
        assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
        let up = upstream.requests().pop().unwrap();
        assert!(up.text().contains(gemini::SIGNATURE), "{}", up.text());
        // Another Gemini: not this one's signature, and said so.
        upstream.reply(Script::json(200, &gemini::answer("Sunny.", 10, 20)));
        let response = harness.call(&chat("g1/gemini-3-flash-preview", &stripped(&id), false).bearer(ALICE)).await;
        let lost = response.header("x-tollgate-loss").unwrap_or_default();
        assert!(response.status == 200 && lost.contains("thought_signature"), "{} {lost}", response.text());
        assert!(!upstream.requests().pop().unwrap().text().contains(gemini::SIGNATURE));
    }
    harness.finish().await;
}

#[tokio::test]
async fn openais_encrypted_reasoning_comes_back() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let reasoning = json!({"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": ENCRYPTED});
    for stream in [false, true] {
        let id = format!("call_{stream}");
        let items = [reasoning.clone(), responses::function_call(&id, "weather", ARGUMENTS)];
        upstream.reply(match stream {
            false => Script::json(200, &responses::response("completed", &items, &responses::usage(10, 0, 20, 0))),
            true => Script::sse(responses::stream(&items, 10, 20)),
        });
        let response = harness.call(&chat("r1/m", &asks(), stream).bearer(ALICE)).await;
        assert_eq!(call_id(&response, stream), id);
        upstream.reply(Script::json(200, &responses::answer("Sunny.", 10, 20)));
        let response = harness.call(&chat("r1/m", &stripped(&id), false).bearer(ALICE)).await;
        assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
        let up = upstream.requests().pop().unwrap().json();
        let kinds: Vec<&str> =
            up["input"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["message", "reasoning", "function_call", "function_call_output"], "{up}");
        assert_eq!(up["input"][1]["encrypted_content"], ENCRYPTED, "{up}");
        for model in ["r1/other", "a1/m"] {
            upstream.reply(Script::json(
                200,
                &match model {
                    "a1/m" => anthropic::answer("Sunny.", 10, 20),
                    _ => responses::answer("Sunny.", 10, 20),
                },
            ));
            let response = harness.call(&chat(model, &stripped(&id), false).bearer(ALICE)).await;
            let lost = response.header("x-tollgate-loss").unwrap_or_default();
            assert!(response.status == 200 && lost.contains("dropped reasoning"), "{model}: {lost}");
            assert!(!upstream.requests().pop().unwrap().text().contains(ENCRYPTED));
        }
    }
    // None of what any model thought is on the disk.
    let thoughts = [ENCRYPTED, "Let me look."];
    for file in std::fs::read_dir(harness.dir.path().join("data")).unwrap().flatten() {
        let Ok(bytes) = std::fs::read(file.path()) else { continue };
        for thought in thoughts {
            assert!(!bytes.windows(thought.len()).any(|window| window == thought.as_bytes()), "{:?}", file.path());
        }
    }
    harness.finish().await;
}
