#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::fault::Kind;

fn check(json: &str, outcome: Outcome, message: &str) {
    let fault = inside(Json::parse(json).unwrap()).expect(json);
    assert_eq!((fault.outcome, fault.message.as_str()), (outcome, message), "{json}");
}

#[test]
fn responses_that_failed() {
    check(
        r#"{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"}}"#,
        Outcome::RateLimited,
        "slow down",
    );
    check(r#"{"status":"failed","error":{"code":"server_error","message":"oops"}}"#, Outcome::ServerError, "oops");
    check(
        r#"{"status":"failed","error":null}"#,
        Outcome::ServerError,
        "The provider's response failed, and it did not say why.",
    );
    assert_eq!(inside(Json::parse(r#"{"status":"completed","error":null}"#).unwrap()), None);
}

#[test]
fn both_forms_of_the_event() {
    let nested = of_event(
        r#"{"type":"error","sequence_number":2,"error":{"type":"tokens","code":"rate_limit_exceeded","message":"m","param":null}}"#,
    );
    assert_eq!(
        (nested.outcome, nested.kind.as_deref(), nested.message.as_str()),
        (Outcome::RateLimited, Some("tokens"), "m")
    );
    let flat = of_event(r#"{"type":"error","code":"server_error","message":"m","param":null,"sequence_number":2}"#);
    assert_eq!(
        (flat.outcome, flat.kind.as_deref(), flat.code.as_deref()),
        (Outcome::ServerError, None, Some("server_error"))
    );
}

#[test]
fn our_own_in_its_shape() {
    let fault = Fault::new(Kind::UpstreamFailed, "It failed.");
    let frame = String::from_utf8(write_event(&fault, "r1")).unwrap();
    let data = frame.strip_prefix("event: error\ndata: ").unwrap().trim_end();
    let json = Json::parse(data).unwrap();
    assert!(json.get("type").unwrap().is("error") && json.get("message").unwrap().is("It failed."));
    assert!(json.at(&["error", "type"]).unwrap().is("server_error"));
    assert!(json.at(&["error", "tollgate", "request_id"]).unwrap().is("r1"));
    assert_eq!(of_event(data).message, "It failed.");
}
