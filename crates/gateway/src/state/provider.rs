//! A provider at run time: its configuration, its client, and what was learnt of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::live::Live;
use crate::config::types::Provider as Configured;
use crate::upstream::client::{Client, Reach};

/// A provider at run time.
#[derive(Debug)]
pub struct Provider {
    /// As configured.
    pub config: Configured,
    /// How it is reached.
    pub reach: Reach,
    /// The client; `None` for the simulated provider.
    pub client: Option<Client>,
    /// The models it lists, once they were fetched.
    pub listed: ArcSwapOption<Vec<Arc<str>>>,
    /// It answered; starts false only for providers that are looked for.
    pub found: AtomicBool,
    next_key: AtomicUsize,
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
        let listed = ArcSwapOption::new(same.and_then(|before| before.listed.load_full()));
        let found = AtomicBool::new(!config.probe || same.is_some_and(|before| before.found.load(Ordering::Relaxed)));
        let live = same.map(|before| Arc::clone(&before.live)).unwrap_or_default();
        let (next_key, hurried) = (AtomicUsize::new(0), RwLock::default());
        Ok(Self { config, reach, client, listed, found, next_key, hurried, live })
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
