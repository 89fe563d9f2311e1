//! The cases that yardstick and gateway run in turn: CPU per request and per chunk, and added latency.

use super::Options;
use super::report::{Report, Row, Spread};
use super::rig::{Rig, Side};
use crate::Fault;
use crate::load::Figures;

/// What a case's CPU is divided by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Per {
    Request,
    Chunk,
}

/// A case of CPU per unit of work.
struct Case {
    name: &'static str,
    what: &'static str,
    /// Dialect, model, bytes of the request.
    request: (&'static str, &'static str, usize),
    per: Per,
    /// The most the gateway may spend, as a multiple of the yardstick.
    limit: Option<f64>,
}

const CHAT: &str = "mock/gpt-4o-mini";
const CLAUDE: &str = "mocka/claude-haiku-4-5";

const CASES: [Case; 7] = [
    Case { name: "1k", what: "1 KB request", request: ("chat", CHAT, 1_000), per: Per::Request, limit: Some(1.5) },
    Case {
        name: "100k",
        what: "100 KB request",
        request: ("chat", CHAT, 100_000),
        per: Per::Request,
        limit: Some(2.0),
    },
    Case { name: "chunk", what: "streamed chunk", request: ("chat", CHAT, 1_000), per: Per::Chunk, limit: Some(1.25) },
    Case {
        name: "anthropic-1k",
        what: "1 KB request, Anthropic to Anthropic",
        request: ("messages", CLAUDE, 1_000),
        per: Per::Request,
        limit: None,
    },
    Case {
        name: "cross-1k",
        what: "1 KB request, Anthropic to OpenAI",
        request: ("messages", CHAT, 1_000),
        per: Per::Request,
        limit: Some(2.5),
    },
    Case {
        name: "cross-100k",
        what: "100 KB request, Anthropic to OpenAI",
        request: ("messages", CHAT, 100_000),
        per: Per::Request,
        limit: Some(5.0),
    },
    Case {
        name: "cross-chunk",
        what: "streamed chunk, OpenAI to Anthropic",
        request: ("messages", CHAT, 1_000),
        per: Per::Chunk,
        limit: Some(3.0),
    },
];

/// Slices of each side in a round, and their seconds.
const SLICES: usize = 4;
const SECONDS: [&str; 2] = ["0.75", "0.5"];

/// Runs the cases and adds their rows.
pub(super) fn run(rig: &Rig, options: &Options, report: &mut Report) -> Result<(), Fault> {
    for case in &CASES {
        let ingest = case.name == "1k" && options.wants("ingest");
        if options.wants(case.name) || ingest {
            cpu(rig, options, report, case)?;
        }
    }
    let seconds = options.long_or_short(SECONDS[0], SECONDS[1]);
    let one = ["closed", "--connections", "1", "--seconds", seconds];
    latency(rig, options, report, "latency-c1", "at one connection", &one, (20.0, 80.0))?;
    let open = ["open", "--rate", "1000", "--seconds", seconds];
    latency(rig, options, report, "latency-1000", "at 1,000 requests/s", &open, (30.0, 200.0))
}

/// Runs yardstick and gateway in turn and in short slices, the one that begins changing each time, so that what the
/// neighbours of this machine do falls on both alike. One figure a round and side.
fn in_turn(rig: &Rig, options: &Options, name: &str, args: &[String]) -> Result<(Vec<Figures>, Vec<Figures>), Fault> {
    let (mut yardstick, mut gateway) = (Vec::new(), Vec::new());
    let mut order = [Side::Yardstick, Side::Gateway];
    for round in 0..options.rounds() {
        eprintln!("{name}: round {} of {}", round + 1, options.rounds());
        let (mut yardsticks, mut gateways) = (Vec::new(), Vec::new());
        for _ in 0..options.long_or_short(SLICES, 1) {
            for side in order {
                let server = rig.side(side);
                let figures = rig.load(&server.addr, Some(server.pid()), args)?;
                match side {
                    Side::Yardstick => yardsticks.push(figures),
                    Side::Gateway => gateways.push(figures),
                }
            }
            order.reverse();
        }
        yardstick.push(Figures::merge(&yardsticks));
        gateway.push(Figures::merge(&gateways));
    }
    Ok((yardstick, gateway))
}

fn request_args((shape, model, size): (&str, &str, usize)) -> Vec<String> {
    ["--shape", shape, "--model", model, "--size", &size.to_string()].map(str::to_owned).to_vec()
}

fn cpu(rig: &Rig, options: &Options, report: &mut Report, case: &Case) -> Result<(), Fault> {
    let mode: &[&str] = match case.per {
        Per::Request => &["closed", "--connections", "64", "--seconds", options.long_or_short(SECONDS[0], SECONDS[1])],
        Per::Chunk => &["stream", "--streams", "50", "--chunks", "100", "--pace-ms", "10", "--repeat", "1"],
    };
    let mut args = request_args(case.request);
    args.extend(mode.iter().map(|a| (*a).to_owned()));
    let (yardstick, gateway) = in_turn(rig, options, case.name, &args)?;
    report.note_errors(case.name, "yardstick", &yardstick);
    report.note_errors(case.name, "gateway", &gateway);
    let spent = |f: &Figures| {
        let units = if case.per == Per::Chunk { f.chunks } else { f.requests };
        (f.path_cpu > 0.0 && units > 0).then(|| f.path_cpu / units as f64)
    };
    if options.wants(case.name) {
        let ratio = |(y, g): (&Figures, &Figures)| Some(spent(g)? / spent(y)?);
        report.add(Row {
            name: case.name.to_owned(),
            what: format!("CPU, {}", case.what),
            unit: "µs",
            yardstick: Spread::of(yardstick.iter().filter_map(spent)),
            gateway: Spread::of(gateway.iter().filter_map(spent)),
            figure: Spread::of(yardstick.iter().zip(&gateway).filter_map(ratio)),
            figure_unit: "×",
            limit: case.limit,
        });
    }
    if case.name == "1k" {
        ingest(options, report, &gateway);
    }
    Ok(())
}

/// What the ledger's threads spend per line, and the rate the 1 KB case reached.
fn ingest(options: &Options, report: &mut Report, gateway: &[Figures]) {
    let lines = gateway.iter().filter(|f| f.requests > 0 && f.ledger_cpu > 0.0);
    let ingest = Spread::of(lines.map(|f| f.ledger_cpu / f.requests as f64));
    if options.self_test {
        return;
    }
    if ingest.is_none() {
        report.problems.push("ingest: the gateway has no thread whose name begins with \"ledger\"".to_owned());
    }
    if options.wants("ingest") {
        report.add(Row {
            name: "ingest".to_owned(),
            what: "CPU of the ledger's threads per line".to_owned(),
            unit: "µs",
            yardstick: None,
            gateway: ingest,
            figure: ingest,
            figure_unit: " µs",
            limit: Some(15.0),
        });
    }
}

/// Latency of 1 KB requests over the yardstick, and the same over no proxy at all.
fn latency(
    rig: &Rig,
    options: &Options,
    report: &mut Report,
    name: &str,
    what: &str,
    mode: &[&str],
    (limit50, limit99): (f64, f64),
) -> Result<(), Fault> {
    if !options.wants(name) {
        return Ok(());
    }
    let mut args = request_args(("chat", CHAT, 1_000));
    args.extend(mode.iter().map(|a| (*a).to_owned()));
    let (yardstick, gateway) = in_turn(rig, options, name, &args)?;
    report.note_errors(name, "yardstick", &yardstick);
    report.note_errors(name, "gateway", &gateway);
    let direct = rig.load(&rig.mock.addr, None, &args)?;
    for (quantile, limit, of) in [("p50", limit50, (|f| f.p50) as fn(&Figures) -> f64), ("p99", limit99, |f| f.p99)] {
        let added = yardstick.iter().zip(&gateway).map(|(y, g)| of(g) - of(y));
        report.add(Row {
            name: format!("{name}-{quantile}"),
            what: format!("latency {quantile} {what}, added over the yardstick (direct: {:.0} µs)", of(&direct)),
            unit: "µs",
            yardstick: Spread::of(yardstick.iter().map(of)),
            gateway: Spread::of(gateway.iter().map(of)),
            figure: Spread::of(added),
            figure_unit: " µs",
            limit: Some(limit),
        });
    }
    Ok(())
}
