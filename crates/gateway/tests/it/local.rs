//! Without a key this machine is served, and no web page that it shows.

use testkit::http::{self, Request};
use testkit::samples::openai;
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, Harness, KEY_1, chat};

#[tokio::test]
async fn local_mode_refuses_what_a_page_or_a_proxy_would_send() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 1, 1)));
    let harness = Harness::start(&format!(
        "server: {{ cors: [\"https://app.example\"] }}\nproviders:\n{}",
        harness::openai("p1", &upstream.url(), KEY_1, "")
    ))
    .await;
    let addr = harness.addr.to_string();
    let post = || Request::post("/v1/chat/completions", &chat("p1/m"));
    let own = format!("http://{addr}");
    let good = [
        post(),
        post().header("host", &addr),
        post().header("host", "[::1]:4000"),
        post().bearer("sk-whatever-an-sdk-sends"),
        post().header("x-api-key", "ignored"),
        post().header("host", &addr).header("origin", &own).header("sec-fetch-site", "same-origin"),
        post().header("origin", "https://app.example").header("sec-fetch-site", "cross-site"),
        post().header("sec-fetch-site", "none"),
    ];
    let count = good.len();
    for request in good {
        let response = harness.call(&request).await;
        assert_eq!(response.status, 200, "{request:?}: {}", response.text());
    }
    let attacks: [&[(&str, &str)]; 10] = [
        &[("host", "evil.example")],
        &[("host", "127.0.0.1.evil.example:4000")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:1")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        &[("x-forwarded-for", "127.0.0.1")],
        &[("x-forwarded-host", "localhost")],
        &[("forwarded", "for=127.0.0.1")],
        &[("via", "1.1 proxy")],
    ];
    for headers in attacks {
        for request in [
            post(),
            Request::get("/v1/models"),
            Request::get("/metrics"),
            Request::get("/admin/v1/keys"),
            Request::get("/v1/requests/x"),
        ] {
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            let response = http::fetch(harness.addr, &request).await;
            assert_eq!((response.status, response.header("x-tollgate-error")), (403, Some("forbidden")), "{request:?}");
            assert_eq!(response.header("access-control-allow-origin"), None);
        }
    }
    // What a page can send without asking first is no JSON; neither is what has no type.
    let body = chat("p1/m").to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let request = Request::new("POST", "/v1/chat/completions").body(body.clone());
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        let response = harness.call(&request).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (415, Some("unsupported")), "{kind:?}");
    }
    assert_eq!(upstream.requests().len(), count);
    let lines = harness.finish().await;
    assert!(lines.iter().all(|line| line["caller"]["key"] == "local"));
    assert_eq!(lines.len(), count + 3);
}
