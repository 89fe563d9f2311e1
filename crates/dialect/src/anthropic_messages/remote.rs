//! Media at addresses in this dialect's requests, and the bytes that take their place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::json::{Document, Edit, Json, Writer};

use crate::ir::part::MediaKind;
use crate::quirk::Quirk;
use crate::remote::{Found, Remote, Takes, Walk, plain, string, takes as takes_of};
use crate::target::Target;

/// How a target of this dialect takes media. Claude at other hosts fetches nothing
/// (platform.claude.com, vision, supported platforms).
pub(super) fn takes(kind: MediaKind, url: &str, to: &Target<'_>) -> Takes {
    let known = [MediaKind::Image, MediaKind::File];
    takes_of(kind, url, if to.quirks.has(Quirk::NoMediaUrls) { &[] } else { &known }, &known)
}

/// The media at addresses.
pub(super) fn remote(body: &Document) -> Vec<Remote> {
    let mut found = Vec::new();
    for member in ["system", "messages"] {
        if let Some(value) = body.get(member) {
            let mut walk = Walk { inside: |key| matches!(key, "content" | "source"), look, found: &mut found };
            walk.value(value, &mut vec![member.into()]);
        }
    }
    found
}

fn look(block: Json<'_>) -> Option<Found> {
    let kind = match &*block.get("type")?.as_str()? {
        "image" => MediaKind::Image,
        "document" => MediaKind::File,
        _ => return None,
    };
    if !block.at(&["source", "type"])?.is("url") {
        return None;
    }
    let (steps, url) = string(block, &["source", "url"])?;
    Some((kind, steps, url))
}

/// The edit that puts a source of bytes in the place of one of an address. A text is a source of its own.
pub(super) fn inline(remote: &Remote, media_type: &str, data: &str) -> Vec<Edit<'static>> {
    let text = || String::from_utf8(STANDARD.decode(data).ok()?).ok();
    let text = media_type.starts_with("text/").then(text).flatten();
    let mut json = Writer::new();
    json.object(|json| match &text {
        Some(text) => _ = json.key("type").str("text").key("media_type").str("text/plain").key("data").str(text),
        None => _ = json.key("type").str("base64").key("media_type").str(plain(media_type)).key("data").str(data),
    });
    let mut steps = remote.steps.clone();
    steps.pop();
    vec![Edit::set_at(steps, json.finish())]
}
