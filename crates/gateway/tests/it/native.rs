//! The native lane: a provider's own API as it is, with our key in place of the caller's, its usage read where
//! it tells, and its account kept from those who do not run it.

use serde_json::{Value, json};
use testkit::http::{Client, End, Request, Response};
use testkit::samples::{self, anthropic, openai};
use testkit::upstream::{Framing, Gate, Script, Upstream};

use crate::harness::{self, ADMIN, ALICE, BOB, CANARY, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message_stream};

/// `p1` of OpenAI's dialect below `/v1`, `a1` of Anthropic's at the root, `off` that is closed: all this upstream.
async fn start(upstream: &Upstream, server: &str) -> Harness {
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN}{server} }}\n{}providers:\n{}{}{}  demo: {{}}\n",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, ""),
        harness::openai("off", &upstream.url(), KEY_1, ", native: false"),
    ))
    .await
}

fn post(path: &str, body: &Value) -> Request {
    Request::post(path, body).bearer(ALICE)
}

/// An error of ours in OpenAI's shape.
fn refused(response: &Response, status: u16, kind: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("x-tollgate-error"), Some(kind));
    assert_eq!(response.json()["error"]["tollgate"]["kind"], kind);
}

#[tokio::test]
async fn bytes_pass_both_ways_and_the_key_is_ours() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, "").await;
    let odd: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for method in ["POST", "PUT", "PATCH"] {
        upstream.reply(
            Script::body(201, "application/x-odd", odd.clone())
                .header("x-amzn-requestid", "r1")
                .header("retry-after", "3")
                .header("set-cookie", "session=1")
                .header("openai-organization", "org-abc123456")
                .header("x-goog-hash", "h"),
        );
        let request = Request::new(method, "/native/p1/v1/things/a%2Fb?limit=2&key=tg-x&after=%C3%A4")
            .bearer(ALICE)
            .header("content-type", "application/x-odd")
            .header("x-goog-upload-command", "start")
            .header("x-goog-api-key", "tg-other")
            .header("cookie", "c=1")
            .header("openai-organization", "org-mine")
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .body(odd.clone());
        let response = harness.call(&request).await;
        assert_eq!((response.status, &response.body), (201, &odd), "{method}");
        assert_eq!(response.header("content-type"), Some("application/x-odd"));
        assert_eq!(response.header("x-amzn-requestid"), Some("r1"));
        assert_eq!(response.header("retry-after"), Some("3"));
        assert_eq!(response.header("x-goog-hash"), Some("h"));
        for gone in ["set-cookie", "openai-organization"] {
            assert_eq!(response.header(gone), None, "{gone}");
        }
        let got = upstream.requests().pop().unwrap();
        assert_eq!((&*got.method, &*got.target), (method, "/v1/things/a%2Fb?limit=2&after=%C3%A4"));
        assert_eq!(got.body, odd);
        assert_eq!(got.header("authorization"), Some(&*format!("Bearer {KEY_1}")));
        assert_eq!(got.header("x-goog-upload-command"), Some("start"));
        assert_eq!(got.header("content-length"), Some("70000"));
        for gone in ["cookie", "x-goog-api-key", "openai-organization", "x-hop", "x-api-key"] {
            assert_eq!(got.header(gone), None, "{gone}");
        }
        let line = harness.line(&response).await;
        assert_eq!((&line["dialect"], &line["operation"]), (&json!("native"), &json!("native")));
        assert_eq!(line["cost"]["source"], "unpriced");
        assert_eq!(line["usage"]["input"], Value::Null);
        assert_eq!(line["attempts"][0]["outcome"], "ok");
        assert_eq!(line["http"], 201);
    }
    harness.finish().await;
}

#[tokio::test]
async fn get_head_and_empty_answers_pass() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, "").await;
    upstream.reply(Script::json(200, &json!({"id": "file-1"})));
    let got = harness.call(&Request::get("/native/p1/v1/things/file-1").bearer(ALICE)).await;
    assert_eq!((got.status, got.json()), (200, json!({"id": "file-1"})));
    upstream.reply(Script::head(204, "text/plain", Framing::Length(0)).end());
    let got = harness.call(&Request::new("PUT", "/native/p1/v1/things/1").bearer(ALICE)).await;
    assert_eq!((got.status, got.body.len()), (204, 0));
    upstream.reply(Script::head(200, "text/plain", Framing::Length(7)));
    let mut client = harness.connect().await;
    let got = client.request(&Request::new("HEAD", "/native/p1/v1/things/file-1").bearer(ALICE)).await;
    harness.note(&got);
    assert_eq!((got.status, got.header("content-length"), got.body.len()), (200, Some("7"), 0));
    // No redirect is followed.
    upstream.reply(Script::body(302, "text/plain", "").header("location", "https://elsewhere.example/x"));
    let got = harness.call(&Request::get("/native/p1/v1/things/file-1/content").bearer(ALICE)).await;
    assert_eq!((got.status, got.header("location")), (302, Some("https://elsewhere.example/x")));
    assert_eq!(upstream.requests().len(), 4);
    harness.finish().await;
}

#[tokio::test]
async fn a_known_dialects_answer_is_metered_and_priced() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, "").await;
    let answer = format!(" {}\n", openai::completion("hi", 10, 20));
    upstream.reply(Script::body(200, "application/json", answer.clone()));
    let response = harness.call(&post("/native/p1/v1/chat/completions", &chat("m"))).await;
    assert_eq!(response.text(), answer);
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000050000"));
    assert_eq!(response.header("x-tollgate-served-by"), Some("p1/m"));
    let line = harness.line(&response).await;
    assert_eq!(line["dialect"], "openai-chat");
    assert_eq!(line["operation"], "native");
    assert_eq!((&line["usage"]["input"], &line["usage"]["output"]), (&json!(10), &json!(20)));
    assert_eq!(line["cost"]["usd"], "0.000050000");
    assert_eq!(line["upstream_id"], openai::ID);
    // A stream of OpenAI's, and one of Anthropic's with its own header for the key.
    let frames = openai::stream(&["Hel", "lo"], Some((7, 2)));
    upstream.reply(Script::sse_cut(samples::join(&frames), &[3, 50, 51, 200]));
    let response = harness.call(&post("/native/p1/v1/chat/completions", &chat_stream("m"))).await;
    assert_eq!((&*response.body, response.end.clone()), (&*samples::join(&frames), End::Clean));
    assert_eq!(upstream.requests().pop().unwrap().json(), chat_stream("m"));
    let line = harness.line(&response).await;
    assert_eq!((&line["cost"]["usd"], &line["stream"]), (&json!("0.000011000"), &json!(true)));
    let frames = anthropic::text_stream(&["a", "b"], 9, 4);
    upstream.reply(Script::sse(frames.clone()));
    let response = harness.call(&post("/native/a1/v1/messages", &message_stream("m"))).await;
    assert_eq!(&*response.body, &*samples::join(&frames));
    let got = upstream.requests().pop().unwrap();
    assert_eq!((got.header("x-api-key"), got.header("authorization")), (Some(KEY_2), None));
    let line = harness.line(&response).await;
    assert_eq!((&line["dialect"], &line["cost"]["usd"]), (&json!("anthropic-messages"), &json!("0.000029000")));
    harness.finish().await;
}

#[tokio::test]
async fn googles_paths_name_the_model_and_are_metered_in_every_form() {
    let upstream = Upstream::start().await;
    let harness = Harness::start(&format!(
        "{}providers:\n  g: {{ kind: gemini, base_url: \"{}\", api_key: {KEY_1}, models: [x], prices: {{ x: {{ input: 1, output: 2 }} }} }}\n",
        keys(),
        upstream.url()
    ))
    .await;
    let part = |text: &str, finish: &str, out: u64| {
        format!(
            "{{\"candidates\":[{{\"content\":{{\"role\":\"model\",\"parts\":[{{\"text\":\"{text}\"}}]}}{finish},\"index\":0}}],\
             \"usageMetadata\":{{\"promptTokenCount\":7,\"candidatesTokenCount\":{out},\"totalTokenCount\":{}}}}}",
            7 + out
        )
    };
    let (one, two) = (part("a", "", 1), part("b", ",\"finishReason\":\"STOP\"", 2));
    let body = json!({"contents": [{"parts": [{"text": CANARY}]}]});
    for (verb, kind, answer) in [
        ("generateContent", "application/json; charset=UTF-8", two.clone()),
        ("streamGenerateContent?alt=sse", "text/event-stream", format!("data: {one}\r\n\r\ndata: {two}\r\n\r\n")),
        ("streamGenerateContent", "application/json", format!("[{one}\n,\r\n{two}\n]\n")),
    ] {
        upstream.reply(Script::body(200, kind, answer.clone()));
        let path = format!("/native/g/v1beta/models/x:{verb}");
        let response = harness.call(&Request::post(&path, &body).header("x-goog-api-key", ALICE)).await;
        assert_eq!((response.text(), response.end.clone()), (answer, End::Clean), "{verb}");
        let got = upstream.requests().pop().unwrap();
        assert_eq!((got.header("x-goog-api-key"), got.header("authorization")), (Some(KEY_1), None));
        let line = harness.line(&response).await;
        assert_eq!((&line["dialect"], &line["status"]), (&json!("gemini"), &json!("ok")), "{verb}: {line}");
        assert_eq!((&line["cost"]["usd"], &line["served"]["model"]), (&json!("0.000011000"), &json!("x")), "{verb}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn usage_of_no_known_dialect_is_read_where_it_stands() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, "").await;
    let usage = json!({"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}});
    upstream.reply(Script::json(200, &usage));
    let response = harness.call(&post("/native/p1/v1/embeddings", &json!({"model": "m", "input": CANARY}))).await;
    assert_eq!(response.json(), usage);
    let line = harness.line(&response).await;
    assert_eq!((&line["dialect"], &line["cost"]["usd"]), (&json!("native"), &json!("0.000008000")));
    assert_eq!(line["served"]["model"], "m");
    // A path nobody knows.
    upstream.reply(Script::json(200, &json!({"ok": true})));
    let response = harness.call(&post("/native/p1/v1/tokenize", &json!({"model": "m", "prompt": CANARY}))).await;
    let line = harness.line(&response).await;
    assert_eq!((&line["cost"]["source"], &line["served"]["model"]), (&json!("unpriced"), &json!("*")));
    harness.finish().await;
}

#[tokio::test]
async fn no_path_leaves_the_providers_base() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, "").await;
    for path in [
        "/native/p1/v1/../admin",
        "/native/p1/v1/%2e%2e/x",
        "/native/p1/v1/.%2E/x",
        "/native/p1/v1/%252e%252e/x",
        "/native/p1//evil.example/x",
        "/native/p1/v1//x",
        "/native/p1/v1/%2F%2Fevil.example",
        "/native/p1/v1\\x",
        "/native/p1/v1/%5c..%5cx",
        "/native/p1/v1/a%0d%0ahost:%20evil",
        "/native/p1/v1/%00",
        "/native/p1/http://evil.example/v1/x",
        "http://evil.example/native/p1/v1/x",
    ] {
        refused(&harness.call(&Request::get(path).bearer(ALICE)).await, 400, "invalid_request");
    }
    for path in ["/native/p1/admin", "/native/p1/v1x", "/native/p1", "/native/p1/", "/native/nobody/v1/x", "/native/"] {
        refused(&harness.call(&Request::get(path).bearer(ALICE)).await, 404, "not_found");
    }
    refused(&harness.call(&Request::get("/native/off/v1/x").bearer(ALICE)).await, 403, "forbidden");
    refused(&harness.call(&Request::get("/native/demo/x").bearer(ALICE)).await, 403, "forbidden");
    refused(&harness.call(&Request::new("TRACE", "/native/p1/v1/x").bearer(ALICE)).await, 405, "method_not_allowed");
    refused(&harness.call(&Request::get("/native/p1/v1/x")).await, 401, "unauthenticated");
    assert_eq!(upstream.requests().len(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn the_account_is_the_operators_and_models_are_the_keys() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 1, 1)));
    let harness = start(&upstream, "").await;
    for (method, path) in [
        ("GET", "/native/p1/v1/conversations"),
        ("GET", "/native/p1/v1/conversations/"),
        ("GET", "/native/p1/v1/%63onversations?limit=1"),
        ("GET", "/native/a1/v1/skills"),
        ("DELETE", "/native/p1/v1/models/ft:m"),
        ("DELETE", "/native/p1/v1/organization/files/file-1"),
        ("POST", "/native/p1/v1/organization/admin_api_keys"),
    ] {
        let ask = |key: &str| Request::new(method, path).bearer(key);
        refused(&harness.call(&ask(ALICE)).await, 403, "forbidden");
        assert_eq!(harness.call(&ask(ADMIN)).await.status, 200, "{method} {path}");
    }
    let before = upstream.requests().len();
    // Bob may ask for `p1/*`: a model that is known, and nothing that names none.
    let bob = |path: &str, body: &Value| Request::post(path, body).bearer(BOB);
    assert_eq!(harness.call(&bob("/native/p1/v1/chat/completions", &chat("m"))).await.status, 200);
    assert_eq!(harness.call(&bob("/native/p1/v1/models/m:predict", &json!({}))).await.status, 200);
    for (path, body) in [
        ("/native/a1/v1/messages", json!({"model": "m"})),
        ("/native/p1/v1/chat/completions", json!({"messages": []})),
        ("/native/p1/v1/uploads", json!({"model": "m"})),
        ("/native/a1/v1/chat/completions", json!({"model": "m", "models": ["x"]})),
    ] {
        refused(&harness.call(&bob(path, &body)).await, 403, "forbidden");
    }
    let twice = "{\"model\":\"m\",\"model\":\"other\"}";
    let request = Request::new("POST", "/native/p1/v1/chat/completions").bearer(BOB);
    let request = request.header("content-type", "application/json").body(twice);
    refused(&harness.call(&request).await, 403, "forbidden");
    refused(&harness.call(&Request::get("/native/p1/v1/things/1").bearer(BOB)).await, 403, "forbidden");
    assert_eq!(upstream.requests().len(), before + 2);
    harness.finish().await;
}

#[tokio::test]
async fn a_failure_passes_without_our_keys_and_a_dead_provider_is_told() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, "").await;
    let body = json!({"error": {"message": format!("Incorrect API key provided: {KEY_1}."), "type": "x"}});
    upstream.reply(Script::json(401, &body));
    let response = harness.call(&post("/native/p1/v1/chat/completions", &chat("m"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (401, Some("upstream_auth")));
    assert_eq!(response.text(), body.to_string().replace(KEY_1, &"*".repeat(KEY_1.len())));
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["attempts"][0]["outcome"]), (&json!("error"), &json!("auth")));
    assert_eq!(line["cost"]["usd"], "0.000000000");
    // An error inside a 200: no whole answer in the ledger, nothing charged, and our key does not leave in it.
    let body = json!({"error": {"message": format!("key {KEY_1}"), "code": 502}});
    upstream.reply(Script::json(200, &body));
    let response = harness.call(&post("/native/p1/v1/chat/completions", &chat("m"))).await;
    assert_eq!((response.status, response.text()), (200, body.to_string().replace(KEY_1, &"*".repeat(KEY_1.len()))));
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["attempts"][0]["outcome"]), (&json!("incomplete"), &json!("server_error")));
    assert_eq!((&line["cost"]["usd"], &line["usage"]["source"]), (&json!("0.000000000"), &json!("unknown")));
    // An error inside a stream.
    let frame = format!("data: {{\"error\":{{\"message\":\"key {KEY_1}\",\"code\":500}}}}\n\n");
    upstream.reply(Script::sse([frame.clone()]));
    let response = harness.call(&post("/native/p1/v1/chat/completions", &chat_stream("m"))).await;
    assert_eq!(response.text(), frame.replace(KEY_1, &"*".repeat(KEY_1.len())));
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("incomplete"), &json!("0.000000000")));
    upstream.reply(Script::close());
    let response = harness.call(&post("/native/p1/v1/things", &json!({}))).await;
    refused(&response, 502, "upstream_failed");
    assert_eq!(harness.line(&response).await["attempts"][0]["outcome"], "connect");
    harness.finish().await;
}

#[tokio::test]
async fn an_upload_goes_up_as_it_comes_within_its_bound() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &json!({"id": "file-1"})));
    let harness = start(&upstream, ", max_upload: 1MiB, max_body: 64KiB, max_buffered: 64KiB").await;
    // Larger than anything that may be held in memory.
    let body = vec![b'x'; 1 << 20];
    let request = Request::new("POST", "/native/p1/v1/things").bearer(ALICE).body(body.clone());
    assert_eq!(harness.call(&request.header("content-type", "multipart/form-data; boundary=b")).await.status, 200);
    assert_eq!(upstream.requests().pop().unwrap().body, body);
    // Too long, told before and not told before.
    let request = Request::new("POST", "/native/p1/v1/things").bearer(ALICE).body(vec![b'x'; (1 << 20) + 1]);
    refused(&harness.call(&request).await, 413, "too_large");
    let mut client = harness.connect().await;
    let head = format!(
        "POST /native/p1/v1/things HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ALICE}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    client.send(head).await.unwrap();
    let piece = vec![b'x'; 600_000];
    for _ in 0..2 {
        client.send(format!("{:x}\r\n", piece.len())).await.unwrap();
        client.send(&piece).await.unwrap();
        client.send("\r\n").await.unwrap();
    }
    client.send("0\r\n\r\n").await.unwrap();
    let response = client.read_response().await;
    harness.note(&response);
    refused(&response, 413, "too_large");
    harness.finish().await;
}

/// Reads until the first byte of a body is there, then leaves.
async fn leave(harness: &Harness, request: &Request) {
    let mut client = Client::connect(harness.addr).await;
    client.send(request.to_bytes()).await.unwrap();
    let (status, _) = client.read_head().await.unwrap();
    assert_eq!(status, 200);
    client.next_piece().await.unwrap();
    drop(client);
}

#[tokio::test]
async fn a_provider_set_to_drain_is_read_to_its_end() {
    let upstream = Upstream::start().await;
    let provider = harness::openai("p1", &upstream.url(), KEY_1, ", on_disconnect: drain");
    let harness = Harness::start(&format!("{}providers:\n{provider}", keys())).await;
    let gate = Gate::new();
    let frames = openai::stream(&["Hel", "lo"], Some((7, 2)));
    let script = Script::sse_head().frame(frames[0].clone()).frame(frames[1].clone()).gate(&gate);
    upstream.reply(frames[2..].iter().fold(script, |script, frame| script.frame(frame.clone())).end());
    leave(&harness, &post("/native/p1/v1/chat/completions", &chat_stream("m"))).await;
    gate.open();
    let line = harness.only_line().await;
    assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("cancelled"), &json!("0.000011000")), "{line}");
    assert_eq!(line["usage"]["source"], "reported");
    harness.finish().await;
}

#[tokio::test]
async fn a_caller_that_leaves_is_settled_and_a_broken_answer_is_seen_to_be() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, "").await;
    let gate = Gate::new();
    let frames = openai::stream(&["Hel", "lo"], Some((7, 2)));
    let script = Script::sse_head().frame(frames[0].clone()).frame(frames[1].clone()).gate(&gate);
    upstream.reply(script);
    leave(&harness, &post("/native/p1/v1/chat/completions", &chat_stream("m"))).await;
    upstream.wait_disconnects(1).await;
    let line = harness.only_line().await;
    assert_eq!((&line["status"], &line["attempts"][0]["outcome"]), (&json!("cancelled"), &json!("cancelled")));
    // Cut in the middle, framed either way.
    for framing in [Framing::Chunked, Framing::Length(100)] {
        upstream.reply(Script::head(200, "video/mp4", framing).frame("half").then(testkit::upstream::Step::Close));
        let response = harness.call(&Request::get("/native/p1/v1/things/1/content").bearer(ALICE)).await;
        assert_ne!(response.end, End::Clean, "{framing:?}");
        let line = harness.line(&response).await;
        assert_eq!((&line["status"], &line["attempts"][0]["outcome"]), (&json!("incomplete"), &json!("truncated")));
    }
    harness.finish().await;
}
