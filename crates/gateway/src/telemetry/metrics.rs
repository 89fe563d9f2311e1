//! Prometheus metrics. Label sets are bounded: names of the configuration and words of fixed lists only.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dialect::id::DialectId;
use dialect::outcome::Outcome;
use dialect::usage::{Unit, Usage};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Labels of a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TargetLabels {
    provider: String,
    model: String,
}

/// Labels of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    provider: String,
    model: String,
    outcome: &'static str,
}

/// Labels of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    provider: String,
    model: String,
    unit: &'static str,
}

/// Labels of a finished request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    dialect: &'static str,
    status: &'static str,
    error: &'static str,
}

type TargetHistograms = Family<TargetLabels, Histogram, fn() -> Histogram>;

/// Upper bounds of latencies, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Upper bounds of the gateway's own time, in seconds.
const OWN_SECONDS: [f64; 10] = [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1];

fn latency() -> Histogram {
    Histogram::new(SECONDS)
}

/// Every metric, and the registry that prints them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    /// Of `requests`, those of each dialect that went well, looked up once.
    served: Vec<(&'static str, Counter)>,
    attempts: Family<AttemptLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<TargetLabels, Counter<f64, AtomicU64>>,
    unpriced: Family<TargetLabels, Counter>,
    duration: TargetHistograms,
    first_byte: TargetHistograms,
    own: Histogram,
    losses: Counter,
    /// Requests being served.
    pub in_flight: Gauge,
    /// Request bytes held in memory.
    pub buffered: Gauge,
    /// The journal cannot write: lines are held in memory (1) or not (0).
    pub journal_degraded: Gauge,
    /// Lines held in memory.
    pub journal_memory_lines: Gauge,
    /// Lines dropped because memory was full.
    pub journal_dropped: Gauge,
    /// Lines in the journal that are not in the store yet.
    pub store_lag: Gauge,
    /// Lines of the access log that were dropped.
    pub log_dropped: Gauge,
    /// Tasks that panicked.
    pub panics: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests: Family<RequestLabels, Counter> = Family::default();
        let served = DialectId::ALL.map(|dialect| {
            let labels = RequestLabels { dialect: dialect.name(), status: "ok", error: "" };
            (dialect.name(), requests.get_or_create(&labels).clone())
        });
        let mut metrics = Self {
            registry: Registry::with_prefix("tollgate"),
            requests,
            served: served.to_vec(),
            attempts: Family::default(),
            tokens: Family::default(),
            cost: Family::default(),
            unpriced: Family::default(),
            duration: Family::new_with_constructor(latency),
            first_byte: Family::new_with_constructor(latency),
            own: Histogram::new(OWN_SECONDS),
            losses: Counter::default(),
            in_flight: Gauge::default(),
            buffered: Gauge::default(),
            journal_degraded: Gauge::default(),
            journal_memory_lines: Gauge::default(),
            journal_dropped: Gauge::default(),
            store_lag: Gauge::default(),
            log_dropped: Gauge::default(),
            panics: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let to = &mut self.registry;
        to.register(
            "requests",
            "Finished requests by the caller's dialect, status and error kind",
            self.requests.clone(),
        );
        to.register("attempts", "Upstream attempts by target and outcome", self.attempts.clone());
        to.register("tokens", "Tokens and other units used, by target and unit", self.tokens.clone());
        to.register("cost_usd", "Cost in USD by target; the ledger holds the exact amounts", self.cost.clone());
        to.register("unpriced_requests", "Requests without a price, by target", self.unpriced.clone());
        to.register("request_duration_seconds", "From arrival to the last byte, by target", self.duration.clone());
        to.register("first_byte_seconds", "From arrival to the first content, by target", self.first_byte.clone());
        to.register("overhead_seconds", "Time the gateway itself spent on a request", self.own.clone());
        to.register("losses", "Things a translation could not carry", self.losses.clone());
        to.register("in_flight_requests", "Requests being served", self.in_flight.clone());
        to.register("buffered_bytes", "Request bytes held in memory", self.buffered.clone());
        to.register("journal_degraded", "1 while the journal cannot write", self.journal_degraded.clone());
        to.register("journal_memory_lines", "Ledger lines held in memory", self.journal_memory_lines.clone());
        // A gauge by type so that it can follow the journal's own count; it only grows.
        to.register(
            "journal_dropped_lines_total",
            "Ledger lines dropped, memory being full",
            self.journal_dropped.clone(),
        );
        to.register("store_lag_lines", "Journal lines that are not in the store yet", self.store_lag.clone());
        to.register("log_dropped_lines", "Access log lines dropped", self.log_dropped.clone());
        to.register("task_panics", "Tasks that panicked", self.panics.clone());
    }

    /// The text of `/metrics`.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// The counters of a target, looked up once and kept with it.
    #[must_use]
    pub fn target(&self, provider: &str, model: &str) -> Arc<TargetMetrics> {
        let labels = TargetLabels { provider: provider.to_owned(), model: model.to_owned() };
        let ok = AttemptLabels { provider: provider.to_owned(), model: model.to_owned(), outcome: Outcome::Ok.name() };
        let unit = |unit: Unit| {
            let labels = TokenLabels { provider: provider.to_owned(), model: model.to_owned(), unit: unit.name() };
            self.tokens.get_or_create(&labels).clone()
        };
        Arc::new(TargetMetrics {
            ok: self.attempts.get_or_create(&ok).clone(),
            input: unit(Unit::Input),
            cache_read: unit(Unit::CacheRead),
            output: unit(Unit::Output),
            cost: self.cost.get_or_create(&labels).clone(),
            unpriced: self.unpriced.get_or_create(&labels).clone(),
            duration: self.duration.get_or_create(&labels).clone(),
            first_byte: self.first_byte.get_or_create(&labels).clone(),
            labels,
        })
    }

    /// Counts an attempt.
    pub fn attempt(&self, target: &TargetMetrics, outcome: Outcome) {
        if outcome == Outcome::Ok {
            target.ok.inc();
            return;
        }
        let TargetLabels { provider, model } = target.labels.clone();
        self.attempts.get_or_create(&AttemptLabels { provider, model, outcome: outcome.name() }).inc();
    }

    /// Counts a finished request.
    pub fn request(
        &self,
        dialect: &'static str,
        status: &'static str,
        error: &'static str,
        own_us: u64,
        losses: usize,
    ) {
        match self.served.iter().find(|(known, _)| *known == dialect && status == "ok") {
            Some((_, served)) => served.inc(),
            None => self.requests.get_or_create(&RequestLabels { dialect, status, error }).inc(),
        };
        self.own.observe(micros(own_us));
        self.losses.inc_by(losses as u64);
    }

    /// Counts what an answer of a target used and cost.
    pub fn answer(
        &self,
        target: &TargetMetrics,
        usage: &Usage,
        nanos: Option<i64>,
        total_ms: Option<u64>,
        first_ms: Option<u64>,
    ) {
        for (unit, quantity) in usage.iter() {
            match unit {
                Unit::Input => target.input.inc_by(quantity),
                Unit::CacheRead => target.cache_read.inc_by(quantity),
                Unit::Output => target.output.inc_by(quantity),
                _ if quantity == 0 => continue,
                other => {
                    let TargetLabels { provider, model } = target.labels.clone();
                    self.tokens.get_or_create(&TokenLabels { provider, model, unit: other.name() }).inc_by(quantity)
                }
            };
        }
        match nanos {
            // Metrics are floats by their format; the exact amount stands in the ledger.
            Some(nanos) => drop(target.cost.inc_by(nanos.max(0) as f64 / 1e9)),
            None => drop(target.unpriced.inc()),
        }
        if let Some(total_ms) = total_ms {
            target.duration.observe(total_ms as f64 / 1e3);
        }
        if let Some(ms) = first_ms {
            target.first_byte.observe(ms as f64 / 1e3);
        }
    }
}

fn micros(us: u64) -> f64 {
    us as f64 / 1e6
}

/// The counters of one target.
#[derive(Debug)]
pub struct TargetMetrics {
    labels: TargetLabels,
    ok: Counter,
    input: Counter,
    cache_read: Counter,
    output: Counter,
    cost: Counter<f64, AtomicU64>,
    unpriced: Counter,
    duration: Histogram,
    first_byte: Histogram,
}
