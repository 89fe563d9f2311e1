//! The simulated provider: answers like a model, without any network, account or cost.
//!
//! It speaks OpenAI's chat dialect, whole and streamed, at a model's latency and pace, calls tools and fits
//! schemas, and fails in the ways that providers fail. What it says names itself as simulated.
//!
//! A body may say what shall happen, on any of the models: `"metadata": {"simulate": "rate_limited"}` (or
//! `server_error`, `overloaded`, `cut`, `ok`). A body with a `seed` meets the same luck each time.

mod fit;
mod luck;
mod model;
mod reply;
mod request;
mod stream;
mod write;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use wire::json::Document;

pub use model::{MODELS, prices};
pub use stream::Stream;

use crate::env;
use crate::upstream::body::UpBody;
use crate::upstream::client::Answer;
use luck::{Fate, Luck};
use reply::Reply;
use request::Chat;
use stream::Pieces;
use write::Stamp;

/// Answers a chat request: status and headers at once, the body after the model's latency and at its pace.
#[must_use]
pub fn answer(model: &str, body: &Bytes) -> Answer {
    let Some(model) = model::find(model) else {
        let known = MODELS.join(", ");
        let message = format!("The simulated provider has no model `{model}`. It has {known}.");
        return refuse(404, &write::error(&message, "invalid_request_error", Some("model"), Some("model_not_found")));
    };
    let read = Document::parse(body.clone());
    let chat = match &read {
        Ok(document) => Chat::read(document),
        Err(error) => Err(request::Wrong { message: format!("The body cannot be read: {error}."), param: None }),
    };
    let chat = match chat {
        Ok(chat) => chat,
        Err(wrong) => {
            let body = write::error(&wrong.message, "invalid_request_error", wrong.param, None);
            return refuse(400, &body);
        }
    };
    let mut luck = Luck::of(body, chat.seeded);
    let fate = chat.simulate.unwrap_or_else(|| luck.fate(model.failing));
    if let Some((status, body)) = write::failure(fate, model.id) {
        return refuse(status, &body);
    }
    let reply = Reply::to(&chat, model, &mut luck);
    let stamp = Stamp { id: format!("chatcmpl-{:016x}", env::roll()), created: env::unix_seconds(), model: model.id };
    let mut pieces = Pieces::new(luck.around(model.latency), model.pace);
    if chat.stream {
        write::frames(&reply, &stamp, chat.include_usage, &mut pieces);
    } else {
        pieces.whole(write::whole(&reply, &stamp), reply.usage.completion);
    }
    if fate == Fate::Cut {
        pieces.cut();
    }
    let kind = if chat.stream { "text/event-stream; charset=utf-8" } else { "application/json" };
    Answer { status: 200, headers: headers(kind), body: UpBody::made(pieces.start(env::instant())) }
}

/// An answer with an error in it, at once.
fn refuse(status: u16, body: &str) -> Answer {
    let mut headers = headers("application/json");
    if status == 429 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let body = UpBody::made(Stream::at_once(Bytes::copy_from_slice(body.as_bytes()), env::instant()));
    Answer { status, headers, body }
}

fn headers(kind: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Hexadecimal digits are always a valid header value.
    if let Ok(id) = HeaderValue::try_from(format!("req_{:016x}", env::roll())) {
        headers.insert("x-request-id", id);
    }
    headers
}

#[cfg(test)]
mod tests;
