//! Clock, dice and ids: the only place that reads the time or draws chance.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::{Builder, Uuid};

/// The time of day, to the ms and finer.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Unix time in whole seconds.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A point on the clock that only goes forward.
#[must_use]
pub fn instant() -> Instant {
    Instant::now()
}

/// Milliseconds since a point, whole.
#[must_use]
pub fn ms_since(start: Instant) -> u64 {
    u64::try_from(instant().saturating_duration_since(start).as_millis()).unwrap_or(u64::MAX)
}

/// Microseconds since a point, whole.
#[must_use]
pub fn us_since(start: Instant) -> u64 {
    u64::try_from(instant().saturating_duration_since(start).as_micros()).unwrap_or(u64::MAX)
}

/// Time since the process first asked: a clock for averages, which only ever goes on.
#[must_use]
pub fn uptime() -> std::time::Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    instant().saturating_duration_since(*START.get_or_init(instant))
}

thread_local! {
    /// State of this thread's generator; 0 = not seeded yet.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// A random number. Good for ids, weights and jitter; secrets come from [`secret_bytes`].
#[must_use]
pub fn roll() -> u64 {
    STATE.with(|state| {
        let mut seed = state.get();
        if seed == 0 {
            let mut bytes = [0u8; 8];
            secret_bytes(&mut bytes);
            seed = u64::from_le_bytes(bytes) | 1;
        }
        // SplitMix64: one addition and three mixes, equidistributed over 2^64.
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(seed);
        let mut mixed = seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// Fills bytes from the system's generator, for keys.
pub fn secret_bytes(bytes: &mut [u8]) {
    // The system's generator does not fail on any platform that this program runs on; were it to, the
    // bytes stay zero and the key made of them is refused by its maker.
    let _ = aws_lc_rs::rand::fill(bytes);
}

/// A request's id: a version 7 UUID of this moment.
#[must_use]
pub fn request_id() -> Uuid {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let mut random = [0u8; 10];
    let (high, low) = random.split_at_mut(8);
    high.copy_from_slice(&roll().to_le_bytes());
    low.copy_from_slice(roll().to_le_bytes().get(..2).unwrap_or(&[0, 0]));
    Builder::from_unix_timestamp_millis(u64::try_from(ms).unwrap_or_default(), &random).into_uuid()
}
