//! Media of a request that stand at an address: where they are, and whether a target can fetch them itself.

use std::fmt::Write as _;

use wire::json::{Json, Kind, Step};

use crate::ir::part::MediaKind;

/// How a target takes media that a caller gave as an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// As the address: it fetches them.
    Address,
    /// As bytes only: whoever sends the request must have fetched them.
    Bytes,
    /// Not at all, in whatever form.
    Nothing,
}

/// Media at an address in a request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// What kind they are said to be.
    pub kind: MediaKind,
    /// The address as the caller wrote it.
    pub url: String,
    /// The steps to the value that holds it.
    pub steps: Vec<Step<'static>>,
}

impl Remote {
    /// The path to the address, as faults name it (`messages[0].content[1].image_url.url`).
    #[must_use]
    pub fn path(&self) -> String {
        shown(&self.steps)
    }

    /// The steps to what stands beside the address.
    pub(crate) fn beside(&self, key: &'static str) -> Vec<Step<'static>> {
        let mut steps = self.steps.clone();
        steps.pop();
        steps.push(key.into());
        steps
    }
}

/// A path in the words of faults.
pub(crate) fn shown(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Item(item) => {
                let _ = write!(path, "[{item}]");
            }
        }
    }
    path
}

/// True for an address that anybody can fetch.
#[must_use]
pub fn is_web(url: &str) -> bool {
    let starts = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    starts("http://") || starts("https://")
}

/// What a dialect takes whose targets fetch web addresses of media of these kinds.
pub(crate) fn takes(kind: MediaKind, url: &str, fetched: &[MediaKind], bytes: &[MediaKind]) -> Takes {
    match (fetched.contains(&kind), bytes.contains(&kind)) {
        (true, _) if is_web(url) => Takes::Address,
        (true, _) | (_, true) => Takes::Bytes,
        (false, false) => Takes::Nothing,
    }
}

/// What kind of media a part is, the steps from the part to its address, and the address.
pub(crate) type Found = (MediaKind, Vec<Step<'static>>, String);

/// Walks the parts of a body and gathers the media at addresses.
pub(crate) struct Walk<'w> {
    /// Members of a part that hold more parts.
    pub(crate) inside: fn(&str) -> bool,
    /// The media at an address that a part is.
    pub(crate) look: fn(Json<'_>) -> Option<Found>,
    /// What was found.
    pub(crate) found: &'w mut Vec<Remote>,
}

impl Walk<'_> {
    /// Looks at a value and at all parts below it.
    pub(crate) fn value(&mut self, value: Json<'_>, at: &mut Vec<Step<'static>>) {
        match value.kind() {
            Kind::Array => {
                for (index, item) in value.items().enumerate() {
                    at.push(index.into());
                    self.value(item, at);
                    at.pop();
                }
            }
            Kind::Object => {
                if let Some((kind, below, url)) = (self.look)(value) {
                    // What stands here as bytes is not at an address.
                    if !url.is_empty() && !url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
                        let steps = at.iter().cloned().chain(below).collect();
                        self.found.push(Remote { kind, url, steps });
                    }
                }
                for (key, inner) in value.members() {
                    if (self.inside)(&key) && matches!(inner.kind(), Kind::Array | Kind::Object) {
                        at.push(Step::Key(key.into_owned().into()));
                        self.value(inner, at);
                        at.pop();
                    }
                }
            }
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => {}
        }
    }
}

/// An address that is a string, and the steps to it.
pub(crate) fn string(value: Json<'_>, keys: &[&str]) -> Option<(Vec<Step<'static>>, String)> {
    let url = value.at(keys)?.as_str()?.into_owned();
    Some((keys.iter().map(|key| Step::Key((*key).to_owned().into())).collect(), url))
}

/// Bytes as a `data:` URL, as JSON text.
pub(crate) fn data_url(media_type: &str, data: &str) -> String {
    let mut text = String::with_capacity(data.len() + media_type.len() + 16);
    // Neither base64 nor a media type that was checked holds what JSON escapes.
    let _ = write!(text, "\"data:{};base64,", plain(media_type));
    text.push_str(data);
    text.push('"');
    text
}

/// A media type of the characters that such names have.
pub(crate) fn plain(media_type: &str) -> &str {
    let odd = |char: char| !(char.is_ascii_alphanumeric() || matches!(char, '/' | '-' | '+' | '.'));
    if media_type.is_empty() || media_type.contains(odd) { "application/octet-stream" } else { media_type }
}

#[cfg(test)]
mod tests;
