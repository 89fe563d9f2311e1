//! Events to chunks that OpenAI's own clients read: roles first, usage on request, `[DONE]` at the end.

use wire::json::Writer;

use super::write_part::is_object;
use super::{cite, finish, proof, usage};
use crate::dialect::Asked;
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::{Finish, Reason};
use crate::ir::fold::pieces;
use crate::ir::part::{Body, Opaque, Reasoning};
use crate::loss::Loss;
use crate::outcome::UpstreamFault;
use crate::stream::Encoder;
use crate::usage::Usage;

/// A stream being written.
#[derive(Debug)]
pub(super) struct ChatEncoder {
    asked: Asked,
    id: String,
    model: String,
    created: u64,
    parts: Vec<Part>,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    losses: Vec<Loss>,
}

/// What is known of a part while it is open.
#[derive(Debug)]
struct Part {
    choice: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Text; where it starts in the answer's text, in characters.
    Text {
        from: u64,
    },
    /// Reasoning; its number among the answer's thoughts.
    Reasoning {
        index: u64,
    },
    /// A tool call; its number among the answer's calls, and whether it has arguments.
    Call {
        ordinal: u64,
        argued: bool,
    },
    Refusal,
    /// Nothing more comes.
    Whole,
}

/// What is known of one answer.
#[derive(Debug, Default)]
struct Choice {
    number: u32,
    chars: u64,
    calls: u64,
    thoughts: u64,
    refused: bool,
    finished: bool,
}

impl ChatEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            asked: asked.clone(),
            id: asked.id.clone(),
            model: asked.model.clone(),
            created: asked.now,
            parts: Vec::new(),
            choices: Vec::new(),
            usage: None,
            losses: Vec::new(),
        }
    }

    /// One frame; `choices` writes the items of `choices`.
    fn frame(&self, choices: impl FnOnce(&mut Writer), usage: Option<&Usage>, out: &mut Vec<u8>) {
        let mut json = Writer::with_capacity(256);
        json.object(|json| {
            json.key("id").str(&self.id);
            json.key("object").str("chat.completion.chunk");
            json.key("created").u64(self.created);
            json.key("model").str(&self.model);
            json.key("choices").array(choices);
            match usage {
                Some(usage) => {
                    json.key("usage");
                    usage::write(usage, json);
                }
                None if self.asked.include_usage => {
                    json.key("usage").null();
                }
                None => {}
            }
        });
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(json.finish().as_bytes());
        out.extend_from_slice(b"\n\n");
    }

    /// One frame with the delta of one answer.
    fn delta(&self, choice: u32, members: impl FnOnce(&mut Writer), why: Option<&str>, out: &mut Vec<u8>) {
        let item = |json: &mut Writer| {
            json.object(|json| {
                json.key("index").u64(u64::from(choice));
                json.key("delta").object(members);
                json.key("logprobs").null();
                match why {
                    Some(word) => json.key("finish_reason").str(word),
                    None => json.key("finish_reason").null(),
                };
            });
        };
        self.frame(item, None, out);
    }

    /// The state of an answer; its role is said when it is first met.
    fn choice(&mut self, number: u32, out: &mut Vec<u8>) -> usize {
        if let Some(place) = self.choices.iter().position(|choice| choice.number == number) {
            return place;
        }
        self.delta(
            number,
            |json| {
                json.key("role").str("assistant");
                json.key("content").str("");
            },
            None,
            out,
        );
        self.choices.push(Choice { number, ..Choice::default() });
        self.choices.len() - 1
    }

    fn open(&mut self, number: u32, open: &Open, out: &mut Vec<u8>) {
        let place = self.choice(number, out);
        let Some(choice) = self.choices.get_mut(place) else { return };
        let kind = match open {
            Open::Text => Kind::Text { from: choice.chars },
            Open::Reasoning => {
                choice.thoughts += 1;
                Kind::Reasoning { index: choice.thoughts - 1 }
            }
            Open::Refusal => {
                choice.refused = true;
                Kind::Refusal
            }
            Open::ToolCall { id, name, proof } => {
                let ordinal = choice.calls;
                choice.calls += 1;
                let proof = self.call_proof(proof.as_ref(), number);
                self.delta(
                    number,
                    |json| {
                        json.key("tool_calls").array(|json| {
                            json.object(|json| {
                                json.key("index").u64(ordinal);
                                json.key("id").str(id);
                                json.key("type").str("function");
                                json.key("function").object(|json| {
                                    json.key("name").str(name);
                                    json.key("arguments").str("");
                                });
                                if let Some(proof) = &proof {
                                    json.key("extra_content").raw(proof);
                                }
                            });
                        });
                    },
                    None,
                    out,
                );
                Kind::Call { ordinal, argued: false }
            }
            Open::Whole(part) => return self.whole(number, &part.body, out),
        };
        self.parts.push(Part { choice: number, kind });
    }

    /// The proof of a tool call where this dialect made it.
    fn call_proof(&mut self, proof: Option<&Opaque>, choice: u32) -> Option<String> {
        let proof = proof?;
        if proof.origin.dialect == DialectId::OpenAiChat && is_object(&proof.data) {
            return Some(proof.data.clone());
        }
        self.losses.push(Loss::dropped("signature", format!("choices[{choice}]")));
        None
    }

    fn whole(&mut self, choice: u32, body: &Body, out: &mut Vec<u8>) {
        if let Some((open, deltas)) = pieces(body) {
            let number = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
            self.open(choice, &open, out);
            for delta in &deltas {
                self.go_on(number, delta, out);
            }
            return;
        }
        self.parts.push(Part { choice, kind: Kind::Whole });
        match body {
            Body::Reasoning(reasoning) => self.details(choice, reasoning, out),
            Body::Media(_) => self.losses.push(Loss::dropped("media", format!("choices[{choice}]"))),
            Body::Unknown { kind, .. } => self.losses.push(Loss::dropped(kind.clone(), format!("choices[{choice}]"))),
            _ => self.losses.push(Loss::dropped("part", format!("choices[{choice}]"))),
        }
    }

    /// Reasoning that has a proof, as one detail.
    fn details(&mut self, number: u32, reasoning: &Reasoning, out: &mut Vec<u8>) {
        let place = self.choice(number, out);
        let Some(choice) = self.choices.get_mut(place) else { return };
        let index = choice.thoughts;
        choice.thoughts += 1;
        self.detail(number, reasoning, index, out);
    }

    fn detail(&self, choice: u32, reasoning: &Reasoning, index: u64, out: &mut Vec<u8>) {
        self.delta(
            choice,
            |json| {
                json.key("reasoning_details").array(|json| proof::write(reasoning, index, true, json));
            },
            None,
            out,
        );
    }

    fn go_on(&mut self, number: u32, delta: &Delta, out: &mut Vec<u8>) {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(part) = self.parts.get_mut(index) else { return };
        let choice = part.choice;
        match (&mut part.kind, delta) {
            (Kind::Text { .. }, Delta::Text(text)) => {
                if let Some(choice) = self.choices.iter_mut().find(|known| known.number == choice) {
                    choice.chars += text.chars().count() as u64;
                }
                self.delta(
                    choice,
                    |json| {
                        json.key("content").str(text);
                    },
                    None,
                    out,
                );
            }
            (Kind::Text { from }, Delta::Citation(citation)) => {
                let from = *from;
                let to = self.choices.iter().find(|known| known.number == choice).map_or(from, |known| known.chars);
                match cite::write(citation, (from, to)) {
                    Some(annotation) => self.delta(
                        choice,
                        |json| {
                            json.key("annotations").array(|json| {
                                json.raw(&annotation);
                            });
                        },
                        None,
                        out,
                    ),
                    None => self.losses.push(Loss::dropped("citation", format!("choices[{choice}]"))),
                }
            }
            (Kind::Reasoning { index }, Delta::Reasoning(more)) => {
                let index = *index;
                self.thought(choice, index, more, out);
            }
            (Kind::Reasoning { index }, Delta::Proof(proof)) => {
                let index = *index;
                let reasoning = Reasoning { text: String::new(), proof: Some(proof.clone()), redacted: false };
                self.detail(choice, &reasoning, index, out);
            }
            (Kind::Call { ordinal, argued }, Delta::Arguments(text)) => {
                *argued |= !text.trim().is_empty();
                let ordinal = *ordinal;
                self.arguments(choice, ordinal, text, out);
            }
            (Kind::Refusal, Delta::Refusal(text)) => {
                self.delta(
                    choice,
                    |json| {
                        json.key("refusal").str(text);
                    },
                    None,
                    out,
                );
            }
            // No other delta fits its part.
            _ => {}
        }
    }

    /// Reasoning under both names that clients know: bare, and as a piece of its detail.
    fn thought(&self, choice: u32, index: u64, text: &str, out: &mut Vec<u8>) {
        self.delta(
            choice,
            |json| {
                json.key("reasoning_content").str(text);
                json.key("reasoning_details").array(|json| {
                    json.object(|json| {
                        json.key("type").str("reasoning.text");
                        json.key("text").str(text);
                        json.key("index").u64(index);
                    });
                });
            },
            None,
            out,
        );
    }

    fn arguments(&self, choice: u32, ordinal: u64, text: &str, out: &mut Vec<u8>) {
        self.delta(
            choice,
            |json| {
                json.key("tool_calls").array(|json| {
                    json.object(|json| {
                        json.key("index").u64(ordinal);
                        json.key("function").object(|json| {
                            json.key("arguments").str(text);
                        });
                    });
                });
            },
            None,
            out,
        );
    }

    /// A call without arguments is a call with none: clients parse what they get. One that was cut off
    /// before its arguments stays as it is.
    fn argue(&self, number: u32, reason: Reason, out: &mut Vec<u8>) {
        if matches!(reason, Reason::Length | Reason::ContentFilter | Reason::Error) {
            return;
        }
        for part in self.parts.iter().filter(|part| part.choice == number) {
            if let Kind::Call { ordinal, argued: false } = part.kind {
                self.arguments(number, ordinal, "{}", out);
            }
        }
    }

    fn finish(&mut self, number: u32, finish: &Finish, out: &mut Vec<u8>) {
        let place = self.choice(number, out);
        self.argue(number, finish.reason, out);
        let Some(choice) = self.choices.get_mut(place) else { return };
        choice.finished = true;
        let (word, exact) = finish::write(finish, choice.refused);
        finish_losses(finish, exact, number, &mut self.losses);
        self.delta(number, |_| {}, Some(word), out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.choice(0, out);
        let open: Vec<u32> =
            self.choices.iter().filter(|choice| !choice.finished).map(|choice| choice.number).collect();
        for number in open {
            self.finish(number, &Finish::new(Reason::Stop), out);
        }
        if self.asked.include_usage {
            if let Some(usage) = self.usage.take().filter(|usage| !usage.is_empty()) {
                self.frame(|_| {}, Some(&usage), out);
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// What a finish says that this dialect has no word for.
pub(super) fn finish_losses(finish: &Finish, exact: bool, choice: u32, losses: &mut Vec<Loss>) {
    if !exact {
        losses.push(Loss::approximated("finish_reason", format!("choices[{choice}]")));
    }
    if finish.stop_sequence.is_some() {
        losses.push(Loss::dropped("stop_sequence", format!("choices[{choice}]")));
    }
}

/// The in-band error of a failed upstream, as a frame.
fn failed(fault: &UpstreamFault) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("error").object(|json| {
            json.key("message").str(&fault.message);
            json.key("type").str(super::fault::translated(fault.kind.as_deref().unwrap_or("server_error")));
            json.key("param").null();
            json.key("code").str(fault.code.as_deref().unwrap_or_else(|| fault.outcome.name()));
        });
    });
    format!("data: {}\n\n", json.finish())
}

impl Encoder for ChatEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, created } => {
                if !id.is_empty() {
                    self.id.clone_from(id);
                }
                if !model.is_empty() {
                    self.model.clone_from(model);
                }
                self.created = created.unwrap_or(self.created);
                self.choice(0, out);
            }
            Event::Open { choice, kind, .. } => self.open(*choice, kind, out),
            Event::Delta { part, delta } => self.go_on(*part, delta, out),
            Event::Close { .. } => {}
            Event::Usage(usage) => self.usage = Some(usage.clone()),
            Event::Finish { choice, finish } => self.finish(*choice, finish, out),
            Event::Fault(fault) => out.extend_from_slice(failed(fault).as_bytes()),
            Event::End => self.end(out),
        }
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

#[cfg(test)]
mod tests;
