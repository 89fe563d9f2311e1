//! Parts of an answer as blocks of this dialect, whole; shared by whole answers and streams.

use wire::json::Writer;

use super::{signed, stop};
use crate::id::DialectId;
use crate::ir::finish::{Finish, Reason};
use crate::ir::part::{Body, Citation, Opaque, Part};
use crate::loss::Loss;
use crate::object::input;

const HERE: DialectId = DialectId::AnthropicMessages;

/// The block of a part; `None` for an empty text and for what this dialect has no block for. `id` is the
/// answer's, for calls without one.
pub(super) fn block(part: &Part, at: &str, id: &str, losses: &mut Vec<Loss>) -> Option<String> {
    let mut json = Writer::new();
    let mut own = Vec::new();
    for (dialect, key, value) in part.foreign.iter() {
        if dialect == HERE {
            own.push((key, value));
        } else {
            losses.push(Loss::dropped(key.to_owned(), at));
        }
    }
    let home = |json: &mut Writer| {
        for (key, value) in &own {
            json.key(key).raw(value);
        }
    };
    match &part.body {
        Body::Text { text, .. } | Body::Refusal(text) if text.is_empty() => return None,
        Body::Text { text, citations } => {
            let written: Vec<String> =
                citations.iter().filter_map(|citation| self::citation(citation, at, losses)).collect();
            json.object(|json| {
                json.key("type").str("text");
                json.key("text").str(text);
                if !written.is_empty() {
                    json.key("citations").array(|json| {
                        for citation in &written {
                            json.raw(citation);
                        }
                    });
                }
                home(json);
            });
        }
        Body::Refusal(text) => {
            losses.push(Loss::approximated("refusal", at));
            json.object(|json| {
                json.key("type").str("text");
                json.key("text").str(text);
                home(json);
            });
        }
        Body::Reasoning(reasoning) if reasoning.redacted => {
            let proof = proof(reasoning.proof.as_ref(), at, losses)?;
            json.object(|json| {
                json.key("type").str("redacted_thinking");
                json.key("data").str(proof);
                home(json);
            });
        }
        Body::Reasoning(reasoning) => {
            let signature = proof(reasoning.proof.as_ref(), at, losses).unwrap_or_default();
            if reasoning.text.is_empty() && signature.is_empty() {
                return None;
            }
            json.object(|json| {
                json.key("type").str("thinking");
                json.key("thinking").str(&reasoning.text);
                json.key("signature").str(signature);
                home(json);
            });
        }
        Body::ToolCall(call) => {
            let call_id = signed_id(&call_id(&call.id, id, at), call.proof.as_ref(), at, losses);
            let (input, exact) = input(&call.arguments);
            if !exact {
                losses.push(Loss::approximated("arguments", at));
            }
            json.object(|json| {
                json.key("type").str("tool_use");
                json.key("id").str(&call_id);
                json.key("name").str(&call.name);
                json.key("input").raw(input.as_str());
                home(json);
            });
        }
        Body::Unknown { dialect: HERE, raw, .. } => return Some(raw.as_str().to_owned()),
        other => {
            losses.push(Loss::dropped(other.word(), at));
            return None;
        }
    }
    Some(json.finish())
}

/// The id of a call, made of the answer's id and the call's place where its provider gave none.
pub(super) fn call_id(own: &str, answer: &str, at: &str) -> String {
    if !own.is_empty() {
        return own.to_owned();
    }
    let good = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
    format!("toolu_{answer}_{}", at.trim_end_matches(']')).chars().map(good).collect()
}

/// The id of a call with the proof that it carries; a proof that has no place in an id is lost.
pub(super) fn signed_id(id: &str, proof: Option<&Opaque>, at: &str, losses: &mut Vec<Loss>) -> String {
    let Some(proof) = proof else { return id.to_owned() };
    signed::write(id, proof).unwrap_or_else(|| {
        losses.push(Loss::dropped("thought_signature", at));
        id.to_owned()
    })
}

/// A proof that its maker, by way of this dialect, will take back.
pub(super) fn proof<'a>(proof: Option<&'a Opaque>, at: &str, losses: &mut Vec<Loss>) -> Option<&'a str> {
    let proof = proof?;
    if proof.origin.dialect == HERE {
        return Some(&proof.data);
    }
    losses.push(Loss::dropped("reasoning signature", at));
    None
}

/// A citation in this dialect's form. One of an address becomes the nearest form, with an index that no
/// search gave; one without either is lost.
pub(super) fn citation(citation: &Citation, at: &str, losses: &mut Vec<Loss>) -> Option<String> {
    if let Some((HERE, raw)) = &citation.raw {
        return Some(raw.as_str().to_owned());
    }
    let Some(url) = &citation.url else {
        losses.push(Loss::dropped("citations", at));
        return None;
    };
    losses.push(Loss::approximated("citations", at));
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("web_search_result_location");
        json.key("cited_text").str(citation.quoted.as_deref().unwrap_or_default());
        json.key("url").str(url);
        match &citation.title {
            Some(title) => json.key("title").str(title),
            None => json.key("title").null(),
        };
        json.key("encrypted_index").str("");
    });
    Some(json.finish())
}

/// The stop reason and stop text of an answer. An answer that calls tools says so, whatever its provider
/// called its end, because clients go by it.
pub(super) fn ending<'a>(
    finish: Option<&'a Finish>,
    calls: bool,
    refuses: bool,
    losses: &mut Vec<Loss>,
) -> (&'static str, Option<&'a str>) {
    let reason = finish.map_or(Reason::Stop, |finish| finish.reason);
    let (word, exact) = match (finish, reason) {
        (_, Reason::Stop) if calls => ("tool_use", true),
        (_, Reason::Stop) if refuses => ("refusal", true),
        (Some(finish), _) => stop::write(finish),
        (None, _) => ("end_turn", true),
    };
    if !exact {
        losses.push(Loss::approximated("finish_reason", "stop_reason"));
    }
    (word, finish.and_then(|finish| finish.stop_sequence.as_deref()))
}
