//! The output of an answer that is written: items that begin, say and end under one id each, as frames and
//! as the list that the last frame repeats.

use wire::json::Writer;

use super::object::{self, Call, free_text, item_id, refusal_part, text_part};
use super::turns::thought;
use crate::dialect::Asked;

/// The items so far.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) asked: Asked,
    /// No frames are wanted: only the object at the end.
    pub(super) silent: bool,
    sequence: u64,
    items: Vec<Item>,
    /// The message that a text goes on with.
    message: Option<usize>,
}

/// One item of the output.
#[derive(Debug)]
struct Item {
    id: String,
    /// Parts of a message, each empty until it is done; and how many are not.
    content: Vec<String>,
    open: usize,
    done: Option<String>,
}

impl Output {
    pub(super) fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone(), silent: false, sequence: 0, items: Vec::new(), message: None }
    }

    /// The items that are done, in order.
    pub(super) fn done(&self) -> Vec<&str> {
        self.items.iter().filter_map(|item| item.done.as_deref()).collect()
    }

    /// How many items have begun.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The id of an item.
    pub(super) fn id(&self, at: usize) -> String {
        self.items.get(at).map(|item| item.id.clone()).unwrap_or_default()
    }

    /// One frame.
    pub(super) fn frame(&mut self, kind: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
        if self.silent {
            return;
        }
        let mut json = Writer::with_capacity(192);
        json.object(|json| {
            json.key("type").str(kind);
            json.key("sequence_number").u64(self.sequence);
            members(json);
        });
        self.sequence += 1;
        for piece in ["event: ", kind, "\ndata: ", &json.finish(), "\n\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// A frame of one item.
    pub(super) fn of_item(&mut self, kind: &str, at: usize, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
        let id = self.items.get(at).map(|item| item.id.clone()).unwrap_or_default();
        self.frame(kind, out, |json| {
            json.key("item_id").str(&id);
            json.key("output_index").u64(at as u64);
            members(json);
        });
    }

    /// An item begins; texts behind it are of another message.
    pub(super) fn add(&mut self, kind: &str, out: &mut Vec<u8>, write: impl FnOnce(&str, &mut Writer)) -> usize {
        self.finish_message(out);
        let at = self.items.len();
        let id = item_id(kind, &self.asked, at);
        self.items.push(Item { id: id.clone(), content: Vec::new(), open: 0, done: None });
        self.frame("response.output_item.added", out, |json| {
            json.key("output_index").u64(at as u64);
            write(&id, json.key("item"));
        });
        at
    }

    /// An item is done.
    pub(super) fn end_item(&mut self, at: usize, out: &mut Vec<u8>, write: impl FnOnce(&str, &mut Writer)) {
        let Some(item) = self.items.get_mut(at) else { return };
        let mut json = Writer::with_capacity(256);
        write(&item.id, &mut json);
        let written = json.finish();
        self.frame("response.output_item.done", out, |json| {
            json.key("output_index").u64(at as u64);
            json.key("item").raw(&written);
        });
        if let Some(item) = self.items.get_mut(at) {
            item.done = Some(written);
        }
    }

    /// No more texts go on with the message; it is done when its parts are.
    pub(super) fn finish_message(&mut self, out: &mut Vec<u8>) {
        let Some(at) = self.message.take() else { return };
        if self.items.get(at).is_some_and(|item| item.open == 0) {
            self.end_message(at, out);
        }
    }

    fn end_message(&mut self, at: usize, out: &mut Vec<u8>) {
        let content = self.items.get_mut(at).map(|item| std::mem::take(&mut item.content)).unwrap_or_default();
        self.end_item(at, out, |id, json| object::message(id, true, &content, json));
    }

    /// A text begins: in the message that runs, else in a new one.
    pub(super) fn begin_text(&mut self, refusal: bool, out: &mut Vec<u8>) -> (usize, usize) {
        let at = match self.message {
            Some(at) => at,
            None => {
                let at = self.add("msg", out, |id, json| object::message(id, false, &[], json));
                self.message = Some(at);
                at
            }
        };
        let Some(item) = self.items.get_mut(at) else { return (at, 0) };
        let index = item.content.len();
        item.content.push(String::new());
        item.open += 1;
        self.of_item("response.content_part.added", at, out, |json| {
            json.key("content_index").u64(index as u64);
            let json = json.key("part");
            if refusal { refusal_part("", json) } else { text_part("", &[], json) }
        });
        (at, index)
    }

    pub(super) fn begin_reasoning(&mut self, out: &mut Vec<u8>) -> usize {
        let at = self.add("rs", out, |id, json| object::reasoning(id, "", None, json));
        self.of_item("response.reasoning_summary_part.added", at, out, |json| {
            json.key("summary_index").u64(0);
            thought("summary_text", "", json.key("part"));
        });
        at
    }

    pub(super) fn end_call(&mut self, at: usize, call: &Call, arguments: &str, out: &mut Vec<u8>) {
        if call.custom {
            let input = free_text(arguments);
            self.of_item("response.custom_tool_call_input.delta", at, out, |json| _ = json.key("delta").str(&input));
            self.of_item("response.custom_tool_call_input.done", at, out, |json| _ = json.key("input").str(&input));
            return self.end_item(at, out, |_, json| call.write(&input, true, json));
        }
        self.of_item("response.function_call_arguments.done", at, out, |json| {
            json.key("name").str(&call.name);
            json.key("arguments").str(arguments);
        });
        self.end_item(at, out, |_, json| call.write(arguments, true, json));
    }

    pub(super) fn end_text(
        &mut self,
        at: usize,
        index: usize,
        refusal: bool,
        text: &str,
        notes: &[String],
        out: &mut Vec<u8>,
    ) {
        let kind = if refusal { "response.refusal.done" } else { "response.output_text.done" };
        self.of_item(kind, at, out, |json| {
            json.key("content_index").u64(index as u64);
            json.key(if refusal { "refusal" } else { "text" }).str(text);
            if !refusal {
                json.key("logprobs").array(|_| {});
            }
        });
        let mut json = Writer::with_capacity(text.len() + 96);
        if refusal {
            refusal_part(text, &mut json)
        } else {
            text_part(text, notes, &mut json)
        }
        let part = json.finish();
        self.of_item("response.content_part.done", at, out, |json| {
            json.key("content_index").u64(index as u64);
            json.key("part").raw(&part);
        });
        let Some(item) = self.items.get_mut(at) else { return };
        if let Some(slot) = item.content.get_mut(index) {
            *slot = part;
        }
        item.open = item.open.saturating_sub(1);
        if item.open == 0 && self.message != Some(at) {
            self.end_message(at, out);
        }
    }

    pub(super) fn end_reasoning(&mut self, at: usize, text: &str, proof: Option<&str>, out: &mut Vec<u8>) {
        self.of_item("response.reasoning_summary_text.done", at, out, |json| {
            json.key("summary_index").u64(0);
            json.key("text").str(text);
        });
        self.of_item("response.reasoning_summary_part.done", at, out, |json| {
            json.key("summary_index").u64(0);
            thought("summary_text", text, json.key("part"));
        });
        self.end_item(at, out, |id, json| object::reasoning(id, text, proof, json));
    }
}
