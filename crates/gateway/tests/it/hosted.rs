//! Claude in the envelope of Bedrock and Vertex: the same messages, another address, body and framing.

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::http::Request;
use testkit::samples::{anthropic, bedrock};
use testkit::upstream::{Framing, Script, Upstream};

use crate::harness::{
    self, Harness, KEY_1, KEY_2, chat_stream, keys, message, message_stream, post_chat, post_message,
};

const PRICES: &str = "prices: { \"*\": { input: 1, output: 5 } }";

async fn start(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    Harness::start(&format!(
        "{}providers:\n  aws: {{ kind: bedrock-claude, base_url: \"{url}\", api_key: {KEY_1}, {PRICES} }}\n  \
         gcp: {{ kind: vertex-claude, base_url: \"{url}/v1/projects/p/locations/l\", api_key: {KEY_2}, {PRICES} }}\n\
         {}models:\n  safe: {{ targets: [\"aws/claude:1\", a1/m] }}\n",
        keys(),
        harness::anthropic("a1", &url, KEY_2, "")
    ))
    .await
}

/// Frames of Anthropic's own API as Bedrock wraps them, cut at odd places.
fn wrapped(frames: &[Bytes], more: Option<Bytes>) -> Script {
    let all: Vec<u8> = frames.iter().map(|frame| bedrock::chunk(frame)).chain(more).flatten().collect();
    let mut script = Script::head(200, "application/vnd.amazon.eventstream", Framing::Chunked);
    for piece in all.chunks(97) {
        script = script.frame(Bytes::copy_from_slice(piece));
    }
    script.end()
}

#[tokio::test]
async fn bedrock_is_asked_and_read_as_it_wants() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    // Whole, in the same dialect: unknown members and odd numbers survive, three members differ.
    upstream.reply(Script::json(200, &anthropic::answer("Hi", 10, 20)));
    let body = r#"{"model":"aws/us.anthropic.claude-x-v1:0","max_tokens":9,"odd": 1e400,"messages":[{"role":"user","content":"a"}]}"#;
    let request = Request::new("POST", "/v1/messages")
        .body(body)
        .header("content-type", "application/json")
        .header("x-api-key", harness::ALICE)
        .header("anthropic-version", "2023-06-01")
        .header("anthropic-beta", "b-1,b-2");
    let response = harness.call(&request).await;
    assert_eq!(
        (response.status, response.header("x-tollgate-cost-usd")),
        (200, Some("0.000110000")),
        "{}",
        response.text()
    );
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, "/model/us.anthropic.claude-x-v1%3A0/invoke");
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {KEY_1}").as_str()));
    assert_eq!((sent.header("anthropic-version"), sent.header("anthropic-beta")), (None, None));
    assert_eq!(
        sent.text(),
        r#"{"max_tokens":9,"odd": 1e400,"messages":[{"role":"user","content":"a"}],"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["b-1","b-2"]}"#
    );

    // Streamed: what the caller gets is what Anthropic's own API would have sent.
    let frames = anthropic::text_stream(&["Hello", " there"], 10, 20);
    upstream.reply(wrapped(&frames, None));
    let response = harness.call(&post_message(&message_stream("aws/claude:1"))).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(response.body, frames.concat());
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, "/model/claude%3A1/invoke-with-response-stream");
    let sent: Value = serde_json::from_str(&sent.text()).unwrap();
    assert_eq!((sent.get("model"), sent.get("stream")), (None, None));

    // From another dialect, whole and streamed.
    upstream.reply(wrapped(&frames, None));
    let response = harness.call(&post_chat(&chat_stream("aws/claude:1"))).await;
    assert!(response.text().contains("\"content\":\"Hello\""), "{}", response.text());
    assert!(response.text().ends_with("data: [DONE]\n\n"));
    upstream.reply(Script::json(200, &anthropic::answer("Hi", 10, 20)));
    let response = harness
        .call(&post_chat(&json!({"model": "aws/claude:1", "messages": [{"role": "user", "content": "a"}]})))
        .await;
    assert_eq!(response.json()["choices"][0]["message"]["content"], "Hi");
    let sent: Value = serde_json::from_str(&upstream.requests().pop().unwrap().text()).unwrap();
    assert_eq!((sent.get("model"), &sent["anthropic_version"]), (None, &json!("bedrock-2023-05-31")));
    harness.finish().await;
}

#[tokio::test]
async fn its_own_api_is_priced_in_the_native_lane() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let ask = |path: &str| {
        let body =
            r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"a"}]}"#;
        // AWS's SDKs over plain HTTP: the virtual key is the access key id.
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential={}/20261124/us-east-1/bedrock/aws4_request, Signature=0",
            harness::ALICE
        );
        Request::new("POST", path)
            .body(body)
            .header("content-type", "application/json")
            .header("authorization", &signed)
    };
    // Anthropic counts what the cache read beside the input: 10 + 100 cached + 20 out.
    let usage = anthropic::usage_cached(10, 100, 0, 20);
    let answer = anthropic::message(&[anthropic::text("Hi")], "end_turn", &usage);
    upstream.reply(Script::json(200, &answer));
    let response = harness.call(&ask("/native/aws/model/us.anthropic.claude-x-v1%3A0/invoke")).await;
    assert_eq!((response.status, response.json()), (200, answer.clone()));
    let line = harness.line(&response).await;
    assert_eq!(line["usage"]["input"], 10, "{line}");
    assert_eq!((&line["usage"]["cache_read"], &line["usage"]["output"]), (&json!(100), &json!(20)), "{line}");
    assert_eq!(line["dialect"], "anthropic-messages");
    // A stream passes as AWS framed it, and is read on the way.
    let frames = anthropic::text_stream(&["Hello", " there"], 10, 20);
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| bedrock::chunk(frame)).collect();
    upstream.reply(wrapped(&frames, None));
    let response = harness.call(&ask("/native/aws/model/claude%3A1/invoke-with-response-stream")).await;
    assert_eq!(response.header("content-type"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(response.body, bytes);
    let line = harness.line(&response).await;
    assert_eq!(
        (&line["cost"]["usd"], &line["stream"], &line["status"]),
        (&json!("0.000110000"), &json!(true), &json!("ok"))
    );
    // One that breaks off passes as far as it came, and is not called whole.
    upstream.reply(wrapped(&frames[..4], None));
    let response = harness.call(&ask("/native/aws/model/claude%3A1/invoke-with-response-stream")).await;
    assert_eq!(harness.line(&response).await["status"], "incomplete");
    harness.finish().await;
}

#[tokio::test]
async fn a_usage_of_anthropics_shape_is_read_as_such_anywhere() {
    let upstream = Upstream::start().await;
    let url = upstream.url();
    let config =
        format!("{}providers:\n  b: {{ kind: bedrock, base_url: \"{url}\", api_key: {KEY_1}, {PRICES} }}\n", keys());
    let harness = Harness::start(&config).await;
    let usage = anthropic::usage_cached(10, 100, 0, 20);
    upstream.reply(Script::json(200, &anthropic::message(&[anthropic::text("Hi")], "end_turn", &usage)));
    let request =
        Request::post("/native/b/model/anthropic.claude-x/invoke", &json!({"messages": []})).bearer(harness::ALICE);
    let line = harness.line(&harness.call(&request).await).await;
    assert_eq!((&line["usage"]["input"], &line["usage"]["cache_read"]), (&json!(10), &json!(100)), "{line}");
    harness.finish().await;
}

#[tokio::test]
async fn what_fails_inside_an_event_stream_is_told() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    // Before any content: the next target serves.
    upstream.reply(wrapped(&[], Some(bedrock::exception("throttlingException", "Too many requests"))));
    let frames = anthropic::text_stream(&["Hello"], 10, 20);
    upstream.reply(Script::sse(frames.clone()));
    let response = harness.call(&post_message(&message_stream("safe"))).await;
    assert_eq!(response.header("x-tollgate-served-by"), Some("a1/m"));
    assert_eq!(response.header("x-tollgate-why"), Some("fallback:rate_limited"));
    assert_eq!(response.body, frames.concat());
    // Behind content: the dialect's own error, and no end that looks whole.
    let begun = &anthropic::text_stream(&["Hello", " there"], 10, 20)[..4];
    upstream.reply(wrapped(begun, Some(bedrock::exception("modelStreamErrorException", "It broke"))));
    let response = harness.call(&post_message(&message_stream("aws/claude:1"))).await;
    let text = response.text();
    assert!(text.contains("event: error\n") && text.contains("It broke"), "{text}");
    assert!(!text.contains("message_stop"), "{text}");
    // A byte that changed on the way.
    let mut bytes: Vec<u8> = frames.iter().flat_map(|frame| bedrock::chunk(frame)).collect();
    let place = bytes.len() - 30;
    bytes[place] ^= 1;
    let script = Script::head(200, "application/vnd.amazon.eventstream", Framing::Chunked).frame(bytes).end();
    upstream.reply(script);
    let response = harness.call(&post_message(&message_stream("aws/claude:1"))).await;
    assert!(response.text().contains("event: error\n"), "{}", response.text());
    assert!(!response.text().contains("message_stop"), "{}", response.text());
    // A chunk that holds no event: words would be missing, so it is no whole answer.
    let mut bytes: Vec<u8> = begun.iter().flat_map(|frame| bedrock::chunk(frame)).collect();
    bytes.extend_from_slice(&bedrock::message(&[(":event-type", "chunk")], br#"{"bytes":"?"}"#));
    bytes.extend(frames.iter().skip(4).flat_map(|frame| bedrock::chunk(frame)));
    let script = Script::head(200, "application/vnd.amazon.eventstream", Framing::Chunked).frame(bytes).end();
    upstream.reply(script);
    let response = harness.call(&post_message(&message_stream("aws/claude:1"))).await;
    assert!(response.text().contains("event: error\n"), "{}", response.text());
    assert!(!response.text().contains("message_stop"), "{}", response.text());
    assert_eq!(harness.line(&response).await["status"], "incomplete");
    harness.finish().await;
}

#[tokio::test]
async fn vertex_is_asked_as_it_wants() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    upstream.reply(Script::json(200, &anthropic::answer("Hi", 10, 20)));
    let response = harness.call(&post_message(&message("gcp/claude-x@1"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x%401:rawPredict");
    let body: Value = serde_json::from_str(&sent.text()).unwrap();
    assert_eq!((body.get("model"), &body["anthropic_version"]), (None, &json!("vertex-2023-10-16")));
    let frames = anthropic::text_stream(&["Hello"], 10, 20);
    upstream.reply(Script::sse(frames.clone()));
    let response = harness.call(&post_message(&message_stream("gcp/claude-x@1"))).await;
    assert_eq!(response.body, frames.concat());
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.target, "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x%401:streamRawPredict");
    assert_eq!(serde_json::from_str::<Value>(&sent.text()).unwrap()["stream"], json!(true));
    harness.finish().await;
}
