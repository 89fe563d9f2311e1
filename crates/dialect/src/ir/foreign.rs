//! What a dialect said and the IR has no word for: it goes home to the same dialect or is reported.

use crate::id::DialectId;

/// A JSON value as the text it came in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Raw(pub Box<str>);

impl Raw {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Raw {
    fn from(text: &str) -> Self {
        Raw(text.into())
    }
}

impl From<String> for Raw {
    fn from(text: String) -> Self {
        Raw(text.into_boxed_str())
    }
}

impl std::fmt::Debug for Raw {
    /// Prints the size only: it may be a prompt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

/// Members that a dialect's object had beyond what the IR knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreign(pub Vec<(DialectId, String, Raw)>);

impl Foreign {
    /// Adds a member.
    pub fn push(&mut self, dialect: DialectId, key: &str, value: &str) {
        self.0.push((dialect, key.to_owned(), value.into()));
    }

    /// Adds the members of an object that stands under a key, under dotted keys.
    pub(crate) fn nest(&mut self, key: &str, inner: &Foreign) {
        for (dialect, name, value) in inner.iter() {
            self.push(dialect, &format!("{key}.{name}"), value);
        }
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Members in order.
    pub fn iter(&self) -> impl Iterator<Item = (DialectId, &str, &str)> {
        self.0.iter().map(|(dialect, key, value)| (*dialect, key.as_str(), value.as_str()))
    }
}
