//! What was measured: rows with their limits, as a table, a Markdown page and JSON.

use serde_json::{Value, json};

use super::Options;
use super::machine::Machine;
use crate::load::Figures;

/// Median and range over the rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values.get((values.len() - 1) / 2)?, values.get(values.len() / 2)?);
        Some(Self { median: f64::midpoint(*low, *high), min, max })
    }
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) what: String,
    /// Unit of the two absolute figures.
    pub(super) unit: &'static str,
    pub(super) yardstick: Option<Spread>,
    pub(super) gateway: Option<Spread>,
    /// The figure that has the limit: a ratio, a difference or the gateway's own.
    pub(super) figure: Option<Spread>,
    pub(super) figure_unit: &'static str,
    pub(super) limit: Option<f64>,
}

impl Row {
    /// `ok`, `over`, `failed` without a figure, `-` without a limit.
    fn verdict(&self) -> &'static str {
        match (self.figure, self.limit) {
            (None, _) => "failed",
            (Some(_), None) => "-",
            (Some(figure), Some(limit)) if figure.median <= limit => "ok",
            (Some(_), Some(_)) => "over",
        }
    }
}

/// All that a run found.
#[derive(Debug)]
pub(super) struct Report {
    machine: Machine,
    command: String,
    rounds: usize,
    self_test: bool,
    rows: Vec<Row>,
    /// Errors that make figures doubtful.
    pub(super) problems: Vec<String>,
    /// Cases that could not run here.
    pub(super) skipped: Vec<String>,
}

const HEADINGS: [&str; 7] = ["case", "what", "yardstick", "tollgate", "median (min–max)", "limit", ""];

impl Report {
    pub(super) fn new(machine: Machine, options: &Options) -> Self {
        let mut command = "cargo run --release -p tollgate-bench --bin bench --".to_owned();
        for arg in std::env::args().skip(1) {
            command.push_str(&format!(" {arg}"));
        }
        Self {
            machine,
            command: command.trim_end_matches(" --").to_owned(),
            rounds: options.rounds(),
            self_test: options.self_test,
            rows: Vec::new(),
            problems: Vec::new(),
            skipped: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Takes down failed requests and lost threads: their figures are not to be trusted.
    pub(super) fn note_errors(&mut self, case: &str, who: &str, figures: &[Figures]) {
        let errors: u64 = figures.iter().map(|f| f.errors).sum();
        if let Some(first) = figures.iter().find_map(|f| f.first_error.as_ref()) {
            self.problems.push(format!("{case}: {errors} errors of the {who}, first: {first}"));
        }
        let ended: usize = figures.iter().map(|f| f.threads_ended).sum();
        if ended > 0 {
            self.problems.push(format!("{case}: {ended} threads of the {who} ended, their CPU is not counted"));
        }
    }

    fn cells(row: &Row) -> [String; 7] {
        let absolute = |spread: Option<Spread>| spread.map_or("-".to_owned(), |s| with_unit(s.median, row.unit));
        let figure = row.figure.map_or("-".to_owned(), |s| {
            let unit = row.figure_unit;
            format!("{}{unit} ({}–{})", short(s.median), short(s.min), short(s.max))
        });
        let limit = row.limit.map_or("-".to_owned(), |l| format!("≤ {}{}", short(l), row.figure_unit));
        let verdict = row.verdict().to_owned();
        [row.name.clone(), row.what.clone(), absolute(row.yardstick), absolute(row.gateway), figure, limit, verdict]
    }

    /// The table, its columns aligned: good Markdown and readable as text.
    pub(super) fn table(&self) -> String {
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Self::cells));
        let mut widths = [1; 7];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut out = String::new();
        for (n, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(widths) {
                out.push_str(&format!("| {cell:width$} "));
            }
            out.push_str("|\n");
            if n == 0 {
                for width in widths {
                    out.push_str(&format!("|{}", "-".repeat(width + 2)));
                }
                out.push_str("|\n");
            }
        }
        for skipped in &self.skipped {
            out.push_str(&format!("\nSkipped: {skipped}\n"));
        }
        out
    }

    /// `docs/performance.md`.
    pub(super) fn page(&self) -> String {
        let Machine { cpu, cores, kernel, rustc, commit, date } = &self.machine;
        let caution = if self.self_test {
            "\n**This is a self-test: a second yardstick stood in the gateway's place. It shows noise, not tollgate.**\n"
        } else {
            ""
        };
        let problems: String = self.problems.iter().map(|p| format!("\nProblem: {p}\n")).collect();
        format!(
            "# Performance

Made by the end-to-end bench; run it to get your own figures:

```
{command}
```
{caution}
Machine: {cpu}, {cores} cores, Linux {kernel}; {rustc}; commit {commit}; {date}; {rounds} rounds.

{table}{problems}
## How it is measured

The *yardstick* is a bare hyper proxy that forwards bytes and knows nothing of them: what any proxy on this stack
must pay. Yardstick and gateway run in turn, on core 0; a mock provider that answers at once and the load generator
run on core 1. Plain HTTP/1.1 over loopback, keep-alive, TCP_NODELAY. The gateway checks a virtual key, prices each
answer and keeps its ledger, as in production; its configuration has two providers with prices and one key.

- CPU is read per thread from `/proc/PID/task/TID/schedstat`, in the measured window alone. Threads whose name begins
  with `ledger` are the row `ingest`, read until they are at rest; all other threads are the request path. 64
  connections, each sending its next request when it has its answer.
- A chunk's CPU is that of 50 streams at once with 100 content chunks each, one every 10 ms, requests and all, divided
  by the chunks. Streams ask for usage (`include_usage`).
- A round is four short slices of each side by turns. The median is that of the rounds' ratios or differences, with
  the smallest and the largest beside it. On a shared machine trust the ratios, not the absolute figures.
- Added latency is the gateway's quantile less the yardstick's in the same round. At 1,000 requests/s requests leave on
  time whether or not earlier ones were answered.
- System calls are counted by `strace -c` on the threads named, at one connection.
- Memory is `VmRSS`. A stream's share is what 1,000 slow streams add to a fresh process, divided by their number.
- A start is timed from the start of the process, with empty data, to the first whole answer from the provider.
",
            command = self.command,
            rounds = self.rounds,
            table = self.table(),
        )
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let spread = |s: Option<Spread>| s.map(|s| json!({"median": s.median, "min": s.min, "max": s.max}));
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|r| {
                json!({"name": r.name, "what": r.what, "unit": r.unit, "yardstick": spread(r.yardstick),
                    "gateway": spread(r.gateway), "figure": spread(r.figure), "figure_unit": r.figure_unit.trim(),
                    "limit": r.limit, "verdict": r.verdict()})
            })
            .collect();
        let Machine { cpu, cores, kernel, rustc, commit, date } = &self.machine;
        json!({
            "machine": {"cpu": cpu, "cores": cores, "kernel": kernel, "rustc": rustc},
            "commit": commit, "date": date, "command": self.command, "rounds": self.rounds,
            "self_test": self.self_test, "rows": rows, "problems": self.problems, "skipped": self.skipped
        })
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", short(value)).trim_end().to_owned()
}

/// Three figures, no more than two of them behind the point.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_row_is_held_to_its_limit() {
        let row = |figure: Option<f64>, limit| Row {
            name: "x".to_owned(),
            what: "y".to_owned(),
            unit: "µs",
            yardstick: None,
            gateway: None,
            figure: Spread::of(figure),
            figure_unit: "×",
            limit,
        };
        assert_eq!(row(Some(1.5), Some(1.5)).verdict(), "ok");
        assert_eq!(row(Some(1.51), Some(1.5)).verdict(), "over");
        assert_eq!(row(Some(9.0), None).verdict(), "-");
        assert_eq!(row(None, Some(1.0)).verdict(), "failed");
        assert_eq!(Report::cells(&row(Some(1.25), Some(1.5)))[4], "1.25× (1.25–1.25)");
    }
}
