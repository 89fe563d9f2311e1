//! What must change in a body on its way to a server of the same dialect; every other byte stays.

use wire::json::{Document, Edit, Json};

use super::sealed;
use crate::dialect::Patch;
use crate::loss::Loss;
use crate::peek::Peek;
use crate::quirk::Quirk;
use crate::signature;
use crate::target::Target;

/// The edits for a target: its model, our own members out, what it refuses out. Usage comes unasked.
pub(super) fn patch(body: &Document, peek: &Peek, to: &Target<'_>) -> Patch {
    let mut patch = Patch::default();
    if peek.model != to.model {
        patch.edits.push(Edit::set_str("model", to.model));
    }
    if !to.openrouter {
        for name in ["provider", "models"] {
            if body.get(name).is_some() {
                patch.edits.push(Edit::remove(name));
            }
        }
        if body.get("usage").is_some_and(|usage| usage.get("include").is_some()) {
            patch.edits.push(Edit::remove("usage"));
        }
    }
    let effort = body.get("reasoning").and_then(|reasoning| reasoning.get("effort")).and_then(Json::as_str);
    let to = &Target { quirks: to.quirks.at_effort(effort.as_deref()), ..*to };
    let mut drop = |name: &'static str, default: fn(Json<'_>) -> bool| {
        if let Some(value) = body.get(name) {
            patch.edits.push(Edit::remove(name));
            // Asking for what is the default anyway is no loss.
            if !value.is_null() && !default(value) {
                patch.losses.push(Loss::dropped(name, name));
            }
        }
    };
    if to.quirks.has(Quirk::NoSampling) {
        drop("temperature", |value| value.as_u64() == Some(1));
        drop("top_p", |value| value.as_u64() == Some(1));
    }
    if to.quirks.has(Quirk::NoLogprobs) {
        drop("top_logprobs", |value| value.as_u64() == Some(0));
    }
    if to.quirks.has(Quirk::NoParallelToolCalls) {
        drop("parallel_tool_calls", |value| value.as_bool() == Some(true));
    }
    let forced = |choice: Json<'_>| !choice.is_null() && !choice.is("auto") && !choice.is("none");
    if to.quirks.has(Quirk::NoToolChoice) && body.get("tool_choice").is_some_and(forced) {
        drop("tool_choice", |_| false);
    }
    let format = body.get("text").and_then(|text| text.at(&["format", "type"]));
    if to.quirks.has(Quirk::JsonObjectOnly) && format.is_some_and(|kind| kind.is("json_schema")) {
        let path = vec!["text".into(), "format".into()];
        patch.edits.push(Edit::set_at(path, r#"{"type":"json_object"}"#));
        patch.losses.push(Loss::approximated("json_schema", "text.format"));
    }
    strangers(body, &mut patch);
    patch
}

/// Removes from `input` what a model of another dialect made and this server would refuse: sealed reasoning and a
/// Gemini's signatures.
fn strangers(body: &Document, patch: &mut Patch) {
    let Some(input) = body.get("input") else { return };
    if !input.raw().contains(sealed::MARK) && !input.raw().contains("thought_signature") {
        return;
    }
    for (index, item) in input.items().enumerate() {
        let at = || format!("input[{index}]");
        let sealed = item.get("encrypted_content").and_then(Json::as_str);
        if sealed.is_some_and(|text| text.starts_with(sealed::MARK)) {
            patch.edits.push(Edit::remove_at(vec!["input".into(), index.into()]));
            patch.losses.push(Loss::dropped("reasoning", at()));
        }
        if item.get("extra_content").and_then(signature::read).is_some() {
            patch.edits.push(Edit::remove_at(vec!["input".into(), index.into(), "extra_content".into()]));
            patch.losses.push(Loss::dropped("thought_signature", at()));
        }
    }
}

#[cfg(test)]
mod tests;
