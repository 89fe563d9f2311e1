//! Sums over ledger lines: money as integers, latencies of the last requests.

use std::collections::{BTreeMap, VecDeque};

use policy::money::Nano;

use super::call::Finished;
use super::line::Line;

/// How many latencies of a target are kept for its percentiles.
const KEPT: usize = 1_000;
/// How many of the last requests are kept.
const LAST: usize = 5;
/// The row of requests that nobody served.
const NOBODY: &str = "(not served)";

/// One target's sums.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Requests that it served; in the row of nobody, requests that were not.
    pub(super) requests: u64,
    /// Tries at it that failed.
    pub(super) errors: u64,
    /// Requests that it served because another had failed.
    pub(super) fallbacks: u64,
    /// Prompt tokens.
    pub(super) input: u64,
    /// Answer tokens.
    pub(super) output: u64,
    /// Cost of the requests that it served.
    pub(super) usd: Nano,
    ms: VecDeque<u64>,
}

impl Row {
    /// The latency, in ms, that so many of a hundred of the last requests kept; `None` without any.
    pub(super) fn percentile(&self, percent: usize) -> Option<u64> {
        let mut sorted: Vec<u64> = self.ms.iter().copied().collect();
        sorted.sort_unstable();
        // Nearest rank.
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    fn took(&mut self, ms: u64) {
        if self.ms.len() == KEPT {
            self.ms.pop_front();
        }
        self.ms.push_back(ms);
    }
}

/// One team's sums.
#[derive(Debug, Default)]
pub(super) struct Team {
    /// Its requests.
    pub(super) requests: u64,
    /// What they cost.
    pub(super) usd: Nano,
}

/// One of the last requests.
#[derive(Debug)]
pub(super) struct Last {
    /// Team and user.
    pub(super) who: String,
    /// Its line; else what is wrong.
    pub(super) line: Result<Line, String>,
    /// The ledger's id.
    pub(super) id: Option<String>,
}

/// Everything so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests.
    pub(super) requests: u64,
    /// Requests whose caller got no whole answer.
    pub(super) failed: u64,
    /// Requests whose cost is not known.
    pub(super) unpriced: u64,
    /// What all of them cost.
    pub(super) usd: Nano,
    /// By `provider/model`.
    pub(super) rows: BTreeMap<String, Row>,
    /// By team.
    pub(super) teams: BTreeMap<&'static str, Team>,
    /// The last ones, the newest first.
    pub(super) last: VecDeque<Last>,
}

impl Tally {
    /// Adds a request that is over.
    pub(super) fn add(&mut self, finished: Finished) {
        let Finished { who, id, line, trouble, http } = finished;
        let line = match line.as_deref().map(Line::read) {
            Some(Some(line)) => Ok(line),
            Some(None) => Err("its ledger line is not JSON".to_owned()),
            None => {
                let status = http.map(|status| format!("HTTP {status}, ")).unwrap_or_default();
                Err(format!("{status}{}", trouble.unwrap_or_default()))
            }
        };
        self.requests += 1;
        let team = self.teams.entry(who.team).or_default();
        team.requests += 1;
        match &line {
            Ok(line) => {
                team.usd = team.usd.saturating_add(line.usd.unwrap_or(Nano::ZERO));
                self.add_line(line);
            }
            Err(_) => {
                self.failed += 1;
                self.unpriced += 1;
                self.rows.entry(NOBODY.to_owned()).or_default().requests += 1;
            }
        }
        self.last.truncate(LAST - 1);
        self.last.push_front(Last { who: format!("{}/{}", who.team, who.user), line, id });
    }

    fn add_line(&mut self, line: &Line) {
        self.failed += u64::from(line.status != "ok");
        self.unpriced += u64::from(line.usd.is_none());
        let usd = line.usd.unwrap_or(Nano::ZERO);
        self.usd = self.usd.saturating_add(usd);
        for failed in line.tries.iter().filter(|one| one.outcome != "ok") {
            self.rows.entry(failed.target.clone()).or_default().errors += 1;
        }
        let row = self.rows.entry(line.served.clone().unwrap_or_else(|| NOBODY.to_owned())).or_default();
        row.usd = row.usd.saturating_add(usd);
        row.requests += 1;
        if line.served.is_none() {
            return;
        }
        row.fallbacks += u64::from(line.why.starts_with("fallback"));
        row.input = row.input.saturating_add(line.input.unwrap_or(0));
        row.output = row.output.saturating_add(line.output.unwrap_or(0));
        if let Some(ms) = line.ms {
            row.took(ms);
        }
    }
}
