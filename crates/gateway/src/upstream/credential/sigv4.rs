//! AWS Signature Version 4: of the exact path, headers and body that are sent. Pure but for the request it changes.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>. Paths are
//! encoded a second time for the signature, as every service but S3 wants it.

use aws_lc_rs::{digest, hmac};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use jiff::Timestamp;

use super::ask::quoted;
use crate::config::credential::AwsKeys;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What a signature is good for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The region.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
    /// The moment.
    pub at: Timestamp,
}

/// Signs a request: sets `authorization`, `x-amz-date` and, for keys that end, `x-amz-security-token`. The path is
/// brought into the one form that both sides encode alike. `None` when a header cannot carry the keys.
#[must_use]
pub fn authorize<B>(request: &mut Request<B>, body: &[u8], keys: &AwsKeys, scope: Scope<'_>) -> Option<()> {
    if let Some(uri) = tidied(request.uri()) {
        *request.uri_mut() = uri;
    }
    let host = host(request.headers(), request.uri())?;
    let headers = request.headers_mut();
    headers.remove("x-amz-content-sha256");
    headers.remove(TOKEN);
    let moment = moment(scope.at);
    headers.insert(DATE, HeaderValue::try_from(&moment).ok()?);
    if let Some(token) = &keys.token {
        let mut value = HeaderValue::try_from(token.reveal()).ok()?;
        value.set_sensitive(true);
        headers.insert(TOKEN, value);
    }
    let mut signed = vec![("host".to_owned(), host)];
    for name in request.headers().keys() {
        let text = name.as_str();
        if name == header::CONTENT_TYPE || text.starts_with("x-amz-") || text.starts_with("x-amzn-") {
            let values = request.headers().get_all(name).iter().map(HeaderValue::to_str);
            let values: Result<Vec<&str>, _> = values.collect();
            signed.push((text.to_owned(), values.ok()?.join(",")));
        }
    }
    let uri = request.uri();
    let said = Said {
        method: request.method().as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: signed,
        body,
    };
    let mut value = HeaderValue::try_from(authorization(&said, keys, scope)).ok()?;
    value.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    Some(())
}

/// The parts of a request that are signed.
#[derive(Debug)]
struct Said<'a> {
    method: &'a str,
    /// As it is sent.
    path: &'a str,
    query: &'a str,
    /// Lowercase names, each once.
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl Said<'_> {
    /// The names of the headers, in order, with `;` between them.
    fn names(&self) -> String {
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.join(";")
    }

    fn canonical(&self) -> String {
        let mut headers: Vec<&(String, String)> = self.headers.iter().collect();
        headers.sort_unstable();
        let mut out = format!("{}\n{}\n{}\n", self.method, canonical_path(self.path), canonical_query(self.query));
        for (name, value) in headers {
            let value: Vec<&str> = value.split_ascii_whitespace().collect();
            out.push_str(&format!("{name}:{}\n", value.join(" ")));
        }
        out.push_str(&format!("\n{}\n{}", self.names(), hex(digest::digest(&digest::SHA256, self.body).as_ref())));
        out
    }
}

fn authorization(said: &Said<'_>, keys: &AwsKeys, scope: Scope<'_>) -> String {
    let Scope { region, service, at } = scope;
    let moment = moment(at);
    let day = moment.get(..8).unwrap_or_default();
    let place = format!("{day}/{region}/{service}/aws4_request");
    let canonical = hex(digest::digest(&digest::SHA256, said.canonical().as_bytes()).as_ref());
    let to_sign = format!("{ALGORITHM}\n{moment}\n{place}\n{canonical}");
    let first = mac(format!("AWS4{}", keys.secret.reveal()).as_bytes(), day);
    let key = [region, service, "aws4_request"].iter().fold(first, |key, part| mac(key.as_ref(), part));
    let signature = hex(mac(key.as_ref(), &to_sign).as_ref());
    format!("{ALGORITHM} Credential={}/{place}, SignedHeaders={}, Signature={signature}", keys.id, said.names())
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The host as it will be sent: the header where one is set, else the address without a usual port.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(host) = headers.get(header::HOST) {
        return host.to_str().ok().map(str::to_owned);
    }
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = uri.host()?;
    Some(match uri.port_u16().filter(|port| *port != usual) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The path encoded once more, slashes kept.
fn canonical_path(path: &str) -> String {
    let path = if path.is_empty() { "/" } else { path };
    path.split('/').map(quoted).collect::<Vec<_>>().join("/")
}

/// The pairs, decoded and encoded anew, in order.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recoded(name), recoded(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A text encoded once, whatever of it was encoded before.
fn recoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (plain, code) = rest.split_at(at);
        out.push_str(&quoted(plain));
        let digits = code.get(1..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => out.push(char::from(byte)),
            Some(byte) => out.push_str(&format!("%{byte:02X}")),
            None => {
                out.push_str("%25");
                rest = code.get(1..).unwrap_or_default();
                continue;
            }
        }
        rest = code.get(3..).unwrap_or_default();
    }
    out.push_str(&quoted(rest));
    out
}

/// The address with every step of its path encoded once; `None` where it is so already. `a:b` and `a%3Ab` name the
/// same thing, but a server that encodes what it got would sign them differently.
fn tidied(uri: &Uri) -> Option<Uri> {
    let path = uri.path().split('/').map(recoded).collect::<Vec<_>>().join("/");
    if path == uri.path() {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    parts.path_and_query = Some(whole.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests;
