//! Annotations of an answer's text: sources it cites, both ways.

use std::borrow::Cow;

use wire::json::{Json, Writer};

use crate::id::DialectId;
use crate::ir::part::Citation;
use crate::loss::Loss;

const HERE: DialectId = DialectId::OpenAiResponses;

/// Reads one annotation; its form is kept where it says more than a citation does (files, containers).
pub(super) fn read(annotation: Json<'_>) -> Citation {
    let text = |name: &str| {
        let text = annotation.get(name).and_then(Json::as_str).map(Cow::into_owned);
        text.filter(|text| !text.is_empty())
    };
    let place = |name: &str| annotation.get(name).and_then(Json::as_u64);
    let known = |key: &str| matches!(key, "type" | "url" | "title" | "start_index" | "end_index" | "content");
    let plain = annotation.get("type").is_some_and(|kind| kind.is("url_citation"))
        && annotation.members().all(|(key, _)| known(&key))
        && text("url").is_some();
    Citation {
        url: text("url"),
        title: text("title").or_else(|| text("filename")),
        quoted: text("content"),
        span: place("start_index").zip(place("end_index")).filter(|(from, to)| from < to),
        raw: (!plain).then(|| (HERE, annotation.raw().into())),
    }
}

/// Writes one annotation, `None` for a citation without an address, which has no place here.
pub(super) fn write(citation: &Citation, at: &str, losses: &mut Vec<Loss>) -> Option<String> {
    if let Some((HERE, raw)) = &citation.raw {
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
    let (from, to) = citation.span.unwrap_or((0, 0));
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("url_citation");
        json.key("start_index").u64(from);
        json.key("end_index").u64(to);
        json.key("url").str(url);
        json.key("title").str(citation.title.as_deref().unwrap_or_default());
        if let Some(quoted) = &citation.quoted {
            json.key("content").str(quoted);
        }
    });
    Some(json.finish())
}
