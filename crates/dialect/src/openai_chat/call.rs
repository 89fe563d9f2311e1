//! One tool call of a stream: opened when its name is known, its arguments joined.

use wire::json::{Joiner, Json};

use super::shared::Shared;
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::part::{Opaque, Origin};

/// A tool call under way.
#[derive(Debug)]
pub(super) struct Call {
    index: Option<u64>,
    /// The server's id; made up where it gives none.
    id: String,
    given: bool,
    name: String,
    part: Option<u32>,
    /// Arguments that came before the name.
    held: String,
    joiner: Joiner,
    proof: Option<Opaque>,
}

impl Call {
    /// A call that nothing is known of but its place and an id to use where none comes.
    pub(super) fn new(index: Option<u64>, id: String) -> Self {
        Self {
            index,
            id,
            given: false,
            name: String::new(),
            part: None,
            held: String::new(),
            joiner: Joiner::default(),
            proof: None,
        }
    }

    /// True when a delta with this index, id and name is more of this call. A new id and a name at a
    /// known index begin another call: some servers count every call 0.
    pub(super) fn goes_on(&self, index: Option<u64>, id: &str, name: &str) -> bool {
        let other = self.given && !id.is_empty() && id != self.id && !name.is_empty();
        match index {
            Some(_) => self.index == index && !other,
            None => self.given && !id.is_empty() && id == self.id,
        }
    }

    /// True for the forced tool whose input is the answer's text.
    pub(super) fn is_form(&self, shared: &Shared) -> bool {
        shared.undo.format_tool.as_deref().is_some_and(|tool| tool == self.name)
    }

    #[expect(clippy::too_many_arguments, reason = "the members of one delta and where its events go")]
    pub(super) fn push(
        &mut self,
        choice: u32,
        id: &str,
        name: &str,
        function: Json<'_>,
        extra: Option<Json<'_>>,
        shared: &mut Shared,
        out: &mut Vec<Event>,
    ) {
        if !self.given && !id.is_empty() && self.part.is_none() {
            self.id = id.to_owned();
            self.given = true;
        }
        if self.name.is_empty() {
            self.name = name.to_owned();
        }
        if let Some(extra) = extra {
            let origin = Origin { dialect: DialectId::OpenAiChat, model: shared.model.clone() };
            self.proof = Some(Opaque { origin, data: extra.raw().to_owned() });
        }
        let arguments = function.get("arguments").or_else(|| function.get("input")).and_then(Json::non_null);
        let mut text = std::mem::take(&mut self.held);
        match arguments.map(|arguments| (arguments, arguments.inside())) {
            Some((_, Some(inside))) => {
                let replaced = self.joiner.push(inside, &mut text);
                shared.replaced(replaced, choice);
            }
            // Some servers send the object itself.
            Some((object, None)) => text.push_str(object.raw()),
            None => {}
        }
        if self.name.is_empty() {
            self.held = text;
            return;
        }
        self.open(choice, shared, out);
        self.arguments(text, shared, out);
    }

    fn open(&mut self, choice: u32, shared: &mut Shared, out: &mut Vec<Event>) {
        if self.part.is_some() {
            return;
        }
        let kind = if self.is_form(shared) {
            Open::Text
        } else {
            let name = shared.undo.name(&self.name).to_owned();
            Open::ToolCall { id: shared.undo.id(&self.id).to_owned(), name, proof: self.proof.take() }
        };
        self.part = Some(shared.open(choice, kind, out));
    }

    fn arguments(&self, text: String, shared: &Shared, out: &mut Vec<Event>) {
        if let Some(part) = self.part.filter(|_| !text.is_empty()) {
            let delta = if self.is_form(shared) { Delta::Text(text) } else { Delta::Arguments(text) };
            out.push(Event::Delta { part, delta });
        }
    }

    /// The answer is done: so is the call.
    pub(super) fn close(&mut self, choice: u32, shared: &mut Shared, out: &mut Vec<Event>) {
        let mut text = std::mem::take(&mut self.held);
        let replaced = self.joiner.finish(&mut text);
        shared.replaced(replaced, choice);
        self.open(choice, shared, out);
        self.arguments(text, shared, out);
        if let Some(part) = self.part {
            out.push(Event::Close { part });
        }
    }
}
