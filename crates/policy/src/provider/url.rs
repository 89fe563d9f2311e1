//! From a `base_url`, a row's path and a model to the URL of a request.
//!
//! Nothing that a caller sends can change the host or climb out of the path: a model's name is
//! percent-encoded as one segment.

use super::row::{Row, Speaks};

/// Why a text is no base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    /// Neither `http://` nor `https://`.
    #[error("it must start with `https://` or `http://`")]
    Scheme,
    /// No host.
    #[error("it has no host")]
    Host,
    /// A port that is no number up to 65535.
    #[error("its port is not a number up to 65535")]
    Port,
    /// User information in the URL.
    #[error("it must not hold a user name or password; use `api_key` or `headers`")]
    UserInfo,
    /// A query or a fragment.
    #[error("it must not have a query (`?`) or fragment (`#`)")]
    Query,
    /// Spaces, control characters, or a placeholder left open.
    #[error("it holds a character that a URL cannot have")]
    Character,
}

/// A base URL without its trailing slashes.
///
/// # Errors
/// [`BaseError`] when it is not an absolute http(s) URL made of scheme, host, port and path alone.
pub fn base(text: &str) -> Result<String, BaseError> {
    let trimmed = text.trim();
    let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://")).ok_or(BaseError::Scheme)?;
    let authority = rest.split('/').next().unwrap_or_default();
    if rest.contains(['?', '#']) {
        return Err(BaseError::Query);
    }
    if authority.contains('@') {
        return Err(BaseError::UserInfo);
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(BaseError::Host);
    }
    if trimmed.chars().any(|c| !c.is_ascii_graphic() || "{}<>\"\\^`|".contains(c)) {
        return Err(BaseError::Character);
    }
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(BaseError::Port);
    }
    let without = trimmed.trim_end_matches('/');
    without.parse::<http::Uri>().map_err(|_| BaseError::Character)?;
    Ok(without.to_owned())
}

/// The URL of a call: `base_url` (as [`base`] gives it) less the ending that the entry takes off, then its path
/// with the model and the API version in it.
#[must_use]
pub fn call(base_url: &str, speaks: &Speaks, model: &str, api_version: Option<&str>) -> String {
    at(base_url, speaks, &speaks.path, model, api_version)
}

/// The URL of a call whose answer is streamed; `None` where it is that of any other.
#[must_use]
pub fn stream(base_url: &str, speaks: &Speaks, model: &str, api_version: Option<&str>) -> Option<String> {
    Some(at(base_url, speaks, speaks.stream.as_deref()?, model, api_version))
}

/// The URL where tokens are counted; `None` where nobody counts.
#[must_use]
pub fn count(base_url: &str, speaks: &Speaks, model: &str, api_version: Option<&str>) -> Option<String> {
    Some(at(base_url, speaks, speaks.count.as_deref()?, model, api_version))
}

/// The URL where texts are embedded in this dialect, several where `batch`; `None` where it is not done in it.
#[must_use]
pub fn embed(base_url: &str, speaks: &Speaks, batch: bool, model: &str, api_version: Option<&str>) -> Option<String> {
    let path = if batch { &speaks.embed_batch } else { &speaks.embed };
    Some(at(base_url, speaks, path.as_deref()?, model, api_version))
}

fn at(base_url: &str, speaks: &Speaks, path: &str, model: &str, api_version: Option<&str>) -> String {
    let path =
        path.replace("{api_version}", &segment(api_version.unwrap_or_default())).replace("{model}", &segment(model));
    join(stripped(base_url, &speaks.strip), &path)
}

/// The URL of a provider's list of models; `None` when its row names none.
#[must_use]
pub fn list(base_url: &str, row: &Row) -> Option<String> {
    let strip = row.speaks.first().map(|speaks| speaks.strip.as_slice()).unwrap_or_default();
    Some(join(stripped(base_url, strip), row.models.as_deref()?))
}

fn join(base_url: &str, path: &str) -> String {
    format!("{}{path}", base_url.trim_end_matches('/'))
}

fn stripped<'a>(base_url: &'a str, endings: &[String]) -> &'a str {
    let base = base_url.trim_end_matches('/');
    endings.iter().find_map(|ending| base.strip_suffix(ending.as_str())).unwrap_or(base)
}

/// A text as one segment of a path: everything but letters, digits and `-_~` is percent-encoded, and so are
/// dots of a segment that is nothing else, so that `..` cannot climb.
#[must_use]
pub fn segment(text: &str) -> String {
    let only_dots = text.bytes().all(|byte| byte == b'.');
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && !only_dots) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
