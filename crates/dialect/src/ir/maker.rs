//! When two names are of one model: what one of them signed, all take.

use crate::id::DialectId;

/// A Claude's name without publisher, region, date, version and dots: `anthropic/claude-sonnet-4.5` and
/// `us.anthropic.claude-sonnet-4-5-20250929-v1:0` are `claude-sonnet-4-5`. What one of them signed, all take.
pub(crate) fn claude(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or_default();
    let name = name.rsplit_once("anthropic.").map_or(name, |(_, name)| name);
    let name = name.split([':', '@']).next().unwrap_or_default();
    let version = |tail: &str| tail.strip_prefix('v').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let date = |tail: &str| tail.len() == 8 && tail.bytes().all(|byte| byte.is_ascii_digit());
    let without = |name: &str, tail: &dyn Fn(&str) -> bool| match name.rsplit_once('-') {
        Some((front, back)) if tail(back) => front.to_owned(),
        _ => name.to_owned(),
    };
    without(&without(name, &version), &date).replace('.', "-")
}

/// True when two names are of one model, as far as proofs of a dialect go.
pub(crate) fn same_model(dialect: DialectId, one: &str, other: &str) -> bool {
    one == other || (dialect == DialectId::AnthropicMessages && claude(one) == claude(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_claude_has_many_names() {
        for name in [
            "claude-sonnet-4-5",
            "claude-sonnet-4-5-20250929",
            "anthropic/claude-sonnet-4.5",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4-5@20250929",
        ] {
            assert_eq!(claude(name), "claude-sonnet-4-5", "{name}");
        }
        assert!(!same_model(DialectId::Gemini, "a/b", "b") && same_model(DialectId::AnthropicMessages, "a/b", "b"));
        assert_ne!(claude("claude-opus-4-5"), claude("claude-opus-4-6"));
    }
}
