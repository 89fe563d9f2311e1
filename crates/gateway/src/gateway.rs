//! The handles every stage works with, and the few numbers that all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use dialect::fault::{Fault, Kind};
use http::{HeaderMap, HeaderValue};
use policy::port;
use policy::port::Position;
use store::ingest::Ingest;
use store::journal::Journal;
use tokio_util::task::TaskTracker;

use crate::fetch::get::Fetcher;
use crate::kept::shelf::Shelf;
use crate::realtime::limits::Limits;
use crate::state::directory::Directory;
use crate::state::misses::Misses;
use crate::state::objects::Objects;
use crate::state::proofs::Memory;
use crate::state::snapshot::Snapshot;
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    /// The configuration in force.
    pub snapshot: ArcSwap<Snapshot>,
    /// The keys in force.
    pub directory: ArcSwap<Directory>,
    /// Where ledger lines go first.
    pub journal: Arc<Journal>,
    /// The way from there to the store.
    ingest: Arc<Ingest>,
    /// Where they are stored.
    pub ledger: Arc<dyn port::Ledger>,
    /// Where keys are stored.
    pub keys: Arc<dyn port::Directory>,
    /// Whose the objects at providers are.
    pub objects: Objects,
    /// Responses that are kept for their callers.
    pub shelf: Arc<Shelf>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Tasks.
    pub tasks: Tasks,
    /// This node's name in ledger lines.
    pub node: Arc<str>,
    /// What this gateway writes into `via`, so that it knows its own requests.
    pub via: Arc<str>,
    /// The same as a header's value.
    pub via_header: HeaderValue,
    /// Hash of the admin key, once there is one.
    pub admin: ArcSwap<Option<[u8; 32]>>,
    /// Proofs of reasoning that callers may lose.
    pub proofs: Memory,
    /// Downloads media for targets that fetch none.
    pub fetcher: Fetcher,
    /// Keys that were looked up in vain a moment ago.
    pub misses: Misses,
    /// It is stopping: not ready, no new work.
    pub draining: AtomicBool,
    /// How long sockets may take and how much they may say.
    pub sockets: ArcSwap<Limits>,
    /// Sockets that are open.
    pub open_sockets: TaskTracker,
    /// Requests under way.
    in_flight: AtomicUsize,
    /// Request bytes held in memory.
    buffered: AtomicU64,
}

/// What a gateway is made of.
#[derive(Debug)]
pub struct Parts {
    /// The first configuration.
    pub snapshot: Arc<Snapshot>,
    /// The first keys.
    pub directory: Arc<Directory>,
    /// Where ledger lines go first.
    pub journal: Arc<Journal>,
    /// The way from there to the store.
    pub ingest: Arc<Ingest>,
    /// Where they are stored.
    pub ledger: Arc<dyn port::Ledger>,
    /// Where keys are stored.
    pub keys: Arc<dyn port::Directory>,
    /// Where objects at providers are stored.
    pub objects: Arc<dyn port::Objects>,
    /// Where responses are kept.
    pub responses: Arc<dyn port::Responses>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// This node's name.
    pub node: Arc<str>,
    /// Hash of the admin key.
    pub admin: Option<[u8; 32]>,
}

impl Gateway {
    /// A gateway of its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let token = format!("tollgate-{:016x}", crate::env::roll());
        let objects = Objects::new(parts.objects, Arc::clone(&parts.journal), Arc::clone(&parts.ingest));
        Arc::new(Self {
            objects,
            snapshot: ArcSwap::new(parts.snapshot),
            directory: ArcSwap::new(parts.directory),
            journal: parts.journal,
            ingest: parts.ingest,
            ledger: parts.ledger,
            keys: parts.keys,
            shelf: Shelf::new(parts.responses),
            metrics: parts.metrics,
            tasks: Tasks::default(),
            node: parts.node,
            via_header: HeaderValue::try_from(format!("1.1 {token}"))
                .unwrap_or(HeaderValue::from_static("1.1 tollgate")),
            via: token.into(),
            admin: ArcSwap::from_pointee(parts.admin),
            proofs: Memory::default(),
            fetcher: Fetcher::default(),
            misses: Misses::default(),
            draining: AtomicBool::new(false),
            sockets: ArcSwap::from_pointee(Limits::default()),
            open_sockets: TaskTracker::new(),
            in_flight: AtomicUsize::new(0),
            buffered: AtomicU64::new(0),
        })
    }

    /// A place among the requests under way; `None` when all are taken.
    pub fn place(self: &Arc<Self>, most: usize) -> Option<Place> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        // Taken before it is checked, so that the drop of a refused place gives it back.
        let place = Place { gateway: Arc::clone(self) };
        (before < most).then_some(place)
    }

    /// Up to where the journal is stored.
    #[must_use]
    pub fn stored(&self) -> Position {
        self.ingest.stored()
    }

    /// Lines in the journal that are not stored yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.ingest.stats().lag_lines
    }

    /// Stores what is left and ends the ledger's thread; false when it did not manage in time.
    #[must_use]
    pub fn stop_ingest(&self, within: std::time::Duration) -> bool {
        self.ingest.stop(within)
    }

    /// Requests under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Request bytes held in memory.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.buffered.load(Ordering::Relaxed)
    }

    /// Sets aside memory for a body.
    ///
    /// # Errors
    /// `unavailable` when all bodies together would be more than `most` bytes.
    pub fn buffer(self: &Arc<Self>, bytes: u64, most: u64) -> Result<Held, Fault> {
        let mut held = Held { gateway: Arc::clone(self), bytes: 0 };
        self.grow(&mut held, bytes, most)?;
        Ok(held)
    }

    /// Sets aside more memory for a body, up to `bytes` in all.
    ///
    /// # Errors
    /// As [`Gateway::buffer`].
    pub fn grow(&self, held: &mut Held, bytes: u64, most: u64) -> Result<(), Fault> {
        let more = bytes.saturating_sub(held.bytes);
        if more == 0 {
            return Ok(());
        }
        let before = self.buffered.fetch_add(more, Ordering::Relaxed);
        held.bytes += more;
        if before.saturating_add(more) > most {
            let message =
                "The gateway holds as many request bytes as it may (`server.max_buffered`). Try again shortly.";
            return Err(Fault { retry_after: Some(1), ..Fault::new(Kind::Unavailable, message) });
        }
        Ok(())
    }

    /// The fault of a request that this gateway itself has sent.
    #[must_use]
    pub fn loops(&self, headers: &HeaderMap) -> Option<Fault> {
        let own = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains(&*self.via));
        headers.get_all(http::header::VIA).iter().any(own).then(|| {
            let message = "This request came from this gateway: one of its providers leads back to it. Check the \
                           `base_url` of its providers.";
            Fault::new(Kind::Loop, message)
        })
    }
}

/// A place among the requests under way.
#[derive(Debug)]
pub struct Place {
    gateway: Arc<Gateway>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gateway.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Memory set aside for a body.
#[derive(Debug)]
pub struct Held {
    gateway: Arc<Gateway>,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gateway.buffered.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
