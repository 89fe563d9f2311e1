//! Sources that an answer cites, in the form both of OpenAI's dialects give them: `url_citation`.

use wire::json::{Json, Writer};

use crate::id::DialectId;
use crate::ir::part::Citation;
use crate::loss::Loss;
use crate::members::word;

/// The members that say what is cited, and where. A span of nothing is OpenRouter's word for "not known".
pub(crate) fn read(source: Json<'_>) -> Citation {
    let word = |name: &str| source.get(name).and_then(word);
    let place = |name: &str| source.get(name).and_then(Json::as_u64);
    Citation {
        url: word("url"),
        title: word("title"),
        quoted: word("content"),
        span: place("start_index").zip(place("end_index")).filter(|(from, to)| from < to),
        raw: None,
    }
}

/// True for a member that [`read`] reads.
pub(crate) fn known(key: &str) -> bool {
    matches!(key, "url" | "title" | "start_index" | "end_index" | "content")
}

/// An annotation: the dialect's own as it came, else one that `write` writes around an address. `None` for a
/// citation without an address, which has no place here.
pub(crate) fn annotation(
    here: DialectId,
    citation: &Citation,
    at: &str,
    losses: &mut Vec<Loss>,
    write: impl FnOnce(&str, &mut Writer),
) -> Option<String> {
    if let Some((dialect, raw)) = &citation.raw
        && *dialect == here
    {
        return Some(raw.as_str().to_owned());
    }
    let Some(url) = &citation.url else {
        losses.push(Loss::dropped("citation", at));
        return None;
    };
    if citation.raw.is_some() {
        // What its own dialect says beyond address, title and words does not come along.
        losses.push(Loss::approximated("citation", at));
    }
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("url_citation");
        write(url, json);
    });
    Some(json.finish())
}
