//! What one run of the load generator measured.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Figures of one run. Times are microseconds unless the name says otherwise.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Requests answered 200 and whole.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// The first failure's text.
    pub first_error: Option<String>,
    pub seconds: f64,
    /// Content chunks asked for and received.
    pub chunks: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
    /// Until the first body bytes; streams only.
    pub first_byte_p50: f64,
    pub first_byte_p99: f64,
    /// CPU of the watched process in the window, ledger threads left out.
    pub path_cpu: f64,
    /// CPU of its ledger threads, until they came to rest.
    pub ledger_cpu: f64,
    /// Its threads that ended in the window, whose CPU is not in the figures.
    pub threads_ended: usize,
    /// Its resident memory before and during held streams, KiB.
    pub rss_before_kib: u64,
    pub rss_held_kib: u64,
}

impl Figures {
    /// Sets the quantiles from latencies in nanoseconds.
    pub(super) fn latencies(&mut self, nanos: &mut [u64]) {
        nanos.sort_unstable();
        self.p50 = quantile(nanos, 50);
        self.p95 = quantile(nanos, 95);
        self.p99 = quantile(nanos, 99);
        self.max = quantile(nanos, 100);
    }

    /// Sets the first-byte quantiles from nanoseconds.
    pub(super) fn first_bytes(&mut self, nanos: &mut [u64]) {
        nanos.sort_unstable();
        self.first_byte_p50 = quantile(nanos, 50);
        self.first_byte_p99 = quantile(nanos, 99);
    }

    /// The slices of one round as one: counts are added, quantiles are the median of the slices'.
    #[must_use]
    pub fn merge(slices: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> f64| slices.iter().map(of).sum::<f64>();
        let median = |of: fn(&Self) -> f64| {
            let mut all: Vec<f64> = slices.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        Self {
            requests: slices.iter().map(|f| f.requests).sum(),
            errors: slices.iter().map(|f| f.errors).sum(),
            first_error: slices.iter().find_map(|f| f.first_error.clone()),
            seconds: sum(|f| f.seconds),
            chunks: slices.iter().map(|f| f.chunks).sum(),
            p50: median(|f| f.p50),
            p95: median(|f| f.p95),
            p99: median(|f| f.p99),
            max: slices.iter().map(|f| f.max).fold(0.0, f64::max),
            first_byte_p50: median(|f| f.first_byte_p50),
            first_byte_p99: median(|f| f.first_byte_p99),
            path_cpu: sum(|f| f.path_cpu),
            ledger_cpu: sum(|f| f.ledger_cpu),
            threads_ended: slices.iter().map(|f| f.threads_ended).sum(),
            rss_before_kib: slices.first().map_or(0, |f| f.rss_before_kib),
            rss_held_kib: slices.iter().map(|f| f.rss_held_kib).max().unwrap_or(0),
        }
    }

    /// Requests per second.
    #[must_use]
    pub fn rps(&self) -> f64 {
        if self.seconds > 0.0 { self.requests as f64 / self.seconds } else { 0.0 }
    }
}

/// The nearest-rank quantile in microseconds, 0 of nothing.
fn quantile(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |ns| *ns as f64 / 1_000.0)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests in {:.2} s ({:.0}/s), {} errors", self.requests, self.seconds, self.rps(), self.errors)?;
        if let Some(error) = &self.first_error {
            write!(f, " (first: {error})")?;
        }
        write!(f, "\nlatency µs: p50 {:.0}, p95 {:.0}, p99 {:.0}, max {:.0}", self.p50, self.p95, self.p99, self.max)?;
        if self.chunks > 0 {
            write!(f, "\n{} chunks ({:.0}/s)", self.chunks, self.chunks as f64 / self.seconds)?;
            write!(f, ", first byte µs: p50 {:.0}, p99 {:.0}", self.first_byte_p50, self.first_byte_p99)?;
        }
        if self.path_cpu > 0.0 {
            let per = self.requests.max(1) as f64;
            write!(f, "\nCPU µs per request: {:.2}, ledger {:.2}", self.path_cpu / per, self.ledger_cpu / per)?;
        }
        if self.rss_held_kib > 0 {
            write!(f, "\nresident KiB: {} before, {} with the streams open", self.rss_before_kib, self.rss_held_kib)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_add_up() {
        let slice = |requests, path_cpu, p50| Figures { requests, path_cpu, p50, seconds: 1.0, ..Figures::default() };
        let all = Figures::merge(&[slice(10, 5.0, 3.0), slice(30, 7.0, 1.0), slice(2, 0.0, 2.0)]);
        assert_eq!((all.requests, all.path_cpu, all.p50, all.seconds), (42, 12.0, 2.0, 3.0));
    }

    #[test]
    fn quantiles_are_nearest_rank() {
        let nanos: Vec<u64> = (1..=200).map(|n| n * 1_000).collect();
        assert_eq!(quantile(&nanos, 50), 100.0);
        assert_eq!(quantile(&nanos, 99), 198.0);
        assert_eq!(quantile(&nanos, 100), 200.0);
        assert_eq!(quantile(&[], 50), 0.0);
    }
}
