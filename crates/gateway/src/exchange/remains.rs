//! What stays of an answer that crossed dialects when it is over: the proofs of its reasoning, and the response
//! itself where the gateway keeps it.

use std::sync::Arc;

use bytes::Bytes;
use dialect::ir::event::Event;
use dialect::ir::proofs::Gather;
use dialect::ir::response::Response;
use dialect::usage::Source;
use policy::entry::Status;
use policy::object::{Name, State};
use store::journal::Appended;

use super::arrive::Arrived;
use super::estimate::Counting;
use super::settle::{End, Record};
use crate::gateway::Gateway;
use crate::kept::turn::Turn;

/// What stays of a stream, gathered on its way.
#[derive(Debug)]
pub struct Remains {
    turn: Option<Arc<Turn>>,
    /// The frames that end it.
    last: Bytes,
    gather: Gather,
    owner: String,
}

impl Remains {
    /// Of a stream for a request.
    #[must_use]
    pub fn of(arrived: &Arrived) -> Self {
        let turn = arrived.turn.clone().filter(|turn| turn.keep);
        Self { turn, last: Bytes::new(), gather: Gather::default(), owner: arrived.who.owner.text() }
    }

    /// An event passed.
    pub fn event(&mut self, event: &Event) {
        self.gather.push(event);
    }

    /// The frames that the last event was written as.
    pub fn last(&mut self, frames: &[u8]) {
        if self.turn.is_some() {
            self.last = Bytes::copy_from_slice(frames);
        }
    }

    /// The stream came to its end.
    pub fn leave(self, gateway: &Arc<Gateway>) {
        gateway.proofs.remember(&self.owner, self.gather.finish());
        if let Some(turn) = self.turn {
            turn.end_stream(gateway, &self.last);
        }
    }
}

/// A whole answer goes out, written as `body`.
pub fn leave(gateway: &Arc<Gateway>, arrived: &Arrived, response: &Response, body: &str) {
    gateway.proofs.remember(&arrived.who.owner.text(), Gather::of(response).finish());
    if let Some(turn) = &arrived.turn {
        turn.end(gateway, body);
    }
}

/// Settles a stream. One of a response that its provider goes on to make when it is left costs nothing unless it came
/// to its end: what all of it costs is told later, once.
pub fn settle(record: &mut Record, later: Option<Name>, end: End) -> Appended {
    let whole = end.status == Status::Ok && end.reading.usage.source == Source::Reported;
    if later.is_some() && !whole {
        record.count(Counting::Free);
    }
    let appended = record.settle(end).1;
    if let Some(name) = later.filter(|_| whole) {
        drop(record.gateway().objects.noted(&name, State::Settled, None));
    }
    appended
}
