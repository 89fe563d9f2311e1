#![allow(clippy::unwrap_used, clippy::expect_used, clippy::allow_attributes, reason = "tests")]

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sheet(json: &str) -> Sheet {
    serde_json::from_str(json).unwrap()
}

#[test]
fn windows_hold_from_their_start_to_before_their_end() {
    // 2026-11-23 is a Monday.
    for (window, second, holds) in [
        ("12345 01:00-04:00", "2026-11-23T00:59:59Z", false),
        ("12345 01:00-04:00", "2026-11-23T01:00:00Z", true),
        ("12345 01:00-04:00", "2026-11-23T03:59:59Z", true),
        ("12345 01:00-04:00", "2026-11-23T04:00:00Z", false),
        ("12345 01:00-04:00", "2026-11-22T02:00:00Z", false),
        ("67 00:00-00:00", "2026-11-22T23:59:59Z", true),
        ("67 00:00-00:00", "2026-11-23T00:00:00Z", false),
        ("12345 10:00-00:00", "2026-11-23T23:59:59Z", true),
        // Past midnight the weekday is that of the start.
        ("1 22:00-02:00", "2026-11-24T01:59:59Z", true),
        ("1 22:00-02:00", "2026-11-24T02:00:00Z", false),
        ("1 22:00-02:00", "2026-11-23T01:00:00Z", false),
        ("7 22:00-02:00", "2026-11-23T01:00:00Z", true),
        ("4 00:00-00:00", "1970-01-01T00:00:00Z", true),
        ("3 00:00-00:00", "1969-12-31T23:59:59Z", true),
    ] {
        assert_eq!(Window::parse(window).unwrap().holds(at(second).as_second()), holds, "{window} {second}");
    }
    for text in ["", "8 00:00-01:00", "1 24:30-01:00", "1 0-1", " 00:00-01:00", "1 00:60-01:00", "12345"] {
        assert_eq!(Window::parse(text), None, "{text}");
    }
    assert_eq!(Window::parse("12345 10:00-24:00").unwrap().to_string(), "12345 10:00-00:00");
}

#[test]
fn the_row_that_names_more_wins_in_a_fixed_order() {
    let sheet = sheet(
        r#"{"rows":[{"rates":{"input":"1"}},{"prompt":">200000","rates":{"input":"2"}},
        {"prompt":">=500000","rates":{"input":"3"}},{"tier":"flex","rates":{"input":"4"}},
        {"tier":"flex","prompt":">200000","rates":{"input":"5"}},{"region":"eu","rates":{"input":"6"}},
        {"from":"2026-12-01","rates":{"input":"7"}}]}"#,
    );
    sheet.check().unwrap();
    let now = at("2026-11-22T00:00:00Z");
    let price = |at, tier, region, prompt| {
        let (_, row) = sheet.row(at, Asked { tier, region }, prompt).unwrap();
        row.rates.get(Unit::Input).unwrap().to_string()
    };
    assert_eq!(price(now, None, None, 0), "1");
    assert_eq!(price(now, None, None, 200_000), "1");
    assert_eq!(price(now, None, None, 200_001), "2");
    assert_eq!(price(now, None, None, 499_999), "2");
    assert_eq!(price(now, None, None, 500_000), "3");
    assert_eq!(price(now, Some("flex"), None, 10), "4");
    assert_eq!(price(now, Some("flex"), Some("eu"), 200_001), "5");
    assert_eq!(price(now, Some("default"), Some("eu"), 10), "6");
    assert_eq!(price(now, Some("unheard_of"), Some("mars"), 10), "1");
    assert_eq!(price(at("2026-11-30T23:59:59Z"), None, None, 0), "1");
    assert_eq!(price(at("2026-12-01T00:00:00Z"), None, None, 0), "7");
}

#[test]
fn a_sheet_with_rows_that_tie_or_mean_nothing_is_refused() {
    for (json, error) in [
        (r#"{"rows":[{"rates":{"input":"1"}},{"rates":{"input":"2"}}]}"#, "rows 0 and 1 tie"),
        (r#"{"rows":[{"rates":{}}]}"#, "row 0 has no rate"),
        (r#"{"rows":[{"rates":{"input":"-1"}}]}"#, "row 0 has a negative rate for input: -1"),
        (
            r#"{"rows":[{"from":"2026-02-01","to":"2026-01-01","rates":{"input":"1"}}]}"#,
            "row 0 ends at 2026-01-01T00:00:00Z, before it starts",
        ),
    ] {
        assert_eq!(sheet(json).check().unwrap_err(), error);
    }
    // One ends when the other starts: no tie.
    sheet(r#"{"rows":[{"to":"2026-01-01","rates":{"input":"1"}},{"from":"2026-01-01","rates":{"input":"2"}}]}"#)
        .check()
        .unwrap();
}

#[test]
fn a_sheet_comes_back_from_its_text() {
    let text = concat!(
        r#"{"rows":[{"tier":"batch","region":"eu","from":"2026-08-17","to":"2026-09-10","hours":["12345 00:00-01:00"],"#,
        r#""prompt":">=200000","rates":{"input":"0.3","cache_read":"0.0028"}}],"plain":["image_in"],"uplift":{"eu":"110%"}}"#
    );
    assert_eq!(serde_json::to_string(&sheet(text)).unwrap(), text);
    for wrong in [
        r#"{"rows":[{"rates":{"inputs":"1"}}]}"#,
        r#"{"rows":[{"rates":{"input":1}}]}"#,
        r#"{"rows":[{"prompt":"200k","rates":{}}]}"#,
        r#"{"rows":[{"from":"soon","rates":{}}]}"#,
        r#"{"row":[]}"#,
    ] {
        assert!(serde_json::from_str::<Sheet>(wrong).is_err(), "{wrong}");
    }
}
