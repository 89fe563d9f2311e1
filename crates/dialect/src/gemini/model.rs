//! What a Gemini model of some version can do, told from its id.

/// What a model takes, as far as its id tells. An id that is no Gemini's takes whatever the dialect has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abilities {
    /// Takes `parametersJsonSchema` and `responseJsonSchema` (from 2.5 on).
    pub(super) json_schema: bool,
    /// Holds answers to a form while it may call tools (from 3 on).
    pub(super) form_beside_tools: bool,
    /// Takes media within tool results (from 3 on).
    pub(super) media_results: bool,
    /// Thinks to a budget (2.5).
    pub(super) budget: bool,
    /// Thinks by levels (from 3 on).
    pub(super) levels: bool,
    /// Thinks not at all, or nobody can say how (before 2.5).
    pub(super) thoughtless: bool,
    /// Can be told not to think (2.5 but its Pro).
    pub(super) silent: bool,
    /// Refuses a function call of its own that comes back without its signature (from 3 on).
    pub(super) signed: bool,
    /// Searches are billed one by one (from 3 on), not once an answer.
    pub(super) search_each: bool,
}

/// The abilities of a model id.
pub(super) fn abilities(id: &str) -> Abilities {
    let version = version(id);
    let from = |least: (u8, u8)| version.is_none_or(|version| version >= least);
    let known = |least: (u8, u8), below: (u8, u8)| version.is_some_and(|own| own >= least && own < below);
    Abilities {
        json_schema: from((2, 5)),
        form_beside_tools: from((3, 0)),
        media_results: from((3, 0)),
        budget: known((2, 5), (3, 0)),
        levels: known((3, 0), (u8::MAX, 0)),
        thoughtless: known((0, 0), (2, 5)),
        silent: !(known((2, 5), (3, 0)) && id.contains("pro")),
        signed: known((3, 0), (u8::MAX, 0)),
        search_each: known((3, 0), (u8::MAX, 0)),
    }
}

/// Major and minor version: `gemini-2.5-flash`, `gemini-3-pro-preview`, `google/gemini-3.1-flash-lite`.
fn version(id: &str) -> Option<(u8, u8)> {
    let id = id.to_ascii_lowercase();
    let (_, rest) = id.split_once("gemini-")?;
    let number = rest.split('-').next().unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_ids() {
        for (id, expected) in [
            ("gemini-2.5-flash", Some((2, 5))),
            ("models/gemini-3-pro-preview", Some((3, 0))),
            ("google/gemini-3.1-pro-preview", Some((3, 1))),
            ("gemini-1.5-flash-002", Some((1, 5))),
            ("gemini-flash-latest", None),
            ("gemma-3-27b", None),
            ("", None),
        ] {
            assert_eq!(version(id), expected, "{id}");
        }
        let able = abilities("gemini-2.5-pro");
        assert!(able.json_schema && able.budget && !able.levels && !able.silent && !able.signed);
        assert!(abilities("gemini-3-flash-preview").signed && abilities("x").json_schema);
        assert!(abilities("gemini-2.0-flash").thoughtless && !abilities("x").thoughtless);
    }
}
