//! Records that are no request's own: answers within a socket, and what the gateway answers by itself.

use std::sync::Arc;

use policy::entry::Status;
use policy::price::cost::Cost;
use store::journal::Appended;

use super::{Active, Busy, Counting, Record, Size, bounded, free};
use crate::env;
use crate::state::target::Target;

impl Record {
    /// Notes the session, where the caller named none.
    pub fn in_session(&mut self, session: &str) {
        self.entry.caller.session.get_or_insert_with(|| bounded(session));
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
            settled: false,
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
}
