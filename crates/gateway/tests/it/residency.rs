//! Where prompts may go is decided before anything else, on every way to a provider and in every failure.

use serde_json::{Value, json};
use testkit::http::Request;
use testkit::samples::openai;
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, BOB, Harness, KEY_1, KEY_2, chat, chat_stream, keys, post_chat};

/// `home` in the EU and `away` in the US; team `red` (alice) requires the EU, bob requires nothing.
async fn at_home_and_away(home: &Upstream, away: &Upstream) -> Harness {
    let required = keys().replace("red: {}", "red: { require: { region: [eu, on-prem], training: false } }");
    let data = |region: &str| format!(", data: {{ region: {region}, training: false }}");
    Harness::start(&format!(
        "server: {{ admin_key: {} }}\n{}providers:\n{}{}models:\n  any: {{ targets: [away/m, home/m], fallback: [away/free] \
         }}\n  out: {{ targets: [away/m, away/free] }}\n",
        harness::ADMIN,
        required.replace("[\"p1/*\", two]", "[\"*\"]"),
        harness::openai("home", &home.url(), KEY_1, &data("eu")),
        // It keeps conversations too.
        harness::openai("away", &away.url(), KEY_2, &data("us")).replace("kind: openai-compatible", "kind: openai"),
    ))
    .await
}

#[tokio::test]
async fn prompts_never_leave_the_region_in_no_failure() {
    let (home, away) = (Upstream::start().await, Upstream::start().await);
    away.reply_always(Script::json(200, &openai::completion("from abroad", 3, 1)));
    let harness = at_home_and_away(&home, &away).await;
    let good = || Script::json(200, &openai::completion("ok", 3, 1));
    home.reply(good());
    let response = harness.call(&post_chat(&chat("any"))).await;
    assert_eq!(response.header("x-tollgate-served-by"), Some("home/m"));
    let line = harness.line(&response).await;
    let candidates = &line["decision"]["candidates"];
    assert_eq!((&candidates[0]["target"], &candidates[0]["excluded_by"]), (&json!("away/m"), &json!("residency")));
    assert_eq!(candidates[2]["excluded_by"], "residency", "a fallback is no way around: {line}");
    // Whatever goes wrong at home, nothing goes abroad.
    let faults = [
        Script::json(429, &openai::rate_limited()),
        Script::json(401, &openai::bad_key("cdef")),
        Script::json(500, &openai::server_error()),
        Script::json(503, &openai::server_error()),
        Script::json(400, &openai::too_long()),
        Script::close(),
        Script::reset(),
        Script::garbage("nonsense\r\n\r\n"),
        Script::body(200, "text/html", "<html>"),
        Script::sse(openai::stream(&["a", "b"], None)).cut_after(60),
    ];
    for fault in faults {
        home.forget_scripts();
        home.reply_always(fault);
        let (plain, stream) = (chat("any"), chat_stream("any"));
        harness.call(&post_chat(&plain)).await;
        harness.call(&post_chat(&stream)).await;
    }
    // Names that only lead abroad are refused, and the refusal says why.
    for model in ["out", "away/m"] {
        let refused = harness.call(&post_chat(&chat(model))).await;
        assert_eq!((refused.status, refused.header("x-tollgate-error")), (404, Some("no_candidate")), "{model}");
        let told: Value = refused.json();
        assert_eq!(told["error"]["tollgate"]["excluded_by"]["away/m"], "residency", "{told}");
    }
    // So are the other ways to a provider.
    let words = json!({"model": "away/m", "input": "canary-7f3a9c-prompt"});
    let embedding = harness.call(&Request::post("/v1/embeddings", &words).bearer(ALICE)).await;
    assert_eq!(embedding.status, 404, "{}", embedding.text());
    let native = harness.call(&Request::post("/native/away/v1/chat/completions", &chat("m")).bearer(ALICE)).await;
    assert_eq!((native.status, native.header("x-tollgate-error")), (403, Some("forbidden")));
    for named in [None, Some("away")] {
        let mut ask = Request::post("/v1/conversations", &json!({"items": []})).bearer(ALICE);
        if let Some(name) = named {
            ask = ask.header("x-tollgate-provider", name);
        }
        assert!(harness.call(&ask).await.status >= 400, "{named:?}");
    }
    assert!(away.requests().is_empty(), "{:?}", away.requests());
    // Who requires nothing goes where the list says.
    let free = Request::post("/v1/chat/completions", &chat("any")).bearer(BOB);
    assert_eq!(harness.call(&free).await.header("x-tollgate-served-by"), Some("away/m"));
    harness.finish().await;
}

/// An address in a prompt is a part of it: it is asked of nobody that the operator has not listed.
#[tokio::test]
async fn addresses_in_prompts_are_not_asked_of_anybody() {
    let home = Upstream::start().await;
    let required = keys().replace("red: {}", "red: { require: { region: eu } }");
    let harness = Harness::start(&format!(
        "server: {{ admin_key: {} }}\n{required}providers:\n{}",
        harness::ADMIN,
        harness::openai("home", &home.url(), KEY_1, ", fetches_urls: false, data: { region: eu }"),
    ))
    .await;
    let picture = json!({"model": "home/m", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "http://203.0.113.7/p.png"}}]}]});
    let refused = harness.call(&post_chat(&picture)).await;
    let told: Value = refused.json();
    assert_eq!(refused.status, 400, "{told}");
    assert!(told["error"]["message"].as_str().unwrap().contains("server.fetch_media.hosts"), "{told}");
    assert!(home.requests().is_empty());
    harness.finish().await;
}
