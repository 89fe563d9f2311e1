//! OpenAI's realtime events, as far as the gateway must know them: what was used, which models transcribe, and how an
//! error is told. Everything else passes unread.
//!
//! Source: OpenAI's API reference of realtime client and server events, in its current and its beta form.

use std::borrow::Cow;

use wire::json::{Document, Json, Kind, Writer};

use crate::dialect::Dialect as _;
use crate::fault::Fault;
use crate::openai_chat::OpenAiChat;
use crate::outcome::Outcome;
use crate::usage::{Source, Unit, Usage};

/// What a server's event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The session, as it is now.
    Session {
        /// Its id.
        id: Option<String>,
        /// The model that writes down what is said to it.
        transcribes: Option<String>,
    },
    /// A response begins.
    Began {
        /// Its id.
        id: String,
    },
    /// A response is done.
    Done {
        /// Its id.
        id: String,
        /// How it ended.
        outcome: Outcome,
        /// What it used.
        usage: Box<Usage>,
    },
    /// What was said was written down.
    Transcribed {
        /// What that used.
        usage: Box<Usage>,
    },
    /// An error, which may quote what was sent.
    Failed,
    /// Nothing to know.
    Other,
}

/// Reads a server's event. Texts that are no event tell nothing.
#[must_use]
pub fn hear(text: &str) -> Heard {
    let Some(kind) = kind(text) else { return Heard::Other };
    let event = || Json::parse(text).ok();
    match &*kind {
        "session.created" | "session.updated" | "transcription_session.created" | "transcription_session.updated" => {
            let Some(session) = event().and_then(|event| event.get("session")) else { return Heard::Other };
            let id = session.get("id").and_then(Json::as_str).map(Cow::into_owned);
            Heard::Session { id, transcribes: transcribes(session) }
        }
        "response.created" => match event().and_then(|event| word(event.at(&["response", "id"])?)) {
            Some(id) => Heard::Began { id },
            None => Heard::Other,
        },
        "response.done" => match event().and_then(|event| event.get("response")) {
            Some(response) => Heard::Done {
                id: response.get("id").and_then(word).unwrap_or_default(),
                outcome: outcome(response),
                usage: Box::new(response.get("usage").map_or_else(Usage::unknown, usage)),
            },
            None => Heard::Other,
        },
        "conversation.item.input_audio_transcription.completed" => {
            let told = event().and_then(|event| event.get("usage"));
            Heard::Transcribed { usage: Box::new(told.map_or_else(Usage::unknown, usage)) }
        }
        "error" => Heard::Failed,
        _ => Heard::Other,
    }
}

/// The model that a client's event chooses for writing down what is said.
#[must_use]
pub fn chosen(text: &str) -> Option<String> {
    match &*kind(text)? {
        "session.update" | "transcription_session.update" => transcribes(Json::parse(text).ok()?.get("session")?),
        _ => None,
    }
}

/// The `type` of an event; looks no further than it must.
fn kind(text: &str) -> Option<Cow<'_, str>> {
    Json::walk(text).find(|(key, _)| key == "type").and_then(|(_, value)| value.as_str())
}

fn word(value: Json<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(Cow::into_owned)
}

fn transcribes(session: Json<'_>) -> Option<String> {
    let current = session.at(&["audio", "input", "transcription", "model"]);
    let beta = || session.at(&["input_audio_transcription", "model"]);
    word(current.or_else(beta)?)
}

fn outcome(response: Json<'_>) -> Outcome {
    let status = response.get("status").and_then(Json::as_str).unwrap_or_default();
    match &*status {
        "cancelled" => Outcome::Cancelled,
        "failed" => {
            let code = response.at(&["status_details", "error", "code"]).and_then(Json::as_str).unwrap_or_default();
            match &*code {
                "rate_limit_exceeded" => Outcome::RateLimited,
                "insufficient_quota" => Outcome::Billing,
                _ => Outcome::ServerError,
            }
        }
        // Cut short by its length or its filter, it is an answer as any.
        _ => Outcome::Ok,
    }
}

/// Reads a usage object: of a response, or of a transcription in tokens or seconds.
fn usage(told: Json<'_>) -> Usage {
    let mut usage = Usage::unknown();
    let of = |name: &str| told.get(name).and_then(Json::as_u64);
    let details = |names: [&str; 2]| names.iter().find_map(|name| told.get(name)).unwrap_or(Json::NULL);
    let seconds = told.get("seconds").and_then(Json::as_number).and_then(seconds);
    if told.kind() != Kind::Object || of("input_tokens").or(of("output_tokens")).or(seconds).is_none() {
        return usage;
    }
    usage.source = Source::Reported;
    usage.raw = Some(told.raw().into());
    if let Some(seconds) = seconds {
        usage.set(Unit::Second, seconds);
        return usage;
    }
    let input = details(["input_token_details", "input_tokens_details"]);
    let count = |object: Json<'_>, name: &str| object.get(name).and_then(Json::as_u64).unwrap_or(0);
    let cached = input.get("cached_tokens_details").unwrap_or(Json::NULL);
    let mut rest = of("input_tokens").unwrap_or(0);
    let mut take = |usage: &mut Usage, unit: Unit, wanted: u64| {
        let taken = wanted.min(rest);
        rest -= taken;
        if taken < wanted {
            usage.notes.push(format!("{unit} exceeds the input tokens left: clamped"));
        }
        if taken > 0 {
            usage.set(unit, taken);
        }
    };
    take(&mut usage, Unit::CacheRead, count(input, "cached_tokens"));
    let fresh = |name: &str| count(input, name).saturating_sub(count(cached, name));
    let told_apart = cached.kind() == Kind::Object || count(input, "cached_tokens") == 0;
    if told_apart {
        take(&mut usage, Unit::AudioIn, fresh("audio_tokens"));
        take(&mut usage, Unit::ImageIn, fresh("image_tokens"));
    } else {
        // Which of them were cached is not said: text first, so that nothing is charged less than it was.
        let text = count(input, "text_tokens").saturating_sub(count(input, "cached_tokens"));
        let audio = rest_of(of("input_tokens").unwrap_or(0), count(input, "cached_tokens"), text);
        take(&mut usage, Unit::AudioIn, audio.min(count(input, "audio_tokens")));
        usage.notes.push("which tokens were cached is not said: text is taken first".to_owned());
    }
    if count(cached, "audio_tokens") > 0 {
        usage.notes.push("cached audio tokens are priced as cached text".to_owned());
    }
    usage.set(Unit::Input, rest);
    let output = details(["output_token_details", "output_tokens_details"]);
    let all = of("output_tokens").unwrap_or(0);
    let audio = count(output, "audio_tokens").min(all);
    if audio > 0 {
        usage.set(Unit::AudioOut, audio);
    }
    usage.set(Unit::Output, all - audio);
    usage
}

fn rest_of(all: u64, cached: u64, text: u64) -> u64 {
    all.saturating_sub(cached).saturating_sub(text)
}

/// Seconds, a part of one counted as one.
fn seconds(number: &str) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    part.bytes().all(|digit| digit.is_ascii_digit()).then_some(())?;
    whole.parse::<u64>().ok()?.checked_add(u64::from(part.bytes().any(|digit| digit != b'0')))
}

/// A failure as the server's event `error`.
#[must_use]
pub fn error(fault: &Fault, request_id: &str) -> String {
    let body = OpenAiChat.write_fault(fault, request_id);
    let mut json = Writer::with_capacity(body.len() + 64);
    json.object(|json| {
        json.key("type").str("error");
        json.key("event_id").str(&format!("event_{}", request_id.replace('-', "")));
        if let Ok(document) = Document::parse(body.into())
            && let Some(error) = document.get("error")
        {
            json.key("error").raw(error.raw());
        }
    });
    json.finish()
}

#[cfg(test)]
mod tests;
