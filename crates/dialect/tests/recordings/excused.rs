//! Checks that recorded exchanges fail, and why they may.

use super::Check;

/// Exchanges that fail a check, each with the reason why it may.
pub(super) const EXCUSED: &[(Check, &str, &str)] = &[
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
        "llamacpp/openai-chat--multimodal-matrix-malformed-data-uri-7185e",
        "an invalid request, which the provider refuses too",
    ),
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
    (
        Check::Request,
        "openai/openai-chat--cassettes-chat-bad-request-f48a6",
        "an invalid request, which the provider refuses too",
    ),
    (
        Check::Request,
        "openai/openai-conversations--test-openai-conversation-id-preserves-mismatched-history-567cf#1",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-conversations--test-openai-conversation-id-streaming-provider-details-1ac74#1",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-conversations--test-openai-conversation-id-tool-call-continuation-3a085#1",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-conversations--test-openai-conversation-id-tool-call-continuation-3a085#2",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Identical,
        "openai/openai-responses--openai-responses-post-2f619a5a-23753",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Request,
        "openai/openai-responses--openai-responses-post-2f619a5a-23753",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Identical,
        "openai/openai-responses--openai-responses-post-366d3599-2edf3",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Request,
        "openai/openai-responses--openai-responses-post-366d3599-2edf3",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Identical,
        "openai/openai-responses--openai-responses-post-a18222ed-ac5a8",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Request,
        "openai/openai-responses--openai-responses-post-a18222ed-ac5a8",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Identical,
        "openai/openai-responses--response-with-mixed-prompt-url-preserved-c98f8",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Request,
        "openai/openai-responses--response-with-mixed-prompt-url-preserved-c98f8",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Identical,
        "openai/openai-responses--v1-response-with-prompt-ef775",
        "a stored prompt names the model where only its provider sees it",
    ),
    (
        Check::Request,
        "openai/openai-responses--v1-response-with-prompt-ef775",
        "a stored prompt names the model where only its provider sees it",
    ),
    (Check::Metered, "openai/openai-responses--openai-stream-rate-limited-1-09fc5", "the stream fails, in band"),
    (Check::Stream, "openai/openai-responses--openai-stream-rate-limited-1-09fc5", "the stream fails, in band"),
    (Check::Metered, "openai/openai-responses--stream-unknown-error-responses-1-2a9ce", "the stream fails, in band"),
    (Check::Stream, "openai/openai-responses--stream-unknown-error-responses-1-2a9ce", "the stream fails, in band"),
    (
        Check::Request,
        "openai/openai-responses--response-identity-edge-previous-response-id-chain-keeps-axes-distinct-1303b#1",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-agent-with-tool-calls-b709a#1",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-openai-previous-response-id-36a4e#1",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-openai-previous-response-id-auto-mode-2e899",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-openai-responses-api-auto-chain-integration-3e404#1",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-openai-responses-compact-stateful-mode-1f290#3",
        "it refers to what its provider keeps, which no other can: refused",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-background-mode-reasoning-vcr-f9231#0",
        "a background request, whose answer its provider keeps: refused",
    ),
    (
        Check::Metered,
        "openai/openai-responses--test-background-mode-reasoning-vcr-f9231#0",
        "a background answer, which is not done",
    ),
    (
        Check::Whole,
        "openai/openai-responses--test-background-mode-reasoning-vcr-f9231#0",
        "a background answer, which is not done",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-background-mode-streaming-without-starting-after-vcr-f42c3#0",
        "a background request, whose answer its provider keeps: refused",
    ),
    (
        Check::Metered,
        "openai/openai-responses--test-background-mode-streaming-without-starting-after-vcr-f42c3#0",
        "a background answer, which is not done",
    ),
    (
        Check::Whole,
        "openai/openai-responses--test-background-mode-streaming-without-starting-after-vcr-f42c3#0",
        "a background answer, which is not done",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-background-mode-with-tool-vcr-823db#0",
        "a background request, whose answer its provider keeps: refused",
    ),
    (
        Check::Metered,
        "openai/openai-responses--test-background-mode-with-tool-vcr-823db#0",
        "a background answer, which is not done",
    ),
    (
        Check::Whole,
        "openai/openai-responses--test-background-mode-with-tool-vcr-823db#0",
        "a background answer, which is not done",
    ),
    (
        Check::Request,
        "openai/openai-responses--test-background-mode-with-tool-vcr-823db#2",
        "a background request, whose answer its provider keeps: refused",
    ),
    (
        Check::Metered,
        "openai/openai-responses--test-background-mode-with-tool-vcr-823db#2",
        "a background answer, which is not done",
    ),
    (
        Check::Whole,
        "openai/openai-responses--test-background-mode-with-tool-vcr-823db#2",
        "a background answer, which is not done",
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
        "vertex/gemini--test-google-model-armor-prompt-template-text-gets-blocked-58012",
        "a blocked prompt, of which no tokens are told",
    ),
    (Check::Metered, "cohere/cohere-v2--cassettes-test-sql-agent-6d12a#0", "the stream fails, in band"),
    (Check::Stream, "cohere/cohere-v2--cassettes-test-sql-agent-6d12a#0", "the stream fails, in band"),
    (Check::Metered, "cohere/cohere-v2--cassettes-test-sql-agent-6d12a#1", "the stream fails, in band"),
    (Check::Stream, "cohere/cohere-v2--cassettes-test-sql-agent-6d12a#1", "the stream fails, in band"),
];
