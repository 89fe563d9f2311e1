//! Sources that a text cites: OpenAI's `annotations`, Perplexity's `search_results` and `citations`.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use crate::id::DialectId;
use crate::ir::part::Citation;

/// Reads one annotation; `None` for a kind without an address.
pub(super) fn read(annotation: Json<'_>) -> Option<Citation> {
    let kind = annotation.get("type")?;
    if !kind.is("url_citation") {
        return None;
    }
    // Some servers leave the inner object out.
    let inner = annotation.get("url_citation").unwrap_or(annotation);
    let text = |name: &str| inner.get(name).and_then(Json::as_str).map(Cow::into_owned);
    let number = |name: &str| inner.get(name).and_then(Json::as_u64);
    Some(Citation {
        url: text("url"),
        title: text("title"),
        quoted: text("content"),
        span: number("start_index").zip(number("end_index")),
        raw: Some((DialectId::OpenAiChat, annotation.raw().into())),
    })
}

/// Reads a list of sources: objects with `url` and `title`, or bare addresses.
pub(super) fn sources(list: Json<'_>) -> Vec<Citation> {
    list.items()
        .filter_map(|item| {
            let text = |name: &str| item.get(name).and_then(Json::as_str).map(Cow::into_owned);
            let url = if item.kind() == Kind::String { item.as_str().map(Cow::into_owned) } else { text("url") };
            Some(Citation { url: Some(url?), title: text("title"), quoted: None, span: None, raw: None })
        })
        .collect()
}

/// One annotation as JSON; `None` for a citation without an address, which has no place here. `span`:
/// where the text stands that cites, for a citation that does not say.
pub(super) fn write(citation: &Citation, span: (u64, u64)) -> Option<String> {
    if let Some((DialectId::OpenAiChat, raw)) = &citation.raw {
        return Some(raw.as_str().to_owned());
    }
    let url = citation.url.as_deref()?;
    let (from, to) = citation.span.unwrap_or(span);
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("url_citation");
        json.key("url_citation").object(|json| {
            json.key("url").str(url);
            json.key("title").str(citation.title.as_deref().unwrap_or_default());
            json.key("start_index").u64(from);
            json.key("end_index").u64(to);
        });
    });
    Some(json.finish())
}
