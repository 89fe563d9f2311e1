//! Sends the requests and takes the times.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::figures::Figures;
use super::{Mode, Options};
use crate::bodies::{self, Stream};
use crate::h1::{self, Connection};
use crate::procfs::{self, Cpu};
use crate::{Context, Fault};

/// What all connections of a run add to.
#[derive(Default)]
struct Tally {
    nanos: Vec<u64>,
    first_bytes: Vec<u64>,
    events: u64,
    errors: u64,
    first_error: Option<String>,
    /// Streams whose first bytes have come.
    begun: usize,
}

impl Tally {
    fn fail(&mut self, fault: Fault) {
        self.errors += 1;
        self.first_error.get_or_insert(fault);
    }
}

/// One run, shared by its connections on one thread.
#[derive(Clone)]
struct Run {
    target: Rc<str>,
    request: Rc<[u8]>,
    tally: Rc<RefCell<Tally>>,
}

/// Runs the load and returns what it measured.
///
/// # Errors
/// When the target cannot be reached or the watched process is gone.
pub async fn run(options: &Options) -> Result<Figures, Fault> {
    LocalSet::new().run_until(run_local(options)).await
}

async fn run_local(options: &Options) -> Result<Figures, Fault> {
    let stream = match options.mode {
        Mode::Closed { .. } | Mode::Open { .. } => None,
        Mode::Stream { chunks, pace_ms, .. } => Some(Stream { chunks, pace_ms }),
        Mode::Hold { .. } => Some(Stream { chunks: 1_000, pace_ms: 1_000 }),
    };
    let body = bodies::request(options.shape, &options.model, options.size, stream);
    let run = Run {
        target: options.target.as_str().into(),
        request: h1::post(options.shape.path(), &options.target, &options.key, &body).into(),
        tally: Rc::default(),
    };
    let mut figures = match options.mode {
        Mode::Closed { connections, seconds, requests, warmup } => {
            run.closed(connections, warmup, None, false).await?;
            let window = Window::begin(options.watch)?;
            run.closed(connections, seconds, requests, true).await?;
            window.end().await?
        }
        Mode::Open { rate, seconds, warmup } => {
            run.open(rate, warmup, false).await?;
            let window = Window::begin(options.watch)?;
            run.open(rate, seconds, true).await?;
            window.end().await?
        }
        Mode::Stream { streams, repeat, chunks, .. } => {
            let window = Window::begin(options.watch)?;
            run.closed(streams, f64::INFINITY, Some(streams as u64 * u64::from(repeat)), true).await?;
            let mut figures = window.end().await?;
            figures.chunks = streams as u64 * u64::from(repeat) * u64::from(chunks);
            figures
        }
        Mode::Hold { streams, seconds } => run.hold(streams, seconds, options.watch).await?,
    };
    let mut tally = run.tally.borrow_mut();
    figures.requests = tally.nanos.len() as u64;
    figures.errors = tally.errors;
    figures.first_error = tally.first_error.take();
    if figures.chunks > tally.events {
        let missing = format!("{} events for {} content chunks", tally.events, figures.chunks);
        figures.errors += 1;
        figures.first_error.get_or_insert(missing);
    }
    figures.latencies(&mut tally.nanos);
    figures.first_bytes(&mut tally.first_bytes);
    Ok(figures)
}

/// The measured time, and what the watched process spends in it.
struct Window {
    start: Instant,
    watch: Option<(u32, Cpu)>,
}

/// Ledger threads are at rest when they use less than this in [`REST_TIME`].
const REST_NS: u64 = 1_000_000;
const REST_TIME: Duration = Duration::from_millis(300);
/// How long to wait for that.
const REST_LIMIT: Duration = Duration::from_secs(5);

impl Window {
    fn begin(watch: Option<u32>) -> Result<Self, Fault> {
        let watch = watch.map(|pid| Cpu::read(pid).map(|cpu| (pid, cpu))).transpose()?;
        Ok(Self { start: Instant::now(), watch })
    }

    async fn end(self) -> Result<Figures, Fault> {
        let mut figures = Figures { seconds: self.start.elapsed().as_secs_f64(), ..Figures::default() };
        if let Some((pid, before)) = &self.watch {
            let now = Cpu::read(*pid)?;
            let spent = now.since(before);
            figures.path_cpu = spent.path as f64 / 1_000.0;
            figures.threads_ended = spent.ended;
            if !now.has_ledger() {
                return Ok(figures);
            }
            // Lines are written behind the answers: their cost is known once the backlog is gone.
            let deadline = Instant::now() + REST_LIMIT;
            let mut last = now;
            loop {
                sleep(REST_TIME).await;
                let later = Cpu::read(*pid)?;
                let moved = later.since(&last).ledger;
                last = later;
                if moved < REST_NS || Instant::now() > deadline {
                    break;
                }
            }
            figures.ledger_cpu = last.since(before).ledger as f64 / 1_000.0;
        }
        Ok(figures)
    }
}

impl Run {
    /// Keeps `connections` busy for `seconds`, or until `requests` were sent; counts only when told to.
    async fn closed(
        &self,
        connections: usize,
        seconds: f64,
        requests: Option<u64>,
        counted: bool,
    ) -> Result<(), Fault> {
        let end = Duration::try_from_secs_f64(seconds).ok().and_then(|d| Instant::now().checked_add(d));
        let left = Rc::new(RefCell::new(requests));
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let (run, left) = (self.clone(), Rc::clone(&left));
            let mut connection = Connection::open(&run.target).await?;
            tasks.push(spawn_local(async move {
                let more = || match left.borrow_mut().as_mut() {
                    Some(left) => left.checked_sub(1).map(|n| *left = n).is_some(),
                    None => end.is_some_and(|end| Instant::now() < end),
                };
                while more() {
                    if !run.once(&mut connection, counted).await {
                        match Connection::open(&run.target).await {
                            Ok(new) => connection = new,
                            Err(_) => return,
                        }
                    }
                }
            }));
        }
        for task in tasks {
            task.await.context("a connection's task")?;
        }
        Ok(())
    }

    /// Sends `rate` requests a second on as many connections as that takes.
    async fn open(&self, rate: u32, seconds: f64, counted: bool) -> Result<(), Fault> {
        let idle: Rc<RefCell<Vec<Connection>>> = Rc::default();
        let mut tick = interval(Duration::from_secs(1) / rate.max(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut tasks = Vec::new();
        for _ in 0..(f64::from(rate) * seconds) as u64 {
            tick.tick().await;
            let (run, idle) = (self.clone(), Rc::clone(&idle));
            tasks.push(spawn_local(async move {
                let free = idle.borrow_mut().pop();
                let opened = match free {
                    Some(connection) => Ok(connection),
                    None => Connection::open(&run.target).await,
                };
                match opened {
                    Ok(mut connection) => {
                        if run.once(&mut connection, counted).await {
                            idle.borrow_mut().push(connection);
                        }
                    }
                    Err(fault) => run.tally.borrow_mut().fail(fault),
                }
            }));
        }
        for task in tasks {
            task.await.context("a request's task")?;
        }
        Ok(())
    }

    /// One request; whether the connection can be used again.
    async fn once(&self, connection: &mut Connection, counted: bool) -> bool {
        let start = Instant::now();
        let mut first = None;
        let mut events = Events::default();
        let mut on_data = |data: &[u8]| {
            first.get_or_insert_with(|| start.elapsed());
            events.add(data);
        };
        let result = connection.exchange(&self.request, &mut on_data).await;
        let took = start.elapsed();
        let mut tally = self.tally.borrow_mut();
        match result {
            Ok(200) => {
                if counted {
                    tally.nanos.push(nanos(took));
                    tally.first_bytes.extend(first.map(nanos));
                    tally.events += events.count;
                }
                true
            }
            Ok(status) => {
                tally.fail(format!("status {status}"));
                true
            }
            Err(fault) => {
                tally.fail(fault);
                false
            }
        }
    }

    /// Opens streams, waits until each has begun, holds them, reads memory.
    async fn hold(&self, streams: usize, seconds: f64, watch: Option<u32>) -> Result<Figures, Fault> {
        let start = Instant::now();
        let rss = |watch: Option<u32>| watch.map_or(Ok(0), procfs::rss_kib);
        let before = rss(watch)?;
        for _ in 0..streams {
            let run = self.clone();
            let mut connection = Connection::open(&run.target).await?;
            spawn_local(async move {
                let mut begun = false;
                let mut on_data = |_: &[u8]| {
                    if !std::mem::replace(&mut begun, true) {
                        run.tally.borrow_mut().begun += 1;
                    }
                };
                // Ends with this process: the streams are slower than it is patient.
                let ended = connection.exchange(&run.request, &mut on_data).await;
                run.tally.borrow_mut().fail(format!("a held stream ended: {ended:?}"));
            });
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (begun, errors) = (self.tally.borrow().begun, self.tally.borrow().errors);
            if begun >= streams || errors > 0 {
                break;
            }
            if Instant::now() > deadline {
                return Err(format!("only {begun} of {streams} streams began in 30 s"));
            }
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::try_from_secs_f64(seconds).context("--seconds")?).await;
        let held = rss(watch)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Figures { seconds, rss_before_kib: before, rss_held_kib: held, ..Figures::default() })
    }
}

/// Counts the `data:` lines of a stream, also those cut by a read.
#[derive(Default)]
struct Events {
    count: u64,
    /// The last bytes seen, one fewer than the mark has.
    tail: Vec<u8>,
}

impl Events {
    const MARK: &'static [u8] = b"data:";

    fn add(&mut self, data: &[u8]) {
        let keep = Self::MARK.len() - 1;
        self.tail.extend_from_slice(data.get(..keep).unwrap_or(data));
        self.count += memchr::memmem::find_iter(&self.tail, Self::MARK).count() as u64;
        self.count += memchr::memmem::find_iter(data, Self::MARK).count() as u64;
        if data.len() >= keep {
            self.tail.clear();
            self.tail.extend_from_slice(data.get(data.len() - keep..).unwrap_or_default());
        } else {
            self.tail.drain(..self.tail.len().saturating_sub(keep));
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_at_every_cut() {
        let text = b"data: 1\n\nevent: x\ndata: 2\n\ndata: [DONE]\n\n";
        for a in 0..text.len() {
            for b in a..text.len() {
                let mut events = Events::default();
                for part in [&text[..a], &text[a..b], &text[b..]] {
                    events.add(part);
                }
                assert_eq!(events.count, 3, "cut at {a} and {b}");
            }
        }
    }
}
