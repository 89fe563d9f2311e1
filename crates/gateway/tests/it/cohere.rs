//! Cohere's own dialect behind callers of others: whole, streamed, tools, failures; and its native lane.

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{cohere, openai};
use testkit::upstream::{Script, Upstream};

use crate::harness::{
    self, ALICE, CANARY, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message, message_stream, post_chat,
    post_message,
};

/// The costs of 10 tokens in and 20 out at the prices below.
const COST: Option<&str> = Some("0.000050000");

/// `co` speaks Cohere's dialect, `old` Cohere's OpenAI endpoint, `safe` falls back from `co` to `p1`.
async fn start(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    let prices = "prices: { \"*\": { input: 1, output: 2 } }";
    Harness::start(&format!(
        "{}providers:\n  co: {{ kind: cohere, base_url: \"{url}\", api_key: {KEY_1}, models: [command], {prices} }}\n  \
         old: {{ kind: cohere, base_url: \"{url}\", api_key: {KEY_1}, models: [command], dialect: openai-chat, {prices} }}\n\
         {}models:\n  safe: {{ targets: [co/command, p1/m] }}\n",
        keys(),
        harness::openai("p1", &url, KEY_2, "")
    ))
    .await
}

fn cost(response: &Response) -> Option<&str> {
    response.header("x-tollgate-cost-usd")
}

#[tokio::test]
async fn whole_answers_for_both_callers() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    upstream.reply(Script::json(200, &cohere::answer("Hello", 10, 20)));
    let mut body = chat("co/command");
    body["max_completion_tokens"] = 7.into();
    body["top_p"] = 1.into();
    body["stop"] = json!(["x"]);
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!((response.status, cost(&response)), (200, COST), "{}", response.text());
    let answer = response.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    // What is billed, not what the model saw.
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]), (&json!(10), &json!(20)));
    assert_eq!(response.header("x-tollgate-loss"), Some("approximated top_p at top_p"));
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, "/v2/chat");
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {KEY_1}").as_str()));
    let sent: Value = serde_json::from_str(&sent.text()).unwrap();
    let expected = json!({
        "model": "command", "messages": [{"role": "user", "content": CANARY}], "max_tokens": 7, "p": 0.99,
        "stop_sequences": ["x"]
    });
    assert_eq!(sent, expected);
    let line = harness.line(&response).await;
    assert_eq!((&line["served"]["provider"], &line["usage"]["source"]), (&json!("co"), &json!("reported")), "{line}");

    upstream.reply(Script::json(200, &cohere::answer("Hello", 10, 20)));
    let response = harness.call(&post_message(&message("co/command"))).await;
    let answer = response.json();
    assert_eq!((&answer["content"][0]["text"], &answer["stop_reason"]), (&json!("Hello"), &json!("end_turn")));
    // All of the prompt was in a cache; the price of what has none of its own is the prompt's.
    let usage = &answer["usage"];
    assert_eq!((usage["input_tokens"].as_u64(), usage["cache_read_input_tokens"].as_u64()), (Some(0), Some(10)));
    assert_eq!(cost(&response), COST);

    // Its OpenAI endpoint where the configuration asks for it.
    upstream.reply(Script::json(200, &openai::completion("Hello", 10, 20)));
    let response = harness.call(&post_chat(&chat("old/command"))).await;
    assert_eq!(response.status, 200);
    assert_eq!(upstream.requests().pop().unwrap().target, "/compatibility/v1/chat/completions");
    harness.finish().await;
}

#[tokio::test]
async fn tools_there_and_back() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]);
    upstream
        .reply(Script::json(200, &cohere::call("I will look.", "w_1", "get_weather", "{\"city\":\"Tokyo\"}", 10, 20)));
    let mut body = chat("co/command");
    body["tools"] = tools.clone();
    body["tool_choice"] = "required".into();
    let response = harness.call(&post_chat(&body)).await;
    let choice = response.json()["choices"][0].clone();
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!("I will look."), &json!("tool_calls"))
    );
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["function"]["arguments"]), (&json!("w_1"), &json!("{\"city\":\"Tokyo\"}")));
    let sent: Value = serde_json::from_str(&upstream.requests().pop().unwrap().text()).unwrap();
    assert_eq!((&sent["tool_choice"], &sent["tools"]), (&json!("REQUIRED"), &tools));

    // The next turn: the words before the call are its plan again.
    upstream.reply(Script::json(200, &cohere::answer("Sunny", 10, 20)));
    let turns = json!([
        {"role": "user", "content": "a"}, choice["message"],
        {"role": "tool", "tool_call_id": "w_1", "content": "sun"}
    ]);
    let response = harness.call(&post_chat(&json!({"model": "co/command", "messages": turns, "tools": tools}))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let sent: Value = serde_json::from_str(&upstream.requests().pop().unwrap().text()).unwrap();
    assert_eq!(sent["messages"][1]["tool_plan"], "I will look.");
    assert_eq!(sent["messages"][1]["tool_calls"][0]["id"], "w_1");
    assert_eq!(sent["messages"][2], json!({"role": "tool", "tool_call_id": "w_1", "content": "sun"}));
    harness.finish().await;
}

#[tokio::test]
async fn streams_for_both_callers() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let mut frames = vec![cohere::start()];
    frames.extend(cohere::content(0, "thinking", &["Hm", "m"]));
    frames.extend(cohere::content(1, "text", &["Hello", " there"]));
    frames.extend(cohere::tool(0, "w_1", "get_weather", &["{\"city\":", "\"Tokyo\"}"]));
    frames.extend(cohere::end("TOOL_CALL", 10, 20));
    let bytes = frames.concat();
    upstream.reply(Script::sse_cut(bytes.clone(), &[3, 40, 41, 300, 555]));
    let mut body = chat_stream("co/command");
    body["stream_options"] = json!({"include_usage": true});
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let chunks: Vec<Value> = response.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let joined = |member: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][member].as_str()).collect()
    };
    assert_eq!((joined("content"), joined("reasoning_content")), ("Hello there".to_owned(), "Hmm".to_owned()));
    let call = |chunk: &Value| {
        chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str().map(str::to_owned)
    };
    assert_eq!(chunks.iter().filter_map(call).collect::<String>(), "{\"city\":\"Tokyo\"}");
    assert_eq!(chunks.last().unwrap()["usage"]["prompt_tokens"], 10);
    assert!(response.text().ends_with("data: [DONE]\n\n"));
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("ok"), &json!("0.000050000")), "{line}");

    upstream.reply(Script::sse(frames));
    let response = harness.call(&post_message(&message_stream("co/command"))).await;
    let text = response.text();
    for expected in [
        "\"thinking\":\"Hm\"",
        "\"text\":\"Hello\"",
        "\"name\":\"get_weather\"",
        "\"stop_reason\":\"tool_use\"",
        "message_stop",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(harness.line(&response).await["cost"]["usd"], "0.000050000");
    harness.finish().await;
}

#[tokio::test]
async fn failures_before_and_after_content() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    // Refused, and an error that ends the stream before any content: the next target serves.
    for (script, why) in [
        (Script::json(429, &cohere::error("too many requests")), "fallback:rate_limited"),
        (Script::json(401, &cohere::error("Incorrect API key provided")), "fallback:auth"),
        (Script::sse(vec![cohere::start(), cohere::failed("invalid tool generation")]), "fallback:server_error"),
        (Script::sse(vec![cohere::start()]), "fallback:truncated"),
    ] {
        upstream.reply(script);
        upstream.reply(Script::sse(openai::stream(&["Hello"], Some((10, 20)))));
        let response = harness.call(&post_chat(&chat_stream("safe"))).await;
        assert_eq!(
            (response.header("x-tollgate-served-by"), response.header("x-tollgate-why")),
            (Some("p1/m"), Some(why))
        );
    }
    // The request's own fault goes to the caller, in the caller's shape.
    upstream.reply(Script::json(
        400,
        &json!({"id": "x", "error_type": "TOO_MANY_TOKENS", "message": "too many tokens: size limit exceeded"}),
    ));
    let response = harness.call(&post_chat(&chat("co/command"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (400, Some("upstream_rejected")));
    assert!(response.json()["error"]["message"].as_str().unwrap().contains("too many tokens"), "{}", response.text());
    // Behind content: the error in band and no end that looks whole, whether it was told or the stream broke off.
    let mut begun = vec![cohere::start(), cohere::plan("I will"), cohere::plan(" look.")];
    for (script, told) in [
        (Script::sse(begun.clone()), "broke off"),
        (
            {
                begun.push(cohere::failed("invalid tool generation"));
                Script::sse(begun)
            },
            "invalid tool generation",
        ),
    ] {
        upstream.reply(script);
        let response = harness.call(&post_chat(&chat_stream("co/command"))).await;
        let text = response.text();
        assert!(text.contains("\"content\":\"I will\"") && text.contains(told), "{text}");
        assert!(!text.contains("[DONE]"), "{text}");
        assert_eq!(harness.line(&response).await["status"], "incomplete");
    }
    harness.finish().await;
}

#[tokio::test]
async fn the_native_lane_is_metered() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let post = |path: &str, body: &Value| Request::post(&format!("/native/co{path}"), body).bearer(ALICE);
    let body =
        json!({"model": "command", "messages": [{"role": "user", "content": CANARY}], "documents": [{"id": "d"}]});
    upstream.reply(Script::json(200, &cohere::answer("Hello", 10, 20)));
    let response = harness.call(&post("/v2/chat", &body)).await;
    assert_eq!((response.status, cost(&response)), (200, COST), "{}", response.text());
    assert_eq!(response.json(), cohere::answer("Hello", 10, 20));
    assert_eq!(upstream.requests().pop().unwrap().text(), body.to_string());
    let line = harness.line(&response).await;
    assert_eq!((&line["dialect"], &line["operation"]), (&json!("cohere-v2"), &json!("native")), "{line}");

    let frames = cohere::text_stream(&["Hel", "lo"], 10, 20);
    upstream.reply(Script::sse(frames.clone()));
    let mut streamed = body.clone();
    streamed["stream"] = true.into();
    let response = harness.call(&post("/v2/chat", &streamed)).await;
    assert_eq!(response.body, frames.concat());
    let line = harness.line(&response).await;
    assert_eq!((&line["cost"]["usd"], &line["status"]), (&json!("0.000050000"), &json!("ok")), "{line}");

    // What is no chat tells what it billed, too.
    let embedded = json!({"id": "e", "embeddings": {"float": [[0.5]]}, "texts": ["a"], "meta": {"billed_units": {"input_tokens": 10}}});
    upstream.reply(Script::json(200, &embedded));
    let embed = json!({"model": "command", "texts": ["a"], "input_type": "search_query", "embedding_types": ["float"]});
    let response = harness.call(&post("/v2/embed", &embed)).await;
    assert_eq!((response.status, cost(&response)), (200, Some("0.000010000")));
    upstream.reply(Script::json(200, &json!({"results": [], "meta": {"billed_units": {"search_units": 1}}})));
    let rerank = json!({"model": "command", "query": "a", "documents": ["a"]});
    let response = harness.call(&post("/v2/rerank", &rerank)).await;
    assert_eq!(harness.line(&response).await["usage"]["search"], 1);
    harness.finish().await;
}
