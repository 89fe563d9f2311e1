//! A provider at run time: its configuration, its client, and what was learnt of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::Request;

use super::directory::{hash, hex};
use super::live::Live;
use crate::config::types::Provider as Configured;
use crate::tasks::Tasks;
use crate::upstream::client::{Client, Reach};
use crate::upstream::credential::{Credential, CredentialError, Payload};

/// A key's fingerprint: the first 16 hex digits of the SHA-256 of its text.
fn fingerprint(key: &str) -> Arc<str> {
    hex(&hash(key)).get(..16).unwrap_or_default().into()
}

/// A provider at run time.
#[derive(Debug)]
pub struct Provider {
    /// As configured.
    pub config: Configured,
    /// How it is reached.
    pub reach: Reach,
    /// The client; `None` for the simulated provider.
    pub client: Option<Client>,
    /// What authorizes requests where it has no key.
    pub credential: Option<Credential>,
    /// The models it lists, once they were fetched.
    pub listed: ArcSwapOption<Vec<Arc<str>>>,
    /// It answered; starts false only for providers that are looked for.
    pub found: AtomicBool,
    next_key: AtomicUsize,
    /// Each key's fingerprint, in the keys' order; one empty one where none is needed.
    fingerprints: Vec<Arc<str>>,
    /// The client of sockets, once one was asked for.
    sockets: OnceLock<Option<Client>>,
    /// Clients for named models that set another `connect`.
    hurried: RwLock<Vec<(Duration, Client)>>,
    /// What its models are doing, kept over configurations.
    live: Arc<RwLock<HashMap<Arc<str>, Arc<Live>>>>,
}

/// Most models whose state is kept.
const MOST_LIVE: usize = 10_000;

impl Provider {
    /// A provider of a configuration. One that is reached the same way and was there before keeps its
    /// connections and what was learnt.
    ///
    /// # Errors
    /// Its `ca_file` cannot be read or is no certificate.
    pub fn new(config: Configured, before: Option<&Provider>) -> Result<Self, String> {
        let roots = match &config.ca_file {
            Some(path) => Some(std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?),
            None => None,
        };
        let proxy = match &config.proxy {
            Some(proxy) => Some(proxy.reveal().parse().map_err(|_| "`proxy` is no URL".to_owned())?),
            None => None,
        };
        let reach = Reach { connect: config.timeouts.connect, proxy, roots };
        let same = before.filter(|before| before.config.base_url == config.base_url && before.reach == reach);
        let client = match same {
            _ if config.is_demo() => None,
            Some(before) => before.client.clone(),
            None => Some(Client::new(&reach)?),
        };
        let credential = match &config.credential {
            None => None,
            Some(wanted) => match same.and_then(|before| before.credential.as_ref()) {
                Some(before) if before.config() == wanted => Some(before.clone()),
                _ => Some(Credential::new(wanted.clone(), &reach)?),
            },
        };
        let listed = ArcSwapOption::new(same.and_then(|before| before.listed.load_full()));
        let found = AtomicBool::new(!config.probe || same.is_some_and(|before| before.found.load(Ordering::Relaxed)));
        let live = same.map(|before| Arc::clone(&before.live)).unwrap_or_default();
        let fingerprints = match config.keys.is_empty() {
            true => vec!["".into()],
            false => config.keys.iter().map(|key| fingerprint(key.reveal())).collect(),
        };
        let (next_key, hurried) = (AtomicUsize::new(0), RwLock::default());
        let sockets = OnceLock::new();
        Ok(Self { config, reach, client, credential, listed, found, next_key, fingerprints, sockets, hurried, live })
    }

    /// The fingerprint of a key, by its place: what an object is pinned by, since keys may change places.
    #[must_use]
    pub fn fingerprint(&self, key: usize) -> Arc<str> {
        self.fingerprints.get(key).map_or_else(|| "".into(), Arc::clone)
    }

    /// The place of the key of that fingerprint. A provider's only key takes the place of one that is gone: keys
    /// are changed within an account.
    #[must_use]
    pub fn key_of(&self, fingerprint: &str) -> Option<usize> {
        let found = self.fingerprints.iter().position(|known| **known == *fingerprint);
        found.or_else(|| (self.fingerprints.len() == 1).then_some(0))
    }

    /// What one of its models is doing.
    #[must_use]
    pub fn live(&self, model: &str) -> Arc<Live> {
        let known = self.live.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = known.get(model) {
            return Arc::clone(live);
        }
        drop(known);
        let mut known = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_LIVE {
            return Arc::default();
        }
        Arc::clone(known.entry(model.into()).or_default())
    }

    /// A client that gives up connecting after another time than the usual one; `None` for the simulated
    /// provider.
    #[must_use]
    pub fn hurried(&self, connect: Duration) -> Option<Client> {
        let known = self.hurried.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = known.iter().find(|(time, _)| *time == connect) {
            return Some(client.clone());
        }
        drop(known);
        self.client.as_ref()?;
        let client = Client::new(&Reach { connect, ..self.reach.clone() }).ok()?;
        self.hurried.write().unwrap_or_else(PoisonError::into_inner).push((connect, client.clone()));
        Some(client)
    }

    /// Puts what stands in for a key into a request; nothing where there are keys, or none is needed. May wait for a
    /// token service.
    ///
    /// # Errors
    /// There is no credential.
    pub async fn authorize<B>(
        &self,
        tasks: &Tasks,
        request: &mut Request<B>,
        payload: Payload<'_>,
    ) -> Result<(), CredentialError> {
        match &self.credential {
            Some(credential) => credential.authorize(tasks, request, payload).await,
            None => Ok(()),
        }
    }

    /// The provider refused what stands in for a key.
    pub fn refused(&self, tasks: &Tasks) {
        if let Some(credential) = &self.credential {
            credential.refused(tasks);
        }
    }

    /// The client of sockets; `None` for the simulated provider.
    #[must_use]
    pub fn sockets(&self) -> Option<&Client> {
        self.client.as_ref()?;
        self.sockets.get_or_init(|| Client::switching(&self.reach).ok()).as_ref()
    }

    /// The key to begin the next request with: keys take turns.
    #[must_use]
    pub fn first_key(&self) -> usize {
        match self.config.keys.len() {
            0 | 1 => 0,
            keys => self.next_key.fetch_add(1, Ordering::Relaxed) % keys,
        }
    }

    /// How many ways there are to authenticate: keys, or one where none is needed.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.config.keys.len().max(1)
    }

    /// Whether it serves a model: by its configured list where it has one, by the list it gave, by the
    /// catalogue.
    #[must_use]
    pub fn offers(&self, model: &str, catalog: policy::catalog::Catalog<'_>) -> bool {
        if !self.found.load(Ordering::Relaxed) || self.config.is_demo() {
            return false;
        }
        if let Some(models) = &self.config.models {
            return models.iter().any(|own| *own.id == *model);
        }
        if let Some(listed) = &*self.listed.load()
            && listed.iter().any(|own| **own == *model)
        {
            return true;
        }
        let row = self.config.row;
        row.serves(model) && row.catalog_name().is_some_and(|name| catalog.offers(name, model))
    }
}
