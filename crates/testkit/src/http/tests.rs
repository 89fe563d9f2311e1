//! The raw client against the scripted upstream: what it reports must be what was sent.

use std::time::Duration;

use serde_json::json;

use super::{Client, End, Request, fetch};
use crate::upstream::{Framing, Script, Upstream};

#[tokio::test]
async fn it_tells_the_ways_a_body_can_end() {
    let up = Upstream::start().await;
    let frames = || ["data: 1\n\n", "data: 2\n\n"];
    let until_close = Script::head(200, "text/plain", Framing::UntilClose).frame("all").end();
    for (script, body, end) in [
        (Script::sse(frames()), "data: 1\n\ndata: 2\n\n", End::Clean),
        (Script::sse(frames()).cut_after(12), "data: 1\n\ndat", End::Cut),
        (Script::sse(frames()).reset_after(9), "data: 1\n\n", End::Reset),
        (Script::body(200, "text/plain", "short").claim_length(9).cut_after(5), "short", End::Cut),
        (until_close, "all", End::Clean),
    ] {
        up.reply(script);
        let got = fetch(up.addr, &Request::get("/x")).await;
        assert_eq!((got.text().as_str(), &got.end), (body, &end));
    }
    up.reply(Script::sse_head().raw("nonsense\r\n"));
    let got = fetch(up.addr, &Request::get("/x")).await;
    assert!(matches!(got.end, End::Malformed(_)), "{:?}", got.end);
}

#[tokio::test]
async fn it_keeps_arrival_times() {
    let up = Upstream::start().await;
    up.reply(Script::sse_paced(["data: 1\n\n", "data: 2\n\n"], Duration::from_millis(60)));
    let got = fetch(up.addr, &Request::get("/x")).await;
    assert_eq!(got.data(), ["1", "2"]);
    assert_eq!(got.pieces.len(), 2);
    assert!(got.pieces[1].at - got.pieces[0].at >= Duration::from_millis(40));
}

#[tokio::test]
async fn it_sends_slowly_and_keeps_the_connection() {
    let up = Upstream::start().await;
    up.reply_always(Script::json(200, &json!({"ok": true})));
    let mut client = Client::connect(up.addr).await;
    for _ in 0..2 {
        client.send_slowly("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n", 7, Duration::from_millis(2)).await.unwrap();
        assert_eq!(client.read_response().await.json(), json!({"ok": true}));
    }
    assert_eq!(up.accepted(), 1);
    assert_eq!(up.requests()[1].target, "/slow");
}

#[tokio::test]
async fn it_skips_interim_answers() {
    let up = Upstream::start().await;
    up.reply(Script::body(200, "text/plain", "done"));
    let request = Request::new("POST", "/x").header("expect", "100-continue").body("hello");
    let got = fetch(up.addr, &request).await;
    assert_eq!((got.status, got.text().as_str()), (200, "done"));
    assert_eq!(up.requests()[0].text(), "hello");
}
