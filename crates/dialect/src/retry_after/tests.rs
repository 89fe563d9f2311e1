#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use http::{HeaderName, HeaderValue};

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().expect("a header name");
        (name, value.parse::<HeaderValue>().expect("a header value"))
    };
    pairs.iter().map(pair).collect()
}

/// Status, headers, the wait in milliseconds.
type Case = (u16, &'static [(&'static str, &'static str)], Option<u64>);

const RESET: &str = "anthropic-ratelimit-input-tokens-reset";
const REST: &str = "anthropic-ratelimit-input-tokens-remaining";

/// 2025-06-02T15:15:32Z.
const NOW: u64 = 1_748_877_332;

#[test]
fn waits() {
    let table: [Case; 20] = [
        (429, &[("retry-after", "16")], Some(16_000)),
        (529, &[("retry-after", "1.5")], Some(1_500)),
        (429, &[("retry-after-ms", "250"), ("retry-after", "16")], Some(250)),
        (503, &[("retry-after", "Mon, 02 Jun 2025 15:15:42 GMT")], Some(10_000)),
        (503, &[("retry-after", "Mon, 02 Jun 2025 15:00:00 GMT")], Some(0)),
        (503, &[("retry-after", "soon")], None),
        (429, &[(RESET, "2025-06-02T15:15:48Z"), (REST, "0")], Some(16_000)),
        (429, &[(RESET, "2025-06-02T17:15:48.5+02:00"), (REST, "0")], Some(16_000)),
        (429, &[(RESET, "2025-06-02T15:15:48Z"), (REST, "7")], None),
        (529, &[(RESET, "2025-06-02T15:15:48Z"), (REST, "0")], None),
        (429, &[(RESET, "2025-13-02T15:15:48Z"), (REST, "0")], None),
        (429, &[], None),
        (429, &[("x-ratelimit-reset-tokens", "6m0s")], Some(360_000)),
        (500, &[("x-ratelimit-reset-tokens", "6m0s")], None),
        (429, &[("x-ratelimit-reset-tokens", "17.399999999s"), ("x-ratelimit-remaining-tokens", "0")], Some(17_399)),
        (
            429,
            &[
                ("x-ratelimit-reset-requests", "23h"),
                ("x-ratelimit-remaining-requests", "5"),
                ("x-ratelimit-reset-tokens", "26ms"),
                ("x-ratelimit-remaining-tokens", "0"),
            ],
            Some(26),
        ),
        (429, &[("x-ratelimit-reset-requests", "23h"), ("x-ratelimit-remaining-requests", "5")], None),
        (429, &[("x-rate-limit-reset-tokens", "7")], Some(7_000)),
        (429, &[("x-ratelimit-reset", "1748877334000")], Some(2_000)),
        (429, &[("x-ratelimit-reset-tokens", "soon")], None),
    ];
    for (status, pairs, expected) in table {
        let wait = by_headers(status, &headers(pairs), NOW).map(|wait| wait.as_millis() as u64);
        assert_eq!(wait, expected, "{status} {pairs:?}");
    }
}

#[test]
fn dates() {
    assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(rfc3339("2024-02-29T12:00:00Z"), Some(1_709_208_000));
    assert_eq!(http_date("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
    for wrong in ["", "T", "2024-02-29", "2024-02-29T1:00:00Z", "2024-02-29T12:00:00", "é024-02-29T12:00:0é"] {
        assert_eq!(rfc3339(wrong), None, "{wrong}");
    }
    assert_eq!(decimal("99999999999999999999", 1_000), None);
}

#[test]
fn waits_in_bodies() {
    let google = r#"{"error":{"details":[{"@type":"x"},{"@type":"RetryInfo","retryDelay":"34s"}]}}"#;
    let wait = by_body(Json::parse(google).ok(), "Please try again in 3.89s.");
    assert_eq!(wait, Some(Duration::from_secs(34)));
    for (message, millis) in [
        ("Please try again in 3.89s. Visit", Some(3_890)),
        ("Please try again in 174ms.", Some(174)),
        ("Please try again in 1m0.36s.", Some(60_360)),
        ("Please try again in 50.597142857s. Visit", Some(50_597)),
        ("Please retry after 26 seconds. Please", Some(26_000)),
        ("try again in a while", None),
        ("try again in 5 apples", None),
        ("try again in ", None),
        ("nothing", None),
    ] {
        assert_eq!(by_body(None, message).map(|wait| wait.as_millis() as u64), millis, "{message}");
    }
}
