//! Tool-call ids and tool names as a dialect takes them (letters, digits, `_`, `-`, of some length), and the way back.

use std::collections::{HashMap, HashSet};

use crate::undo::Undo;

/// Texts with what was sent for them, each sent text once.
#[derive(Debug)]
struct Table {
    sent: HashMap<String, String>,
    taken: HashSet<String>,
    limit: usize,
    next: u64,
}

impl Table {
    fn new(limit: usize) -> Self {
        Self { sent: HashMap::new(), taken: HashSet::new(), limit, next: 2 }
    }

    /// What is sent for a text; true where it is new and differs.
    fn put(&mut self, text: &str) -> (String, bool) {
        if let Some(sent) = self.sent.get(text) {
            return (sent.clone(), false);
        }
        let sent = self.free(clean(text, self.limit));
        self.taken.insert(sent.clone());
        self.sent.insert(text.to_owned(), sent.clone());
        let differs = sent != text;
        (sent, differs)
    }

    /// The text, or the text with a number behind it that nobody else was sent as.
    fn free(&mut self, text: String) -> String {
        let mut wish = text.clone();
        while self.taken.contains(&wish) {
            let suffix = format!("_{}", self.next);
            // Cleaned text is ASCII, so any cut is at a character.
            let room = text.len().min(self.limit.saturating_sub(suffix.len()));
            wish = format!("{}{suffix}", text.get(..room).unwrap_or_default());
            self.next += 1;
        }
        wish
    }
}

/// Ids and names that were replaced, each consistently.
#[derive(Debug)]
pub(crate) struct Names {
    ids: Table,
    names: Table,
    undo: Undo,
}

impl Names {
    /// For a dialect whose ids and names are at most this long, in characters.
    pub(crate) fn new(longest_id: usize, longest_name: usize) -> Self {
        Self { ids: Table::new(longest_id), names: Table::new(longest_name), undo: Undo::default() }
    }

    /// Names known before anything is written keep their spelling where it is good.
    pub(crate) fn keep(&mut self, name: &str) {
        if clean(name, self.names.limit) == name {
            self.names.put(name);
        }
    }

    /// The id to send: letters, digits, `_` and `-`.
    pub(crate) fn id(&mut self, id: &str) -> String {
        let (sent, differs) = self.ids.put(id);
        if differs {
            self.undo.ids.push((sent.clone(), id.to_owned()));
        }
        sent
    }

    /// The tool name to send: the same letters.
    pub(crate) fn name(&mut self, name: &str) -> String {
        let (sent, differs) = self.names.put(name);
        if differs {
            self.undo.names.push((sent.clone(), name.to_owned()));
        }
        sent
    }

    /// The name of the tool whose input is the answer: near to the one wished for, and no tool's.
    pub(crate) fn format_tool(&mut self, wish: &str) -> String {
        let name = self.names.free(clean(wish, self.names.limit));
        self.names.taken.insert(name.clone());
        self.undo.format_tool = Some(name.clone());
        name
    }

    /// What an answer must be changed back from.
    pub(crate) fn into_undo(self) -> Undo {
        self.undo
    }
}

/// The text with everything but letters, digits, `_` and `-` replaced, and cut; never empty.
fn clean(text: &str, limit: usize) -> String {
    let good = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    let text: String = text.chars().take(limit).map(|char| if good(char) { char } else { '_' }).collect();
    if text.is_empty() { "_".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn good_ones_stay_and_others_come_back() {
        let mut names = Names::new(usize::MAX, 128);
        names.keep("a_b");
        assert_eq!(names.name("a_b"), "a_b");
        assert_eq!(names.name("a.b"), "a_b_2");
        assert_eq!(names.name("a.b"), "a_b_2");
        assert_eq!(names.name("a/b"), "a_b_3");
        assert_eq!(names.name(&"n".repeat(200)), "n".repeat(128));
        assert_eq!(names.name(&"n".repeat(201)), format!("{}_4", "n".repeat(126)));
        assert_eq!(names.format_tool("a_b"), "a_b_5");
        assert_eq!(names.id("call_1"), "call_1");
        assert_eq!(names.id("fc:1|x"), "fc_1_x");
        assert_eq!(names.id(""), "_");
        let undo = names.into_undo();
        assert_eq!((undo.name("a_b"), undo.name("a_b_2"), undo.name("a_b_3")), ("a_b", "a.b", "a/b"));
        assert_eq!((undo.id("fc_1_x"), undo.id("call_1")), ("fc:1|x", "call_1"));
    }
}
