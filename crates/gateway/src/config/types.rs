//! The configuration as meant: immutable values that cannot be wrong, with every default filled in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dialect::id::DialectId;
use dialect::quirk::Quirks;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy::money::Percent;
use policy::price::overrides::Override;
use policy::provider::row::{Auth, Row, Speaks};
use policy::provider::url;
use policy::residency::Require;
use policy::route::order::{Choose, Slo};

use super::credential::Credential;
use super::secret::Secret;

mod media;

pub use media::{FetchMedia, Fetching};

/// A configuration that can run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from; `None` in a start from the environment.
    pub file: Option<PathBuf>,
    /// The first 16 hex digits of the SHA-256 of what was meant, secrets by hash: `config` in ledger lines.
    pub hash: Arc<str>,
    /// The listeners and their limits.
    pub server: Server,
    /// Where the store, the journal and the admin key's file live.
    pub data_dir: PathBuf,
    /// The store.
    pub store: Store,
    /// Where days and months begin.
    pub timezone: TimeZone,
    /// How long ledger lines are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// How the journal is written.
    pub journal: Journal,
    /// Whether answers carry `usage.cost` without being asked.
    pub cost_in_usage: bool,
    /// Responses that are kept for their callers.
    pub responses: Responses,
    /// Providers in the order of the file, or of preference in a start from the environment.
    pub providers: Vec<Provider>,
    /// Names that clients may ask for beside `NAME/model`, exact names before globs, longer globs first.
    pub models: Vec<NamedModel>,
    /// Teams by name.
    pub teams: BTreeMap<Arc<str>, Team>,
    /// Organizations by name, each with its teams.
    pub organizations: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// Virtual keys that the file declares.
    pub keys: Vec<Key>,
}

impl Config {
    /// The same with its hash.
    pub(super) fn hashed(mut self) -> Self {
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        let file = self.file.take();
        self.hash = "".into();
        // Secrets print as `***`, so they are added one by one.
        hash.update(format!("{self:?}").as_bytes());
        for provider in &self.providers {
            let headers = provider.headers.iter().map(|(_, value)| value);
            let computed = provider.credential.iter().flat_map(Credential::secrets);
            for secret in provider.keys.iter().chain(headers).chain(&provider.proxy).chain(computed) {
                hash.update(&[0]);
                hash.update(secret.reveal().as_bytes());
            }
        }
        let digest = hash.finish();
        let hex: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { hash: hex.into(), file, ..self }
    }

    /// The provider of a name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| *provider.name == *name)
    }
}

/// Responses that the gateway keeps for its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Responses {
    /// They are kept.
    pub state: bool,
}

/// The store behind the ledger and the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// SQLite in `data_dir`.
    Sqlite,
}

/// The listeners and their limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address of the API.
    pub listen: SocketAddr,
    /// The address of admin API and dashboard, when it is another one.
    pub admin_listen: Option<SocketAddr>,
    /// The admin key, from `server.admin_key` or `TOLLGATE_ADMIN_KEY`.
    pub admin_key: Option<Secret>,
    /// The longest request body, bytes.
    pub max_body: u64,
    /// The longest upload, bytes.
    pub max_upload: u64,
    /// All request bodies held in memory together, bytes.
    pub max_buffered: u64,
    /// Requests under way at once.
    pub max_in_flight: usize,
    /// How long running requests may take to end at a stop.
    pub drain: Duration,
    /// How long a stream's head may be held for its first content event.
    pub hold_head: Duration,
    /// After so long a silence a comment is sent into a stream; `None` for never.
    pub keepalive: Option<Duration>,
    /// Certificate and key files.
    pub tls: Option<Tls>,
    /// Origins that browsers may call from; `*` is any.
    pub cors: Vec<String>,
    /// Proxies whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<Network>,
    /// How media at addresses are downloaded.
    pub fetch_media: FetchMedia,
}

/// PEM files of the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A network: an address and how many leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The address.
    pub address: std::net::IpAddr,
    /// Leading bits that must agree.
    pub bits: u8,
}

impl Network {
    /// True when the address is of this network.
    #[must_use]
    pub fn holds(&self, address: std::net::IpAddr) -> bool {
        use std::net::IpAddr::{V4, V6};
        let (own, other, width) = match (self.address, address.to_canonical()) {
            (V4(own), V4(other)) => (u128::from(own.to_bits()), u128::from(other.to_bits()), 32_u32),
            (V6(own), V6(other)) => (own.to_bits(), other.to_bits(), 128),
            (V4(_), V6(_)) | (V6(_), V4(_)) => return false,
        };
        let free = width.saturating_sub(u32::from(self.bits));
        (own ^ other).checked_shr(free).unwrap_or(0) == 0
    }
}

/// How the journal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    /// When lines are forced to disk.
    pub sync: Sync,
    /// The most bytes of lines held in memory while the disk is away.
    pub memory: u64,
}

/// When the journal is forced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Now and then, together.
    Interval,
    /// After every batch, before anyone is told.
    Always,
    /// Never: the system decides.
    Never,
}

/// A provider that models are asked of.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The name in `NAME/model`.
    pub name: Arc<str>,
    /// What the built-in table knows of its kind.
    pub row: &'static Row,
    /// Its place: lower is preferred for a bare model name.
    pub order: usize,
    /// Its keys; empty for a server without keys.
    pub keys: Vec<Secret>,
    /// What authorizes requests where there is no key.
    pub credential: Option<Credential>,
    /// Where it is, without a trailing slash; empty for the simulated provider.
    pub base_url: String,
    /// The API version in its paths (Azure).
    pub api_version: Option<String>,
    /// What it speaks, the preferred dialect first; only the one that was forced when one was.
    pub endpoints: Vec<Endpoint>,
    /// The models it was configured with; `None`: whatever it lists.
    pub models: Option<Vec<Model>>,
    /// The operator's prices, by exact model name or glob, as written.
    pub prices: Vec<(String, Override)>,
    /// The share that comes on top of its prices.
    pub fee: Option<Percent>,
    /// Headers sent with every request: lowercase names.
    pub headers: Vec<(String, Secret)>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How it differs from its dialect.
    pub quirks: Quirks,
    /// Its data attributes.
    pub data: BTreeMap<String, String>,
    /// The proxy that it is reached through; it may hold a password.
    pub proxy: Option<Secret>,
    /// PEM certificates that are trusted beside the usual ones.
    pub ca_file: Option<PathBuf>,
    /// Whether it may be reached by `/native/NAME/…`.
    pub native: bool,
    /// What happens upstream when the caller leaves a stream.
    pub on_disconnect: OnDisconnect,
    /// It is looked for in the background after start and counts only once it answers (zero configuration).
    pub probe: bool,
}

impl Provider {
    /// The dialects it speaks, the preferred one first.
    pub fn dialects(&self) -> impl Iterator<Item = DialectId> + '_ {
        self.endpoints.iter().map(|endpoint| endpoint.dialect)
    }

    /// The endpoint of a dialect.
    #[must_use]
    pub fn endpoint(&self, dialect: DialectId) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.dialect == dialect)
    }

    /// The URL of a call in a dialect; `None` when it does not speak it.
    #[must_use]
    pub fn url(&self, dialect: DialectId, model: &str) -> Option<String> {
        let endpoint = self.endpoint(dialect)?;
        Some(url::call(&self.base_url, endpoint.speaks, model, self.api_version.as_deref()))
    }

    /// The URL of a call in a dialect whose answer is streamed, where that is another.
    #[must_use]
    pub fn stream_url(&self, dialect: DialectId, model: &str) -> Option<String> {
        let endpoint = self.endpoint(dialect)?;
        url::stream(&self.base_url, endpoint.speaks, model, self.api_version.as_deref())
    }

    /// The URL of its list of models.
    #[must_use]
    pub fn models_url(&self) -> Option<String> {
        url::list(&self.base_url, self.row).filter(|_| !self.base_url.is_empty())
    }

    /// The configured model that answers to a name.
    #[must_use]
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.as_deref()?.iter().find(|model| *model.id == *id)
    }

    /// True when it has a key or something that stands in for one.
    #[must_use]
    pub fn has_key(&self) -> bool {
        !self.keys.is_empty() || self.credential.is_some()
    }

    /// True for the simulated provider.
    #[must_use]
    pub fn is_demo(&self) -> bool {
        self.row.kind == policy::provider::row::Kind::Demo
    }
}

/// One dialect that a provider speaks.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The dialect.
    pub dialect: DialectId,
    /// Where.
    pub speaks: &'static Speaks,
    /// How the key is sent.
    pub auth: &'static Auth,
}

/// A model of a provider, as configured. Facts that are `None` come from the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The id that is sent upstream.
    pub id: Arc<str>,
    /// The catalogue's model whose price and facts it has.
    pub like: Option<Arc<str>>,
    /// Context window, tokens.
    pub context: Option<u64>,
    /// The most output tokens of one answer.
    pub max_output: Option<u64>,
    /// Whether it calls tools.
    pub tools: Option<bool>,
    /// Whether it sees images.
    pub images: Option<bool>,
    /// The only dialect it is asked in.
    pub dialect: Option<DialectId>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP and TLS.
    pub connect: Duration,
    /// Request sent to first body byte, streams only.
    pub first_byte: Duration,
    /// Between bytes, streams only.
    pub idle: Duration,
    /// One attempt.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(15 * 60),
        }
    }
}

/// Time-outs that a named model sets over its providers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeoutsOver {
    /// Over [`Timeouts::connect`].
    pub connect: Option<Duration>,
    /// Over [`Timeouts::first_byte`].
    pub first_byte: Option<Duration>,
    /// Over [`Timeouts::idle`].
    pub idle: Option<Duration>,
    /// Over [`Timeouts::total`].
    pub total: Option<Duration>,
}

impl TimeoutsOver {
    /// A provider's time-outs with these over them.
    #[must_use]
    pub fn over(self, base: Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.unwrap_or(base.connect),
            first_byte: self.first_byte.unwrap_or(base.first_byte),
            idle: self.idle.unwrap_or(base.idle),
            total: self.total.unwrap_or(base.total),
        }
    }
}

/// What happens upstream when the caller leaves a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisconnect {
    /// The request is cancelled; usage is estimated.
    Cancel,
    /// The stream is read to its end for exact usage.
    Drain,
}

/// A name that clients may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedModel {
    /// The name, or a glob with `*`.
    pub name: Arc<str>,
    /// How the first target is chosen.
    pub choose: Choose,
    /// What the targets are asked to keep.
    pub slo: Slo,
    /// Where it goes; never empty.
    pub targets: Vec<Target>,
    /// Where it goes when no target is left.
    pub fallback: Vec<Target>,
    /// Tries in all, over targets, their keys and fallbacks; `None`: the default of 3.
    pub attempts: Option<u32>,
    /// Over the providers' time-outs.
    pub timeouts: TimeoutsOver,
    /// What to do with what a dialect cannot carry.
    pub losses: Losses,
}

impl NamedModel {
    /// The number of tries when none is configured.
    pub const ATTEMPTS: u32 = 3;

    /// Tries in all.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.attempts.unwrap_or(Self::ATTEMPTS)
    }
}

/// What to do with what a dialect cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    /// Say so in a header and the ledger line.
    Report,
    /// Refuse the request.
    Reject,
}

/// A model at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The place of the provider in [`Config::providers`].
    pub provider: usize,
    /// The model id there; `*` in it stands for the name asked for.
    pub model: Arc<str>,
    /// Its share under [`Choose::Weighted`] and [`Choose::LeastBusy`], 1 when not given.
    pub weight: u32,
}

impl Target {
    /// The model id for a name that was asked for.
    #[must_use]
    pub fn model_for(&self, asked: &str) -> Arc<str> {
        if self.model.contains('*') { self.model.replacen('*', asked, 1).into() } else { Arc::clone(&self.model) }
    }
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// The organization it is of.
    pub organization: Option<Arc<str>>,
    /// Names and globs its keys may ask for; empty: all.
    pub models: Vec<String>,
    /// What every provider of its requests must have: its own wishes and its organization's.
    pub require: Vec<Require>,
}

/// A virtual key that the file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name, unique.
    pub name: Arc<str>,
    /// SHA-256 of the whole key text.
    pub hash: [u8; 32],
    /// Its team.
    pub team: Option<Arc<str>>,
    /// The end user it is bound to.
    pub user: Option<Arc<str>>,
    /// Names and globs it may ask for; empty: all.
    pub models: Vec<String>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// What every provider of its requests must have.
    pub require: Require,
}
