//! Which target goes first: by what the request is expected to cost, by what was measured, by what is under way.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::samples::openai;
use testkit::upstream::{Gate, Script, Upstream};

use crate::harness::{self, Harness, KEY_1, KEY_2, chat, chat_stream, keys, post_chat};

/// Two providers of one model at their own prices, USD per 1M tokens in and out, and the name `best`.
async fn two(first: &Upstream, second: &Upstream, prices: [(&str, &str); 2], model: &str) -> Harness {
    let one = |name: &str, upstream: &Upstream, key: &str, (input, output): (&str, &str)| {
        format!(
            "  {name}: {{ kind: openai-compatible, base_url: \"{}/v1\", api_key: {key}, models: [m], prices: {{ m: {{ \
             input: {input}, output: {output} }} }} }}\n",
            upstream.url()
        )
    };
    let config = format!(
        "server: {{ admin_key: \"{}\" }}\n{}providers:\n{}{}models:\n  best: {{ {model}, targets: \
         [p1/m, p2/m] }}\n",
        harness::ADMIN,
        keys(),
        one("p1", first, KEY_1, prices[0]),
        one("p2", second, KEY_2, prices[1]),
    );
    Harness::start(&config).await
}

fn answer(tokens: u64) -> Script {
    Script::json(200, &openai::completion("ok", 10, tokens))
}

/// A chat request whose prompt has about so many tokens.
fn long(tokens: usize) -> Value {
    json!({"model": "best", "messages": [{"role": "user", "content": "word ".repeat(tokens * 4 / 5)}]})
}

#[tokio::test]
async fn cheapest_goes_by_this_request_and_by_what_was_answered_before() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    // The first is cheap to ask, the second cheap to listen to.
    let harness = two(&first, &second, [("1", "40"), ("10", "10")], "choose: cheapest").await;
    first.reply_always(answer(300));
    second.reply_always(answer(300));
    // A short prompt: 300 tokens of answer decide, as long as nobody answered yet.
    let short = harness.call(&post_chat(&chat("best"))).await;
    assert_eq!(short.header("x-tollgate-served-by"), Some("p2/m"));
    assert_eq!(short.header("x-tollgate-why"), Some("cheapest"));
    let line = harness.line(&short).await;
    let candidates = line["decision"]["candidates"].as_array().unwrap();
    let expected: Vec<f64> =
        candidates.iter().map(|one| one["expected_usd"].as_str().unwrap().parse().unwrap()).collect();
    assert!(expected[0] > expected[1] && expected[1] > 0.003, "{candidates:?}");
    // A prompt of 5,000 tokens: the prompt decides.
    let big = harness.call(&post_chat(&long(5_000))).await;
    assert_eq!(big.header("x-tollgate-served-by"), Some("p1/m"), "{}", harness.line(&big).await);
    // The caller wants no more than one token: the prompt decides again.
    let mut terse = chat("best");
    terse["max_tokens"] = 1.into();
    assert_eq!(harness.call(&post_chat(&terse)).await.header("x-tollgate-served-by"), Some("p1/m"));
    // What it costs to go on elsewhere is known too.
    second.reply(Script::json(500, &openai::server_error()));
    let failed = harness.call(&post_chat(&chat("best"))).await;
    assert_eq!(failed.header("x-tollgate-served-by"), Some("p1/m"));
    assert_eq!(failed.header("x-tollgate-why"), Some("fallback:server_error"));
    harness.finish().await;
}

#[tokio::test]
async fn fastest_learns_who_is_fast() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = two(&first, &second, [("1", "1"), ("1", "1")], "choose: fastest").await;
    let frames = || openai::stream(&["one", "two"], Some((3, 2)));
    first.reply_always(Script::sse(frames()).delay(Duration::from_millis(120)));
    second.reply_always(Script::sse(frames()));
    let mut served = [0u32; 2];
    for _ in 0..40 {
        let response = harness.call(&post_chat(&chat_stream("best"))).await;
        assert_eq!(response.status, 200);
        let slow = response.header("x-tollgate-served-by") == Some("p1/m");
        served[usize::from(!slow)] += 1;
    }
    // Both are met within a few requests; from then on the fast one has nearly all.
    assert!(served[0] >= 1 && served[1] >= 20, "{served:?}");
    let ask = testkit::http::Request::post("/admin/v1/explain", &json!({"model": "best"})).bearer(harness::ADMIN);
    let told = testkit::http::fetch(harness.addr, &ask).await.json();
    assert_eq!((&told["why"], &told["candidates"][0]["target"]), (&json!("fastest"), &json!("p2/m")), "{told}");
    assert!(told["candidates"][1]["first_byte_ms"].as_u64().unwrap() >= 100, "{told}");
    harness.finish().await;
}

#[tokio::test]
async fn least_busy_goes_where_less_is_under_way() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let harness = two(&first, &second, [("1", "1"), ("1", "1")], "choose: least_busy").await;
    let gate = Gate::new();
    first.reply_always(answer(1).gated(&gate));
    second.reply_always(answer(1).gated(&gate));
    // Whoever gets the first, the next goes to the other, and so on in turns while nobody answers.
    let (a, b) = (post_chat(&chat("best")), post_chat(&chat("best")));
    let both = async {
        let one = harness.call(&a);
        let other = async {
            while first.requests().len() + second.requests().len() < 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            harness.call(&b).await
        };
        let open = async {
            while first.requests().len() + second.requests().len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            gate.open();
        };
        let (one, other, ()) = tokio::join!(one, other, open);
        [one, other]
    };
    let both = tokio::time::timeout(harness::PATIENCE, both).await.unwrap();
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    for response in &both {
        assert_eq!(response.header("x-tollgate-why"), Some("least_busy"));
    }
    harness.finish().await;
}
