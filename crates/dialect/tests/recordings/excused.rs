//! Exchanges that fail a check, each with the reason why it may.

use super::Check;

/// Exchanges that fail a check, each with the reason why it may.
pub(crate) const EXCUSED: &[(Check, &str, &str)] = &[
    (
        Check::Request,
        "anthropic/anthropic-messages--anthropic-completion-error-56543",
        "an invalid request, which the provider refuses too",
    ),
    (
        Check::Metered,
        "anthropic/anthropic-messages--anthropic-stream-overloaded-details-null-d4459",
        "the stream fails, in band",
    ),
    (
        Check::Stream,
        "anthropic/anthropic-messages--anthropic-stream-overloaded-details-null-d4459",
        "the stream fails, in band",
    ),
    (
        Check::Stream,
        "anthropic/anthropic-messages--fixtures-spliced-message-start-b4566",
        "two streams spliced into one, by a broken proxy: refused as `bad_answer`",
    ),
    (
        Check::Metered,
        "azure/openai-chat--azure-chat-completion-streamed-7a142",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (
        Check::Metered,
        "azure/openai-chat--test-prompt-content-filtering-with-events-with-no-content-caa9f#0",
        "the body of a 200 is the refusal of a content filter",
    ),
    (
        Check::Whole,
        "azure/openai-chat--test-prompt-content-filtering-with-events-with-no-content-caa9f#0",
        "the body of a 200 is the refusal of a content filter",
    ),
    (
        Check::Metered,
        "gemini/gemini--gemini-tts-flash-1-1-d87f7",
        "the answer was trimmed by hand: it holds no finish reason and no usage",
    ),
    (
        Check::Metered,
        "gemini/gemini--test-generate-content-with-file-uri-image-false-99294",
        "the prompt's count is missing from the usage",
    ),
    (
        Check::Metered,
        "gemini/gemini--test-generate-content-with-file-uri-image-true-eaa3f",
        "the prompt's count is missing from the usage",
    ),
    (
        Check::Metered,
        "groq/openai-chat--groq-stream-with-tools-1-f45e4",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (
        Check::Metered,
        "groq/openai-chat--groq-stream-with-tools-2-55a0f",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (Check::Metered, "groq/openai-chat--test-tool-use-failed-error-streaming-e44d0#0", "the stream fails, in band"),
    (Check::Stream, "groq/openai-chat--test-tool-use-failed-error-streaming-e44d0#0", "the stream fails, in band"),
    (
        Check::Request,
        "ollama/anthropic-messages--cf0be7f9e2ebfc78903aa4ada30204585952f77bc5acb3ff7702bd7878d44b44-json-8ca58",
        "an invalid request, which the provider refuses too",
    ),
    (
        Check::Metered,
        "openai/openai-chat--chat-streaming-web-search-01d07",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (
        Check::Metered,
        "openai/openai-chat--gpt-image-response-format-error-874d0",
        "an error body, recorded without its status",
    ),
    (
        Check::Whole,
        "openai/openai-chat--gpt-image-response-format-error-874d0",
        "an error body, recorded without its status",
    ),
    (
        Check::Metered,
        "openai/openai-chat--reasoning-model-temperature-error-37ff8",
        "an error body, recorded without its status",
    ),
    (
        Check::Whole,
        "openai/openai-chat--reasoning-model-temperature-error-37ff8",
        "an error body, recorded without its status",
    ),
    (
        Check::Metered,
        "openai/openai-chat--test-async-chat-completion-streaming-not-complete-6771b",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (Check::Metered, "openai/openai-chat--test-instrumentor-test-llm-with-tools-dcb0f#1", "no answer was recorded"),
    (
        Check::Metered,
        "openrouter/openai-chat--openrouter-text-missing-usage-1-f96dc",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (
        Check::Metered,
        "openrouter/openai-chat--structured-missing-usage-1-a6ff5",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (Check::Metered, "openrouter/openai-chat--test-openrouter-stream-error-076be", "the stream fails, in band"),
    (Check::Stream, "openrouter/openai-chat--test-openrouter-stream-error-076be", "the stream fails, in band"),
    (
        Check::Metered,
        "snowflake/openai-chat--test-snowflake-model-streaming-da65b",
        "Snowflake writes an empty `finish_reason`",
    ),
    (
        Check::Metered,
        "snowflake/openai-chat--test-snowflake-native-output-c41c2",
        "Snowflake writes an empty `finish_reason`",
    ),
    (
        Check::Metered,
        "snowflake/openai-chat--test-snowflake-test-snowflake-llama-abf10",
        "Snowflake writes an empty `finish_reason`",
    ),
    (
        Check::Metered,
        "snowflake/openai-chat--test-snowflake-thinking-ca0b6#0",
        "Snowflake writes an empty `finish_reason`",
    ),
    (
        Check::Metered,
        "snowflake/openai-chat--test-snowflake-thinking-ca0b6#1",
        "Snowflake writes an empty `finish_reason`",
    ),
    (
        Check::Metered,
        "vertex/gemini--test-google-model-armor-prompt-template-text-gets-blocked-58012",
        "a blocked prompt, of which no tokens are told",
    ),
    (
        Check::Metered,
        "vllm/openai-chat--test-openai-chat-completion-with-tools-and-streaming-txt-vllm-qwen-qwen3-0-6b-c1448",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (
        Check::Metered,
        "xai/openai-chat--stream-with-reasoning-responses-1-dbcfe",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (
        Check::Metered,
        "xai/openai-chat--stream-with-tools-responses-1-a2cda",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
    (
        Check::Metered,
        "xai/openai-chat--stream-with-tools-responses-2-5bb6c",
        "the answer holds no usage: nobody asked for it, or the collector left it out",
    ),
];
