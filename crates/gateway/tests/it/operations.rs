//! Operations in one shape: their bytes pass but for the model's name, they fall back like model calls, and what
//! they used is priced exactly.

use serde_json::{Value, json};
use testkit::http::{End, Request, Response};
use testkit::samples::{self, anthropic, openai};
use testkit::upstream::{Gate, Script, Upstream};

use crate::harness::{self, ADMIN, ALICE, BOB, CANARY, Harness, KEY_1, KEY_2, keys};

/// `p1` and `p2` of OpenAI's dialect, `two` that tries them in order, `a1` of Anthropic's.
async fn start(first: &Upstream, second: &Upstream, server: &str) -> Harness {
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN}{server} }}\n{}providers:\n{}{}{}models:\n  two: {{ targets: [a1/m, p1/m, p2/m] }}\n",
        keys(),
        harness::openai("p1", &first.url(), KEY_1, ""),
        harness::openai("p2", &second.url(), KEY_2, ""),
        harness::anthropic("a1", &first.url(), KEY_2, ""),
    ))
    .await
}

fn post(path: &str, body: &str) -> Request {
    Request::new("POST", path).bearer(ALICE).header("content-type", "application/json").body(body)
}

async fn cost(harness: &Harness, response: &Response, operation: &str) -> Value {
    let line = harness.line(response).await;
    assert_eq!(line["operation"], operation, "{line}");
    line["cost"]["usd"].clone()
}

#[tokio::test]
async fn embeddings_pass_byte_for_byte_and_are_priced() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    for (path, data) in
        [("/v1/embeddings", "[1e-400, -0.0, 0.1000]"), ("/embeddings", "\"AAAAAA==\""), ("/openai/v1/embeddings", "[]")]
    {
        let answer = format!(
            " {{\"object\":\"list\", \"data\":[{{\"index\":0,\"embedding\":{data}}}],\"model\":\"e\",\"usage\":{{\"prompt_tokens\":8,\"total_tokens\":8}}}}\n"
        );
        upstream.reply(Script::body(200, "application/json", answer.clone()).header("x-request-id", "up-1"));
        let encoding = if data.starts_with('[') { "float" } else { "base64" };
        let body = format!(
            "{{ \"input\":[\"a\",[1,2]],\"model\" : \"p1/m\" ,\"encoding_format\":\"{encoding}\", \"zeta\":1e400}}"
        );
        let response = harness.call(&post(path, &body)).await;
        assert_eq!((response.status, response.text()), (200, answer), "{path}");
        assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000008000"));
        assert_eq!(response.header("x-tollgate-served-by"), Some("p1/m"));
        assert_eq!(response.header("x-request-id"), Some("up-1"));
        let got = upstream.requests().pop().unwrap();
        assert_eq!((got.path(), got.text()), ("/v1/embeddings", body.replace("p1/m", "m")));
        assert_eq!(got.header("authorization"), Some(&*format!("Bearer {KEY_1}")));
        let line = harness.line(&response).await;
        assert_eq!((&line["operation"], &line["asked"]), (&json!("embeddings"), &json!("p1/m")));
        assert_eq!((&line["usage"]["input"], &line["usage"]["source"]), (&json!(8), &json!("reported")));
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_failing_target_gives_way_and_one_without_the_operation_is_left_out() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = start(&first, &second, "").await;
    let answer = json!({"data": [], "usage": {"prompt_tokens": 3, "total_tokens": 3}});
    second.reply_always(Script::json(200, &answer));
    for script in [
        Script::json(500, &openai::server_error()),
        Script::json(429, &openai::rate_limited()),
        Script::close(),
        Script::body(200, "text/html", "<html>"),
        Script::body(200, "application/json", "{\"data\":[]}").cut_after(5),
    ] {
        first.reply_always(script);
        let response =
            harness.call(&post("/v1/embeddings", &json!({"model": "two", "input": CANARY}).to_string())).await;
        assert_eq!((response.status, response.json()), (200, answer.clone()), "{}", response.text());
        assert_eq!(response.header("x-tollgate-attempts"), Some("2"));
        let line = harness.line(&response).await;
        assert_eq!(line["served"]["provider"], "p2");
        assert_eq!(line["decision"]["candidates"][0]["excluded_by"], "endpoint", "{line}");
    }
    // The caller's fault is nobody else's, and comes back as it was told.
    let before = second.requests().len();
    let fault = openai::error("bad input", "invalid_request_error", None);
    first.reply(Script::json(400, &fault));
    let response = harness.call(&post("/v1/embeddings", &json!({"model": "two", "input": 1}).to_string())).await;
    assert_eq!((response.status, response.json()), (400, fault));
    assert_eq!(second.requests().len(), before);
    // Nobody serves it.
    let response = harness.call(&post("/v1/embeddings", &json!({"model": "a1/m", "input": CANARY}).to_string())).await;
    assert_eq!(response.status, 404);
    assert_eq!(response.json()["error"]["tollgate"]["excluded_by"]["a1/m"], "endpoint");
    harness.finish().await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    for (path, body, status, kind) in [
        ("/v1/embeddings", "{\"input\":\"x\"}", 400, "invalid_request"),
        ("/v1/embeddings", "[]", 400, "invalid_request"),
        ("/v1/embeddings", "{\"model\":7}", 400, "invalid_request"),
        ("/v1/embeddings", "{\"model\":\"nothing-like-it\"}", 404, "unknown_model"),
        ("/v1/audio/transcriptions", "{\"model\":\"p1/m\"}", 415, "unsupported"),
        ("/v1/files", "{}", 415, "unsupported"),
        ("/v1/uploads", "{}", 404, "not_found"),
        ("/v1/realtime/client_secrets", "{}", 404, "not_found"),
    ] {
        let response = testkit::http::fetch(harness.addr, &post(path, body)).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (status, Some(kind)), "{path} {body}");
        if kind == "not_found" {
            assert!(response.text().contains(&format!("/native/{{provider}}{path}")), "{}", response.text());
        }
    }
    let bob = Request::post("/v1/embeddings", &json!({"model": "p2/m", "input": "x"})).bearer(BOB);
    assert_eq!(harness.call(&bob).await.status, 403);
    assert_eq!(harness.call(&Request::get("/v1/embeddings").bearer(ALICE)).await.status, 405);
    assert_eq!(harness.call(&Request::post("/v1/embeddings", &json!({}))).await.status, 401);
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn each_json_operation_is_metered() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30});
    for (path, operation, answer, expected) in [
        ("/v1/completions", "completions", json!({"choices": [{"text": "x"}], "usage": usage}), json!("0.000050000")),
        ("/v1/rerank", "rerank", json!({"results": [], "usage": {"total_tokens": 5}}), json!("0.000005000")),
        ("/v2/rerank", "rerank", json!({"results": [], "meta": {"billed_units": {"search_units": 1}}}), Value::Null),
        ("/v1/images/generations", "images", json!({"data": [{"b64_json": "AA=="}]}), Value::Null),
        ("/v1/moderations", "moderations", json!({"results": [{"flagged": false}]}), json!("0.000011000")),
    ] {
        upstream.reply(Script::json(200, &answer));
        let response = harness.call(&post(path, "{\"model\":\"p1/m\",\"input\":\"a text to look at\"}")).await;
        assert_eq!((response.status, response.json()), (200, answer), "{path}");
        assert_eq!(cost(&harness, &response, operation).await, expected, "{path}");
    }
    let targets: Vec<String> = upstream.requests().iter().map(|request| request.target.clone()).collect();
    assert_eq!(targets, ["/v1/completions", "/v1/rerank", "/v1/rerank", "/v1/images/generations", "/v1/moderations"]);
    harness.finish().await;
}

#[tokio::test]
async fn counting_tokens_is_free() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    upstream.reply(Script::json(200, &json!({"input_tokens": 14})));
    let request = Request::post("/v1/messages/count_tokens", &json!({"model": "a1/m", "messages": []})).bearer(ALICE);
    let response = harness.call(&request).await;
    assert_eq!((response.status, response.json()), (200, json!({"input_tokens": 14})));
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000000000"));
    let got = upstream.requests().pop().unwrap();
    assert_eq!((got.path(), got.json()["model"].as_str()), ("/v1/messages/count_tokens", Some("m")));
    assert_eq!((got.header("x-api-key"), got.header("anthropic-version")), (Some(KEY_2), Some("2023-06-01")));
    upstream.reply(Script::json(400, &anthropic::error("invalid_request_error", "no")));
    assert_eq!(harness.call(&request).await.json()["type"], "error");
    harness.finish().await;
}

#[tokio::test]
async fn old_completions_stream_with_exact_cost() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    let piece = |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"text\":\"{text}\"}}]}}\n\n");
    let told = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n";
    let done = "data: [DONE]\n\n".to_owned();
    let all = format!("{}{}{told}{done}", piece("a"), piece("b"));
    upstream.reply_always(Script::sse_cut(all.clone(), &[5, 60, 61]));
    for (options, expected) in
        [("", all.replace(told, "")), (",\"stream_options\":{\"include_usage\":true}", all.clone())]
    {
        let body = format!("{{\"model\":\"p1/m\",\"prompt\":\"{CANARY}\",\"stream\":true{options}}}");
        let response = harness.call(&post("/v1/completions", &body)).await;
        assert_eq!((response.text(), response.end.clone()), (expected, End::Clean));
        assert_eq!(upstream.requests().pop().unwrap().json()["stream_options"]["include_usage"], true);
        assert_eq!(cost(&harness, &response, "completions").await, "0.000011000");
    }
    harness.finish().await;
}

#[tokio::test]
async fn speech_passes_as_it_comes() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    let gate = Gate::new();
    let script = Script::head(200, "audio/mpeg", testkit::upstream::Framing::Chunked).frame("one").gate(&gate);
    upstream.reply(script.frame("two").end());
    let mut client = harness.connect().await;
    let request = post("/v1/audio/speech", &format!("{{\"model\":\"p1/m\",\"input\":\"{CANARY}\",\"voice\":\"x\"}}"));
    client.send(request.to_bytes()).await.unwrap();
    let (status, head) = client.read_head().await.unwrap();
    harness.note_head(status, &head);
    assert_eq!((status, head.get("content-type")), (200, Some("audio/mpeg")));
    // The first bytes are here while the upstream holds the rest.
    assert_eq!(client.next_piece().await.unwrap().bytes, b"one");
    gate.open();
    assert_eq!(client.next_piece().await.unwrap().bytes, b"two");
    assert_eq!(client.next_piece().await.unwrap_err(), End::Clean);
    let line = harness.line_of(head.get("x-tollgate-request-id").unwrap(), ALICE).await;
    assert_eq!((&line["operation"], &line["usage"]["character"]), (&json!("speech"), &json!(CANARY.len())), "{line}");
    assert_eq!(line["cost"]["source"], "unpriced");
    harness.finish().await;
}

/// A form with `model` before or behind its file.
fn form(model: &str, file: &[u8], model_first: bool) -> Vec<u8> {
    let field = format!("--B0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n").into_bytes();
    let mut part =
        b"--B0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
            .to_vec();
    part.extend_from_slice(file);
    part.extend_from_slice(b"\r\n");
    let both = if model_first { [field, part] } else { [part, field] };
    let mut all = both.concat();
    all.extend_from_slice(b"--B0--\r\n");
    all
}

fn post_form(path: &str, body: Vec<u8>) -> Request {
    Request::new("POST", path).bearer(ALICE).header("content-type", "multipart/form-data; boundary=B0").body(body)
}

#[tokio::test]
async fn forms_pass_with_the_models_name_changed() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    let tokens = json!({"type": "tokens", "input_tokens": 14, "input_token_details": {"audio_tokens": 0}, "output_tokens": 5, "total_tokens": 19});
    upstream.reply_always(Script::json(200, &json!({"text": "hi", "usage": tokens})));
    let file: Vec<u8> = (0..=255).cycle().take(50_000).collect();
    for (path, operation) in [
        ("/v1/audio/transcriptions", "transcriptions"),
        ("/v1/audio/translations", "translations"),
        ("/v1/images/edits", "image_edits"),
    ] {
        for first in [true, false] {
            let response = harness.call(&post_form(path, form("p1/m", &file, first))).await;
            assert_eq!(response.status, 200, "{}", response.text());
            let got = upstream.requests().pop().unwrap();
            assert_eq!((got.path(), &*got.body), (path, &*form("m", &file, first)));
            assert_eq!(got.header("content-type"), Some("multipart/form-data; boundary=B0"));
            let line = harness.line(&response).await;
            assert_eq!(line["operation"], operation);
            if operation == "transcriptions" {
                assert_eq!(line["cost"]["usd"], "0.000024000");
            }
        }
    }
    let nameless = form("p1/m", &file, true);
    let nameless = String::from_utf8_lossy(&nameless).replace("\"model\"", "\"other\"").into_bytes();
    assert_eq!(harness.call(&post_form("/v1/audio/transcriptions", nameless)).await.status, 400);
    harness.finish().await;
}

#[tokio::test]
async fn a_long_form_goes_through_and_a_short_one_may_go_elsewhere() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = start(&first, &second, ", max_body: 5MiB, max_buffered: 5MiB, max_upload: 16MiB").await;
    first.reply_always(Script::json(503, &openai::server_error()));
    second.reply_always(Script::json(200, &json!({"text": "hi"})));
    let response = harness.call(&post_form("/v1/audio/transcriptions", form("two", b"short", false))).await;
    assert_eq!((response.status, response.header("x-tollgate-attempts")), (200, Some("2")));
    // Longer than all that may be held in memory: it goes up once.
    let long = vec![b'x'; 8 << 20];
    let response = harness.call(&post_form("/v1/audio/transcriptions", form("two", &long, true))).await;
    assert_eq!((response.status, response.header("x-tollgate-attempts")), (503, Some("1")), "{}", response.text());
    let response = harness.call(&post_form("/v1/audio/transcriptions", form("p2/m", &long, true))).await;
    assert_eq!(response.status, 200);
    assert_eq!(second.requests().pop().unwrap().body, form("m", &long, true));
    // Its model behind what may be held.
    let response = harness.call(&post_form("/v1/audio/transcriptions", form("p2/m", &long, false))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (413, Some("too_large")));
    // Too long for any upload.
    let response = harness.call(&post_form("/v1/audio/transcriptions", form("p2/m", &vec![0; 17 << 20], true))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (413, Some("too_large")));
    harness.finish().await;
}

#[tokio::test]
async fn a_caller_that_leaves_is_charged_for_what_is_known() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    upstream.reply(Script::stall());
    let mut client = harness.connect().await;
    let request = post("/v1/embeddings", &json!({"model": "p1/m", "input": CANARY}).to_string());
    client.send(request.to_bytes()).await.unwrap();
    upstream.wait_requests(1).await;
    drop(client);
    upstream.wait_disconnects(1).await;
    let line = harness.only_line().await;
    assert_eq!((&line["status"], &line["operation"]), (&json!("cancelled"), &json!("embeddings")));
    assert_eq!(line["usage"]["source"], "estimated");
    harness.finish().await;
}

#[tokio::test]
async fn a_stream_of_events_is_read_for_its_usage() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream, &upstream, "").await;
    let frames = [
        "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"h\"}\n\n",
        "data: {\"type\":\"transcript.text.done\",\"usage\":{\"input_tokens\":4,\"output_tokens\":3,\"total_tokens\":7}}\n\n",
    ];
    upstream.reply(Script::sse(frames));
    let response = harness.call(&post_form("/v1/audio/transcriptions", form("p1/m", b"x", true))).await;
    assert_eq!((response.text(), response.end.clone()), (frames.concat(), End::Clean));
    assert_eq!(cost(&harness, &response, "transcriptions").await, "0.000010000");
    let _ = samples::join(&[]);
    harness.finish().await;
}

#[tokio::test]
async fn local_mode_takes_nothing_that_a_page_can_send_unasked() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &json!({"data": []})));
    let harness = Harness::start(&format!("providers:\n{}", harness::openai("p1", &upstream.url(), KEY_1, ""))).await;
    for path in ["/v1/embeddings", "/native/p1/v1/embeddings"] {
        let ask = || Request::new("POST", path).body(r#"{"model":"p1/m","input":"x"}"#);
        for kind in ["", "text/plain"] {
            let request = if kind.is_empty() { ask() } else { ask().header("content-type", kind) };
            assert_eq!(harness.call(&request).await.status, 415, "{path} {kind}");
        }
        assert_eq!(harness.call(&ask().header("content-type", "application/json")).await.status, 200, "{path}");
    }
    assert_eq!(upstream.requests().len(), 2);
    harness.finish().await;
}
