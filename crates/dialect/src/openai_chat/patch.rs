//! What must change in a body on its way to a server of the same dialect; every other byte stays.

use bytes::Bytes;
use wire::json::{Document, Edit, Json, Kind, Step, Writer};

use super::write::names::Names;
use crate::dialect::Patch;
use crate::loss::Loss;
use crate::peek::Peek;
use crate::quirk::Quirk;
use crate::target::Target;

/// The edits for a target: its model, usage on streams, our own members out, what it refuses out.
pub(super) fn patch(body: &Document, peek: &Peek, to: &Target<'_>) -> Patch {
    let mut patch = Patch { hold_usage: peek.stream && !peek.include_usage, ..Patch::default() };
    if peek.model != to.model {
        patch.edits.push(Edit::set_str("model", to.model));
    }
    let effort = body.get("reasoning_effort").and_then(Json::as_str);
    let to = &Target { quirks: to.quirks.at_effort(effort.as_deref()), ..*to };
    stream_options(body, peek, to, &mut patch);
    let mut members = Members { body, to, patch: &mut patch };
    members.ours();
    members.refused();
    members.renamed();
    members.forms();
    let inside = [Quirk::NoMessageName, Quirk::SystemNotDeveloper, Quirk::NineCharIds, Quirk::Prefix];
    if inside.iter().any(|quirk| to.quirks.has(*quirk)) {
        messages(body, to, &mut patch);
    }
    patch
}

/// Usage is always asked for: the ledger needs it.
fn stream_options(body: &Document, peek: &Peek, to: &Target<'_>, patch: &mut Patch) {
    let options = body.get("stream_options");
    if to.quirks.has(Quirk::NoStreamOptions) {
        if options.is_some() {
            patch.edits.push(Edit::remove("stream_options"));
        }
    } else if peek.stream && !peek.include_usage {
        match options.map(Json::kind) {
            Some(Kind::Object) => {
                let path = vec!["stream_options".into(), "include_usage".into()];
                patch.edits.push(Edit::set_at(path, "true"));
            }
            _ => patch.edits.push(Edit::set("stream_options", r#"{"include_usage":true}"#)),
        }
    }
}

/// The top-level members of one body on their way to one target.
struct Members<'a, 't> {
    body: &'a Document,
    to: &'a Target<'t>,
    patch: &'a mut Patch,
}

impl<'a> Members<'a, '_> {
    fn has(&self, quirk: Quirk) -> bool {
        self.to.quirks.has(quirk)
    }

    fn get(&self, name: &str) -> Option<Json<'a>> {
        self.body.get(name).and_then(Json::non_null)
    }

    /// Takes a member out and says so. A `null` goes without a word: it asked for nothing.
    fn drop(&mut self, name: &'static str) {
        if let Some(value) = self.body.get(name) {
            self.patch.edits.push(Edit::remove(name));
            if !value.is_null() {
                self.patch.losses.push(Loss::dropped(name, name));
            }
        }
    }

    /// Takes a member out; asking for what is the default anyway is no loss.
    fn drop_unless(&mut self, name: &'static str, default: impl Fn(Json<'_>) -> bool) {
        match self.body.get(name) {
            Some(value) if default(value) => self.patch.edits.push(Edit::remove(name)),
            _ => self.drop(name),
        }
    }

    /// Gives a member's value another name.
    fn rename(&mut self, from: &'static str, to: &'static str) {
        if let Some(value) = self.body.get(from) {
            self.patch.edits.push(Edit::remove(from));
            if !value.is_null() {
                self.patch.edits.push(Edit::set(to, value.raw().to_owned()));
            }
        }
    }

    /// Members that speak to a gateway, read and never a loss.
    fn ours(&mut self) {
        if self.to.openrouter {
            return;
        }
        for name in ["provider", "models"] {
            if self.body.get(name).is_some() {
                self.patch.edits.push(Edit::remove(name));
            }
        }
        if self.get("usage").is_some_and(|usage| usage.get("include").is_some()) {
            self.patch.edits.push(Edit::remove("usage"));
        }
    }

    /// What this server answers with a 400.
    fn refused(&mut self) {
        if self.has(Quirk::NoLogprobs) {
            self.drop_unless("logprobs", |value| value.as_bool() == Some(false));
            self.drop("top_logprobs");
        }
        if self.has(Quirk::NoN) {
            self.drop_unless("n", |value| value.as_u64() == Some(1));
        }
        if self.has(Quirk::NoPenalties) {
            for name in ["frequency_penalty", "presence_penalty"] {
                self.drop_unless(name, |value| value.as_u64() == Some(0));
            }
        }
        if self.has(Quirk::NoLogitBias) {
            self.drop("logit_bias");
        }
        if self.has(Quirk::NoParallelToolCalls) {
            self.drop("parallel_tool_calls");
        }
        let thinks = self.has(Quirk::NoForcedChoiceThinking) && self.thinks();
        if (self.has(Quirk::NoToolChoice) || thinks)
            && self.get("tool_choice").is_some_and(|c| !c.is("auto") && !c.is("none"))
        {
            self.drop("tool_choice");
        }
        if self.has(Quirk::NoSampling) {
            for name in ["temperature", "top_p"] {
                self.drop_unless(name, |value| value.as_u64() == Some(1));
            }
            self.drop("top_k");
        }
    }

    /// Thinking is asked for.
    fn thinks(&self) -> bool {
        let object = self.get("thinking").and_then(|thinking| thinking.get("type"));
        let level = self.get("reasoning_effort").is_some_and(|level| !level.is("none"));
        object.map_or(level, |kind| kind.is("enabled"))
    }

    /// The same thing under the name that this server knows.
    fn renamed(&mut self) {
        if self.has(Quirk::MaxTokensOnly) {
            self.rename("max_completion_tokens", "max_tokens");
        } else if self.has(Quirk::MaxCompletionTokensOnly) {
            match self.get("max_completion_tokens") {
                Some(_) if self.body.get("max_tokens").is_some() => self.patch.edits.push(Edit::remove("max_tokens")),
                Some(_) => {}
                None => self.rename("max_tokens", "max_completion_tokens"),
            }
        }
        if self.has(Quirk::RandomSeed) {
            self.rename("seed", "random_seed");
        }
    }

    /// The same thing in the form that this server knows.
    fn forms(&mut self) {
        if self.has(Quirk::ToolChoiceAny)
            && !self.has(Quirk::NoToolChoice)
            && self.get("tool_choice").is_some_and(|choice| choice.is("required"))
        {
            self.patch.edits.push(Edit::set_str("tool_choice", "any"));
        }
        let known = |level: Json<'_>| level.is("high") || level.is("none");
        if self.has(Quirk::EffortHighOrNone) && self.get("reasoning_effort").is_some_and(|level| !known(level)) {
            self.patch.edits.push(Edit::set_str("reasoning_effort", "high"));
            self.patch.losses.push(Loss::approximated("reasoning_effort", "reasoning_effort"));
        }
        let schema = |format: Json<'_>| format.get("type").is_some_and(|kind| kind.is("json_schema"));
        if self.has(Quirk::JsonObjectOnly) && self.get("response_format").is_some_and(schema) {
            self.patch.edits.push(Edit::set("response_format", r#"{"type":"json_object"}"#));
            self.patch.losses.push(Loss::approximated("json_schema", "response_format"));
        }
    }
}

/// Names, roles and ids that this server refuses, and the word that it goes on with a message. The list is set as a whole, put together in one pass: an
/// edit per message would have each looked up in all of them.
fn messages(body: &Document, to: &Target<'_>, patch: &mut Patch) {
    let Some(messages) = body.get("messages") else { return };
    let raw = messages.raw();
    let mut out = String::new();
    let mut copied = 0;
    let mut ids = to.quirks.has(Quirk::NineCharIds).then(|| ids(messages));
    let last = messages.items().count().saturating_sub(1);
    for (index, message) in messages.items().enumerate() {
        let mut edits = Vec::new();
        let mut lost = false;
        let role = message.get("role");
        if to.quirks.has(Quirk::SystemNotDeveloper) && role.is_some_and(|role| role.is("developer")) {
            edits.push(Edit::set("role", r#""system""#));
        }
        // A message of the old role `function` is nothing without its name.
        if to.quirks.has(Quirk::NoMessageName)
            && !role.is_some_and(|role| role.is("function"))
            && let Some(name) = message.get("name")
        {
            edits.push(Edit::remove("name"));
            lost = !name.is_null();
        }
        if let Some(ids) = &mut ids {
            renumber(message, ids, &mut edits);
        }
        if to.quirks.has(Quirk::Prefix)
            && index == last
            && role.is_some_and(|role| role.is("assistant"))
            && ["prefix", "tool_calls"].iter().all(|name| message.get(name).is_none())
        {
            edits.push(Edit::set("prefix", "true"));
        }
        if edits.is_empty() {
            continue;
        }
        // A message with a key that stands twice is for the provider to refuse.
        let Ok(document) = Document::parse(Bytes::copy_from_slice(message.raw().as_bytes())) else { continue };
        // The item is a slice of `raw`, so its address tells its offset.
        let from = (message.raw().as_ptr() as usize).saturating_sub(raw.as_ptr() as usize);
        out.push_str(raw.get(copied..from).unwrap_or_default());
        out.push_str(std::str::from_utf8(&document.edit(&edits)).unwrap_or_default());
        copied = from + message.raw().len();
        if lost {
            patch.losses.push(Loss::dropped("name", format!("messages[{index}].name")));
        }
    }
    if copied > 0 {
        out.push_str(raw.get(copied..).unwrap_or_default());
        patch.edits.push(Edit::set("messages", out));
    }
}

/// The ids of calls in a message, each with the way to it.
fn ids_in(message: Json<'_>) -> Vec<(Vec<Step<'static>>, String)> {
    let calls = message.get("tool_calls").unwrap_or(Json::NULL).items().enumerate().filter_map(|(at, call)| {
        let path = vec!["tool_calls".into(), Step::Item(at), "id".into()];
        Some((path, call.get("id").and_then(Json::as_str)?.into_owned()))
    });
    let answered = message.get("tool_call_id").and_then(Json::as_str);
    calls.chain(answered.map(|id| (vec!["tool_call_id".into()], id.into_owned()))).collect()
}

/// Ids that are as the server wants them stay, whatever others become.
fn ids(messages: Json<'_>) -> Names {
    let mut names = Names::new(true);
    messages.items().flat_map(ids_in).for_each(|(_, id)| names.keep_id(&id));
    names
}

/// Replaces ids that the server refuses: the same one by the same, in every request.
fn renumber(message: Json<'_>, ids: &mut Names, edits: &mut Vec<Edit<'static>>) {
    for (path, id) in ids_in(message) {
        let sent = ids.id(&id);
        if sent != id {
            let mut json = Writer::new();
            json.str(&sent);
            edits.push(Edit::set_at(path, json.finish()));
        }
    }
}

#[cfg(test)]
mod tests;
