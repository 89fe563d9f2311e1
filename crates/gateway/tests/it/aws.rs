//! Requests that are signed for AWS: by keys from every source, renewed while they are used, and by nothing of the
//! caller's.

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::http::Request;
use testkit::samples::{anthropic, converse, openai};
use testkit::upstream::{Received, Script, Upstream};

use crate::harness::{
    self, ADMIN, ALICE, Harness, KEY_1, KEY_2, chat, chat_stream, keys, message, post_chat, post_message,
};

/// The secret access key; the harness looks for it in every file.
const SECRET: &str = KEY_1;
/// A session token.
const TOKEN: &str = KEY_2;
const PRICES: &str = "prices: { \"*\": { input: 1, output: 2 } }";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// What AWS does with a request: signs what it got anew and compares. Written from AWS's documentation, apart from the
/// gateway's own code.
fn verify(got: &Received, id: &str, token: Option<&str>, region: &str, service: &str) {
    let authorization = got.header("authorization").expect("it is signed");
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").expect(authorization);
    let (credential, rest) = rest.split_once(", SignedHeaders=").unwrap();
    let (names, signature) = rest.split_once(", Signature=").unwrap();
    let moment = got.header("x-amz-date").unwrap();
    let scope = format!("{}/{region}/{service}/aws4_request", &moment[..8]);
    assert_eq!(credential, format!("{id}/{scope}"));
    assert_eq!(got.header("x-amz-security-token"), token);
    let names_list: Vec<&str> = names.split(';').collect();
    assert!(names_list.contains(&"host") && names_list.is_sorted(), "{names}");
    for (name, _) in &got.headers {
        let name = name.to_ascii_lowercase();
        assert!(!name.starts_with("x-amz") || names_list.contains(&name.as_str()), "{name} is not signed");
    }
    let mut path = String::new();
    for byte in got.path().bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => path.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
            byte => write!(path, "%{byte:02X}").unwrap(),
        }
    }
    let mut canonical =
        format!("{}\n{path}\n{}\n", got.method, got.target.split_once('?').map_or("", |(_, query)| query));
    for name in &names_list {
        writeln!(canonical, "{name}:{}", got.header(name).unwrap()).unwrap();
    }
    let sha = |bytes: &[u8]| hex(digest::digest(&digest::SHA256, bytes).as_ref());
    write!(canonical, "\n{names}\n{}", sha(&got.body)).unwrap();
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", sha(canonical.as_bytes()));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/').chain([to_sign.as_str()]) {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    assert_eq!(signature, hex(&key), "the signature of\n{canonical}");
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn providers(url: &str, more: &str) -> String {
    format!(
        "{}providers:\n  bed: {{ kind: bedrock-openai, base_url: \"{url}/openai/v1\", {PRICES}{more} }}\n  \
         claude: {{ kind: bedrock-claude, base_url: \"{url}\", {PRICES}{more} }}\n  \
         mantle: {{ kind: bedrock-mantle, base_url: \"{url}/v1\", models: [openai.gpt-oss-120b], {PRICES}{more} }}\n",
        keys()
    )
}

/// A service's answer with keys that live so long.
fn given(id: &str, token: &str, seconds: i64) -> Value {
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    json!({"Code": "Success", "AccessKeyId": id, "SecretAccessKey": SECRET, token: TOKEN, "Expiration": ends.to_string()})
}

/// The security token service's answer.
fn sts(action: &str, id: &str) -> Script {
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3_600);
    Script::body(
        200,
        "text/xml",
        format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser><Arn>\
             arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>{id}\
             </AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken><Expiration>\
             {ends}</Expiration></Credentials></{action}Result></{action}Response>"
        ),
    )
}

fn answer() -> Script {
    Script::json(200, &openai::completion("Hi", 10, 20))
}

async fn one_call(harness: &Harness, upstream: &Upstream) -> Received {
    upstream.reply(answer());
    let response = harness.call(&post_chat(&chat("bed/openai.gpt-oss-120b-1:0"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    upstream.requests().pop().unwrap()
}

#[tokio::test]
async fn keys_of_the_environment_sign_every_row() {
    let upstream = Upstream::start().await;
    let vars = [
        ("AWS_ACCESS_KEY_ID", "AKIAENV"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("AWS_REGION", "eu-central-1"),
    ];
    let harness = Harness::start_in(&providers(&upstream.url(), ""), &vars, folder()).await;
    let got = one_call(&harness, &upstream).await;
    assert_eq!(got.target, "/openai/v1/chat/completions");
    verify(&got, "AKIAENV", Some(TOKEN), "eu-central-1", "bedrock");
    // A model's id with a colon, streamed, in a hosted dialect.
    upstream.reply(Script::json(200, &anthropic::answer("Hi", 10, 20)));
    let response = harness.call(&post_message(&message("claude/us.anthropic.claude-x-v1:0"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, "/model/us.anthropic.claude-x-v1%3A0/invoke");
    verify(&got, "AKIAENV", Some(TOKEN), "eu-central-1", "bedrock");
    upstream.reply(Script::sse(openai::stream(&["a", "b"], Some((7, 2)))));
    let response = harness.call(&post_chat(&chat_stream("bed/m"))).await;
    assert_eq!(response.status, 200);
    verify(&upstream.requests().pop().unwrap(), "AKIAENV", Some(TOKEN), "eu-central-1", "bedrock");
    // Another service has another name in the signature.
    upstream.reply(answer());
    let response = harness.call(&post_chat(&chat("mantle/openai.gpt-oss-120b"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, "/v1/chat/completions");
    verify(&got, "AKIAENV", Some(TOKEN), "eu-central-1", "bedrock-mantle");
    // What stands in the token's place is overwritten where the provider says it again.
    upstream.reply(Script::json(
        403,
        &json!({"message": format!("The canonical string was: x-amz-security-token:{TOKEN}")}),
    ));
    let response = harness.call(&post_chat(&chat("bed/m"))).await;
    assert!(!response.text().contains(TOKEN), "{}", response.text());
    harness.finish().await;
}

#[tokio::test]
async fn keys_of_the_file_sign_and_a_bedrock_key_goes_first() {
    let upstream = Upstream::start().await;
    let own = format!(", region: us-west-2, credentials: {{ access_key_id: AKIAFILE, secret_access_key: {SECRET} }}");
    let vars = [("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-of-the-environment")];
    let harness = Harness::start_in(&providers(&upstream.url(), &own), &vars, folder()).await;
    verify(&one_call(&harness, &upstream).await, "AKIAFILE", None, "us-west-2", "bedrock");
    harness.finish().await;
    let vars = [
        ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-of-the-environment"),
        ("AWS_ACCESS_KEY_ID", "AKIAENV"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ];
    let harness = Harness::start_in(&providers(&upstream.url(), ""), &vars, folder()).await;
    let got = one_call(&harness, &upstream).await;
    assert_eq!(got.header("authorization"), Some("Bearer bedrock-api-key-of-the-environment"));
    harness.finish().await;
}

#[tokio::test]
async fn a_role_is_assumed_with_the_keys_of_the_file_and_no_secret_is_shown() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let url = service.url();
    let vars = [("AWS_ENDPOINT_URL_STS", url.as_str())];
    let own = format!(
        ", region: eu-west-1, credentials: {{ access_key_id: AKIAFILE, secret_access_key: {SECRET}, role_arn: \
         \"arn:aws:iam::123456789012:role/r\", session_name: mine }}"
    );
    let config = format!("server: {{ admin_key: {ADMIN} }}\n{}", providers(&upstream.url(), &own));
    let harness = Harness::start_in(&config, &vars, folder()).await;
    service.reply(sts("AssumeRole", "ASIAROLE"));
    verify(&one_call(&harness, &upstream).await, "ASIAROLE", Some(TOKEN), "eu-west-1", "bedrock");
    let asked = service.requests().pop().unwrap();
    verify(&asked, "AKIAFILE", None, "eu-west-1", "sts");
    assert!(asked.text().contains("&RoleSessionName=mine&DurationSeconds=3600"));
    let shown = testkit::http::fetch(harness.addr, &Request::get("/admin/v1/config").bearer(ADMIN)).await;
    let uses = "AWS, keys from `credentials`, then the role of `role_arn`, signed for bedrock in eu-west-1";
    assert_eq!(shown.json()["providers"][0]["credentials"], uses);
    assert!(!shown.text().contains(SECRET) && !shown.text().contains(TOKEN));
    harness.finish().await;
}

#[tokio::test]
async fn a_workloads_token_is_exchanged_for_keys() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let dir = folder();
    let file = dir.path().join("token");
    std::fs::write(&file, "web.identity.token\n").unwrap();
    let url = service.url();
    let vars = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
        ("AWS_ROLE_SESSION_NAME", "mine"),
        ("AWS_ENDPOINT_URL_STS", &url),
    ];
    service.reply(sts("AssumeRoleWithWebIdentity", "ASIAWEB"));
    let harness = Harness::start_in(&providers(&upstream.url(), ""), &vars, dir).await;
    verify(&one_call(&harness, &upstream).await, "ASIAWEB", Some(TOKEN), "us-east-1", "bedrock");
    let asked = service.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].target.as_str(), asked[0].header("authorization")), ("/", None));
    assert_eq!(
        asked[0].text(),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&\
         RoleSessionName=mine&WebIdentityToken=web.identity.token"
    );
    harness.finish().await;
}

#[tokio::test]
async fn profiles_give_keys_roles_programs_and_sign_ins() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let dir = folder();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let program = path("program");
    std::fs::write(&program, given("ASIAPROGRAM", "SessionToken", 3_600).to_string()).unwrap();
    // The cache's file is named after the SHA-1 of `corp`.
    let cache = dir.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    let name = hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, b"corp").as_ref());
    let token = json!({"accessToken": "sso-token", "expiresAt": "2999-01-01T00:00:00Z"});
    std::fs::write(cache.join(format!("{name}.json")), token.to_string()).unwrap();
    std::fs::write(
        path("config"),
        format!(
            "[profile base]\nregion = eu-west-3\n[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n\
             external_id = ext\nregion = eu-west-3\n[profile program]\ncredential_process = cat \"{program}\"\n[profile sso]\n\
             sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n[sso-session corp]\nsso_region = \
             us-east-2\nsso_start_url = https://x.awsapps.com/start\n[profile empty]\nregion = x\n"
        ),
    )
    .unwrap();
    std::fs::write(
        path("credentials"),
        format!("[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = {SECRET}\n"),
    )
    .unwrap();
    let (url, config, credentials) = (service.url(), path("config"), path("credentials"));
    let home = dir.path().to_str().unwrap().to_owned();
    let start = async |profile: &str| {
        let vars = [
            ("AWS_PROFILE", profile),
            ("AWS_CONFIG_FILE", config.as_str()),
            ("AWS_SHARED_CREDENTIALS_FILE", credentials.as_str()),
            ("HOME", home.as_str()),
            ("AWS_ENDPOINT_URL", url.as_str()),
        ];
        Harness::start_in(&providers(&upstream.url(), ""), &vars, folder()).await
    };
    let harness = start("base").await;
    verify(&one_call(&harness, &upstream).await, "AKIABASE", None, "eu-west-3", "bedrock");
    harness.finish().await;

    service.reply(sts("AssumeRole", "ASIAROLE"));
    let harness = start("role").await;
    verify(&one_call(&harness, &upstream).await, "ASIAROLE", Some(TOKEN), "eu-west-3", "bedrock");
    let asked = service.requests().pop().unwrap();
    verify(&asked, "AKIABASE", None, "eu-west-3", "sts");
    assert!(asked.text().starts_with("Action=AssumeRole&") && asked.text().ends_with("&ExternalId=ext"));
    harness.finish().await;

    let harness = start("program").await;
    verify(&one_call(&harness, &upstream).await, "ASIAPROGRAM", Some(TOKEN), "us-east-1", "bedrock");
    harness.finish().await;

    let ends = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    service.reply(Script::json(
        200,
        &json!({"roleCredentials": {"accessKeyId": "ASIASSO", "secretAccessKey": SECRET, "sessionToken": TOKEN,
                "expiration": ends}}),
    ));
    let harness = start("sso").await;
    verify(&one_call(&harness, &upstream).await, "ASIASSO", Some(TOKEN), "us-east-1", "bedrock");
    let asked = service.requests().pop().unwrap();
    assert_eq!(asked.target, "/federation/credentials?role_name=dev&account_id=123456789012");
    assert_eq!(asked.header("x-amz-sso_bearer_token"), Some("sso-token"));
    harness.finish().await;

    // A sign-in that has ended says what to do.
    let token = json!({"accessToken": "sso-token", "expiresAt": "2020-01-01T00:00:00Z"});
    std::fs::write(cache.join(format!("{name}.json")), token.to_string()).unwrap();
    let harness = start("sso").await;
    let response = harness.call(&post_chat(&chat("bed/m"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (502, Some("upstream_auth")));
    assert!(response.text().contains("the sign-in has ended. Run `aws sso login`"), "{}", response.text());
    harness.finish().await;
}

#[tokio::test]
async fn containers_and_instances_give_keys() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let dir = folder();
    let file = dir.path().join("token");
    std::fs::write(&file, "container-token\n").unwrap();
    let url = format!("{}/v1/credentials", service.url());
    let vars = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
    ];
    service.reply(Script::json(200, &given("ASIACONTAINER", "Token", 3_600)));
    let harness = Harness::start_in(&providers(&upstream.url(), ""), &vars, dir).await;
    verify(&one_call(&harness, &upstream).await, "ASIACONTAINER", Some(TOKEN), "us-east-1", "bedrock");
    let asked = service.requests().pop().unwrap();
    assert_eq!((asked.target.as_str(), asked.header("authorization")), ("/v1/credentials", Some("container-token")));
    harness.finish().await;

    // The second version of the metadata service alone: a session first.
    let url = service.url();
    let vars = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str()), ("AWS_DEFAULT_REGION", "sa-east-1")];
    service.reply(Script::body(200, "text/plain", "session"));
    service.reply(Script::body(200, "text/plain", "my-role"));
    service.reply(Script::json(200, &given("ASIAINSTANCE", "Token", 3_600)));
    let harness = Harness::start_in(&providers(&upstream.url(), ""), &vars, folder()).await;
    verify(&one_call(&harness, &upstream).await, "ASIAINSTANCE", Some(TOKEN), "sa-east-1", "bedrock");
    let asked = service.requests().split_off(1);
    let said: Vec<(&str, &str)> = asked.iter().map(|one| (one.method.as_str(), one.target.as_str())).collect();
    let roles = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(said, [("PUT", "/latest/api/token"), ("GET", roles), ("GET", &format!("{roles}my-role"))]);
    assert_eq!(asked[0].header("x-aws-ec2-metadata-token-ttl-seconds"), Some("300"));
    assert!(asked[1..].iter().all(|one| one.header("x-aws-ec2-metadata-token") == Some("session")));
    harness.finish().await;
}

#[tokio::test]
async fn keys_are_fetched_once_and_renewed_while_the_old_ones_live() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let url = service.url();
    let vars = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())];
    let harness = Harness::start_in(&providers(&upstream.url(), ""), &vars, folder()).await;
    upstream.reply_always(answer());
    // Many at once: one question.
    service.reply(Script::json(200, &given("ASIAFIRST", "Token", 5)).delay(Duration::from_millis(100)));
    let call = async || harness.call(&post_chat(&chat("bed/m"))).await;
    let (a, b, c, d) = tokio::join!(call(), call(), call(), call());
    assert!([a, b, c, d].iter().all(|response| response.status == 200));
    assert_eq!(service.requests().len(), 1);
    // Past four fifths of their life: used on, while the next are asked for; that this fails is nobody's trouble.
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    service.reply(Script::json(500, &json!({})));
    assert_eq!(call().await.status, 200);
    verify(&upstream.requests().pop().unwrap(), "ASIAFIRST", Some(TOKEN), "us-east-1", "bedrock");
    service.wait_requests(2).await;
    // Past their end: they are waited for.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    service.reply(Script::json(200, &given("ASIASECOND", "Token", 3_600)));
    assert_eq!(call().await.status, 200);
    verify(&upstream.requests().pop().unwrap(), "ASIASECOND", Some(TOKEN), "us-east-1", "bedrock");
    assert_eq!(service.requests().len(), 3);
    harness.finish().await;
}

#[tokio::test]
async fn without_credentials_the_next_target_serves_and_the_error_says_whose_fault() {
    let (upstream, service) = (Upstream::start().await, Upstream::start().await);
    let (url, dir) = (service.url(), folder());
    let file = dir.path().join("token");
    std::fs::write(&file, "web.identity.token").unwrap();
    let vars = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
        ("AWS_ENDPOINT_URL_STS", &url),
    ];
    let config = format!(
        "{}{}models:\n  safe: {{ targets: [bed/m, p1/m] }}\n",
        providers(&upstream.url(), ""),
        harness::openai("p1", &upstream.url(), KEY_2, "")
    );
    let harness = Harness::start_in(&config, &vars, dir).await;
    service.reply_always(Script::body(
        403,
        "text/xml",
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>arn:aws:sts::123456789012 may not</Message></Error></ErrorResponse>",
    ));
    let response = harness.call(&post_chat(&chat("bed/m"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (502, Some("upstream_auth")));
    let text = response.text();
    assert!(text.contains("Your key is fine, but the gateway has no credentials (AWS, web identity"), "{text}");
    assert!(text.contains("refused (403, `AccessDenied`)") && !text.contains("123456789012"), "{text}");
    assert_eq!(upstream.requests().len(), 0);
    upstream.reply(answer());
    let response = harness.call(&post_chat(&chat("safe"))).await;
    assert_eq!((response.status, response.header("x-tollgate-served-by")), (200, Some("p1/m")));
    let line = harness.line(&response).await;
    assert_eq!(line["attempts"][0]["outcome"], "auth");
    harness.finish().await;
}

#[tokio::test]
async fn the_native_lane_signs_anew_and_takes_the_callers_key_from_an_sdk() {
    let upstream = Upstream::start().await;
    let vars = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "eu-north-1")];
    let harness = Harness::start_in(&providers(&upstream.url(), ""), &vars, folder()).await;
    let body = json!({"messages": [{"role": "user", "content": [{"text": "x"}]}]});
    let fake = format!(
        "AWS4-HMAC-SHA256 Credential={ALICE}/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=0000"
    );
    for (path, sent) in [
        ("/model/a.b-v1%3A0/converse", "/model/a.b-v1%3A0/converse"),
        ("/model/a.b-v1:0/converse", "/model/a.b-v1%3A0/converse"),
    ] {
        upstream.reply(Script::json(200, &json!({"output": {}})));
        let request = Request::post(&format!("/native/claude{path}"), &body)
            .header("authorization", &fake)
            .header("x-amz-date", "20260102T030405Z")
            .header("x-amz-security-token", "of-the-caller")
            .header("x-amz-content-sha256", "of-the-caller")
            .header("amz-sdk-request", "attempt=1")
            .header("x-amzn-bedrock-trace", "ENABLED");
        let response = harness.call(&request).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let got = upstream.requests().pop().unwrap();
        assert_eq!((got.target.as_str(), got.text()), (sent, body.to_string()));
        assert_eq!((got.header("amz-sdk-request"), got.header("x-amz-content-sha256")), (None, None));
        assert_eq!(got.header("x-amzn-bedrock-trace"), Some("ENABLED"));
        verify(&got, "AKIAENV", None, "eu-north-1", "bedrock");
    }
    // A body that is no JSON, and none at all.
    for request in [
        Request::new("POST", "/native/claude/model/m/invoke")
            .bearer(ALICE)
            .header("content-type", "application/octet-stream")
            .body(vec![0, 255, 7]),
        Request::get("/native/claude/foundation-models?byProvider=x").bearer(ALICE),
    ] {
        upstream.reply(Script::json(200, &json!({})));
        let response = harness.call(&request).await;
        assert_eq!(response.status, 200, "{}", response.text());
        verify(&upstream.requests().pop().unwrap(), "AKIAENV", None, "eu-north-1", "bedrock");
    }
    // A real access key is nobody here.
    let request = Request::post("/native/claude/model/m/converse", &body)
        .header("authorization", &fake.replace(ALICE, "AKIAOTHER"));
    assert_eq!(harness.call(&request).await.status, 401);
    harness.finish().await;
}

#[tokio::test]
async fn converse_and_the_counting_of_tokens_are_signed_too() {
    let upstream = Upstream::start().await;
    let vars = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "eu-north-1")];
    let config = format!(
        "{}  bedrock: {{ base_url: \"{url}\", {PRICES} }}\n",
        providers(&upstream.url(), ""),
        url = upstream.url()
    );
    let harness = Harness::start_in(&config, &vars, folder()).await;
    upstream.reply(Script::json(200, &converse::answer("Hi", 10, 20)));
    let response = harness.call(&post_chat(&chat("bedrock/us.amazon.nova-2-lite-v1:0"))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, "/model/us.amazon.nova-2-lite-v1%3A0/converse");
    verify(&got, "AKIAENV", None, "eu-north-1", "bedrock");
    upstream.reply(Script::json(200, &json!({"inputTokens": 7})));
    let count = Request::post("/v1/messages/count_tokens", &message("claude/us.anthropic.claude-x-v1:0"));
    let response = harness.call(&count.header("x-api-key", ALICE).header("anthropic-version", "2023-06-01")).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let got = upstream.requests().pop().unwrap();
    assert_eq!(got.target, "/model/anthropic.claude-x-v1%3A0/count-tokens");
    verify(&got, "AKIAENV", None, "eu-north-1", "bedrock");
    harness.finish().await;
}

#[tokio::test]
async fn local_mode_looks_at_no_signature() {
    let upstream = Upstream::start().await;
    let vars = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let config = providers(&upstream.url(), "").replace(&keys(), "");
    let harness = Harness::start_in(&config, &vars, folder()).await;
    upstream.reply(Script::json(200, &json!({})));
    let request = Request::post("/native/claude/model/m/converse", &json!({})).header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=test/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0",
    );
    let response = harness.call(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    verify(&upstream.requests().pop().unwrap(), "AKIAENV", None, "us-east-1", "bedrock");
    harness.finish().await;
}
