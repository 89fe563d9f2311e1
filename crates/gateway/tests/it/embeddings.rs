//! Embeddings between OpenAI's shape and Google's: every way round, vectors as they came or in the encoding that was
//! asked for, tokens reported or marked as estimated.

use serde_json::{Value, json};
use testkit::http::Request;
use testkit::samples::openai;
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, CANARY, Harness, KEY_1, KEY_2, keys};

/// `p1` of OpenAI's shape, `g1` of Google's at 1 USD a million tokens, `both` that tries them in order.
async fn start(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    Harness::start(&format!(
        "{}providers:\n{}{}  g1: {{ kind: gemini, base_url: \"{url}\", api_key: {KEY_2}, models: [e], prices: {{ e: {{ input: 1 }} }} \
         }}\nmodels:\n  both: {{ targets: [a1/m, p1/m, g1/e] }}\n",
        keys(),
        harness::openai("p1", &url, KEY_1, ""),
        harness::anthropic("a1", &url, KEY_2, ""),
    ))
    .await
}

fn ask(body: &Value) -> Request {
    Request::post("/v1/embeddings", body).bearer(ALICE)
}

fn google(path: &str, body: &Value) -> Request {
    Request::post(path, body).header("x-goog-api-key", ALICE)
}

#[tokio::test]
async fn openais_callers_ask_google() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let answer = "{\"embeddings\":[{\"values\":[0.10, -1]},{\"values\":[0.5,3.25]}]%}";
    for (told, tokens) in [(",\"usageMetadata\":{\"promptTokenCount\":5}", 5), ("", 0)] {
        upstream.reply_always(Script::body(200, "application/json", answer.replace('%', told)));
        let body = json!({"model": "g1/e", "input": ["Hello, world!", CANARY], "dimensions": 2});
        let response = harness.call(&ask(&body)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let got = upstream.requests().pop().unwrap();
        assert_eq!(got.target, "/v1beta/models/e:batchEmbedContents");
        assert_eq!(got.header("x-goog-api-key"), Some(KEY_2));
        let one = |text: &str| json!({"model": "models/e", "content": {"parts": [{"text": text}]}, "outputDimensionality": 2});
        assert_eq!(got.json(), json!({"requests": [one("Hello, world!"), one(CANARY)]}));
        // Numbers stand as Google wrote them.
        assert!(response.text().contains("\"embedding\":[0.10, -1]"), "{}", response.text());
        let usage = response.json()["usage"]["prompt_tokens"].as_u64().unwrap();
        let line = harness.line(&response).await;
        assert_eq!((&line["usage"]["input"], &line["dialect"]), (&json!(usage), &json!("openai")), "{line}");
        let estimated = tokens == 0;
        assert_eq!(response.header("x-tollgate-estimated"), estimated.then_some("true"));
        assert_eq!(line["usage"]["source"], if estimated { "estimated" } else { "reported" });
        if estimated {
            assert!((8..30).contains(&usage), "{usage}");
        } else {
            assert_eq!(usage, tokens);
        }
        assert_eq!(response.header("x-tollgate-cost-usd"), Some(&*format!("0.0000{usage:02}000")));
        // The same in base64.
        let body = json!({"model": "g1/e", "input": "x", "encoding_format": "base64", "user": "u1"});
        let response = harness.call(&ask(&body)).await;
        assert_eq!(response.json()["data"][1]["embedding"], "AAAAPwAAUEA=");
        assert_eq!(response.header("x-tollgate-loss"), Some("dropped user at user"));
    }
    // Token ids are another vocabulary's; a refusal is Google's, told in OpenAI's words.
    let refused = harness.call(&ask(&json!({"model": "g1/e", "input": [1, 2]}))).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("input[0]")));
    upstream.reply_always(Script::json(
        404,
        &json!({"error": {"code": 404, "message": "no model e", "status": "NOT_FOUND"}}),
    ));
    let refused = harness.call(&ask(&json!({"model": "g1/e", "input": "x"}))).await;
    assert_eq!((refused.status, refused.json()["error"]["message"].as_str()), (404, Some("no model e")));
    harness.finish().await;
}

#[tokio::test]
async fn googles_callers_ask_openai() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let answer = json!({"object": "list", "data": [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": "AAAAPw=="}],
        "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8}});
    upstream.reply_always(Script::json(200, &answer));
    let text = |text: &str| json!({"model": "models/p1/m", "content": {"parts": [{"text": text}]}, "taskType": "RETRIEVAL_QUERY"});
    let batch = json!({"requests": [text("a"), text("b")]});
    let response = harness.call(&google("/v1beta/models/p1/m:batchEmbedContents", &batch)).await;
    let usage = json!({"promptTokenCount": 8, "totalTokenCount": 8});
    assert_eq!(response.json(), json!({"embeddings": [{"values": [0.5]}, {"values": [2]}], "usageMetadata": usage}));
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.json(), json!({"model": "m", "input": ["a", "b"], "encoding_format": "float"}));
    assert_eq!(sent.path(), "/v1/embeddings");
    let line = harness.line(&response).await;
    assert_eq!(
        (&line["dialect"], &line["operation"], &line["usage"]["input"]),
        (&json!("gemini"), &json!("embeddings"), &json!(8))
    );
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000008000"));
    assert_eq!(response.header("x-tollgate-loss"), Some("dropped taskType at taskType"));
    // One text.
    let one = json!({"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 1});
    let response = harness.call(&google("/v1/models/p1%2Fm:embedContent", &one)).await;
    assert_eq!(response.json()["embedding"]["values"], json!([0.5]));
    assert_eq!(upstream.requests().pop().unwrap().json()["dimensions"], 1);
    for (path, body, status) in [
        ("/v1beta/models/p1%2Fm:embedContent", json!({"content": {"parts": [{"inlineData": {}}]}}), 400),
        ("/v1beta/models/a1%2Fm:embedContent", one.clone(), 404),
        ("/v1beta/models/p1%2Fm:embedContent", json!([]), 400),
    ] {
        let response = testkit::http::fetch(harness.addr, &google(path, &body)).await;
        assert_eq!(
            (response.status, response.json()["error"]["code"].as_u64()),
            (status, Some(u64::from(status))),
            "{path}"
        );
    }
    harness.finish().await;
}

#[tokio::test]
async fn googles_own_pass_byte_for_byte() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    for (verb, body, answer) in [
        (
            "embedContent",
            "{ \"content\":{\"parts\":[{\"text\":\"Hello, world!\"}]},\"odd\":1e400}",
            "{ \"embedding\":{\"values\":[1.50]}}",
        ),
        (
            "batchEmbedContents",
            "{\"requests\":[ {\"model\":\"models/g1/e\",\"content\":{\"parts\":[{\"text\":\"Hello, world!\"}]}}]}",
            "{\"embeddings\":[ {\"values\":[1e-400]}],\"usageMetadata\":{\"promptTokenCount\":4}}",
        ),
    ] {
        upstream.reply(Script::body(200, "application/json", answer));
        let request =
            Request::new("POST", &format!("/v1beta/models/g1/e:{verb}?alt=json")).header("x-goog-api-key", ALICE);
        let response = harness.call(&request.header("content-type", "application/json").body(body)).await;
        assert_eq!((response.status, response.text()), (200, answer.to_owned()));
        let got = upstream.requests().pop().unwrap();
        assert_eq!(
            (got.target.as_str(), got.text()),
            (&*format!("/v1beta/models/e:{verb}?alt=json"), body.replace("g1/e", "e"))
        );
        // Four tokens, reported or counted.
        let line = harness.line(&response).await;
        assert_eq!(line["usage"]["input"], 4, "{line}");
        assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000004000"));
    }
    harness.finish().await;
}

#[tokio::test]
async fn vectors_come_in_the_encoding_that_was_asked_for() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let answer = |vector: &str| format!(" {{\"data\":[{{\"embedding\":{vector}}}],\"usage\":{{\"prompt_tokens\":1}}}}");
    for (asked, came, given) in [
        (Some("base64"), "[0.5, 3.25]", "\"AAAAPwAAUEA=\""),
        (Some("base64"), "\"AAAAPw==\"", "\"AAAAPw==\""),
        (Some("float"), "\"AAAAPwAAUEA=\"", "[0.5,3.25]"),
        (None, "[0.50]", "[0.50]"),
        (Some("base64_int8"), "\"1/8A\"", "\"1/8A\""),
        // What cannot be read stays as it is.
        (Some("float"), "\"?\"", "\"?\""),
    ] {
        upstream.reply(Script::body(200, "application/json", answer(came)));
        let mut body = json!({"model": "p1/m", "input": CANARY});
        if let Some(asked) = asked {
            body["encoding_format"] = asked.into();
        }
        let response = harness.call(&ask(&body)).await;
        assert_eq!((response.status, response.text()), (200, answer(given)), "{asked:?} {came}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_failing_target_gives_way_to_one_of_the_other_shape() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    let good = Script::json(200, &json!({"embeddings": [{"values": [1]}], "usageMetadata": {"promptTokenCount": 2}}));
    for bad in [
        Script::json(500, &openai::server_error()),
        Script::json(429, &openai::rate_limited()),
        Script::body(200, "text/html", "<html>"),
        Script::body(200, "application/json", "{\"data\":["),
    ] {
        upstream.reply(bad);
        upstream.reply(good.clone());
        let response = harness.call(&ask(&json!({"model": "both", "input": CANARY}))).await;
        assert_eq!(response.json()["data"][0]["embedding"], json!([1]), "{}", response.text());
        let line = harness.line(&response).await;
        assert_eq!((&line["served"]["provider"], &line["usage"]["input"]), (&json!("g1"), &json!(2)));
        assert_eq!(line["decision"]["candidates"][0]["excluded_by"], "endpoint");
    }
    // An answer without vectors is none.
    upstream.reply_always(Script::json(200, &json!({"embeddings": "?"})));
    let response = harness.call(&ask(&json!({"model": "g1/e", "input": CANARY}))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (502, Some("upstream_failed")));
    harness.finish().await;
}
