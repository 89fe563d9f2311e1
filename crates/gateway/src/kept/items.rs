//! Items of kept responses as the next request's input: what was said, in order, without the ids that no provider
//! knows; and the check that calls and their outputs belong together.

use std::collections::HashSet;

use dialect::fault::{Fault, Kind};
use dialect::openai_responses::NO_PROOF;
use policy::port::Kept;
use wire::json::{Document, Edit, Json, Kind as JsonKind, Writer};

/// The items of a request's `input` as a JSON array, as they came; a text is the user's message.
#[must_use]
pub fn own(input: Option<Json<'_>>) -> String {
    match input {
        Some(list) if list.kind() == JsonKind::Array => list.raw().to_owned(),
        Some(text) if text.kind() == JsonKind::String => {
            let mut json = Writer::with_capacity(text.raw().len() + 64);
            json.array(|json| {
                json.object(|json| {
                    json.key("type").str("message");
                    json.key("role").str("user");
                    json.key("content").raw(text.raw());
                });
            });
            json.finish()
        }
        _ => "[]".to_owned(),
    }
}

/// The output items of a kept response, as its caller got them.
pub fn output(body: &str) -> impl Iterator<Item = Json<'_>> {
    Json::parse(body).ok().and_then(|body| body.get("output")).into_iter().flat_map(Json::items)
}

/// The items of a kept input.
pub fn input(items: &str) -> impl Iterator<Item = Json<'_>> {
    Json::parse(items).ok().into_iter().flat_map(Json::items)
}

/// An output item as input: ids and states are of a response that no provider knows. Reasoning without a proof is
/// marked, so that a server that did not make it is not given it.
fn as_input(item: Json<'_>) -> String {
    let Ok(document) = Document::parse(item.raw().to_owned().into()) else { return item.raw().to_owned() };
    let mut edits = vec![Edit::remove("id"), Edit::remove("status")];
    let reasoning = item.get("type").is_some_and(|kind| kind.is("reasoning"));
    if reasoning && item.get("encrypted_content").and_then(Json::non_null).is_none() {
        edits.push(Edit::set_str("encrypted_content", NO_PROOF));
    }
    String::from_utf8_lossy(&document.edit(&edits)).into_owned()
}

fn text<'a>(item: Json<'a>, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    item.get(name).and_then(Json::as_str)
}

fn is_call(item: Json<'_>) -> bool {
    text(item, "type").is_some_and(|kind| matches!(&*kind, "function_call" | "custom_tool_call"))
}

fn is_result(item: Json<'_>) -> bool {
    text(item, "type").is_some_and(|kind| matches!(&*kind, "function_call_output" | "custom_tool_call_output"))
}

/// The whole conversation as one input: everything of a chain (newest first), then the request's own items.
///
/// # Errors
/// An output without its call; a call that the request leaves without its output.
pub fn joined<'a>(chain: impl DoubleEndedIterator<Item = &'a Kept> + Clone, own: &str) -> Result<String, Fault> {
    let mut json = Writer::with_capacity(own.len() + 1_024);
    // Calls that wait for their output.
    let mut open: Vec<String> = Vec::new();
    let mut made: HashSet<String> = HashSet::new();
    let mut broken = None;
    json.array(|json| {
        let mut note = |item: Json<'_>, place: Option<usize>| {
            let Some(id) = text(item, "call_id") else { return };
            if is_call(item) {
                made.insert(id.clone().into_owned());
                open.push(id.into_owned());
            } else if is_result(item) {
                open.retain(|waiting| *waiting != *id);
                if let Some(place) = place.filter(|_| !made.contains(&*id)) {
                    broken.get_or_insert_with(|| orphan(place, &id));
                }
            }
        };
        for kept in chain.rev() {
            for item in input(&kept.input) {
                note(item, None);
                json.raw(item.raw());
            }
            for item in output(&kept.body) {
                note(item, None);
                json.raw(&as_input(item));
            }
        }
        for (place, item) in input(own).enumerate() {
            note(item, Some(place));
            json.raw(item.raw());
        }
    });
    match (broken, open.first()) {
        (Some(fault), _) => Err(fault),
        (None, Some(id)) => {
            let message = format!(
                "The tool call `{}` of the previous response has no output. Send a `function_call_output` with this \
                 `call_id` in `input`.",
                shown(id)
            );
            Err(Fault::invalid("input", message))
        }
        (None, None) => Ok(json.finish()),
    }
}

fn orphan(place: usize, id: &str) -> Fault {
    let message = format!(
        "There is no tool call `{}` in the previous response or before this output. Send outputs of calls that were \
         made, each with the `call_id` of its call.",
        shown(id)
    );
    Fault::invalid(format!("input[{place}].call_id"), message)
}

/// An id of the caller's as far as it is told back.
#[must_use]
pub fn shown(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

/// The fault of an id that is not there, or another's.
#[must_use]
pub fn unknown(id: &str, code: &str) -> Fault {
    let message = format!(
        "There is no response `{}`: it was never kept, was deleted, is over 30 days old, had to make room, or is \
         another's. Send the whole conversation in `input`.",
        shown(id)
    );
    let mut fault = Fault::new(Kind::NotFound, message);
    fault.code = Some(code.to_owned());
    fault
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn kept(input: &str, output: &str) -> Kept {
        let body = format!("{{\"id\":\"resp_tg1\",\"output\":{output}}}").into();
        let (id, owner) = ("resp_tg1".into(), "key:a".into());
        Kept { id, owner, previous: None, created_ms: 0, expires_ms: 1, input: input.into(), body }
    }

    #[test]
    fn a_chain_is_one_input_in_order_without_our_ids() {
        let first = kept(
            r#"[{"role":"user","content":"1","id":"mine"}]"#,
            r#"[{"id":"rs_1","type":"reasoning","summary":[]},{"id":"fc_1","type":"function_call","status":"completed","call_id":"c1","name":"f","arguments":"{}"}]"#,
        );
        let second = kept(
            r#"[{"type":"function_call_output","call_id":"c1","output":"2"}]"#,
            r#"[{"id":"m","type":"message","role":"assistant","content":[{"type":"output_text","text":"3"}]}]"#,
        );
        let own = own(Some(Json::parse(r#""4""#).unwrap()));
        let joined = joined([&second, &first].into_iter(), &own).unwrap();
        let expected = format!(
            concat!(
                r#"[{{"role":"user","content":"1","id":"mine"}},"#,
                r#"{{"type":"reasoning","summary":[],"encrypted_content":"{}"}},"#,
                r#"{{"type":"function_call","call_id":"c1","name":"f","arguments":"{{}}"}},"#,
                r#"{{"type":"function_call_output","call_id":"c1","output":"2"}},"#,
                r#"{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":"3"}}]}},"#,
                r#"{{"type":"message","role":"user","content":"4"}}]"#
            ),
            NO_PROOF
        );
        assert_eq!(joined, expected);
    }

    #[test]
    fn calls_and_outputs_belong_together() {
        let call = kept("[]", r#"[{"type":"custom_tool_call","call_id":"c1","name":"f","input":""}]"#);
        let path = |own: &str| joined([&call].into_iter(), own).err().map(|fault| fault.path.unwrap_or_default());
        assert_eq!(path(r#"[{"type":"custom_tool_call_output","call_id":"c1","output":""}]"#), None);
        assert_eq!(path("[]").as_deref(), Some("input"));
        let orphan = r#"[{"type":"custom_tool_call_output","call_id":"c1","output":""},{"type":"function_call_output","call_id":"c2","output":""}]"#;
        assert_eq!(path(orphan).as_deref(), Some("input[1].call_id"));
        let own = r#"[{"type":"custom_tool_call_output","call_id":"c1"},{"type":"function_call","call_id":"c2"},{"type":"function_call_output","call_id":"c2"}]"#;
        assert_eq!(path(own), None, "a call of the request's own");
    }
}
