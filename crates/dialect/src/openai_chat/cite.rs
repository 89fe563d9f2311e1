//! Annotations of an answer's text: sources it cites, both ways.

use wire::json::{Json, Writer};

use crate::cite;
use crate::id::DialectId;
use crate::ir::part::Citation;
use crate::loss::Loss;
use crate::members::word;

const HERE: DialectId = DialectId::OpenAiChat;

/// Reads one annotation; its form is kept where it says more than a citation does.
pub(super) fn read(annotation: Json<'_>) -> Citation {
    // Some servers leave out the level that the type names.
    let inner = annotation.get("url_citation").unwrap_or(annotation);
    let mut citation = cite::read(inner);
    let plain = annotation.get("type").is_some_and(|kind| kind.is("url_citation"))
        && annotation.members().all(|(key, _)| matches!(&*key, "type" | "url_citation"))
        && inner.members().all(|(key, _)| cite::known(&key))
        && citation.url.is_some();
    citation.raw = (!plain).then(|| (HERE, annotation.raw().into()));
    citation
}

/// What a server found on the web, as Perplexity tells it at the top: `search_results` with titles, else the bare
/// addresses of `citations`. `None` for members that are none of these.
pub(super) fn found(key: &str, value: Json<'_>) -> Option<Vec<Citation>> {
    let source = |item: Json<'_>| {
        let word = |name: &str| item.get(name).and_then(word);
        let url = word("url").or_else(|| item.as_str().map(|url| url.into_owned()))?;
        let (title, quoted) = (word("title"), word("snippet"));
        Some(Citation { url: Some(url), title, quoted, span: None, raw: None })
    };
    matches!(key, "search_results" | "citations").then(|| value.items().filter_map(source).collect())
}

/// Writes one annotation, `None` for a citation without an address, which has no place here.
pub(super) fn write(citation: &Citation, at: &str, losses: &mut Vec<Loss>) -> Option<String> {
    cite::annotation(HERE, citation, at, losses, |url: &str, json: &mut Writer| {
        let (from, to) = citation.span.unwrap_or((0, 0));
        json.key("url_citation").object(|json| {
            json.key("url").str(url);
            json.key("title").str(citation.title.as_deref().unwrap_or_default());
            json.key("start_index").u64(from);
            json.key("end_index").u64(to);
            if let Some(quoted) = &citation.quoted {
                json.key("content").str(quoted);
            }
        });
    })
}
