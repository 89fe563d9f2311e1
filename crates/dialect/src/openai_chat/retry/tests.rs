#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use http::{HeaderName, HeaderValue};

use super::*;

fn wait(status: u16, headers: &[(&'static str, &'static str)], body: &str, message: &str) -> Option<u64> {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
    let now = 1_792_567_680; // 2026-10-21T07:28:00Z
    after(status, &headers, Json::parse(body).ok(), message, now)
        .map(|wait| u64::try_from(wait.as_millis()).expect("short"))
}

#[test]
fn sources_in_their_order() {
    let message = "Please try again in 3.89s. Visit";
    assert_eq!(wait(429, &[("retry-after-ms", "1500"), ("retry-after", "9")], "", message), Some(1_500));
    assert_eq!(wait(429, &[("retry-after", "9")], "", message), Some(9_000));
    assert_eq!(wait(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], "", message), Some(30_000));
    assert_eq!(wait(429, &[("x-ratelimit-reset-tokens", "6m0s")], "", message), Some(360_000));
    assert_eq!(wait(500, &[("x-ratelimit-reset-tokens", "6m0s")], "", message), Some(3_890));
    let two = [
        ("x-ratelimit-reset-requests", "1h"),
        ("x-ratelimit-remaining-requests", "5"),
        ("x-ratelimit-reset-tokens", "26ms"),
        ("x-ratelimit-remaining-tokens", "0"),
    ];
    assert_eq!(wait(429, &two, "", message), Some(26));
    assert_eq!(wait(429, &[("x-rate-limit-reset-tokens", "7")], "", ""), Some(7_000));
    assert_eq!(wait(429, &[("x-ratelimit-reset", "1792567682000")], "", ""), Some(2_000));
    let google = r#"{"error":{"details":[{"@type":"x"},{"@type":"RetryInfo","retryDelay":"34s"}]}}"#;
    assert_eq!(wait(429, &[], google, message), Some(34_000));
}

#[test]
fn words_of_a_message() {
    for (message, millis) in [
        ("Please try again in 174ms.", Some(174)),
        ("Please try again in 1m0.36s.", Some(60_360)),
        ("Please try again in 50.597142857s. Visit", Some(50_597)),
        ("Please retry after 26 seconds. Please", Some(26_000)),
        ("try again in a while", None),
        ("try again in 5 apples", None),
        ("nothing", None),
    ] {
        assert_eq!(wait(429, &[], "", message), millis, "{message}");
    }
}
