//! A dialect in another host's envelope: the body's few members that differ, and the framing of its streams.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use policy::provider::row::Hosted;
use wire::json::{Document, Edit, Step, Writer};

/// Edits that make a body what the host takes. They stand behind all others: what the host refuses goes last.
#[must_use]
pub fn edits(hosted: &Hosted, headers: &HeaderMap) -> Vec<Edit<'static>> {
    let mut edits = settings(hosted);
    let betas: Vec<&str> = headers
        .get_all("anthropic-beta")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|beta| !beta.is_empty())
        .collect();
    if let (Some(name), false) = (&hosted.betas, betas.is_empty()) {
        let mut json = Writer::new();
        json.array(|json| betas.iter().for_each(|beta| _ = json.str(beta)));
        edits.push(Edit::set_at(key(name), json.finish()));
    }
    edits.extend(hosted.remove.iter().map(|name| Edit::remove_at(key(name))));
    edits
}

/// The edits that set what the host wants set.
#[must_use]
pub fn settings(hosted: &Hosted) -> Vec<Edit<'static>> {
    let set = |(name, value): (&String, &String)| {
        let mut json = Writer::new();
        json.str(value);
        Edit::set_at(key(name), json.finish())
    };
    hosted.set.iter().map(set).collect()
}

fn key(key: &str) -> Vec<Step<'static>> {
    vec![Step::Key(key.to_owned().into())]
}

/// A body that was written for the dialect, as the host takes it.
#[must_use]
pub fn body(written: String, hosted: &Hosted) -> Bytes {
    let written = Bytes::from(written);
    match Document::parse(written.clone()) {
        Ok(document) => document.edit(&edits(hosted, &HeaderMap::new())),
        // What a dialect writes is an object.
        Err(_) => written,
    }
}

/// The headers of a hosted request: the dialect's own version stands in the body, and an event stream is not
/// asked for by the media type of another.
pub fn headers(hosted: &Hosted, headers: &mut HeaderMap) {
    headers.remove("anthropic-version");
    if hosted.betas.is_some() {
        headers.remove("anthropic-beta");
    }
    if hosted.aws_event_stream {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_body_differs_in_what_the_host_says() {
        let hosted = Hosted {
            set: [("anthropic_version".to_owned(), "v1".to_owned())].into(),
            remove: vec!["model".to_owned(), "stream".to_owned()],
            betas: Some("anthropic_beta".to_owned()),
            aws_event_stream: true,
        };
        let text = r#"{ "model":"m", "max_tokens":1,"odd": 1e400, "stream": true,"messages":[]}"#;
        let document = Document::parse(Bytes::from_static(text.as_bytes())).unwrap();
        let mut sent = HeaderMap::new();
        sent.append("anthropic-beta", HeaderValue::from_static("a-1, b-2"));
        sent.append("anthropic-beta", HeaderValue::from_static("c-3"));
        sent.append("anthropic-version", HeaderValue::from_static("2023-06-01"));
        let mut all = vec![Edit::set_str("model", "other")];
        all.extend(edits(&hosted, &sent));
        assert_eq!(
            document.edit(&all),
            r#"{ "max_tokens":1,"odd": 1e400,"messages":[],"anthropic_version":"v1","anthropic_beta":["a-1","b-2","c-3"]}"#
        );
        headers(&hosted, &mut sent);
        assert_eq!(sent.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
        assert_eq!(
            body(r#"{"model":"m","messages":[]}"#.to_owned(), &hosted),
            r#"{"messages":[],"anthropic_version":"v1"}"#
        );
    }
}
