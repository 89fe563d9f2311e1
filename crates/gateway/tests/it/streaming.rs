//! Streams: cut anywhere, held until content, ended in order or told so; and answers of the other kind.

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::http::{End, Response};
use testkit::samples::{anthropic, join, openai};
use testkit::upstream::{Gate, Script, Upstream};

use crate::harness::{
    self, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message, message_stream, post_chat, post_message,
};

/// A streamed chat request that asks for usage, so that every frame is to come down.
fn with_usage(model: &str) -> Value {
    let mut body = chat_stream(model);
    body["stream_options"] = json!({"include_usage": true});
    body
}

fn outcomes(line: &Value) -> Vec<&str> {
    line["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect()
}

/// Holds the end of a stream that failed after content: an error event in the caller's dialect, no marker.
fn assert_broken(response: &Response, anthropic: bool, said: &str) {
    let text = response.text();
    assert_eq!((response.status, &response.end), (200, &End::Clean), "{said}: {text}");
    let last: Value = serde_json::from_str(response.data().last().unwrap()).unwrap();
    if anthropic {
        assert!(text.contains("event: error\n") && !text.contains("message_stop"), "{said}: {text}");
        assert_eq!(last["type"], "error", "{said}");
    } else {
        assert!(!text.contains("[DONE]"), "{said}: {text}");
    }
    assert!(last["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{said}: {last}");
}

#[tokio::test]
async fn cuts_anywhere_change_nothing() {
    let upstream = Upstream::start().await;
    let harness = Harness::one(&upstream).await;
    for crlf in [false, true] {
        let frames = openai::stream(&["h\u{e9}", "\u{1f600}!"], Some((7, 2)));
        let mut bytes = join(&frames);
        if crlf {
            bytes = Bytes::from(String::from_utf8(bytes.to_vec()).unwrap().replace('\n', "\r\n"));
        }
        let total = bytes.len();
        for step in [1, 7, 64, 333] {
            // A byte at a time through the first and last frames, coarser elsewhere: a millisecond each.
            let cuts: Vec<usize> =
                (1..total).step_by(step).filter(|at| step > 1 || *at < 60 || total - at < 60).collect();
            upstream.reply(Script::sse_cut(bytes.clone(), &cuts));
            let response = harness.call(&post_chat(&with_usage("p1/m"))).await;
            assert_eq!(response.text(), String::from_utf8_lossy(&bytes), "{crlf} {step}");
            let line = harness.line(&response).await;
            assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("ok"), &json!("0.000011000")));
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn the_head_is_held_until_content_and_failing_over_is_possible_until_then() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = Harness::two(&first, &second, "", "").await;
    let good = openai::stream(&["fine"], Some((7, 2)));
    second.reply_always(Script::sse(good.clone()));
    let role = openai::chunk(&json!({"role": "assistant", "content": ""}), None, true);
    let error = Bytes::from(format!("data: {}\n\n", openai::server_error()));
    let cases = [
        (Script::sse_head().frame(error.clone()).end(), "server_error"),
        (Script::sse_head().frame(role.clone()).frame(error).end(), "server_error"),
        (Script::sse_head().frame(": hi\n\n").frame(role.clone()).end(), "truncated"),
        (Script::sse_head().frame(role.clone()).frame("data: x").cut_after(1_000), "truncated"),
        (Script::sse_head().end(), "truncated"),
        (Script::sse_head().frame(role.clone()).reset_after(10_000), "truncated"),
    ];
    for (script, outcome) in cases {
        let said = format!("{script:?}");
        first.reply(script);
        let response = harness.call(&post_chat(&with_usage("two"))).await;
        assert_eq!(response.body, join(&good), "{said}: {}", response.text());
        let line = harness.line(&response).await;
        assert_eq!(outcomes(&line), [outcome, "ok"], "{said}");
        assert_eq!(response.header("x-tollgate-why"), Some(&*format!("fallback:{outcome}")));
    }
    // Held: the head does not come before the content does.
    let gate = Gate::new();
    let frames = openai::stream(&["a", "b"], Some((7, 2)));
    first.reply(Script::sse_head().frame(frames[0].clone()).gate(&gate).frame(join(&frames[1..])).end());
    let mut client = harness.connect().await;
    client.send(post_chat(&with_usage("two")).to_bytes()).await.unwrap();
    first.wait_requests(7).await;
    let early = tokio::time::timeout(std::time::Duration::from_millis(150), client.read_head()).await;
    assert!(early.is_err(), "the head came before any content");
    gate.open();
    let response = client.read_response().await;
    harness.note(&response);
    assert_eq!(response.body, join(&frames));
    harness.finish().await;
}

#[tokio::test]
async fn the_head_goes_out_when_it_was_held_long_enough() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = Harness::two(&first, &second, ", hold_head: 100ms", "").await;
    let frames = openai::stream(&["a"], Some((7, 2)));
    let gate = Gate::new();
    first.reply(Script::sse_head().frame(frames[0].clone()).gate(&gate).then(testkit::upstream::Step::Close));
    let mut client = harness.connect().await;
    client.send(post_chat(&with_usage("two")).to_bytes()).await.unwrap();
    let (status, head) = client.read_head().await.unwrap();
    assert_eq!((status, head.get("x-tollgate-served-by")), (200, Some("p1/m")));
    harness.note_head(status, &head);
    client.read_until("assistant").await;
    // The target is final: what breaks now is told in the stream.
    gate.open();
    let rest = client.read_until("error").await;
    assert!(!rest.contains("[DONE]"));
    harness.idle().await;
    assert_eq!(second.requests().len(), 0);
    let line = harness.line_of(head.get("x-tollgate-request-id").unwrap(), harness::ALICE).await;
    assert_eq!((&line["status"], outcomes(&line)), (&json!("incomplete"), vec!["truncated"]));
    drop(client);
    harness.finish().await;
}

#[tokio::test]
async fn what_breaks_after_content_is_told_in_the_stream() {
    let upstream = Upstream::start().await;
    let timeouts = ", timeouts: { idle: 200ms }";
    let harness = Harness::start(&format!(
        "{}providers:\n{}{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, timeouts),
        harness::anthropic("a1", &upstream.url(), KEY_2, timeouts)
    ))
    .await;
    let chat_start = join(&openai::stream(&["Hello there", ", you"], None)[..3]);
    let message_start = join(&anthropic::text_stream(&["Hello there", ", you"], 7, 2)[..5]);
    type Break = fn(Script, usize) -> Script;
    let breaks: [(&str, Break, &str); 4] = [
        ("cut", |script, _| script.then(testkit::upstream::Step::Close), "truncated"),
        ("ends without a marker", |script, _| script.end(), "truncated"),
        ("reset", Script::reset_after, "truncated"),
        ("stall", Script::stall_after, "timeout_idle"),
    ];
    for (name, breaks, outcome) in breaks {
        for (model, anthropic_up) in [("p1/m", false), ("a1/m", true)] {
            for anthropic_down in [false, true] {
                let said = format!("{name}: {model}, caller speaks Anthropic's: {anthropic_down}");
                let start = if anthropic_up { message_start.clone() } else { chat_start.clone() };
                upstream.reply(breaks(Script::sse_head().frame(start.clone()), start.len()));
                let request = match anthropic_down {
                    true => post_message(&message_stream(model)),
                    false => post_chat(&chat_stream(model)),
                };
                let response = harness.call(&request).await;
                assert!(response.text().contains("Hello there"), "{said}: {}", response.text());
                assert_broken(&response, anthropic_down, &said);
                let line = harness.line(&response).await;
                assert_eq!((&line["status"], outcomes(&line)), (&json!("incomplete"), vec![outcome]), "{said}");
                assert_eq!(line["error"]["class"], outcome, "{said}");
                // What came is charged, and said to be no more than a part or a guess.
                assert!(matches!(line["usage"]["source"].as_str(), Some("partial" | "estimated")), "{said}: {line}");
                assert!(line["usage"]["output"].as_u64().is_some_and(|output| output > 0), "{said}: {line}");
                assert_ne!(line["cost"]["usd"], "0.000000000", "{said}");
            }
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn an_upstreams_own_error_in_a_stream_is_passed_alone() {
    let upstream = Upstream::start().await;
    let harness = Harness::start(&format!(
        "{}providers:\n{}{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, "")
    ))
    .await;
    let mut chat_frames = openai::stream(&["Hello"], None)[..2].to_vec();
    chat_frames
        .push(Bytes::from(format!("data: {}\n\n", openai::error(&format!("bad {KEY_1}"), "server_error", None))));
    upstream.reply(Script::sse(chat_frames.clone()));
    let response = harness.call(&post_chat(&chat_stream("p1/m"))).await;
    let expected = String::from_utf8(join(&chat_frames).to_vec()).unwrap().replace(KEY_1, &"*".repeat(KEY_1.len()));
    assert_eq!(response.text(), expected);
    assert_eq!(harness.line(&response).await["status"], "incomplete");

    let mut message_frames = anthropic::text_stream(&["Hello"], 7, 2)[..4].to_vec();
    message_frames.push(Bytes::from(format!("event: error\ndata: {}\n\n", anthropic::overloaded())));
    upstream.reply_always(Script::sse(message_frames.clone()));
    let response = harness.call(&post_message(&message_stream("a1/m"))).await;
    assert_eq!(response.body, join(&message_frames), "{}", response.text());
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["error"]["class"]), (&json!("incomplete"), &json!("overloaded")));
    // Across dialects it is told in the caller's words.
    let response = harness.call(&post_chat(&chat_stream("a1/m"))).await;
    assert_broken(&response, false, "across");
    assert!(response.text().contains("Overloaded"), "{}", response.text());
    harness.finish().await;
}

#[tokio::test]
async fn silence_is_filled_with_comments_between_whole_frames() {
    let upstream = Upstream::start().await;
    let harness = Harness::start(&format!(
        "server: {{ keepalive: 60ms }}\n{}providers:\n{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, "")
    ))
    .await;
    let frames = openai::stream(&["a", "b"], Some((7, 2)));
    let (gate, half) = (Gate::new(), frames[2].len() / 2);
    let script = Script::sse_head().frame(join(&frames[..2])).frame(frames[2].slice(..half)).gate(&gate);
    upstream.reply(script.frame(frames[2].slice(half..)).frame(join(&frames[3..])).end());
    let mut client = harness.connect().await;
    client.send(post_chat(&with_usage("p1/m")).to_bytes()).await.unwrap();
    let (status, head) = client.read_head().await.unwrap();
    harness.note_head(status, &head);
    let mut text = client.read_until(": keepalive\n\n").await;
    gate.open();
    text.push_str(&client.read_until("[DONE]\n\n").await);
    assert_eq!(text.replace(": keepalive\n\n", ""), String::from_utf8_lossy(&join(&frames)));
    drop(client);
    harness.finish().await;
}

#[tokio::test]
async fn an_answer_of_the_other_kind_is_turned_into_what_was_asked_for() {
    let upstream = Upstream::start().await;
    let harness = Harness::start(&format!(
        "{}providers:\n{}{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, "")
    ))
    .await;
    // A whole answer to a streamed request.
    upstream.reply(Script::json(200, &openai::completion("Hello", 7, 2)));
    let response = harness.call(&post_chat(&with_usage("p1/m"))).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let data = response.data();
    assert!(data.iter().any(|data| data.contains("Hello")) && data.last().unwrap() == "[DONE]", "{data:?}");
    assert!(data.iter().any(|data| data.contains("\"completion_tokens\":2")), "{data:?}");
    assert_eq!(harness.line(&response).await["cost"]["usd"], "0.000011000");

    upstream.reply(Script::json(200, &anthropic::answer("Hello", 7, 2)));
    let response = harness.call(&post_message(&message_stream("a1/m"))).await;
    assert!(
        response.text().contains("Hello") && response.text().contains("event: message_stop\n"),
        "{}",
        response.text()
    );
    assert_eq!(harness.line(&response).await["cost"]["usd"], "0.000017000");

    // A stream to a request for a whole answer.
    upstream.reply(Script::sse(openai::stream(&["Hel", "lo"], Some((7, 2)))));
    let response = harness.call(&post_chat(&chat("p1/m"))).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.json()["choices"][0]["message"]["content"], "Hello");
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000011000"));

    upstream.reply(Script::sse(anthropic::text_stream(&["Hel", "lo"], 7, 2)));
    let response = harness.call(&post_message(&message("a1/m"))).await;
    assert_eq!(response.json()["content"][0]["text"], "Hello");
    assert_eq!(response.header("x-tollgate-cost-usd"), Some("0.000017000"));
    harness.finish().await;
}
