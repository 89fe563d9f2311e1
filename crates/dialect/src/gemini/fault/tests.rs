#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::fault::Kind;
use std::time::Duration;

fn check(status: u16, body: &str, outcome: Outcome) -> UpstreamFault {
    let fault = read(status, &HeaderMap::new(), body.as_bytes(), 0);
    assert_eq!((fault.outcome, fault.status), (outcome, status), "{body}");
    fault
}

fn error(code: u16, message: &str, status: &str, details: &str) -> String {
    format!(r#"{{"error":{{"code":{code},"message":"{message}","status":"{status}","details":{details}}}}}"#)
}

#[test]
fn classes() {
    let bad_key = error(
        400,
        "API key not valid. Please pass a valid API key.",
        "INVALID_ARGUMENT",
        r#"[{"reason":"API_KEY_INVALID"}]"#,
    );
    assert_eq!(check(400, &bad_key, Outcome::Auth).code.as_deref(), Some("API_KEY_INVALID"));
    check(400, &error(400, "Unknown name x", "INVALID_ARGUMENT", "[]"), Outcome::InvalidRequest);
    let long = "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).";
    check(400, &error(400, long, "INVALID_ARGUMENT", "[]"), Outcome::ContextLength);
    check(400, &error(400, "User location is not supported", "FAILED_PRECONDITION", "[]"), Outcome::Auth);
    check(403, &error(403, "no", "PERMISSION_DENIED", "[]"), Outcome::Auth);
    check(
        403,
        &error(403, "This API method requires billing to be enabled", "PERMISSION_DENIED", "[]"),
        Outcome::Billing,
    );
    check(404, &error(404, "models/x is not found", "NOT_FOUND", "[]"), Outcome::InvalidRequest);
    check(500, &error(500, "An internal error", "INTERNAL", "[]"), Outcome::ServerError);
    check(503, &error(503, "The model is overloaded.", "UNAVAILABLE", "[]"), Outcome::Overloaded);
    check(504, &error(504, "Deadline", "DEADLINE_EXCEEDED", "[]"), Outcome::ServerError);
    check(502, "<html><title>Bad Gateway</title></html>", Outcome::ServerError);
    check(404, "", Outcome::InvalidRequest);
}

#[test]
fn quotas() {
    let quota = |id: &str| {
        let details = format!(r#"[{{"violations":[{{"quotaId":"{id}"}}]}},{{"retryDelay":"34s"}}]"#);
        error(429, "You exceeded your current quota", "RESOURCE_EXHAUSTED", &details)
    };
    let minute = check(429, &quota("GenerateContentInputTokensPerModelPerMinute"), Outcome::RateLimited);
    assert_eq!(minute.retry_after, Some(Duration::from_secs(34)));
    let day = check(429, &quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), Outcome::Billing);
    assert_eq!(day.retry_after, None);
    let array = format!("[{}]", error(429, "Resource exhausted.", "RESOURCE_EXHAUSTED", "[]"));
    check(429, &array, Outcome::RateLimited);
}

#[test]
fn errors_within_streams() {
    let text = error(503, "The model is overloaded.", "UNAVAILABLE", "[]");
    let fault = inside(Json::parse(&text).expect("JSON")).expect("an error");
    assert_eq!((fault.outcome, fault.status), (Outcome::Overloaded, 200));
    for text in [r#"{"candidates":[]}"#, r#"{"error":null}"#, r#"{"candidates":[],"error":{}}"#, "[]", "1"] {
        assert_eq!(inside(Json::parse(text).expect("JSON")), None, "{text}");
    }
}

#[test]
fn ours_in_googles_shape() {
    let fault = Fault::invalid("contents", "no");
    let text = write(&fault, "req_1");
    let json = Json::parse(&text).expect("JSON");
    let error = |path: &[&str]| json.at(path).expect("a member").raw().to_owned();
    assert_eq!(error(&["error", "code"]), "400");
    assert_eq!(error(&["error", "status"]), "\"INVALID_ARGUMENT\"");
    assert_eq!(error(&["error", "tollgate", "kind"]), "\"invalid_request\"");
    assert_eq!(google(Kind::UpstreamOverloaded.status(DialectId::Gemini)), "UNAVAILABLE");
    assert!(write_event(&fault, "req_1").ends_with(b"}}}\r\n\r\n"));
}
