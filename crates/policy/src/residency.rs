//! Where a caller's prompts may go: attributes that a provider must have, decided before anything else.

use std::collections::BTreeMap;

/// What a team, key or organization requires of a provider: for each attribute, the values that will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Require(pub BTreeMap<String, Vec<String>>);

impl Require {
    /// True when nothing is required.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first attribute that a provider of these attributes does not satisfy; `None` when it satisfies all. An
    /// attribute that is not known satisfies nothing.
    #[must_use]
    pub fn broken_by(&self, data: &BTreeMap<String, String>) -> Option<&str> {
        let broken = |(name, wanted): &(&String, &Vec<String>)| {
            data.get(*name).is_none_or(|value| !wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)))
        };
        self.0.iter().find(broken).map(|(name, _)| name.as_str())
    }
}

/// The code in `excluded_by` of an attribute that is not satisfied.
#[must_use]
pub fn code(attribute: &str) -> &'static str {
    match attribute {
        "region" => "residency",
        "training" => "training",
        "retention" => "retention",
        _ => "data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_not_known_does_not_satisfy() {
        let require = Require(BTreeMap::from([
            ("region".to_owned(), vec!["eu".to_owned(), "on-prem".to_owned()]),
            ("training".to_owned(), vec!["false".to_owned()]),
        ]));
        assert_eq!(require.broken_by(&data(&[("region", "EU"), ("training", "false")])), None);
        assert_eq!(require.broken_by(&data(&[("region", "on-prem"), ("training", "false"), ("x", "y")])), None);
        assert_eq!(require.broken_by(&data(&[("region", "us"), ("training", "false")])), Some("region"));
        assert_eq!(require.broken_by(&data(&[("region", "eu"), ("training", "true")])), Some("training"));
        assert_eq!(require.broken_by(&data(&[("region", "eu")])), Some("training"));
        assert_eq!(require.broken_by(&data(&[])), Some("region"));
        assert_eq!(Require::default().broken_by(&data(&[])), None);
        // No value will do: nothing satisfies it.
        assert!(
            Require(BTreeMap::from([("region".to_owned(), Vec::new())]))
                .broken_by(&data(&[("region", "eu")]))
                .is_some()
        );
    }
}
