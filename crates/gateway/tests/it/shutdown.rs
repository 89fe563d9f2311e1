//! SIGTERM: not ready, nothing new, what runs ends in full, the ledger is whole, exit 0.

use serde_json::Value;
use testkit::http::{Client, End, Request};
use testkit::samples::{join, openai};
use testkit::upstream::{Gate, Script, Upstream};

use crate::child::Program;
use crate::harness::{self, KEY_1, chat, chat_stream, keys, no_secrets, post_chat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_ends_in_full_and_is_in_the_ledger() {
    let upstream = Upstream::start().await;
    let (gate, frames) = (Gate::new(), openai::stream(&["Hello", " there"], None));
    let stream = Script::sse_head().frame(join(&frames[..2])).gate(&gate).frame(join(&frames[2..])).end();
    upstream.reply_when(|request| request.text().contains("\"stream\":true"), stream);
    upstream.reply_always(Script::json(200, &openai::completion("ok", 3, 1)).gated(&gate));
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("tollgate.yaml"), dir.path().join("data"));
    std::fs::write(&file, format!("{}providers:\n{}", keys(), harness::openai("p1", &upstream.url(), KEY_1, "")))
        .unwrap();
    let program = Program::start(&file, &data);
    let mut streaming = Client::connect(program.addr).await;
    streaming.send(post_chat(&chat_stream("p1/m")).to_bytes()).await.unwrap();
    let (status, streaming_head) = streaming.read_head().await.unwrap();
    assert_eq!(status, 200);
    let mut text = streaming.read_until("Hello").await;
    let mut whole = Client::connect(program.addr).await;
    whole.send(post_chat(&chat("p1/m")).to_bytes()).await.unwrap();
    upstream.wait_requests(2).await;
    let mut probe = Client::connect(program.addr).await;
    assert_eq!(probe.request(&Request::get("/readyz")).await.status, 200);
    let mut late = Client::connect(program.addr).await;
    // Half a head: a connection that was taken before the end is served to its end.
    late.send("GET /readyz HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut idle = Client::connect(program.addr).await;
    assert_eq!(idle.request(&Request::get("/healthz")).await.status, 200);
    program.signal("TERM");
    // An idle connection is closed: the stop has begun.
    assert_eq!(idle.closed().await, End::Cut);
    late.send("\r\n").await.unwrap();
    assert_eq!(late.read_response().await.status, 503);
    assert!(tokio::net::TcpStream::connect(program.addr).await.is_err(), "it still takes connections");
    gate.open();
    text.push_str(&streaming.read_until("[DONE]\n\n").await);
    assert_eq!(text, String::from_utf8_lossy(&join(&frames)));
    let response = whole.read_response().await;
    assert_eq!((response.status, &response.end), (200, &End::Clean));
    let left = program.ended();
    let said = String::from_utf8_lossy(&left.err).into_owned();
    assert_eq!(left.status.code(), Some(0), "{said}");
    no_secrets(&data, &[&left.out, &left.err]);
    let lines = store::open(&data).unwrap().ledger.page(None, 10).await.unwrap();
    assert_eq!(lines.len(), 2);
    for id in [streaming_head.get("x-tollgate-request-id"), response.header("x-tollgate-request-id")] {
        let line = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .find(|line| Some(line["id"].as_str().unwrap()) == id);
        assert_eq!(line.unwrap()["status"], "ok");
        // The access log has it, too.
        assert!(String::from_utf8_lossy(&left.out).contains(id.unwrap()));
    }
}

#[test]
fn a_signal_is_heard_as_soon_as_it_listens() {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("tollgate.yaml"), dir.path().join("data"));
    std::fs::write(&file, format!("{}providers:\n{}", keys(), harness::openai("p1", "http://127.0.0.1:1", KEY_1, "")))
        .unwrap();
    for _ in 0..5 {
        let program = Program::start(&file, &data);
        program.signal("HUP");
        program.signal("TERM");
        let left = program.ended();
        assert_eq!(left.status.code(), Some(0), "{:?}: {}", left.status, String::from_utf8_lossy(&left.err));
    }
}
