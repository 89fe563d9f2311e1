//! Ollama's native API behind callers of other dialects: whole, JSON lines, tools, failures; and its native lane.

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{ollama, openai};
use testkit::upstream::{Framing, Script, Upstream};

use crate::harness::{
    self, ALICE, CANARY, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message, message_stream, post_chat,
    post_message,
};

/// `own` speaks Ollama's dialect, of `like` the model `n` does, `safe` falls back from `own` to `p1`.
async fn start(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    let prices = "prices: { \"*\": { input: 1, output: 2 } }";
    Harness::start(&format!(
        "{}providers:\n  own: {{ kind: ollama, base_url: \"{url}/v1\", api_key: {KEY_1}, models: [m], dialect: ollama, \
         {prices} }}\n  like: {{ kind: ollama, base_url: \"{url}\", models: [m, {{ id: n, dialect: ollama }}], {prices} }}\n\
         {}models:\n  safe: {{ targets: [own/m, p1/m] }}\n",
        keys(),
        harness::openai("p1", &url, KEY_2, "")
    ))
    .await
}

fn cost(response: &Response) -> Option<&str> {
    response.header("x-tollgate-cost-usd")
}

/// A stream of these lines, cut at odd places.
fn stream(values: &[Value]) -> Script {
    let mut script = Script::head(200, ollama::LINES, Framing::Chunked);
    for piece in ollama::lines(values).chunks(53) {
        script = script.frame(Bytes::copy_from_slice(piece));
    }
    script.end()
}

fn sent(upstream: &Upstream) -> Value {
    serde_json::from_str(&upstream.requests().pop().unwrap().text()).unwrap()
}

#[tokio::test]
async fn whole_answers_for_both_callers() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    upstream.reply(Script::json(200, &ollama::answer("Hello", 10, 20)));
    let mut body = chat("own/m");
    body["max_tokens"] = 7.into();
    body["temperature"] = json!(0.5);
    body["response_format"] = json!({"type": "json_object"});
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!((response.status, cost(&response)), (200, Some("0.000050000")), "{}", response.text());
    let answer = response.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["created"]), (&json!(10), &json!(1_785_917_463)));
    assert_eq!(upstream.requests().pop().unwrap().target, "/api/chat");
    let expected = json!({
        "model": "m", "messages": [{"role": "user", "content": CANARY}], "stream": false, "format": "json",
        "options": {"num_predict": 7, "temperature": 0.5}
    });
    assert_eq!(sent(&upstream), expected);

    upstream.reply(Script::json(200, &ollama::answer("Hello", 10, 20)));
    let response = harness.call(&post_message(&message("like/n"))).await;
    let answer = response.json();
    assert_eq!((&answer["content"][0]["text"], &answer["stop_reason"]), (&json!("Hello"), &json!("end_turn")));
    assert_eq!(upstream.requests().pop().unwrap().target, "/api/chat");

    // Without the word for it, the model goes by the OpenAI endpoint.
    upstream.reply(Script::json(200, &openai::completion("Hello", 10, 20)));
    assert_eq!(harness.call(&post_chat(&chat("like/m"))).await.status, 200);
    assert_eq!(upstream.requests().pop().unwrap().target, "/v1/chat/completions");
    harness.finish().await;
}

#[tokio::test]
async fn tools_and_images_there_and_back() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]);
    let arguments = json!({"city": "Tokyo"});
    upstream.reply(Script::json(200, &ollama::last(&ollama::call("", "get_weather", &arguments), "stop", 10, 20)));
    let mut body = chat("own/m");
    body["tools"] = tools.clone();
    body["messages"][0]["content"] = json!([
        {"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    ]);
    let response = harness.call(&post_chat(&body)).await;
    let choice = response.json()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["arguments"], "{\"city\":\"Tokyo\"}");
    assert!(call["id"].as_str().unwrap().starts_with("call_"), "{call}");
    assert_eq!(sent(&upstream)["messages"], json!([{"role": "user", "content": "Look", "images": ["iVBORw0KGgo="]}]));

    upstream.reply(Script::json(200, &ollama::answer("Sunny", 10, 20)));
    let turns = json!([
        {"role": "user", "content": "a"}, choice["message"],
        {"role": "tool", "tool_call_id": call["id"], "content": "sun"}
    ]);
    let response = harness.call(&post_chat(&json!({"model": "own/m", "messages": turns, "tools": tools}))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let messages = sent(&upstream)["messages"].clone();
    assert_eq!(
        messages[1]["tool_calls"][0]["function"],
        json!({"name": "get_weather", "arguments": {"city": "Tokyo"}})
    );
    assert_eq!((&messages[2]["tool_name"], &messages[2]["content"]), (&json!("get_weather"), &json!("sun")));
    harness.finish().await;
}

#[tokio::test]
async fn lines_become_events_for_both_callers() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let values = [
        ollama::piece("thinking", "Hm"),
        ollama::piece("thinking", "m"),
        ollama::piece("content", "Hello"),
        ollama::piece("content", " there"),
        ollama::message(&ollama::call("", "get_weather", &json!({"city": "Tokyo"})), false),
        ollama::last(&json!({"role": "assistant", "content": ""}), "stop", 10, 20),
    ];
    upstream.reply(stream(&values));
    let mut body = chat_stream("own/m");
    body["stream_options"] = json!({"include_usage": true});
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let chunks: Vec<Value> = response.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let joined = |member: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][member].as_str()).collect()
    };
    assert_eq!((joined("content"), joined("reasoning_content")), ("Hello there".to_owned(), "Hmm".to_owned()));
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 20);
    assert!(response.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(sent(&upstream)["stream"], true);
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("ok"), &json!("0.000050000")), "{line}");

    upstream.reply(stream(&values));
    let response = harness.call(&post_message(&message_stream("own/m"))).await;
    let text = response.text();
    for part in
        ["\"thinking\":\"Hm\"", "\"text\":\"Hello\"", "get_weather", "\"stop_reason\":\"tool_use\"", "message_stop"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // A stream where a whole answer was asked for is gathered.
    upstream.reply(stream(&values));
    let response = harness.call(&post_chat(&chat("own/m"))).await;
    assert_eq!(response.json()["choices"][0]["message"]["content"], "Hello there");
    harness.finish().await;
}

#[tokio::test]
async fn failures_before_and_after_content() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    for (script, why) in [
        (Script::json(503, &ollama::error("server busy, please try again")), "fallback:overloaded"),
        (Script::json(500, &ollama::error("model requires more system memory")), "fallback:server_error"),
        (stream(&[ollama::error("llama runner process has terminated")]), "fallback:server_error"),
        (stream(&[ollama::piece("content", "")]), "fallback:truncated"),
    ] {
        upstream.reply(script);
        upstream.reply(Script::sse(openai::stream(&["Hello"], Some((10, 20)))));
        let response = harness.call(&post_chat(&chat_stream("safe"))).await;
        assert_eq!(
            (response.header("x-tollgate-served-by"), response.header("x-tollgate-why")),
            (Some("p1/m"), Some(why))
        );
    }
    upstream.reply(Script::json(404, &ollama::error("model 'm' not found")));
    let response = harness.call(&post_message(&message("own/m"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (404, Some("upstream_rejected")));
    assert_eq!(response.json()["error"]["message"], "model 'm' not found");
    // Behind content: the error in band, and no end that looks whole.
    let begun = ollama::piece("content", "Hello");
    for (values, told) in [
        (vec![begun.clone()], "broke off"),
        (vec![begun, ollama::error("an error was encountered while running the model")], "while running the model"),
    ] {
        upstream.reply(stream(&values));
        let response = harness.call(&post_chat(&chat_stream("own/m"))).await;
        let text = response.text();
        assert!(text.contains("\"content\":\"Hello\"") && text.contains(told), "{text}");
        assert!(!text.contains("[DONE]"), "{text}");
        assert_eq!(harness.line(&response).await["status"], "incomplete");
    }
    harness.finish().await;
}

#[tokio::test]
async fn the_native_lane_is_metered() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let post = |path: &str, body: &Value| Request::post(&format!("/native/own{path}"), body).bearer(ALICE);
    // Streamed unless told not to; the lines pass as they came.
    let values =
        [ollama::piece("content", "Hello"), ollama::last(&json!({"role": "assistant", "content": ""}), "stop", 10, 20)];
    upstream.reply(stream(&values));
    let body = json!({"model": "m", "messages": [{"role": "user", "content": CANARY}], "keep_alive": "5m"});
    let response = harness.call(&post("/api/chat", &body)).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some(ollama::LINES)), "{}", response.text());
    assert_eq!(response.body, ollama::lines(&values));
    let request = upstream.requests().pop().unwrap();
    assert_eq!((request.target.as_str(), request.text()), ("/api/chat", body.to_string()));
    let line = harness.line(&response).await;
    assert_eq!(
        (&line["dialect"], &line["cost"]["usd"], &line["stream"]),
        (&json!("ollama"), &json!("0.000050000"), &json!(true))
    );

    let whole = |mut body: Value| {
        body["stream"] = false.into();
        body
    };
    upstream.reply(Script::json(200, &ollama::answer("Hello", 10, 20)));
    let response = harness.call(&post("/api/chat", &whole(body))).await;
    assert_eq!((response.json(), cost(&response)), (ollama::answer("Hello", 10, 20), Some("0.000050000")));

    let generated = json!({
        "model": "m", "created_at": "2026-08-05T08:11:03Z", "response": "Hello", "done": true, "done_reason": "stop",
        "prompt_eval_count": 10, "eval_count": 20
    });
    upstream.reply(Script::json(200, &generated));
    let response = harness.call(&post("/api/generate", &whole(json!({"model": "m", "prompt": CANARY})))).await;
    assert_eq!((response.status, cost(&response)), (200, Some("0.000050000")));
    upstream.reply(Script::json(200, &json!({"model": "m", "embeddings": [[0.5]], "prompt_eval_count": 10})));
    let response = harness.call(&post("/api/embed", &json!({"model": "m", "input": "a"}))).await;
    assert_eq!((response.status, cost(&response)), (200, Some("0.000010000")));
    // A stream that fails is incomplete, and its error passes.
    upstream.reply(stream(&[ollama::piece("content", "Hello"), ollama::error("gone")]));
    let streamed = json!({"model": "m", "messages": []});
    let response = harness.call(&post("/api/chat", &streamed)).await;
    assert!(response.text().ends_with("{\"error\":\"gone\"}\n"), "{}", response.text());
    assert_eq!(harness.line(&response).await["status"], "incomplete");
    // Nothing else of the server is reached.
    let response = harness.call(&post("/admin", &json!({}))).await;
    assert_eq!(response.status, 404);
    harness.finish().await;
}
