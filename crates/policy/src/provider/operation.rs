//! Operations beside the dialects, passed through in the one shape they have, and where a row serves them.

use dialect::id::DialectId;
use serde::Deserialize;

use super::row::{Auth, Kind, Row, Speaks};
use super::url;

/// How a path begins that names a deployment (Azure).
const DEPLOYMENT: &str = "/openai/deployments/{model}";

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// OpenAI's `/embeddings`.
    Embeddings,
    /// OpenAI's `/moderations`.
    Moderations,
    /// OpenAI's `/completions`, older than chat.
    Completions,
    /// OpenAI's `/images/generations`.
    Images,
    /// OpenAI's `/images/edits`: a form.
    ImageEdits,
    /// OpenAI's `/audio/speech`.
    Speech,
    /// OpenAI's `/audio/transcriptions`: a form.
    Transcriptions,
    /// OpenAI's `/audio/translations`: a form.
    Translations,
    /// Cohere's `/v1/rerank`, Jina's and others' too.
    Rerank,
    /// Cohere's `/v2/rerank`.
    RerankV2,
    /// Counting the tokens of a request: `/v1/messages/count_tokens`, `:countTokens`, `/v1/responses/input_tokens`.
    /// Where a row counts stands at its dialects ([`Speaks::count`]), not among its operations.
    CountTokens,
    /// OpenAI's `/realtime`: a WebSocket.
    Realtime,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 12] = [
        Operation::Embeddings,
        Operation::Moderations,
        Operation::Completions,
        Operation::Images,
        Operation::ImageEdits,
        Operation::Speech,
        Operation::Transcriptions,
        Operation::Translations,
        Operation::Rerank,
        Operation::RerankV2,
        Operation::CountTokens,
        Operation::Realtime,
    ];

    /// The word in provider rows.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Operation::RerankV2 => "rerank-v2",
            other => other.name(),
        }
    }

    /// The word in ledger lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Operation::Embeddings => "embeddings",
            Operation::Moderations => "moderations",
            Operation::Completions => "completions",
            Operation::Images => "images",
            Operation::ImageEdits => "image_edits",
            Operation::Speech => "speech",
            Operation::Transcriptions => "transcriptions",
            Operation::Translations => "translations",
            Operation::Rerank | Operation::RerankV2 => "rerank",
            Operation::CountTokens => "count_tokens",
            Operation::Realtime => "realtime",
        }
    }

    /// The path where `/chat/completions` stands otherwise; empty for counting tokens.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Operation::Embeddings => "/embeddings",
            Operation::Moderations => "/moderations",
            Operation::Completions => "/completions",
            Operation::Images => "/images/generations",
            Operation::ImageEdits => "/images/edits",
            Operation::Speech => "/audio/speech",
            Operation::Transcriptions => "/audio/transcriptions",
            Operation::Translations => "/audio/translations",
            Operation::Rerank | Operation::RerankV2 => "/rerank",
            Operation::CountTokens => "",
            Operation::Realtime => "/realtime",
        }
    }

    /// The body is a form with a file, rather than JSON.
    #[must_use]
    pub const fn is_form(self) -> bool {
        matches!(self, Operation::ImageEdits | Operation::Transcriptions | Operation::Translations)
    }
}

/// That a row serves an operation, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Serves {
    /// Beside its chat completions.
    Beside(String),
    /// At a path of its own after `base_url`.
    At {
        /// The operation.
        operation: String,
        /// The path.
        path: String,
        /// Endings taken off `base_url` before.
        #[serde(default)]
        strip: Vec<String>,
    },
}

impl Serves {
    /// The operation's word.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Serves::Beside(name) | Serves::At { operation: name, .. } => name,
        }
    }
}

/// Where an operation is called in its one shape, and how the key is sent there. `None` for counting tokens, which
/// has a shape in each dialect.
#[must_use]
pub fn call<'r>(
    row: &'r Row,
    operation: Operation,
    base_url: &str,
    model: &str,
    api_version: Option<&str>,
) -> Option<(String, &'r Auth)> {
    if operation == Operation::CountTokens {
        return None;
    }
    if let Some(serves) = &row.operations {
        let own = |entry: &&Serves| entry.name() == operation.key();
        if let Serves::At { path, strip, .. } = serves.iter().find(own)? {
            let entry = Speaks {
                path: path.clone(),
                strip: strip.clone(),
                when: None,
                auth: None,
                ..row.speaks.first()?.clone()
            };
            return Some((url::call(base_url, &entry, model, api_version), &row.auth));
        }
    } else if matches!(row.kind, Kind::Vendor | Kind::Demo) {
        return None;
    }
    let speaks = row.speaks(DialectId::OpenAiChat, base_url)?;
    let path = match (operation, speaks.path.strip_prefix(DEPLOYMENT)) {
        // A socket names its deployment beside the path, not in it.
        (Operation::Realtime, Some(rest)) => {
            format!("/openai{}&deployment={{model}}", rest.replace("/chat/completions", operation.path()))
        }
        _ => speaks.path.replace("/chat/completions", operation.path()),
    };
    let entry = Speaks { path, ..speaks.clone() };
    Some((url::call(base_url, &entry, model, api_version), row.auth(speaks)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::table::builtin;
    use super::*;

    #[test]
    fn operations_are_called_where_their_rows_say() {
        use Operation::{CountTokens, Embeddings, Images, Realtime, Rerank, RerankV2, Speech, Transcriptions};
        for (row, base, operation, expected) in [
            ("openai", "https://o/v1", Embeddings, "https://o/v1/embeddings"),
            ("openai", "https://o/v1", Rerank, ""),
            ("openai-compatible", "http://x/v1", Transcriptions, "http://x/v1/audio/transcriptions"),
            ("openai-compatible", "http://x/v1", RerankV2, "http://x/v1/rerank"),
            ("azure", "https://a", Embeddings, "https://a/openai/deployments/m/embeddings?api-version=v"),
            ("azure", "https://a/openai/v1", Speech, "https://a/openai/v1/audio/speech"),
            ("gemini", "https://g", Images, "https://g/v1beta/openai/images/generations"),
            // Google's own form, to which it is translated.
            ("gemini", "https://g", Embeddings, ""),
            ("cohere", "https://c", Rerank, "https://c/v1/rerank"),
            ("cohere", "https://c/v2", RerankV2, "https://c/v2/rerank"),
            ("voyage", "https://v/v1", Embeddings, "https://v/v1/embeddings"),
            ("voyage", "https://v/v1", Rerank, "https://v/v1/rerank"),
            ("voyage", "https://v/v1", Images, ""),
            ("ollama", "http://l/v1", Embeddings, "http://l/v1/embeddings"),
            ("anthropic", "https://a", CountTokens, ""),
            ("anthropic", "https://a", Embeddings, ""),
            ("demo", "", Embeddings, ""),
            ("openai", "https://o/v1", Realtime, "https://o/v1/realtime"),
            ("azure", "https://a/openai/v1", Realtime, "https://a/openai/v1/realtime"),
            ("azure", "https://a", Realtime, "https://a/openai/realtime?api-version=v&deployment=m"),
            ("openai-compatible", "http://x/v1", Realtime, "http://x/v1/realtime"),
            ("mistral", "https://m/v1", Realtime, ""),
        ] {
            let row = builtin().get(row).unwrap();
            let url = call(row, operation, base, "m", Some("v")).map_or(String::new(), |(url, _)| url);
            assert_eq!(url, expected, "{} {operation:?}", row.name);
        }
    }

    #[test]
    fn tokens_are_counted_and_texts_embedded_where_rows_say() {
        use DialectId::{AnthropicMessages, Gemini, OpenAiChat, OpenAiResponses};
        for (row, base, dialect, expected) in [
            ("anthropic", "https://a/v1", AnthropicMessages, "https://a/v1/messages/count_tokens"),
            ("anthropic-compatible", "http://x", AnthropicMessages, "http://x/v1/messages/count_tokens"),
            ("bedrock-claude", "https://b", AnthropicMessages, "https://b/model/m%3A0/count-tokens"),
            (
                "vertex-claude",
                "https://v",
                AnthropicMessages,
                "https://v/publishers/anthropic/models/count-tokens:rawPredict",
            ),
            ("openai", "https://o/v1", OpenAiResponses, "https://o/v1/responses/input_tokens"),
            ("openai", "https://o/v1", OpenAiChat, ""),
            ("gemini", "https://g", Gemini, "https://g/v1beta/models/m%3A0:countTokens"),
            ("deepseek", "https://d", AnthropicMessages, ""),
        ] {
            let row = builtin().get(row).unwrap();
            let speaks = row.speaks(dialect, base).unwrap();
            assert_eq!(url::count(base, speaks, "m:0", None).unwrap_or_default(), expected, "{} {dialect}", row.name);
        }
        let gemini = builtin().get("gemini").unwrap().speaks(Gemini, "https://g").unwrap();
        let embed = |batch| url::embed("https://g/v1beta", gemini, batch, "m", None).unwrap();
        assert_eq!(embed(false), "https://g/v1beta/models/m:embedContent");
        assert_eq!(embed(true), "https://g/v1beta/models/m:batchEmbedContents");
    }

    #[test]
    fn rows_name_operations_that_there_are() {
        for row in builtin().rows() {
            for serves in row.operations.iter().flatten() {
                let name = serves.name();
                assert!(Operation::ALL.iter().any(|operation| operation.key() == name), "{}: {name}", row.name);
            }
        }
    }
}
