//! The cases with servers of their own: system calls, memory, start.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::report::{Report, Row, Spread};
use super::rig::{Rig, Server, Side};
use super::{Options, machine};
use crate::procfs;
use crate::{Context, Fault};

const SIDES: [Side; 2] = [Side::Yardstick, Side::Gateway];

/// Runs the cases and adds their rows.
pub(super) fn run(rig: &Rig, options: &Options, report: &mut Report) -> Result<(), Fault> {
    syscalls(rig, options, report)?;
    let kib = |value: f64| value / 1_024.0;
    let keys = options.long_or_short(10_000, 1_000);
    let idle = format!("resident memory, idle with {keys} keys");
    both(options, report, ("idle-rss", &idle, "MiB", 40.0), |side| {
        let server = rig.fresh(side, keys)?;
        std::thread::sleep(Duration::from_secs(options.long_or_short(3, 1)));
        Ok(kib(procfs::rss_kib(server.pid())? as f64))
    })?;
    let streams = options.long_or_short(1_000, 200);
    let held = format!("resident memory per open stream, {streams} streams");
    both(options, report, ("stream-rss", &held, "KiB", 64.0), |side| {
        let server = rig.fresh(side, 1)?;
        let args = ["hold", "--streams", &streams.to_string()].map(str::to_owned);
        let figures = rig.load(&server.addr, Some(server.pid()), &args)?;
        if let Some(error) = figures.first_error {
            return Err(format!("stream-rss: {} of {streams} streams failed, first: {error}", figures.errors));
        }
        Ok(figures.rss_held_kib.saturating_sub(figures.rss_before_kib) as f64 / f64::from(streams))
    })?;
    both(options, report, ("start", "from start to the first 200", "ms", 150.0), |side| {
        rig.fresh(side, 1).map(|server| server.start.as_secs_f64() * 1_000.0)
    })
}

/// Measures one absolute figure of both sides, in turn over the rounds; the gateway's is held to the limit.
fn both(
    options: &Options,
    report: &mut Report,
    (name, what, unit, limit): (&str, &str, &'static str, f64),
    mut measure: impl FnMut(Side) -> Result<f64, Fault>,
) -> Result<(), Fault> {
    if !options.wants(name) {
        return Ok(());
    }
    let (mut yardstick, mut gateway) = (Vec::new(), Vec::new());
    for round in 0..options.rounds() {
        eprintln!("{name}: round {} of {}", round + 1, options.rounds());
        for side in SIDES {
            match (measure(side), side) {
                (Ok(value), Side::Yardstick) => yardstick.push(value),
                (Ok(value), Side::Gateway) => gateway.push(value),
                (Err(fault), _) => report.problems.push(fault),
            }
        }
    }
    let gateway = Spread::of(gateway);
    report.add(Row {
        name: name.to_owned(),
        what: what.to_owned(),
        unit,
        yardstick: Spread::of(yardstick),
        gateway,
        figure: gateway,
        figure_unit: match unit {
            "ms" => " ms",
            "MiB" => " MiB",
            "KiB" => " KiB",
            _ => "",
        },
        limit: Some(limit),
    });
    Ok(())
}

/// System calls per request at one connection, of the threads of the request path and of those of the ledger.
fn syscalls(rig: &Rig, options: &Options, report: &mut Report) -> Result<(), Fault> {
    if !options.wants("syscalls") {
        return Ok(());
    }
    if !machine::has("strace", "-V") {
        report.skipped.push("syscalls: strace is not installed".to_owned());
        return Ok(());
    }
    let rows = [
        (false, "syscalls", "system calls per request, request path", Some(8.0)),
        (true, "syscalls-ledger", "system calls per request, ledger's threads", None),
    ];
    for (ledger, name, what, limit) in rows {
        eprintln!("{name}: under strace");
        let counted = SIDES.map(|side| traced(rig, rig.side(side), ledger, options.long_or_short(5_000, 1_000)));
        let [yardstick, gateway] = counted;
        let (yardstick, gateway) = match (yardstick, gateway) {
            (Ok(y), Ok(g)) => (y, g),
            (Err(fault), _) | (_, Err(fault)) => {
                report.skipped.push(format!("{name}: {fault}"));
                continue;
            }
        };
        if ledger && gateway.is_none() {
            continue;
        }
        let gateway = Spread::of(gateway);
        report.add(Row {
            name: name.to_owned(),
            what: what.to_owned(),
            unit: "",
            yardstick: Spread::of(yardstick),
            gateway,
            figure: gateway,
            figure_unit: "",
            limit,
        });
    }
    Ok(())
}

/// Counts the calls of one group of threads; `None` when the group is empty.
fn traced(rig: &Rig, server: &Server, ledger: bool, requests: u32) -> Result<Option<f64>, Fault> {
    let threads: Vec<u32> =
        procfs::tasks(server.pid())?.into_iter().filter(|(_, of)| *of == ledger).map(|(tid, _)| tid).collect();
    if threads.is_empty() {
        return Ok(None);
    }
    let args = ["closed", "--connections", "1", "--warmup", "0", "--requests", &requests.to_string()];
    let args = args.map(str::to_owned);
    // The first pass fills the pools; only the second is counted.
    rig.load(&server.addr, None, &args)?;
    let out = tempfile::NamedTempFile::new().context("make a temporary file")?;
    let mut strace = Command::new("strace");
    strace.args(["-c", "-q", "-o"]).arg(out.path());
    for tid in threads {
        strace.args(["-p", &tid.to_string()]);
    }
    let mut strace = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn().context("start strace")?;
    std::thread::sleep(Duration::from_millis(400));
    let figures = rig.load(&server.addr, None, &args);
    std::thread::sleep(Duration::from_millis(300));
    Command::new("kill").args(["-INT", &strace.id().to_string()]).status().context("stop strace")?;
    strace.wait().context("wait for strace")?;
    let figures = figures?;
    if figures.requests == 0 {
        return Err(format!("no request was answered: {:?}", figures.first_error));
    }
    let text = std::fs::read_to_string(out.path()).context("read strace's table")?;
    let total = text.lines().find(|l| l.trim_end().ends_with(" total")).ok_or("strace may not attach here")?;
    let calls = total.split_whitespace().nth(3).ok_or("strace's table has no calls")?;
    let calls: f64 = calls.parse().context("strace's table")?;
    Ok(Some(calls / figures.requests as f64))
}
