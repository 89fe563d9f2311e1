//! Paths of files and batches in both APIs that have them: what each asks for.

use dialect::id::DialectId;
use http::{HeaderMap, Method, Uri};
use policy::object::Kind;
use policy::provider::kept::{Kept, call};

use crate::native::path as native;
use crate::state::snapshot::Snapshot;

/// Longest id, in bytes.
const MOST_ID: usize = 256;

/// What is done with an object, or with all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Make one.
    Make,
    /// List one's own.
    List,
    /// Look at one.
    Get,
    /// Read a file's bytes, or a batch's results.
    Content,
    /// Cancel a batch.
    Cancel,
    /// Delete one.
    Delete,
    /// Nothing that the path takes; the methods it takes.
    Wrong(&'static str),
}

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// OpenAI's API or Anthropic's, by its chat dialect.
    pub family: DialectId,
    /// Of what.
    pub kept: Kept,
    /// What.
    pub verb: Verb,
    /// Of which one; empty for all.
    pub id: &'a str,
    /// What stands behind the id, with its slash.
    pub rest: &'a str,
}

impl Wanted<'_> {
    /// What sort of object it is about.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        kind(self.kept)
    }
}

/// What sort of object a collection holds.
#[must_use]
pub const fn kind(kept: Kept) -> Kind {
    match kept {
        Kept::Files => Kind::File,
        Kept::Batches => Kind::Batch,
    }
}

/// Reads a path; `None` for one of neither files nor batches. `/files` is Anthropic's where its header says so.
#[must_use]
pub fn parse<'a>(method: &Method, path: &'a str, headers: &HeaderMap) -> Option<Wanted<'a>> {
    let claude = path.strip_prefix("/anthropic");
    let bare = claude.or_else(|| path.strip_prefix("/openai")).unwrap_or(path);
    let bare = bare.strip_prefix("/v1").unwrap_or(bare);
    let ours = path.starts_with("/openai");
    let claude = claude.is_some() || (!ours && headers.contains_key("anthropic-version"));
    let (family, kept, rest) = if let Some(rest) = bare.strip_prefix("/messages/batches") {
        (DialectId::AnthropicMessages, Kept::Batches, rest)
    } else if let Some(rest) = bare.strip_prefix("/files") {
        (if claude { DialectId::AnthropicMessages } else { DialectId::OpenAiChat }, Kept::Files, rest)
    } else {
        (DialectId::OpenAiChat, Kept::Batches, bare.strip_prefix("/batches")?)
    };
    let rest = match rest {
        "" | "/" => "",
        rest => rest.strip_prefix('/')?,
    };
    let at = rest.find('/').unwrap_or(rest.len());
    let (id, rest) = rest.split_at(at);
    if !id.is_empty() && !is_id(id) {
        return None;
    }
    let get = method == Method::GET || method == Method::HEAD;
    let deletes = kept == Kept::Files || family == DialectId::AnthropicMessages;
    let verb = match (kept, rest) {
        (_, "") if id.is_empty() => match *method {
            Method::POST => Verb::Make,
            _ if get => Verb::List,
            _ => Verb::Wrong("GET, HEAD, POST"),
        },
        (_, "") => match *method {
            Method::DELETE if deletes => Verb::Delete,
            _ if get => Verb::Get,
            _ if deletes => Verb::Wrong("GET, HEAD, DELETE"),
            _ => Verb::Wrong("GET, HEAD"),
        },
        (Kept::Files, "/content") if get => Verb::Content,
        (Kept::Batches, "/results") if family == DialectId::AnthropicMessages && get => Verb::Content,
        (Kept::Files, "/content") => Verb::Wrong("GET, HEAD"),
        (Kept::Batches, "/results") if family == DialectId::AnthropicMessages => Verb::Wrong("GET, HEAD"),
        (Kept::Batches, "/cancel") if *method == Method::POST => Verb::Cancel,
        (Kept::Batches, "/cancel") => Verb::Wrong("POST"),
        _ => return None,
    };
    Some(Wanted { family, kept, verb, id, rest })
}

/// The typed path that a path of the native lane stands for, with its provider: files and batches are the same
/// objects whichever way they are reached. `None` for every other path.
#[must_use]
pub fn of_native<'a>(snapshot: &Snapshot, path: &'a str, headers: &HeaderMap) -> Option<(&'a str, String)> {
    let (provider, raw) = native::split(path)?;
    let config = snapshot.config.providers.get(snapshot.provider_place(provider)?)?;
    // Decoded, so that no other spelling of a path leads past what is done with its objects.
    let plain = native::check(raw).ok().filter(|_| config.native)?;
    let claude = headers.contains_key("anthropic-version");
    let order = [DialectId::AnthropicMessages, DialectId::OpenAiChat];
    let order = if claude { order } else { [order[1], order[0]] };
    order.into_iter().flat_map(|family| Kept::ALL.map(|kept| (family, kept))).find_map(|(family, kept)| {
        let (url, _) = call(config.row, family, kept, &config.base_url, config.api_version.as_deref())?;
        let url: Uri = url.parse().ok()?;
        let rest = plain.strip_prefix(url.path()).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        let typed = match (family, kept) {
            (DialectId::AnthropicMessages, Kept::Files) => "/anthropic/v1/files",
            (_, Kept::Files) => "/openai/v1/files",
            (DialectId::AnthropicMessages, Kept::Batches) => "/v1/messages/batches",
            (_, Kept::Batches) => "/v1/batches",
        };
        Some((provider, format!("{typed}{rest}")))
    })
}

/// Whether a text may be an id: what providers make ids of, and nothing that could leave a path.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'~');
    !text.is_empty() && text.len() <= MOST_ID && text.bytes().all(good) && !text.contains("..") && text != "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_what_is_asked() {
        let read = |method: &str, path: &str, claude: bool| {
            let mut headers = HeaderMap::new();
            if claude {
                headers.insert("anthropic-version", http::HeaderValue::from_static("2023-06-01"));
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
            parse(&method, path, &headers).map_or_else(String::new, |wanted| {
                let family = if wanted.family == DialectId::OpenAiChat { "o" } else { "a" };
                format!("{family} {} {:?} {}", wanted.kept.name(), wanted.verb, wanted.id)
            })
        };
        for (method, path, claude, expected) in [
            ("POST", "/v1/files", false, "o files Make "),
            ("POST", "/v1/files", true, "a files Make "),
            ("GET", "/openai/v1/files/", false, "o files List "),
            ("GET", "/files", false, "o files List "),
            ("GET", "/anthropic/v1/files", false, "a files List "),
            ("GET", "/v1/files/file-a_1", false, "o files Get file-a_1"),
            ("HEAD", "/v1/files/f/content", false, "o files Content f"),
            ("DELETE", "/v1/files/f", false, "o files Delete f"),
            ("PUT", "/v1/files/f", false, "o files Wrong(\"GET, HEAD, DELETE\") f"),
            ("POST", "/v1/files/f/content", false, "o files Wrong(\"GET, HEAD\") f"),
            ("POST", "/v1/batches/b/cancel", false, "o batches Cancel b"),
            ("DELETE", "/v1/batches/b", false, "o batches Wrong(\"GET, HEAD\") b"),
            ("POST", "/v1/messages/batches", false, "a batches Make "),
            ("GET", "/v1/messages/batches/b/results", false, "a batches Content b"),
            ("DELETE", "/v1/messages/batches/b", false, "a batches Delete b"),
            ("GET", "/v1/batches/b/results", false, ""),
            ("GET", "/v1/files/f/x", false, ""),
            ("GET", "/v1/files/..", false, ""),
            ("GET", "/v1/files/%2e%2e", false, ""),
            ("GET", "/v1/filesystem", false, ""),
            ("GET", "/v1/messages", false, ""),
        ] {
            assert_eq!(read(method, path, claude), expected, "{method} {path}");
        }
    }
}
