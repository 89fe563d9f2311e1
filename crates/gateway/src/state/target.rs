//! A target at run time: one model at one provider, with everything a request to it needs made ready.

use std::borrow::Cow;
use std::sync::Arc;

use dialect::id::DialectId;
use dialect::quirk::{Quirk, Quirks};
use dialect::target::{Control, Target as DialectTarget};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use policy::catalog::{Catalog, Found, Offer, Reasoning};
use policy::price::overrides;
use policy::price::sheet::Sheet;
use policy::provider::row::Hosted;

use super::live::Live;
use super::provider::Provider;
use crate::config::types::Timeouts;
use crate::telemetry::metrics::{Metrics, TargetMetrics};
use crate::upstream::credential::Credential;

/// One dialect that a target is reached in.
#[derive(Debug)]
pub struct Lane {
    /// The dialect.
    pub dialect: DialectId,
    /// Where.
    pub url: Uri,
    /// Where an answer is streamed from, where that is elsewhere.
    pub stream_url: Option<Uri>,
    /// What the host of another's dialect wants otherwise.
    pub hosted: Option<&'static Hosted>,
    /// Headers of every request, less the key's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The header that carries each key, in the provider's order; `None` where none is sent.
    pub auth: Vec<Option<(HeaderName, HeaderValue)>>,
}

/// One model at one provider.
#[derive(Debug)]
pub struct Target {
    /// The provider.
    pub provider: Arc<Provider>,
    /// The provider's name.
    pub provider_name: Arc<str>,
    /// The id that is sent upstream.
    pub model: Arc<str>,
    /// `provider/model`.
    pub name: Arc<str>,
    /// Dialects it is reached in, the preferred one first.
    pub lanes: Vec<Lane>,
    /// How this server and model differ from the dialect.
    pub quirks: Quirks,
    /// The most tokens of one answer, where known.
    pub max_output: Option<u64>,
    /// How its reasoning is controlled.
    pub reasoning: Control,
    /// Its prices; `None`: unpriced.
    pub sheet: Option<Sheet>,
    /// The region it runs in, where known.
    pub region: Option<Arc<str>>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Its counters.
    pub metrics: Arc<TargetMetrics>,
    /// What it is doing.
    pub live: Arc<Live>,
}

impl Target {
    /// Makes a target ready.
    #[must_use]
    pub fn new(provider: &Arc<Provider>, model: &str, catalog: Catalog<'_>, metrics: &Metrics) -> Self {
        let config = &provider.config;
        let own = config.model(model);
        let like = own.and_then(|own| own.like.as_deref());
        let offer = match like {
            Some(like) => catalog.named(like),
            None => config.row.catalog_name().and_then(|name| catalog.offer(name, model)),
        };
        let catalogue = offer.as_ref().filter(|offer| offer.found != Found::FactsOnly).and_then(|o| o.sheet.as_ref());
        let sheet = match overrides::find(&config.prices, model) {
            Some(over) => Some(over.over(catalogue)),
            None => catalogue.cloned(),
        };
        let forced = own.and_then(|own| own.dialect);
        let lanes = config
            .endpoints
            .iter()
            .filter(|endpoint| forced.is_none_or(|forced| forced == endpoint.dialect))
            .filter_map(|endpoint| lane(provider, endpoint.dialect, model))
            .collect();
        let facts = offer.as_ref().map(|offer| &offer.facts);
        Self {
            provider_name: Arc::clone(&config.name),
            model: model.into(),
            name: format!("{}/{model}", config.name).into(),
            lanes,
            quirks: quirks(config.quirks, offer.as_ref(), config.row.name == "openai" || config.row.name == "azure"),
            max_output: own.and_then(|own| own.max_output).or(facts.and_then(|facts| facts.max_output)),
            reasoning: control(offer.as_ref()),
            sheet: sheet.filter(|sheet| !sheet.is_empty()),
            region: config.data.get("region").map(|region| region.as_str().into()),
            timeouts: config.timeouts,
            metrics: metrics.target(&config.name, model),
            live: provider.live(model),
            provider: Arc::clone(provider),
        }
    }

    /// The sheet that prices requests of batches: the operator's own prices hold whatever the mode; of the
    /// catalogue's, only a sheet that knows what batches cost.
    #[must_use]
    pub fn batch_sheet(&self) -> Option<&Sheet> {
        let own = overrides::find(&self.provider.config.prices, &self.model).is_some();
        self.sheet.as_ref().filter(|sheet| own || sheet.rows.iter().any(|row| row.tier.as_deref() == Some("batch")))
    }

    /// The lane for a caller: its own dialect when the target speaks it, else the preferred one.
    #[must_use]
    pub fn lane(&self, caller: DialectId) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.dialect == caller).or_else(|| self.lanes.first())
    }

    /// The provider's keys as texts, and what stands in for them now, for finding them where they must not be.
    #[must_use]
    pub fn secrets(&self) -> Vec<Cow<'_, str>> {
        let keys = self.provider.config.keys.iter().map(|key| Cow::Borrowed(key.reveal()));
        let computed = self.provider.credential.iter().flat_map(Credential::secrets);
        keys.chain(computed.map(|secret| Cow::Owned(secret.reveal().to_owned()))).collect()
    }

    /// What the provider says in a header that a whole answer costs, in USD and as it wrote it. A header without a
    /// number says nothing (LiteLLM leaves it out where it knows no price).
    #[must_use]
    pub fn reported_usd(&self, headers: &HeaderMap) -> Option<Box<str>> {
        let name = self.provider.config.row.cost_header.as_deref()?;
        headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty()).map(Into::into)
    }

    /// What a dialect must know of it.
    #[must_use]
    pub fn for_dialect(&self) -> DialectTarget<'_> {
        DialectTarget {
            provider: &self.provider_name,
            model: &self.model,
            quirks: self.quirks,
            max_output: self.max_output,
            reasoning: self.reasoning,
            openrouter: self.provider.config.row.name == "openrouter",
        }
    }
}

/// The row's quirks and those of the model: OpenAI's reasoning models take `max_completion_tokens` only and, unless
/// they can do without reasoning, nothing that steers how tokens are drawn; a model whose catalogue facts say so takes no
/// sampling parameters.
fn quirks(row: Quirks, offer: Option<&Offer>, openai: bool) -> Quirks {
    let Some(offer) = offer else { return row };
    let reasons = matches!(&offer.facts.reasoning, Some(reasoning) if *reasoning != Reasoning::None);
    let mut quirks = row;
    if openai && reasons {
        quirks = quirks.with(Quirk::MaxCompletionTokensOnly);
        let own = offer.base.starts_with("gpt-")
            || offer.base.strip_prefix('o').is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()));
        quirks = match &offer.facts.reasoning {
            // Others' models that Azure hosts have their own ways.
            _ if !own => quirks,
            Some(Reasoning::Efforts(levels)) if levels.iter().any(|level| **level == *"none") => {
                quirks.with(Quirk::SamplesOrReasons)
            }
            _ => quirks.unsteered(),
        };
    }
    if offer.facts.sampling == Some(false) {
        quirks = quirks.with(Quirk::NoSampling);
    }
    quirks
}

fn control(offer: Option<&Offer>) -> Control {
    match offer.and_then(|offer| offer.facts.reasoning.as_ref()) {
        None | Some(Reasoning::None | Reasoning::Toggle) => Control::None,
        Some(Reasoning::Efforts(_)) => match offer {
            Some(offer) if offer.base.starts_with("claude") => Control::Adaptive,
            _ => Control::Effort,
        },
        Some(Reasoning::Budget) => Control::Budget,
    }
}

fn lane(provider: &Provider, dialect: DialectId, model: &str) -> Option<Lane> {
    let config = &provider.config;
    let endpoint = config.endpoint(dialect)?;
    let url = match config.is_demo() {
        true => Uri::from_static("demo://demo/"),
        false => config.url(dialect, model)?.parse().ok()?,
    };
    let stream_url = config.stream_url(dialect, model).and_then(|url| url.parse().ok());
    let headers = config.headers.iter().filter_map(|(name, value)| {
        let mut value = HeaderValue::try_from(value.reveal()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name.as_str()).ok()?, value))
    });
    // HTTP/2, which only TLS can agree on, tells the host by itself.
    let host = (url.scheme_str() == Some("http")).then(|| url.authority()).flatten();
    let host = host.and_then(|host| HeaderValue::try_from(host.as_str().rsplit('@').next()?).ok());
    let headers = host.map(|host| (header::HOST, host)).into_iter().chain(headers).collect();
    let auth = |key: &str| {
        let (name, value) = endpoint.auth.header(key)?;
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    let auth = match config.keys.is_empty() {
        true => vec![None],
        false => config.keys.iter().map(|key| auth(key.reveal())).collect(),
    };
    Some(Lane { dialect, url, stream_url, hosted: endpoint.speaks.hosted.as_ref(), headers, auth })
}
