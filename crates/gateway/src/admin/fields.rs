//! Posted objects and queries: fields of a kind, and what is not known refused with what may be meant.

use bytes::Bytes;
use dialect::fault::Fault;
use wire::json::{Document, Json, Kind};

use crate::api::models::decoded;
use crate::config::diagnose::suggest;

/// The fields of a posted object.
#[derive(Debug)]
pub struct Fields(Document);

impl Fields {
    /// Reads an object; other fields than the known ones are refused.
    ///
    /// # Errors
    /// `invalid_request` with the path of the field.
    pub fn read(body: Bytes, known: &[&str]) -> Result<Self, Fault> {
        let body = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
        let document = Document::parse(body)
            .map_err(|error| Fault::invalid("", format!("The body is not the JSON object it must be: {error}.")))?;
        for (name, _) in document.members() {
            if !known.contains(&name) {
                return Err(unknown(name, known));
            }
        }
        Ok(Self(document))
    }

    /// A field as it stands; null counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json<'_>> {
        self.0.get(name).and_then(Json::non_null)
    }

    /// A text; empty counts as absent.
    ///
    /// # Errors
    /// `invalid_request` when it is no text.
    pub fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| Fault::invalid(name, format!("`{name}` is a text.")))?;
        let text = text.trim();
        if text.chars().any(char::is_control) || text.len() > 256 {
            return Err(Fault::invalid(name, format!("`{name}` is at most 256 bytes without control characters.")));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// A yes or no; no when absent.
    ///
    /// # Errors
    /// `invalid_request` when it is neither.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        let Some(value) = self.get(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| Fault::invalid(name, format!("`{name}` is true or false.")))
    }

    /// A list of texts; empty when absent.
    ///
    /// # Errors
    /// `invalid_request` when it is something else.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let wrong = || Fault::invalid(name, format!("`{name}` is a list of names, such as [\"fast\", \"openai/*\"]."));
        if value.kind() != Kind::Array {
            return Err(wrong());
        }
        let texts = value.items().map(|item| item.as_str().map(|text| text.trim().to_owned()));
        texts.map(|text| text.filter(|text| !text.is_empty()).ok_or_else(wrong)).collect()
    }
}

/// The pairs of a query, decoded; other names than the known ones are refused. `key` is passed over: it is a way
/// to send the caller's key, unless it is known here.
///
/// # Errors
/// `invalid_request` with the name.
pub fn query(query: Option<&str>, known: &[&str]) -> Result<Vec<(String, String)>, Fault> {
    let mut pairs = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !known.contains(&name) {
            return Err(unknown(name, known));
        }
        let value = decoded(&value.replace('+', " "));
        let value = value.ok_or_else(|| Fault::invalid(name, format!("`{name}` is not UTF-8.")))?;
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

fn unknown(name: &str, known: &[&str]) -> Fault {
    let shown: String = name.chars().take(60).collect();
    let hint = suggest(&shown, known.iter().copied());
    Fault::invalid(shown.clone(), format!("`{shown}` is not known here; {hint}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_refused_with_what_may_be_meant() {
        let fault = Fields::read(Bytes::from_static(br#"{"name":"a","taem":"b"}"#), &["name", "team"]).unwrap_err();
        assert_eq!(fault.path.as_deref(), Some("taem"));
        assert!(fault.message.contains("did you mean `team`?"), "{}", fault.message);
        assert!(query(Some("limt=3"), &["limit"]).unwrap_err().message.contains("`limit`"));
    }

    #[test]
    fn fields_are_of_their_kind() {
        let read = |text: &'static str| Fields::read(Bytes::from_static(text.as_bytes()), &["a"]).unwrap();
        assert_eq!(read(r#"{"a":" x "}"#).text("a").unwrap().as_deref(), Some("x"));
        assert_eq!(read(r#"{"a":null}"#).text("a").unwrap(), None);
        assert!(read(r#"{"a":1}"#).text("a").is_err());
        assert!(read(r#"{"a":"x\ny"}"#).text("a").is_err());
        assert!(read(r#"{"a":"yes"}"#).flag("a").is_err());
        assert_eq!(read(r#"{"a":["x","y"]}"#).texts("a").unwrap(), ["x", "y"]);
        assert!(read(r#"{"a":"x"}"#).texts("a").is_err());
        assert!(read(r#"{"a":["x",1]}"#).texts("a").is_err());
        assert_eq!(query(Some("a=x%2Fy+z"), &["a"]).unwrap(), [("a".to_owned(), "x/y z".to_owned())]);
    }
}
