//! Parameters that a provider is known to refuse do not reach it: taken out with a report, or refused where losses are.

use serde_json::{Value, json};
use testkit::http::Request;
use testkit::samples::{anthropic, openai, responses};
use testkit::upstream::{Script, Upstream};

use crate::harness::{ALICE, Harness, KEY_1, KEY_2, keys, post_chat, post_message};

/// Rows with their own quirks and catalogue, all at one upstream.
async fn gateway(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    upstream
        .reply_when(|asked| asked.path().ends_with("messages"), Script::json(200, &anthropic::answer("ok", 10, 20)));
    upstream
        .reply_when(|asked| asked.path().ends_with("responses"), Script::json(200, &responses::answer("ok", 10, 20)));
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let row = |kind: &str, base: &str| format!("  {kind}: {{ base_url: \"{url}{base}\", api_key: {KEY_1} }}\n");
    Harness::start(&format!(
        "{}providers:\n{}{}{}{}{}{}  responses: {{ kind: openai, dialect: openai-responses, base_url: \"{url}/v1\", api_key: {KEY_2} }}\n\
         models:\n  strict: {{ targets: [openai/gpt-5-mini], losses: reject }}\n",
        keys(),
        row("openai", "/v1"),
        row("anthropic", ""),
        row("mistral", "/v1"),
        row("groq", "/openai/v1"),
        row("cerebras", "/v1"),
        row("perplexity", ""),
    ))
    .await
}

/// The bodies that went up; lists of models are fetched beside them.
fn sent(upstream: &Upstream) -> Vec<Value> {
    upstream.requests().iter().filter(|asked| asked.method == "POST").map(testkit::upstream::Received::json).collect()
}

fn chat(model: &str, more: &Value) -> Value {
    let mut body = json!({"model": model, "messages": [{"role": "user", "name": "ann", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn what_a_provider_refuses_is_taken_out_and_told() {
    let upstream = Upstream::start().await;
    let harness = gateway(&upstream).await;
    let steered = json!({"temperature": 0.5, "top_p": 0.9, "frequency_penalty": 0.1, "presence_penalty": 0.1,
        "logprobs": true, "top_logprobs": 2, "logit_bias": {"1": 1}, "max_tokens": 50});
    let all =
        ["temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "logit_bias"];
    let mut hard = steered.clone();
    hard["reasoning_effort"] = "low".into();
    let mut none = steered.clone();
    none["reasoning_effort"] = "none".into();
    // Model, members, what is lost, what goes up.
    let cases: [(&str, Value, &[&str], &[&str]); 12] = [
        ("openai/gpt-5-mini", steered.clone(), &all, &["max_completion_tokens"]),
        ("openai/o3", steered.clone(), &all, &["max_completion_tokens"]),
        // Asking for what is the default anyway is no loss.
        ("openai/gpt-5-mini", json!({"temperature": 1, "top_p": 1, "n": 1, "logprobs": false}), &[], &["n"]),
        // Those that can do without reasoning take it all, unless they are asked to reason.
        ("openai/gpt-5.1", steered.clone(), &[], &["temperature", "logit_bias", "max_completion_tokens"]),
        ("openai/gpt-5.1", none, &[], &["temperature", "logprobs"]),
        ("openai/gpt-5.1", hard, &all, &["reasoning_effort", "max_completion_tokens"]),
        ("openai/gpt-4o", steered.clone(), &[], &["temperature", "logit_bias", "max_tokens"]),
        (
            "groq/llama-3.3-70b-versatile",
            json!({"logprobs": true, "logit_bias": {"1": 1}, "n": 2, "seed": 1}),
            &["logprobs", "logit_bias", "n", "messages[0].name"],
            &["seed"],
        ),
        (
            "cerebras/gpt-oss-120b",
            json!({"presence_penalty": 1, "frequency_penalty": 1, "logit_bias": {"1": 1}, "top_p": 0.5}),
            &["presence_penalty", "frequency_penalty", "logit_bias"],
            &["top_p"],
        ),
        (
            "mistral/mistral-small-latest",
            json!({"seed": 7, "max_completion_tokens": 9, "logprobs": true, "tool_choice": "required",
            "stream_options": {"include_usage": true}}),
            &["logprobs"],
            &["random_seed", "max_tokens", "tool_choice"],
        ),
        ("perplexity/sonar", json!({"n": 2, "logit_bias": {"1": 1}, "top_k": 5}), &["n", "logit_bias"], &["top_k"]),
        (
            "anthropic/claude-opus-5",
            json!({"temperature": 0.5, "top_p": 0.5, "max_tokens": 5}),
            &["temperature", "top_p"],
            &["max_tokens"],
        ),
    ];
    for (model, members, lost, kept) in cases {
        let response = harness.call(&post_chat(&chat(model, &members))).await;
        assert_eq!(response.status, 200, "{model}: {}", response.text());
        let told = response.header("x-tollgate-loss").unwrap_or_default().to_owned();
        let up = sent(&upstream).pop().unwrap();
        for name in lost {
            assert!(told.contains(&format!("at {name}")), "{model} {name}: {told}");
            assert!(up.get(name).is_none(), "{model} {name}: {up}");
        }
        for name in kept {
            assert!(
                up.get(name).is_some() && !told.contains(&format!("dropped {name} ")),
                "{model} {name}: {up} {told}"
            );
        }
        if lost.is_empty() {
            assert_eq!(told, "", "{model}");
        }
        assert!(up.get("stream_options").is_none(), "{model}: {up}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn the_same_from_and_to_other_dialects() {
    let upstream = Upstream::start().await;
    let harness = gateway(&upstream).await;
    let up = || sent(&upstream).pop().unwrap();
    let message = |model: &str, more: &Value| {
        let mut body = json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post_message(&body)
    };
    // Across to a reasoning model: in chat and in responses.
    for model in ["openai/gpt-5-mini", "responses/gpt-5-mini"] {
        let response = harness.call(&message(model, &json!({"temperature": 0.5, "top_p": 0.5, "top_k": 3}))).await;
        let told = response.header("x-tollgate-loss").unwrap().to_owned();
        for name in ["temperature", "top_p", "top_k"] {
            assert!(told.contains(&format!("dropped {name} at {name}")) && up().get(name).is_none(), "{model}: {told}");
        }
    }
    let thinking =
        json!({"temperature": 0.5, "thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000});
    for model in ["openai/gpt-5.1", "responses/gpt-5.1"] {
        let response = harness.call(&message(model, &json!({"temperature": 0.5}))).await;
        assert_eq!((up()["temperature"].as_f64(), response.status), (Some(0.5), 200), "{model}");
        let response = harness.call(&message(model, &thinking)).await;
        let told = response.header("x-tollgate-loss").unwrap().to_owned();
        assert!(told.contains("dropped temperature") && up().get("temperature").is_none(), "{model}: {told}");
    }
    // In the same dialect.
    let body = json!({"model": "responses/gpt-5-mini", "input": "hi", "temperature": 0.5, "top_logprobs": 2});
    let response = harness.call(&Request::post("/v1/responses", &body).bearer(ALICE)).await;
    assert_eq!(
        response.header("x-tollgate-loss"),
        Some("dropped temperature at temperature; dropped top_logprobs at top_logprobs")
    );
    let response = harness.call(&message("anthropic/claude-opus-5", &json!({"temperature": 0.5, "top_k": 3}))).await;
    assert_eq!(response.header("x-tollgate-loss"), Some("dropped temperature at temperature; dropped top_k at top_k"));
    assert!(up().get("temperature").is_none() && up()["max_tokens"] == 50);
    // A temperature above Claude's range, and both samplings where it takes one.
    let response = harness
        .call(&post_chat(&chat("anthropic/claude-sonnet-4-5", &json!({"temperature": 1.7, "top_p": 0.5}))))
        .await;
    let told = response.header("x-tollgate-loss").unwrap().to_owned();
    assert!(told.contains("approximated temperature") && told.contains("dropped top_p"), "{told}");
    assert_eq!(up()["temperature"], 1);
    harness.finish().await;
}

#[tokio::test]
async fn where_losses_are_refused_nothing_is_sent() {
    let upstream = Upstream::start().await;
    let harness = gateway(&upstream).await;
    // In the same dialect, by what the model refuses.
    let response = harness.call(&post_chat(&chat("strict", &json!({"temperature": 0.5})))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (400, Some("invalid_request")));
    let error = &response.json()["error"];
    assert_eq!(error["tollgate"]["losses"], json!(["dropped temperature at temperature"]));
    assert!(error["message"].as_str().unwrap().contains("losses: reject"), "{error}");
    // Across, streamed, in the caller's words.
    let body = json!({"model": "strict", "max_tokens": 9, "stream": true, "top_k": 3, "messages": [{"role": "user", "content": "hi"}]});
    let response = harness.call(&post_message(&body)).await;
    assert_eq!((response.status, response.json()["type"].clone()), (400, json!("error")));
    assert!(response.json()["error"]["tollgate"]["losses"].to_string().contains("top_k"), "{}", response.text());
    assert!(sent(&upstream).is_empty());
    let line = harness.line(&response).await;
    assert_eq!((&line["attempts"], &line["cost"]["usd"]), (&json!([]), &json!("0.000000000")));
    assert_eq!(harness.call(&post_chat(&chat("strict", &json!({"temperature": 1})))).await.status, 200);
    harness.finish().await;
}
