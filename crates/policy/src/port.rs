//! What storage must do, in domain words. Implemented by `store`, used by `gateway`; no driver's type
//! passes through here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::latency::Histogram;
use crate::object::{Kind, Object, Owner, Page};

/// What a port's call gives.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// How storage can fail.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It is away, locked or full: try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is to be made exists already.
    #[error("{0}")]
    Conflict(String),
    /// What is stored cannot be read.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
}

/// A place in the journal: everything before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Position {
    /// Number of the journal's file.
    pub file: u64,
    /// Offset in it, in bytes.
    pub offset: u64,
}

/// What sums may be grouped by: those whose rollups are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// By hour and model.
    HourModel,
    /// By hour and key.
    HourKey,
    /// By hour and team.
    HourTeam,
    /// By hour, provider and model.
    HourProviderModel,
    /// By day, key and model.
    DayKeyModel,
    /// By day and organization.
    DayOrganization,
    /// By day and end user.
    DayUser,
    /// By day and tag (`name=value`).
    DayTag,
    /// By day and provider.
    DayProvider,
}

impl Grouping {
    /// Every grouping.
    pub const ALL: [Grouping; 9] = [
        Grouping::HourModel,
        Grouping::HourKey,
        Grouping::HourTeam,
        Grouping::HourProviderModel,
        Grouping::DayKeyModel,
        Grouping::DayOrganization,
        Grouping::DayUser,
        Grouping::DayTag,
        Grouping::DayProvider,
    ];
}

/// A sum of lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// Start of the hour or day (UTC), unix time in ms.
    pub at_ms: i64,
    /// The values grouped by, in the grouping's order; empty where a line has none.
    pub values: Vec<String>,
    /// Lines with at least one attempt.
    pub requests: u64,
    /// Lines that ended in an error.
    pub errors: u64,
    /// Input tokens, cache reads and writes included.
    pub input: u64,
    /// Cache reads, in tokens.
    pub cache_read: u64,
    /// Output tokens.
    pub output: u64,
    /// Cost in nanodollars.
    pub nanos: i64,
    /// Lines without a price.
    pub unpriced: u64,
    /// How long requests took, in ms; kept by hour and model, empty elsewhere.
    pub latency: Histogram,
}

/// The ledger's store.
pub trait Ledger: Send + Sync + std::fmt::Debug {
    /// Stores lines and their rollups and moves the position, all in one transaction. A line whose id is
    /// stored already changes nothing; a line that is a change of an object is applied to the objects; a text
    /// that is neither is passed over. When the position moves to another file, this append and all before it
    /// are durable before it returns.
    fn append<'a>(&'a self, lines: &'a [&'a str], position: Position) -> Fut<'a, ()>;
    /// Up to where the journal is stored.
    fn position(&self) -> Fut<'_, Position>;
    /// A line by its id.
    fn find(&self, id: Uuid) -> Fut<'_, Option<String>>;
    /// The newest line by the upstream's id.
    fn find_upstream<'a>(&'a self, upstream_id: &'a str) -> Fut<'a, Option<String>>;
    /// Newest lines first, those older than `before` only.
    fn page(&self, before: Option<Uuid>, limit: usize) -> Fut<'_, Vec<String>>;
    /// Rollups of the hours or days that start in a span of time, `to` exclusive, unix time in ms.
    fn sums(&self, by: Grouping, from_ms: i64, to_ms: i64) -> Fut<'_, Vec<Sum>>;
    /// Deletes up to `limit` lines that arrived before a time; returns how many.
    fn expire(&self, before_ms: i64, limit: usize) -> Fut<'_, usize>;
}

/// Objects at providers. They change with the lines of [`Ledger::append`]; here they are read.
pub trait Objects: Send + Sync + std::fmt::Debug {
    /// The objects of that kind and id, at whatever providers.
    fn find<'a>(&'a self, kind: Kind, id: &'a str) -> Fut<'a, Vec<Object>>;
    /// A part of an owner's objects of one kind, newest first unless the page says otherwise. An id in the page
    /// that is none of the owner's gives an empty list.
    fn list<'a>(&'a self, owner: &'a Owner, kind: Kind, page: &'a Page) -> Fut<'a, Vec<Object>>;
    /// Objects with work left, oldest first.
    fn open(&self, limit: usize) -> Fut<'_, Vec<Object>>;
    /// Deletes up to `limit` objects that were made before a time, or that are not among the `most` newest;
    /// never one with work left. Returns how many.
    fn expire(&self, before_ms: i64, most: usize, limit: usize) -> Fut<'_, usize>;
}

/// A virtual key as it is stored: its secret is known by hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The public part (12 characters), or the first 12 hex digits of the hash for a key declared by hash.
    pub id: Arc<str>,
    /// SHA-256 of the whole key text.
    pub hash: [u8; 32],
    /// Its name, unique among live keys.
    pub name: Arc<str>,
    /// Its team.
    pub team: Option<Arc<str>>,
    /// The end user it is bound to.
    pub user: Option<Arc<str>>,
    /// Models it may ask for, as names and globs; empty = all.
    pub models: Vec<String>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// It may use the admin API.
    pub admin: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// Keys at run time.
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// Every live key.
    fn load(&self) -> Fut<'_, Vec<KeyRecord>>;
    /// A live key by its hash.
    fn find(&self, hash: [u8; 32]) -> Fut<'_, Option<KeyRecord>>;
    /// Stores a new key; [`StoreError::Conflict`] when a live key has its name or id.
    fn create<'a>(&'a self, key: &'a KeyRecord) -> Fut<'a, ()>;
    /// Ends a key by name or public id; gives it back, `None` when there is none.
    fn revoke<'a>(&'a self, name_or_id: &'a str, at: Timestamp) -> Fut<'a, Option<KeyRecord>>;
    /// A counter that moves with every change, for nodes that poll.
    fn version(&self) -> Fut<'_, u64>;
    /// A setting of the gateway's own (the admin key's hash).
    fn setting<'a>(&'a self, name: &'a str) -> Fut<'a, Option<String>>;
    /// Stores a setting.
    fn set_setting<'a>(&'a self, name: &'a str, value: &'a str) -> Fut<'a, ()>;
}

/// A response that the gateway keeps for its caller (OpenAI's `store`), because its provider keeps none.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id, made by the gateway and not to be guessed.
    pub id: Arc<str>,
    /// Whose it is (`team:NAME`, else `key:NAME`); nobody else finds it.
    pub owner: Arc<str>,
    /// The kept response that it continues.
    pub previous: Option<Arc<str>>,
    /// When it was made, unix time in ms.
    pub created_ms: i64,
    /// From when on it is not found any more, unix time in ms.
    pub expires_ms: i64,
    /// The items of its own request's input: a JSON array.
    pub input: Arc<str>,
    /// The response object as its caller got it: a JSON object.
    pub body: Arc<str>,
}

impl Kept {
    /// What it counts for against [`Room`], in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.input.len() + self.body.len()) as u64
    }
}

impl std::fmt::Debug for Kept {
    /// Prints sizes only: input and body are content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({} of {}, {} bytes)", self.id, self.owner, self.bytes())
    }
}

/// How much may be kept; what is oldest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Responses of one owner.
    pub owner_count: u64,
    /// Bytes of one owner.
    pub owner_bytes: u64,
    /// Bytes of all owners.
    pub total_bytes: u64,
}

/// How far a chain of responses is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Responses at most.
    pub count: usize,
    /// Bytes at most; the response that passes it is the last one given.
    pub bytes: u64,
}

/// Responses that the gateway keeps.
pub trait Responses: Send + Sync + std::fmt::Debug {
    /// Keeps a response, then lets go of the oldest of its owner, and of all, until they fit the room; never of
    /// the one just put. The same id a second time changes nothing.
    fn put<'a>(&'a self, kept: &'a Kept, room: Room) -> Fut<'a, ()>;
    /// An owner's response and those it continues, newest first, as far as they are there at a time and the
    /// reach goes. Empty when the first is not there or another's.
    fn chain<'a>(&'a self, owner: &'a str, id: &'a str, now_ms: i64, reach: Reach) -> Fut<'a, Vec<Kept>>;
    /// Forgets an owner's response; false when there is none.
    fn forget<'a>(&'a self, owner: &'a str, id: &'a str, now_ms: i64) -> Fut<'a, bool>;
    /// Deletes up to `limit` responses whose time is over; returns how many.
    fn expire(&self, now_ms: i64, limit: usize) -> Fut<'_, usize>;
}
