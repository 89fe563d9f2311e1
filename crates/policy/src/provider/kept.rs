//! What a provider keeps for its callers beside models: files and batches, and where a row serves them.

use dialect::id::DialectId;

use super::row::{Auth, Kind, Row, Speaks};
use super::url;

/// A collection at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// OpenAI's and Anthropic's `/files`.
    Files,
    /// OpenAI's `/batches`, Anthropic's `/messages/batches`.
    Batches,
}

impl Kept {
    /// Every collection.
    pub const ALL: [Kept; 2] = [Kept::Files, Kept::Batches];

    /// The word in provider rows and in ledger lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kept::Files => "files",
            Kept::Batches => "batches",
        }
    }
}

/// Where a row serves a collection in the API of a dialect (OpenAI's chat or Anthropic's messages), and how the key
/// is sent there. `None` where it does not.
#[must_use]
pub fn call<'r>(
    row: &'r Row,
    dialect: DialectId,
    kept: Kept,
    base_url: &str,
    api_version: Option<&str>,
) -> Option<(String, &'r Auth)> {
    let serves = match &row.keeps {
        Some(keeps) => keeps.iter().any(|word| word == kept.name()),
        None => matches!(row.kind, Kind::Generic | Kind::Gateway),
    };
    let speaks = row.speaks(dialect, base_url).filter(|speaks| serves && !speaks.path.contains('{'))?;
    let path = match (dialect, kept) {
        (DialectId::OpenAiChat, Kept::Files) => speaks.path.replace("/chat/completions", "/files"),
        (DialectId::OpenAiChat, Kept::Batches) => speaks.path.replace("/chat/completions", "/batches"),
        (DialectId::AnthropicMessages, Kept::Files) => speaks.path.replace("/messages", "/files"),
        (DialectId::AnthropicMessages, Kept::Batches) => speaks.path.replace("/messages", "/messages/batches"),
        _ => return None,
    };
    let entry = Speaks { path, ..speaks.clone() };
    Some((url::call(base_url, &entry, "", api_version), row.auth(speaks)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::table::builtin;
    use super::*;

    #[test]
    fn collections_are_where_their_rows_say() {
        use DialectId::{AnthropicMessages as Claude, OpenAiChat as Gpt};
        use Kept::{Batches, Files};
        for (row, dialect, kept, base, expected) in [
            ("openai", Gpt, Files, "https://o/v1", "https://o/v1/files"),
            ("openai", Gpt, Batches, "https://o/v1/", "https://o/v1/batches"),
            ("openai", Claude, Files, "https://o/v1", ""),
            ("anthropic", Claude, Files, "https://a", "https://a/v1/files"),
            ("anthropic", Claude, Batches, "https://a/v1", "https://a/v1/messages/batches"),
            ("anthropic", Gpt, Batches, "https://a", ""),
            ("groq", Gpt, Batches, "https://g/openai/v1", "https://g/openai/v1/batches"),
            ("mistral", Gpt, Files, "https://m/v1", "https://m/v1/files"),
            ("mistral", Gpt, Batches, "https://m/v1", ""),
            ("azure", Gpt, Files, "https://a/openai/v1", "https://a/openai/v1/files"),
            ("azure", Gpt, Files, "https://a", ""),
            ("azure", Gpt, Files, "https://a/models", ""),
            ("deepseek", Gpt, Files, "https://d", ""),
            ("openai-compatible", Gpt, Batches, "http://x/v1", "http://x/v1/batches"),
            ("anthropic-compatible", Claude, Batches, "http://x", "http://x/v1/messages/batches"),
            ("litellm", Claude, Batches, "http://l", "http://l/v1/messages/batches"),
            ("vllm", Gpt, Files, "http://v/v1", ""),
            ("demo", Gpt, Files, "", ""),
        ] {
            let row = builtin().get(row).unwrap();
            let url = call(row, dialect, kept, base, Some("v")).map_or(String::new(), |(url, _)| url);
            assert_eq!(url, expected, "{} {kept:?}", row.name);
        }
        for row in builtin().rows() {
            for word in row.keeps.iter().flatten() {
                assert!(Kept::ALL.iter().any(|kept| kept.name() == word), "{}: {word}", row.name);
            }
        }
    }
}
