//! Objects in the native lane: which ones a path is about, beside files and batches, which have a lane of their own.

use http::Method;
use policy::object::Kind;

use crate::objects::path::is_id;

/// Collections by the word in their path, lowercase. Sources: the API references of OpenAI, Anthropic and Google.
const COLLECTIONS: [(&str, Kind); 15] = [
    ("files", Kind::File),
    ("batches", Kind::Batch),
    ("responses", Kind::Response),
    ("conversations", Kind::Conversation),
    ("cachedcontents", Kind::CachedContent),
    ("uploads", Kind::Upload),
    ("vector_stores", Kind::VectorStore),
    ("assistants", Kind::Assistant),
    ("threads", Kind::Thread),
    ("jobs", Kind::FineTuningJob),
    ("videos", Kind::Video),
    ("containers", Kind::Container),
    ("evals", Kind::Eval),
    ("skills", Kind::Skill),
    ("completions", Kind::ChatCompletion),
];

/// What a path is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A new one of that kind, where the answer is good.
    New(Kind),
    /// One that is there.
    One {
        /// What it is.
        kind: Kind,
        /// Its id.
        id: String,
        /// The path is the object's own, not that of something below it.
        itself: bool,
    },
}

/// What a decoded path is about, `None` for no object that is known.
#[must_use]
pub fn about(method: &Method, path: &str) -> Option<About> {
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let kind = |place: usize| {
        let step = steps.get(place)?.to_ascii_lowercase();
        let before = place.checked_sub(1).and_then(|before| steps.get(before)).copied().unwrap_or_default();
        let (_, kind) = COLLECTIONS.into_iter().find(|(word, _)| *word == step)?;
        let good = match kind {
            Kind::FineTuningJob => before.eq_ignore_ascii_case("fine_tuning"),
            Kind::ChatCompletion => before.eq_ignore_ascii_case("chat"),
            _ => true,
        };
        good.then_some(kind)
    };
    let (place, kind) = (0..steps.len()).find_map(|place| Some((place, kind(place)?)))?;
    match steps.get(place + 1) {
        None => (*method == Method::POST).then_some(About::New(kind)),
        Some(id) => {
            // Google's verbs and anything that is no id are no object's.
            let id = id.split_once(':').map_or(*id, |(id, _)| id);
            is_id(id).then(|| About::One { kind, id: id.to_owned(), itself: place + 2 == steps.len() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_about_objects() {
        let tell = |method: Method, path: &str| match about(&method, path) {
            None => "nothing".to_owned(),
            Some(About::New(kind)) => format!("new {}", kind.name()),
            Some(About::One { kind, id, itself }) => format!("{} {id}{}", kind.name(), if itself { "" } else { " …" }),
        };
        for (method, path, expected) in [
            (Method::POST, "/v1/responses", "new response"),
            (Method::GET, "/v1/responses", "nothing"),
            (Method::GET, "/v1/responses/resp_1", "response resp_1"),
            (Method::GET, "/v1/responses/resp_1/input_items", "response resp_1 …"),
            (Method::DELETE, "/v1/conversations/c/items/i", "conversation c …"),
            (Method::POST, "/v1beta/cachedContents", "new cached_content"),
            (Method::GET, "/v1beta/cachedContents/x", "cached_content x"),
            (Method::POST, "/v1/chat/completions", "new chat_completion"),
            (Method::POST, "/v1/completions", "nothing"),
            (Method::POST, "/v1/fine_tuning/jobs", "new fine_tuning_job"),
            (Method::POST, "/v1/jobs", "nothing"),
            (Method::POST, "/v1/vector_stores/vs_1/files", "vector_store vs_1 …"),
            (Method::POST, "/v1/embeddings", "nothing"),
            (Method::GET, "/v1/models/m", "nothing"),
        ] {
            assert_eq!(tell(method.clone(), path), expected, "{method} {path}");
        }
    }
}
