//! How a body must change on its way to a target of the same dialect: as little as possible.

use wire::json::{Document, Edit, Json};

use crate::dialect::Patch;
use crate::loss::Loss;
use crate::peek::Peek;
use crate::quirk::Quirk;
use crate::target::Target;

/// The edits: the model's name, OpenRouter's request controls, and parameters that the target refuses.
pub(super) fn patch(body: &Document, peek: &Peek, to: &Target<'_>) -> Patch {
    let mut patch = Patch::default();
    if peek.model != to.model {
        patch.edits.push(Edit::set_str("model", to.model));
    }
    if !to.openrouter {
        for name in ["models", "provider"] {
            if body.get(name).is_some() {
                patch.edits.push(Edit::remove(name));
            }
        }
        if body.get("usage").is_some_and(|usage| usage.get("include").is_some()) {
            patch.edits.push(Edit::remove("usage"));
        }
    }
    if to.quirks.has(Quirk::NoSampling) {
        for name in ["temperature", "top_p", "top_k"] {
            if let Some(value) = body.get(name) {
                patch.edits.push(Edit::remove(name));
                if !value.is_null() {
                    patch.losses.push(Loss::dropped(name, name));
                }
            }
        }
    }
    let kind = body.get("tool_choice").and_then(|choice| choice.get("type"));
    if to.quirks.has(Quirk::NoToolChoice) && kind.is_some_and(is_forced) {
        patch.edits.push(Edit::set_at(vec!["tool_choice".into(), "type".into()], r#""auto""#));
        patch.edits.push(Edit::remove_at(vec!["tool_choice".into(), "name".into()]));
        patch.losses.push(Loss::approximated("tool_choice", "tool_choice"));
    }
    patch
}

fn is_forced(kind: Json<'_>) -> bool {
    kind.is("any") || kind.is("tool")
}

#[cfg(test)]
mod tests;
