//! Records beside the usual one: an answer within another, one of the gateway's own, an object that is made, a request
//! that was answered in a batch.

use std::sync::Arc;

use jiff::Timestamp;
use policy::entry::{Caller, Status};
use policy::price::cost::Cost;
use store::journal::Appended;

use super::{Active, Record, bounded};
use crate::env;
use crate::exchange::estimate::{Counting, free};
use crate::exchange::expect::Size;
use crate::exchange::opening::{Opening, Told};
use crate::gateway::Gateway;
use crate::objects::learn::Making;
use crate::state::directory::Principal;
use crate::state::live::Busy;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;

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

    /// Settles a list that the gateway put together.
    pub fn settle_listed(&mut self, status: u16) -> Appended {
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

    /// The record of one answer within this one, which is under way at `target` from now on.
    #[must_use]
    pub fn beside(&self, operation: &'static str, target: &Arc<Target>) -> Self {
        let mut entry = self.entry.clone();
        entry.id = env::request_id();
        entry.at = env::now();
        entry.operation = operation;
        entry.attempts = Vec::new();
        let start = env::instant();
        let busy = Busy::begin(&target.live);
        let active =
            Active { target: Arc::clone(target), start, at: entry.at, first: None, resent: false, _busy: busy };
        Self {
            gateway: Arc::clone(&self.gateway),
            snapshot: Arc::clone(&self.snapshot),
            start,
            entry,
            active: Some(active),
            hold: None,
            waited_us: 0,
            own_us: Some(0),
            size: Size { tier: self.size.tier.clone(), ..Size::default() },
            counting: Counting::Reported,
            client: self.client,
            late: false,
            settled: false,
            making: None,
        }
    }

    /// Settles an answer that the gateway itself gave for a target, without asking it: it used nothing and is free.
    pub fn settle_own(&mut self, target: &Arc<Target>) -> Appended {
        let (start, at, busy) = (self.start, self.entry.at, Busy::begin(&target.live));
        self.active = Some(Active { target: Arc::clone(target), start, at, first: None, resent: false, _busy: busy });
        let entry = &mut self.entry;
        entry.status = Status::Ok;
        entry.http = Some(200);
        entry.served = Some((Arc::clone(&target.provider_name), Arc::clone(&target.model), target.region.clone()));
        entry.usage = free();
        entry.cost = Cost::zero();
        self.write()
    }

    /// Notes the request's size, in bytes, for estimates.
    pub fn weighs(&mut self, bytes: u64) {
        self.size.bytes = bytes;
    }

    /// Notes the end user that the body tells, where no header or key does.
    pub fn for_user(&mut self, user: &str) {
        if self.entry.caller.user.is_none() {
            self.entry.caller.user = Some(bounded(user));
        }
    }

    /// Notes the session, where the caller named none.
    pub fn in_session(&mut self, session: &str) {
        self.entry.caller.session.get_or_insert_with(|| bounded(session));
    }
}
