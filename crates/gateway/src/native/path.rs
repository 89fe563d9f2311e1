//! Paths of the native lane: what no path may be, and what a path tells of the call behind it.

use dialect::fault::Fault;
use dialect::id::DialectId;

/// How often a path is decoded at most: one that goes on changing means harm.
const ROUNDS: usize = 4;

/// Splits `/native/{provider}/…` into the provider's name and the path with its slash.
#[must_use]
pub fn split(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/native/")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (provider, path) = (rest.get(..at)?, rest.get(at..)?);
    (!provider.is_empty()).then_some((provider, if path.is_empty() { "/" } else { path }))
}

/// Checks a path as it was sent, and gives it as whoever decodes it reads it.
///
/// # Errors
/// `invalid_request` for `.` and `..` as steps, `//`, `\` and control characters, raw or percent-encoded,
/// however often.
pub fn check(raw: &str) -> Result<String, Fault> {
    let mut bytes = raw.as_bytes().to_vec();
    for _ in 0..ROUNDS {
        if is_bad(&bytes) {
            return Err(bad());
        }
        let next = decoded(&bytes);
        if next == bytes {
            return String::from_utf8(bytes).map_err(|_| bad());
        }
        bytes = next;
    }
    Err(bad())
}

fn bad() -> Fault {
    Fault::invalid(
        "",
        "A path of the native lane holds no `.` or `..` step, no `//`, no `\\` and no control character, encoded or \
         not. Send the path as the provider documents it.",
    )
}

fn is_bad(path: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(path, part).is_some();
    let steps = || path.split(|byte| *byte == b'/').any(|step| step == b"." || step.starts_with(b".;"));
    has(b"..") || has(b"//") || path.iter().any(|byte| *byte < 0x20 || matches!(byte, 0x7f | b'\\')) || steps()
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let hex =
        |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|n| u8::try_from(n).ok());
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        if *byte == b'%'
            && let (Some(high), Some(low)) = (hex(path.get(at + 1)), hex(path.get(at + 2)))
        {
            out.push(high << 4 | low);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    out
}

/// Where the model of a call is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// In the path.
    Path(String),
    /// In the member `model` of a JSON body.
    Body,
    /// Nowhere that is known.
    Nowhere,
}

/// What a path tells of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The dialect, where it is one's.
    pub dialect: Option<DialectId>,
    /// Where the model is named.
    pub model: Named,
}

/// Paths whose JSON body names the model, of no dialect that is known.
const OPERATIONS: [&str; 13] = [
    "/embeddings",
    "/completions",
    "/moderations",
    "/rerank",
    "/images/generations",
    "/audio/speech",
    "/messages/count_tokens",
    "/v1/chat",
    "/v2/embed",
    "/v1/embed",
    "/api/embed",
    "/ocr",
    "/multimodalembeddings",
];

/// What a decoded path tells of a `POST`.
#[must_use]
pub fn known(path: &str) -> Known {
    let dialect = if path.ends_with("/chat/completions") {
        Some(DialectId::OpenAiChat)
    } else if path.ends_with("/responses") {
        Some(DialectId::OpenAiResponses)
    } else if path.ends_with("/v1/messages") || path.contains("/publishers/anthropic/") {
        Some(DialectId::AnthropicMessages)
    } else if path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent") {
        DialectId::parse("gemini")
    } else if path.ends_with("/v2/chat") {
        Some(DialectId::CohereV2)
    } else if path.ends_with("/api/chat") || path.ends_with("/api/generate") {
        Some(DialectId::Ollama)
    } else if let Some(rest) = path.strip_prefix("/model/") {
        bedrocks(rest)
    } else {
        None
    };
    let body = dialect.is_some() || OPERATIONS.iter().any(|end| path.ends_with(end));
    let model = match in_path(path) {
        Some(model) => Named::Path(model.to_owned()),
        None if body => Named::Body,
        None => Named::Nowhere,
    };
    Known { dialect, model }
}

/// The dialect of a model that Amazon hosts, by what is asked of it: Converse, or a Claude in its own words (those of
/// before its messages had others).
fn bedrocks(rest: &str) -> Option<DialectId> {
    let (model, verb) = rest.rsplit_once('/')?;
    let claude = model.contains("claude") && !model.contains("claude-v") && !model.contains("claude-instant");
    match verb {
        "converse" | "converse-stream" => Some(DialectId::BedrockConverse),
        "invoke" | "invoke-with-response-stream" if claude => Some(DialectId::AnthropicMessages),
        _ => None,
    }
}

/// Whether a path says that its answer is streamed: Google's verbs, Bedrock's.
#[must_use]
pub fn streams(path: &str) -> bool {
    path.contains(":stream") || path.ends_with("/converse-stream") || path.ends_with("/invoke-with-response-stream")
}

/// The model that a path names: Google's `/models/{model}:verb`, Bedrock's `/model/{id}/verb`, Azure's
/// `/deployments/{name}/…`.
fn in_path(path: &str) -> Option<&str> {
    if let Some((_, rest)) = path.split_once("/models/")
        && let Some((model, verb)) = rest.rsplit_once(':')
        && !verb.contains('/')
    {
        return Some(model).filter(|model| !model.is_empty());
    }
    if let Some(rest) = path.strip_prefix("/model/") {
        return rest.rsplit_once('/').map(|(model, _)| model).filter(|model| !model.is_empty());
    }
    let (_, rest) = path.split_once("/deployments/")?;
    rest.split_once('/').map(|(name, _)| name).filter(|name| !name.is_empty())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_path_splits_after_the_provider() {
        assert_eq!(split("/native/p1/v1/files"), Some(("p1", "/v1/files")));
        assert_eq!(split("/native/p1"), Some(("p1", "/")));
        assert_eq!(split("/native/p1//evil"), Some(("p1", "//evil")));
        assert_eq!(split("/native/"), None);
        assert_eq!(split("/native//x"), None);
    }

    #[test]
    fn harmful_paths_are_refused_however_they_are_written() {
        for bad in [
            "/v1/../admin",
            "/v1/..",
            "/v1/%2e%2e/x",
            "/v1/%2E./x",
            "/v1/.%2e/x",
            "/v1/%252e%252e/x",
            "//evil.example",
            "/v1//x",
            "/v1/%2f/x",
            "/v1/%2F%2Fevil",
            "/v1\\x",
            "/v1/%5cx",
            "/v1/%255Cx",
            "/v1/%00",
            "/v1/a%0d%0ab",
            "/v1/%7f",
            "/v1/./x",
            "/v1/.",
            "/v1/%2e/x",
            "/v1/..;/x",
            "/http://evil.example/x",
            "/v1/%ff",
            "/%25252525252e",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for (good, read) in [
            ("/v1/files", "/v1/files"),
            ("/v1/files/file-a.b", "/v1/files/file-a.b"),
            ("/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-pro:generateContent"),
            ("/model/anthropic.claude%3A0/invoke", "/model/anthropic.claude:0/invoke"),
            ("/v1/models/a%2Fb", "/v1/models/a/b"),
            ("/v1/100%", "/v1/100%"),
        ] {
            assert_eq!(check(good).unwrap(), read);
        }
    }

    #[test]
    fn a_path_tells_its_dialect_and_model() {
        let tell = |path: &str| {
            let known = known(path);
            let model = match known.model {
                Named::Path(model) => model,
                Named::Body => "body".to_owned(),
                Named::Nowhere => "nowhere".to_owned(),
            };
            format!("{} {model}", known.dialect.map_or("native", DialectId::name))
        };
        for (path, expected) in [
            ("/v1/chat/completions", "openai-chat body"),
            ("/openai/deployments/gpt/chat/completions", "openai-chat gpt"),
            ("/v1/responses", "openai-responses body"),
            ("/v1/messages", "anthropic-messages body"),
            ("/v1/threads/t1/messages", "native nowhere"),
            ("/v1/messages/batches", "native nowhere"),
            ("/v1/embeddings", "native body"),
            ("/v2/chat", "cohere-v2 body"),
            ("/api/chat", "ollama body"),
            ("/api/generate", "ollama body"),
            ("/api/embed", "native body"),
            ("/api/tags", "native nowhere"),
            ("/v2/embed", "native body"),
            ("/v1/files", "native nowhere"),
            ("/model/a.b:0/converse", "bedrock-converse a.b:0"),
            ("/model/a.b:0/converse-stream", "bedrock-converse a.b:0"),
            ("/model/a.b:0/count-tokens", "native a.b:0"),
            ("/model/us.anthropic.claude-sonnet-4-5:0/invoke", "anthropic-messages us.anthropic.claude-sonnet-4-5:0"),
            ("/model/anthropic.claude-v2:1/invoke", "native anthropic.claude-v2:1"),
            ("/model/meta.llama3/invoke-with-response-stream", "native meta.llama3"),
            ("/v1beta/models/g:embedContent", "native g"),
        ] {
            assert_eq!(tell(path), expected, "{path}");
        }
    }
}
