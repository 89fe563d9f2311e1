//! What a key may ask for: names and globs, empty = everything.

use crate::price::overrides::glob;

/// True when a name is allowed by a list of names and globs.
#[must_use]
pub fn allows(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| glob(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_globs() {
        let list = ["fast".to_owned(), "openai/*".to_owned()];
        assert!(allows(&list, "fast") && allows(&list, "openai/gpt-5") && allows(&[], "anything"));
        assert!(!allows(&list, "slow") && !allows(&list, "openrouter/openai/gpt-5"));
    }
}
