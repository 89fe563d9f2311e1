//! Ids in the body of a request: what is another's may not be read through a model either.

use std::sync::Arc;

use dialect::fault::{Fault, Kind as FaultKind};
use dialect::id::DialectId;
use policy::object::Kind;
use wire::json::{Json, Kind as JsonKind};

use super::path::is_id;
use crate::gateway::Gateway;
use crate::state::directory::Principal;

/// Members that name an object, or several in a list. Sources: the API references of OpenAI, Anthropic and Google.
const MEMBERS: [(&str, Kind); 10] = [
    ("file_id", Kind::File),
    ("file_ids", Kind::File),
    ("input_file_id", Kind::File),
    ("training_file", Kind::File),
    ("validation_file", Kind::File),
    ("previous_response_id", Kind::Response),
    ("conversation", Kind::Conversation),
    ("vector_store_id", Kind::VectorStore),
    ("vector_store_ids", Kind::VectorStore),
    ("cachedContent", Kind::CachedContent),
];
/// The words by which bodies of a dialect are looked through: most hold none, and are not read again.
#[must_use]
pub const fn words(dialect: DialectId) -> &'static [&'static str] {
    match dialect {
        DialectId::OpenAiChat | DialectId::AnthropicMessages | DialectId::BedrockConverse => &["file_id"],
        DialectId::Gemini => &["cachedContent"],
        DialectId::CohereV2 | DialectId::Ollama => &[],
        DialectId::OpenAiResponses => &["file_id", "previous_response_id", "conversation", "vector_store_id"],
    }
}

/// Every word.
pub const ALL: [&str; 7] = [
    "file_id",
    "training_file",
    "validation_file",
    "previous_response_id",
    "conversation",
    "vector_store_id",
    "cachedContent",
];

/// Most ids that are looked up for one request.
const MOST: usize = 200;

/// Refuses a body that names an object which is known to be another's. Ids that nobody made through the gateway pass.
/// A body that holds none of the words is not looked into.
///
/// # Errors
/// `not_found` for another's object; `unavailable` when whose it is cannot be looked up.
pub async fn check(gateway: &Arc<Gateway>, who: &Principal, body: &[u8], words: &[&str]) -> Result<(), Fault> {
    if who.admin || !words.iter().any(|word| memchr::memmem::find(body, word.as_bytes()).is_some()) {
        return Ok(());
    }
    let ids = {
        let Ok(json) = Json::from_bytes(body) else { return Ok(()) };
        let mut ids = Vec::new();
        collect(json, &mut ids);
        ids
    };
    if ids.len() > MOST {
        return Err(Fault::invalid("", format!("The body names more than {MOST} objects.")));
    }
    let anyone = Principal::named("admin", true);
    for (kind, id) in ids {
        if gateway.objects.find(who, kind, &id, None).await?.is_some() {
            continue;
        }
        if gateway.objects.find(&anyone, kind, &id, None).await?.is_some() {
            let message = format!("There is no {} `{id}` of this key.", kind.name().replace('_', " "));
            return Err(Fault::new(FaultKind::NotFound, message));
        }
    }
    Ok(())
}

fn collect(json: Json<'_>, ids: &mut Vec<(Kind, String)>) {
    match json.kind() {
        JsonKind::Object => {
            for (key, value) in json.members() {
                if let Some((_, kind)) = MEMBERS.into_iter().find(|(member, _)| *key == **member) {
                    name(kind, value, ids);
                }
                collect(value, ids);
            }
        }
        JsonKind::Array => json.items().for_each(|item| collect(item, ids)),
        _ => {}
    }
}

/// A name is a text, an object with `id`, or a list of those.
fn name(kind: Kind, value: Json<'_>, ids: &mut Vec<(Kind, String)>) {
    match value.kind() {
        JsonKind::String => {
            let text = value.as_str().unwrap_or_default();
            let id = text.rsplit('/').next().unwrap_or_default();
            let found = (kind, id.to_owned());
            if is_id(id) && !ids.contains(&found) && ids.len() <= MOST {
                ids.push(found);
            }
        }
        JsonKind::Array => value.items().for_each(|item| name(kind, item, ids)),
        JsonKind::Object => {
            if let Some(id) = value.get("id") {
                name(kind, id, ids);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let body = r#"{"file_id": 1, "input": [{"content": [{"type": "input_file", "file_id": "file-1"},
            {"file": {"file_id": "file-2"}}]}], "conversation": {"id": "conv_1"}, "tools": [{"vector_store_ids":
            ["vs_1", "vs_2"]}], "cachedContent": "cachedContents/c1", "text": "file_id file-9"}"#;
        let mut ids = Vec::new();
        collect(Json::parse(body).unwrap(), &mut ids);
        let ids: Vec<String> = ids.iter().map(|(kind, id)| format!("{} {id}", kind.name())).collect();
        let expected = [
            "file file-1",
            "file file-2",
            "conversation conv_1",
            "vector_store vs_1",
            "vector_store vs_2",
            "cached_content c1",
        ];
        assert_eq!(ids, expected);
    }
}
