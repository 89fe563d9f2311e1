//! What a Claude model of some version can do, told from its id.

/// What a model takes, as far as its id tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// Takes `temperature`, `top_p` and `top_k` (not from 4.7 on).
    pub(crate) sampling: bool,
    /// Takes `temperature` beside `top_p` (not from 4.5 on).
    pub(crate) both_samplings: bool,
    /// Has `output_config.format` and strict tools (from 4.5 on).
    pub(crate) structured: bool,
    /// Thinks to a budget (3.7 to 4.5).
    pub(crate) budget: bool,
    /// Thinks adaptively, by effort (from 4.6 on).
    pub(crate) adaptive: bool,
    /// Knows the effort `xhigh` (from 4.7 on).
    pub(crate) xhigh: bool,
}

/// The abilities of a model id. An id that is no Claude's is not known to lack sampling, nor to have
/// anything beyond it.
pub(crate) fn abilities(id: &str) -> Abilities {
    let Some(version) = version(id) else {
        return Abilities {
            sampling: true,
            both_samplings: true,
            structured: false,
            budget: false,
            adaptive: false,
            xhigh: true,
        };
    };
    Abilities {
        sampling: version < (4, 7),
        both_samplings: version < (4, 5),
        structured: version >= (4, 5),
        budget: ((3, 7)..(4, 6)).contains(&version),
        adaptive: version >= (4, 6),
        xhigh: version >= (4, 7),
    }
}

/// Major and minor version in any spelling: `claude-3-5-sonnet-20241022`, `claude-opus-4.7`,
/// `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `claude-haiku-4-5@20251001`, `anthropic/claude-sonnet-5`.
pub(crate) fn version(id: &str) -> Option<(u8, u8)> {
    let id = id.to_ascii_lowercase();
    let (_, rest) = id.split_once("claude")?;
    let mut words = rest.split(|char: char| !char.is_ascii_alphanumeric()).skip_while(|word| number(word).is_none());
    match words.next().and_then(number) {
        Some(major) => Some((major, words.next().and_then(number).unwrap_or(0))),
        // Families newer than any number they go without.
        None if rest.contains("mythos") || rest.contains("fable") => Some((5, 0)),
        None => None,
    }
}

/// A version number: one or two digits. Dates have eight.
fn number(word: &str) -> Option<u8> {
    if word.len() > 2 { None } else { word.parse().ok() }
}

#[cfg(test)]
mod tests;
