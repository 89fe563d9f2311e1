//! Parts of an answer as parts of this dialect; shared by whole answers and streams.

use wire::json::Writer;

use super::ground::{self, Cited};
use super::turns::{Blob, args};
use crate::id::DialectId;
use crate::ir::part::{Body, Citation, Opaque, Part, ToolCall};
use crate::loss::Loss;

const HERE: DialectId = DialectId::Gemini;

/// What was said last: parts of one kind run into one another.
#[derive(Debug, Default)]
enum Last {
    #[default]
    Nothing,
    Text,
    /// Reasoning without a proof, and its place.
    Thought(String),
}

/// One candidate as it is written.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// Everything visible so far.
    text: String,
    /// Runs of text, each with the places of its parts.
    runs: Vec<Vec<String>>,
    /// Citations, each with the run it stands on.
    cited: Vec<(usize, Cited)>,
    last: Last,
    /// It calls tools.
    pub(super) calls: bool,
}

impl Voice {
    /// More visible text of the part at a place.
    pub(super) fn say(&mut self, text: &str, at: &str) {
        if !matches!(self.last, Last::Text) {
            self.runs.push(Vec::new());
            self.last = Last::Text;
        }
        self.text.push_str(text);
        if let Some(run) = self.runs.last_mut()
            && run.last().is_none_or(|last| last != at)
        {
            run.push(at.to_owned());
        }
    }

    /// A citation on the text of a place.
    pub(super) fn cite(&mut self, citation: &Citation, at: &str) {
        self.say("", at);
        self.cited.push((self.runs.len(), (at.to_owned(), citation.clone())));
    }

    /// A part of reasoning begins. It runs on from one without a proof.
    pub(super) fn think(&mut self, at: &str, losses: &mut Vec<Loss>) {
        if let Last::Thought(before) = std::mem::replace(&mut self.last, Last::Thought(at.to_owned())) {
            losses.push(Loss::approximated("reasoning", before));
            losses.push(Loss::approximated("reasoning", at));
        }
    }

    /// Something that nothing runs into.
    pub(super) fn pause(&mut self) {
        self.last = Last::Nothing;
    }

    /// The candidate's grounding: everything it cites, which stands on its last text.
    pub(super) fn grounding(&mut self, losses: &mut Vec<Loss>) -> Option<String> {
        let last = self.runs.len();
        if self.cited.iter().any(|(run, _)| *run != last) {
            let places = self.cited.iter().map(|(_, (at, _))| at).chain(self.runs.last().into_iter().flatten());
            losses.extend(places.map(|at| Loss::approximated("citations", at.clone())));
        }
        let cited: Vec<Cited> = std::mem::take(&mut self.cited).into_iter().map(|(_, cited)| cited).collect();
        ground::write(&cited, &self.text, losses)
    }

    /// A whole part; `None` for an empty one and for what this dialect has no part for.
    pub(super) fn part(&mut self, part: &Part, at: &str, losses: &mut Vec<Loss>) -> Option<String> {
        if part.cache.is_some() {
            losses.push(Loss::dropped("cache_control", at));
        }
        let mut own = Vec::new();
        for (dialect, key, value) in part.foreign.iter() {
            match dialect {
                HERE => own.push((key, value)),
                _ => losses.push(Loss::dropped(key.to_owned(), at)),
            }
        }
        if matches!(&part.body, Body::Text { citations, .. } if !citations.is_empty()) {
            // What is cited stands on a text that comes in increments.
            losses.extend(own.drain(..).map(|(key, _)| Loss::dropped(key.to_owned(), at)));
        }
        let ready = |members: &dyn Fn(&mut Writer)| {
            let mut json = Writer::new();
            json.object(|json| {
                members(json);
                for (key, value) in &own {
                    json.key(key).raw(value);
                }
            });
            Some(json.finish())
        };
        match &part.body {
            Body::Text { text, .. } | Body::Refusal(text) => {
                if matches!(part.body, Body::Refusal(_)) {
                    losses.push(Loss::approximated("refusal", at));
                }
                if let Body::Text { citations, .. } = &part.body {
                    self.say(text, at);
                    citations.iter().for_each(|citation| self.cite(citation, at));
                } else {
                    self.say(text, at);
                }
                if text.is_empty() { None } else { ready(&|json| _ = json.key("text").str(text)) }
            }
            Body::Reasoning(reasoning) => {
                let proof = proof(reasoning.proof.as_ref(), "reasoning signature", at, losses);
                if proof.is_none() && (reasoning.redacted || reasoning.text.is_empty()) {
                    return None;
                }
                if !reasoning.redacted {
                    self.think(at, losses);
                }
                if proof.is_some() {
                    self.pause();
                }
                ready(&|json| {
                    json.key("text").str(&reasoning.text);
                    if !reasoning.redacted {
                        json.key("thought").bool(true);
                    }
                    if let Some(proof) = proof {
                        json.key("thoughtSignature").str(proof);
                    }
                })
            }
            Body::ToolCall(call) => {
                self.pause();
                self.calls = true;
                let written = self::call(call, at, losses);
                ready(&|json| written(json))
            }
            Body::Media(media) => {
                let Some(blob) = Blob::of(media) else {
                    losses.push(Loss::dropped(media.kind.word(), at));
                    return None;
                };
                let beside = media.name.is_some() || media.detail.as_deref().is_some_and(|detail| detail != "auto");
                match &blob {
                    Blob::Text(text) => {
                        losses.push(Loss::approximated("file", at));
                        self.say(text, at);
                    }
                    _ => {
                        self.pause();
                        if beside {
                            losses.push(Loss::dropped("filename", at));
                        }
                    }
                }
                ready(&|json| blob.write(json))
            }
            Body::Unknown { dialect: HERE, raw, .. } => {
                self.pause();
                Some(raw.as_str().to_owned())
            }
            other => {
                losses.push(Loss::dropped(other.word(), at));
                None
            }
        }
    }
}

/// A proof that its maker will take back.
pub(super) fn proof<'a>(
    proof: Option<&'a Opaque>,
    word: &'static str,
    at: &str,
    losses: &mut Vec<Loss>,
) -> Option<&'a str> {
    let proof = proof?;
    if proof.origin.dialect == HERE {
        return Some(&proof.data);
    }
    losses.push(Loss::dropped(word, at));
    None
}

/// The members of a call.
pub(super) fn call<'a>(call: &'a ToolCall, at: &str, losses: &mut Vec<Loss>) -> impl Fn(&mut Writer) + use<'a> {
    let signature = proof(call.proof.as_ref(), "thought_signature", at, losses);
    let (args, exact) = args(&call.arguments);
    if !exact {
        losses.push(Loss::approximated("arguments", at));
    }
    move |json| {
        json.key("functionCall").object(|json| {
            if !call.id.is_empty() {
                json.key("id").str(&call.id);
            }
            json.key("name").str(&call.name);
            json.key("args").raw(&args);
        });
        if let Some(signature) = signature {
            json.key("thoughtSignature").str(signature);
        }
    }
}
