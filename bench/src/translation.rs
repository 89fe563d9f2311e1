//! The bench of translation: every pair of dialects, in MB/s and instructions an event.

mod sample;
mod work;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use dialect::id::DialectId;
use serde_json::{Value, json};

use crate::{Context as _, Fault};
use work::Work;

/// How long one figure is measured.
const SPAN: Duration = Duration::from_millis(120);
/// Rounds; the fastest counts, since a neighbour only ever makes it slower.
const ROUNDS: usize = 5;

/// Options.
#[derive(Debug, Parser)]
#[command(name = "translation", about = "Measures the translation of every pair of dialects")]
pub struct Options {
    /// Write the table as a page too.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    /// Do one piece of work so many times and nothing else (what valgrind looks at): NAME TIMES.
    #[arg(long, num_args = 2, value_names = ["NAME", "TIMES"])]
    only: Option<Vec<String>>,
}

/// Runs the bench.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<(), Fault> {
    if let Some([name, times]) = options.only.as_deref() {
        let work = Work::parse(name).ok_or_else(|| format!("there is no piece of work `{name}`"))?;
        let times: u32 = times.parse().context("TIMES")?;
        let input = work.input();
        println!("{}", (0..times).map(|_| black_box(work.run(&input))).sum::<usize>());
        return Ok(());
    }
    let mut figures = Vec::new();
    for work in every() {
        eprint!("\r{:<60}", work.name());
        figures.push(measure(work));
    }
    eprintln!("\r{:<60}", "done");
    let page = page(&figures);
    if options.json {
        let list: Vec<Value> = figures.iter().map(Figure::json).collect();
        println!("{}", json!({ "figures": list }));
    } else {
        println!("{page}");
    }
    match &options.write {
        Some(path) => std::fs::write(path, page).context(path.display()),
        None => Ok(()),
    }
}

/// Every piece of work.
fn every() -> Vec<Work> {
    let mut all: Vec<Work> = DialectId::ALL.into_iter().map(Work::Watch).collect();
    for from in DialectId::ALL {
        all.extend(DialectId::ALL.into_iter().filter(|to| *to != from).map(|to| Work::Stream(from, to)));
    }
    for from in DialectId::ALL {
        all.extend(DialectId::ALL.into_iter().filter(|to| *to != from).map(|to| Work::Request(from, to)));
    }
    all
}

/// What was measured of a piece of work.
#[derive(Debug)]
struct Figure {
    work: Work,
    /// Bytes that go in.
    bytes: usize,
    events: usize,
    /// The fastest run, in nanoseconds.
    nanos: f64,
    /// Instructions a run; `None` without valgrind.
    instructions: Option<u64>,
}

impl Figure {
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 * 1_000.0 / self.nanos
    }

    fn json(&self) -> Value {
        json!({
            "work": self.work.name(), "bytes": self.bytes, "events": self.events, "ns": self.nanos.round(),
            "mb_per_s": (self.megabytes_per_second() * 10.0).round() / 10.0, "instructions": self.instructions,
        })
    }

    /// As a cell: speed, and what an event (a request: a byte) costs.
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    fn cell(&self) -> String {
        let speed = format!("{:.0} MB/s", self.megabytes_per_second());
        match (self.work, self.instructions) {
            (_, None) => speed,
            (Work::Request(..), Some(count)) => format!("{speed}, {:.1}", count as f64 / self.bytes as f64),
            (_, Some(count)) => format!("{speed}, {}", count / self.events.max(1) as u64),
        }
    }
}

fn measure(work: Work) -> Figure {
    let input = work.input();
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut times = 0u32;
        while began.elapsed() < SPAN {
            black_box(work.run(black_box(&input)));
            times += 1;
        }
        best = best.min(began.elapsed().as_secs_f64() * 1e9 / f64::from(times.max(1)));
    }
    let counted = count(work, 2).zip(count(work, 12)).map(|(few, many)| many.saturating_sub(few) / 10);
    Figure { work, bytes: input.bytes.len(), events: input.events, nanos: best, instructions: counted }
}

/// Instructions of so many runs, by valgrind; `None` where it is not there.
fn count(work: Work, times: u32) -> Option<u64> {
    let own = std::env::current_exe().ok()?;
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["--only", &work.name(), &times.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

fn page(figures: &[Figure]) -> String {
    let find = |work: Work| figures.iter().find(|figure| figure.work == work).map(Figure::cell);
    let mut page = String::from(
        "# How fast dialects are translated\n\n```\n\
         cargo run --release -p tollgate-bench --bin translation -- --write docs/translation-speed.md\n```\n\n\
         One core, the fastest of 5 rounds; speed is of the bytes that go in. Streams: an answer of 460 deltas (text, \
         then a tool call) in network chunks of 1,400 bytes, cut into frames, decoded and encoded; beside the speed the \
         instructions an event (callgrind). `same` is what the same dialect costs: frames that a meter watches.\n\n",
    );
    let names: Vec<String> = DialectId::ALL.iter().map(ToString::to_string).collect();
    let head = |first: &str| format!("| {first} | {} |\n|{}\n", names.join(" | "), "---|".repeat(names.len() + 1));
    page.push_str("## Streams\n\n");
    page.push_str(&head("from \\ to"));
    for from in DialectId::ALL {
        let cells = DialectId::ALL.map(|to| match to == from {
            true => format!("same: {}", find(Work::Watch(from)).unwrap_or_default()),
            false => find(Work::Stream(from, to)).unwrap_or_default(),
        });
        page.push_str(&format!("| {from} | {} |\n", cells.join(" | ")));
    }
    page.push_str(
        "\n## Requests\n\nA conversation of 73 messages and about 30 KB, parsed, read and written; beside the speed the \
         instructions a byte.\n\n",
    );
    page.push_str(&head("from \\ to"));
    for from in DialectId::ALL {
        let cells = DialectId::ALL.map(|to| match to == from {
            true => "–".to_owned(),
            false => find(Work::Request(from, to)).unwrap_or_default(),
        });
        page.push_str(&format!("| {from} | {} |\n", cells.join(" | ")));
    }
    page
}
