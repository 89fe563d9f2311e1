//! Proofs that clients lose between two turns: gathered from an answer by the calls they stand at, and put back into
//! the next request's history.
//!
//! A client that has no place for a signature gives a tool call back by its id alone. Claude refuses such a turn
//! while it thinks, Gemini 3 in any case, and OpenAI's models begin to think anew.

use super::event::{Delta, Event, Open};
use super::part::{Body, Opaque, Part, Reasoning};
use super::request::{Message, Request, Role};
use super::response::Response;

/// What a model proved at one of its tool calls. It holds what the model thought: content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proofs {
    /// Reasoning that its turn began with; at the first call alone.
    pub lead: Vec<Reasoning>,
    /// Reasoning between what stood before the call and the call.
    pub near: Vec<Reasoning>,
    /// The proof of the call itself.
    pub call: Option<Opaque>,
}

impl Proofs {
    fn is_empty(&self) -> bool {
        self.lead.is_empty() && self.near.is_empty() && self.call.is_none()
    }

    /// Their size, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |proof: &Opaque| proof.data.len() + proof.origin.model.len();
        let reasoning = self.lead.iter().chain(&self.near);
        let thoughts: usize = reasoning.map(|one| one.text.len() + one.proof.as_ref().map_or(0, of)).sum();
        thoughts + self.call.as_ref().map_or(0, of)
    }
}

/// All that one answer proved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proved {
    /// By the id of the call, as the client sees it.
    pub calls: Vec<(String, Proofs)>,
    /// Every proof of the answer: who made it can be told by it.
    pub all: Vec<Opaque>,
}

/// One part of an answer, as far as it matters here.
#[derive(Debug, Clone)]
enum Slot {
    Reasoning(Reasoning),
    Call(String, Option<Opaque>),
    Other,
}

/// Gathers the proofs of an answer's first choice.
#[derive(Debug, Clone, Default)]
pub struct Gather {
    /// By part number.
    slots: Vec<Slot>,
}

impl Gather {
    /// Takes the next event of a stream.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::Open { choice, kind, .. } => self.slots.push(match kind {
                Open::Reasoning if *choice == 0 => {
                    Slot::Reasoning(Reasoning { text: String::new(), proof: None, redacted: false })
                }
                Open::ToolCall { id, proof, .. } if *choice == 0 => Slot::Call(id.clone(), proof.clone()),
                Open::Whole(part) if *choice == 0 => slot(part),
                _ => Slot::Other,
            }),
            Event::Delta { part, delta } => {
                let slot = usize::try_from(*part).ok().and_then(|part| self.slots.get_mut(part));
                let Some(Slot::Reasoning(reasoning)) = slot else { return };
                match delta {
                    Delta::Reasoning(more) => reasoning.text.push_str(more),
                    Delta::Proof(proof) => reasoning.proof = Some(proof.clone()),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Everything of a whole answer.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let parts = response.choices.first().into_iter().flat_map(|choice| &choice.parts);
        Self { slots: parts.map(slot).collect() }
    }

    /// What was proved.
    #[must_use]
    pub fn finish(self) -> Proved {
        let mut proved = Proved::default();
        let (mut lead, mut near, mut begun) = (Vec::new(), Vec::new(), false);
        for slot in self.slots {
            match slot {
                Slot::Reasoning(reasoning) => {
                    // Without a proof nobody takes it back.
                    let Some(proof) = &reasoning.proof else { continue };
                    proved.all.push(proof.clone());
                    if begun { near.push(reasoning) } else { lead.push(reasoning) }
                }
                Slot::Call(id, call) => {
                    begun = true;
                    proved.all.extend(call.clone());
                    let proofs = Proofs { lead: std::mem::take(&mut lead), near: std::mem::take(&mut near), call };
                    if !proofs.is_empty() && !id.is_empty() {
                        proved.calls.push((id, proofs));
                    }
                }
                Slot::Other => begun = true,
            }
        }
        proved
    }
}

fn slot(part: &Part) -> Slot {
    match &part.body {
        Body::Reasoning(reasoning) => Slot::Reasoning(reasoning.clone()),
        Body::ToolCall(call) => Slot::Call(call.id.clone(), call.proof.clone()),
        _ => Slot::Other,
    }
}

/// What is remembered of earlier answers to the same caller.
pub trait Known {
    /// What was proved at a call, by the id that the client knows.
    fn at_call(&self, id: &str) -> Option<Proofs>;
    /// The model that made a proof.
    fn maker(&self, proof: &Opaque) -> Option<String>;
}

/// Puts back into the history what the client has lost, and names the makers of what it kept; what the client
/// sends whole stays as it is. Writers then give each proof to its maker alone, and report the others.
pub fn restore(request: &mut Request, known: &dyn Known) {
    let messages = &mut request.messages;
    let mut from = 0;
    while from < messages.len() {
        let rest = messages.get_mut(from..).unwrap_or_default();
        let turn = rest.iter().take_while(|message| message.role == Role::Assistant).count();
        restore_turn(rest.get_mut(..turn).unwrap_or_default(), known);
        from += turn + 1;
    }
}

/// One turn of the model's: neighbouring messages of its own.
fn restore_turn(turn: &mut [Message], known: &dyn Known) {
    let mut proved = false;
    for part in turn.iter_mut().flat_map(|message| &mut message.parts) {
        let proof = match &mut part.body {
            Body::Reasoning(reasoning) => {
                proved |= reasoning.proof.is_some();
                reasoning.proof.as_mut()
            }
            Body::ToolCall(call) => call.proof.as_mut(),
            _ => None,
        };
        if let Some(proof) = proof.filter(|proof| proof.origin.model.is_empty())
            && let Some(maker) = known.maker(proof)
        {
            proof.origin.model = maker;
        }
    }
    let mut lead: Vec<Part> = Vec::new();
    for message in turn.iter_mut() {
        let mut place = 0;
        while let Some(part) = message.parts.get_mut(place) {
            place += 1;
            let Body::ToolCall(call) = &mut part.body else { continue };
            // A Gemini's call of this history may have its proof; its reasoning is another's affair.
            let Some(proofs) = known.at_call(&call.id) else { continue };
            if call.proof.is_none() {
                call.proof = proofs.call;
            }
            if proved {
                continue;
            }
            lead.extend(proofs.lead.into_iter().map(part_of));
            let near: Vec<Part> = proofs.near.into_iter().map(part_of).collect();
            let at = place - 1;
            place += near.len();
            message.parts.splice(at..at, near);
        }
    }
    if proved {
        return;
    }
    let restored = |part: &Part| matches!(&part.body, Body::Reasoning(reasoning) if reasoning.proof.is_some());
    if lead.is_empty() && !turn.iter().flat_map(|message| &message.parts).any(restored) {
        return;
    }
    // What the client kept of the same thoughts is words alone.
    for message in turn.iter_mut() {
        message.parts.retain(|part| restored(part) || !matches!(part.body, Body::Reasoning(_)));
    }
    if let Some(first) = turn.first_mut() {
        first.parts.splice(0..0, lead);
    }
}

fn part_of(reasoning: Reasoning) -> Part {
    Body::Reasoning(reasoning).into()
}

/// True when a request's history may hold what [`restore`] looks for.
#[must_use]
pub fn may_lack(request: &Request) -> bool {
    let parts = request.messages.iter().filter(|message| message.role == Role::Assistant).flat_map(|m| &m.parts);
    parts.into_iter().any(|part| matches!(part.body, Body::ToolCall(_) | Body::Reasoning(_)))
}

#[cfg(test)]
mod tests;
