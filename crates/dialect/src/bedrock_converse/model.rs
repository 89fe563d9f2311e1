//! What a model behind Converse can do, told from its id.

use crate::anthropic_messages::model::{abilities, version};

/// Whose model it is, as far as Converse treats it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's Claude.
    Claude,
    /// Amazon's Nova.
    Nova,
    /// OpenAI's open models.
    GptOss,
    /// Alibaba's Qwen.
    Qwen,
    /// Any other.
    Other,
}

/// The family of a model id: bare, an inference profile or an address of either.
pub(super) fn family(id: &str) -> Family {
    let id = id.to_ascii_lowercase();
    match () {
        () if id.contains("claude") => Family::Claude,
        () if id.contains("amazon.nova") => Family::Nova,
        () if id.contains("gpt-oss") => Family::GptOss,
        () if id.contains("qwen.") => Family::Qwen,
        () => Family::Other,
    }
}

/// Open models that hold an answer to a schema. Source: AWS, "Get validated JSON results from models".
const STRUCTURED: &[&str] = &[
    "qwen3",
    "gpt-oss",
    "deepseek.v3",
    "kimi",
    "minimax",
    "mistral-large-3",
    "ministral",
    "magistral",
    "nemotron",
    "gemma",
    "zai.glm",
];

/// Whether it holds an answer, and strict tools, to a schema by itself.
pub(super) fn is_structured(id: &str) -> bool {
    let lower = id.to_ascii_lowercase();
    abilities(id).structured || STRUCTURED.iter().any(|word| lower.contains(word))
}

/// Models of makers none of whose take `cachePoint`.
const WITHOUT_CACHE: &[&str] = &[
    "meta.",
    "mistral.",
    "cohere.",
    "ai21.",
    "deepseek.",
    "openai.",
    "qwen.",
    "amazon.titan",
    "moonshot",
    "minimax",
    "google.",
    "nvidia.",
    "writer.",
    "zai.",
];

/// Whether a prompt-cache mark may be sent, and whether with an hour's lifetime (Claude from 4.5 on). A model that
/// is not known takes both.
pub(super) fn caches(id: &str) -> (bool, bool) {
    let lower = id.to_ascii_lowercase();
    match family(id) {
        Family::Claude => (true, version(id).is_none_or(|version| version >= (4, 5))),
        Family::Nova => (true, false),
        _ => {
            let takes = !WITHOUT_CACHE.iter().any(|maker| lower.contains(maker));
            (takes, takes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_what_its_model_can_do() {
        for (id, expected, structured, marks) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Family::Claude, true, (true, true)),
            ("anthropic.claude-3-7-sonnet-20250219-v1:0", Family::Claude, false, (true, false)),
            ("global.amazon.nova-2-lite-v1:0", Family::Nova, false, (true, false)),
            ("openai.gpt-oss-120b-1:0", Family::GptOss, true, (false, false)),
            ("us.meta.llama3-3-70b-instruct-v1:0", Family::Other, false, (false, false)),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Family::Other, false, (true, true)),
        ] {
            assert_eq!((family(id), is_structured(id), caches(id)), (expected, structured, marks), "{id}");
        }
    }
}
