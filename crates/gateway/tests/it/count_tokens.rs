//! Counting of tokens: exact where the provider counts, in the caller's shape; an estimate that says so where it does
//! not. Free either way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{anthropic, openai};
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, CANARY, Harness, KEY_1, KEY_2, keys};

/// One provider of each shape, all at one upstream; `either` is one that counts and one that does not.
async fn start(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    Harness::start(&format!(
        "{}providers:\n{}{}  o1: {{ kind: openai, base_url: \"{url}/v1\", api_key: {KEY_1}, models: [gpt-x] }}\n  g1: {{ kind: gemini, base_url: \
         \"{url}\", api_key: {KEY_2}, models: [gemini-x, x] }}\n  claude: {{ kind: anthropic, base_url: \"{url}\", api_key: {KEY_1}, models: [c] }}\n  aws: {{ kind: \
         bedrock-claude, base_url: \"{url}\", api_key: {KEY_1} }}\n  gcp: {{ kind: vertex-claude, base_url: \
         \"{url}/v1/projects/p/locations/l\", api_key: {KEY_2} }}\n  demo: {{}}\nmodels:\n  either: {{ targets: [claude/c, p1/m] }}\n",
        keys(),
        harness::openai("p1", &url, KEY_1, ""),
        harness::anthropic("a1", &url, KEY_2, ""),
    ))
    .await
}

fn messages(model: &str) -> Request {
    let body = json!({"model": model, "system": "Be brief.", "messages": [{"role": "user", "content": CANARY}],
        "tools": [{"name": "look", "description": "Looks", "input_schema": {"type": "object", "properties": {}}}]});
    Request::post("/v1/messages/count_tokens", &body).header("x-api-key", ALICE).header("anthropic-beta", "b-1")
}

fn responses(model: &str) -> Request {
    let body = json!({"model": model, "instructions": "Be brief.", "input": CANARY});
    Request::post("/v1/responses/input_tokens", &body).bearer(ALICE)
}

fn google(model: &str) -> Request {
    let body = json!({"generateContentRequest": {"model": format!("models/{model}"),
        "systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [{"role": "user", "parts": [{"text": CANARY}]}]}});
    Request::post(&format!("/v1beta/models/{model}:countTokens"), &body).header("x-goog-api-key", ALICE)
}

/// What is common to all counts: free, a line of its own, said by whom.
async fn free(harness: &Harness, response: &Response, dialect: &str, provider: &str) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000000000"));
    let line = harness.line(response).await;
    assert_eq!((&line["operation"], &line["dialect"]), (&json!("count_tokens"), &json!(dialect)), "{line}");
    assert_eq!((&line["served"]["provider"], &line["cost"]["usd"]), (&json!(provider), &json!("0.000000000")));
    assert_eq!(line["usage"]["input"], 0, "a count uses nothing");
    line
}

#[tokio::test]
async fn providers_that_count_are_asked_in_their_own_shape() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let counts = [
        ("claude/c", "/v1/messages/count_tokens", "{\"input_tokens\": 17}", "claude"),
        ("a1/m", "/v1/messages/count_tokens", "{\"input_tokens\": 17}", "a1"),
        (
            "g1/gemini-x",
            "/v1beta/models/gemini-x:countTokens",
            "{\"totalTokens\": 17, \"promptTokensDetails\": []}",
            "g1",
        ),
        (
            "o1/gpt-x",
            "/v1/responses/input_tokens",
            "{\"object\": \"response.input_tokens\", \"input_tokens\": 17}",
            "o1",
        ),
        (
            "aws/us.anthropic.claude-x-v1:0",
            "/model/anthropic.claude-x-v1%3A0/count-tokens",
            "{\"inputTokens\": 17}",
            "aws",
        ),
        (
            "gcp/claude-x",
            "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            "{\"input_tokens\": 17}",
            "gcp",
        ),
    ];
    for (model, path, answer, provider) in counts {
        upstream.reply_always(Script::body(200, "application/json", answer));
        for (request, dialect, expected) in [
            (messages(model), "anthropic-messages", json!({"input_tokens": 17})),
            (responses(model), "openai-responses", json!({"object": "response.input_tokens", "input_tokens": 17})),
            (google(model), "gemini", json!({"totalTokens": 17})),
        ] {
            let response = harness.call(&request).await;
            let line = free(&harness, &response, dialect, provider).await;
            let got = upstream.requests().pop().unwrap();
            assert_eq!(got.path(), path, "{model} {dialect}");
            assert_eq!(response.header("x-tollgate-estimated"), None);
            assert_eq!(line["attempts"][0]["outcome"], "ok");
            // Asked and answered in one form, the answer is the provider's own bytes.
            if response.text() != answer {
                assert_eq!(response.json(), expected, "{model} {dialect}");
            }
            let sent = match got.json() {
                body if body.get("input").is_some_and(Value::is_object) => {
                    let packed = body["input"]["invokeModel"]["body"].as_str().unwrap().to_owned();
                    serde_json::from_slice(&STANDARD.decode(packed).unwrap()).unwrap()
                }
                body => body,
            };
            assert!(sent.to_string().contains(CANARY) && sent.to_string().contains("Be brief."), "{sent}");
            let bare = model.split_once('/').unwrap().1;
            match provider {
                "claude" | "a1" => {
                    assert_eq!((&sent["model"], &sent["max_tokens"]), (&json!(bare), &Value::Null));
                    assert_eq!(got.header("anthropic-version"), Some("2023-06-01"));
                    assert_eq!(got.header("anthropic-beta"), (dialect == "anthropic-messages").then_some("b-1"));
                }
                "g1" => assert_eq!(sent["generateContentRequest"]["model"], "models/gemini-x"),
                "o1" => assert_eq!((&sent["model"], &sent["store"]), (&json!("gpt-x"), &Value::Null)),
                "aws" => {
                    assert_eq!(
                        (&sent["model"], &sent["anthropic_version"]),
                        (&Value::Null, &json!("bedrock-2023-05-31"))
                    );
                    assert!(sent["max_tokens"].is_u64(), "{sent}");
                }
                "gcp" => {
                    assert_eq!(
                        (&sent["model"], &sent["anthropic_version"]),
                        (&json!(bare), &json!("vertex-2023-10-16"))
                    );
                }
                _ => unreachable!(),
            }
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn the_same_shape_passes_byte_for_byte() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let answer = " {\"input_tokens\": 5, \"context_management\":{\"x\":1e400}}\n";
    upstream.reply(Script::body(200, "application/json", answer));
    let body = "{ \"zeta\":1e400, \"model\" : \"claude/c\" ,\"messages\":[]}";
    let request = Request::new("POST", "/anthropic/v1/messages/count_tokens").header("x-api-key", ALICE);
    let response = harness.call(&request.header("content-type", "application/json").body(body)).await;
    assert_eq!((response.status, response.text()), (200, answer.to_owned()));
    assert_eq!(upstream.requests().pop().unwrap().text(), body.replace("claude/c", "c"));
    // Google's own, which names its model twice.
    let answer = "{ \"totalTokens\":3,\"odd\":1.50}";
    upstream.reply(Script::body(200, "application/json", answer));
    let body = "{\"generateContentRequest\":{ \"model\":\"models/g1/x\",\"contents\":[1e400]}}";
    let request = Request::new("POST", "/v1beta/models/g1%2Fx:countTokens?key=").header("x-goog-api-key", ALICE);
    let response = harness.call(&request.header("content-type", "application/json").body(body)).await;
    assert_eq!((response.status, response.text()), (200, answer.to_owned()));
    let got = upstream.requests().pop().unwrap();
    assert_eq!((got.target.as_str(), got.text()), ("/v1beta/models/x:countTokens", body.replace("g1/x", "x")));
    harness.finish().await;
}

#[tokio::test]
async fn where_nobody_counts_an_estimate_says_that_it_is_one() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    for (model, provider) in [("p1/m", "p1"), ("demo/fast", "demo")] {
        for (request, dialect, name) in [
            (messages(model), "anthropic-messages", "input_tokens"),
            (responses(model), "openai-responses", "input_tokens"),
            (google(model), "gemini", "totalTokens"),
        ] {
            let response = harness.call(&request).await;
            let line = free(&harness, &response, dialect, provider).await;
            assert_eq!(line["attempts"], json!([]));
            assert_eq!(line["losses"][0], "approximated input_tokens", "{line}");
            assert_eq!(response.header("x-tollgate-estimated"), Some("true"));
            assert_eq!(response.header("x-tollgate-attempts"), Some("0"));
            assert_eq!(response.header("x-tollgate-loss"), Some("approximated input_tokens"));
            assert_eq!(response.json()["tollgate"], json!({"estimated": true}));
            let tokens = response.json()[name].as_u64().unwrap();
            assert!((10..60).contains(&tokens), "{model} {dialect}: {tokens}");
        }
    }
    assert_eq!(upstream.requests().len(), 0, "nobody was asked");
    // A megabyte is estimated by its beginning, not refused, and in time.
    let long = json!({"model": "p1/m", "messages": [{"role": "user", "content": "word ".repeat(200_000)}]});
    let response = harness.call(&Request::post("/v1/messages/count_tokens", &long).bearer(ALICE)).await;
    let tokens = response.json()["input_tokens"].as_u64().unwrap();
    assert!((190_000..=410_000).contains(&tokens), "{tokens}");
    harness.finish().await;
}

#[tokio::test]
async fn a_server_that_lacks_the_path_is_not_a_refusal() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    for status in [404, 405, 501] {
        upstream.reply(Script::body(status, "text/plain", "no such path"));
        let response = harness.call(&messages("a1/m")).await;
        let line = free(&harness, &response, "anthropic-messages", "a1").await;
        assert_eq!(response.header("x-tollgate-estimated"), Some("true"), "{status}");
        assert_eq!((&line["attempts"][0]["status"], &line["attempts"][1]), (&json!(status), &Value::Null));
    }
    // Anthropic itself has it: there a 404 is about the model.
    upstream.reply(Script::json(404, &anthropic::error("not_found_error", "model: c")));
    let response = harness.call(&messages("claude/c")).await;
    assert_eq!((response.status, response.json()["error"]["message"].as_str()), (404, Some("model: c")));
    harness.finish().await;
}

#[tokio::test]
async fn counts_fall_back_and_refuse_in_the_callers_shape() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    // The first target is overloaded, the second does not count.
    for script in [
        Script::json(529, &anthropic::error("overloaded_error", "Overloaded")),
        Script::body(200, "text/html", "<html>"),
        Script::json(200, &json!({"input_tokens": "many"})),
    ] {
        upstream.reply(script);
        let response = harness.call(&messages("either")).await;
        let line = free(&harness, &response, "anthropic-messages", "p1").await;
        assert_eq!(response.header("x-tollgate-estimated"), Some("true"));
        assert_eq!(line["attempts"].as_array().unwrap().len(), 1, "{line}");
        assert!(line["decision"]["why"].as_str().unwrap().starts_with("fallback:"), "{line}");
    }
    upstream.reply(Script::json(400, &openai::error("bad tools", "invalid_request_error", None)));
    let refused = harness.call(&google("o1/gpt-x")).await;
    assert_eq!((refused.status, refused.json()["error"]["message"].as_str()), (400, Some("bad tools")));
    assert_eq!(refused.json()["error"]["status"], "INVALID_ARGUMENT");
    for (request, status) in [
        (Request::post("/v1/messages/count_tokens", &json!({"model": "p1/m"})).bearer(ALICE), 400),
        (Request::post("/v1/messages/count_tokens", &json!({"messages": []})).bearer(ALICE), 400),
        (
            Request::post("/v1/responses/input_tokens", &json!({"model": "nothing-like-it", "input": "x"}))
                .bearer(ALICE),
            404,
        ),
        (Request::post("/v1beta/models/p1%2Fm:countTokens", &json!({"generateContentRequest": 7})).bearer(ALICE), 400),
        (Request::get("/v1/responses/input_tokens").bearer(ALICE), 405),
    ] {
        let response = testkit::http::fetch(harness.addr, &request).await;
        assert_eq!(response.status, status, "{}", response.text());
    }
    harness.finish().await;
}
