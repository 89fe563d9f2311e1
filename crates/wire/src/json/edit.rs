//! Set and remove by path in a JSON text; every untouched byte keeps its place.

use std::borrow::Cow;

use super::read::Json;
use super::text::quote;

/// One step of a path into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// A member of an object.
    Key(Cow<'a, str>),
    /// An item of an array, from 0.
    Item(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Step::Key(Cow::Borrowed(key))
    }
}

impl From<usize> for Step<'_> {
    fn from(item: usize) -> Self {
        Step::Item(item)
    }
}

/// One change of a body. Paths name places in the body as it came: an item keeps its number when one
/// before it is removed. Of several edits at one place the last counts; an edit below a place that an
/// earlier one sets changes the new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<'a> {
    /// Where.
    pub path: Vec<Step<'a>>,
    /// The new value as JSON text; `None` removes what is there.
    pub value: Option<Cow<'a, str>>,
}

impl<'a> Edit<'a> {
    /// Sets a top-level member to a JSON text, adding it at the end where it is missing.
    pub fn set(key: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        Self { path: vec![key.into()], value: Some(value.into()) }
    }

    /// Sets a top-level member to a string.
    #[must_use]
    pub fn set_str(key: &'a str, text: &str) -> Self {
        let mut value = String::with_capacity(text.len() + 2);
        quote(text, &mut value);
        Self::set(key, value)
    }

    /// Removes a top-level member, if it is there.
    #[must_use]
    pub fn remove(key: &'a str) -> Self {
        Self { path: vec![key.into()], value: None }
    }

    /// Sets the value at a path; members that are missing on the way are made as objects, items are not.
    pub fn set_at(path: Vec<Step<'a>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { path, value: Some(value.into()) }
    }

    /// Removes what is at a path, if it is there.
    #[must_use]
    pub fn remove_at(path: Vec<Step<'a>>) -> Self {
        Self { path, value: None }
    }
}

/// The body with new values in the place of old ones, spans in ascending order.
pub(super) fn splice(bytes: &[u8], spans: &[(std::ops::Range<usize>, &str)]) -> Vec<u8> {
    let extra: usize = spans.iter().map(|(_, new)| new.len()).sum();
    let mut out = Vec::with_capacity(bytes.len() + extra);
    let mut from = 0;
    for (span, new) in spans {
        out.extend_from_slice(bytes.get(from..span.start).unwrap_or_default());
        out.extend_from_slice(new.as_bytes());
        from = span.end;
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out
}

/// One edit with the steps that are still ahead of it.
type Pending<'e> = (&'e [Step<'e>], Option<&'e str>);

/// The text of one value with edits applied. White space around the value is kept.
pub(super) fn rewrite(text: &str, edits: &[Edit<'_>]) -> Vec<u8> {
    let trimmed = text.trim_matches([' ', '\n', '\r', '\t']);
    let lead = text.len() - text.trim_start_matches([' ', '\n', '\r', '\t']).len();
    let pending: Vec<Pending<'_>> = edits.iter().map(|edit| (&*edit.path, edit.value.as_deref())).collect();
    let extra: usize = edits.iter().map(|edit| edit.value.as_ref().map_or(0, |value| value.len() + 32)).sum();
    let mut out = String::with_capacity(text.len() + extra);
    out.push_str(text.get(..lead).unwrap_or_default());
    value(trimmed, &pending, &mut out);
    out.push_str(text.get(lead + trimmed.len()..).unwrap_or_default());
    out.into_bytes()
}

fn value(raw: &str, edits: &[Pending<'_>], out: &mut String) {
    if edits.is_empty() {
        return out.push_str(raw);
    }
    match raw.as_bytes().first() {
        Some(b'{') => object(raw, edits, out),
        Some(b'[') => array(raw, edits, out),
        _ => out.push_str(raw),
    }
}

/// Splits the edits of one child: what it is before the later ones change it (`None` = gone), and those.
fn base<'e, 'p>(raw: Option<&'e str>, edits: &'p [Pending<'e>]) -> (Option<&'e str>, &'p [Pending<'e>]) {
    match edits.iter().rposition(|(rest, _)| rest.is_empty()) {
        Some(at) => (edits.get(at).and_then(|(_, new)| *new), edits.get(at + 1..).unwrap_or_default()),
        None => (raw, edits),
    }
}

/// True when the child, if it is there at all, is not there afterwards.
fn absent(raw: Option<&str>, edits: &[Pending<'_>]) -> bool {
    let (base, later) = base(raw, edits);
    base.is_none() && later.iter().all(|(_, new)| new.is_none())
}

/// Writes one child that is not absent.
fn child(raw: Option<&str>, edits: &[Pending<'_>], out: &mut String) {
    let (base, later) = base(raw, edits);
    value(base.unwrap_or("{}"), later, out);
}

fn below<'e>(edits: &[Pending<'e>], here: impl Fn(&Step<'_>) -> bool) -> Vec<Pending<'e>> {
    edits
        .iter()
        .filter_map(|(path, new)| {
            let (first, rest) = path.split_first()?;
            here(first).then_some((rest, *new))
        })
        .collect()
}

fn object(raw: &str, edits: &[Pending<'_>], out: &mut String) {
    out.push('{');
    let mut members = Json::trusted(raw).members();
    let mut piece_from = 1;
    let mut first = true;
    let mut found: Vec<String> = Vec::new();
    while let Some((key, _, from, end)) = members.next_spans() {
        let mine = below(edits, |step| matches!(step, Step::Key(name) if *name == key));
        let piece_end = piece_end(raw, end);
        if !mine.is_empty() {
            found.push(key.into_owned());
        }
        if !absent(Some(raw), &mine) {
            if !first {
                out.push(',');
            }
            first = false;
            out.push_str(raw.get(piece_from..from).unwrap_or_default());
            child(raw.get(from..end), &mine, out);
            out.push_str(raw.get(end..piece_end).unwrap_or_default());
        }
        piece_from = piece_end + 1;
    }
    for (path, _) in edits {
        let Some((Step::Key(name), _)) = path.split_first() else { continue };
        if found.iter().any(|known| known == name) {
            continue;
        }
        found.push(name.to_string());
        let mine = below(edits, |step| matches!(step, Step::Key(other) if other == name));
        if absent(None, &mine) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        quote(name, out);
        out.push(':');
        child(None, &mine, out);
    }
    out.push('}');
}

fn array(raw: &str, edits: &[Pending<'_>], out: &mut String) {
    out.push('[');
    let base = raw.as_ptr() as usize;
    let mut piece_from = 1;
    let mut first = true;
    for (index, item) in Json::trusted(raw).items().enumerate() {
        // The item is a slice of `raw`, so its address tells its offset.
        let from = (item.raw().as_ptr() as usize).saturating_sub(base);
        let end = from + item.raw().len();
        let mine = below(edits, |step| *step == Step::Item(index));
        let piece_end = piece_end(raw, end);
        if !absent(Some(raw), &mine) {
            if !first {
                out.push(',');
            }
            first = false;
            out.push_str(raw.get(piece_from..from).unwrap_or_default());
            child(Some(item.raw()), &mine, out);
            out.push_str(raw.get(end..piece_end).unwrap_or_default());
        }
        piece_from = piece_end + 1;
    }
    out.push(']');
}

/// Offset of the `,` or closing bracket behind the value that ends at `end`.
fn piece_end(raw: &str, end: usize) -> usize {
    super::scan::space(raw.as_bytes(), end)
}
