//! Access tokens of Google: from a service account, a user, another cloud and the metadata service; Gemini and Claude
//! on Vertex AI with them.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::http::{Request, fetch};
use testkit::samples::{anthropic, gemini, openai};
use testkit::upstream::{Received, Script, Upstream};

use crate::child::Program;
use crate::harness::{
    ALICE, CANARY, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message, no_secrets, post_chat, post_message,
};

/// The access token; the harness looks for it in every file.
const TOKEN: &str = KEY_1;
const PRICES: &str = "prices: { \"*\": { input: 1, output: 2 } }";
const PLACE: &str = "/v1/projects/p/locations/l";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn providers(url: &str) -> String {
    format!(
        "{}providers:\n  vertex: {{ base_url: \"{url}{PLACE}\", {PRICES} }}\n  vertex-claude: {{ base_url: \
         \"{url}{PLACE}\", {PRICES} }}\n",
        keys()
    )
}

fn token(life: u64) -> Script {
    Script::json(200, &json!({"access_token": TOKEN, "expires_in": life, "token_type": "Bearer"}))
}

/// A file of credentials in a folder.
fn file(dir: &TempDir, text: &Value) -> String {
    let path = dir.path().join("credentials.json");
    std::fs::write(&path, text.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The fields of a form.
fn field(asked: &Received, name: &str) -> String {
    let text = asked.text();
    let found = text.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned);
    found.unwrap_or_else(|| panic!("no {name} in {text}"))
}

async fn served(harness: &Harness, upstream: &Upstream) -> Received {
    upstream.reply(Script::json(200, &gemini::answer("Hi", 10, 20)));
    let response = harness.call(&post_chat(&chat("vertex/gemini-3-flash"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json()["choices"][0]["message"]["content"], "Hi");
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    got
}

#[tokio::test]
async fn a_service_account_signs_for_gemini_and_claude() {
    let (upstream, service, dir) = (Upstream::start().await, Upstream::start().await, folder());
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = STANDARD.encode(key.as_der().unwrap().as_ref());
    let url = format!("{}/token", service.url());
    let path = file(
        &dir,
        &json!({"type": "service_account", "project_id": "p", "client_email": "sa@p.iam.example", "private_key_id": "k1",
                "private_key": format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"), "token_uri": url}),
    );
    let vars = [("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())];
    let harness = Harness::start_in(&providers(&upstream.url()), &vars, dir).await;
    service.reply(token(3_600));
    let got = served(&harness, &upstream).await;
    assert_eq!(got.target, format!("{PLACE}/publishers/google/models/gemini-3-flash:generateContent"));
    let asked = service.requests();
    assert_eq!(field(&asked[0], "grant_type"), "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
    let assertion = field(&asked[0], "assertion");
    let parts: Vec<&str> = assertion.split('.').collect();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let signed = format!("{}.{}", parts[0], parts[1]);
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).expect("the key signed it");
    let claim: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!((claim["iss"].as_str(), claim["aud"].as_str()), (Some("sa@p.iam.example"), Some(url.as_str())));

    // Streamed from another dialect, a name as Google's OpenAI endpoint has it, and Google's own dialect.
    upstream.reply(Script::sse(gemini::events(&gemini::words(&["a", "b"], 7, 2))));
    let response = harness.call(&post_chat(&chat_stream("vertex/google/gemini-3-flash"))).await;
    assert!(response.text().contains("[DONE]"), "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, format!("{PLACE}/publishers/google/models/gemini-3-flash:streamGenerateContent?alt=sse"));
    upstream.reply(Script::json(200, &gemini::answer("Hi", 10, 20)));
    let path = "/v1beta/models/vertex/gemini-3-flash:generateContent";
    let own = Request::post(path, &gemini::request(CANARY)).header("x-goog-api-key", ALICE);
    let response = harness.call(&own).await;
    assert_eq!(response.json(), gemini::answer("Hi", 10, 20));
    assert_eq!(upstream.requests().pop().unwrap().json(), gemini::request(CANARY));
    // Claude has a token of its own: another provider, another lease.
    service.reply(token(3_600));
    upstream.reply(Script::json(200, &anthropic::answer("Hi", 10, 20)));
    let response = harness.call(&post_message(&message("vertex-claude/claude-x@1"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, format!("{PLACE}/publishers/anthropic/models/claude-x%401:rawPredict"));
    assert_eq!(got.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    // The native lane, too.
    upstream.reply(Script::json(200, &gemini::answer("Hi", 10, 20)));
    let path = format!("/native/vertex{PLACE}/publishers/google/models/gemini-3-flash:generateContent");
    let native = Request::post(&path, &gemini::request(CANARY)).bearer(ALICE);
    assert_eq!(harness.call(&native).await.status, 200);
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(service.requests().len(), 2);
    harness.finish().await;
}

#[tokio::test]
async fn a_users_refresh_token_is_used() {
    let (upstream, service, dir) = (Upstream::start().await, Upstream::start().await, folder());
    let path = file(
        &dir,
        &json!({"type": "authorized_user", "client_id": "c", "client_secret": KEY_2, "refresh_token": "r/1",
                "token_uri": service.url(), "quota_project_id": "pays"}),
    );
    let vars = [("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())];
    let harness = Harness::start_in(&providers(&upstream.url()), &vars, dir).await;
    service.reply(token(3_600));
    let got = served(&harness, &upstream).await;
    assert_eq!(got.header("x-goog-user-project"), Some("pays"));
    let asked = &service.requests()[0];
    assert_eq!(asked.text(), format!("grant_type=refresh_token&client_id=c&client_secret={KEY_2}&refresh_token=r%2F1"));
    harness.finish().await;
}

#[tokio::test]
async fn another_clouds_token_is_exchanged_and_a_service_account_stood_in_for() {
    let (upstream, service, dir) = (Upstream::start().await, Upstream::start().await, folder());
    let subject = dir.path().join("subject");
    std::fs::write(&subject, json!({"access_token": "subject-token"}).to_string()).unwrap();
    let url = service.url();
    let path = file(
        &dir,
        &json!({"type": "external_account", "audience": "//iam.example/pool", "subject_token_type":
                "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{url}/sts"),
                "service_account_impersonation_url": format!("{url}/impersonate"),
                "credential_source": {"file": subject.to_str().unwrap(), "format":
                {"type": "json", "subject_token_field_name": "access_token"}}}),
    );
    let vars = [("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())];
    let harness = Harness::start_in(&providers(&upstream.url()), &vars, dir).await;
    service.reply(Script::json(200, &json!({"access_token": "federated", "expires_in": 3_600})));
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3_600);
    service.reply(Script::json(200, &json!({"accessToken": TOKEN, "expireTime": ends.to_string()})));
    served(&harness, &upstream).await;
    let asked = service.requests();
    assert_eq!(
        (field(&asked[0], "subject_token"), field(&asked[0], "audience")),
        ("subject-token".to_owned(), "%2F%2Fiam.example%2Fpool".to_owned())
    );
    assert_eq!(
        (asked[1].target.as_str(), asked[1].header("authorization")),
        ("/impersonate", Some("Bearer federated"))
    );
    assert_eq!(asked[1].json()["scope"], json!(["https://www.googleapis.com/auth/cloud-platform"]));
    harness.finish().await;
}

#[tokio::test]
async fn the_metadata_service_gives_tokens_that_are_renewed() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let host = service.addr.to_string();
    let vars = [("GCE_METADATA_HOST", host.as_str())];
    let harness = Harness::start_in(&providers(&upstream.url()), &vars, folder()).await;
    service.reply(token(1));
    served(&harness, &upstream).await;
    let asked = &service.requests()[0];
    assert_eq!(asked.target, "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!(asked.header("metadata-flavor"), Some("Google"));
    tokio::time::sleep(std::time::Duration::from_millis(1_000)).await;
    service.reply(token(3_600));
    served(&harness, &upstream).await;
    served(&harness, &upstream).await;
    assert_eq!(service.requests().len(), 2);
    harness.finish().await;
}

#[tokio::test]
async fn a_service_that_gives_nothing_is_told_of() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let host = service.addr.to_string();
    let vars = [("GCE_METADATA_HOST", host.as_str())];
    for (script, told) in [
        (
            Script::json(404, &json!({"error": "not_found"})),
            "Google's metadata service refused (404, `not_found`). It knows no identity here",
        ),
        (Script::json(200, &json!({"odd": 1})), "answered something else than credentials"),
        (Script::reset(), "did not answer (the connection broke)"),
    ] {
        let harness = Harness::start_in(&providers(&upstream.url()), &vars, folder()).await;
        service.reply(script);
        let response = harness.call(&post_chat(&chat("vertex/gemini-3-flash"))).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (502, Some("upstream_auth")));
        assert!(response.text().contains(told), "{}", response.text());
        harness.finish().await;
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn an_api_key_is_sent_as_one_and_the_openai_endpoint_stays() {
    let upstream = Upstream::start().await;
    let url = upstream.url();
    let config = format!(
        "{}providers:\n  express: {{ kind: vertex, base_url: \"{url}/v1\", api_key: AIza-0123456789, {PRICES} }}\n  \
         old: {{ kind: vertex, base_url: \"{url}{PLACE}/endpoints/openapi\", api_key: {KEY_2}, {PRICES} }}\n",
        keys()
    );
    let harness = Harness::start(&config).await;
    upstream.reply(Script::json(200, &gemini::answer("Hi", 10, 20)));
    let response = harness.call(&post_chat(&chat("express/gemini-3-flash"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, "/v1/publishers/google/models/gemini-3-flash:generateContent");
    assert_eq!((got.header("x-goog-api-key"), got.header("authorization")), (Some("AIza-0123456789"), None));
    upstream.reply(Script::json(200, &openai::completion("Hi", 10, 20)));
    let response = harness.call(&post_chat(&chat("old/google/gemini-3-flash"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, format!("{PLACE}/endpoints/openapi/chat/completions"));
    assert_eq!(got.header("authorization"), Some(format!("Bearer {KEY_2}").as_str()));
    assert_eq!(got.json()["model"], "google/gemini-3-flash");
    harness.finish().await;
}

/// The real program: what it prints holds no secret, and a reload asks for no new token.
#[tokio::test]
async fn a_reload_keeps_the_token_and_no_secret_is_printed() {
    let (upstream, service, dir) = (Upstream::start().await, Upstream::start().await, folder());
    let path = file(
        &dir,
        &json!({"type": "authorized_user", "client_id": "c", "client_secret": KEY_2, "refresh_token": KEY_2,
                "token_uri": service.url()}),
    );
    let config = |more: &str| {
        format!(
            "{}providers:\n  vertex: {{ base_url: \"{}{PLACE}\", credentials: {{ file: \"{path}\" }}{more} }}\n",
            keys(),
            upstream.url()
        )
    };
    let (yaml, data) = (dir.path().join("tollgate.yaml"), dir.path().join("data"));
    std::fs::write(&yaml, config("")).unwrap();
    let program = Program::start(&yaml, &data);
    let call = async || fetch(program.addr, &post_chat(&chat("vertex/gemini-3-flash"))).await;
    // The token service tells the secret again.
    service.reply(Script::json(400, &json!({"error": "invalid_grant", "error_description": format!("bad {KEY_2}")})));
    let response = call().await;
    assert_eq!(response.status, 502);
    assert!(response.text().contains("refused (400, `invalid_grant`). Run `gcloud auth"), "{}", response.text());
    assert!(!response.text().contains(KEY_2));
    program.says("there are no credentials for a provider", 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    service.reply(token(3_600));
    // The provider tells the token again.
    upstream.reply(Script::json(401, &gemini::error(401, "UNAUTHENTICATED", &format!("bad token {TOKEN}"))));
    let response = call().await;
    assert_eq!(response.status, 502, "{}", response.text());
    assert!(!response.text().contains(TOKEN), "{}", response.text());
    std::fs::write(&yaml, config(", native: false")).unwrap();
    program.says("the new configuration is in force", 1).await;
    upstream.reply(Script::json(200, &gemini::answer("Hi", 10, 20)));
    assert_eq!(call().await.status, 200);
    assert_eq!(service.requests().len(), 2, "the reload kept the token");
    program.signal("TERM");
    let printed = program.ended();
    assert!(printed.status.success());
    no_secrets(&data, &[&printed.out, &printed.err]);
}
