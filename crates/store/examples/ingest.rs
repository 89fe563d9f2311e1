//! Measures the way of ledger lines from the journal to SQLite: CPU time of the thread `ledger` per line, and
//! the time an append takes. Usage: `ingest [LINES] [LINES_PER_SECOND]` (0 = as fast as it goes).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use dialect::outcome::Outcome;
use dialect::usage::{Source, Unit, Usage};
use policy::entry::{Attempt, Caller, Candidate, Decision, Entry, Status};
use policy::money::{Femto, Nano};
use policy::price::cost::{Cost, Item, Line, Source as CostSource};
use store::ingest::Ingest;
use store::journal::{Appended, Journal, Options};

fn entry(number: u64) -> Entry {
    let models = ["gpt-5-mini", "claude-haiku-4-5", "gemini-3-flash", "qwen3-32b"];
    let model = models[usize::try_from(number % 4).unwrap()];
    let mut usage = Usage::unknown();
    usage.source = Source::Reported;
    usage.put(Unit::Input, Some(812 + number % 97));
    usage.put(Unit::CacheRead, Some(128));
    usage.put(Unit::Output, Some(20 + number % 313));
    let usd = |nano: i128| Femto(nano * 1_000_000);
    let cost_line = |unit, quantity, nano| Line {
        item: Item::Unit(unit),
        quantity,
        usd_per_million: Some(usd(250_000_000)),
        usd: usd(nano),
        counted_as: None,
    };
    Entry {
        id: uuid::Uuid::now_v7(),
        at: jiff::Timestamp::now(),
        status: Status::Ok,
        http: Some(200),
        error: None,
        upstream_id: Some(format!("chatcmpl-{:016x}{:013x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number)),
        node: "gw-1".into(),
        config: "3f9c2a11d7e04b55".into(),
        caller: Caller {
            key: format!("bot-{}", number % 40).into(),
            team: Some(format!("team-{}", number % 8).into()),
            organization: Some("acme".into()),
            user: Some(format!("user-{}", number.wrapping_mul(7_919) % 5_000)),
            tags: vec![("feature".into(), format!("f{}", number % 20))],
            session: Some(format!("session-{}", number % 10_000)),
        },
        dialect: "openai-chat",
        operation: "chat",
        stream: true,
        asked: "fast".into(),
        served: Some(("openai".into(), model.into(), None)),
        attempts: vec![Attempt {
            provider: "openai".into(),
            model: model.into(),
            outcome: Outcome::Ok,
            status: Some(200),
            ms: 690,
            cost: Some(Nano(243_000)),
            resent: false,
        }],
        usage,
        cost: Cost {
            source: CostSource::Computed,
            lines: vec![
                cost_line(Unit::Input, 812, 203_000),
                cost_line(Unit::CacheRead, 128, 3_200),
                cost_line(Unit::Output, 20, 40_000),
            ],
            exact: Some(usd(246_200)),
            computed: None,
            missing: Vec::new(),
            row: None,
        },
        prices: "2026-11-22".into(),
        total_ms: 300 + number % 1_700,
        first_byte_ms: Some(230),
        gateway_us: 95,
        cache: "off",
        losses: Vec::new(),
        batch: None,
        decision: Decision {
            why: "priority".into(),
            candidates: vec![
                Candidate { target: "openai/gpt-5-mini".into(), expected: Some(Nano(90_000)), excluded_by: None },
                Candidate { target: "gpu-box/qwen3-32b".into(), expected: None, excluded_by: Some("unpriced") },
            ],
        },
    }
}

/// CPU time of the threads whose name starts with `prefix`.
fn cpu(prefix: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let nanos = tasks.filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next().filter(|_| name.starts_with(prefix))?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let lines = arguments.next().unwrap_or(200_000);
    let rate = arguments.next().unwrap_or(0);
    let dir = tempfile::tempdir_in(".").unwrap();
    let stores = store::open(dir.path()).unwrap();
    let journal = Arc::new(Journal::open(&dir.path().join("journal"), Options::default()).unwrap());
    let ingest = Ingest::start(Arc::clone(&journal), Arc::clone(&stores.ledger), None).unwrap();
    let began = Instant::now();
    let (mut bytes, mut appending, mut slowest, mut late) = (0, Duration::ZERO, Duration::ZERO, 0);
    for number in 0..lines {
        let line = entry(number).write();
        bytes += line.len();
        let start = Instant::now();
        late += u64::from(!matches!(journal.append(line), Appended::Written));
        let took = start.elapsed();
        appending += took;
        slowest = slowest.max(took);
        if rate > 0 {
            std::thread::sleep(Duration::from_secs(number).div_f64(rate as f64).saturating_sub(began.elapsed()));
        }
    }
    let appended = began.elapsed();
    while ingest.stored() != journal.stats().written {
        std::thread::sleep(Duration::from_millis(5));
    }
    let stored = began.elapsed();
    let per_line = |time: Duration| time.as_secs_f64() * 1e6 / lines as f64;
    println!("lines {lines}, mean length {} bytes", bytes / usize::try_from(lines).unwrap());
    println!("append: mean {:.2} µs, slowest {slowest:?}, not written at once {late}", per_line(appending));
    println!("appended in {appended:.2?}, stored in {stored:.2?}");
    println!("thread ledger: {:.2} µs CPU per line", per_line(cpu("ledger")));
    println!("thread journal: {:.2} µs CPU per line", per_line(cpu("journal")));
    println!("database {} MiB", std::fs::metadata(dir.path().join("tollgate.db")).unwrap().len() >> 20);
    assert!(ingest.stop(Duration::from_secs(10)));
}
