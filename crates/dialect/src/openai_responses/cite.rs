//! Annotations of an answer's text: sources it cites, both ways.

use wire::json::{Json, Writer};

use crate::cite;
use crate::id::DialectId;
use crate::ir::part::Citation;
use crate::loss::Loss;
use crate::members::word;

const HERE: DialectId = DialectId::OpenAiResponses;

/// Reads one annotation; its form is kept where it says more than a citation does (files, containers).
pub(super) fn read(annotation: Json<'_>) -> Citation {
    let mut citation = cite::read(annotation);
    let plain = annotation.get("type").is_some_and(|kind| kind.is("url_citation"))
        && annotation.members().all(|(key, _)| key == "type" || cite::known(&key))
        && citation.url.is_some();
    citation.title = citation.title.or_else(|| annotation.get("filename").and_then(word));
    citation.raw = (!plain).then(|| (HERE, annotation.raw().into()));
    citation
}

/// Writes one annotation, `None` for a citation without an address, which has no place here.
pub(super) fn write(citation: &Citation, at: &str, losses: &mut Vec<Loss>) -> Option<String> {
    cite::annotation(HERE, citation, at, losses, |url: &str, json: &mut Writer| {
        let (from, to) = citation.span.unwrap_or((0, 0));
        json.key("start_index").u64(from);
        json.key("end_index").u64(to);
        json.key("url").str(url);
        json.key("title").str(citation.title.as_deref().unwrap_or_default());
        if let Some(quoted) = &citation.quoted {
            json.key("content").str(quoted);
        }
    })
}
