//! What an answer cites: Cohere's citations with their sources, both ways. Places are counted in characters of
//! the item of content that they stand on.

use wire::json::{Json, Kind, Writer};

use crate::id::DialectId;
use crate::ir::part::Citation;
use crate::loss::Loss;
use crate::members::word;

const HERE: DialectId = DialectId::CohereV2;

/// The id of a source that has no address.
const UNNAMED: &str = "source";

/// Reads one citation: its first source with an address, a title or words. Its form is kept where it says more.
pub(super) fn read(citation: Json<'_>) -> Citation {
    let place = |name: &str| citation.get(name).and_then(Json::as_u64);
    let sources = || citation.get("sources").unwrap_or(Json::NULL).items();
    let told = |document: Json<'_>, name: &str| document.get(name).and_then(word);
    let first = sources().filter_map(document).find(|one| told(*one, "url").is_some());
    let first = first.or_else(|| sources().find_map(document)).unwrap_or(Json::NULL);
    let mut read = Citation {
        url: told(first, "url"),
        title: told(first, "title"),
        quoted: told(first, "text").or_else(|| told(first, "snippet")),
        span: place("start").zip(place("end")).filter(|(from, to)| from < to),
        raw: None,
    };
    if !is_plain(citation, &read) {
        read.raw = Some((HERE, citation.raw().into()));
    }
    read
}

/// The document that a source is.
fn document(source: Json<'_>) -> Option<Json<'_>> {
    source.get("document").and_then(Json::non_null)
}

/// True for a citation that says no more than the IR does: one source, of our own naming.
fn is_plain(citation: Json<'_>, read: &Citation) -> bool {
    let mut sources = citation.get("sources").unwrap_or(Json::NULL).items();
    let (Some(source), None) = (sources.next(), sources.next()) else { return false };
    let id_of = read.url.as_deref().unwrap_or(UNNAMED);
    let own = ["id", "url", "title", "text"];
    let document = source.get("document").unwrap_or(Json::NULL);
    source.get("id").is_some_and(|id| id.is(id_of))
        && source.members().all(|(key, _)| matches!(&*key, "type" | "id" | "document"))
        && document.members().all(|(key, value)| own.contains(&&*key) && value.kind() == Kind::String)
        && document.get("text").is_none_or(|text| !text.is(""))
        && document.get("title").is_none_or(|title| !title.is(""))
}

/// The index of the item of content that a citation stands on, where it says.
pub(super) fn index(citation: Json<'_>) -> Option<u64> {
    citation.get("content_index").and_then(Json::as_u64)
}

/// Writes one citation on the text of an item of content.
pub(super) fn write(citation: &Citation, text: &str, index: u64, at: &str, losses: &mut Vec<Loss>) -> String {
    if let Some((dialect, raw)) = &citation.raw {
        if *dialect == HERE {
            return raw.as_str().to_owned();
        }
        // What its own dialect says beyond address, title and words does not come along.
        losses.push(Loss::approximated("citations", at));
    }
    let (from, to) = citation.span.unwrap_or((0, 0));
    let cut = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let cited: String = text.chars().skip(cut(from)).take(cut(to.saturating_sub(from))).collect();
    let mut json = Writer::new();
    json.object(|json| {
        json.key("start").u64(from);
        json.key("end").u64(to);
        json.key("text").str(&cited);
        json.key("sources").array(|json| {
            json.object(|json| {
                let id = citation.url.as_deref().unwrap_or(UNNAMED);
                json.key("type").str("document");
                json.key("id").str(id);
                json.key("document").object(|json| {
                    json.key("id").str(id);
                    for (key, value) in [("url", &citation.url), ("title", &citation.title), ("text", &citation.quoted)]
                    {
                        if let Some(value) = value {
                            json.key(key).str(value);
                        }
                    }
                });
            });
        });
        json.key("type").str("TEXT_CONTENT");
        json.key("content_index").u64(index);
    });
    json.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn what_says_more_is_kept() {
        let text = r#"{"start":1,"end":3,"text":"bc","sources":[{"type":"document","id":"doc:0","document":{"id":"doc:0","title":"t","text":"abc"}}],"type":"TEXT_CONTENT","content_index":1}"#;
        let citation = read(Json::parse(text).expect("JSON"));
        assert_eq!(
            (citation.title.as_deref(), citation.quoted.as_deref(), citation.span),
            (Some("t"), Some("abc"), Some((1, 3)))
        );
        assert_eq!(citation.raw.as_ref().map(|(_, raw)| raw.as_str()), Some(text));
        assert_eq!(write(&citation, "", 0, "", &mut Vec::new()), text);
    }

    #[test]
    fn plain_ones_come_back() {
        let (url, title) = (Some("https://a/1".to_owned()), Some("t".to_owned()));
        let plain = Citation { url, title, quoted: None, span: Some((1, 3)), raw: None };
        let written = write(&plain, "aécd", 2, "", &mut Vec::new());
        let json = Json::parse(&written).expect("JSON");
        assert_eq!((read(json), index(json)), (plain, Some(2)));
        assert!(written.contains(r#""text":"éc""#), "{written}");
    }
}
