//! Azure OpenAI with tokens of Microsoft Entra, and its three addresses.

use serde_json::json;
use tempfile::TempDir;
use testkit::http::Request;
use testkit::samples::{openai, responses};
use testkit::upstream::{Received, Script, Upstream};

use crate::harness::{ALICE, CANARY, Harness, KEY_1, KEY_2, chat, keys, post_chat};

/// The access token; the harness looks for it in every file.
const TOKEN: &str = KEY_1;
const SCOPE: &str = "https%3A%2F%2Fcognitiveservices.azure.com%2F.default";
const RESOURCE: &str = "https%3A%2F%2Fcognitiveservices.azure.com";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn azure(base: &str, more: &str) -> String {
    format!(
        "{}providers:\n  azure: {{ base_url: \"{base}\", prices: {{ \"*\": {{ input: 1, output: 2 }} }}{more} }}\n",
        keys()
    )
}

fn token() -> Script {
    Script::json(200, &json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": TOKEN}))
}

/// Calls a deployment with these variables; gives what the deployment and the token service were asked.
async fn asked(vars: &[(&str, &str)], more: &str, answer: Script, service: &Upstream) -> (Received, Received) {
    let upstream = Upstream::start().await;
    let harness = Harness::start_in(&azure(&upstream.url(), more), vars, folder()).await;
    service.reply(answer);
    upstream.reply(Script::json(200, &openai::completion("Hi", 10, 20)));
    let response = harness.call(&post_chat(&chat("azure/my-gpt"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21");
    assert_eq!(got.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(got.header("api-key"), None);
    harness.finish().await;
    (got, service.requests().pop().unwrap())
}

#[tokio::test]
async fn an_applications_secret_gives_tokens() {
    let service = Upstream::start().await;
    let url = service.url();
    let vars = [
        ("AZURE_AUTHORITY_HOST", url.as_str()),
        ("AZURE_TENANT_ID", "my-tenant"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", KEY_2),
    ];
    let (_, asked) = asked(&vars, "", token(), &service).await;
    assert_eq!(asked.target, "/my-tenant/oauth2/v2.0/token");
    let form = format!("grant_type=client_credentials&client_id=app&client_secret={KEY_2}&scope={SCOPE}");
    assert_eq!(asked.text(), form);
}

#[tokio::test]
async fn a_workloads_token_gives_tokens() {
    let (service, dir) = (Upstream::start().await, folder());
    let file = dir.path().join("token");
    std::fs::write(&file, "federated.token\n").unwrap();
    let url = service.url();
    let vars = [
        ("AZURE_AUTHORITY_HOST", url.as_str()),
        ("AZURE_TENANT_ID", "my-tenant"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
    ];
    let (_, asked) = asked(&vars, "", token(), &service).await;
    let text = asked.text();
    assert!(text.ends_with(&format!("jwt-bearer&client_assertion=federated.token&scope={SCOPE}")), "{text}");
}

#[tokio::test]
async fn managed_identities_give_tokens() {
    let service = Upstream::start().await;
    let url = format!("{}/msi/token", service.url());
    // App Service tells the moment of the end as a text.
    let ends = jiff::Timestamp::now().as_second() + 3_600;
    let answer = Script::json(200, &json!({"access_token": TOKEN, "expires_on": ends.to_string()}));
    let vars = [("IDENTITY_ENDPOINT", url.as_str()), ("IDENTITY_HEADER", KEY_2), ("AZURE_CLIENT_ID", "user-assigned")];
    let (_, got) = asked(&vars, "", answer, &service).await;
    let query = format!("resource={RESOURCE}&client_id=user-assigned");
    assert_eq!(got.target, format!("/msi/token?api-version=2019-08-01&{query}"));
    assert_eq!(got.header("x-identity-header"), Some(KEY_2));
    let url = service.url();
    let vars = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str())];
    let (_, got) = asked(&vars, ", credentials: { source: managed_identity }", token(), &service).await;
    assert_eq!(got.target, format!("/metadata/identity/oauth2/token?api-version=2018-02-01&resource={RESOURCE}"));
    assert_eq!(got.header("metadata"), Some("true"));
}

#[tokio::test]
async fn a_key_goes_first_and_every_address_is_known() {
    let upstream = Upstream::start().await;
    let vars = [
        ("AZURE_OPENAI_API_KEY", KEY_2),
        ("AZURE_TENANT_ID", "my-tenant"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", "unused-secret"),
    ];
    let url = upstream.url();
    for (base, chats) in [
        (url.clone(), "/openai/deployments/dep/chat/completions?api-version=2024-10-21"),
        (format!("{url}/openai"), "/openai/deployments/dep/chat/completions?api-version=2024-10-21"),
        (format!("{url}/openai/v1"), "/openai/v1/chat/completions"),
        (format!("{url}/models"), "/models/chat/completions?api-version=2024-10-21"),
    ] {
        let harness = Harness::start_in(&azure(&base, ""), &vars, folder()).await;
        upstream.reply(Script::json(200, &openai::completion("Hi", 10, 20)));
        let response = harness.call(&post_chat(&chat("azure/dep"))).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let got = upstream.requests().pop().unwrap();
        assert_eq!((got.target.as_str(), got.header("api-key")), (chats, Some(KEY_2)));
        assert_eq!((got.header("authorization"), &got.json()["model"]), (None, &json!("dep")));
        upstream.reply(Script::json(200, &responses::answer("Hi", 10, 20)));
        let body = json!({"model": "azure/dep", "input": CANARY});
        let response = harness.call(&Request::post("/v1/responses", &body).bearer(ALICE)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let got = upstream.requests().pop().unwrap();
        assert_eq!((got.target.as_str(), got.header("api-key")), ("/openai/v1/responses", Some(KEY_2)));
        assert_eq!(got.json()["model"], "dep");
        harness.finish().await;
    }
}
