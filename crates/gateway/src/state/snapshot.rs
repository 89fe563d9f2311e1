//! Everything of the configuration that a request reads: immutable, built beside the old one, swapped.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use policy::catalog::Catalog;

use super::provider::Provider;
use super::target::Target;
use crate::config::Config;
use crate::telemetry::metrics::Metrics;

/// Most targets kept ready; more are made anew for each request.
const MOST_TARGETS: usize = 10_000;

/// One configuration, ready to serve.
#[derive(Debug)]
pub struct Snapshot {
    /// As configured.
    pub config: Config,
    /// Providers, in the configuration's order.
    pub providers: Vec<Arc<Provider>>,
    /// The price catalogue.
    pub catalog: Catalog<'static>,
    /// The catalogue's version, for ledger lines.
    pub prices: Arc<str>,
    metrics: Arc<Metrics>,
    by_name: HashMap<Arc<str>, usize>,
    /// Targets that are ready, by provider and model.
    targets: Vec<RwLock<HashMap<Arc<str>, Arc<Target>>>>,
}

impl Snapshot {
    /// Makes a configuration ready. Providers that were there before keep their connections.
    ///
    /// # Errors
    /// What a provider's files or addresses are wrong with, naming the provider.
    pub fn build(config: Config, metrics: &Arc<Metrics>, before: Option<&Snapshot>) -> Result<Self, String> {
        let mut providers = Vec::with_capacity(config.providers.len());
        for provider in &config.providers {
            let known = before.and_then(|old| old.provider_place(&provider.name).map(|place| &*old.providers[place]));
            let ready = Provider::new(provider.clone(), known)
                .map_err(|what| format!("provider `{}`: {what}", provider.name))?;
            providers.push(Arc::new(ready));
        }
        let by_name =
            config.providers.iter().enumerate().map(|(place, provider)| (Arc::clone(&provider.name), place)).collect();
        let catalog = Catalog::embedded();
        let prices = catalog.version().into();
        let targets = providers.iter().map(|_| RwLock::default()).collect();
        Ok(Self { config, providers, catalog, prices, metrics: Arc::clone(metrics), by_name, targets })
    }

    /// The place of a provider.
    #[must_use]
    pub fn provider_place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// A model at a provider, made ready once and kept.
    #[must_use]
    pub fn target(&self, place: usize, model: &str) -> Arc<Target> {
        let known = &self.targets[place];
        if let Some(known) = known.read().unwrap_or_else(PoisonError::into_inner).get(model) {
            return Arc::clone(known);
        }
        let made = Arc::new(Target::new(&self.providers[place], model, self.catalog, &self.metrics));
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_TARGETS {
            return Arc::clone(known.entry(Arc::clone(&made.model)).or_insert(made));
        }
        made
    }

    /// Names that a caller may ask for, for near misses: configured ones, then `provider/model`.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let named = self.config.models.iter().map(|model| model.name.to_string()).filter(|name| !name.contains('*'));
        let offered = self.providers.iter().flat_map(|provider| self.offered(provider));
        named.chain(offered)
    }

    /// `provider/model` of everything a provider is known to serve.
    #[must_use]
    pub fn offered(&self, provider: &Provider) -> Vec<String> {
        let config = &provider.config;
        let name = &config.name;
        if let Some(models) = &config.models {
            return models.iter().map(|model| format!("{name}/{}", model.id)).collect();
        }
        if config.is_demo() {
            return crate::demo::MODELS.iter().map(|model| format!("{name}/{model}")).collect();
        }
        if let Some(listed) = &*provider.listed.load() {
            return listed.iter().map(|model| format!("{name}/{model}")).collect();
        }
        match config.row.catalog_name() {
            Some(catalog) => {
                let models = self.catalog.models_of(catalog).filter(|model| config.row.serves(model));
                models.map(|model| format!("{name}/{model}")).collect()
            }
            None => Vec::new(),
        }
    }
}
