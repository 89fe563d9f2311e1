//! What all answers of a stream share: part numbers, losses, what is to be undone.

use crate::ir::event::{Event, Open};
use crate::loss::Loss;
use crate::undo::Undo;

/// What all answers of a stream share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The number of the next part.
    pub(super) next: u32,
    pub(super) losses: Vec<Loss>,
    pub(super) undo: Undo,
    /// The model that is asked: the maker of proofs.
    pub(super) model: String,
}

impl Shared {
    /// Opens a part and returns its number.
    pub(super) fn open(&mut self, choice: u32, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next += 1;
        out.push(Event::Open { choice, part, kind });
        part
    }

    /// Counts replaced surrogates as a loss, once for each.
    pub(super) fn replaced(&mut self, count: usize, choice: u32) {
        if count > 0 {
            self.losses.push(Loss::approximated("lone surrogate", format!("choices[{choice}]")));
        }
    }
}
