//! Google's paths: the model and what is asked of it stand in the path, `/v1beta/models/{model}:{verb}`, and
//! under `/v1` as Google's Python SDK calls them. A model's slashes may be raw or `%2F`.

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `generateContent`: a whole answer.
    Generate,
    /// `streamGenerateContent`: a stream.
    Stream,
    /// `countTokens`.
    Count,
    /// `embedContent`: one text.
    Embed,
    /// `batchEmbedContents`: several.
    EmbedBatch,
}

/// The model, as it stands in the path, and the verb; `None` for any other path.
#[must_use]
pub fn parse(path: &str) -> Option<(&str, Verb)> {
    let rest = ["/v1beta/models/", "/v1/models/"].iter().find_map(|prefix| path.strip_prefix(prefix))?;
    let (model, verb) = rest.rsplit_once(':')?;
    let verb = match verb {
        "generateContent" => Verb::Generate,
        "streamGenerateContent" => Verb::Stream,
        "countTokens" => Verb::Count,
        "embedContent" => Verb::Embed,
        "batchEmbedContents" => Verb::EmbedBatch,
        _ => return None,
    };
    (!model.is_empty()).then_some((model, verb))
}

/// True for a path whose errors Google's clients read.
#[must_use]
pub fn is_google(path: &str) -> bool {
    path.starts_with("/v1beta/") || parse(path).is_some()
}

/// True where a stream is asked for as server-sent events; without `alt=sse` it is an array.
#[must_use]
pub fn wants_events(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_verbs() {
        for (path, expected) in [
            ("/v1beta/models/gemini-2.5-flash:generateContent", Some(("gemini-2.5-flash", Verb::Generate))),
            ("/v1/models/a/b:c:streamGenerateContent", Some(("a/b:c", Verb::Stream))),
            ("/v1beta/models/a%2Fb:generateContent", Some(("a%2Fb", Verb::Generate))),
            ("/v1beta/models/a:countTokens", Some(("a", Verb::Count))),
            ("/v1beta/models/a:batchEmbedContents", Some(("a", Verb::EmbedBatch))),
            ("/v1beta/models/a:asyncBatchEmbedContent", None),
            ("/v1beta/models/:generateContent", None),
            ("/v1/models/a", None),
            ("/v2/models/a:generateContent", None),
        ] {
            assert_eq!(parse(path), expected, "{path}");
        }
        assert!(is_google("/v1beta/x") && !is_google("/v1/models/a"));
        assert!(wants_events(Some("a=1&alt=sse")) && !wants_events(Some("alt=json")) && !wants_events(None));
    }
}
