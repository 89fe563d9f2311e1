//! Tool-call ids, tool names and tiers as servers of this dialect take them, and the way back.

use std::collections::{HashMap, HashSet};

use crate::ir::part::Body;
use crate::ir::request::Request;
use crate::ir::tool::Tool;
use crate::undo::Undo;

/// Longest tool name (`^[a-zA-Z0-9_-]{1,64}$`).
const MAX_NAME: usize = 64;
/// Longest tool-call id that OpenAI takes.
const MAX_ID: usize = 40;

/// Texts with what was sent for them, each sent text once.
#[derive(Debug, Default)]
struct Table {
    sent: HashMap<String, String>,
    taken: HashSet<String>,
}

impl Table {
    /// What is sent for a text; true where it is new and differs. `wish` is asked with a growing number
    /// until its answer is free.
    fn put(&mut self, text: &str, wish: impl Fn(&str, u64) -> String) -> (String, bool) {
        if let Some(sent) = self.sent.get(text) {
            return (sent.clone(), false);
        }
        let mut number = 1;
        let mut sent = wish(text, number);
        while self.taken.contains(&sent) {
            number += 1;
            sent = wish(text, number);
        }
        self.taken.insert(sent.clone());
        self.sent.insert(text.to_owned(), sent.clone());
        let differs = sent != text;
        (sent, differs)
    }
}

/// Ids and names that were replaced, each consistently.
#[derive(Debug, Default)]
pub(crate) struct Names {
    nine: bool,
    ids: Table,
    names: Table,
    undo: Undo,
}

impl Names {
    /// `nine`: ids are exactly nine letters or digits.
    pub(crate) fn new(nine: bool) -> Self {
        Self { nine, ..Self::default() }
    }

    /// Names known before anything is written keep their spelling where it is good.
    fn keep(&mut self, name: &str) {
        if clean(name) == name {
            self.names.put(name, numbered);
        }
    }

    /// An id known before anything is written keeps its spelling where it is good.
    pub(crate) fn keep_id(&mut self, id: &str) {
        if self.good_id(id) {
            self.ids.put(id, |id, _| id.to_owned());
        }
    }

    /// Good names and ids of a request stay as they are, whatever others become.
    pub(crate) fn keep_all(&mut self, request: &Request) {
        for tool in &request.tools {
            if let Tool::Function(function) = tool {
                self.keep(&function.name);
            }
        }
        for part in request.messages.iter().flat_map(|message| &message.parts) {
            if let Body::ToolCall(call) = &part.body {
                self.keep_id(&call.id);
            }
        }
    }

    fn good_id(&self, id: &str) -> bool {
        match self.nine {
            true => id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            false => id.len() <= MAX_ID,
        }
    }

    /// The id to send.
    pub(crate) fn id(&mut self, id: &str) -> String {
        let (good, nine) = (self.good_id(id), self.nine);
        let (sent, differs) = self.ids.put(id, |id, number| match (good && number == 1, nine) {
            (true, _) => id.to_owned(),
            (false, true) => letters(id, number),
            (false, false) => format!("call_{}", letters(id, number)),
        });
        if differs {
            self.undo.ids.push((sent.clone(), id.to_owned()));
        }
        sent
    }

    /// The tool name to send.
    pub(crate) fn name(&mut self, name: &str) -> String {
        let (sent, differs) = self.names.put(name, numbered);
        if differs {
            self.undo.names.push((sent.clone(), name.to_owned()));
        }
        sent
    }

    /// What an answer must be changed back from.
    pub(crate) fn into_undo(self) -> Undo {
        self.undo
    }
}

/// Nine letters and digits made of an id (FNV-1a in base 36), others for every number.
fn letters(id: &str, number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ number;
    let mut hash = id.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut out = String::with_capacity(9);
    for _ in 0..9 {
        let digit = usize::try_from(hash % 36).ok().and_then(|at| DIGITS.get(at));
        out.push(digit.map_or('0', |digit| char::from(*digit)));
        hash /= 36;
    }
    out
}

/// The clean name, with a number behind it from the second on.
fn numbered(name: &str, number: u64) -> String {
    let name = clean(name);
    if number == 1 {
        return name;
    }
    let suffix = format!("_{number}");
    // Cleaned text is ASCII, so any cut is at a character.
    let room = name.len().min(MAX_NAME.saturating_sub(suffix.len()));
    format!("{}{suffix}", name.get(..room).unwrap_or_default())
}

/// The text with everything but letters, digits, `_` and `-` replaced, and cut; never empty.
pub(crate) fn clean(text: &str) -> String {
    let good = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    let text: String = text.chars().take(MAX_NAME).map(|char| if good(char) { char } else { '_' }).collect();
    if text.is_empty() { "_".to_owned() } else { text }
}

/// The service tier that OpenAI has for one; `None` for one it does not have.
pub(crate) fn tier(tier: &str) -> Option<&str> {
    match tier {
        "auto" | "default" | "flex" | "priority" => Some(tier),
        "standard_only" => Some("default"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones_stay_and_others_come_back() {
        let mut names = Names::default();
        names.keep("a_b");
        assert_eq!(names.name("a_b"), "a_b");
        assert_eq!(names.name("a.b"), "a_b_2");
        assert_eq!(names.name("a.b"), "a_b_2");
        assert_eq!(names.name("a/b"), "a_b_3");
        assert_eq!(names.name(&"n".repeat(65)), "n".repeat(64));
        assert_eq!(names.name(&"n".repeat(66)), format!("{}_2", "n".repeat(62)));
        assert_eq!((names.id("call_1"), names.id("")), ("call_1".to_owned(), String::new()));
        let long = names.id(&"x".repeat(41));
        assert_eq!(long.len(), 14);
        let undo = names.into_undo();
        assert_eq!((undo.name("a_b"), undo.name("a_b_2"), undo.name("a_b_3")), ("a_b", "a.b", "a/b"));
        assert_eq!((undo.id(&long), undo.id("call_1")), ("x".repeat(41).as_str(), "call_1"));
    }

    #[test]
    fn ids_of_nine_characters() {
        let mut names = Names::new(true);
        names.keep_id("EscTeQY62");
        let (one, other) = (names.id("toolu_01A"), names.id("toolu_01B"));
        assert!(one != other && [&one, &other].iter().all(|id| names.good_id(id)));
        assert_eq!((names.id("EscTeQY62").as_str(), names.id("toolu_01A")), ("EscTeQY62", one.clone()));
        assert_eq!(names.into_undo().ids, [(one, "toolu_01A".to_owned()), (other, "toolu_01B".to_owned())]);
    }
}
