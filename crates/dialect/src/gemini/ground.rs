//! What an answer cites: grounding and citation metadata to citations, and back.
//!
//! Google counts in bytes of the candidate's text, the IR in characters of it.

use std::borrow::Cow;

use wire::json::{Json, Writer};

use super::member::{camel, get};
use crate::id::DialectId;
use crate::ir::part::Citation;
use crate::loss::Loss;

/// The citations of a candidate whose visible text is `text`, and what of its metadata has no place.
pub(super) fn read(candidate: Json<'_>, text: &str, losses: &mut Vec<Loss>) -> Vec<Citation> {
    let mut citations = Vec::new();
    if let Some(grounding) = get(candidate, "groundingMetadata") {
        grounded(grounding, text, &mut citations);
        for (key, value) in grounding.members().filter(|(_, value)| !value.is_null()) {
            let empty = value.items().next().is_none() && value.members().next().is_none();
            let key = camel(key);
            if !empty && !matches!(&*key, "groundingChunks" | "groundingSupports") {
                lose(Loss::dropped(key.into_owned(), "groundingMetadata"), losses);
            }
        }
    }
    if let Some(metadata) = get(candidate, "citationMetadata") {
        let sources = get(metadata, "citationSources").or_else(|| get(metadata, "citations"));
        for source in sources.unwrap_or(Json::NULL).items() {
            let citation = Citation {
                url: word(source, "uri"),
                title: word(source, "title"),
                quoted: None,
                span: span(source, text),
                raw: None,
            };
            citations.push(citation);
        }
    }
    citations
}

/// Adds a loss that is not there yet.
pub(super) fn lose(loss: Loss, losses: &mut Vec<Loss>) {
    if !losses.contains(&loss) {
        losses.push(loss);
    }
}

fn grounded(grounding: Json<'_>, text: &str, out: &mut Vec<Citation>) {
    let chunks: Vec<Json<'_>> = get(grounding, "groundingChunks").unwrap_or(Json::NULL).items().collect();
    let mut cited = vec![false; chunks.len()];
    let source = |chunk: Json<'_>| {
        let inner = chunk.members().map(|(_, inner)| inner).next().unwrap_or(Json::NULL);
        (word(inner, "uri"), word(inner, "title"), word(inner, "text"))
    };
    for support in get(grounding, "groundingSupports").unwrap_or(Json::NULL).items() {
        let segment = get(support, "segment").unwrap_or(Json::NULL);
        for index in get(support, "groundingChunkIndices").unwrap_or(Json::NULL).items() {
            let Some(place) = index.as_u64().and_then(|index| usize::try_from(index).ok()) else { continue };
            let Some(chunk) = chunks.get(place) else { continue };
            if let Some(cited) = cited.get_mut(place) {
                *cited = true;
            }
            let (url, title, _) = source(*chunk);
            out.push(Citation { url, title, quoted: word(segment, "text"), span: span(segment, text), raw: None });
        }
    }
    for (chunk, _) in chunks.iter().zip(cited).filter(|(_, cited)| !cited) {
        let (url, title, quoted) = source(*chunk);
        out.push(Citation { url, title, quoted, span: None, raw: None });
    }
}

fn word(object: Json<'_>, name: &str) -> Option<String> {
    get(object, name).and_then(Json::as_str).map(Cow::into_owned).filter(|text| !text.is_empty())
}

/// A span of bytes as one of characters. A start of 0 is left out.
fn span(segment: Json<'_>, text: &str) -> Option<(u64, u64)> {
    let end = get(segment, "endIndex").and_then(Json::as_u64)?;
    let start = get(segment, "startIndex").and_then(Json::as_u64).unwrap_or(0);
    let chars = |byte: u64| {
        let before = text.get(..usize::try_from(byte).ok()?)?;
        u64::try_from(before.chars().count()).ok()
    };
    Some((chars(start)?, chars(end)?))
}

/// The other way: where a character begins, in bytes.
fn bytes(text: &str, char: u64) -> Option<u64> {
    let char = usize::try_from(char).ok()?;
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    u64::try_from(ends.into_iter().nth(char)?).ok()
}

/// A citation with the place of its part.
pub(super) type Cited = (String, Citation);

/// Writes citations as `groundingMetadata`: each is a support of its own. `None` where none has a place.
pub(super) fn write(cited: &[Cited], text: &str, losses: &mut Vec<Loss>) -> Option<String> {
    let mut chunks: Vec<(&str, Option<&str>)> = Vec::new();
    let mut supports = Vec::new();
    for (at, citation) in cited {
        let Some(url) = citation.url.as_deref() else {
            losses.push(Loss::dropped("citations", at.clone()));
            continue;
        };
        if matches!(&citation.raw, Some((dialect, _)) if *dialect != DialectId::Gemini) {
            losses.push(Loss::approximated("citations", at.clone()));
        }
        let span = citation.span.and_then(|(start, end)| Some((bytes(text, start)?, bytes(text, end)?)));
        if span.is_none() && citation.span.is_some() {
            losses.push(Loss::approximated("citations", at.clone()));
        }
        let chunk = (url, citation.title.as_deref());
        let place = chunks.iter().position(|other| *other == chunk).unwrap_or_else(|| {
            chunks.push(chunk);
            chunks.len() - 1
        });
        supports.push((place, span, citation.quoted.as_deref()));
    }
    if supports.is_empty() {
        return None;
    }
    let mut json = Writer::new();
    json.object(|json| {
        json.key("groundingChunks").array(|json| {
            for (url, title) in &chunks {
                json.object(|json| {
                    json.key("web").object(|json| {
                        json.key("uri").str(url);
                        if let Some(title) = title {
                            json.key("title").str(title);
                        }
                    });
                });
            }
        });
        json.key("groundingSupports").array(|json| {
            for (place, span, quoted) in &supports {
                json.object(|json| {
                    json.key("segment").object(|json| {
                        if let Some((start, end)) = span {
                            json.key("startIndex").u64(*start);
                            json.key("endIndex").u64(*end);
                        }
                        if let Some(quoted) = quoted {
                            json.key("text").str(quoted);
                        }
                    });
                    json.key("groundingChunkIndices").array(|json| _ = json.u64(*place as u64));
                });
            }
        });
    });
    Some(json.finish())
}

#[cfg(test)]
mod tests;
