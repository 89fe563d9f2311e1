//! Events to a stream of this dialect, as the official clients read it.

use wire::json::Writer;

use super::answer::{self, Item, made_id};
use super::{cite, fault, finish, usage};
use crate::dialect::Asked;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::Finish;
use crate::ir::fold::pieces;
use crate::ir::part::{Body, Citation, Part, ToolCall};
use crate::loss::Loss;
use crate::members::one_line;
use crate::stream::Encoder;
use crate::usage::Usage;

/// The encoder. Nothing waits: items carry their index. The dialect has one choice.
#[derive(Debug, Default)]
pub(super) struct CohereEncoder {
    asked: Asked,
    id: String,
    model: String,
    started: bool,
    done: bool,
    /// By part number.
    parts: Vec<Begun>,
    places: u64,
    items: u64,
    calls: u64,
    cited: u64,
    finish: Option<Finish>,
    usage: Usage,
    losses: Vec<Loss>,
}

/// A part that has begun.
#[derive(Debug, Clone)]
struct Begun {
    at: String,
    index: u64,
    is: Is,
    /// A text so far, which citations quote.
    said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Text,
    Thinking,
    Call,
    /// Whole, or without a place here.
    Nothing,
}

impl CohereEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone(), ..Self::default() }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let or = |own: &str, other: &str| if own.is_empty() { other.to_owned() } else { own.to_owned() };
        let (id, model) = (or(&self.id, &self.asked.id), or(&self.model, &self.asked.model));
        self.id.clone_from(&id);
        event("message-start", None, out, |json| {
            json.key("id").str(&id).key("model").str(&model);
            json.key("delta").object(|json| {
                json.key("message").object(|json| {
                    json.key("role").str("assistant");
                    json.lit(",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]");
                });
            });
        });
    }

    fn opened(&mut self, choice: u32, kind: &Open, out: &mut Vec<u8>) {
        let at = answer::at(choice, self.places);
        let mut begun = Begun { at, index: 0, is: Is::Nothing, said: String::new() };
        if choice > 0 {
            // Its place is told by the choice; what is said there is lost.
            self.losses.push(Loss::dropped("n", format!("choices[{choice}]")));
            return self.parts.push(begun);
        }
        self.places = self.places.saturating_add(1);
        match kind {
            Open::Text => begun.is = Is::Text,
            Open::Refusal => {
                self.losses.push(Loss::approximated("refusal", begun.at.clone()));
                begun.is = Is::Text;
            }
            Open::Reasoning => begun.is = Is::Thinking,
            Open::ToolCall { id, name, proof } => {
                let (id, name, proof) = (id.clone(), name.clone(), proof.clone());
                let part = Body::ToolCall(ToolCall { id, name, proof, arguments: String::new() }).into();
                return self.whole(begun, &part, out);
            }
            Open::Whole(part) => return self.whole(begun, part, out),
        }
        self.item(&mut begun, out);
        self.parts.push(begun);
    }

    /// An item of content begins.
    fn item(&mut self, begun: &mut Begun, out: &mut Vec<u8>) {
        begun.index = self.items;
        self.items = self.items.saturating_add(1);
        let kind = if begun.is == Is::Thinking { "thinking" } else { "text" };
        content("content-start", begun.index, out, |json| _ = json.key("type").str(kind).key(kind).str(""));
    }

    /// A part that comes whole, or a call that begins.
    fn whole(&mut self, mut begun: Begun, part: &Part, out: &mut Vec<u8>) {
        match answer::item(part, &begun.at, &mut self.losses) {
            None => {}
            Some(Item::Own(raw)) => {
                let index = self.items;
                self.items = self.items.saturating_add(1);
                event("content-start", Some(index), out, |json| {
                    json.key("delta").object(|json| {
                        json.key("message").object(|json| _ = json.key("content").raw(raw));
                    });
                });
                event("content-end", Some(index), out, |_| {});
            }
            Some(Item::Call(call)) => {
                begun.is = Is::Call;
                begun.index = self.calls;
                self.calls = self.calls.saturating_add(1);
                let id = match call.id.as_str() {
                    "" => made_id(&call.name, &self.id, begun.index),
                    id => id.to_owned(),
                };
                tool("tool-call-start", begun.index, out, |json| {
                    json.key("id").str(&id).key("type").str("function");
                    json.key("function").object(|json| {
                        json.key("name").str(&call.name).key("arguments").str(&call.arguments);
                    });
                });
            }
            Some(Item::Said(kind, _)) => {
                begun.is = if kind == "thinking" { Is::Thinking } else { Is::Text };
                self.item(&mut begun, out);
                let deltas = pieces(&part.body).map(|(_, deltas)| deltas).unwrap_or_default();
                for delta in &deltas {
                    self.delta(&mut begun, delta, out);
                }
            }
        }
        self.parts.push(begun);
    }

    fn delta(&mut self, begun: &mut Begun, delta: &Delta, out: &mut Vec<u8>) {
        match (begun.is, delta) {
            (Is::Text, Delta::Text(text) | Delta::Refusal(text)) if !text.is_empty() => {
                begun.said.push_str(text);
                content("content-delta", begun.index, out, |json| _ = json.key("text").str(text));
            }
            (Is::Thinking, Delta::Reasoning(text)) if !text.is_empty() => {
                content("content-delta", begun.index, out, |json| _ = json.key("thinking").str(text));
            }
            (Is::Thinking, Delta::Proof(_)) => self.losses.push(Loss::dropped("signature", begun.at.clone())),
            (Is::Call, Delta::Arguments(text)) if !text.is_empty() => {
                tool("tool-call-delta", begun.index, out, |json| {
                    json.key("function").object(|json| _ = json.key("arguments").str(text));
                });
            }
            (Is::Text, Delta::Citation(citation)) => self.cite(begun, citation, out),
            _ => {}
        }
    }

    fn cite(&mut self, begun: &Begun, citation: &Citation, out: &mut Vec<u8>) {
        let written = cite::write(citation, &begun.said, begun.index, &begun.at, &mut self.losses);
        let index = self.cited;
        self.cited = self.cited.saturating_add(1);
        event("citation-start", Some(index), out, |json| {
            json.key("delta").object(|json| {
                json.key("message").object(|json| _ = json.key("citations").raw(&written));
            });
        });
        event("citation-end", Some(index), out, |_| {});
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let word = finish::write(self.finish.as_ref(), self.calls > 0, &mut self.losses);
        let used = std::mem::take(&mut self.usage);
        let mut losses = std::mem::take(&mut self.losses);
        event("message-end", None, out, |json| {
            json.key("delta").object(|json| {
                json.key("finish_reason").str(word);
                usage::write(&used, &mut losses, json);
            });
        });
        self.losses = losses;
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// One event.
fn event(kind: &str, index: Option<u64>, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
    let mut json = Writer::with_capacity(128);
    json.object(|json| {
        json.key("type").str(kind);
        if let Some(index) = index {
            json.key("index").u64(index);
        }
        members(json);
    });
    for piece in ["event: ", kind, "\ndata: ", &one_line(&json.finish()), "\n\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// An event of an item of content.
fn content(kind: &str, index: u64, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
    inside(kind, index, "content", out, members);
}

/// An event of a call.
fn tool(kind: &str, index: u64, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
    inside(kind, index, "tool_calls", out, members);
}

fn inside(kind: &str, index: u64, member: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
    event(kind, Some(index), out, |json| {
        json.key("delta").object(|json| {
            json.key("message").object(|json| _ = json.key(member).object(members));
        });
    });
}

impl Encoder for CohereEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
                self.start(out);
            }
            Event::Open { choice, kind, .. } => self.opened(*choice, kind, out),
            Event::Delta { part, delta } => {
                let place = usize::try_from(*part).unwrap_or(usize::MAX);
                let Some(slot) = self.parts.get_mut(place) else { return };
                // Lent to the writing below, and given back.
                let mut begun = std::mem::replace(
                    slot,
                    Begun { at: String::new(), index: 0, is: Is::Nothing, said: String::new() },
                );
                self.delta(&mut begun, delta, out);
                if let Some(slot) = self.parts.get_mut(place) {
                    *slot = begun;
                }
            }
            Event::Close { part } => {
                let begun = usize::try_from(*part).ok().and_then(|place| self.parts.get_mut(place));
                let Some(begun) = begun else { return };
                begun.said = String::new();
                let index = Some(begun.index);
                match begun.is {
                    Is::Text | Is::Thinking => self::event("content-end", index, out, |_| {}),
                    Is::Call => self::event("tool-call-end", index, out, |_| {}),
                    Is::Nothing => {}
                }
            }
            Event::Usage(usage) => self.usage = usage.clone(),
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone()),
            Event::Finish { choice, .. } => {
                self.losses.push(Loss::dropped("n", format!("choices[{choice}]")));
            }
            Event::Fault(fault) => {
                out.extend_from_slice(&fault::write_event(&fault.told(), &self.asked.id));
                self.done = true;
            }
            Event::End => {
                self.start(out);
                self.end(out);
                self.done = true;
            }
        }
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::finish::Reason;
    use crate::usage::Unit;

    #[test]
    fn an_answer_as_clients_read_it() {
        let mut encoder =
            CohereEncoder::new(&Asked { id: "tg-1".to_owned(), model: "m".to_owned(), ..Asked::default() });
        let mut out = Vec::new();
        let open = |part, kind| Event::Open { choice: 0, part, kind };
        for event in [
            Event::Start { id: String::new(), model: String::new(), created: None },
            open(0, Open::Text),
            Event::Delta { part: 0, delta: Delta::Text("hi".to_owned()) },
            Event::Close { part: 0 },
            open(1, Open::ToolCall { id: "c".to_owned(), name: "f".to_owned(), proof: None }),
            Event::Delta { part: 1, delta: Delta::Arguments("{}".to_owned()) },
            Event::Close { part: 1 },
            Event::Usage(Usage::unknown().with(Unit::Input, 3).with(Unit::Output, 4)),
            Event::Finish { choice: 0, finish: Finish::new(Reason::ToolUse) },
            Event::End,
        ] {
            encoder.push(&event, &mut out);
        }
        let text = String::from_utf8(out).expect("text");
        let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        let expected = [
            "message-start",
            "content-start",
            "content-delta",
            "content-end",
            "tool-call-start",
            "tool-call-delta",
            "tool-call-end",
            "message-end",
        ];
        assert_eq!(kinds, expected);
        assert!(
            text.contains(r#""id":"tg-1","model":"m","delta":{"message":{"role":"assistant","content":[],"#),
            "{text}"
        );
        assert!(text.ends_with("\"usage\":{\"billed_units\":{\"input_tokens\":3,\"output_tokens\":4},\"tokens\":{\"input_tokens\":3,\"output_tokens\":4}}}}\n\ndata: [DONE]\n\n"), "{text}");
        assert!(encoder.take_losses().is_empty());
    }
}
