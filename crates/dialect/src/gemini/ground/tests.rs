#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;

/// Address, span, words.
type Said<'a> = (Option<&'a str>, Option<(u64, u64)>, Option<&'a str>);

fn check(candidate: &str, text: &str, expected: &[Said<'_>], lost: &[&str]) {
    let mut losses = Vec::new();
    let citations = read(Json::parse(candidate).expect("JSON"), text, &mut losses);
    let said: Vec<_> = citations.iter().map(|own| (own.url.as_deref(), own.span, own.quoted.as_deref())).collect();
    assert_eq!(said, expected, "{candidate}");
    assert_eq!(losses.iter().map(|loss| &*loss.what).collect::<Vec<_>>(), lost);
}

#[test]
fn grounding_is_citations() {
    check(
        r#"{"groundingMetadata":{"groundingChunks":[{"web":{"uri":"u","title":"t"}},{"web":{"uri":"v"}}],
            "groundingSupports":[{"segment":{"endIndex":5,"text":"Zoé "},"groundingChunkIndices":[0,9]}],
            "webSearchQueries":["q"],"searchEntryPoint":{"renderedContent":"<p>"}}}"#,
        "Zoé ist da",
        &[(Some("u"), Some((0, 4)), Some("Zoé ")), (Some("v"), None, None)],
        &["webSearchQueries", "searchEntryPoint"],
    );
    check(
        r#"{"citationMetadata":{"citationSources":[{"startIndex":1,"endIndex":3,"uri":"u"}]}}"#,
        "abcd",
        &[(Some("u"), Some((1, 3)), None)],
        &[],
    );
    // Within a character, or beyond the text, is nowhere.
    check(r#"{"citationMetadata":{"citations":[{"endIndex":3,"uri":"u"}]}}"#, "Zoé", &[(Some("u"), None, None)], &[]);
}

#[test]
fn citations_come_back() {
    let one = |span, quoted: Option<&str>| Citation {
        url: Some("u".into()),
        title: None,
        quoted: quoted.map(str::to_owned),
        span,
        raw: None,
    };
    let cited = [one(Some((0, 4)), None), one(None, Some("Zoé")), one(None, None), one(Some((4, 9)), None)];
    let cited: Vec<Cited> = cited.into_iter().map(|citation| ("at".to_owned(), citation)).collect();
    let mut losses = Vec::new();
    let written = write(&cited, "Zoé ist", &mut losses).expect("citations");
    assert_eq!(losses, [Loss::approximated("citations", "at")]);
    let candidate = format!(r#"{{"groundingMetadata":{written}}}"#);
    let back = read(Json::parse(&candidate).expect("JSON"), "Zoé ist", &mut losses);
    let expected: Vec<Citation> = [Some((0, 4)), None, None, None]
        .into_iter()
        .zip(&cited)
        .map(|(span, (_, citation))| Citation { span, ..citation.clone() })
        .collect();
    assert_eq!(back, expected);
}
