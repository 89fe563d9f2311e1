//! In the same dialect nothing changes but what must: bytes, headers, queries, both ways.

use std::io::Write as _;

use serde_json::json;
use testkit::http::{End, Request};
use testkit::samples;
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, CANARY, Harness, KEY_1, post_chat};

/// Requests whose bytes must arrive with the model's name alone changed.
const ODD: [&str; 7] = [
    r#"{"model":"p1/m","messages":[{"role":"user","content":"hi"}]}"#,
    "{ \"zeta\" : [1, 2,3 ],\n\t\"model\" : \"p1/m\" , \"messages\":[ ] , \"alpha\":{\"b\":1,\"a\":2} }\n",
    r#"{"messages":[],"temperature":1e400,"seed":123456789012345678901234567890,"x":-0.0,"model":"p1/m"}"#,
    r#"{"messages":[{"role":"user","content":"a","content":"b"}],"model":"p1/m","metadata":{"k":1,"k":2}}"#,
    r#"{"messages":[{"role":"user","content":"\ud800 lone \udc00"}],"model":"p1/m"}"#,
    r#"{"model":"p1/m","messages":[{"role":"user","content":"\u0041\/\b é 😀"}],"unknown_field":{"deep":[[[{}]]]},"null":null}"#,
    r#"{"model":"p1/m","messages":[],"functions":[],"provider_options":{"model":"p1/m"},"n":1,"stream":false}"#,
];

#[tokio::test]
async fn a_request_goes_up_byte_for_byte_but_for_its_model() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &samples::openai::completion("ok", 3, 1)));
    let harness = Harness::one(&upstream).await;
    for body in ODD {
        let request = Request::new("POST", "/v1/chat/completions")
            .bearer(ALICE)
            .header("content-type", "application/json")
            .body(body.as_bytes());
        let response = harness.call(&request).await;
        assert_eq!(response.status, 200, "{body}: {}", response.text());
        let got = upstream.requests().pop().unwrap();
        // Only the top level's `model` is another; the space around it stays.
        let at = body.find(r#""model" : "p1/m""#).or_else(|| body.find(r#""model":"p1/m""#)).unwrap();
        let (before, rest) = body.split_at(at);
        let expected = format!("{before}{}", rest.replacen("p1/m", "m", 1));
        assert_eq!(got.text(), expected);
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_stream_asks_for_usage_and_holds_its_frame_back_unless_it_was_asked_for() {
    let upstream = Upstream::start().await;
    let frames = samples::openai::stream(&["Hel", "lo"], Some((7, 2)));
    upstream.reply_always(Script::sse(frames.clone()));
    let harness = Harness::one(&upstream).await;
    let all = samples::join(&frames);
    let without: Vec<u8> = frames
        .iter()
        .filter(|frame| !frame.starts_with(&samples::openai::usage_chunk(7, 2)[..]))
        .flatten()
        .copied()
        .collect();
    assert!(without.len() < all.len());
    let cases = [
        (r#""stream":true"#, r#","stream_options":{"include_usage":true}"#, false),
        (r#""stream":true,"stream_options":{"include_usage":true}"#, "", true),
        (r#""stream":true,"stream_options":{"include_usage":false,"x":1}"#, "", false),
    ];
    for (members, added, asked) in cases {
        let body = format!(r#"{{"model":"p1/m","messages":[],{members}}}"#);
        let request = Request::post("/v1/chat/completions", &json!({})).bearer(ALICE).body(body.as_bytes());
        let response = harness.call(&request).await;
        let up = upstream.requests().pop().unwrap().text();
        let mut expected = body.replace("p1/m", "m");
        expected.insert_str(expected.len() - 1, added);
        assert_eq!(up, expected.replace("\"include_usage\":false", "\"include_usage\":true"));
        let expected = if asked { all.to_vec() } else { without.clone() };
        assert_eq!(String::from_utf8_lossy(&response.body), String::from_utf8_lossy(&expected), "{members}");
        assert_eq!(response.end, End::Clean);
        assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
        assert_eq!(response.header("x-tollgate-cost-usd"), None);
        let line = harness.line(&response).await;
        assert_eq!((&line["usage"]["input"], &line["usage"]["output"]), (&json!(7), &json!(2)));
        assert_eq!((&line["cost"]["usd"], &line["stream"]), (&json!("0.000011000"), &json!(true)));
    }
    harness.finish().await;
}

#[tokio::test]
async fn an_answer_comes_down_byte_for_byte() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    let bodies = [
        "{\n  \"choices\" : [ {\"message\":{\"content\":\"x\",\"zz\":1e400},\"finish_reason\":\"stop\",\"index\":0} ], \"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}, \"new\":{\"k\":1,\"k\":2}\n}\n".to_owned(),
        samples::openai::completion("hällo \u{1f600}", 3, 1).to_string(),
        samples::openai::tool_completion(&[("call_1", "f", "{\"a\": 1 }")], 3, 1).to_string(),
    ];
    for body in bodies {
        upstream.reply(Script::body(200, "application/json", body.clone()));
        let response = harness.call(&post_chat(&harness::chat("p1/m"))).await;
        assert_eq!((response.status, response.text()), (200, body));
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
    // A frame that is not JSON, comments and unknown events pass as they came.
    let odd = "\u{feff}: hello\r\n\r\nevent: x\r\nid: 7\r\nretry: 10\r\ndata: not json\r\n\r\n";
    let mut frames = vec![bytes::Bytes::from(odd)];
    frames.extend(samples::openai::stream(&["a"], Some((1, 1))));
    upstream.reply(Script::sse(frames.clone()));
    let mut body = harness::chat_stream("p1/m");
    body["stream_options"] = json!({"include_usage": true});
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!(response.body, samples::join(&frames), "{}", response.text());
    harness.finish().await;
}

#[tokio::test]
async fn headers_are_allow_lists_both_ways() {
    let upstream = Upstream::start().await;
    let answer = Script::json(200, &samples::openai::completion("ok", 3, 1))
        .header("x-request-id", "req_up")
        .header("openai-processing-ms", "17")
        .header("retry-after", "9")
        .header("x-ratelimit-remaining-requests", "59")
        .header("set-cookie", "secret=1")
        .header("openai-organization", "org-secret")
        .header("server", "up")
        .header("x-tollgate-served-by", "forged");
    upstream.reply_always(answer);
    let harness = Harness::one(&upstream).await;
    let request = post_chat(&harness::chat("p1/m"))
        .header("accept", "application/json")
        .header("openai-beta", "assistants=v2")
        .header("idempotency-key", "idem-1")
        .header("traceparent", "00-1-2-01")
        .header("tracestate", "a=b")
        .header("cookie", "session=1")
        .header("x-forwarded-for", "10.0.0.1")
        .header("openai-organization", "org-callers")
        .header("x-stainless-os", "Linux")
        .header("user-agent", "sdk/1")
        .header("x-tollgate-user", "u1")
        .header("x-tollgate-tags", "a=b")
        .header("x-api-key", "other")
        .header("via", "1.1 elsewhere");
    let response = harness.call(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let up = upstream.requests().pop().unwrap();
    assert_eq!(up.path(), "/v1/chat/completions");
    for (name, value) in [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("openai-beta", "assistants=v2"),
        ("idempotency-key", "idem-1"),
        ("traceparent", "00-1-2-01"),
        ("tracestate", "a=b"),
        ("authorization", &format!("Bearer {KEY_1}")),
        ("accept-encoding", "identity"),
    ] {
        assert_eq!(up.header(name), Some(value), "{name}");
    }
    let listed = "accept content-type openai-beta idempotency-key traceparent tracestate authorization accept-encoding \
                  user-agent via host content-length";
    for (name, value) in &up.headers {
        assert!(listed.split_whitespace().any(|known| known.eq_ignore_ascii_case(name)), "{name}: {value} went up");
        assert!(!value.contains(ALICE) && !value.contains("sdk/1") && !value.contains("elsewhere"), "{name}: {value}");
    }
    for (name, value) in [
        ("x-request-id", "req_up"),
        ("openai-processing-ms", "17"),
        ("retry-after", "9"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-tollgate-served-by", "p1/m"),
        ("x-tollgate-attempts", "1"),
        ("x-tollgate-cache", "off"),
        ("x-tollgate-why", "only_target"),
        ("x-tollgate-cost-usd", "0.000005000"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name}");
    }
    for name in ["set-cookie", "openai-organization", "server", "x-tollgate-error", "x-tollgate-loss"] {
        assert_eq!(response.header(name), None, "{name}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn anthropic_versions_keys_and_queries_go_up() {
    let upstream = Upstream::start().await;
    let body = samples::anthropic::answer("ok", 3, 1);
    upstream.reply_always(Script::json(200, &body).header("request-id", "req_1").header("cf-ray", "x"));
    let harness = Harness::one_anthropic(&upstream).await;
    let send = |path: &str| Request::post(path, &harness::message("a1/m"));
    let cases = [
        (send("/v1/messages").header("x-api-key", ALICE).header("anthropic-version", "2023-01-01"), "2023-01-01", ""),
        (
            send("/v1/messages?beta=true").bearer(ALICE).header("anthropic-version", "2023-06-01"),
            "2023-06-01",
            "beta=true",
        ),
        (send("/anthropic/v1/messages").bearer(ALICE), "2023-06-01", ""),
        (send(&format!("/v1/messages?a=%20b&key={ALICE}&c")), "2023-06-01", "a=%20b&c"),
        (send("/v1/messages").header("api-key", ALICE), "2023-06-01", ""),
        (send("/v1/messages").header("x-goog-api-key", ALICE), "2023-06-01", ""),
    ];
    for (request, version, query) in cases {
        let response = harness.call(&request.header("anthropic-beta", "b1,b2")).await;
        assert_eq!((response.status, response.json()), (200, body.clone()), "{query}");
        assert_eq!(response.header("request-id"), Some("req_1"));
        let up = upstream.requests().pop().unwrap();
        assert_eq!((up.path(), up.query()), ("/v1/messages", query));
        assert_eq!(up.header("anthropic-version"), Some(version));
        assert_eq!(up.header("anthropic-beta"), Some("b1,b2"));
        assert_eq!((up.header("x-api-key"), up.header("authorization")), (Some(KEY_1), None));
    }
    let frames = samples::anthropic::text_stream(&["Hel", "lo"], 5, 2);
    upstream.forget_scripts();
    upstream.reply(Script::sse(frames.clone()));
    let response = harness.call(&harness::post_message(&harness::message_stream("a1/m"))).await;
    assert_eq!(response.body, samples::join(&frames));
    let line = harness.line(&response).await;
    assert_eq!(line["cost"]["usd"], "0.000015000");
    harness.finish().await;
}

#[tokio::test]
async fn coded_requests_and_answers_are_decoded() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    let body = harness::chat("p1/m").to_string();
    let answer = samples::openai::completion("ok", 3, 1).to_string();
    for coding in ["gzip", "x-gzip", "deflate", "br", "zstd", "identity"] {
        upstream.reply(
            Script::body(200, "application/json", code(coding, answer.as_bytes())).header("content-encoding", coding),
        );
        let request = Request::new("POST", "/v1/chat/completions")
            .bearer(ALICE)
            .header("content-type", "application/json; charset=utf-8")
            .header("content-encoding", coding)
            .body(code(coding, body.as_bytes()));
        let response = harness.call(&request).await;
        assert_eq!((response.status, response.text()), (200, answer.clone()), "{coding}");
        assert_eq!(response.header("content-encoding"), None);
        let up = upstream.requests().pop().unwrap();
        assert_eq!(up.text(), body.replace("p1/m", "m"), "{coding}");
        assert_eq!(up.header("content-encoding"), None);
    }
    // What is not what it says is the caller's fault; what nobody knows is 415.
    for (coding, status, kind) in [("gzip", 400, "invalid_request"), ("lzma", 415, "unsupported")] {
        let request = post_chat(&harness::chat("p1/m")).header("content-encoding", coding);
        let response = harness.call(&request).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (status, Some(kind)), "{coding}");
    }
    assert!(!body.is_empty() && body.contains(CANARY));
    harness.finish().await;
}

/// Bytes in a coding.
pub(crate) fn code(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" | "x-gzip" => {
            let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            coder.write_all(bytes).unwrap();
            coder.finish().unwrap()
        }
        "deflate" => {
            let mut coder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            coder.write_all(bytes).unwrap();
            coder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(bytes).unwrap();
            out
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        _ => bytes.to_vec(),
    }
}
