//! The traffic generator of `tollgate demo`: pretended teams ask a gateway, and a table shows what was served by
//! whom at what cost, as the ledger tells it.

mod ask;
mod call;
mod line;
mod screen;
mod tally;

use std::io::{self, Write};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::env;
use ask::Ask;
use call::{Caller, Finished};
use screen::{Screen, Style};
use tally::Tally;

/// Most requests under way at once; beyond it the generator waits.
const MOST: usize = 256;
/// How long requests under way may take once the traffic ends; what is not done by then is in no summary.
const DRAIN: Duration = Duration::from_secs(8);
/// The same when it was stopped.
const HURRY: Duration = Duration::from_secs(1);
/// Between two drawings of the table on a terminal.
const REDRAW: Duration = Duration::from_millis(250);
/// Between two summaries elsewhere.
const SUMMARY: Duration = Duration::from_secs(2);

/// What the user of `tollgate demo` chose.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Ends after so many seconds; `None`: when stopped.
    pub seconds: Option<u64>,
    /// Requests a second; held between 0.1 and 500.
    pub rate: f64,
    /// One JSON object for each request instead of a table.
    pub json: bool,
}

/// The configuration that the traffic is made for: three simulated providers and the names over them.
#[must_use]
pub fn config_text() -> &'static str {
    include_str!("demo.yaml")
}

/// Sends traffic to the gateway at `base_url` (`http://127.0.0.1:4000`, plain HTTP) until `stop` fires or the time
/// is over, and writes what comes of it: on a `terminal` a table that is drawn over, elsewhere a line every 2 s, at
/// the end a summary and what to do next; with `json` one ledger line for each request and nothing else.
///
/// # Errors
/// `out` cannot be written to.
pub async fn run<W: Write>(
    base_url: &str,
    options: &Options,
    stop: CancellationToken,
    out: &mut W,
    terminal: bool,
) -> io::Result<()> {
    let style = match (options.json, terminal) {
        (true, _) => Style::Json,
        (false, true) => Style::Live,
        (false, false) => Style::Lines,
    };
    let mut screen = Screen::new(out, style, base_url);
    screen.open()?;
    let done = drive(base_url, options, &stop, &mut screen).await;
    let closed = screen.close();
    done.and(closed)
}

async fn drive<W: Write>(
    base_url: &str,
    options: &Options,
    stop: &CancellationToken,
    screen: &mut Screen<'_, W>,
) -> io::Result<()> {
    let caller = Caller::new(base_url);
    let start = env::instant();
    let mut tally = Tally::default();
    let mut open = FuturesUnordered::new();
    let mut ask = interval(between(options.rate));
    ask.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut draw = interval(if screen.style() == Style::Live { REDRAW } else { SUMMARY });
    draw.set_missed_tick_behavior(MissedTickBehavior::Skip);
    draw.reset();
    let end = end(start, options.seconds);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep_until(end) => break,
            _ = ask.tick(), if open.len() < MOST => open.push(caller.call(Ask::draw(&mut env::roll))),
            Some(finished) = open.next(), if !open.is_empty() => take(finished, &mut tally, screen)?,
            _ = draw.tick() => screen.draw(&tally, env::ms_since(start), open.len())?,
        }
    }
    let patience = env::instant() + if stop.is_cancelled() { HURRY } else { DRAIN };
    loop {
        tokio::select! {
            () = sleep_until(patience) => break,
            finished = open.next() => match finished {
                Some(finished) => take(finished, &mut tally, screen)?,
                None => break,
            },
            _ = draw.tick() => screen.draw(&tally, env::ms_since(start), open.len())?,
        }
    }
    screen.summary(&tally, env::ms_since(start))
}

fn take<W: Write>(finished: Finished, tally: &mut Tally, screen: &mut Screen<'_, W>) -> io::Result<()> {
    screen.finished(&finished)?;
    tally.add(finished);
    Ok(())
}

/// The time between two requests.
fn between(rate: f64) -> Duration {
    let rate = if rate.is_finite() { rate.clamp(0.1, 500.0) } else { 5.0 };
    Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::from_millis(200))
}

/// When the traffic ends by itself; without an end, in thirty years.
fn end(start: Instant, seconds: Option<u64>) -> Instant {
    const LONG: u64 = 30 * 365 * 24 * 3600;
    start + Duration::from_secs(seconds.unwrap_or(LONG).min(LONG))
}

#[cfg(test)]
mod tests;
