//! Bedrock's Converse upstream: clients of other dialects reach it whole and streamed, and its own bytes pass in the
//! native lane, metered and priced.

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::http::{End, Request};
use testkit::samples::{anthropic, bedrock, converse, openai};
use testkit::upstream::{Framing, Script, Step, Upstream};

use crate::harness::{
    self, ALICE, CANARY, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message, message_stream, post_chat,
    post_message,
};

const PRICES: &str = "prices: { \"*\": { input: 1, output: 2, cache_read: 0.1, cache_write: 1.25 } }";
/// An inference profile as it is named, and as it stands in a path.
const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const IN_PATH: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0";

async fn start(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    Harness::start(&format!(
        "{}providers:\n  aws: {{ kind: bedrock, base_url: \"{url}\", api_key: {KEY_1}, {PRICES} }}\n{}models:\n  \
         safe: {{ targets: [\"aws/{MODEL}\", p1/m] }}\n",
        keys(),
        harness::openai("p1", &url, KEY_2, "")
    ))
    .await
}

/// Messages of a stream, cut at odd places.
fn stream(messages: &[Bytes]) -> Script {
    let all = messages.concat();
    let mut script = Script::head(200, "application/vnd.amazon.eventstream", Framing::Chunked);
    for piece in all.chunks(61) {
        script = script.frame(Bytes::copy_from_slice(piece));
    }
    script.end()
}

#[tokio::test]
async fn chat_clients_are_served_whole_and_streamed() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    upstream.reply(Script::json(200, &converse::answer("Hi", 10, 20)));
    let mut body = chat(&format!("aws/{MODEL}"));
    body["max_tokens"] = json!(9);
    body["stop"] = json!(["END"]);
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!(
        (response.status, response.header("x-tollgate-cost-usd")),
        (200, Some("0.000050000")),
        "{}",
        response.text()
    );
    let answer = response.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hi");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]), (&json!(10), &json!(20)));
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, format!("/model/{IN_PATH}/converse"));
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {KEY_1}").as_str()));
    assert_eq!(sent.header("accept"), Some("application/json"));
    let sent = sent.json();
    assert_eq!(sent["inferenceConfig"], json!({"maxTokens": 9, "stopSequences": ["END"]}));
    assert_eq!((sent.get("model"), sent.get("stream")), (None, None));
    assert_eq!(sent["messages"][0]["role"], "user");
    let line = harness.line(&response).await;
    assert_eq!((&line["dialect"], &line["served"]["model"]), (&json!("openai-chat"), &json!(MODEL)));

    upstream.reply(stream(&converse::text_stream(&["Hel", "lo"], 7, 2)));
    let response = harness.call(&post_chat(&chat_stream(&format!("aws/{MODEL}")))).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let text = response.text();
    assert!(text.contains("\"content\":\"Hel\"") && text.contains("\"content\":\"lo\""), "{text}");
    assert!(text.contains("\"finish_reason\":\"stop\"") && text.ends_with("data: [DONE]\n\n"), "{text}");
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, format!("/model/{IN_PATH}/converse-stream"));
    assert_eq!(sent.header("accept"), Some("application/vnd.amazon.eventstream"));
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("ok"), &json!("0.000011000")), "{line}");
    assert_eq!(line["usage"]["source"], "reported");
    harness.finish().await;
}

#[tokio::test]
async fn tools_and_thinking_go_there_and_back() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let model = format!("aws/{MODEL}");
    let tool = json!({"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let thought = json!({"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": anthropic::SIGNATURE}}});
    let call = converse::tool_use("tooluse_1", "look", &json!({"at": 1}));
    let usage = json!({"inputTokens": 10, "outputTokens": 20, "totalTokens": 1030, "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 1000, "cacheDetails": [{"ttl": "1h", "inputTokens": 1000}]});
    upstream.reply(Script::json(200, &converse::message(&[thought.clone(), call.clone()], "tool_use", &usage)));
    let mut body = json!({
        "model": model, "max_tokens": 4000, "tools": [tool], "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [{"role": "user", "content": CANARY}],
    });
    let response = harness.call(&post_message(&body)).await;
    let answer = response.json();
    assert_eq!(answer["stop_reason"], "tool_use", "{answer}");
    assert_eq!(
        answer["content"],
        json!([anthropic::thinking("Hm."), anthropic::tool_use("tooluse_1", "look", &json!({"at": 1}))])
    );
    assert_eq!(answer["usage"]["cache_creation"]["ephemeral_1h_input_tokens"], 1000);
    let line = harness.line(&response).await;
    assert_eq!((&line["usage"]["cache_write_1h"], &line["usage"]["input"]), (&json!(1000), &json!(10)), "{line}");
    let sent = upstream.requests().pop().unwrap().json();
    assert_eq!(sent["toolConfig"]["tools"][1], json!({"cachePoint": {"type": "default", "ttl": "1h"}}));
    assert_eq!(sent["additionalModelRequestFields"]["thinking"], json!({"type": "enabled", "budget_tokens": 2000}));

    // The next turn, streamed: the thinking goes back with its signature, the call with its id.
    body["stream"] = json!(true);
    body["messages"].as_array_mut().unwrap().extend([
        json!({"role": "assistant", "content": answer["content"]}),
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "tooluse_1", "content": "42"}]}),
    ]);
    upstream.reply(stream(&converse::tool_stream("tooluse_2", "look", &["{\"at\"", ":2}"], 5, 6)));
    let response = harness.call(&post_message(&body)).await;
    let text = response.text();
    assert!(text.contains("\"id\":\"tooluse_2\"") && text.contains("event: message_stop\n"), "{text}");
    assert!(text.contains(r#""partial_json":"{\"at\"""#), "{text}");
    let sent = upstream.requests().pop().unwrap().json();
    assert_eq!(sent["messages"][1]["content"], json!([thought, call]));
    assert_eq!(
        sent["messages"][2]["content"],
        json!([{"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "42"}]}}])
    );
    harness.finish().await;
}

#[tokio::test]
async fn what_fails_before_any_content_goes_to_the_next_target() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let frames = openai::stream(&["Hello"], Some((10, 20)));
    let refusal = Script::json(429, &json!({"message": "Too many tokens"}))
        .header("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/");
    let start_alone = &converse::text_stream(&[], 1, 1)[..1];
    let early = [start_alone.to_vec(), vec![bedrock::exception("throttlingException", "Slow down")]].concat();
    for (script, why) in [
        (refusal, "fallback:rate_limited"),
        (stream(&early), "fallback:rate_limited"),
        (stream(&[bedrock::exception("modelStreamErrorException", "It broke")]), "fallback:server_error"),
    ] {
        upstream.reply(script);
        upstream.reply(Script::sse(frames.clone()));
        let response = harness.call(&post_chat(&chat_stream("safe"))).await;
        assert_eq!(response.header("x-tollgate-served-by"), Some("p1/m"), "{}", response.text());
        assert_eq!(response.header("x-tollgate-why"), Some(why));
    }
    // The request's own fault is told at once, with what to do.
    let bare = json!({"message": "Invocation of model ID x with on-demand throughput isn’t supported."});
    upstream.reply(Script::json(400, &bare).header("x-amzn-errortype", "ValidationException:http://x/"));
    let response = harness.call(&post_message(&message(&format!("aws/{MODEL}")))).await;
    assert_eq!(response.status, 400);
    let error = &response.json()["error"];
    assert_eq!(error["type"], "invalid_request_error");
    assert!(error["message"].as_str().unwrap().contains("inference profile"), "{error}");
    harness.finish().await;
}

#[tokio::test]
async fn what_fails_behind_content_never_looks_whole() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let whole = converse::text_stream(&["Hello", " there"], 10, 20);
    let begun = whole[..3].to_vec();
    let exception = [begun.clone(), vec![bedrock::exception("modelStreamErrorException", "It broke")]].concat();
    let headers = [(":message-type", "error"), (":error-code", "InternalServerError"), (":error-message", "m")];
    let error = [begun.clone(), vec![bedrock::message(&headers, b"")]].concat();
    // A byte that changed on the way, within the second word.
    let mut changed: Vec<u8> = whole.concat();
    let place = whole[..2].concat().len() + whole[2].len() - 30;
    changed[place] ^= 1;
    let half = stream(&begun).then(Step::Close);
    for (name, script, kind) in [
        ("exception", stream(&exception), "upstream_failed"),
        ("error", stream(&error), "upstream_failed"),
        ("checksum", stream(&[changed.into()]), "upstream_failed"),
        ("cut", stream(&begun), "upstream_failed"),
        ("closed", half, "upstream_failed"),
    ] {
        upstream.reply(script);
        let response = harness.call(&post_message(&message_stream(&format!("aws/{MODEL}")))).await;
        let text = response.text();
        assert!(text.contains("\"text\":\"Hello\"") && text.contains("event: error\n"), "{name}: {text}");
        assert!(!text.contains("message_stop"), "{name}: {text}");
        let line = harness.line(&response).await;
        assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("incomplete"), &json!(kind)), "{name}: {line}");
    }
    // Whole in all it says: the words are there, only what they cost was not told.
    upstream.reply(stream(&whole[..whole.len() - 1]));
    let response = harness.call(&post_chat(&chat_stream(&format!("aws/{MODEL}")))).await;
    assert!(response.text().ends_with("data: [DONE]\n\n"), "{}", response.text());
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["usage"]["source"]), (&json!("ok"), &json!("estimated")), "{line}");
    harness.finish().await;
}

/// A call of the native lane.
fn native(path: &str, body: &Value) -> Request {
    Request::post(&format!("/native/aws{path}"), body).bearer(ALICE)
}

#[tokio::test]
async fn its_own_bytes_pass_natively_and_are_priced() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let body =
        json!({"messages": [{"role": "user", "content": [{"text": CANARY}]}], "guardrailConfig": {"trace": "enabled"}});
    let answer = format!(" {}\n", converse::answer("Hi", 10, 20));
    upstream.reply(Script::body(200, "application/json", answer.clone()));
    let response = harness.call(&native(&format!("/model/{IN_PATH}/converse"), &body)).await;
    assert_eq!((response.text(), response.header("x-tollgate-cost-usd")), (answer, Some("0.000050000")));
    let sent = upstream.requests().pop().unwrap();
    assert_eq!((sent.target.as_str(), sent.json()), (&*format!("/model/{IN_PATH}/converse"), body.clone()));
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {KEY_1}").as_str()));

    let usage = json!({"inputTokens": 10, "outputTokens": 20, "totalTokens": 130, "cacheReadInputTokens": 100, "cacheWriteInputTokens": 0});
    let mut messages = converse::text_stream(&["Hel", "lo"], 0, 0);
    messages.truncate(messages.len() - 2);
    messages.extend(converse::ending("end_turn", &usage));
    upstream.reply(stream(&messages));
    let response = harness.call(&native(&format!("/model/{IN_PATH}/converse-stream"), &body)).await;
    assert_eq!((response.body.as_ref(), response.end.clone()), (messages.concat().as_slice(), End::Clean));
    assert_eq!(response.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let line = harness.line(&response).await;
    assert_eq!(
        (&line["dialect"], &line["status"], &line["stream"]),
        (&json!("bedrock-converse"), &json!("ok"), &json!(true))
    );
    assert_eq!((&line["served"]["model"], &line["cost"]["usd"]), (&json!(MODEL), &json!("0.000060000")), "{line}");
    assert_eq!((&line["usage"]["cache_read"], &line["usage"]["source"]), (&json!(100), &json!("reported")));

    // An exception passes as it came, and the line says so.
    let failed = [messages[..2].to_vec(), vec![bedrock::exception("throttlingException", "Slow")]].concat();
    upstream.reply(stream(&failed));
    let response = harness.call(&native(&format!("/model/{IN_PATH}/converse-stream"), &body)).await;
    assert_eq!(response.body, failed.concat());
    let line = harness.line(&response).await;
    assert_eq!(
        (&line["status"], &line["error"]["kind"]),
        (&json!("incomplete"), &json!("upstream_rate_limited")),
        "{line}"
    );

    // One that is cut off breaks off for its reader, too.
    upstream.reply(stream(&messages[..2]));
    let response = harness.call(&native(&format!("/model/{IN_PATH}/converse-stream"), &body)).await;
    assert_ne!(response.end, End::Clean);
    assert_eq!(harness.line(&response).await["status"], "incomplete");

    // Tokens are counted for nothing.
    upstream.reply(Script::json(200, &json!({"inputTokens": 23})));
    let count = json!({"input": {"converse": body}});
    let response = harness.call(&native(&format!("/model/{IN_PATH}/count-tokens"), &count)).await;
    assert_eq!(response.json(), json!({"inputTokens": 23}));
    let line = harness.line(&response).await;
    assert_eq!((&line["dialect"], &line["served"]["model"]), (&json!("native"), &json!(MODEL)));
    // A refusal is as it came.
    upstream.reply(Script::json(400, &json!({"message": "No."})).header("x-amzn-errortype", "ValidationException"));
    let response = harness.call(&native(&format!("/model/{IN_PATH}/converse"), &body)).await;
    assert_eq!((response.status, response.json()), (400, json!({"message": "No."})));
    assert_eq!(response.header("x-amzn-errortype"), Some("ValidationException"));
    assert_eq!(response.header("x-tollgate-error"), Some("upstream_rejected"));
    harness.finish().await;
}

#[tokio::test]
async fn invoked_models_pass_natively_and_are_priced_by_what_the_host_counts() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    // A Claude in its own words: its own usage counts.
    let frames = anthropic::text_stream(&["Hello"], 10, 20);
    let wrapped: Vec<Bytes> = frames.iter().map(|frame| bedrock::chunk(frame)).collect();
    upstream.reply(stream(&wrapped));
    let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": CANARY}]});
    let response = harness.call(&native(&format!("/model/{IN_PATH}/invoke-with-response-stream"), &body)).await;
    assert_eq!(response.body, wrapped.concat());
    let line = harness.line(&response).await;
    assert_eq!((&line["dialect"], &line["status"]), (&json!("anthropic-messages"), &json!("ok")), "{line}");
    assert_eq!(line["cost"]["usd"], "0.000050000");
    // A Llama's stream: the host's counts stand in its last chunk.
    let prompt = json!({"prompt": CANARY});
    let chunks = [
        json!({"generation": "Hel", "stop_reason": null}),
        json!({"generation": "lo", "stop_reason": "stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 10, "outputTokenCount": 20}}),
    ];
    let wrapped: Vec<Bytes> = chunks.iter().map(|chunk| bedrock::chunk(format!("data: {chunk}").as_bytes())).collect();
    upstream.reply(stream(&wrapped));
    let response =
        harness.call(&native("/model/meta.llama3-8b-instruct-v1%3A0/invoke-with-response-stream", &prompt)).await;
    assert_eq!((response.body.as_ref(), response.end.clone()), (wrapped.concat().as_slice(), End::Clean));
    let line = harness.line(&response).await;
    assert_eq!((&line["dialect"], &line["cost"]["usd"]), (&json!("native"), &json!("0.000050000")), "{line}");
    assert_eq!(line["served"]["model"], "meta.llama3-8b-instruct-v1:0");
    // Its whole answer: they stand in headers.
    let answer = Script::json(200, &json!({"generation": "Hello"}))
        .header("x-amzn-bedrock-input-token-count", "10")
        .header("x-amzn-bedrock-output-token-count", "20");
    upstream.reply(answer);
    let response = harness.call(&native("/model/meta.llama3-8b-instruct-v1%3A0/invoke", &prompt)).await;
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000050000"), "{}", response.text());
    harness.finish().await;
}

#[tokio::test]
async fn chat_bodies_pass_to_invoked_models_that_take_them() {
    let upstream = Upstream::start().await;
    let url = upstream.url();
    let config = format!(
        "{}providers:\n  gpt: {{ kind: bedrock-invoke-openai, base_url: \"{url}\", api_key: {KEY_1}, {PRICES} }}\n",
        keys()
    );
    let harness = Harness::start(&config).await;
    upstream.reply(Script::json(200, &openai::completion("Hi", 10, 20)));
    let response = harness.call(&post_chat(&chat("gpt/openai.gpt-oss-20b-1:0"))).await;
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000050000"), "{}", response.text());
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, "/model/openai.gpt-oss-20b-1%3A0/invoke");
    assert_eq!(sent.json().get("model"), None);
    // No end marker and no usage of its own: the host counts.
    let mut frames = openai::stream(&["Hel", "lo"], None);
    frames.retain(|frame| !frame.ends_with(b"[DONE]\n\n"));
    let counts = Bytes::from_static(
        b"data: {\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":7,\"outputTokenCount\":2}}\n\n",
    );
    let wrapped: Vec<Bytes> = frames.iter().chain([&counts]).map(|frame| bedrock::chunk(frame)).collect();
    upstream.reply(stream(&wrapped));
    let response = harness.call(&post_chat(&chat_stream("gpt/openai.gpt-oss-20b-1:0"))).await;
    assert!(response.text().contains("\"content\":\"lo\""), "{}", response.text());
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, "/model/openai.gpt-oss-20b-1%3A0/invoke-with-response-stream");
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("ok"), &json!("0.000011000")), "{line}");
    harness.finish().await;
}
