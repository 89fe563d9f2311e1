//! Writes answers in OpenAI's chat dialect: whole bodies, stream frames and errors.
//!
//! Shapes as in OpenAI's API reference, "Create chat completion"; `reasoning_content` as DeepSeek has it.

use wire::json::Writer;

use super::luck::Fate;
use super::reply::{Call, Reply, Usage, count};
use super::stream::Pieces;

/// About how many bytes one content frame carries: a token or two.
const FRAME: usize = 6;
/// About how many bytes of arguments one frame carries.
const ARGUMENTS: usize = 24;

/// What every frame of an answer repeats.
#[derive(Debug)]
pub(super) struct Stamp {
    /// The answer's id.
    pub(super) id: String,
    /// Unix seconds.
    pub(super) created: u64,
    /// The model.
    pub(super) model: &'static str,
}

impl Stamp {
    fn write(&self, object: &str, json: &mut Writer) {
        json.key("id").str(&self.id).key("object").str(object).key("created").u64(self.created);
        json.key("model").str(self.model).key("system_fingerprint").str("fp_simulated");
    }
}

/// An error's body.
pub(super) fn error(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("error").object(|json| {
            json.key("message").str(message).key("type").str(kind).key("param");
            maybe(param, json);
            json.key("code");
            maybe(code, json);
        });
    });
    json.finish()
}

fn maybe(text: Option<&str>, json: &mut Writer) {
    match text {
        Some(text) => json.str(text),
        None => json.null(),
    };
}

/// Status and body of a fate that is an error.
pub(super) fn failure(fate: Fate, model: &str) -> Option<(u16, String)> {
    let (status, what, kind, code) = match fate {
        Fate::Ok | Fate::Cut => return None,
        Fate::RateLimited => (429, "has reached its rate limit", "requests", Some("rate_limit_exceeded")),
        Fate::ServerError => (500, "had an error while it processed the request", "server_error", None),
        Fate::Overloaded => (503, "is overloaded", "server_error", Some("overloaded")),
    };
    let message = format!("The simulated model `{model}` {what}. Try again in a moment.");
    Some((status, error(&message, kind, None, code)))
}

/// A whole answer.
pub(super) fn whole(reply: &Reply, stamp: &Stamp) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        stamp.write("chat.completion", json);
        json.key("choices").array(|json| {
            json.object(|json| {
                json.key("index").u64(0).key("message").object(|json| {
                    json.key("role").str("assistant").key("content");
                    maybe(reply.text.as_deref(), json);
                    if !reply.reasoning.is_empty() {
                        json.key("reasoning_content").str(&reply.reasoning);
                    }
                    if !reply.calls.is_empty() {
                        json.key("tool_calls").array(|json| reply.calls.iter().for_each(|call| whole_call(call, json)));
                    }
                    json.key("refusal").null();
                });
                json.key("logprobs").null().key("finish_reason").str(reply.finish);
            });
        });
        json.key("usage");
        usage(reply.usage, json);
    });
    json.finish()
}

fn whole_call(call: &Call, json: &mut Writer) {
    json.object(|json| {
        json.key("id").str(&call.id).key("type").str("function").key("function").object(|json| {
            json.key("name").str(&call.name).key("arguments").str(&call.arguments);
        });
    });
}

fn usage(usage: Usage, json: &mut Writer) {
    json.object(|json| {
        json.key("prompt_tokens").u64(usage.prompt).key("completion_tokens").u64(usage.completion);
        json.key("total_tokens").u64(usage.prompt.saturating_add(usage.completion));
        json.key("prompt_tokens_details").object(|json| {
            json.key("cached_tokens").u64(0);
        });
        json.key("completion_tokens_details").object(|json| {
            json.key("reasoning_tokens").u64(usage.reasoning);
        });
    });
}

/// A streamed answer: role, thoughts, text, calls, the finish reason, usage where asked for, the end.
pub(super) fn frames(reply: &Reply, stamp: &Stamp, include_usage: bool, pieces: &mut Pieces) {
    let frame = |tokens: u64, finish: Option<&str>, delta: &dyn Fn(&mut Writer), pieces: &mut Pieces| {
        let mut json = Writer::new();
        json.object(|json| {
            stamp.write("chat.completion.chunk", json);
            json.key("choices").array(|json| {
                json.object(|json| {
                    json.key("index").u64(0).key("delta").object(|json| delta(json));
                    json.key("logprobs").null().key("finish_reason");
                    maybe(finish, json);
                });
            });
            if include_usage {
                json.key("usage").null();
            }
        });
        pieces.push(format!("data: {}\n\n", json.finish()), tokens);
    };
    let role = |json: &mut Writer| {
        json.key("role").str("assistant").key("content");
        maybe(reply.text.as_ref().map(|_| ""), json);
    };
    frame(0, None, &role, pieces);
    for part in parts(&reply.reasoning, FRAME) {
        let delta = |json: &mut Writer| {
            json.key("reasoning_content").str(part);
        };
        frame(count(part), None, &delta, pieces);
    }
    for part in parts(reply.text.as_deref().unwrap_or_default(), FRAME) {
        let delta = |json: &mut Writer| {
            json.key("content").str(part);
        };
        frame(count(part), None, &delta, pieces);
    }
    for (index, call) in (0..).zip(&reply.calls) {
        frame(0, None, &|json| first_call(index, call, json), pieces);
        for part in parts(&call.arguments, ARGUMENTS) {
            frame(count(part), None, &|json| more_call(index, part, json), pieces);
        }
    }
    frame(0, Some(reply.finish), &|_| {}, pieces);
    if include_usage {
        let mut json = Writer::new();
        json.object(|json| {
            stamp.write("chat.completion.chunk", json);
            json.key("choices").array(|_| {}).key("usage");
            usage(reply.usage, json);
        });
        pieces.push(format!("data: {}\n\n", json.finish()), 0);
    }
    pieces.push("data: [DONE]\n\n".to_owned(), 0);
}

fn first_call(index: u64, call: &Call, json: &mut Writer) {
    json.key("tool_calls").array(|json| {
        json.object(|json| {
            json.key("index").u64(index).key("id").str(&call.id).key("type").str("function");
            json.key("function").object(|json| {
                json.key("name").str(&call.name).key("arguments").str("");
            });
        });
    });
}

fn more_call(index: u64, part: &str, json: &mut Writer) {
    json.key("tool_calls").array(|json| {
        json.object(|json| {
            json.key("index").u64(index).key("function").object(|json| {
                json.key("arguments").str(part);
            });
        });
    });
}

/// Cuts a text into parts of at least so many bytes (but for the last), at spaces where there are any soon.
fn parts(text: &str, least: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let from = rest.ceil_char_boundary(least);
        let space = rest.get(from..).and_then(|tail| tail.find(' ')).filter(|space| *space < least);
        let (part, tail) = rest.split_at_checked(from + space.unwrap_or(0)).unwrap_or((rest, ""));
        rest = tail;
        Some(part)
    })
}
