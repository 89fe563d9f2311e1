//! Every caller's dialect with every provider's, whole and streamed, with tools; what is lost is told.

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{anthropic, openai};
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, Harness, KEY_1, KEY_2, chat, keys, message, post_chat, post_message};

async fn both(upstream: &Upstream) -> Harness {
    Harness::start(&format!(
        "{}providers:\n{}{}models:\n  strict: {{ targets: [a1/m], losses: reject }}\n",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, "")
    ))
    .await
}

const ARGUMENTS: &str = r#"{"city": "Tokyo"}"#;

fn chat_with_tool(model: &str) -> Value {
    let mut body = chat(model);
    body["tools"] = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]);
    body
}

fn message_with_tool(model: &str) -> Value {
    let mut body = message(model);
    body["tools"] = json!([{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]);
    body
}

/// What the upstream answers: in its dialect, streamed or whole, a call or words.
fn script(anthropic_up: bool, stream: bool, tool: bool) -> Script {
    let input: Value = serde_json::from_str(ARGUMENTS).unwrap();
    match (anthropic_up, stream, tool) {
        (false, false, false) => Script::json(200, &openai::completion("Hello there", 10, 20)),
        (false, false, true) => {
            Script::json(200, &openai::tool_completion(&[("call_1", "get_weather", ARGUMENTS)], 10, 20))
        }
        (false, true, false) => Script::sse(openai::stream(&["Hello", " there"], Some((10, 20)))),
        (false, true, true) => {
            let calls: [(&str, &str, &[&str]); 1] = [("call_1", "get_weather", &["{\"city\":", " \"Tokyo\"}"])];
            Script::sse(openai::tool_stream(&calls, Some((10, 20))))
        }
        (true, false, false) => Script::json(200, &anthropic::answer("Hello there", 10, 20)),
        (true, false, true) => {
            let blocks = [anthropic::tool_use("call_1", "get_weather", &input)];
            Script::json(200, &anthropic::message(&blocks, "tool_use", &anthropic::usage(10, 20)))
        }
        (true, true, false) => Script::sse(anthropic::text_stream(&["Hello", " there"], 10, 20)),
        (true, true, true) => {
            let block = anthropic::Block::ToolUse("call_1", "get_weather", &["{\"city\":", " \"Tokyo\"}"]);
            Script::sse(anthropic::stream(&[block], "tool_use", 10, 20))
        }
    }
}

/// What an answer says, whatever its form: words, or `name(arguments)`; then its finish reason.
fn said(response: &Response, anthropic_down: bool, stream: bool) -> (String, String) {
    let frames: Vec<Value> = response.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let mut words = String::new();
    let mut finish = String::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match (anthropic_down, stream) {
        (false, _) => {
            let whole = (!stream).then(|| response.json());
            for frame in whole.iter().chain(&frames) {
                let choice = &frame["choices"][0];
                let part = if stream { &choice["delta"] } else { &choice["message"] };
                words += &text(&part["content"]);
                for call in part["tool_calls"].as_array().into_iter().flatten() {
                    words += &text(&call["function"]["name"]);
                    words += &text(&call["function"]["arguments"]);
                }
                finish += &text(&choice["finish_reason"]);
            }
        }
        (true, false) => {
            let body = response.json();
            for block in body["content"].as_array().unwrap() {
                words += &text(&block["text"]);
                words += &text(&block["name"]);
                if !block["input"].is_null() {
                    words += &block["input"].to_string();
                }
            }
            finish += &text(&body["stop_reason"]);
        }
        (true, true) => {
            for frame in &frames {
                words += &text(&frame["content_block"]["name"]);
                words += &text(&frame["delta"]["text"]);
                words += &text(&frame["delta"]["partial_json"]);
                finish += &text(&frame["delta"]["stop_reason"]);
            }
        }
    }
    (words.replace(' ', ""), finish)
}

#[tokio::test]
async fn four_pairs_whole_and_streamed_words_and_calls() {
    let upstream = Upstream::start().await;
    let harness = both(&upstream).await;
    for case in 0..16_u8 {
        let [anthropic_down, anthropic_up, stream, tool] = [case & 1, case & 2, case & 4, case & 8].map(|bit| bit != 0);
        let shown = format!(
            "caller Anthropic's {anthropic_down}, upstream Anthropic's {anthropic_up}, stream {stream}, tool {tool}"
        );
        let model = if anthropic_up { "a1/m" } else { "p1/m" };
        let mut body = match (anthropic_down, tool) {
            (false, false) => chat(model),
            (false, true) => chat_with_tool(model),
            (true, false) => message(model),
            (true, true) => message_with_tool(model),
        };
        body["stream"] = stream.into();
        if stream && !anthropic_down {
            body["stream_options"] = json!({"include_usage": true});
        }
        upstream.reply(script(anthropic_up, stream, tool));
        let request: Request = if anthropic_down { post_message(&body) } else { post_chat(&body) };
        let response = harness.call(&request).await;
        assert_eq!(response.status, 200, "{shown}: {}", response.text());
        let words = if tool { "get_weather{\"city\":\"Tokyo\"}" } else { "Hellothere" };
        let finish = match (anthropic_down, tool) {
            (false, false) => "stop",
            (false, true) => "tool_calls",
            (true, false) => "end_turn",
            (true, true) => "tool_use",
        };
        assert_eq!(
            said(&response, anthropic_down, stream),
            (words.to_owned(), finish.to_owned()),
            "{shown}: {}",
            response.text()
        );
        let marker = if anthropic_down { "event: message_stop\n" } else { "data: [DONE]\n\n" };
        assert_eq!(response.text().contains(marker), stream, "{shown}");
        assert_eq!(response.header("x-tollgate-loss"), None, "{shown}");
        // The tool went up in the upstream's words.
        let up = upstream.requests().pop().unwrap().json();
        let name = if anthropic_up { &up["tools"][0]["name"] } else { &up["tools"][0]["function"]["name"] };
        assert_eq!(name == "get_weather", tool, "{shown}: {up}");
        assert_eq!(up["model"], "m");
        // The upstream's own name of the model comes down.
        let named = if anthropic_up { anthropic::MODEL } else { openai::MODEL };
        assert!(response.text().contains(named), "{shown}");
        let line = harness.line(&response).await;
        let cost = if anthropic_up { "0.000110000" } else { "0.000050000" };
        assert_eq!((&line["cost"]["usd"], &line["usage"]["source"]), (&json!(cost), &json!("reported")), "{shown}");
        assert_eq!((&line["usage"]["input"], &line["usage"]["output"]), (&json!(10), &json!(20)), "{shown}");
        let upstream_id = if anthropic_up { anthropic::ID } else { openai::ID };
        assert_eq!(line["upstream_id"], upstream_id, "{shown}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn what_cannot_be_carried_is_told_or_refused() {
    let upstream = Upstream::start().await;
    let harness = both(&upstream).await;
    upstream.reply_always(Script::json(200, &anthropic::answer("ok", 10, 20)));
    let mut body = chat("a1/m");
    body["logit_bias"] = json!({"50256": -100});
    body["seed"] = json!(7);
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!(response.status, 200);
    let loss = response.header("x-tollgate-loss").unwrap().to_owned();
    assert!(loss.contains("dropped logit_bias at logit_bias") && loss.contains("seed"), "{loss}");
    let line = harness.line(&response).await;
    let lines: Vec<&str> = line["losses"].as_array().unwrap().iter().map(|loss| loss.as_str().unwrap()).collect();
    assert_eq!(lines.join("; "), loss);
    // A header is bounded; the line has all.
    let mut long = chat("a1/m");
    for number in 0..60 {
        long[format!("unknown_member_{number}")] = json!(1);
    }
    let response = harness.call(&post_chat(&long)).await;
    let loss = response.header("x-tollgate-loss").unwrap().to_owned();
    assert!(loss.len() <= 1_024 + 16 && loss.ends_with("more"), "{}: {loss}", loss.len());
    assert_eq!(harness.line(&response).await["losses"].as_array().unwrap().len(), 60);
    // The strict name refuses, and nothing goes up.
    let before = upstream.requests().len();
    body["model"] = "strict".into();
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (400, Some("invalid_request")));
    let losses = &response.json()["error"]["tollgate"]["losses"];
    assert!(losses.to_string().contains("logit_bias"), "{losses}");
    assert_eq!(upstream.requests().len(), before);
    assert_eq!(harness.call(&post_chat(&chat("strict"))).await.status, 200);
    harness.finish().await;
}

#[tokio::test]
async fn a_thread_is_begun_anywhere_and_goes_on_at_its_own_provider_alone() {
    let upstream = Upstream::start().await;
    let url = upstream.url();
    let config = format!(
        "{}providers:\n{}{}models:\n  both: {{ targets: [p1/m, a1/m] }}\n",
        keys(),
        harness::openai("p1", &url, KEY_1, ""),
        harness::anthropic("a1", &url, KEY_2, "")
    );
    let harness = Harness::start(&config).await;
    let ask = |model: &str, thread: Value| {
        let mut body = message(model);
        body["thread"] = thread;
        post_message(&body)
    };
    // Begun where none is kept: served, and said to be lost, as Anthropic may lose one at any time.
    upstream.reply(Script::json(200, &openai::completion("ok", 10, 20)));
    let response = harness.call(&ask("p1/m", json!({"type": "create"}))).await;
    assert_eq!((response.status, response.header("x-tollgate-loss")), (200, Some("dropped thread at thread")));
    // Going on there: what the SDK's helper takes for a word to send the whole conversation again.
    let on = json!({"type": "continue", "previous_message_id": "msg_1"});
    let before = upstream.requests().len();
    let response = harness.call(&ask("p1/m", on.clone())).await;
    let error = &response.json()["error"];
    assert_eq!((response.status, &error["type"]), (404, &json!("not_found_error")), "{error}");
    assert_eq!(error["details"], json!({"error_code": "thread_not_found"}));
    assert_eq!(upstream.requests().len(), before);
    // Going on where a target may have it: that one alone is asked, its bytes untouched.
    upstream.reply(Script::json(200, &anthropic::answer("Hi", 10, 20)));
    let response = harness.call(&ask("both", on.clone())).await;
    assert_eq!((response.status, response.header("x-tollgate-served-by")), (200, Some("a1/m")));
    assert_eq!(upstream.requests().pop().unwrap().json()["thread"], on);
    harness.finish().await;
}
