//! Access tokens of Google: for a service account's key, a user's refresh token, another cloud's token, or of the
//! metadata service.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use wire::json::{Json, Writer};

use super::ask::{Asker, Question, Told, seconds, text};
use super::lease::Fetched;
use super::{CredentialError, Grant};
use crate::config::Secret;
use crate::config::credential::Google;
use crate::env;

const WHOM: &str = "Google's token service";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const NEW_KEY: &str = "Download the key of the service account anew.";

/// Fetches a token.
///
/// # Errors
/// The source has none.
pub async fn fetch(google: &Google, asker: &Asker) -> Result<Fetched, CredentialError> {
    let (path, from) = match google {
        Google::Metadata { host } => return metadata(host, asker).await,
        Google::File { path, from } => (path, from),
    };
    let file = tokio::fs::read(path).await.map_err(|error| {
        let what = format!("the credentials file of {from} cannot be read: {}", error.kind());
        CredentialError::new(what, "Check the path and its permissions.")
    })?;
    let json =
        Json::from_bytes(&file).map_err(|_| CredentialError::new("the credentials file is not JSON", NEW_KEY))?;
    match text(json, "type").as_deref() {
        Some("service_account") => service_account(json, asker).await,
        Some("authorized_user") => authorized_user(json, asker).await,
        Some("external_account") => external_account(json, asker).await,
        _ => {
            let what = "the credentials file is of a kind that is not supported";
            Err(CredentialError::new(what, "Use service_account, authorized_user or external_account."))
        }
    }
}

fn member(json: Json<'_>, name: &str) -> Result<String, CredentialError> {
    text(json, name)
        .ok_or_else(|| CredentialError::new(format!("the credentials file has no `{name}`"), "Make it anew."))
}

/// An address that the file names, over TLS or on this machine.
fn address(json: Json<'_>, name: &str, usual: Option<&str>) -> Result<String, CredentialError> {
    let url = match (text(json, name), usual) {
        (Some(url), _) => url,
        (None, Some(usual)) => usual.to_owned(),
        (None, None) => member(json, name)?,
    };
    let uri = url.parse::<http::Uri>().ok();
    let local =
        uri.as_ref().and_then(http::Uri::host).is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
    let tls = uri.as_ref().and_then(http::Uri::scheme_str) == Some("https");
    if tls || local {
        return Ok(url);
    }
    let what = format!("`{name}` of the credentials file does not begin with https://");
    Err(CredentialError::new(what, "Secrets are sent there: correct it."))
}

/// Source: <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.
async fn service_account(json: Json<'_>, asker: &Asker) -> Result<Fetched, CredentialError> {
    let url = address(json, "token_uri", Some(TOKEN_URL))?;
    let assertion = assertion(json, &url, env::unix_seconds())?;
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let fields = [("grant_type", grant), ("assertion", assertion.as_str())];
    token(&asker.ask(Question::form(WHOM, &url, &fields)?).await?)
}

/// The signed claim of a service account (RFC 7523), good for an hour.
fn assertion(json: Json<'_>, audience: &str, now: u64) -> Result<String, CredentialError> {
    let bad = || CredentialError::new("the private key of the credentials file cannot be used", NEW_KEY);
    let email = member(json, "client_email")?;
    let pem = member(json, "private_key")?;
    let key = match rustls_pemfile::read_one(&mut pem.as_bytes()).map_err(|_| bad())? {
        Some(rustls_pemfile::Item::Pkcs8Key(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        Some(rustls_pemfile::Item::Pkcs1Key(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(bad()),
    };
    let key = key.map_err(|_| bad())?;
    let mut head = Writer::new();
    head.object(|head| {
        head.key("alg").str("RS256").key("typ").str("JWT");
        if let Some(id) = text(json, "private_key_id") {
            head.key("kid").str(&id);
        }
    });
    let mut claim = Writer::new();
    claim.object(|claim| {
        claim.key("iss").str(&email).key("scope").str(SCOPE).key("aud").str(audience);
        claim.key("iat").u64(now).key("exp").u64(now + 3_600);
    });
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head.finish()), URL_SAFE_NO_PAD.encode(claim.finish()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| bad())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Source: <https://developers.google.com/identity/protocols/oauth2/web-server#offline>.
async fn authorized_user(json: Json<'_>, asker: &Asker) -> Result<Fetched, CredentialError> {
    let url = address(json, "token_uri", Some(TOKEN_URL))?;
    let (client, secret) = (member(json, "client_id")?, member(json, "client_secret")?);
    let refresh = member(json, "refresh_token")?;
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", &client),
        ("client_secret", &secret),
        ("refresh_token", &refresh),
    ];
    let told = asker.ask(Question::form(WHOM, &url, &fields)?).await?;
    let fetched = token(&told).map_err(|error| CredentialError {
        remedy: "Run `gcloud auth application-default login` again.".to_owned(),
        ..error
    })?;
    Ok(charged(fetched, json))
}

/// With the project that is charged, as users' credentials name it.
fn charged(fetched: Fetched, json: Json<'_>) -> Fetched {
    let project = text(json, "quota_project_id").and_then(|project| http::HeaderValue::try_from(project).ok());
    match fetched.grant {
        Grant::Token { token, .. } => Fetched { grant: Grant::Token { token, charged: project }, ..fetched },
        Grant::Keys(_) => fetched,
    }
}

/// Another cloud's token for one of Google's (RFC 8693), then a service account's where one is named. Source:
/// <https://google.aip.dev/auth/4117>.
async fn external_account(json: Json<'_>, asker: &Asker) -> Result<Fetched, CredentialError> {
    let url = address(json, "token_url", None)?;
    let (audience, kind) = (member(json, "audience")?, member(json, "subject_token_type")?);
    let subject = subject(json, asker).await?;
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", &audience),
        ("scope", SCOPE),
        ("subject_token_type", &kind),
        ("subject_token", subject.reveal()),
    ];
    let exchanged = token(&asker.ask(Question::form(WHOM, &url, &fields)?).await?)?;
    let Some(_) = text(json, "service_account_impersonation_url") else { return Ok(exchanged) };
    let url = address(json, "service_account_impersonation_url", None)?;
    let Grant::Token { token: bearer, .. } = &exchanged.grant else { return Ok(exchanged) };
    let body = format!("{{\"scope\":[\"{SCOPE}\"],\"lifetime\":\"3600s\"}}");
    let question = Question::of("Google's IAM service", Method::POST, &url, Bytes::from(body))?;
    let question = question
        .header("content-type", "application/json")?
        .header("authorization", &format!("Bearer {}", bearer.reveal()))?;
    let told = asker.ask(question).await?;
    let read = |body: &[u8]| {
        let json = Json::from_bytes(body).ok()?;
        let ends: Timestamp = text(json, "expireTime")?.parse().ok()?;
        let life = ends.as_millisecond().checked_sub(env::now().as_millisecond())?;
        let life = Duration::from_millis(u64::try_from(life).unwrap_or(0));
        Some(Fetched::token(Secret::new(&text(json, "accessToken")?), life))
    };
    read(told.good()?).ok_or_else(|| told.odd())
}

/// The token to exchange: from a file or an address, whole or a member of JSON.
async fn subject(json: Json<'_>, asker: &Asker) -> Result<Secret, CredentialError> {
    let source = json
        .get("credential_source")
        .ok_or_else(|| CredentialError::new("the credentials file has no `credential_source`", "Make it anew."))?;
    let body: Bytes = if let Some(file) = text(source, "file") {
        let read = tokio::fs::read(Path::new(&file)).await;
        let read = read.map_err(|error| {
            let what = format!("the token file of the credentials file cannot be read: {}", error.kind());
            CredentialError::new(what, "Check that it is mounted.")
        })?;
        read.into()
    } else if let Some(url) = text(source, "url") {
        let mut question = Question::of("the workload's token service", Method::GET, &url, Bytes::new())?.near();
        for (name, value) in source.get("headers").into_iter().flat_map(Json::members) {
            let (Ok(name), Some(value)) = (http::HeaderName::try_from(&*name), value.as_str()) else { continue };
            if let Ok(value) = http::HeaderValue::try_from(&*value) {
                question.request_mut().headers_mut().insert(name, value);
            }
        }
        let told = asker.ask(question).await?;
        told.good()?;
        told.body
    } else {
        let what = "the credentials file takes its token from a source that is not supported";
        return Err(CredentialError::new(
            what,
            "Use one with `file` or `url`; for AWS and programs a service account.",
        ));
    };
    let format = source.get("format");
    let odd = || CredentialError::new("the workload's token cannot be read", "Check `format` of `credential_source`.");
    let token = match format.and_then(|format| text(format, "type")).as_deref() {
        Some("json") => {
            let name = format.and_then(|format| text(format, "subject_token_field_name")).ok_or_else(odd)?;
            text(Json::from_bytes(&body).map_err(|_| odd())?, &name)
        }
        _ => std::str::from_utf8(&body).ok().map(|text| text.trim().to_owned()),
    };
    token.filter(|token| !token.is_empty()).map(|token| Secret::new(&token)).ok_or_else(odd)
}

/// Source: <https://cloud.google.com/compute/docs/access/authenticate-workloads>.
async fn metadata(host: &str, asker: &Asker) -> Result<Fetched, CredentialError> {
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
    let question = Question::get("Google's metadata service", &url)?.near().header("metadata-flavor", "Google")?;
    let told = asker.ask(question).await.map_err(|error| CredentialError {
        remedy: "Outside of Google Cloud set GOOGLE_APPLICATION_CREDENTIALS to a credentials file.".to_owned(),
        ..error
    })?;
    token(&told)
}

/// The token of an OAuth answer.
///
/// # Errors
/// It is none.
pub(super) fn token(told: &Told) -> Result<Fetched, CredentialError> {
    let read = |body: &[u8]| {
        let json = Json::from_bytes(body).ok()?;
        let token = Secret::new(&text(json, "access_token")?);
        // Managed identities of Azure tell the moment, everybody else the time.
        let life = match seconds(json, "expires_in") {
            Some(life) => life,
            None => seconds(json, "expires_on")?.saturating_sub(env::unix_seconds()),
        };
        Some(Fetched::token(token, Duration::from_secs(life)))
    };
    read(told.good()?).ok_or_else(|| told.odd())
}

#[cfg(test)]
mod tests;
