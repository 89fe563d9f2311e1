//! Parts of an answer as blocks of this dialect, whole; shared by whole answers and streams.

use wire::json::{Json, Kind, Writer};

use super::model::{Family, family};
use super::stop;
use crate::dialect::Asked;
use crate::id::DialectId;
use crate::ir::finish::{Finish, Reason};
use crate::ir::part::{Body, Citation, Opaque, Part};
use crate::loss::Loss;
use crate::members::{own, written};
use crate::object::input;

const HERE: DialectId = DialectId::BedrockConverse;

/// What the writer of an answer knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Teller {
    /// The answer's id, for calls without one.
    id: String,
    /// The model that answers.
    model: String,
}

impl Teller {
    pub(super) fn new(asked: &Asked, model: &str) -> Self {
        let model = if model.is_empty() { asked.model.clone() } else { model.to_owned() };
        Self { id: asked.id.clone(), model }
    }

    /// The block of a part; `None` for an empty text and for what this dialect has no block for.
    pub(super) fn block(&self, part: &Part, at: &str, losses: &mut Vec<Loss>) -> Option<String> {
        let more = |losses: &mut Vec<Loss>| own(HERE, &part.foreign, at, losses);
        Some(match &part.body {
            Body::Text { text, .. } | Body::Refusal(text) if text.is_empty() => {
                more(losses).into_iter().for_each(|(key, _)| losses.push(Loss::dropped(key, at)));
                return None;
            }
            Body::Text { text, citations } if citations.is_empty() => {
                written(&more(losses), |json| _ = json.key("text").str(text))
            }
            Body::Text { text, citations } => {
                let cited: Vec<String> = citations.iter().filter_map(|one| citation(one, at, losses)).collect();
                let inner = written(&more(losses), |json| {
                    json.key("content").array(|json| {
                        json.object(|json| _ = json.key("text").str(text));
                    });
                    json.key("citations").array(|json| cited.iter().for_each(|one| _ = json.raw(one)));
                });
                around("citationsContent", &inner)
            }
            Body::Refusal(text) => {
                losses.push(Loss::approximated("refusal", at));
                written(&more(losses), |json| _ = json.key("text").str(text))
            }
            Body::Reasoning(reasoning) if reasoning.redacted => {
                let data = self.redacted(reasoning.proof.as_ref(), at, losses)?;
                let inner = written(&more(losses), |json| _ = json.key("redactedContent").str(data));
                around("reasoningContent", &inner)
            }
            Body::Reasoning(reasoning) => {
                let signature = self.signature(reasoning.proof.as_ref(), at, losses);
                let inner = written(&more(losses), |json| {
                    json.key("text").str(&reasoning.text);
                    if let Some(signature) = signature {
                        json.key("signature").str(signature);
                    }
                });
                around("reasoningContent", &around("reasoningText", &inner))
            }
            Body::ToolCall(call) => {
                proofless(call.proof.as_ref(), at, losses);
                let (input, exact) = input(&call.arguments);
                if !exact {
                    losses.push(Loss::approximated("arguments", at));
                }
                let inner = written(&more(losses), |json| {
                    json.key("toolUseId").str(&self.call_id(&call.id, at));
                    json.key("name").str(&call.name);
                    json.key("input").raw(input.as_str());
                });
                around("toolUse", &inner)
            }
            Body::Unknown { dialect: HERE, raw, .. } => raw.as_str().to_owned(),
            other => {
                losses.push(Loss::dropped(other.word(), at));
                return None;
            }
        })
    }

    /// The id of a call, made of the answer's id and the call's place where its provider gave none.
    pub(super) fn call_id(&self, own: &str, at: &str) -> String {
        if !own.is_empty() {
            return own.to_owned();
        }
        let good = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
        format!("tooluse_{}_{}", self.id, at.trim_end_matches(']')).chars().map(good).collect()
    }

    /// A signature that its maker, by way of this dialect, will take back: Anthropic's where a Claude answers.
    pub(super) fn signature<'a>(&self, proof: Option<&'a Opaque>, at: &str, losses: &mut Vec<Loss>) -> Option<&'a str> {
        let proof = proof?;
        let own = match proof.origin.dialect {
            HERE => family(&self.model) != Family::Claude,
            DialectId::AnthropicMessages => family(&self.model) == Family::Claude,
            _ => false,
        };
        if !own {
            losses.push(Loss::dropped("reasoning signature", at));
        }
        own.then_some(&*proof.data)
    }

    /// Hidden reasoning in this dialect's own coding.
    pub(super) fn redacted<'a>(&self, proof: Option<&'a Opaque>, at: &str, losses: &mut Vec<Loss>) -> Option<&'a str> {
        let proof = proof.filter(|proof| proof.origin.dialect == HERE && !proof.data.is_empty());
        if proof.is_none() {
            losses.push(Loss::dropped("reasoning signature", at));
        }
        proof.map(|proof| &*proof.data)
    }
}

/// Names the loss of a call's proof, which has no place here.
pub(super) fn proofless(proof: Option<&Opaque>, at: &str, losses: &mut Vec<Loss>) {
    if proof.is_some() {
        losses.push(Loss::dropped("thought_signature", at));
    }
}

/// An object of one member.
pub(super) fn around(member: &str, inner: &str) -> String {
    let mut json = Writer::with_capacity(inner.len() + member.len() + 8);
    json.object(|json| _ = json.key(member).raw(inner));
    json.finish()
}

/// A citation in this dialect's form; one of an address becomes the nearest form, one without either is lost.
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
        if let Some(title) = &citation.title {
            json.key("title").str(title);
        }
        json.key("source").str(url);
        if let Some(quoted) = &citation.quoted {
            json.key("sourceContent").array(|json| {
                json.object(|json| _ = json.key("text").str(quoted));
            });
        }
        json.key("location").object(|json| {
            json.key("web").object(|json| _ = json.key("url").str(url));
        });
    });
    Some(json.finish())
}

/// The stop reason and stop text of an answer. An answer that calls tools says so, whatever its provider called its
/// end, because clients go by it.
pub(super) fn ending<'a>(
    finish: Option<&'a Finish>,
    calls: bool,
    losses: &mut Vec<Loss>,
) -> (&'static str, Option<&'a str>) {
    let reason = finish.map_or(Reason::Stop, |finish| finish.reason);
    let (word, exact) = match (finish, reason) {
        (_, Reason::Stop) if calls => ("tool_use", true),
        (Some(finish), _) => stop::write(finish),
        (None, _) => ("end_turn", true),
    };
    if !exact {
        losses.push(Loss::approximated("finish_reason", "stopReason"));
    }
    (word, finish.and_then(|finish| finish.stop_sequence.as_deref()))
}

/// Writes the stop text where there is one.
pub(super) fn stopped_by(stop_sequence: Option<&str>, json: &mut Writer) {
    if let Some(text) = stop_sequence {
        json.key("additionalModelResponseFields").object(|json| _ = json.key("stop_sequence").str(text));
    }
}

/// What an answer tells of itself that has no place here.
pub(super) fn nameless(id: &str, model: &str, losses: &mut Vec<Loss>) {
    for (word, value) in [("id", id), ("model", model)] {
        if !value.is_empty() {
            losses.push(Loss::dropped(word, word));
        }
    }
}

/// The members of a model's own, less the stop text, which is read.
pub(super) fn more(object: Json<'_>, losses: &mut Vec<Loss>) {
    let key = "additionalModelResponseFields";
    let Some(fields) = object.get(key).and_then(Json::non_null) else { return };
    let known = fields.kind() == Kind::Object && fields.members().all(|(key, _)| key == "stop_sequence");
    if !known {
        losses.push(Loss::dropped(key, key));
    }
}
