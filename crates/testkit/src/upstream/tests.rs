//! The scripted upstream over real sockets: each script must reach the client exactly as written.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Framing, Gate, Script, Unreachable, Upstream, refused};
use crate::http::{Client, End, Request, fetch};

#[tokio::test]
async fn rules_come_before_the_queue_and_the_queue_before_the_default() {
    let up = Upstream::start().await;
    up.reply_when(|r| r.path() == "/rule", Script::json(201, &json!("rule")));
    up.reply(Script::json(202, &json!("first")));
    up.reply(Script::json(203, &json!("second")));
    let mut client = Client::connect(up.addr).await;
    for (path, status) in [("/rule?a=1", 201), ("/a", 202), ("/rule", 201), ("/b", 203), ("/c", 400)] {
        assert_eq!(client.request(&Request::get(path)).await.status, status, "{path}");
    }
    up.reply_always(Script::json(204, &json!(null)).framing(Framing::Chunked));
    assert_eq!(client.request(&Request::get("/d")).await.status, 204);
}

#[tokio::test]
async fn requests_are_recorded_exactly() {
    let up = Upstream::start().await;
    up.reply_always(Script::json(200, &json!({})));
    let mut client = Client::connect(up.addr).await;
    let body = "{ \"n\":1e-05,\n\"u\":\"\u{e9}\" }";
    let request = Request::new("POST", "/v1/x?beta=true").header("X-B", "2").header("x-a", "1").body(body);
    client.request(&request).await;
    client
        .send("POST /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        .await
        .unwrap();
    client.read_response().await;
    let seen = up.requests();
    assert_eq!((seen[0].method.as_str(), seen[0].path(), seen[0].query()), ("POST", "/v1/x", "beta=true"));
    let names: Vec<&str> = seen[0].headers.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["host", "X-B", "x-a", "content-length"]);
    assert_eq!(seen[0].header("X-A"), Some("1"));
    assert_eq!(seen[0].body, body.as_bytes());
    assert_eq!(seen[1].body, "abcde");
    assert_eq!((seen[0].connection, seen[1].connection), (0, 0));
}

#[tokio::test]
async fn cuts_fall_where_asked() {
    let up = Upstream::start().await;
    let text = "data: {\"c\":\"\u{1f600}\"}\n\n";
    up.reply(Script::sse_cut(text, &[3, 13, 13, 15, 999]));
    let got = fetch(up.addr, &Request::get("/")).await;
    let lengths: Vec<usize> = got.pieces.iter().map(|p| p.bytes.len()).collect();
    assert_eq!(lengths, [3, 10, 2, text.len() - 15]);
    assert_eq!(got.text(), text);
}

#[tokio::test]
async fn misbehaviour_before_the_head() {
    let up = Upstream::start().await;
    for (script, end) in [(Script::close(), End::Cut), (Script::reset(), End::Reset)] {
        up.reply(script);
        let mut client = Client::connect(up.addr).await;
        client.send(Request::get("/").to_bytes()).await.unwrap();
        assert_eq!(client.read_head().await.unwrap_err(), end);
    }
    up.reply(Script::garbage("220 mail.example.com ESMTP\r\n\r\n"));
    let mut client = Client::connect(up.addr).await;
    client.send(Request::get("/").to_bytes()).await.unwrap();
    assert_eq!(client.closed().await, End::Cut);
    up.reply(Script::json(200, &json!({})).delay(Duration::from_millis(80)));
    let before = Instant::now();
    let got = fetch(up.addr, &Request::get("/")).await;
    assert!(got.head_at - before >= Duration::from_millis(75));
    assert_eq!(up.disconnects().len(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let up = Upstream::start().await;
    up.reply(Script::sse(["data: 1\n\n", "data: 2\n\n"]).stall_after(18));
    let mut client = Client::connect(up.addr).await;
    client.send(Request::get("/stream").to_bytes()).await.unwrap();
    client.read_head().await.unwrap();
    client.read_until("data: 2").await;
    assert_eq!(up.open_connections(), 1);
    drop(client);
    let left = up.wait_disconnects(1).await;
    assert_eq!((left[0].request, left[0].body_bytes, left[0].reset), (0, 18, false));
    up.wait_open(0).await;

    up.reply(Script::stall());
    let mut client = Client::connect(up.addr).await;
    client.send(Request::get("/stall").to_bytes()).await.unwrap();
    up.wait_requests(2).await;
    client.reset();
    let left = up.wait_disconnects(2).await;
    assert_eq!((left[1].request, left[1].body_bytes, left[1].reset), (1, 0, true));
}

#[tokio::test]
async fn a_request_that_is_never_whole_is_broken_not_received() {
    let up = Upstream::start().await;
    let mut client = Client::connect(up.addr).await;
    client.send("POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    client.half_close().await.unwrap();
    up.wait_broken(1).await;
    assert_eq!(up.requests().len(), 0);
}

#[tokio::test]
async fn a_gate_holds_the_script() {
    let up = Upstream::start().await;
    let gate = Gate::new();
    up.reply(Script::sse_head().frame("data: 1\n\n").gate(&gate).frame("data: 2\n\n").end());
    let mut client = Client::connect(up.addr).await;
    client.send(Request::get("/").to_bytes()).await.unwrap();
    client.read_head().await.unwrap();
    assert_eq!(client.read_until("1").await, "data: 1\n\n");
    assert!(timeout(Duration::from_millis(50), client.next_piece()).await.is_err());
    gate.open();
    assert_eq!(client.read_until("2").await, "data: 2\n\n");
    assert_eq!(client.next_piece().await.unwrap_err(), End::Clean);
}

#[tokio::test]
async fn it_can_go_away_and_come_back() {
    let up = Upstream::start().await;
    up.reply(Script::stall());
    let mut client = Client::connect(up.addr).await;
    client.send(Request::get("/").to_bytes()).await.unwrap();
    up.wait_requests(1).await;
    let addr = up.stop().await;
    assert!(matches!(client.closed().await, End::Cut | End::Reset));
    assert!(TcpStream::connect(addr).await.is_err());
    let again = Upstream::start_at(addr).await;
    again.reply(Script::json(200, &json!({})));
    assert_eq!(fetch(addr, &Request::get("/")).await.status, 200);
}

#[tokio::test]
async fn connects_can_be_refused_hang_or_be_taken_late() {
    assert!(TcpStream::connect(refused().await).await.is_err());
    let hole = Unreachable::start().await;
    assert!(timeout(Duration::from_millis(200), TcpStream::connect(hole.addr)).await.is_err());
    let up = Upstream::start().await;
    up.accept_delay(Duration::from_millis(60));
    up.reply_always(Script::json(200, &json!({})));
    // The accept loop was already waiting without a delay: the second connection is the first that waits.
    fetch(up.addr, &Request::get("/")).await;
    let before = Instant::now();
    fetch(up.addr, &Request::get("/")).await;
    assert!(before.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn cut_steps_keep_only_what_comes_before_the_cut() {
    let up = Upstream::start().await;
    let slow = || Script::sse_paced(["aaaa", "bbbb", "cccc"], Duration::from_millis(1));
    for n in [0, 2, 4, 6, 12] {
        up.reply(slow().cut_after(n));
        let got = fetch(up.addr, &Request::get("/")).await;
        assert_eq!((got.text().as_str(), got.end), (&"aaaabbbbcccc"[..n], End::Cut));
    }
}
