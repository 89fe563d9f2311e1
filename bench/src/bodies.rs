//! Request bodies and answers of the bench: realistic chat messages of an exact size, in both dialects.

use clap::ValueEnum;
use serde_json::{Value, json};

/// The dialect a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// OpenAI chat completions.
    Chat,
    /// Anthropic messages.
    Messages,
}

impl Shape {
    /// The path clients post to.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
        }
    }
}

/// How the mock answers a stream; travels inside the last message, so it survives any translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Content chunks, the role, finish and usage chunks not counted.
    pub chunks: u32,
    /// Milliseconds between chunks; 0 sends as fast as the socket takes them.
    pub pace_ms: u32,
}

impl Stream {
    fn marker(self) -> String {
        format!("[[chunks={} pace_ms={}]]", self.chunks, self.pace_ms)
    }

    /// Finds the marker in a request body.
    #[must_use]
    pub fn find(body: &[u8]) -> Option<Self> {
        let start = memchr::memmem::rfind(body, b"[[chunks=")?;
        let text = std::str::from_utf8(body.get(start + 9..)?.split(|b| *b == b']').next()?).ok()?;
        let (chunks, pace) = text.split_once(" pace_ms=")?;
        Some(Self { chunks: chunks.parse().ok()?, pace_ms: pace.parse().ok()? })
    }
}

const SYSTEM: &str = "You are a support assistant of an online shop. Answer briefly, in the customer's language, \
                      and never promise a refund that the \"returns\" policy does not allow.";

const SENTENCES: [&str; 8] = [
    "The parcel arrived on Tuesday but the box was open and one of the two cables is missing. ",
    "I wrote to you last week and was told to wait five working days, which are over now.\n",
    "Could you check whether order 48-2219 was shipped from the same warehouse? ",
    "The invoice says \"paid in full\", while my bank shows two separate charges of 24.90 EUR. ",
    "Thank you, the replacement works; only the caf\u{e9} machine's lid still does not close.\n",
    "Here is what the tracking page shows:\n\t- picked up\n\t- in transit\n\t- returned to sender\n",
    "Please do not send the same form again, I have already filled it in twice. ",
    "If the colour is out of stock I would rather have my money back than wait until March. ",
];

/// Text of at least `bytes` bytes out of ordinary sentences, with the escapes that real text has.
fn prose(start: usize, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 100);
    for sentence in SENTENCES.iter().cycle().skip(start % SENTENCES.len()) {
        if out.len() >= bytes {
            break;
        }
        out.push_str(sentence);
    }
    out
}

/// A request body of exactly `size` bytes where `size` leaves room for one message (about 700), else the smallest.
#[must_use]
pub fn request(shape: Shape, model: &str, size: usize, stream: Option<Stream>) -> Vec<u8> {
    let ending = stream.map(Stream::marker).unwrap_or_default();
    let mut turns: Vec<String> = vec![prose(0, 150), prose(1, 80)];
    // Earlier turns of about 1.5 KB each, in pairs, so that the last one is always the user's.
    let mut written = 2_000;
    while written + 3_200 < size {
        for bytes in [1_500, 1_300] {
            let turn = prose(turns.len(), bytes);
            written += json!(turn).to_string().len() + 40;
            turns.push(turn);
        }
    }
    let last = turns.len();
    turns.push(format!("What can I do? {ending}"));
    let bare = write(shape, model, &turns, stream.is_some());
    if let (Some(turn), Some(missing)) = (turns.get_mut(last), size.checked_sub(bare.len())) {
        let plain = SENTENCES[0].repeat(missing / SENTENCES[0].len() + 1);
        turn.insert_str(0, plain.get(..missing).unwrap_or_default());
    }
    write(shape, model, &turns, stream.is_some())
}

fn write(shape: Shape, model: &str, turns: &[String], stream: bool) -> Vec<u8> {
    let role = |n: usize| if n.is_multiple_of(2) { "user" } else { "assistant" };
    let turns = turns.iter().enumerate().map(|(n, text)| json!({"role": role(n), "content": text}));
    let mut body = match shape {
        Shape::Chat => {
            let system = json!({"role": "system", "content": SYSTEM});
            let messages: Vec<Value> = std::iter::once(system).chain(turns).collect();
            json!({"model": model, "messages": messages, "max_tokens": 256, "temperature": 0.7})
        }
        Shape::Messages => {
            let messages: Vec<Value> = turns.collect();
            json!({"model": model, "system": SYSTEM, "messages": messages, "max_tokens": 256, "temperature": 0.7})
        }
    };
    if let Some(map) = body.as_object_mut().filter(|_| stream) {
        map.insert("stream".to_owned(), json!(true));
        if shape == Shape::Chat {
            map.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
    }
    body.to_string().into_bytes()
}

/// The text of whole answers, of a size that makes the chat answer about 700 bytes.
const ANSWER: &str = "I am sorry about the missing cable. I have asked the warehouse for a replacement, which \
                      leaves today and needs two working days. You need not send anything back.";

/// A whole answer with usage.
#[must_use]
pub fn answer(shape: Shape) -> Vec<u8> {
    match shape {
        Shape::Chat => json!({
            "id": "chatcmpl-C4Hq5a6K3RaPMymUv70btQNYv6SvY", "object": "chat.completion", "created": 1_755_137_921,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "logprobs": null, "finish_reason": "stop",
                "message": {"role": "assistant", "content": ANSWER, "refusal": null, "annotations": []}}],
            "usage": chat_usage(), "service_tier": "default", "system_fingerprint": "fp_0611516fca"
        }),
        Shape::Messages => json!({
            "id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant",
            "model": "claude-haiku-4-5-20251001", "content": [{"type": "text", "text": ANSWER}],
            "stop_reason": "end_turn", "stop_sequence": null, "usage": messages_usage(38)
        }),
    }
    .to_string()
    .into_bytes()
}

fn chat_usage() -> Value {
    json!({"prompt_tokens": 212, "completion_tokens": 38, "total_tokens": 250,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}})
}

fn messages_usage(output: u32) -> Value {
    json!({"input_tokens": 212, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "service_tier": "standard"})
}

/// The frames of a stream: those before the content, one content frame to repeat, those after it.
#[must_use]
pub fn frames(shape: Shape, with_usage: bool) -> (Vec<Vec<u8>>, Vec<u8>, Vec<Vec<u8>>) {
    match shape {
        Shape::Chat => {
            let chunk = |choices: Value, usage: Option<Value>| {
                let mut body = json!({"id": "chatcmpl-C4Hq5a6K3RaPMymUv70btQNYv6SvY", "object": "chat.completion.chunk",
                    "created": 1_755_137_921, "model": "gpt-4o-mini-2024-07-18", "service_tier": "default",
                    "system_fingerprint": "fp_0611516fca", "choices": choices});
                if let (Some(map), true) = (body.as_object_mut(), with_usage) {
                    map.insert("usage".to_owned(), usage.unwrap_or(Value::Null));
                }
                format!("data: {body}\n\n").into_bytes()
            };
            let choice = |delta: Value, finish: Option<&str>| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
            let first = chunk(choice(json!({"role": "assistant", "content": "", "refusal": null}), None), None);
            let content = chunk(choice(json!({"content": " replacement"}), None), None);
            let mut last = vec![chunk(choice(json!({}), Some("stop")), None)];
            if with_usage {
                last.push(chunk(json!([]), Some(chat_usage())));
            }
            last.push(b"data: [DONE]\n\n".to_vec());
            (vec![first], content, last)
        }
        Shape::Messages => {
            let event = |body: Value| {
                format!("event: {}\ndata: {body}\n\n", body["type"].as_str().unwrap_or_default()).into_bytes()
            };
            let start = json!({"type": "message_start", "message": {"id": "msg_01XFDUDYJgAACzvnptvVoYEL",
                "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001", "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": messages_usage(1)}});
            let block =
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
            let delta = json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": " replacement"}});
            let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {"output_tokens": 38}});
            let last = vec![
                event(json!({"type": "content_block_stop", "index": 0})),
                event(end),
                event(json!({"type": "message_stop"})),
            ];
            (vec![event(start), event(block)], event(delta), last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_the_size_asked_for() {
        for shape in [Shape::Chat, Shape::Messages] {
            for size in [1_000, 100_000] {
                let body = request(shape, "mock/gpt-4o-mini", size, None);
                assert_eq!(body.len(), size, "{shape:?}");
                let value: Value = serde_json::from_slice(&body).unwrap_or_default();
                let messages = value["messages"].as_array().map_or(0, Vec::len);
                assert!(messages >= 3 && (size < 2_000 || messages > 50), "{shape:?} {size}: {messages}");
                assert_eq!(value["messages"][messages - 1]["role"], "user");
            }
        }
    }

    #[test]
    fn the_answer_is_about_700_bytes() {
        assert!((650..750).contains(&answer(Shape::Chat).len()), "{}", answer(Shape::Chat).len());
    }

    #[test]
    fn the_marker_is_found_again() {
        let stream = Stream { chunks: 100, pace_ms: 10 };
        assert_eq!(Stream::find(&request(Shape::Messages, "m", 1_000, Some(stream))), Some(stream));
        assert_eq!(Stream::find(&request(Shape::Chat, "m", 1_000, None)), None);
    }
}
