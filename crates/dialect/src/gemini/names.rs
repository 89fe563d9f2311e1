//! Tool names as this dialect takes them, and the way back; which call an answer belongs to.

use std::collections::{HashMap, HashSet};

use crate::undo::Undo;

/// Longest tool name.
const MAX_NAME: usize = 64;

/// Names that were replaced, each consistently, and the names of calls.
#[derive(Debug, Default)]
pub(super) struct Names {
    sent: HashMap<String, String>,
    taken: HashSet<String>,
    /// Ids of calls with their names, in the order they were made.
    calls: Vec<(String, String)>,
    undo: Undo,
}

impl Names {
    /// Names known before anything is written keep their spelling where it is good.
    pub(super) fn keep(&mut self, name: &str) {
        if clean(name) == name {
            self.name(name);
        }
    }

    /// The tool name to send.
    pub(super) fn name(&mut self, name: &str) -> String {
        if let Some(sent) = self.sent.get(name) {
            return sent.clone();
        }
        let clean = clean(name);
        let mut wish = clean.clone();
        let mut number = 2;
        while self.taken.contains(&wish) {
            let suffix = format!("_{number}");
            // Cleaned text is ASCII, so any cut is at a character.
            let room = clean.len().min(MAX_NAME.saturating_sub(suffix.len()));
            wish = format!("{}{suffix}", clean.get(..room).unwrap_or_default());
            number += 1;
        }
        self.taken.insert(wish.clone());
        self.sent.insert(name.to_owned(), wish.clone());
        if wish != name {
            self.undo.names.push((wish.clone(), name.to_owned()));
        }
        wish
    }

    /// Remembers a call for its answer, which must name the tool.
    pub(super) fn called(&mut self, id: &str, sent: &str) {
        self.calls.push((id.to_owned(), sent.to_owned()));
    }

    /// The place and tool of the call of an id, the latest of several.
    pub(super) fn call(&self, id: &str) -> Option<(usize, &str)> {
        let (place, (_, name)) = self.calls.iter().enumerate().rev().find(|(_, (own, _))| own == id)?;
        Some((place, name))
    }

    /// What an answer must be changed back from.
    pub(super) fn into_undo(self) -> Undo {
        self.undo
    }
}

/// A name of letters, digits, `_`, `.`, `:` and `-` that begins with a letter or `_`, cut to length.
fn clean(text: &str) -> String {
    let good = |char: char| char.is_ascii_alphanumeric() || "_.:-".contains(char);
    let mut name: String = text.chars().map(|char| if good(char) { char } else { '_' }).take(MAX_NAME).collect();
    if !name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_') {
        name.insert(0, '_');
        name.truncate(MAX_NAME);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones_stay_and_others_come_back() {
        let mut names = Names::default();
        names.keep("a_b");
        assert_eq!((names.name("a_b"), names.name("ns.tool:x-1")), ("a_b".into(), "ns.tool:x-1".into()));
        assert_eq!(
            (names.name("a b"), names.name("a/b"), names.name("a b")),
            ("a_b_2".into(), "a_b_3".into(), "a_b_2".into())
        );
        assert_eq!((names.name("1st"), names.name("")), ("_1st".into(), "_".into()));
        assert_eq!(names.name(&"n".repeat(65)), "n".repeat(64));
        assert_eq!(names.name(&"n".repeat(66)), format!("{}_2", "n".repeat(62)));
        let undo = names.into_undo();
        assert_eq!((undo.name("a_b"), undo.name("a_b_2"), undo.name("a_b_3")), ("a_b", "a b", "a/b"));
    }
}
