//! The bounds of the process: requests under way, bytes held, and that both are given back.

use testkit::samples::openai;
use testkit::upstream::{Gate, Script, Upstream};

use crate::harness::{self, ADMIN, ALICE, Harness, KEY_1, chat, keys, post_chat};

async fn bounded(upstream: &Upstream, server: &str) -> Harness {
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN}, {server} }}\n{}providers:\n{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, "")
    ))
    .await
}

#[tokio::test]
async fn beyond_max_in_flight_requests_are_refused_at_once() {
    let upstream = Upstream::start().await;
    let gate = Gate::new();
    upstream.reply_always(Script::json(200, &openai::completion("ok", 1, 1)).gated(&gate));
    let harness = bounded(&upstream, "max_in_flight: 2").await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = harness.connect().await;
        client.send(post_chat(&chat("p1/m")).to_bytes()).await.unwrap();
        held.push(client);
    }
    upstream.wait_requests(2).await;
    assert_eq!(harness.gateway.in_flight(), 2);
    let response = harness.call(&post_chat(&chat("p1/m"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (503, Some("unavailable")));
    assert_eq!(response.header("retry-after"), Some("1"));
    gate.open();
    for mut client in held {
        let response = client.read_response().await;
        harness.note(&response);
        assert_eq!(response.status, 200);
    }
    harness.idle().await;
    assert_eq!(harness.call(&post_chat(&chat("p1/m"))).await.status, 200);
    assert_eq!(harness.finish().await.len(), 4);
}

#[tokio::test]
async fn beyond_max_buffered_bodies_are_refused_before_they_are_read() {
    let upstream = Upstream::start().await;
    let gate = Gate::new();
    upstream.reply_always(Script::json(200, &openai::completion("ok", 1, 1)).gated(&gate));
    let harness = bounded(&upstream, "max_buffered: 64KiB, max_body: 48KiB").await;
    let large = |size: usize| {
        let mut body = chat("p1/m");
        body["padding"] = "x".repeat(size).into();
        post_chat(&body)
    };
    let mut first = harness.connect().await;
    first.send(large(40 << 10).to_bytes()).await.unwrap();
    upstream.wait_requests(1).await;
    assert!(harness.gateway.buffered() > 40 << 10);
    // Only the head of the second comes: it is refused by what it says.
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ALICE}\r\ncontent-type: \
         application/json\r\ncontent-length: 40000\r\n\r\n"
    );
    let mut second = harness.connect().await;
    second.send(head).await.unwrap();
    let response = second.read_response().await;
    harness.note(&response);
    assert_eq!((response.status, response.header("x-tollgate-error")), (503, Some("unavailable")));
    assert!(response.header("retry-after").is_some());
    // A small one finds room.
    gate.open();
    assert_eq!(harness.call(&post_chat(&chat("p1/m"))).await.status, 200);
    let response = first.read_response().await;
    harness.note(&response);
    assert_eq!(response.status, 200);
    let response = harness.call(&large(50 << 10)).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (413, Some("too_large")));
    harness.idle().await;
    harness.finish().await;
}
