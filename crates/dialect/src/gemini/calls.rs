//! Ids of function calls, which this dialect often leaves out: made where they are missing, the same for
//! the same conversation, and found again by name where a result gives none.

use std::collections::HashSet;

/// The calls of a conversation so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    known: HashSet<String>,
    /// Calls that no result has answered, in order: id and name.
    waiting: Vec<(String, String)>,
    made: u64,
}

impl Calls {
    /// The id of a call.
    pub(super) fn call(&mut self, id: String, name: &str) -> String {
        let id = if id.is_empty() { self.make() } else { id };
        self.known.insert(id.clone());
        self.waiting.push((id.clone(), name.to_owned()));
        id
    }

    /// The id of the call that a result answers: its own, else that of the first call of the tool that waits.
    pub(super) fn answer(&mut self, id: String, name: &str) -> String {
        let place = self.waiting.iter().position(|(own, tool)| if id.is_empty() { tool == name } else { *own == id });
        match place {
            Some(place) => self.waiting.remove(place).0,
            None if id.is_empty() => self.make(),
            None => id,
        }
    }

    fn make(&mut self) -> String {
        loop {
            let id = format!("call_{}", self.made);
            self.made += 1;
            if self.known.insert(id.clone()) {
                return id;
            }
        }
    }
}

/// An id for a call of an answer that gave none: unique over the turns of a conversation where the answer
/// has an id, and within every provider's rules for ids.
pub(super) fn made_id(answer: &str, choice: u32, number: u64) -> String {
    let tail: Vec<char> = answer.chars().rev().filter(char::is_ascii_alphanumeric).take(16).collect();
    let tail: String = tail.into_iter().rev().collect();
    let choice = if choice == 0 { String::new() } else { format!("{choice}_") };
    if tail.is_empty() { format!("call_{choice}{number}") } else { format!("call_{tail}_{choice}{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_find_their_calls() {
        let mut calls = Calls::default();
        let ids = ["", "x", "", "call_0"].map(|id| calls.call(id.to_owned(), if id == "x" { "b" } else { "a" }));
        assert_eq!(ids, ["call_0", "x", "call_1", "call_0"]);
        let found = [("", "a"), ("", "b"), ("", "a"), ("y", "a"), ("", "c")];
        let found = found.map(|(id, name)| calls.answer(id.to_owned(), name));
        assert_eq!(found, ["call_0", "x", "call_1", "y", "call_2"]);
    }

    #[test]
    fn made_ids() {
        assert_eq!(made_id("nFP6aZ_4-0", 0, 1), "call_nFP6aZ40_1");
        assert_eq!(made_id("", 2, 0), "call_2_0");
    }
}
