//! Media at addresses in this dialect's requests, and the bytes that take their place.

use wire::json::{Document, Edit, Json, Step, Writer};

use super::member::{camel, get};
use super::part::{is_stored, kind_of};
use crate::ir::part::MediaKind;
use crate::quirk::Quirk;
use crate::remote::{Found, Remote, Takes, Walk, is_web, plain};
use crate::target::Target;

/// How a target of this dialect takes media. Google's own storage and YouTube it reads by their address. Any other
/// address wants its media type beside it, which only the bytes tell, and older models fetch none.
pub(super) fn takes(_kind: MediaKind, url: &str, to: &Target<'_>) -> Takes {
    let youtube = ["https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/"];
    let own = youtube.iter().any(|start| url.starts_with(start)) || url.starts_with("gs://") || is_files_api(url);
    if own && !to.quirks.has(Quirk::NoMediaUrls) { Takes::Address } else { Takes::Bytes }
}

fn is_files_api(url: &str) -> bool {
    is_web(url) && is_stored(url)
}

/// The media at addresses. What the Files API keeps has an id, not an address.
pub(super) fn remote(body: &Document) -> Vec<Remote> {
    let mut found = Vec::new();
    for (key, value) in body.members() {
        if matches!(&*camel(key), "contents" | "systemInstruction") {
            let inside = |key: &str| matches!(&*camel(key), "parts" | "functionResponse");
            let mut walk = Walk { inside, look, found: &mut found };
            walk.value(value, &mut vec![Step::Key(key.to_owned().into())]);
        }
    }
    found
}

fn look(part: Json<'_>) -> Option<Found> {
    let (key, file) = part.members().find(|(key, value)| camel(&**key) == "fileData" && !value.is_null())?;
    let (name, uri) = file.members().find(|(key, _)| camel(&**key) == "fileUri")?;
    let uri = uri.as_str().filter(|uri| !is_files_api(uri))?.into_owned();
    let media_type = get(file, "mimeType").and_then(Json::as_str).unwrap_or_default();
    let kind = if media_type.is_empty() { kind_of(super::part::guess(&uri, None)) } else { kind_of(&media_type) };
    let steps = vec![Step::Key(key.into_owned().into()), Step::Key(name.into_owned().into())];
    Some((kind, steps, uri))
}

/// The edits that put bytes in the place of an address: another member of the part.
pub(super) fn inline(remote: &Remote, media_type: &str, data: &str) -> Vec<Edit<'static>> {
    let mut file = remote.steps.clone();
    file.pop();
    let mut bytes = file.clone();
    bytes.pop();
    bytes.push("inlineData".into());
    let mut json = Writer::new();
    json.object(|json| _ = json.key("mimeType").str(plain(media_type)).key("data").str(data));
    vec![Edit::remove_at(file), Edit::set_at(bytes, json.finish())]
}
