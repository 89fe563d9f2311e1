//! A body under construction: each top-level key once, and what was lost on the way.

use wire::json::Writer;

use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::loss::Loss;
use crate::members;

const HERE: DialectId = DialectId::OpenAiChat;

/// Top-level members in order, and losses.
#[derive(Debug, Default)]
pub(super) struct Body {
    members: Vec<(String, String)>,
    losses: Vec<Loss>,
}

impl Body {
    /// Adds a member that nothing else writes.
    pub(super) fn put(&mut self, key: &str, value: impl FnOnce(&mut Writer)) {
        let mut json = Writer::new();
        value(&mut json);
        self.members.push((key.to_owned(), json.finish()));
    }

    /// Names a loss.
    pub(super) fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// Members of this dialect's own; those of others are lost.
    pub(super) fn own(&mut self, foreign: &Foreign, at: &str) -> Vec<(String, String)> {
        members::own(HERE, foreign, at, &mut self.losses)
    }

    /// Adds the request's own members behind everything else; a key that stands already is lost.
    pub(super) fn foreign(&mut self, foreign: &Foreign, refused: &[&str]) {
        for (dialect, key, value) in foreign.iter() {
            let free = self.members.iter().all(|(own, _)| own != key);
            if dialect == HERE && free && !refused.contains(&key) {
                self.members.push((key.to_owned(), value.to_owned()));
            } else {
                self.lose(Loss::dropped(key.to_owned(), key));
            }
        }
    }

    /// The text, and the losses.
    pub(super) fn finish(self) -> (String, Vec<Loss>) {
        let mut json = Writer::with_capacity(self.members.iter().map(|(key, value)| key.len() + value.len() + 4).sum());
        json.object(|json| {
            for (key, value) in &self.members {
                json.key(key).raw(value);
            }
        });
        (json.finish(), self.losses)
    }
}
