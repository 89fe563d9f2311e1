//! The ledger's line: its shape, who may read it, and that every way a request can end has one.

use serde_json::{Value, json};
use testkit::http::{self, Request};
use testkit::samples::{anthropic, join, openai};
use testkit::upstream::{Gate, Script, Step, Upstream};

use crate::harness::{self, ADMIN, ALICE, BOB, Harness, KEY_1, chat, chat_stream, keys, post_chat};

async fn get(harness: &Harness, path: &str, key: &str) -> http::Response {
    http::fetch(harness.addr, &Request::get(path).bearer(key)).await
}

#[tokio::test]
async fn a_line_has_the_shape_of_the_contract() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let harness = Harness::one(&upstream).await;
    let request = post_chat(&chat("p1/m"))
        .header("x-tollgate-tags", "feature=search, b=2")
        .header("x-tollgate-user", "u1")
        .header("x-tollgate-session", "s1");
    let response = harness.call(&request).await;
    let mut line = harness.line(&response).await;
    let id = response.header("x-tollgate-request-id").unwrap();
    // What differs from run to run, of its kind.
    for path in ["/at", "/node", "/config", "/cost/prices"] {
        assert!(line.pointer(path).unwrap().as_str().is_some_and(|text| !text.is_empty()), "{path}");
        *line.pointer_mut(path).unwrap() = Value::Null;
    }
    for path in ["/latency/total_ms", "/latency/first_byte_ms", "/latency/gateway_us", "/attempts/0/ms"] {
        assert!(line.pointer(path).unwrap().as_u64().is_some_and(|number| number < 60_000_000), "{path}");
        *line.pointer_mut(path).unwrap() = Value::Null;
    }
    let expected = json!({
        "id": id, "at": null, "status": "ok", "http": 200, "error": null, "upstream_id": openai::ID, "node": null,
        "config": null,
        "caller": {"key": "alice", "team": "red", "organization": "acme", "user": "u1",
            "tags": {"feature": "search", "b": "2"}, "session": "s1"},
        "dialect": "openai-chat", "operation": "chat", "stream": false, "asked": "p1/m",
        "served": {"provider": "p1", "model": "m", "region": null},
        "attempts": [{"provider": "p1", "model": "m", "outcome": "ok", "status": 200, "ms": null, "cost_usd": "0.000050000"}],
        "usage": {"input": 10, "cache_read": 0, "cache_write": 0, "output": 20, "reasoning": 0, "source": "reported", "notes": []},
        "cost": {"usd": "0.000050000", "source": "computed", "lines": [
            {"unit": "input", "quantity": 10, "usd_per_million": "1", "usd": "0.00001"},
            {"unit": "output", "quantity": 20, "usd_per_million": "2", "usd": "0.00004"}], "prices": null},
        "latency": {"total_ms": null, "first_byte_ms": null, "gateway_us": null},
        "cache": "off", "losses": [], "limits": [],
        "decision": {"why": "only_target", "candidates": [{"target": "p1/m", "expected_usd": null, "excluded_by": null}]}
    });
    assert_eq!(line, expected);
    harness.finish().await;
}

#[tokio::test]
async fn a_line_is_its_callers_and_the_admins() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let harness = Harness::one(&upstream).await;
    let response = harness.call(&post_chat(&chat("p1/m"))).await;
    let id = response.header("x-tollgate-request-id").unwrap().to_owned();
    harness.line(&response).await;
    for path in [
        format!("/v1/requests/{id}"),
        format!("/api/v1/generation?id={id}"),
        format!("/api/v1/generation?id={}", openai::ID),
    ] {
        for (key, status) in [(ALICE, 200), (ADMIN, 200), (BOB, 404), ("tg-unknown", 401)] {
            let found = get(&harness, &path, key).await;
            assert_eq!(found.status, status, "{path} with {key}: {}", found.text());
            assert!(found.header("x-tollgate-request-id").is_some());
        }
    }
    let generation = get(&harness, &format!("/api/v1/generation?id={}", openai::ID), ALICE).await.json();
    let data = &generation["data"];
    assert_eq!((&data["id"], &data["tollgate"]["id"]), (&json!(openai::ID), &json!(id)));
    assert_eq!((&data["model"], &data["provider_name"]), (&json!("m"), &json!("p1")));
    assert_eq!((&data["tokens_prompt"], &data["tokens_completion"]), (&json!(10), &json!(20)));
    assert_eq!(data["total_cost"], json!(0.00005));
    for path in ["/v1/requests/00000000-0000-7000-8000-000000000000", "/v1/requests/x", "/api/v1/generation?id=none"] {
        assert_eq!(get(&harness, path, ALICE).await.status, 404, "{path}");
    }
    assert_eq!(get(&harness, "/api/v1/generation", ALICE).await.status, 400);
    // The admin key may call models, too.
    let response = harness.call(&Request::post("/v1/chat/completions", &chat("p1/m")).bearer(ADMIN)).await;
    let line = harness.line_of(response.header("x-tollgate-request-id").unwrap(), ADMIN).await;
    assert_eq!(line["caller"]["key"], "admin");
    harness.finish().await;
}

#[tokio::test]
async fn a_refused_request_of_a_known_caller_has_a_line_and_a_stranger_has_none() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    let send = |body: &str| Request::post("/v1/chat/completions", &json!({})).body(body);
    let good = chat("p1/m").to_string();
    let cases = [
        (send("{").bearer(ALICE), 400, "invalid_request"),
        (send("{\"messages\":[]}").bearer(ALICE), 400, "invalid_request"),
        (send(&good).bearer(ALICE).header("x-tollgate-tags", "A=1"), 400, "invalid_request"),
        (send(&good).bearer(ALICE).header("content-encoding", "lzma"), 415, "unsupported"),
        (send(&chat("p1/none").to_string()).bearer(ALICE), 404, "unknown_model"),
        (send(&chat("none").to_string()).bearer(BOB), 404, "unknown_model"),
        (send(&good), 401, "unauthenticated"),
        (send(&good).bearer("tg-wrong"), 401, "unauthenticated"),
    ];
    for (request, status, kind) in cases {
        let response = harness.call(&request).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (status, Some(kind)), "{request:?}");
        let body = response.json();
        assert_eq!(body["error"]["tollgate"]["kind"], kind);
        if status == 401 {
            let id = response.header("x-tollgate-request-id").unwrap();
            assert_eq!(get(&harness, &format!("/v1/requests/{id}"), ADMIN).await.status, 404);
            continue;
        }
        let line = harness.line_of(response.header("x-tollgate-request-id").unwrap(), ADMIN).await;
        assert_eq!((&line["status"], &line["attempts"]), (&json!("error"), &json!([])), "{line}");
        assert_eq!(
            (&line["cost"]["usd"], &line["error"]),
            (&json!("0.000000000"), &json!({"kind": kind, "class": null}))
        );
        assert_eq!(line["http"], status);
    }
    assert_eq!(upstream.requests().len(), 0);
    assert_eq!(harness.finish().await.len(), 6);
}

#[tokio::test]
async fn a_caller_who_leaves_a_stream_is_charged_what_came_and_the_upstream_is_left() {
    let upstream = Upstream::start().await;
    for (dialect, model) in [("openai", "p1/m"), ("anthropic", "a1/m")] {
        let harness = match dialect {
            "openai" => Harness::one(&upstream).await,
            _ => Harness::one_anthropic(&upstream).await,
        };
        let gone = upstream.disconnects().len();
        let start = match dialect {
            "openai" => join(&openai::stream(&["Hello there, how are you"], None)[..2]),
            _ => join(&anthropic::text_stream(&["Hello there, how are you"], 7, 9)[..4]),
        };
        upstream.reply(Script::sse_head().frame(start).then(Step::Stall));
        let mut client = harness.connect().await;
        let request = match dialect {
            "openai" => post_chat(&chat_stream(model)),
            _ => harness::post_message(&harness::message_stream(model)),
        };
        client.send(request.to_bytes()).await.unwrap();
        client.read_head().await.unwrap();
        client.read_until("Hello there").await;
        drop(client);
        upstream.wait_disconnects(gone + 1).await;
        let line = harness.only_line().await;
        assert_eq!((&line["status"], &line["attempts"][0]["outcome"]), (&json!("cancelled"), &json!("cancelled")));
        assert!(matches!(line["usage"]["source"].as_str(), Some("partial" | "estimated")), "{line}");
        assert!(line["usage"]["output"].as_u64().unwrap() >= 6, "{line}");
        assert_ne!(line["cost"]["usd"], "0.000000000");
        harness.finish().await;
    }
}

#[tokio::test]
async fn a_caller_who_leaves_before_an_answer_leaves_the_upstream_too() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::stall());
    for body in [chat("p1/m"), chat_stream("p1/m")] {
        let harness = Harness::one(&upstream).await;
        let (seen, gone) = (upstream.requests().len(), upstream.disconnects().len());
        let mut client = harness.connect().await;
        client.send(post_chat(&body).to_bytes()).await.unwrap();
        upstream.wait_requests(seen + 1).await;
        client.reset();
        upstream.wait_disconnects(gone + 1).await;
        let line = harness.only_line().await;
        assert_eq!(line["status"], "cancelled", "{line}");
        assert_eq!(line["attempts"][0]["outcome"], "cancelled", "{line}");
        harness.finish().await;
    }
}

#[tokio::test]
async fn a_drained_stream_has_exact_usage() {
    let upstream = Upstream::start().await;
    let harness = Harness::start(&format!(
        "{}providers:\n{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, ", on_disconnect: drain")
    ))
    .await;
    let frames = openai::stream(&["Hello", " there"], Some((70, 20)));
    let gate = Gate::new();
    let mut script = Script::sse_head().frame(join(&frames[..2])).gate(&gate);
    script = script.frame(join(&frames[2..])).then(Step::End);
    upstream.reply(script);
    let mut client = harness.connect().await;
    client.send(post_chat(&chat_stream("p1/m")).to_bytes()).await.unwrap();
    client.read_head().await.unwrap();
    client.read_until("Hello").await;
    client.reset();
    // The caller is gone for sure once its record moved to the drain: nothing tells from outside, so it is
    // enough that the rest comes after the reset.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    gate.open();
    let line = harness.only_line().await;
    assert_eq!(line["status"], "cancelled");
    let usage = &line["usage"];
    assert_eq!((&usage["input"], &usage["output"], &usage["source"]), (&json!(70), &json!(20), &json!("reported")));
    assert_eq!(line["cost"]["usd"], "0.000110000");
    assert_eq!(upstream.disconnects().len(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn cost_is_told_in_the_usage_when_asked_for() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    let mut body = chat("p1/m");
    body["usage"] = json!({"include": true});
    upstream.reply(Script::json(200, &openai::completion("ok", 10, 20)));
    let response = harness.call(&post_chat(&body)).await;
    assert!(response.text().contains("\"cost\":0.000050000"), "{}", response.text());
    assert!(!upstream.requests()[0].text().contains("include"));
    // The upstream's own stays.
    let mut own = openai::completion("ok", 10, 20);
    own["usage"]["cost"] = json!(0.5);
    upstream.reply(Script::json(200, &own));
    assert_eq!(harness.call(&post_chat(&body)).await.json(), own);
    // In a stream's usage frame, whether it was asked for by itself or not, whatever the answer's form was.
    for asked in [false, true] {
        let mut stream = chat_stream("p1/m");
        stream["usage"] = json!({"include": true});
        if asked {
            stream["stream_options"] = json!({"include_usage": true});
        }
        for script in
            [Script::sse(openai::stream(&["a"], Some((10, 20)))), Script::json(200, &openai::completion("a", 10, 20))]
        {
            upstream.reply(script);
            let response = harness.call(&post_chat(&stream)).await;
            let data = response.data();
            let costs = data.iter().filter(|data| data.contains("\"cost\":0.000050000")).count();
            assert_eq!(costs, 1, "{}", response.text());
            assert!(response.text().ends_with("data: [DONE]\n\n"));
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn an_unpriced_answer_says_so_and_a_free_one_costs_nothing() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let response = harness.call(&post_chat(&chat("p1/odd"))).await;
    assert_eq!((response.status, response.header("x-tollgate-cost-usd")), (200, None));
    let line = harness.line(&response).await;
    assert_eq!((&line["cost"]["usd"], &line["cost"]["source"]), (&json!(null), &json!("unpriced")));
    assert_eq!(line["attempts"][0]["cost_usd"], json!(null));
    let response = harness.call(&post_chat(&chat("p1/free"))).await;
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000000000"));
    let line = harness.line(&response).await;
    assert_eq!((&line["cost"]["usd"], &line["cost"]["source"]), (&json!("0.000000000"), &json!("computed")));
    // What nobody reported is estimated, and says so.
    let mut silent = openai::completion("hello you there", 1, 1);
    silent.as_object_mut().unwrap().remove("usage");
    upstream.forget_scripts();
    upstream.reply(Script::json(200, &silent));
    let response = harness.call(&post_chat(&chat("p1/m"))).await;
    let line = harness.line(&response).await;
    assert_eq!(line["usage"]["source"], "estimated");
    assert!(line["usage"]["output"].as_u64().unwrap() >= 3);
    harness.finish().await;
}

#[tokio::test]
async fn user_and_session_are_found_where_clients_put_them() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let harness = Harness::one(&upstream).await;
    let with = |members: Value| {
        let mut body = chat("p1/m");
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        post_chat(&body)
    };
    let cases = [
        (with(json!({"user": "a"})), json!("a"), json!(null)),
        (with(json!({"user": "a", "safety_identifier": "b"})), json!("b"), json!(null)),
        (with(json!({"user": "a"})).header("x-tollgate-user", "h"), json!("h"), json!(null)),
        (with(json!({"prompt_cache_key": "k"})), json!(null), json!("k")),
        (with(json!({"prompt_cache_key": "k"})).header("x-session-id", "i"), json!(null), json!("i")),
        (with(json!({})).header("x-session-id", "i").header("x-tollgate-session", "s"), json!(null), json!("s")),
    ];
    for (request, user, session) in cases {
        let response = harness.call(&request).await;
        let line = harness.line(&response).await;
        assert_eq!((&line["caller"]["user"], &line["caller"]["session"]), (&user, &session), "{request:?}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn the_cost_that_a_wrapped_gateway_tells_in_a_header_is_taken() {
    let upstream = Upstream::start().await;
    let url = upstream.url();
    let config = format!(
        "{}providers:\n  l1: {{ kind: litellm, base_url: \"{url}\", api_key: {KEY_1}, models: [m] }}\n",
        keys()
    );
    let harness = Harness::start(&config).await;
    let told = |cost: Option<&str>| {
        let script =
            Script::json(200, &openai::completion("ok", 10, 20)).header("x-litellm-response-cost-original", "0.0");
        match cost {
            Some(cost) => script.header("x-litellm-response-cost", cost),
            None => script,
        }
    };
    // As LiteLLM writes it: Python's floats; no header where it knows no price; 0 is a price.
    for (cost, usd, source) in [
        (Some("9.999999999999999e-06"), json!("0.000010000"), "provider"),
        (Some("0.0"), json!("0.000000000"), "provider"),
        (Some("None"), Value::Null, "unpriced"),
        (None, Value::Null, "unpriced"),
    ] {
        upstream.reply(told(cost));
        let response = harness.call(&post_chat(&chat("l1/m"))).await;
        assert_eq!(response.header("x-tollgate-cost-usd"), usd.as_str(), "{cost:?}");
        let line = harness.line(&response).await;
        assert_eq!((&line["cost"]["usd"], &line["cost"]["source"]), (&usd, &json!(source)), "{cost:?}");
    }
    // Its streams tell it in their usage.
    let end = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30, "cost": 0.000058}});
    let mut frames = openai::stream(&["Hi"], None);
    frames.insert(frames.len() - 1, format!("data: {end}\n\n").into());
    upstream.reply(Script::sse(frames));
    let response = harness.call(&post_chat(&chat_stream("l1/m"))).await;
    let line = harness.line(&response).await;
    assert_eq!((&line["cost"]["usd"], &line["cost"]["source"]), (&json!("0.000058000"), &json!("provider")), "{line}");
    // Embeddings and the native lane as well.
    let answer = json!({"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8}});
    for path in ["/v1/embeddings", "/native/l1/v1/embeddings"] {
        upstream.reply(Script::json(200, &answer).header("x-litellm-response-cost", "8e-06"));
        let model = if path.starts_with("/native") { "m" } else { "l1/m" };
        let request = Request::post(path, &json!({"model": model, "input": "a"})).bearer(ALICE);
        let response = harness.call(&request).await;
        assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000008000"), "{path}: {}", response.text());
    }
    harness.finish().await;
}
