//! Media at addresses in this dialect's requests, and the bytes that take their place.

use wire::json::{Document, Edit, Json};

use crate::ir::part::MediaKind;
use crate::quirk::Quirk;
use crate::remote::{Found, Remote, Takes, Walk, data_url, string, takes as takes_of};
use crate::target::Target;

/// How a target of this dialect takes media.
pub(super) fn takes(kind: MediaKind, url: &str, to: &Target<'_>) -> Takes {
    let known = [MediaKind::Image, MediaKind::File];
    takes_of(kind, url, if to.quirks.has(Quirk::NoMediaUrls) { &[] } else { &known }, &known)
}

/// The media at addresses.
pub(super) fn remote(body: &Document) -> Vec<Remote> {
    let mut found = Vec::new();
    if let Some(input) = body.get("input") {
        let mut walk = Walk { inside: |key| matches!(key, "content" | "output"), look, found: &mut found };
        walk.value(input, &mut vec!["input".into()]);
    }
    found
}

fn look(part: Json<'_>) -> Option<Found> {
    let (kind, name) = match &*part.get("type")?.as_str()? {
        "input_image" => (MediaKind::Image, "image_url"),
        "input_file" => (MediaKind::File, "file_url"),
        _ => return None,
    };
    let (steps, url) = string(part, &[name])?;
    Some((kind, steps, url))
}

/// The edits that put bytes in the place of an address. A file's bytes have another member.
pub(super) fn inline(remote: &Remote, media_type: &str, data: &str) -> Vec<Edit<'static>> {
    if remote.kind == MediaKind::Image {
        return vec![Edit::set_at(remote.steps.clone(), data_url(media_type, data))];
    }
    vec![Edit::remove_at(remote.steps.clone()), Edit::set_at(remote.beside("file_data"), data_url(media_type, data))]
}
