//! Members of requests, read by type with the fault that names their path, and written.

use std::borrow::Cow;

use wire::json::{Items, Json, Kind, Writer};

use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::{Foreign, Raw};
use crate::loss::Loss;

/// What a value was read as, or that it must be that.
pub(crate) fn must<T>(value: Option<T>, path: &str, be: &str) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::invalid(path, format!("`{path}` must be {be}.")))
}

/// A string.
pub(crate) fn text<'a>(value: Json<'a>, path: &str) -> Result<Cow<'a, str>, Fault> {
    must(value.as_str(), path, "a string")
}

/// True or false.
pub(crate) fn flag(value: Json<'_>, path: &str) -> Result<bool, Fault> {
    must(value.as_bool(), path, "true or false")
}

/// A whole number.
pub(crate) fn whole(value: Json<'_>, path: &str) -> Result<u64, Fault> {
    must(value.as_u64(), path, "a whole number of 0 or more")
}

/// A number, as it was written.
pub(crate) fn number(value: Json<'_>, path: &str) -> Result<Raw, Fault> {
    must(value.as_number().map(Raw::from), path, "a number")
}

/// An object.
pub(crate) fn object<'a>(value: Json<'a>, path: &str) -> Result<Json<'a>, Fault> {
    must((value.kind() == Kind::Object).then_some(value), path, "an object")
}

/// The items of an array.
pub(crate) fn array<'a>(value: Json<'a>, path: &str) -> Result<Items<'a>, Fault> {
    must((value.kind() == Kind::Array).then(|| value.items()), path, "an array")
}

/// A string that says something.
pub(crate) fn word(value: Json<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// A string that goes on as text. What is no character in it is replaced, and named.
pub(crate) fn said(value: Json<'_>, path: &str, losses: &mut Vec<Loss>) -> Result<String, Fault> {
    let text = must(value.text(), path, "a string")?;
    if text.replaced > 0 {
        losses.push(Loss::approximated("lone surrogate", path));
    }
    Ok(text.text.into_owned())
}

/// The same of a member that must be there.
pub(crate) fn need(object: Json<'_>, name: &str, path: &str, losses: &mut Vec<Loss>) -> Result<String, Fault> {
    let path = join(path, name);
    match object.get(name) {
        Some(value) => said(value, &path, losses),
        None => Err(Fault::invalid(&path, format!("`{path}` is missing."))),
    }
}

/// The path of a member.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value as it came.
pub(crate) fn raw(value: Json<'_>) -> Raw {
    value.raw().into()
}

/// Members that a dialect's object has beyond those that are `known` or say nothing. `null` says nothing.
pub(crate) fn foreign(here: DialectId, object: Json<'_>, known: impl Fn(&str, Json<'_>) -> bool) -> Foreign {
    let mut foreign = Foreign::default();
    for (key, value) in object.members() {
        if !value.is_null() && !known(&key, value) {
            foreign.push(here, &key, value.raw());
        }
    }
    foreign
}

/// The members that are a dialect's own; those of others are lost, at their key where `at` is the whole.
pub(crate) fn own(here: DialectId, foreign: &Foreign, at: &str, losses: &mut Vec<Loss>) -> Vec<(String, String)> {
    let mut own = Vec::new();
    for (dialect, key, value) in foreign.iter() {
        if dialect == here {
            own.push((key.to_owned(), value.to_owned()));
        } else {
            losses.push(Loss::dropped(key.to_owned(), if at.is_empty() { key } else { at }));
        }
    }
    own
}

/// An object of members and of more that stand behind them.
pub(crate) fn written(more: &[(String, String)], members: impl FnOnce(&mut Writer)) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        members(json);
        for (key, value) in more {
            json.key(key).raw(value);
        }
    });
    json.finish()
}

/// JSON text as one line: white space between its tokens may be line breaks, those in strings are escaped.
pub(crate) fn one_line(json: &str) -> Cow<'_, str> {
    if json.contains(['\n', '\r']) { Cow::Owned(json.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(json) }
}

#[cfg(test)]
mod tests;
