//! Tool-call ids and tool names as this target takes them, and the way back.

use std::collections::{HashMap, HashSet};

use crate::undo::Undo;

/// Longest tool name.
const MAX_NAME: usize = 64;

/// Ids and names that were replaced, each consistently.
#[derive(Debug, Default)]
pub(super) struct Names {
    nine: bool,
    ids: HashMap<String, String>,
    names: HashMap<String, String>,
    taken: HashSet<String>,
    undo: Undo,
}

impl Names {
    /// `nine`: ids must be nine letters or digits.
    pub(super) fn new(nine: bool) -> Self {
        Self { nine, ..Self::default() }
    }

    /// A tool's own name keeps its spelling where it is good, whatever comes before it.
    pub(super) fn keep(&mut self, name: &str) {
        if clean(name) == name {
            self.taken.insert(name.to_owned());
            self.names.insert(name.to_owned(), name.to_owned());
        }
    }

    /// The tool name to send: letters, digits, `_` and `-`, at most 64.
    pub(super) fn name(&mut self, name: &str) -> String {
        if let Some(sent) = self.names.get(name) {
            return sent.clone();
        }
        let wish = clean(name);
        let mut sent = wish.clone();
        let mut next = 2;
        while self.taken.contains(&sent) {
            let suffix = format!("_{next}");
            // Cleaned text is ASCII, so any cut is at a character.
            let room = wish.len().min(MAX_NAME - suffix.len());
            sent = format!("{}{suffix}", wish.get(..room).unwrap_or_default());
            next += 1;
        }
        self.taken.insert(sent.clone());
        self.names.insert(name.to_owned(), sent.clone());
        if sent != name {
            self.undo.names.push((sent.clone(), name.to_owned()));
        }
        sent
    }

    /// The id to send: the id itself, or nine letters and digits made of it.
    pub(super) fn id(&mut self, id: &str) -> String {
        if !self.nine || (id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return id.to_owned();
        }
        if let Some(sent) = self.ids.get(id) {
            return sent.clone();
        }
        let mut salt = 0;
        let mut sent = nine(id, salt);
        while self.undo.ids.iter().any(|(other, _)| *other == sent) {
            salt += 1;
            sent = nine(id, salt);
        }
        self.ids.insert(id.to_owned(), sent.clone());
        self.undo.ids.push((sent.clone(), id.to_owned()));
        sent
    }

    /// What an answer must be changed back from.
    pub(super) fn into_undo(self) -> Undo {
        self.undo
    }
}

/// The text with everything but letters, digits, `_` and `-` replaced, and cut; never empty.
fn clean(text: &str) -> String {
    let good = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    let text: String = text.chars().take(MAX_NAME).map(|char| if good(char) { char } else { '_' }).collect();
    if text.is_empty() { "_".to_owned() } else { text }
}

/// Nine letters and digits of a text, the same each time (FNV-1a).
fn nine(text: &str, salt: u64) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64 ^ salt, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut out = String::with_capacity(9);
    for _ in 0..9 {
        let place = usize::try_from(hash % 62).unwrap_or_default();
        out.push(LETTERS.get(place).copied().map_or('0', char::from));
        hash /= 62;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones_stay_and_others_come_back() {
        let mut names = Names::new(true);
        names.keep("a_b");
        assert_eq!(names.name("a.b"), "a_b_2");
        assert_eq!(names.name("a_b"), "a_b");
        assert_eq!(names.name("a.b"), "a_b_2");
        assert_eq!(names.name(&"n".repeat(70)), "n".repeat(64));
        assert_eq!(names.name(&"n".repeat(71)), format!("{}_2", "n".repeat(62)));
        assert_eq!(names.id("EscTeQY62"), "EscTeQY62");
        let sent = names.id("toolu_01");
        assert!(sent.len() == 9 && sent.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(names.id("toolu_01"), sent);
        assert_ne!(names.id("toolu_02"), sent);
        let undo = names.into_undo();
        assert_eq!((undo.name("a_b_2"), undo.id(&sent)), ("a.b", "toolu_01"));
        assert_eq!(Names::new(false).id("toolu_01"), "toolu_01");
    }
}
