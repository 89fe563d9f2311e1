#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use std::time::Duration;

fn of(status: u16, body: &str) -> UpstreamFault {
    read(status, &HeaderMap::new(), body.as_bytes(), 0)
}

#[test]
fn every_shape_has_its_class() {
    use Outcome::*;
    let table: [(u16, &str, Outcome, &str); 27] = [
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"temperature: range: 0..1"},"request_id":"r"}"#,
            InvalidRequest,
            "temperature: range: 0..1",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            ContextLength,
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 1 + 2 > 3"}}"#,
            ContextLength,
            "input length and `max_tokens` exceed context limit: 1 + 2 > 3",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            Billing,
            "Your credit balance is too low to access the Anthropic API.",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
            ContentPolicy,
            "Output blocked by content filtering policy",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"This organization has been disabled."}}"#,
            Auth,
            "This organization has been disabled.",
        ),
        (
            401,
            r#"{"error":{"message":"API key is invalid.","type":"authentication_error"},"request_id":null,"type":"error"}"#,
            Auth,
            "API key is invalid.",
        ),
        (402, r#"{"type":"error","error":{"type":"billing_error","message":"pay"}}"#, Billing, "pay"),
        (403, r#"{"type":"error","error":{"type":"permission_error","message":"no"}}"#, Auth, "no"),
        (
            403,
            r#"{"type":"error","error":{"type":"permission_error","message":"blocked by our content policy"}}"#,
            ContentPolicy,
            "blocked by our content policy",
        ),
        (
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#,
            InvalidRequest,
            "model: x",
        ),
        (413, r#"{"type":"error","error":{"type":"request_too_large","message":"big"}}"#, InvalidRequest, "big"),
        (422, r#"{"detail":[{"msg":"x"}]}"#, InvalidRequest, r#"[{"msg":"x"}]"#),
        (429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#, RateLimited, "slow"),
        (429, r#"{"error":{"type":"insufficient_quota","message":"more"}}"#, Billing, "more"),
        (500, r#"{"type":"error","error":{"type":"api_error","message":"oops"}}"#, ServerError, "oops"),
        (504, r#"{"type":"error","error":{"type":"timeout_error","message":"late"}}"#, ServerError, "late"),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Overloaded,
            "Overloaded",
        ),
        (
            500,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Overloaded,
            "Overloaded",
        ),
        (503, r#"{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}"#, Overloaded, "x"),
        (400, r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#, InvalidRequest, "bad"),
        (
            400,
            r#"{"message":"Input is too long for requested model."}"#,
            ContextLength,
            "Input is too long for requested model.",
        ),
        (500, r#"{"error":"llama runner gone"}"#, ServerError, "llama runner gone"),
        (502, "<html><head><title>502 Bad Gateway</title></head></html>", ServerError, "502 Bad Gateway"),
        (503, "upstream connect error", Overloaded, "upstream connect error"),
        (500, "", ServerError, "The provider answered 500 without a message."),
        (400, "{}", InvalidRequest, "The provider answered 400 without a message."),
    ];
    for (status, body, outcome, message) in table {
        let fault = of(status, body);
        assert_eq!((fault.outcome, fault.message.as_str(), fault.status), (outcome, message, status), "{body}");
    }
}

#[test]
fn fields_and_headers_come_along() {
    let fault = of(400, r#"{"error":{"type":"t","code":7,"param":"p","message":"m"}}"#);
    assert_eq!(
        (fault.kind.as_deref(), fault.code.as_deref(), fault.param.as_deref()),
        (Some("t"), Some("7"), Some("p"))
    );
    let mut headers = HeaderMap::new();
    headers.insert("x-should-retry", http::HeaderValue::from_static("true"));
    headers.insert("retry-after", http::HeaderValue::from_static("3"));
    headers.insert("x-amzn-errortype", http::HeaderValue::from_static("ValidationException:http://x/"));
    let fault = read(400, &headers, br#"{"message":"wait"}"#, 0);
    assert_eq!(fault.outcome, Outcome::ServerError);
    assert_eq!(fault.retry_after, Some(Duration::from_secs(3)));
    assert_eq!(fault.kind.as_deref(), Some("ValidationException"));
}

#[test]
fn errors_inside_a_good_answer() {
    let of = |text: &str| inside(Json::parse(text).expect("JSON")).map(|fault| (fault.outcome, fault.status));
    let body = r#"{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(of(body), Some((Outcome::Overloaded, 200)));
    assert_eq!(of(r#"{"error":{"code":429,"message":"x"}}"#), Some((Outcome::RateLimited, 200)));
    assert_eq!(of(r#"{"type":"error"}"#), Some((Outcome::ServerError, 200)));
    assert_eq!(of(r#"{"type":"message","content":[],"error":null}"#), None);
}

#[test]
fn our_failures_in_its_shape() {
    let fault = Fault::invalid("messages[0].role", "wrong");
    assert_eq!(
        write(&fault, "req-1"),
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"wrong","tollgate":{"kind":"invalid_request","request_id":"req-1","path":"messages[0].role"}},"request_id":"req-1"}"#
    );
    let event = String::from_utf8(write_event(&Fault::new(Kind::UpstreamOverloaded, "full"), "r")).expect("UTF-8");
    assert!(event.starts_with("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\""));
    assert!(event.ends_with("}\n\n"));
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (529, "overloaded_error"),
    ] {
        let mut fault = Fault::new(Kind::UpstreamRejected, "x");
        fault.status = Some(status);
        assert_eq!(type_of(&fault), kind);
    }
}
