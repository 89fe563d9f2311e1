//! Whatever a caller sends, it gets an answer in its dialect that says what is wrong, and nothing goes up.

use std::time::Duration;

use serde_json::json;
use testkit::http::{self, Request};
use testkit::samples::openai;
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ADMIN, ALICE, BOB, Harness, KEY_1, chat, keys, post_chat};
use crate::passthrough::code;

/// A gateway with small bounds: bodies to 64 KiB.
async fn small(upstream: &Upstream) -> Harness {
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN}, max_body: 64KiB, cors: [\"https://app.example\"] }}\n{}providers:\n{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, "")
    ))
    .await
}

fn raw(body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", "/v1/chat/completions").bearer(ALICE).header("content-type", "application/json").body(body)
}

#[tokio::test]
async fn bodies_that_are_not_what_they_must_be() {
    let upstream = Upstream::start().await;
    let harness = small(&upstream).await;
    let deep = |depth: usize| {
        format!("{{\"model\":\"p1/m\",\"messages\":[],\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), ""),
        (b"{".to_vec(), ""),
        (b"[]".to_vec(), ""),
        (b"\"text\"".to_vec(), ""),
        (b"nonsense".to_vec(), ""),
        (b"{\"model\":\"p1/m\",\"messages\":[],}".to_vec(), ""),
        (b"{\"model\":\"p1/m\",\"messages\":[]} x".to_vec(), ""),
        (b"{\"model\":\"p1/m\",\"messages\":[NaN]}".to_vec(), ""),
        (b"{\"model\":\"\xff\",\"messages\":[]}".to_vec(), ""),
        (b"{\"model\":\"p1/m\",\"model\":\"p1/free\",\"messages\":[]}".to_vec(), ""),
        (b"{\"model\":\"p1/m\",\"mod\\u0065l\":\"p1/free\",\"messages\":[]}".to_vec(), ""),
        (deep(20_000).into_bytes(), ""),
        (b"{\"messages\":[]}".to_vec(), "model"),
        (b"{\"model\":\"p1/m\"}".to_vec(), "messages"),
        (b"{\"model\":7,\"messages\":[]}".to_vec(), "model"),
        (b"{\"model\":\"p1/m\",\"messages\":{}}".to_vec(), "messages"),
        (b"{\"model\":\"p1/m\",\"messages\":[],\"stream\":\"yes\"}".to_vec(), "stream"),
        (b"{\"model\":\"p1/m\",\"messages\":[],\"n\":0}".to_vec(), "n"),
    ];
    for (body, path) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let response = harness.call(&raw(body)).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (400, Some("invalid_request")), "{shown}");
        let error = &response.json()["error"];
        assert_eq!(
            (&error["type"], &error["tollgate"]["path"]),
            (&json!("invalid_request_error"), &json!(path)),
            "{shown}"
        );
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{error}");
    }
    // The same in Anthropic's words.
    let response = harness.call(&Request::post("/v1/messages", &json!({"model": "p1/m"})).bearer(ALICE)).await;
    let body = response.json();
    assert_eq!(
        (response.status, &body["type"], &body["error"]["type"]),
        (400, &json!("error"), &json!("invalid_request_error"))
    );
    // A key that is escaped is the key it stands for.
    upstream.reply(Script::json(200, &openai::completion("ok", 1, 1)));
    let response = harness.call(&raw("{\"mod\\u0065l\":\"p1/m\",\"messages\":[]}")).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(upstream.requests()[0].json()["model"], "m");
    harness.finish().await;
}

#[tokio::test]
async fn bodies_that_are_too_large_or_lie_about_it() {
    let upstream = Upstream::start().await;
    let harness = small(&upstream).await;
    let bomb = vec![b' '; 8 << 20];
    for coding in ["identity", "gzip", "deflate", "br", "zstd"] {
        let coded = code(coding, &bomb);
        let response = harness.call(&raw(coded).header("content-encoding", coding)).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (413, Some("too_large")), "{coding}");
        assert_eq!(response.json()["error"]["tollgate"]["limit"], 65_536);
    }
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ALICE}\r\ncontent-type: application/json\r\n"
    );
    // A length that is too large is refused before a byte of it came.
    let mut client = harness.connect().await;
    client.send(format!("{head}content-length: 999999999999\r\n\r\n")).await.unwrap();
    let response = client.read_response().await;
    harness.note(&response);
    assert_eq!((response.status, response.header("connection")), (413, Some("close")));
    // Chunks without an end are refused at the bound.
    let mut client = harness.connect().await;
    client.send(format!("{head}transfer-encoding: chunked\r\n\r\n")).await.unwrap();
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    for _ in 0..5 {
        let _ = client.send(&chunk).await;
    }
    let response = client.read_response().await;
    harness.note(&response);
    assert_eq!(response.status, 413);
    // A body shorter than it says: the caller left, and is told nothing it could not read.
    let mut client = harness.connect().await;
    client.send(format!("{head}content-length: 100\r\n\r\n{{\"model\"")).await.unwrap();
    client.half_close().await.unwrap();
    if let Ok((status, head)) = client.read_head().await {
        assert_eq!(status, 400);
        harness.note_head(status, &head);
    }
    // Heads that are none.
    for bad in [
        "GET\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut client = harness.connect().await;
        client.send(bad).await.unwrap();
        if let Ok((status, _)) = client.read_head().await {
            assert_eq!(status, 400, "{bad:?}");
        }
    }
    harness.idle().await;
    assert_eq!(upstream.requests().len(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn slow_and_half_closed_clients_are_served_or_let_go() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 1, 1)));
    let harness = small(&upstream).await;
    let bytes = post_chat(&chat("p1/m")).to_bytes();
    let mut slow = harness.connect().await;
    slow.send_slowly(&bytes, 16, Duration::from_millis(1)).await.unwrap();
    let response = slow.read_response().await;
    harness.note(&response);
    assert_eq!(response.status, 200);
    // Pipelined requests are answered in order.
    let mut client = harness.connect().await;
    client.send([&bytes[..], &bytes[..], &bytes[..]].concat()).await.unwrap();
    for _ in 0..3 {
        let response = client.read_response().await;
        harness.note(&response);
        assert_eq!(response.status, 200);
    }
    // One who closes its side is answered or taken for gone.
    let mut client = harness.connect().await;
    client.send(&bytes).await.unwrap();
    client.half_close().await.unwrap();
    if let Ok((status, head)) = client.read_head().await {
        assert_eq!(status, 200);
        harness.note_head(status, &head);
    }
    // Half a head, then gone.
    let mut client = harness.connect().await;
    client.send(&bytes[..40]).await.unwrap();
    client.reset();
    harness.idle().await;
    harness.finish().await;
}

#[tokio::test]
async fn paths_methods_and_types() {
    let upstream = Upstream::start().await;
    let harness = small(&upstream).await;
    let ask =
        async |method: &str, path: &str| http::fetch(harness.addr, &Request::new(method, path).bearer(ALICE)).await;
    for (path, anthropic) in
        [("/v1/none", false), ("/v2/chat/completions", false), ("/v1/messages/none", true), ("/anthropic/x", true)]
    {
        let response = ask("GET", path).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (404, Some("not_found")), "{path}");
        let body = response.json();
        assert_eq!(body["type"] == "error", anthropic, "{path}: {body}");
        assert!(body["error"]["message"].as_str().unwrap().contains("native"), "{body}");
        assert!(response.header("x-tollgate-request-id").is_some());
    }
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/messages", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/healthz", "GET, HEAD"),
    ] {
        let response = ask(method, path).await;
        assert_eq!((response.status, response.header("allow")), (405, Some(allow)), "{method} {path}");
        assert_eq!(response.header("x-tollgate-error"), Some("method_not_allowed"));
    }
    for path in ["/v1/models", "/v1/models/p1/m", "/healthz", "/readyz", "/"] {
        let (get, head) = (ask("GET", path).await, ask("HEAD", path).await);
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert_eq!((head.body.len(), head.header("content-length")), (0, get.header("content-length")), "{path}");
    }
    for (origin, allowed) in [("https://app.example", Some("https://app.example")), ("https://evil.example", None)] {
        let request = Request::new("OPTIONS", "/v1/chat/completions")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let response = http::fetch(harness.addr, &request).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (204, allowed));
        assert_eq!(response.header("access-control-allow-headers").is_some(), allowed.is_some());
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"] {
        let request = Request::new("POST", "/v1/chat/completions").bearer(ALICE).header("content-type", kind);
        let response = harness.call(&request.body(chat("p1/m").to_string())).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (415, Some("unsupported")), "{kind}");
    }
    let metrics = |key: &'static str| Request::get("/metrics").bearer(key);
    assert_eq!(http::fetch(harness.addr, &metrics(ALICE)).await.status, 403);
    assert_eq!(http::fetch(harness.addr, &metrics(ADMIN)).await.status, 200);
    assert_eq!(http::fetch(harness.addr, &Request::get("/metrics")).await.status, 401);
    assert_eq!(upstream.requests().len(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn names_that_are_near_tags_that_are_not_and_models_one_may_not_use() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 1, 1)));
    let harness = Harness::two(&upstream, &upstream, "", "").await;
    let response = harness.call(&post_chat(&chat("tow"))).await;
    let error = &response.json()["error"];
    assert_eq!((response.status, &error["code"], &error["param"]), (404, &json!("model_not_found"), &json!("model")));
    assert_eq!(error["tollgate"]["near"], json!(["two"]));
    let send = |key: &str, model: &str| Request::post("/v1/chat/completions", &chat(model)).bearer(key);
    for (model, status) in [("p1/m", 200), ("two", 200), ("p2/m", 403)] {
        let response = harness.call(&send(BOB, model)).await;
        assert_eq!(response.status, status, "{model}: {}", response.text());
        assert_eq!(response.header("x-tollgate-error") == Some("forbidden"), status == 403);
    }
    let long = format!("k={}", "v".repeat(256));
    let many = |count: usize| (0..count).map(|n| format!("t{n}=v")).collect::<Vec<_>>().join(",");
    for good in ["", "a=b", " a = b , c.d_e-9=x y ", "a=", &long, &many(16), "a=b=c"] {
        let response = harness.call(&post_chat(&chat("p1/m")).header("x-tollgate-tags", good)).await;
        assert_eq!(response.status, 200, "{good}");
    }
    for bad in ["a", "A=b", "=b", "a b=c", &format!("{long}v"), &many(17), &format!("{}=v", "n".repeat(65))] {
        let response = harness.call(&post_chat(&chat("p1/m")).header("x-tollgate-tags", bad)).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (400, Some("invalid_request")), "{bad}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_request_of_its_own_is_a_loop() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 1, 1)));
    let harness = Harness::one(&upstream).await;
    harness.call(&post_chat(&chat("p1/m"))).await;
    let via = upstream.requests()[0].header("via").unwrap().to_owned();
    let response = harness.call(&post_chat(&chat("p1/m")).header("via", &format!("1.1 other, {via}"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (508, Some("loop")));
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(harness.finish().await.len(), 1);
}
