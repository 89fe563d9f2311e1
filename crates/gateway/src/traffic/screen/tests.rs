//! Drawings of known sums.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;

use super::super::ask::Who;
use super::super::call::Finished;
use super::super::tally::Tally;
use super::{Screen, Style, frame};

const WHO: Who = Who { team: "growth", user: "ana", feature: "search" };

fn line(served: &str, why: &str, failed: &str, usd: &str, ms: u64) -> Finished {
    let line = format!(
        r#"{{"status":"ok","asked":"demo/fast","dialect":"openai-chat","stream":true,"error":null,"served":{served},
        "attempts":[{failed}{{"provider":"swift","model":"fast","outcome":"ok"}}],
        "usage":{{"input":10,"cache_read":5,"cache_write":null,"output":20}},"cost":{{"usd":{usd}}},
        "latency":{{"total_ms":{ms}}},"decision":{{"why":"{why}"}}}}"#
    );
    let line = Some(Bytes::from(line));
    Finished { who: WHO, id: Some("0199".to_owned()), http: Some(200), line, trouble: None }
}

fn refused() -> Finished {
    let line = r#"{"status":"error","asked":"demo/fats","error":{"kind":"unknown_model"},"served":null,"attempts":[],
        "usage":{"input":null,"output":null},"cost":{"usd":"0.000000000"},"latency":{"total_ms":1},
        "decision":{"why":""}}"#;
    Finished { who: WHO, id: None, http: Some(404), line: Some(Bytes::from(line)), trouble: None }
}

fn lost() -> Finished {
    Finished { who: WHO, id: None, http: None, line: None, trouble: Some("connection refused".to_owned()) }
}

const SWIFT: &str = r#"{"provider":"swift","model":"fast"}"#;

#[test]
fn sums_are_drawn_exactly() {
    let mut tally = Tally::default();
    for ms in 1..=20 {
        tally.add(line(SWIFT, "priority", "", "\"0.000000001\"", ms));
    }
    let failed = r#"{"provider":"flaky","model":"flaky","outcome":"rate_limited"},"#;
    tally.add(line(SWIFT, "fallback:rate_limited", failed, "\"1.500000000\"", 400));
    tally.add(line(SWIFT, "priority", "", "null", 5));
    tally.add(refused());
    tally.add(lost());
    let drawn = frame(&tally, "http://127.0.0.1:4000", 65_000, Some(2));
    let wanted = "
 tollgate demo   http://127.0.0.1:4000   1:05         24 requests  2 failed  2 unpriced  2 under way

 served by     requests  errors  fallbacks  tokens in  tokens out     cost USD  p50 ms  p95 ms
 ──────────────────────────────────────────────────────────────────────────────────────────────
 (not served)         2       0          0          0           0  0.000000000       -       -
 flaky/flaky          0       1          0          0           0  0.000000000       -       -
 swift/fast          22       0          1        330         440  1.500000020      10      20
 ──────────────────────────────────────────────────────────────────────────────────────────────
 total               24       1          1        330         440  1.500000020

 by team   growth $1.50000002 (24)

 growth/ana   connection refused
 growth/ana   demo/fats → nobody             unknown_model                  1 ms        $0.00
 growth/ana   demo/fast → swift/fast         priority                       5 ms     unpriced stream
 growth/ana   demo/fast → swift/fast         fallback:rate_limited        400 ms        $1.50 stream
 growth/ana   demo/fast → swift/fast         priority                      20 ms $0.000000001 stream
";
    assert_eq!(format!("\n{drawn}"), wanted, "\n{drawn}");
}

#[test]
fn json_is_the_ledger_line_or_what_is_wrong() {
    let mut out = Vec::new();
    let mut screen = Screen::new(&mut out, Style::Json, "http://x");
    screen.open().unwrap();
    screen.finished(&lost()).unwrap();
    screen.summary(&Tally::default(), 0).unwrap();
    screen.close().unwrap();
    let wanted = r#"{"id":null,"http":null,"status":"unknown","trouble":"connection refused"}"#;
    assert_eq!(String::from_utf8(out).unwrap(), format!("{wanted}\n"));
}

#[test]
fn nothing_yet_can_be_drawn() {
    assert!(frame(&Tally::default(), "http://x", 0, Some(0)).contains("total"));
}
