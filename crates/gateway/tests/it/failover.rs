//! What fails at one key or target is tried at the next; what is told when nothing is left.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::samples::{anthropic, openai};
use testkit::upstream::{Script, Unreachable, Upstream, refused};
use tokio::time::Instant;

use crate::harness::{self, ADMIN, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message, post_chat, post_message};

fn good() -> Script {
    Script::json(200, &openai::completion("ok", 3, 1))
}

fn fails(status: u16, body: &Value) -> Script {
    Script::json(status, body)
}

/// Outcome and status of each attempt, in order: `openai-like/m rate_limited 429`.
fn attempts(line: &Value) -> Vec<String> {
    let said = |attempt: &Value| {
        let text = |name: &str| attempt[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", text("provider"), text("outcome"), attempt["status"])
    };
    line["attempts"].as_array().unwrap().iter().map(said).collect()
}

#[tokio::test]
async fn every_class_of_error_goes_to_the_next_target() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    second.reply_always(good());
    let harness = Harness::two(&first, &second, "", "").await;
    let server = openai::server_error();
    let cases: Vec<(Script, &str, Value)> = vec![
        (fails(429, &openai::rate_limited()), "rate_limited", json!(429)),
        (fails(429, &openai::insufficient_quota()), "billing", json!(429)),
        (fails(402, &openai::error("pay", "x", None)), "billing", json!(402)),
        (fails(401, &openai::bad_key("cdef")), "auth", json!(401)),
        (fails(403, &openai::error("no", "x", None)), "auth", json!(403)),
        (fails(503, &server), "overloaded", json!(503)),
        (fails(529, &server), "overloaded", json!(529)),
        (fails(500, &server), "server_error", json!(500)),
        (fails(502, &json!("<html>")), "server_error", json!(502)),
        (fails(504, &server), "server_error", json!(504)),
        (fails(520, &server), "server_error", json!(520)),
        (fails(408, &server), "server_error", json!(408)),
        (fails(409, &server), "server_error", json!(409)),
        (fails(425, &server), "server_error", json!(425)),
        (Script::close(), "connect", json!(null)),
        (Script::reset(), "connect", json!(null)),
        (Script::garbage("nonsense\r\n\r\n"), "connect", json!(null)),
        (Script::body(200, "application/json", "{\"choices\":"), "bad_answer", json!(200)),
        (Script::body(200, "text/html", "<html>hello</html>"), "bad_answer", json!(200)),
        (Script::json(200, &json!({"object": "list"})), "bad_answer", json!(200)),
        (Script::body(200, "application/json", "{}").claim_length(500).cut_after(2), "truncated", json!(200)),
        (Script::json(200, &openai::error("Overloaded", "overloaded_error", None)), "", json!(200)),
    ];
    for (script, outcome, status) in cases {
        let said = format!("{script:?}");
        first.forget_scripts();
        first.reply_always(script);
        let (before, after) = (first.requests().len(), second.requests().len());
        let response = harness.call(&post_chat(&chat("two"))).await;
        assert_eq!(response.status, 200, "{said}: {}", response.text());
        assert_eq!(response.header("x-tollgate-served-by"), Some("p2/m"), "{said}");
        assert_eq!(response.header("x-tollgate-attempts"), Some("2"), "{said}");
        let line = harness.line(&response).await;
        let outcome = if outcome.is_empty() { line["attempts"][0]["outcome"].as_str().unwrap() } else { outcome };
        assert_eq!(attempts(&line), [format!("p1 {outcome} {status}"), "p2 ok 200".to_owned()], "{said}");
        assert_eq!(response.header("x-tollgate-why"), Some(&*format!("fallback:{outcome}")), "{said}");
        assert_eq!(line["decision"]["why"], format!("fallback:{outcome}"));
        assert_eq!(line["served"], json!({"provider": "p2", "model": "m", "region": null}));
        // A kept connection that breaks is resent once: that is no try of its own.
        let sent = first.requests().len() - before;
        assert!(sent == 1 || (sent == 2 && outcome == "connect"), "{said}: {sent} requests");
        assert_eq!(second.requests().len() - after, 1, "{said}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn the_callers_fault_is_passed_on_untouched_and_tried_nowhere_else() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = Harness::two(&first, &second, "", "").await;
    let error = |message: &str, code: &str| openai::error(message, "invalid_request_error", Some(code));
    let cases = [
        (400, error("bad temperature", "invalid_value"), "invalid_request"),
        (404, error("no such thing", "not_found"), "invalid_request"),
        (413, error("too long", "too_large"), "invalid_request"),
        (422, error("unprocessable", "x"), "invalid_request"),
        (400, openai::too_long(), "context_length"),
        (400, error("flagged by our content policy", "content_policy_violation"), "content_policy"),
    ];
    for (status, body, outcome) in cases {
        first.forget_scripts();
        let text = format!(" {body}\n");
        first.reply_always(Script::body(status, "application/problem+json", text.clone()).header("x-request-id", "r1"));
        let response = harness.call(&post_chat(&chat("two"))).await;
        assert_eq!((response.status, response.text()), (status, text), "{outcome}");
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(response.header("x-tollgate-error"), Some("upstream_rejected"));
        assert_eq!(response.header("x-request-id"), Some("r1"));
        assert_eq!((response.header("retry-after"), response.header("x-should-retry")), (None, None));
        let line = harness.line(&response).await;
        assert_eq!(attempts(&line), [format!("p1 {outcome} {status}")]);
        assert_eq!(line["error"], json!({"kind": "upstream_rejected", "class": outcome}));
        assert_eq!(line["cost"]["usd"], "0.000000000");
    }
    assert_eq!(second.requests().len(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn what_is_told_when_nothing_is_left() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = Harness::two(&first, &second, "", ", retry: { attempts: 2 }").await;
    let limited = |after: &str| fails(429, &openai::rate_limited()).header("retry-after", after);
    let server = || fails(500, &openai::server_error());
    let busy = || fails(503, &openai::server_error());
    let no_key = || fails(401, &openai::bad_key("cdef"));
    // First's, second's, status, kind, retry-after, x-should-retry.
    let cases = [
        (limited("70"), limited("33"), 429, "upstream_rate_limited", Some(33), None),
        (no_key(), limited("40"), 429, "upstream_rate_limited", Some(40), None),
        (limited("40"), no_key(), 429, "upstream_rate_limited", Some(40), None),
        (limited("70"), server(), 502, "upstream_failed", None, Some("false")),
        (server(), busy(), 502, "upstream_failed", None, Some("false")),
        (busy().header("retry-after", "21"), busy(), 503, "upstream_overloaded", Some(21), None),
        (no_key(), fails(402, &json!({})), 502, "upstream_auth", None, Some("false")),
        (Script::close(), Script::reset(), 502, "upstream_failed", None, Some("false")),
    ];
    for (one, two, status, kind, after, should) in cases {
        let said = format!("{one:?} {two:?}");
        for (upstream, script) in [(&first, one), (&second, two)] {
            upstream.forget_scripts();
            upstream.reply_always(script);
        }
        let response = harness.call(&post_chat(&chat("two"))).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (status, Some(kind)), "{said}");
        let told = response.header("retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
        // Seconds that passed since the provider said so are taken off.
        let near = told == after || told.zip(after).is_some_and(|(told, after)| told < after && told + 5 >= after);
        assert!(near, "{said}: {told:?} {after:?}");
        assert_eq!(response.header("x-should-retry"), should, "{said}");
        assert_eq!(response.header("x-tollgate-attempts"), Some("2"), "{said}");
        assert_eq!(response.header("x-tollgate-cost-usd"), None);
        let body = response.json();
        if body["error"].get("tollgate").is_some() {
            let own = &body["error"]["tollgate"];
            assert_eq!(
                (&own["kind"], own["request_id"].as_str()),
                (&json!(kind), response.header("x-tollgate-request-id"))
            );
            assert_eq!(own["attempts"].as_array().unwrap().len(), 2, "{own}");
        }
        for secret in [KEY_1, KEY_2, "cdef", "org-AbCdEf"] {
            assert!(!response.text().contains(secret), "{said} tells {secret}: {}", response.text());
        }
        let line = harness.line(&response).await;
        assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("error"), &json!(kind)), "{said}");
        assert_eq!(line["attempts"].as_array().unwrap().len(), 2);
    }
    // In Anthropic's words, where overloaded has its own status.
    for upstream in [&first, &second] {
        upstream.forget_scripts();
        upstream.reply_always(busy());
    }
    let response = harness.call(&post_message(&message("two"))).await;
    assert_eq!((response.status, response.json()["error"]["type"].as_str()), (529, Some("overloaded_error")));
    assert_eq!(response.json()["error"]["tollgate"]["kind"], "upstream_overloaded");
    harness.finish().await;
}

#[tokio::test]
async fn keys_take_turns_and_a_refused_key_stays_out() {
    let upstream = Upstream::start().await;
    let harness = Harness::start(&format!(
        "{}providers:\n  pool: {{ kind: openai-compatible, base_url: \"{}/v1\", api_keys: [{KEY_1}, {KEY_2}], models: [m] }}\n",
        keys(),
        upstream.url()
    ))
    .await;
    let with_first = |received: &testkit::upstream::Received| {
        received.header("authorization").is_some_and(|value| value.ends_with(KEY_1))
    };
    let rates = |script: Script| script.header("x-ratelimit-limit-requests", "60");
    upstream.reply_when(with_first, rates(fails(401, &openai::bad_key("cdef"))));
    upstream.reply_always(rates(good()));
    for _ in 0..4 {
        let response = harness.call(&post_chat(&chat("pool/m"))).await;
        assert_eq!((response.status, response.header("x-tollgate-served-by")), (200, Some("pool/m")));
        // Two keys stand behind it: their limits are not the caller's.
        assert_eq!(response.header("x-ratelimit-limit-requests"), None);
    }
    let firsts = upstream.requests().iter().filter(|request| with_first(request)).count();
    assert_eq!((firsts, upstream.requests().len()), (2, 6));
    // Both out: once each, no more.
    upstream.forget_scripts();
    upstream.reply_always(fails(401, &openai::bad_key("cdef")));
    let response = harness.call(&post_chat(&chat("pool/m"))).await;
    assert_eq!((response.status, response.header("x-tollgate-attempts")), (502, Some("2")));
    harness.finish().await;
}

#[tokio::test]
async fn the_same_target_again_only_when_no_other_is_left() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = Harness::two(&first, &second, "", ", retry: { attempts: 4 }, fallback: [p2/free]").await;
    first.reply(fails(500, &openai::server_error()));
    first.reply_always(good());
    second.reply(fails(503, &openai::server_error()));
    second.reply(fails(500, &openai::server_error()));
    let response = harness.call(&post_chat(&chat("two"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let line = harness.line(&response).await;
    assert_eq!(attempts(&line), ["p1 server_error 500", "p2 overloaded 503", "p2 server_error 500", "p1 ok 200"]);
    let models: Vec<&str> = line["attempts"].as_array().unwrap().iter().map(|a| a["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["m", "m", "free", "m"]);
    harness.finish().await;
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for_and_a_long_one_is_told() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    upstream.reply(fails(429, &openai::rate_limited()).header("retry-after-ms", "300"));
    upstream.reply(good());
    let since = Instant::now();
    let response = harness.call(&post_chat(&chat("p1/m"))).await;
    assert_eq!(response.status, 200);
    assert!(since.elapsed() >= Duration::from_millis(295), "{:?}", since.elapsed());
    let times: Vec<Instant> = upstream.requests().iter().map(|request| request.at).collect();
    assert!(times[1] - times[0] >= Duration::from_millis(290));
    let body = openai::rate_limited();
    upstream.reply(fails(429, &body).header("retry-after", "6"));
    let since = Instant::now();
    let response = harness.call(&post_chat(&chat("p1/m"))).await;
    assert_eq!((response.status, response.header("retry-after")), (429, Some("6")));
    assert!(since.elapsed() < Duration::from_secs(5));
    // The upstream's body, its organization overwritten.
    let expected = body.to_string().replace("org-AbCdEf0123456789AbCdEf01", &"*".repeat(28));
    assert_eq!(response.text(), expected);
    harness.finish().await;
}

#[tokio::test]
async fn timers_end_what_takes_too_long() {
    let (slow, second) = (Upstream::start().await, Upstream::start().await);
    slow.reply_always(Script::stall());
    second.reply_always(Script::sse(openai::stream(&["ok"], None)));
    let hung = Unreachable::start().await;
    let dead = refused().await;
    let provider = |name: &str, url: &str, timeouts: &str| {
        harness::openai(name, url, KEY_1, &format!(", timeouts: {{ {timeouts} }}"))
    };
    let harness = Harness::start(&format!(
        "{}providers:\n{}{}{}{}{}models:\n  first: {{ targets: [first/m, p2/m] }}\n  total: {{ targets: [total/m, p2/m] }}\n  \
         hung: {{ targets: [hung/m, p2/m] }}\n  dead: {{ targets: [dead/m, p2/m] }}\n  once: {{ targets: [total/m], \
         retry: {{ attempts: 1 }} }}\n",
        keys(),
        provider("first", &slow.url(), "first_byte: 150ms"),
        provider("total", &slow.url(), "total: 150ms"),
        provider("hung", &format!("http://{}", hung.addr), "connect: 150ms"),
        provider("dead", &format!("http://{dead}"), "connect: 5s"),
        harness::openai("p2", &second.url(), KEY_2, ""),
    ))
    .await;
    for (name, outcome) in
        [("first", "timeout_first_byte"), ("total", "timeout_total"), ("hung", "timeout_connect"), ("dead", "connect")]
    {
        let response = harness.call(&post_chat(&chat_stream(name))).await;
        assert_eq!((response.status, response.header("x-tollgate-served-by")), (200, Some("p2/m")), "{name}");
        assert_eq!(response.header("x-tollgate-why"), Some(&*format!("fallback:{outcome}")), "{name}");
        let line = harness.line(&response).await;
        assert_eq!(attempts(&line), [format!("{name} {outcome} null"), "p2 ok 200".to_owned()]);
    }
    let response = harness.call(&post_chat(&chat("once"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (504, Some("upstream_timeout")));
    assert_eq!(response.header("x-should-retry"), Some("false"));
    assert_eq!(response.json()["error"]["tollgate"]["timer"], "total");
    // Each was left: the upstream sees the connection closed.
    slow.wait_disconnects(3).await;
    harness.finish().await;
}

#[tokio::test]
async fn the_callers_own_time_bounds_all_attempts() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    first.reply_always(fails(500, &openai::server_error()));
    second.reply_always(Script::stall());
    let harness = Harness::two(&first, &second, "", "").await;
    let since = Instant::now();
    let response = harness.call(&post_chat(&chat("two")).header("x-tollgate-timeout", "300ms")).await;
    assert_eq!(
        (response.status, response.header("x-tollgate-error")),
        (504, Some("upstream_timeout")),
        "{}",
        response.text()
    );
    assert!(since.elapsed() >= Duration::from_millis(290) && since.elapsed() < harness::PATIENCE);
    let line = harness.line(&response).await;
    assert_eq!(attempts(&line), ["p1 server_error 500", "p2 timeout_total null"]);
    for bad in ["soon", "-1s", "0s", ""] {
        let response = harness.call(&post_chat(&chat("two")).header("x-tollgate-timeout", bad)).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (400, Some("invalid_request")), "{bad:?}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_kept_connection_found_closed_is_resent_once_without_an_attempt() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    upstream.reply(good());
    assert_eq!(harness.call(&post_chat(&chat("p1/m"))).await.status, 200);
    // On the kept connection it closes without a byte: that is the connection's end, not the provider's answer.
    upstream.reply(Script::close());
    upstream.reply(good());
    let response = harness.call(&post_chat(&chat("p1/m"))).await;
    assert_eq!((response.status, response.header("x-tollgate-attempts")), (200, Some("1")));
    let requests = upstream.requests();
    assert_eq!(requests.iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(requests[1].body, requests[2].body);
    let line = harness.line(&response).await;
    assert_eq!((attempts(&line), &line["attempts"][0]["resent"]), (vec!["p1 ok 200".to_owned()], &json!(true)));
    harness.finish().await;
}

#[tokio::test]
async fn an_error_crosses_dialects_in_the_callers_words() {
    let upstream = Upstream::start().await;
    let harness = Harness::start(&format!(
        "server: {{ admin_key: {ADMIN} }}\n{}providers:\n{}{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, "")
    ))
    .await;
    upstream.reply(fails(400, &anthropic::too_long()));
    let response = harness.call(&post_chat(&chat("a1/m"))).await;
    let body = response.json();
    assert_eq!((response.status, response.header("x-tollgate-error")), (400, Some("upstream_rejected")));
    assert_eq!(body["error"]["message"], "prompt is too long: 210000 tokens > 200000 maximum");
    assert_eq!(body["error"]["tollgate"]["kind"], "upstream_rejected");
    upstream.reply(fails(400, &openai::too_long()));
    let response = harness.call(&post_message(&message("p1/m"))).await;
    let body = response.json();
    assert_eq!(
        (response.status, &body["type"], &body["error"]["type"]),
        (400, &json!("error"), &json!("invalid_request_error"))
    );
    upstream.reply_always(fails(429, &openai::rate_limited()).header("retry-after", "50"));
    let response = harness.call(&post_message(&message("p1/m"))).await;
    let body = response.json();
    assert_eq!((response.status, &body["error"]["type"]), (429, &json!("rate_limit_error")));
    assert!(!response.text().contains("org-AbCdEf"), "{}", response.text());
    assert_eq!(response.header("retry-after"), Some("50"));
    harness.finish().await;
}
