#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use dialect::id::DialectId;
use dialect::quirk::Quirk;

use super::super::row::{Cloud, Kind};
use super::super::url;
use super::*;

const NOT_BUILT: [&str; 2] = ["voyage-embeddings", "embeddings"];

#[test]
fn the_built_in_table_reads() {
    let table = Table::parse(EMBEDDED).unwrap();
    assert!(table.rows.len() >= 45, "{} rows", table.rows.len());
    assert_eq!(builtin().rows().len(), table.rows.len());
    let names: BTreeSet<&str> = table.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), table.rows.len(), "two rows have one name");
}

#[test]
fn every_promised_row_is_there() {
    let promised = "openai anthropic gemini vertex bedrock azure openrouter litellm portkey vercel mistral groq deepseek \
        xai cohere together fireworks perplexity cerebras huggingface zai moonshot alibaba nvidia sambanova nebius \
        novita deepinfra hyperbolic databricks github voyage ollama vllm sglang llamacpp lmstudio tgi \
        openai-compatible anthropic-compatible demo";
    for name in promised.split_whitespace() {
        assert!(builtin().get(name).is_some(), "{name}");
    }
}

#[test]
fn rows_hold_only_words_that_are_known() {
    for row in builtin().rows() {
        for quirk in &row.quirks {
            assert!(Quirk::parse(quirk).is_some(), "{}: `{quirk}` is no quirk", row.name);
        }
        for speaks in &row.speaks {
            assert!(speaks.id().is_some() || NOT_BUILT.contains(&speaks.dialect.as_str()), "{}: {speaks:?}", row.name);
            assert!(speaks.path.starts_with('/'), "{}: {speaks:?}", row.name);
        }
        for name in row.vars.keys() {
            assert!(row.base_url.contains(&format!("{{{name}}}")), "{}: variable `{name}`", row.name);
        }
        let free = matches!(row.kind, Kind::Generic | Kind::Demo);
        assert_eq!(row.base_url.is_empty(), free, "{}", row.name);
        assert!(free || row.docs.starts_with("https://"), "{}", row.name);
        assert!(row.headers.keys().all(|name| *name == name.to_ascii_lowercase()), "{}", row.name);
    }
}

/// Whoever takes a key of Bedrock's takes AWS's credentials in its place.
#[test]
fn rows_of_clouds_say_who_computes_their_credentials() {
    for row in builtin().rows() {
        let aws = row.keys.iter().any(|key| key.starts_with("AWS_")) || row.base_url.contains("amazonaws.com");
        let google = row.base_url.contains("aiplatform.googleapis.com");
        let azure = row.keys.iter().any(|key| key.starts_with("AZURE_"));
        let expected = match (aws, google, azure) {
            (true, ..) => Some("aws"),
            (_, true, _) => Some("google"),
            (.., true) => Some("entra"),
            _ => None,
        };
        assert_eq!(row.credential.as_ref().map(Cloud::name), expected, "{}: `credential`", row.name);
    }
}

#[test]
fn rows_are_in_order_of_preference() {
    let kinds: Vec<Kind> = builtin().rows().iter().map(|row| row.kind).collect();
    assert!(kinds.is_sorted());
    let first: Vec<&str> = builtin().rows().iter().take(3).map(|row| row.name.as_str()).collect();
    assert_eq!(first, ["openai", "anthropic", "gemini"]);
}

/// The URL and the header of a call of model `m/1` with key `K` to each row, with variables filled by their own
/// name in capitals: every row in one table, so that a changed fact is seen in review.
#[test]
fn every_row_calls_the_right_place() {
    let mut lines = String::new();
    for row in builtin().rows() {
        let mut base = row.base_url.clone();
        for (name, variable) in &row.vars {
            let value = variable.default.clone().unwrap_or_else(|| match name.as_str() {
                "endpoint" | "host" | "base" => format!("https://{name}.example"),
                other => other.to_uppercase(),
            });
            base = base.replace(&format!("{{{name}}}"), &value);
        }
        let base = if base.is_empty() { "https://box.example".to_owned() } else { url::base(&base).unwrap() };
        for id in row.dialects() {
            let Some(speaks) = row.speaks(id, &base) else {
                let ending = row.speaks.iter().find(|one| one.id() == Some(id)).and_then(|one| one.when.as_deref());
                lines.push_str(&format!("{} {id} where base_url ends in {}\n", row.name, ending.unwrap()));
                continue;
            };
            let to = url::call(&base, speaks, "m/1", row.api_version.as_deref());
            let streams = url::stream(&base, speaks, "m/1", None).map(|to| format!(" (streams {to})"));
            let to = to + &streams.unwrap_or_default();
            let header = row.auth(speaks).header("K").map(|(name, value)| format!("{name}: {value}"));
            lines.push_str(&format!("{} {id} {to} {}\n", row.name, header.unwrap_or_else(|| "-".to_owned())));
        }
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn a_vendor_is_reached_however_its_base_is_written() {
    let check = |name: &str, dialect: DialectId, base: &str, expect: &str| {
        let row = builtin().get(name).unwrap();
        let speaks = row.speaks(dialect, base).unwrap();
        assert_eq!(url::call(base, speaks, "m", Some("2025-04-01-preview")), expect);
    };
    let (chat, messages) = (DialectId::OpenAiChat, DialectId::AnthropicMessages);
    check("gemini", chat, "https://g/v1beta", "https://g/v1beta/openai/chat/completions");
    check("gemini", chat, "https://g/v1beta/openai", "https://g/v1beta/openai/chat/completions");
    check("gemini", DialectId::Gemini, "https://g/v1beta/openai", "https://g/v1beta/models/m:generateContent");
    check("cohere", DialectId::CohereV2, "https://c", "https://c/v2/chat");
    check("cohere", DialectId::CohereV2, "https://c/v2", "https://c/v2/chat");
    check("cohere", chat, "https://c/v2", "https://c/compatibility/v1/chat/completions");
    check("cohere", chat, "https://c/compatibility/v1", "https://c/compatibility/v1/chat/completions");
    check("zai", messages, "https://z/api/coding/paas/v4", "https://z/api/anthropic/v1/messages");
    check("deepseek", messages, "https://d/v1", "https://d/anthropic/v1/messages");
    check("deepseek", chat, "https://d/v1", "https://d/v1/chat/completions");
    check("ollama", DialectId::Ollama, "http://h:11434/v1", "http://h:11434/api/chat");
    check("ollama", chat, "http://h:11434", "http://h:11434/v1/chat/completions");
    check("litellm", messages, "http://h:4001/v1", "http://h:4001/v1/messages");
    check("azure", chat, "https://x/openai/v1", "https://x/openai/v1/chat/completions");
    check(
        "azure",
        chat,
        "https://x/openai",
        "https://x/openai/deployments/m/chat/completions?api-version=2025-04-01-preview",
    );
    check("azure", DialectId::OpenAiResponses, "https://x/openai", "https://x/openai/v1/responses");
    check("azure", DialectId::OpenAiResponses, "https://x/openai/v1", "https://x/openai/v1/responses");
    check("vertex", chat, "https://v/l/endpoints/openapi", "https://v/l/endpoints/openapi/chat/completions");
    check("vertex", DialectId::Gemini, "https://v/l", "https://v/l/publishers/google/models/m:generateContent");
    check("azure", chat, "https://f/models", "https://f/models/chat/completions?api-version=2025-04-01-preview");
    let converse = DialectId::BedrockConverse;
    check("bedrock", converse, "https://b", "https://b/model/m/converse");
    check("bedrock", converse, "https://b/openai/v1", "https://b/model/m/converse");
    let bedrock = builtin().get("bedrock").unwrap();
    assert_eq!(bedrock.speaks(converse, "https://bedrock-mantle.us-east-1.api.aws"), None);
    assert!(bedrock.speaks(chat, "https://b").unwrap().on_request);
    let speaks = bedrock.speaks(converse, "https://b").unwrap();
    let profile = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0";
    assert_eq!(
        url::stream("https://b", speaks, profile, None).as_deref(),
        Some("https://b/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x-v1%3A0/converse-stream")
    );
    check(
        "bedrock",
        chat,
        "https://bedrock-mantle.us-east-1.api.aws",
        "https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions",
    );
}

#[test]
fn models_are_listed_where_the_vendor_lists_them() {
    let check = |name: &str, base: &str, expect: Option<&str>| {
        assert_eq!(url::list(base, builtin().get(name).unwrap()).as_deref(), expect, "{name}");
    };
    check("openai", "https://api.openai.com/v1", Some("https://api.openai.com/v1/models"));
    check("anthropic", "https://api.anthropic.com/v1", Some("https://api.anthropic.com/v1/models"));
    check("ollama", "http://localhost:11434/v1", Some("http://localhost:11434/v1/models"));
    check("ollama", "http://localhost:11434", Some("http://localhost:11434/v1/models"));
    check("gemini", "https://g", Some("https://g/v1beta/models?pageSize=1000"));
    check("gemini", "https://g/v1beta/openai", Some("https://g/v1beta/models?pageSize=1000"));
    check("perplexity", "https://api.perplexity.ai", None);
}
