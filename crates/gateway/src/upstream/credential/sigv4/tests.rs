#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;

use super::*;
use crate::config::Secret;

const VECTORS: &str = include_str!("../../../../../../fixtures/signatures/sigv4.json");

fn keys(token: Option<&str>) -> AwsKeys {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    AwsKeys {
        id: all["access_key_id"].as_str().unwrap().to_owned(),
        secret: Secret::new(all["secret_access_key"].as_str().unwrap()),
        token: token.map(Secret::new),
    }
}

/// Requests that AWS's own library signed.
#[test]
fn requests_are_signed_as_awss_own_library_does() {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors = all["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 7);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let mut request = Request::builder().method(text("method")).uri(text("url"));
        for (name, value) in vector["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        // What a caller signed with, and what nobody signs.
        request = request.header("authorization", "AWS4-HMAC-SHA256 Credential=FAKE/x").header("x-amz-date", "1");
        request = request.header("x-amz-security-token", "FAKE").header("via", "1.1 x").header("user-agent", "y");
        let mut request = request.body(()).unwrap();
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        let scope = Scope { region: text("region"), service: text("service"), at };
        authorize(&mut request, text("body").as_bytes(), &keys(vector["token"].as_str()), scope).unwrap();
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("authorization"), Some(text("authorization")), "{}", text("name"));
        assert_eq!(header("x-amz-date"), Some(text("date")));
        assert_eq!(header("x-amz-security-token"), vector["token"].as_str());
        assert_eq!(request.uri().to_string(), text("url"), "{}", text("name"));
    }
}

/// Cases of the test suite that AWS publishes.
#[test]
fn the_published_suite_is_signed_as_published() {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let suite = all["published"].as_array().unwrap();
    assert!(suite.len() >= 15, "{}", suite.len());
    for case in suite {
        let text = |name: &str| case[name].as_str().unwrap();
        let headers = case["headers"].as_array().unwrap().iter().map(|pair| {
            let text = |at: usize| pair[at].as_str().unwrap().to_owned();
            (text(0), text(1))
        });
        let said = Said {
            method: text("method"),
            path: text("path"),
            query: text("query"),
            headers: headers.collect(),
            body: text("body").as_bytes(),
        };
        let at = "2015-08-30T12:36:00Z".parse().unwrap();
        let scope = Scope { region: "us-east-1", service: "service", at };
        assert_eq!(said.canonical(), text("canonical"), "{}", text("name"));
        let keys = AwsKeys { id: "AKIDEXAMPLE".to_owned(), ..keys(None) };
        assert_eq!(authorization(&said, &keys, scope), text("authorization"), "{}", text("name"));
    }
}

#[test]
fn a_path_is_sent_in_the_form_that_is_signed() {
    for (sent, tidy) in [
        ("https://h/model/a:b/converse", "https://h/model/a%3Ab/converse"),
        ("https://h/model/a%3ab/converse?x=1", "https://h/model/a%3Ab/converse?x=1"),
        ("https://h/model/a%2Fb/x", "https://h/model/a%2Fb/x"),
        ("https://h/%7Ea/100%25", "https://h/~a/100%25"),
        ("https://h", "https://h/"),
    ] {
        let mut request = Request::builder().uri(sent).body(()).unwrap();
        let scope = Scope { region: "r", service: "s", at: "2026-01-02T03:04:05Z".parse().unwrap() };
        authorize(&mut request, b"", &keys(None), scope).unwrap();
        assert_eq!(request.uri().to_string(), tidy);
    }
}

#[test]
fn keys_that_no_header_carries_are_no_panic() {
    let mut request = Request::builder().uri("https://h/").body(()).unwrap();
    let bad = AwsKeys { id: "a\nb".to_owned(), ..keys(Some("c\nd")) };
    let scope = Scope { region: "r", service: "s", at: "2026-01-02T03:04:05Z".parse().unwrap() };
    assert_eq!(authorize(&mut request, b"", &bad, scope), None);
}

proptest::proptest! {
    #[test]
    fn any_path_is_tidied_once_and_for_all(path in "/[!-~]{0,40}") {
        if let Ok(uri) = format!("https://h{path}").parse::<Uri>() {
            let tidy = tidied(&uri).unwrap_or(uri);
            proptest::prop_assert!(tidied(&tidy).is_none(), "{tidy}");
            proptest::prop_assert_eq!(tidy.host(), Some("h"));
        }
    }
}
