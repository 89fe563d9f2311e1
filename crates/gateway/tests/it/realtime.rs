//! The realtime socket: opened like any request, messages both ways as they came, each response priced as it ends, and
//! whoever breaks the protocol closed with the right code, alone.

use std::sync::Arc;
use std::time::Duration;

use gateway::realtime::limits::Limits;
use serde_json::{Value, json};
use testkit::h1::Head;
use testkit::http::Request;
use testkit::samples::openai;
use testkit::socket::{self, BINARY, CLOSE, MORE, PING, PONG, Socket, SocketServer, TEXT, ask, connect, frame};
use testkit::upstream::{Script, Upstream};

use crate::harness::{ADMIN, ALICE, BOB, CANARY, Harness, KEY_1, KEY_2, keys};

/// Prices of `m`: text 1 and 2 USD a million, cached a tenth, audio 10 and 20.
const PRICES: &str = "prices: { m: { input: 1, output: 2, cache_read: 0.1, audio_in: 10, audio_out: 20 }, \
                      scribe: { input: 1, output: 1, audio_in: 5 } }";

/// `p1` at an upstream that may refuse, `p2` at one that speaks WebSocket, `two` that tries them in order.
async fn start(first: &str, second: &SocketServer, server: &str) -> Harness {
    let url = second.url();
    let provider = |name: &str, url: &str, key: &str| {
        format!(
            "  {name}: {{ kind: openai-compatible, base_url: \"{url}/v1\", api_key: {key}, models: [m, scribe], {PRICES} }}\n"
        )
    };
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN}{server} }}\n{}providers:\n{}{}models:\n  two: {{ targets: [p1/m, p2/m] }}\n",
        keys(),
        provider("p1", first, KEY_1),
        provider("p2", &url, KEY_2),
    ))
    .await
}

/// A gateway whose `p2` is this upstream alone.
async fn one(upstream: &SocketServer) -> Harness {
    start(&upstream.url(), upstream, "").await
}

fn limits(harness: &Harness, change: impl FnOnce(&mut Limits)) {
    let mut limits = Limits::default();
    change(&mut limits);
    harness.gateway.sockets.store(Arc::new(limits));
}

/// Opens a socket through the gateway: the client's end, its head, the upstream's end and what it was asked.
async fn open(harness: &Harness, upstream: &SocketServer, request: &Request) -> (Socket, Head, Socket, Head) {
    let ((client, head), (up, asked)) = tokio::join!(connect(harness.addr, request), upstream.accept());
    assert!(head.first.contains(" 101 "), "{head:?}");
    harness.note_head(101, &head);
    (client, head, up, asked)
}

fn alice(target: &str) -> Request {
    ask(target).bearer(ALICE)
}

async fn opened(harness: &Harness, upstream: &SocketServer) -> (Socket, String, Socket) {
    let (client, head, up, _) = open(harness, upstream, &alice("/v1/realtime?model=p2/m")).await;
    (client, head.get("x-tollgate-request-id").unwrap().to_owned(), up)
}

fn done(id: &str, status: &str, usage: &Value) -> String {
    json!({"type": "response.done", "event_id": "e", "response": {"id": id, "status": status, "usage": usage}})
        .to_string()
}

fn created(id: &str) -> String {
    json!({"type": "response.created", "response": {"id": id, "status": "in_progress"}}).to_string()
}

/// The lines of a session that are no connection's, oldest first.
fn answers(lines: &[Value], session: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["caller"]["session"] == session && line["id"] != session).cloned().collect()
}

#[tokio::test]
async fn messages_pass_both_ways_and_each_response_has_a_line() {
    let upstream = SocketServer::start().await;
    let harness = one(&upstream).await;
    let request =
        alice("/v1/realtime?model=p2%2Fm&a=1").header("openai-beta", "realtime=v1").header("x-tollgate-user", "u1");
    let (mut client, head, mut up, asked) = open(&harness, &upstream, &request).await;
    assert_eq!(asked.first, "GET /v1/realtime?model=m&a=1 HTTP/1.1");
    assert_eq!(asked.get("authorization"), Some(&*format!("Bearer {KEY_2}")));
    assert_eq!((asked.get("openai-beta"), asked.get("sec-websocket-protocol")), (Some("realtime=v1"), None));
    assert_eq!(head.get("x-tollgate-served-by"), Some("p2/m"));
    let id = head.get("x-tollgate-request-id").unwrap().to_owned();
    up.text(&json!({"type": "session.created", "session": {"id": "sess_1"}}).to_string()).await;
    assert!(client.next_text().await.contains("sess_1"));
    // As they came, both ways: odd numbers, bytes, nothing, a large one, and one in pieces.
    let large = "x".repeat(3 << 20);
    for (n, text) in ["{ \"odd\": 1e400 }", "", CANARY, &large].into_iter().enumerate() {
        client.text(text).await;
        let got = up.heard().await.unwrap();
        assert!(got.masked && got.opcode() == TEXT, "{n}");
        assert_eq!(got.text(), text, "{n}");
        up.text(text).await;
        let got = client.heard().await.unwrap();
        assert_eq!((got.masked, got.opcode(), got.text()), (false, TEXT, text.to_owned()), "{n}");
    }
    up.send(BINARY, &[0, 159, 255]).await;
    let got = client.heard().await.unwrap();
    assert_eq!((got.opcode(), got.payload), (BINARY, vec![0, 159, 255]));
    for (first, piece) in [(TEXT, "on"), (MORE, "e "), (0x80 | MORE, "text")] {
        client.raw(&frame(first, true, piece.as_bytes())).await.unwrap();
    }
    assert_eq!(up.next_text().await, "one text");
    client.send(PING, b"hello").await;
    let pong = client.next().await.unwrap();
    assert_eq!((pong.opcode(), pong.payload), (PONG, b"hello".to_vec()));
    // A response: its line is there before its end is told.
    up.text(&created("resp_1")).await;
    client.next_text().await;
    let usage = json!({"total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
        "input_token_details": {"text_tokens": 119, "audio_tokens": 13, "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0}},
        "output_token_details": {"text_tokens": 30, "audio_tokens": 91}});
    let event = done("resp_1", "completed", &usage);
    up.text(&event).await;
    assert_eq!(client.next_text().await, event);
    let found = testkit::http::fetch(harness.addr, &Request::get("/api/v1/generation?id=resp_1").bearer(ALICE)).await;
    let line = found.json()["data"]["tollgate"].clone();
    // 55×1 + 64×0.1 + 13×10 + 30×2 + 91×20
    assert_eq!(line["cost"]["usd"], "0.002071400", "{line}");
    assert_eq!(
        (&line["operation"], &line["dialect"], &line["status"]),
        (&json!("realtime"), &json!("openai-realtime"), &json!("ok"))
    );
    assert_eq!((&line["caller"]["session"], &line["caller"]["user"]), (&json!(id), &json!("u1")));
    assert_eq!(
        (&line["usage"]["audio_in"], &line["usage"]["audio_out"], &line["usage"]["source"]),
        (&json!(13), &json!(91), &json!("reported"))
    );
    // The client closes; its code is told.
    client.close(1000, "bye").await;
    let close = up.heard().await.unwrap();
    assert_eq!((close.opcode(), close.code(), &close.payload[2..]), (CLOSE, Some(1000), &b"bye"[..]));
    assert_eq!((client.closed().await, up.closed().await), (Some(1000), None));
    let connection = harness.line_of(&id, ALICE).await;
    assert_eq!(
        (&connection["status"], &connection["http"], &connection["cost"]["usd"]),
        (&json!("ok"), &json!(101), &json!("0.000000000"))
    );
    assert_eq!(connection["upstream_id"], "sess_1");
    let lines = harness.finish().await;
    assert_eq!(answers(&lines, &id).len(), 1);
}

#[tokio::test]
async fn what_ended_otherwise_is_told_apart() {
    let upstream = SocketServer::start().await;
    let harness = one(&upstream).await;
    let (mut client, id, mut up) = opened(&harness, &upstream).await;
    let usage = json!({"input_tokens": 10, "output_tokens": 5});
    let update =
        json!({"type": "session.updated", "session": {"audio": {"input": {"transcription": {"model": "scribe"}}}}});
    let spoken = json!({"type": "conversation.item.input_audio_transcription.completed", "transcript": CANARY,
        "usage": {"type": "tokens", "input_tokens": 8, "output_tokens": 2, "input_token_details": {"audio_tokens": 8}}});
    let failed = json!({"type": "response.done", "response": {"id": "r3", "status": "failed",
        "status_details": {"error": {"code": "rate_limit_exceeded"}}, "usage": null}});
    for event in [
        done("r1", "cancelled", &usage),
        done("r2", "incomplete", &usage),
        failed.to_string(),
        update.to_string(),
        spoken.to_string(),
        done("r4", "completed", &Value::Null),
        created("r5"),
    ] {
        up.text(&event).await;
        assert_eq!(client.next_text().await, event);
    }
    // Gone without a word, with a response under way.
    client.vanish();
    assert_eq!(up.closed().await, Some(1001));
    let lines = harness.finish().await;
    let told: Vec<_> = answers(&lines, &id)
        .iter()
        .map(|line| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {}",
                text(&line["upstream_id"]),
                text(&line["operation"]),
                text(&line["status"]),
                text(&line["served"]["model"]),
                text(&line["cost"]["usd"])
            )
        })
        .collect();
    let expected = [
        "r1 realtime cancelled m 0.000020000",
        "r2 realtime ok m 0.000020000",
        "r3 realtime incomplete m 0.000000000",
        "- transcriptions ok scribe 0.000042000",
        "r4 realtime ok m -",
        "r5 realtime cancelled m -",
    ];
    assert_eq!(told, expected);
    let connection = lines.iter().find(|line| line["id"] == *id).unwrap();
    assert_eq!(connection["status"], "cancelled");
}

#[tokio::test]
async fn a_socket_is_refused_before_it_is_one() {
    let (first, upstream) = (Upstream::start().await, SocketServer::start().await);
    let harness = start(&first.url(), &upstream, "").await;
    for (request, status, kind) in [
        (ask("/v1/realtime?model=p2/m"), 401, "unauthenticated"),
        (ask("/v1/realtime?model=p2/m").bearer("tg-wrong"), 401, "unauthenticated"),
        (ask("/v1/realtime?model=p2/m").bearer(BOB), 403, "forbidden"),
        (alice("/v1/realtime"), 400, "invalid_request"),
        (alice("/v1/realtime?model=nothing-like-it"), 404, "unknown_model"),
        (Request::get("/v1/realtime?model=p2/m").bearer(ALICE), 400, "invalid_request"),
        (Request::post("/v1/realtime", &json!({})).bearer(ALICE), 405, "method_not_allowed"),
    ] {
        let response = testkit::http::fetch(harness.addr, &request).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (status, Some(kind)), "{}", response.text());
        assert!(response.json()["error"]["message"].is_string());
        if status != 405 {
            harness.note(&response);
        }
    }
    // What the upstream refuses is told as for any request.
    first.reply(Script::json(400, &openai::error("no such session", "invalid_request_error", None)));
    let response = harness.call(&alice("/v1/realtime?model=p1/m")).await;
    assert_eq!((response.status, response.json()["error"]["message"].as_str()), (400, Some("no such session")));
    // An answer that is no socket's.
    for script in [Script::json(200, &json!({})), Script::json(401, &openai::error(KEY_1, "x", None)), Script::close()]
    {
        first.reply_always(script);
        let response = harness.call(&alice("/v1/realtime?model=p1/m")).await;
        assert_eq!(response.status, 502, "{}", response.text());
    }
    harness.finish().await;
}

#[tokio::test]
async fn another_target_is_tried_until_one_is_a_socket() {
    let (first, upstream) = (Upstream::start().await, SocketServer::start().await);
    let harness = start(&first.url(), &upstream, "").await;
    for script in [
        Script::json(500, &openai::server_error()),
        Script::json(429, &openai::rate_limited()),
        Script::json(200, &json!({})),
        Script::garbage(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n",
        ),
    ] {
        first.reply_always(script);
        let (mut client, head, mut up, _) = open(&harness, &upstream, &alice("/v1/realtime?model=two")).await;
        assert_eq!((head.get("x-tollgate-attempts"), head.get("x-tollgate-served-by")), (Some("2"), Some("p2/m")));
        client.text("hi").await;
        assert_eq!(up.next_text().await, "hi");
        up.close(1000, "").await;
        assert_eq!(client.closed().await, Some(1000));
    }
    harness.finish().await;
}

#[tokio::test]
async fn browsers_send_the_key_as_a_subprotocol() {
    let upstream = SocketServer::start().await;
    let harness = one(&upstream).await;
    let offered = format!("realtime, openai-insecure-api-key.{ALICE}, openai-beta.realtime-v1");
    let request = ask("/v1/realtime?model=p2/m").header("sec-websocket-protocol", &offered);
    let (mut client, head, mut up, asked) = open(&harness, &upstream, &request).await;
    assert_eq!(head.get("sec-websocket-protocol"), Some("realtime"));
    assert_eq!((asked.get("sec-websocket-protocol"), asked.get("openai-beta")), (None, Some("realtime=v1")));
    client.close(1000, "").await;
    assert_eq!(up.heard().await.unwrap().code(), Some(1000));
    drop(up);
    client.closed().await;
    // And in the query.
    let request = ask(&format!("/openai/v1/realtime?model=p2/m&key={ALICE}"));
    let (client, _, mut up, asked) = open(&harness, &upstream, &request).await;
    assert_eq!(asked.first, "GET /v1/realtime?model=m HTTP/1.1");
    client.vanish();
    assert_eq!(up.closed().await, Some(1001));
    harness.finish().await;
}

#[tokio::test]
async fn local_mode_serves_no_other_site() {
    let upstream = SocketServer::start().await;
    let config = format!(
        "providers:\n  p2: {{ kind: openai-compatible, base_url: \"{}/v1\", models: [m], {PRICES} }}\n",
        upstream.url()
    );
    let harness = Harness::start(&config).await;
    let page = ask("/v1/realtime?model=p2/m").header("origin", "https://evil.example");
    let response = testkit::http::fetch(harness.addr, &page).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (403, Some("forbidden")));
    let (mut client, _, mut up, asked) = open(&harness, &upstream, &ask("/v1/realtime?model=p2/m")).await;
    assert_eq!(asked.get("authorization"), None);
    up.close(4001, "over").await;
    assert_eq!(client.closed().await, Some(4001));
    let lines = harness.finish().await;
    assert_eq!((&lines[0]["status"], &lines[0]["error"]["class"]), (&json!("incomplete"), &json!("server_error")));
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_closed_alone() {
    let upstream = SocketServer::start().await;
    let harness = one(&upstream).await;
    limits(&harness, |limits| limits.message = 1 << 20);
    let (mut bystander, _, mut by) = opened(&harness, &upstream).await;
    let mut deep = frame(TEXT, true, b"a");
    deep.extend(frame(TEXT, true, b"a new one within one"));
    let mut long = Vec::new();
    for _ in 0..9 {
        long.extend(frame(if long.is_empty() { TEXT } else { MORE }, true, &vec![b'x'; 128 << 10]));
    }
    for (what, bytes, code) in [
        ("unmasked", frame(0x80 | TEXT, false, b"hi"), 1002),
        ("reserved bits", frame(0xc0 | TEXT, true, b"hi"), 1002),
        ("unknown opcode", frame(0x83, true, b"hi"), 1002),
        ("unknown control", frame(0x8b, true, b""), 1002),
        ("long control", frame(0x80 | PING, true, &[0; 126]), 1002),
        ("control in pieces", frame(PING, true, b"a"), 1002),
        ("nothing to continue", frame(0x80 | MORE, true, b"a"), 1002),
        ("text within text", deep, 1002),
        ("not UTF-8", frame(0x80 | TEXT, true, &[0xc3, 0x28]), 1007),
        ("huge by its head", socket::head(0x80 | BINARY, true, 1 << 62), 1009),
        ("too long by its head", [socket::head(0x80 | TEXT, true, 2 << 20), vec![0; 4]].concat(), 1009),
        ("too long in pieces", long, 1009),
    ] {
        let (mut client, id, mut up) = opened(&harness, &upstream).await;
        let _broken = client.raw(&bytes).await;
        assert_eq!(client.closed().await, Some(code), "{what}");
        assert_eq!(up.closed().await, Some(1001), "{what}");
        let line = harness.line_of(&id, ALICE).await;
        assert_eq!(line["status"], "cancelled", "{what}: {line}");
    }
    // Many small pieces are one message, and no harm.
    let (mut client, _, mut up) = opened(&harness, &upstream).await;
    for n in 0..20_000 {
        client.raw(&frame(if n == 0 { TEXT } else { MORE }, true, if n % 2 == 0 { b"x" } else { b"" })).await.unwrap();
    }
    client.raw(&frame(0x80 | MORE, true, b"")).await.unwrap();
    assert_eq!(up.next_text().await.len(), 10_000);
    client.vanish();
    up.closed().await;
    bystander.text("still here").await;
    assert_eq!(by.next_text().await, "still here");
    by.close(1000, "").await;
    bystander.closed().await;
    harness.finish().await;
}

#[tokio::test]
async fn an_upstream_that_breaks_is_told_in_an_event() {
    let upstream = SocketServer::start().await;
    let harness = one(&upstream).await;
    limits(&harness, |limits| limits.message = 1 << 20);
    for (what, bytes) in [
        ("gone", Vec::new()),
        ("masked", frame(0x80 | TEXT, true, b"hi")),
        ("reserved bits", frame(0xf0 | TEXT, false, b"hi")),
        ("not UTF-8", frame(0x80 | TEXT, false, &[0xff])),
        ("too long", socket::head(0x80 | TEXT, false, 2 << 20)),
    ] {
        let (mut client, id, mut up) = opened(&harness, &upstream).await;
        up.raw(&bytes).await.unwrap();
        if bytes.is_empty() {
            up.vanish();
        }
        let event: Value = serde_json::from_str(&client.next_text().await).unwrap();
        assert_eq!(
            (&event["type"], &event["error"]["tollgate"]["kind"]),
            (&json!("error"), &json!("upstream_failed")),
            "{what}"
        );
        assert_eq!(event["error"]["tollgate"]["request_id"], *id);
        assert_eq!(client.closed().await, Some(1011), "{what}");
        assert_eq!(harness.line_of(&id, ALICE).await["status"], "incomplete", "{what}");
    }
    // What the provider says of our key does not pass.
    let (mut client, _, mut up) = opened(&harness, &upstream).await;
    let event = json!({"type": "error", "error": {"message": format!("bad key {KEY_2}")}}).to_string();
    up.text(&event).await;
    let got = client.next_text().await;
    assert!(!got.contains(KEY_2) && got.len() == event.len(), "{got}");
    up.close(1000, "").await;
    client.closed().await;
    harness.finish().await;
}

#[tokio::test]
async fn silence_slowness_and_time_end_it() {
    let upstream = SocketServer::start().await;
    let harness = one(&upstream).await;
    // Pings are asked for; one who answers none is gone.
    limits(&harness, |limits| limits.ping = Duration::from_millis(200));
    let (mut client, _, mut up) = opened(&harness, &upstream).await;
    let mut pings = 0;
    let code = loop {
        let frame = client.next().await.unwrap();
        match frame.opcode() {
            PING => pings += 1,
            _ => break frame.code(),
        }
    };
    assert!(pings >= 1);
    assert_eq!((code, up.closed().await), (Some(1011), Some(1001)));
    drop(client);
    // Nobody says anything.
    limits(&harness, |limits| limits.idle = Duration::from_millis(200));
    let (mut client, id, _up) = opened(&harness, &upstream).await;
    let event: Value = serde_json::from_str(&client.next_text().await).unwrap();
    assert_eq!((&event["type"], &event["error"]["tollgate"]["kind"]), (&json!("error"), &json!("upstream_timeout")));
    assert_eq!(client.closed().await, Some(1001));
    assert_eq!(harness.line_of(&id, ALICE).await["error"]["class"], "timeout_idle");
    // The caller's own bound.
    limits(&harness, |_| {});
    let request = alice("/v1/realtime?model=p2/m").header("x-tollgate-timeout", "1s");
    let (mut client, _, mut up, _) = open(&harness, &upstream, &request).await;
    assert!(client.next_text().await.contains("upstream_timeout"));
    assert_eq!((client.closed().await, up.closed().await), (Some(1001), Some(1001)));
    // A client that does not read holds the upstream back, and is left in the end.
    limits(&harness, |limits| limits.slow = Duration::from_millis(500));
    let (client, id, mut up) = opened(&harness, &upstream).await;
    let (mut sent, piece) = (0_usize, frame(0x80 | BINARY, false, &vec![7; 256 << 10]));
    while sent < 1 << 30 && up.raw(&piece).await.is_ok() {
        sent += piece.len();
    }
    assert!(sent < 64 << 20, "{sent} bytes were taken for a client that reads none");
    drop(client);
    assert_eq!(harness.line_of(&id, ALICE).await["status"], "cancelled");
    harness.finish().await;
}

#[tokio::test]
async fn a_restricted_key_chooses_no_other_model_within() {
    let upstream = SocketServer::start().await;
    let harness = one(&upstream).await;
    // Bob may ask for `p1/*`, which is the same upstream here.
    let request = ask("/v1/realtime?model=p1/m").bearer(BOB);
    let (mut client, _, mut up, _) = open(&harness, &upstream, &request).await;
    let choose = |model: &str| {
        json!({"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": model}}}}})
            .to_string()
    };
    client.text(&choose("scribe")).await;
    assert_eq!(up.next_text().await, choose("scribe"));
    client.close(1000, "").await;
    up.closed().await;
    client.closed().await;
    let config = harness.gateway.snapshot.load().config.keys.len();
    assert_eq!(config, 2);
    harness.finish().await;
}

#[tokio::test]
async fn a_stop_closes_what_is_open_after_the_drain() {
    let upstream = SocketServer::start().await;
    let harness = start(&upstream.url(), &upstream, ", drain: 1s").await;
    let (mut client, id, mut up) = opened(&harness, &upstream).await;
    harness.gateway.tasks.stop().cancel();
    // Until the drain is over, what was begun goes on.
    let event = done("r1", "completed", &json!({"input_tokens": 1, "output_tokens": 1}));
    up.text(&event).await;
    assert_eq!(client.next_text().await, event);
    assert_eq!((client.closed().await, up.closed().await), (Some(1001), Some(1001)));
    let lines = harness.finish().await;
    assert_eq!(answers(&lines, &id).len(), 1);
    assert!(lines.iter().any(|line| line["id"] == *id));
}
