//! Records of what a provider keeps: objects that are made, and requests that were answered in a batch.

use std::sync::Arc;

use jiff::Timestamp;
use policy::entry::{Caller, Status};
use store::journal::Appended;

use super::Record;
use super::bounded;
use crate::exchange::estimate::{Counting, free};
use crate::exchange::opening::{Opening, Told};
use crate::gateway::Gateway;
use crate::objects::learn::Making;
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;

impl Record {
    /// Begins the record of one request of a batch, which the provider answered at a time: it is priced as such,
    /// and nobody waits for it.
    #[must_use]
    pub fn of_batch(gateway: &Arc<Gateway>, snapshot: &Arc<Snapshot>, told: Told, opening: Opening) -> Self {
        let mut record = Self::begun(gateway, snapshot, &Principal::named("", false), opening);
        record.entry.at = told.at;
        record.entry.caller = told.caller;
        record.entry.batch = Some((told.batch, bounded(&told.custom_id)));
        record.entry.decision.why = "batch".to_owned();
        record.size.tier = Some("batch".to_owned());
        record.counting = Counting::Reported;
        record
    }

    /// Begins the record of a response that its provider made in the background: nobody waits for it.
    #[must_use]
    pub fn of_background(
        gateway: &Arc<Gateway>,
        snapshot: &Arc<Snapshot>,
        caller: Caller,
        at: Timestamp,
        opening: Opening,
    ) -> Self {
        let mut record = Self::begun(gateway, snapshot, &Principal::named("", false), opening);
        record.entry.at = at;
        record.entry.caller = caller;
        record.entry.decision.why = "background".to_owned();
        record.counting = Counting::Reported;
        record.late = true;
        record
    }

    /// Settles an answer that the gateway gave by itself.
    pub fn settle_own(&mut self, status: u16) -> Appended {
        self.active = None;
        self.entry.status = Status::Ok;
        self.entry.http = Some(status);
        self.entry.usage = free();
        self.write()
    }

    /// The answer makes an object at the provider, whose id is known at its end.
    pub fn keeps(&mut self, making: Making) {
        self.making = Some(making);
    }
}
