//! Bodies that are not what their dialect says, from callers of every dialect to targets of every dialect: passed on untouched
//! in the same dialect, and across either a 400 that names the place, or an answer with what was lost. Never a 500, never a panic.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use testkit::http::{Request, Response};
use testkit::samples::{anthropic, gemini, openai, responses};
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, Harness, KEY_1, KEY_2, keys};

/// Callers' dialects.
const CALLERS: [&str; 4] = ["chat", "responses", "messages", "gemini"];
/// Targets: a provider of each dialect.
const TARGETS: [(&str, &str); 4] = [("chat", "p1/m"), ("responses", "r1/m"), ("messages", "a1/m"), ("gemini", "g1/m")];

/// The mistakes of a caller, one a line: its name, and a request's members beside its model.
fn cases(caller: &str) -> impl Iterator<Item = (&'static str, String)> {
    let file = match caller {
        "chat" => include_str!("abuse/chat.txt"),
        "responses" => include_str!("abuse/responses.txt"),
        "messages" => include_str!("abuse/messages.txt"),
        _ => include_str!("abuse/gemini.txt"),
    };
    file.lines().filter_map(|line| line.split_once(" | ")).map(|(name, members)| {
        let long = [("@LONG@", "n", 300), ("@DEEP[@", "[", 100), ("@DEEP]@", "]", 100)];
        let nested = [("@DEEP{@", r#"{"properties":{"a":"#, 100), ("@DEEP}@", "}}", 100)];
        let fill = |text: String, (mark, with, times): (&str, &str, usize)| text.replace(mark, &with.repeat(times));
        (name, long.into_iter().chain(nested).fold(members.to_owned(), fill))
    })
}

async fn gateway(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    Harness::start(&format!(
        "{}providers:\n{}{}  r1: {{ kind: openai, dialect: openai-responses, base_url: \"{url}/v1\", api_key: {KEY_2}, models: [m], \
         prices: {{ m: {{ input: 1, output: 4 }} }} }}\n  g1: {{ kind: gemini, base_url: \"{url}\", api_key: {KEY_1}, models: [m], \
         prices: {{ m: {{ input: 1, output: 4 }} }} }}\n",
        keys(),
        harness::openai("p1", &url, KEY_1, ""),
        harness::anthropic("a1", &url, KEY_2, "")
    ))
    .await
}

fn request(caller: &str, model: &str, members: &str) -> Request {
    let body = match caller {
        "gemini" => format!("{{{members}}}"),
        _ => format!(r#"{{"model":"{model}",{members}}}"#),
    };
    let path = match caller {
        "chat" => "/v1/chat/completions".to_owned(),
        "responses" => "/v1/responses".to_owned(),
        "messages" => "/v1/messages".to_owned(),
        _ => format!("/v1beta/models/{model}:generateContent"),
    };
    Request::new("POST", &path).bearer(ALICE).header("content-type", "application/json").body(body)
}

/// An error in the caller's words, and the path it names.
fn path_of(caller: &str, response: &Response, shown: &str) -> String {
    let body = response.json();
    let error = &body["error"];
    assert_eq!(error["tollgate"]["kind"], "invalid_request", "{shown}: {body}");
    let worded = match caller {
        "chat" | "responses" => error["type"] == "invalid_request_error",
        "messages" => body["type"] == "error" && error["type"] == "invalid_request_error",
        _ => error["status"] == "INVALID_ARGUMENT" && error["code"] == 400,
    };
    assert!(worded, "{shown}: {body}");
    let path = error["tollgate"]["path"].as_str().unwrap_or_else(|| panic!("{shown}: no path: {body}"));
    assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{shown}: {body}");
    path.to_owned()
}

#[tokio::test]
async fn every_mistake_from_every_caller_to_every_target() {
    let upstream = Upstream::start().await;
    upstream.reply_when(
        |asked| asked.path().contains("generateContent"),
        Script::json(200, &gemini::chunk(&[gemini::text("ok")], "STOP", &gemini::usage(10, 0, 20, 0))),
    );
    upstream
        .reply_when(|asked| asked.path().ends_with("messages"), Script::json(200, &anthropic::answer("ok", 10, 20)));
    upstream
        .reply_when(|asked| asked.path().ends_with("responses"), Script::json(200, &responses::answer("ok", 10, 20)));
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let harness = gateway(&upstream).await;
    let mut told = String::new();
    let mut sent = 0;
    for caller in CALLERS {
        let _ = writeln!(told, "== {caller}");
        for (name, members) in cases(caller) {
            // What became of it: the same for several targets is said once.
            let mut outcomes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (target, model) in TARGETS {
                let shown = format!("{caller} to {target}: {name}");
                let request = request(caller, model, &members);
                let response = harness.call(&request).await;
                let outcome = match response.status {
                    400 => format!("400 {}", path_of(caller, &response, &shown)),
                    200 => {
                        sent += 1;
                        let up = upstream.requests().pop().unwrap();
                        if target == caller {
                            // Untouched but for the model's name.
                            let body = String::from_utf8(request.to_bytes()).unwrap();
                            let body =
                                body.split_once("\r\n\r\n").unwrap().1.replacen(&format!("\"{model}\""), "\"m\"", 1);
                            assert_eq!(up.text(), body, "{shown}");
                        } else {
                            let written: Result<Value, _> = serde_json::from_slice(&up.body);
                            assert!(written.is_ok() || members.contains("1e400"), "{shown}: {}", up.text());
                        }
                        match response.header("x-tollgate-loss") {
                            Some(loss) => format!("sent, {loss}"),
                            None => "sent".to_owned(),
                        }
                    }
                    status => panic!("{shown}: {status} {}", response.text()),
                };
                assert_eq!(upstream.requests().len(), sent, "{shown}: what is refused is not sent");
                outcomes.entry(outcome.replace(&"n".repeat(300), "n…")).or_default().push(target);
            }
            let outcomes: Vec<String> =
                outcomes.iter().map(|(outcome, targets)| format!("{}: {outcome}", targets.join("+"))).collect();
            let _ = writeln!(told, "{name} | {}", outcomes.join(" | "));
        }
    }
    insta::assert_snapshot!(told);
    harness.finish().await;
}

/// A form of a transcription: its boundary as told, and its bytes.
fn form(boundary: &str, body: &str) -> Request {
    Request::new("POST", "/v1/audio/transcriptions")
        .bearer(ALICE)
        .header("content-type", &format!("multipart/form-data{boundary}"))
        .body(body.as_bytes())
}

#[tokio::test]
async fn forms_that_are_none() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &serde_json::json!({"text": "ok"})));
    let harness = gateway(&upstream).await;
    let field =
        |name: &str, value: &str| format!("--B\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let model = field("model", "p1/m");
    let file = "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n";
    for (name, boundary, body) in [
        ("no boundary", "", format!("{model}{file}--B--\r\n")),
        ("an empty boundary", "; boundary=", format!("{model}{file}--B--\r\n")),
        ("another boundary", "; boundary=C", format!("{model}{file}--B--\r\n")),
        ("a boundary too long", &*format!("; boundary={}", "B".repeat(300)), format!("{model}{file}--B--\r\n")),
        ("nothing", "; boundary=B", String::new()),
        ("only the end", "; boundary=B", "--B--\r\n".to_owned()),
        ("no model", "; boundary=B", format!("{file}--B--\r\n")),
        ("an empty model", "; boundary=B", format!("{}{file}--B--\r\n", field("model", ""))),
        (
            "a field without a name",
            "; boundary=B",
            "--B\r\ncontent-disposition: form-data\r\n\r\nx\r\n--B--\r\n".to_owned(),
        ),
        (
            "a field without a head's end",
            "; boundary=B",
            "--B\r\ncontent-disposition: form-data; name=\"model\"\r\n".to_owned(),
        ),
        ("the model twice", "; boundary=B", format!("{model}{}{file}--B--\r\n", field("model", "p1/free"))),
    ] {
        let response = harness.call(&form(boundary, &body)).await;
        assert_eq!(
            (response.status, response.header("x-tollgate-error")),
            (400, Some("invalid_request")),
            "{name}: {}",
            response.text()
        );
        assert!(response.json()["error"]["message"].as_str().is_some_and(|text| text.len() > 10), "{name}");
    }
    // JSON where a form is wanted, and bytes that are none.
    let json = Request::post("/v1/audio/transcriptions", &serde_json::json!({"model": "p1/m"})).bearer(ALICE);
    let response = harness.call(&json).await;
    assert!(matches!(response.status, 400 | 415), "{}", response.text());
    assert_eq!(upstream.requests().len(), 0);
    harness.finish().await;
}

#[tokio::test]
async fn streams_to_clients_that_leave_or_hardly_read() {
    let upstream = Upstream::start().await;
    let harness = gateway(&upstream).await;
    let stream = r#""stream":true"#;
    // A request, and a stream of one long text that its upstream sends, by caller.
    let text = "word ".repeat(400);
    let words: Vec<&str> = std::iter::repeat_n(&*text, 100).collect();
    for caller in CALLERS {
        for (_, model) in TARGETS {
            let members = match caller {
                "chat" => format!(r#""messages":[{{"role":"user","content":"hi"}}],{stream}"#),
                "responses" => format!(r#""input":"hi",{stream}"#),
                "messages" => format!(r#""max_tokens":9,"messages":[{{"role":"user","content":"hi"}}],{stream}"#),
                _ => r#""contents":[{"role":"user","parts":[{"text":"hi"}]}]"#.to_owned(),
            };
            let script = || match model {
                "p1/m" => Script::sse(openai::stream(&words, Some((10, 20)))),
                "r1/m" => Script::sse(responses::text_stream(&text.repeat(100), 10, 20)),
                "a1/m" => Script::sse(anthropic::text_stream(&words, 10, 20)),
                _ => {
                    let chunks =
                        words.iter().map(|word| gemini::chunk(&[gemini::text(word)], "", &gemini::usage(10, 0, 20, 0)));
                    let last = gemini::chunk(&[gemini::text("end")], "STOP", &gemini::usage(10, 0, 20, 0));
                    Script::sse(chunks.chain([last]).map(|chunk| format!("data: {chunk}\r\n\r\n")))
                }
            };
            let mut ask = request(caller, model, &members);
            if caller == "gemini" {
                ask = Request::new("POST", &format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"))
                    .bearer(ALICE)
                    .header("content-type", "application/json")
                    .body(format!("{{{members}}}"));
            }
            let shown = format!("{caller} to {model}");
            // One that leaves in the middle.
            upstream.reply(script());
            let mut client = harness.connect().await;
            client.send(ask.to_bytes()).await.unwrap();
            let (status, head) = client.read_head().await.unwrap();
            harness.note_head(status, &head);
            assert_eq!(status, 200, "{shown}");
            client.next_piece().await.unwrap();
            client.reset();
            harness.idle().await;
            // One that closes its side after asking is answered or let go; whichever, nothing is left.
            upstream.reply(script());
            let mut client = harness.connect().await;
            client.send(ask.to_bytes()).await.unwrap();
            client.half_close().await.unwrap();
            if let Ok((status, head)) = client.read_head().await {
                harness.note_head(status, &head);
                while client.next_piece().await.is_ok() {}
            }
            harness.idle().await;
            // One that hardly reads gets it all in the end.
            upstream.forget_scripts();
            upstream.reply(script());
            let mut client = harness.connect().await;
            client.send(ask.to_bytes()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let response = client.read_response().await;
            harness.note(&response);
            let response = response.text();
            assert!(response.matches("word word").count() > 100, "{shown}: {} bytes", response.len());
            harness.idle().await;
        }
    }
    harness.finish().await;
}
