//! Media at addresses: downloaded once for a target that fetches none, from addresses that may be asked alone.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{anthropic, gemini, openai};
use testkit::upstream::{Framing, Script, Upstream, refused};

use crate::harness::{self, ALICE, Harness, KEY_1, KEY_2, keys, post_chat, post_message};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nsome picture";
const PDF: &[u8] = b"%PDF-1.7 some pages";
/// The same in base64.
const PNG_64: &str = "iVBORw0KGgpzb21lIHBpY3R1cmU=";
const PDF_64: &str = "JVBERi0xLjcgc29tZSBwYWdlcw==";

/// A gateway whose media may come from the loopback port of `files` too; `fetch` are more members of its settings.
/// `p1`, `a1` fetch for themselves; `b1`, `c1` of the same dialects take bytes alone; `g1` is Google's.
async fn gateway(upstream: &Upstream, files: &Upstream, fetch: &str) -> Harness {
    let url = upstream.url();
    Harness::start(&format!(
        "server: {{ fetch_media: {{ networks: [127.0.0.1], ports: [{}], max: 64KiB{fetch} }} }}\n{}providers:\n{}{}{}{}  \
         g1: {{ kind: gemini, base_url: \"{url}\", api_key: {KEY_1}, models: [m], prices: {{ m: {{ input: 1, output: 4 }} }} }}\n\
         models:\n  both: {{ targets: [b1/m, g1/m, p1/m] }}\n",
        files.addr.port(),
        keys(),
        harness::openai("p1", &url, KEY_1, ""),
        harness::openai("b1", &url, KEY_2, ", fetches_urls: false"),
        harness::anthropic("a1", &url, KEY_1, ""),
        harness::anthropic("c1", &url, KEY_2, ", fetches_urls: false"),
    ))
    .await
}

/// The upstream answers whatever it is asked, in the dialect of the path.
fn answers(upstream: &Upstream) {
    upstream.reply_when(
        |asked| asked.path().contains("generateContent"),
        Script::json(200, &gemini::chunk(&[gemini::text("ok")], "STOP", &gemini::usage(10, 0, 20, 0))),
    );
    upstream
        .reply_when(|asked| asked.path().ends_with("messages"), Script::json(200, &anthropic::answer("ok", 10, 20)));
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
}

fn picture(model: &str, url: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url, "detail": "auto"}}]}]})
}

fn block(model: &str, url: &str) -> Value {
    json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "url", "url": url}, "cache_control": {"type": "ephemeral"}}]}]})
}

/// An error's kind, path and reason.
fn told(response: &Response) -> (u16, String, String, String) {
    let body = response.json();
    let error = &body["error"];
    let detail = |name: &str| error["tollgate"][name].as_str().unwrap_or_default().to_owned();
    (response.status, detail("kind"), detail("path"), detail("reason"))
}

#[tokio::test]
async fn who_fetches_gets_the_address_and_who_does_not_gets_bytes() {
    let (upstream, files) = (Upstream::start().await, Upstream::start().await);
    answers(&upstream);
    files.reply_when(|asked| asked.path() == "/p.png", Script::body(200, "image/png", PNG));
    files.reply_always(Script::body(200, "application/pdf", PDF));
    let harness = gateway(&upstream, &files, "").await;
    let (png, pdf) = (format!("{}/p.png?sig=secret-signature", files.url()), format!("{}/d.pdf", files.url()));
    let bytes_png = format!("data:image/png;base64,{PNG_64}");
    let up = || upstream.requests().pop().unwrap().json();

    // They fetch for themselves: nothing is downloaded, and in the same dialect nothing is touched.
    assert_eq!(harness.call(&post_chat(&picture("p1/m", &png))).await.status, 200);
    assert_eq!(up()["messages"][0]["content"][1]["image_url"]["url"], png);
    assert_eq!(harness.call(&post_chat(&picture("a1/m", &png))).await.status, 200);
    assert_eq!(up()["messages"][0]["content"][1]["source"], json!({"type": "url", "url": png}));
    assert_eq!(files.accepted(), 0);

    // In the same dialect the bytes stand where the address stood, and every other byte as it was.
    let request = picture("b1/m", &png);
    let response = harness.call(&post_chat(&request)).await;
    assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
    let expected = request.to_string().replace(&png, &bytes_png).replace("\"b1/m\"", "\"m\"");
    assert_eq!(upstream.requests().pop().unwrap().text(), expected);
    let request = block("c1/m", &pdf);
    assert_eq!(harness.call(&post_message(&request)).await.status, 200);
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": PDF_64});
    assert_eq!(up()["messages"][0]["content"][0]["source"], source);
    assert_eq!(up()["messages"][0]["content"][0]["cache_control"]["type"], "ephemeral");

    // Across: by what the target's dialect has a word for.
    let response = harness.call(&post_chat(&picture("g1/m", &png))).await;
    assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
    assert_eq!(up()["contents"][0]["parts"][1]["inlineData"], json!({"mimeType": "image/png", "data": PNG_64}));
    assert_eq!(harness.call(&post_message(&block("g1/m", &pdf))).await.status, 200);
    assert_eq!(up()["contents"][0]["parts"][0]["inlineData"], json!({"mimeType": "application/pdf", "data": PDF_64}));
    // A chat server has no word for a file at an address, so it gets the file.
    let response = harness.call(&post_message(&block("p1/m", &pdf))).await;
    assert_eq!(response.status, 200);
    let file = &up()["messages"][0]["content"][0]["file"];
    assert_eq!(file["file_data"], format!("data:application/pdf;base64,{PDF_64}"), "{}", up());
    // From the responses' dialect and from Google's.
    let body = json!({"model": "g1/m", "input": [{"role": "user", "content": [
        {"type": "input_file", "file_url": pdf}, {"type": "input_image", "image_url": png}]}]});
    let response = harness.call(&Request::post("/v1/responses", &body).bearer(ALICE)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(up()["contents"][0]["parts"][0]["inlineData"]["data"], PDF_64);
    assert_eq!(up()["contents"][0]["parts"][1]["inlineData"]["data"], PNG_64);
    let body =
        json!({"contents": [{"role": "user", "parts": [{"file_data": {"file_uri": png, "mime_type": "image/png"}}]}]});
    let google = |model: &str| Request::post(&format!("/v1beta/models/{model}:generateContent"), &body).bearer(ALICE);
    assert_eq!(harness.call(&google("b1/m")).await.status, 200);
    assert_eq!(up()["messages"][0]["content"][0]["image_url"]["url"], bytes_png);
    // Google's own callers and YouTube's films keep their address.
    let fetched = files.accepted();
    assert_eq!(harness.call(&google("g1/m")).await.status, 200);
    assert_eq!(up()["contents"][0]["parts"][0]["file_data"]["file_uri"], png);
    let mut film = picture("g1/m", "https://www.youtube.com/watch?v=x");
    film["messages"][0]["content"][1] = json!({"type": "video_url", "video_url": {"url": "https://youtu.be/x"}});
    assert_eq!(harness.call(&post_chat(&film)).await.status, 200);
    assert_eq!(up()["contents"][0]["parts"][1]["fileData"]["fileUri"], "https://youtu.be/x");
    assert_eq!(files.accepted(), fetched);
    for request in files.requests() {
        for name in ["authorization", "x-api-key", "cookie", "via", "traceparent"] {
            assert_eq!(request.header(name), None, "{name}");
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn one_download_serves_every_place_and_every_try() {
    let (upstream, files) = (Upstream::start().await, Upstream::start().await);
    files.reply_always(Script::body(200, "image/png", PNG));
    let harness = gateway(&upstream, &files, "").await;
    let url = format!("{}/p.png", files.url());
    let mut body = picture("both", &url);
    body["messages"][0]["content"][0] = json!({"type": "image_url", "image_url": {"url": url}});
    // b1 takes bytes and fails, g1 takes bytes and fails, p1 fetches.
    upstream.reply(Script::json(500, &json!({"error": {"message": "no"}})));
    upstream.reply(Script::json(500, &json!({"error": {"message": "no"}})));
    upstream.reply(Script::json(200, &openai::completion("ok", 10, 20)));
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!((response.status, response.header("x-tollgate-attempts")), (200, Some("3")), "{}", response.text());
    assert_eq!(files.requests().len(), 1);
    let sent = upstream.requests();
    assert!(sent[0].text().matches(PNG_64).count() == 2 && sent[1].text().matches(PNG_64).count() == 2);
    assert_eq!(sent[2].text().matches(&url).count(), 2);
    harness.idle().await;
    assert_eq!(harness.gateway.buffered(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn what_cannot_be_had_is_the_callers_and_says_where() {
    let (upstream, files) = (Upstream::start().await, Upstream::start().await);
    answers(&upstream);
    let harness = gateway(&upstream, &files, ", total: 96KiB, timeout: 400ms").await;
    let nobody = refused().await;
    let at = "messages[0].content[1].image_url.url";
    let stalls = Script::head(200, "image/png", Framing::Chunked).frame(PNG).then(testkit::upstream::Step::Stall);
    let large = [PNG, &vec![0; 70_000][..]].concat();
    let url = format!("{}/secret-path", files.url());
    let own = |text: &str| text.to_owned();
    for (script, url, reason) in [
        (Some(Script::body(404, "text/html", "no")), url.clone(), "status"),
        (Some(Script::body(200, "text/html", "<!doctype html>")), url.clone(), "type"),
        (Some(Script::body(200, "image/png", large)), url.clone(), "too_large"),
        (Some(stalls), url.clone(), "timeout"),
        (Some(Script::body(200, "image/png", PNG).cut_after(3)), url.clone(), "broken"),
        (
            Some(Script::body(302, "text/plain", "").header("location", "http://169.254.169.254/")),
            url.clone(),
            "refused",
        ),
        (Some(Script::body(302, "text/plain", "").header("location", "http://10.0.0.1/")), url.clone(), "refused"),
        (None, own("http://127.0.0.2/secret-path"), "refused"),
        (None, own("http://10.0.0.1/"), "refused"),
        (None, own("http://169.254.169.254/latest/meta-data/"), "refused"),
        (None, own("http://[::1]/"), "refused"),
        (None, format!("http://{nobody}/"), "refused"),
        (None, own("http://user:pass@127.0.0.1/"), "refused"),
        (None, own("gs://bucket/x.png"), "address"),
        (None, own("s3://bucket/x.png"), "address"),
        (None, own("file:///etc/passwd"), "address"),
        (None, own("https://b\u{fc}cher.example/"), "address"),
    ] {
        if let Some(script) = script {
            files.reply(script);
        }
        // (Google takes `gs:` itself.)
        let model = if url.starts_with("gs:") { "a1/m" } else { "g1/m" };
        let response = harness.call(&post_chat(&picture(model, &url))).await;
        let expected = (400, own("invalid_request"), own(at), own(reason));
        assert_eq!(told(&response), expected, "{url}: {}", response.text());
        let error = &response.json()["error"];
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_image_url"), &json!(at)));
        // The address is not repeated: it may be signed.
        assert!(!response.text().contains("secret-path"), "{}", response.text());
        let line = harness.line(&response).await;
        assert_eq!((&line["attempts"], &line["error"]["kind"]), (&json!([]), &json!("invalid_request")));
    }
    // In the other callers' words.
    files.reply(Script::body(500, "text/html", "no"));
    let response = harness.call(&post_message(&block("g1/m", &url))).await;
    assert_eq!(told(&response).2, "messages[0].content[0].source.url");
    assert_eq!(response.json()["type"], "error");
    // All of one request together.
    files.forget_scripts();
    files.reply_always(Script::body(200, "image/png", [PNG, &vec![0; 40_000][..]].concat()));
    let mut body = picture("g1/m", &url);
    body["messages"][0]["content"] =
        (0..3).map(|n| json!({"type": "image_url", "image_url": {"url": format!("{url}?{n}")}})).collect();
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!((told(&response).0, told(&response).3), (400, own("too_large")), "{}", response.text());
    body["messages"][0]["content"] =
        (0..65).map(|n| json!({"type": "image_url", "image_url": {"url": format!("{url}?{n}")}})).collect();
    let before = files.accepted();
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!(told(&response).2, "messages[0].content[64].image_url.url");
    assert_eq!((files.accepted(), upstream.requests().len()), (before, 0));
    files.wait_open(0).await;
    harness.finish().await;
}

#[tokio::test]
async fn off_and_allow_are_what_they_say() {
    let (upstream, files) = (Upstream::start().await, Upstream::start().await);
    answers(&upstream);
    files.reply_always(Script::body(200, "image/png", PNG));
    let url = format!("{}/p.png", files.url());
    let off = gateway(&upstream, &files, ", mode: off").await;
    let response = off.call(&post_chat(&picture("g1/m", &url))).await;
    assert_eq!((told(&response).0, told(&response).3), (400, "off".to_owned()));
    assert!(response.text().contains("fetch_media"), "{}", response.text());
    // A body of its own dialect is the provider's to judge.
    assert_eq!(off.call(&post_chat(&picture("b1/m", &url))).await.status, 200);
    assert_eq!(files.accepted(), 0);
    off.finish().await;
    let allow = gateway(&upstream, &files, ", mode: allow, hosts: [files.example]").await;
    assert_eq!(allow.call(&post_chat(&picture("g1/m", &url))).await.status, 200);
    let response = allow.call(&post_chat(&picture("g1/m", "http://8.8.8.8/"))).await;
    assert_eq!((told(&response).0, told(&response).3), (400, "refused".to_owned()));
    allow.finish().await;
    // Without a list, loopback is refused.
    let plain = Harness::start(&format!(
        "{}providers:\n{}",
        keys(),
        harness::openai("b1", &upstream.url(), KEY_1, ", fetches_urls: false")
    ))
    .await;
    for url in [url.replace(&files.addr.port().to_string(), "80"), "http://localhost/x.png".to_owned()] {
        let response = plain.call(&post_chat(&picture("b1/m", &url))).await;
        assert_eq!((told(&response).0, told(&response).3), (400, "refused".to_owned()), "{}", response.text());
    }
    plain.finish().await;
}

#[tokio::test]
async fn a_download_counts_as_held_and_ends_with_its_caller() {
    let (upstream, files) = (Upstream::start().await, Upstream::start().await);
    answers(&upstream);
    let slow = || {
        let script = Script::head(200, "image/png", Framing::Chunked).frame([PNG, &[0; 20_000][..]].concat());
        script.then(testkit::upstream::Step::Stall)
    };
    files.reply_always(slow());
    let harness = gateway(&upstream, &files, ", timeout: 20s").await;
    let url = format!("{}/p.png", files.url());
    let mut client = harness.connect().await;
    client.send(post_chat(&picture("g1/m", &url)).to_bytes()).await.unwrap();
    while harness.gateway.buffered() < 20_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.reset();
    files.wait_open(0).await;
    harness.idle().await;
    // The caller's own time ends it too.
    let request = post_chat(&picture("g1/m", &url)).header("x-tollgate-timeout", "200ms");
    let response = harness.call(&request).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (504, Some("upstream_timeout")));
    assert_eq!(upstream.requests().len(), 0);
    files.wait_open(0).await;
    let lines = harness.finish().await;
    assert_eq!(lines[0]["status"], "cancelled", "{}", lines[0]);
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_checked_address() {
    let (proxy, files) = (Upstream::start().await, Upstream::start().await);
    let port = files.addr.port();
    // What stands behind the proxy answers through its tunnel.
    proxy.reply_when(|asked| asked.method == "CONNECT", Script::garbage("HTTP/1.1 403 no\r\n\r\n"));
    let harness = Harness::start(&format!(
        "server: {{ fetch_media: {{ networks: [127.0.0.1], ports: [{port}] }} }}\n{}providers:\n{}",
        keys(),
        harness::openai(
            "b1",
            "http://provider.example",
            KEY_1,
            &format!(", fetches_urls: false, proxy: \"{}\"", proxy.url())
        )
    ))
    .await;
    let response = harness.call(&post_chat(&picture("b1/m", &format!("http://localhost:{port}/p.png")))).await;
    assert_eq!((told(&response).0, told(&response).3), (400, "connect".to_owned()), "{}", response.text());
    let asked = proxy.requests().pop().unwrap();
    assert_eq!((&*asked.method, &*asked.target), ("CONNECT", &*format!("127.0.0.1:{port}")));
    assert_eq!(files.accepted(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn broken_bytes_are_named_in_every_dialect() {
    let upstream = Upstream::start().await;
    answers(&upstream);
    let files = Upstream::start().await;
    let harness = gateway(&upstream, &files, "").await;
    let chat = |url: &str| post_chat(&picture("a1/m", url));
    let at = "messages[0].content[1].image_url.url";
    let google = |data: &str| {
        let body =
            json!({"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}]});
        Request::post("/v1beta/models/p1/m:generateContent", &body).bearer(ALICE)
    };
    let message = |data: &str| {
        let source = json!({"type": "base64", "media_type": "image/png", "data": data});
        post_message(
            &json!({"model": "p1/m", "max_tokens": 8, "messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]}),
        )
    };
    let response_to = |url: &str| {
        let body = json!({"model": "p1/m", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]});
        Request::post("/v1/responses", &body).bearer(ALICE)
    };
    let audio = |data: &str| {
        let mut body = picture("g1/m", "");
        body["messages"][0]["content"][1] =
            json!({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}});
        post_chat(&body)
    };
    let file = |data: &str| {
        let mut body = picture("g1/m", "");
        body["messages"][0]["content"][1] = json!({"type": "file", "file": {"file_data": data, "filename": "a.pdf"}});
        post_chat(&body)
    };
    for (request, path) in [
        (chat("data:image/png;base64,!!!"), at),
        (chat("data:image/png;base64,QUJDR"), at),
        (chat("data:image/png;base64"), at),
        (chat("data:"), at),
        (chat(""), at),
        (google("!!!"), "contents[0].parts[0].inlineData.data"),
        (message("Q"), "messages[0].content[0].source.data"),
        (response_to("data:image/png;base64,Q"), "input[0].content[0].image_url"),
        (audio("!"), "messages[0].content[1].input_audio.data"),
        (file("data:application/pdf;base64,Q"), "messages[0].content[1].file.file_data"),
        (file("not base64 at all!"), "messages[0].content[1].file.file_data"),
    ] {
        let response = harness.call(&request).await;
        let (status, kind, named, _) = told(&response);
        assert_eq!((status, &*kind, &*named), (400, "invalid_request", path), "{}", response.text());
    }
    assert_eq!(upstream.requests().len(), 0);
    // In the same dialect it is the upstream's to judge.
    assert_eq!(harness.call(&post_chat(&picture("p1/m", "data:image/png;base64,!!!"))).await.status, 200);
    // Spelled otherwise, but the same bytes.
    assert_eq!(harness.call(&chat("data:image/png;base64,iVBO\nRw0K-_8")).await.status, 200);
    let source = upstream.requests().pop().unwrap().json()["messages"][0]["content"][1]["source"]["data"].clone();
    assert_eq!(source, "iVBORw0K+/8=");
    harness.finish().await;
}
