#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::fault::Kind;

fn outcome(status: u16, body: &str) -> Outcome {
    read(status, &HeaderMap::new(), body.as_bytes(), 0).outcome
}

#[test]
fn every_server_is_understood() {
    for (status, body, expected, message) in [
        (
            400,
            r#"{"error":{"message":"bad","type":"invalid_request_error","param":"x","code":null}}"#,
            Outcome::InvalidRequest,
            "bad",
        ),
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-.","code":"invalid_api_key"}}"#,
            Outcome::Auth,
            "Incorrect API key provided: sk-.",
        ),
        (403, r#"{"error":{"code":"forbidden","message":"Forbidden"}}"#, Outcome::Auth, "Forbidden"),
        (404, r#"{"error":{"message":"no","code":"model_not_found"}}"#, Outcome::InvalidRequest, "no"),
        (
            429,
            r#"{"error":{"message":"slow","type":"tokens","code":"rate_limit_exceeded"}}"#,
            Outcome::RateLimited,
            "slow",
        ),
        (
            429,
            r#"{"error":{"message":"quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            Outcome::Billing,
            "quota",
        ),
        (
            429,
            r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34s"}]}}]"#,
            Outcome::RateLimited,
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#, Outcome::Billing, "Insufficient Balance"),
        (400, r#"{"error":{"message":"long","code":"context_length_exceeded"}}"#, Outcome::ContextLength, "long"),
        (
            400,
            r#"{"error":{"message":"prompt too long; exceeded max context length by 9 tokens","code":null}}"#,
            Outcome::ContextLength,
            "prompt too long; exceeded max context length by 9 tokens",
        ),
        (
            400,
            r#"{"error":{"message":"The total length of all messages is too long.","type":"too_many_prompt_tokens","code":400}}"#,
            Outcome::ContextLength,
            "The total length of all messages is too long.",
        ),
        (
            400,
            r#"{"error":{"code":"content_filter","message":"f","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            Outcome::ContentPolicy,
            "f",
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Your chosen model requires moderation and your input was flagged","metadata":{"reasons":["x"]}}}"#,
            Outcome::ContentPolicy,
            "Your chosen model requires moderation and your input was flagged",
        ),
        (
            429,
            r#"{"error":{"code":"429","message":"Please retry after 86400 seconds."}}"#,
            Outcome::RateLimited,
            "Please retry after 86400 seconds.",
        ),
        (404, r#"{"error":{"code":"DeploymentNotFound","message":"d"}}"#, Outcome::InvalidRequest, "d"),
        (
            429,
            r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","code":"1300"}"#,
            Outcome::RateLimited,
            "Rate limit exceeded",
        ),
        (429, r#"{"message":"Requests rate limit exceeded"}"#, Outcome::RateLimited, "Requests rate limit exceeded"),
        (401, r#"{"detail":"Invalid API Key"}"#, Outcome::Auth, "Invalid API Key"),
        (
            422,
            r#"{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}"#,
            Outcome::InvalidRequest,
            "body.seed: Extra inputs are not permitted",
        ),
        (
            413,
            r#"{"error":{"message":"Request too large (TPM)","type":"tokens","code":"rate_limit_exceeded"}}"#,
            Outcome::RateLimited,
            "Request too large (TPM)",
        ),
        (498, r#"{"error":{"message":"capacity"}}"#, Outcome::Overloaded, "capacity"),
        (
            400,
            r#"{"code":"invalid-argument","error":"Incorrect API key provided: xx"}"#,
            Outcome::Auth,
            "Incorrect API key provided: xx",
        ),
        (400, r#"{"code":"invalid-argument","error":"Bad temperature"}"#, Outcome::InvalidRequest, "Bad temperature"),
        (
            400,
            r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]"#,
            Outcome::Auth,
            "API key not valid.",
        ),
        (500, r#"{"error":{"code":500,"message":"x","type":"invalid_request_error"}}"#, Outcome::InvalidRequest, "x"),
        (
            503,
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            Outcome::Overloaded,
            "Loading model",
        ),
        (
            401,
            "<html><head><title>401 Authorization Required</title></head></html>",
            Outcome::Auth,
            "401 Authorization Required",
        ),
        (502, "", Outcome::ServerError, "The provider answered 502 without a message."),
        (404, r#"{"error":"Specified model not found"}"#, Outcome::InvalidRequest, "Specified model not found"),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}}"#,
            Outcome::ContextLength,
            "the request exceeds the available context size",
        ),
        (
            400,
            r#"{"error":{"message":"Your request was rejected as a result of our safety system.","code":"content_policy_violation"}}"#,
            Outcome::ContentPolicy,
            "Your request was rejected as a result of our safety system.",
        ),
        (
            400,
            r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"message\":\"Input token count (9) exceeds the maximum\"}","provider_name":"G"}}}"#,
            Outcome::ContextLength,
            "Provider returned error",
        ),
        (
            422,
            r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8","error_type":"validation"}"#,
            Outcome::InvalidRequest,
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8",
        ),
        (500, r#"{"error":{"message":"Overloaded","type":"overloaded_error"}}"#, Outcome::Overloaded, "Overloaded"),
        (529, "busy", Outcome::Overloaded, "busy"),
    ] {
        let fault = read(status, &HeaderMap::new(), body.as_bytes(), 0);
        assert_eq!((fault.outcome, fault.message.as_str()), (expected, message), "{status} {body}");
        assert_eq!(fault.status, status);
    }
}

#[test]
fn waits_come_from_headers_then_the_body() {
    let body =
        br#"{"error":{"message":"Rate limit reached. Please try again in 1m0.36s.","code":"rate_limit_exceeded"}}"#;
    let wait = |headers: &HeaderMap| read(429, headers, body, 0).retry_after.map(|wait| wait.as_millis());
    let mut headers = HeaderMap::new();
    assert_eq!(wait(&headers), Some(60_360));
    headers.insert("retry-after", http::HeaderValue::from_static("3"));
    assert_eq!(wait(&headers), Some(3_000));
    let google = br#"[{"error":{"message":"m","details":[{"@type":"RetryInfo","retryDelay":"34s"}]}}]"#;
    assert_eq!(read(429, &HeaderMap::new(), google, 0).retry_after.map(|wait| wait.as_secs()), Some(34));
}

#[test]
fn fields_are_kept() {
    let fault = read(400, &HeaderMap::new(), br#"{"error":{"message":"m","type":"t","param":"p","code":3051}}"#, 0);
    assert_eq!(
        (fault.kind.as_deref(), fault.code.as_deref(), fault.param.as_deref()),
        (Some("t"), Some("3051"), Some("p"))
    );
}

#[test]
fn errors_inside_an_answer() {
    let inside = |body: &str| inside(Json::parse(body).expect("JSON"));
    assert_eq!(inside(r#"{"choices":[]}"#), None);
    assert_eq!(inside(r#"{"error":null,"choices":[]}"#), None);
    let fault = inside(r#"{"error":{"code":429,"message":"slow"},"choices":[]}"#).expect("a fault");
    assert_eq!((fault.outcome, fault.status), (Outcome::RateLimited, 200));
    assert_eq!(
        inside(r#"{"error":{"code":400,"message":"Token limit"}}"#).expect("a fault").outcome,
        Outcome::InvalidRequest
    );
    assert_eq!(inside(r#"{"error":{"message":"?"}}"#).expect("a fault").outcome, Outcome::ServerError);
    assert_eq!(
        inside(r#"{"object":"error","message":"m","code":"503"}"#).expect("a fault").outcome,
        Outcome::Overloaded
    );
    assert_eq!(of_event("not JSON").message, "not JSON");
}

#[test]
fn any_bytes_are_a_fault() {
    for body in [&b"\xff\xfe"[..], b"[]", b"null", b"{", b"\"text\"", b"{\"error\":[]}"] {
        let fault = read(500, &HeaderMap::new(), body, 0);
        assert!(!fault.message.is_empty());
    }
    assert_eq!(outcome(500, "{}"), Outcome::ServerError);
}

#[test]
fn our_own_failures_have_this_shape() {
    let mut fault = Fault::invalid("messages[0].content", "no").with("near", r#"["x"]"#);
    assert_eq!(
        write(&fault, "id1"),
        r#"{"error":{"message":"no","type":"invalid_request_error","param":"messages[0].content","code":"invalid_request","tollgate":{"kind":"invalid_request","request_id":"id1","path":"messages[0].content","near":["x"]}}}"#
    );
    fault = Fault::new(Kind::UpstreamOverloaded, "busy");
    fault.upstream_type = Some("overloaded_error".into());
    let frame = String::from_utf8(write_frame(&fault, "i")).expect("UTF-8");
    assert_eq!(
        frame,
        "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_overloaded\",\"tollgate\":{\"kind\":\"upstream_overloaded\",\"request_id\":\"i\"}}}\n\n"
    );
}
