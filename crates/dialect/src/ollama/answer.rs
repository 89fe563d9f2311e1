//! What requests, whole answers and streams of this dialect share: images, and arguments that must be objects.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use crate::ir::part::{Media, MediaKind, MediaSource, ToolCall};
use crate::loss::Loss;

/// An image of bytes in base64, whose type is told by how they begin.
pub(super) fn picture(data: String) -> Media {
    let source = MediaSource::Base64 { media_type: type_of(&data).to_owned(), data };
    Media { kind: MediaKind::Image, source, name: None, detail: None }
}

/// The media type of bytes in base64, by how they begin; PNG where that is not known.
pub(super) fn type_of(data: &str) -> &'static str {
    [("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")]
        .into_iter()
        .find_map(|(start, kind)| data.starts_with(start).then_some(kind))
        .unwrap_or("image/png")
}

/// An image as its bytes; `None` for what is elsewhere or none.
pub(super) fn bytes<'a>(media: &'a Media, at: &str, losses: &mut Vec<Loss>) -> Option<&'a str> {
    let MediaSource::Base64 { media_type, data } = &media.source else { return None };
    if media.kind != MediaKind::Image {
        return None;
    }
    if media_type != type_of(data) {
        losses.push(Loss::approximated("image", at));
    }
    for (word, lost) in
        [("filename", media.name.is_some()), ("detail", media.detail.as_deref().is_some_and(|detail| detail != "auto"))]
    {
        if lost {
            losses.push(Loss::dropped(word, at));
        }
    }
    Some(data)
}

/// Arguments as the object they must be, on one line. Nothing said is `{}`; anything else is wrapped so that no
/// word is lost.
fn arguments<'a>(text: &'a str, at: &str, losses: &mut Vec<Loss>) -> Cow<'a, str> {
    match Json::parse(text) {
        Ok(json) if json.kind() == Kind::Object => Cow::Borrowed(json.raw()),
        Ok(json) if json.is_null() => Cow::Borrowed("{}"),
        _ if text.trim().is_empty() => Cow::Borrowed("{}"),
        _ => {
            losses.push(Loss::approximated("arguments", at));
            let mut json = Writer::new();
            json.object(|json| _ = json.key("arguments").str(text));
            Cow::Owned(json.finish())
        }
    }
}

/// A call as an item of `tool_calls`, with members of the dialect's own.
pub(super) fn call(call: &ToolCall, own: &[(String, String)], at: &str, losses: &mut Vec<Loss>) -> String {
    if call.proof.is_some() {
        losses.push(Loss::dropped("signature", at));
    }
    let arguments = arguments(&call.arguments, at, losses);
    crate::members::written(own, |json| {
        if !call.id.is_empty() {
            json.key("id").str(&call.id);
        }
        json.key("function").object(|json| _ = json.key("name").str(&call.name).key("arguments").raw(&arguments));
    })
}
