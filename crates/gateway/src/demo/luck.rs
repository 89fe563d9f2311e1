//! What happens to a request: drawn from its body and how many came before, so that a run can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many requests without a seed came before.
static BEFORE: AtomicU64 = AtomicU64::new(0);

/// The golden ratio in 64 bits: SplitMix64's step.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// With an answer.
    Ok,
    /// 429 with a `retry-after`.
    RateLimited,
    /// 500.
    ServerError,
    /// 503.
    Overloaded,
    /// The answer's connection breaks in the middle.
    Cut,
}

impl Fate {
    /// Every fate with the word that asks for it.
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("ok", Self::Ok),
        ("rate_limited", Self::RateLimited),
        ("server_error", Self::ServerError),
        ("overloaded", Self::Overloaded),
        ("cut", Self::Cut),
    ];

    /// The fate of a word.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, fate)| *fate)
    }
}

/// A sequence of draws.
#[derive(Debug)]
pub(super) struct Luck(u64);

impl Luck {
    /// The luck of a body: always the same one when it is `seeded`, else another one for each request.
    pub(super) fn of(body: &[u8], seeded: bool) -> Self {
        let before = if seeded { 0 } else { BEFORE.fetch_add(1, Ordering::Relaxed).wrapping_add(1) };
        Self(hash(body) ^ mix(before.wrapping_mul(STEP)))
    }

    /// The next draw.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A fate, of which `failing` in a hundred are bad: a third rate limits, a third errors and overload, a
    /// third cuts.
    pub(super) fn fate(&mut self, failing: u64) -> Fate {
        if self.draw() % 100 >= failing {
            return Fate::Ok;
        }
        match self.draw() % 6 {
            0 | 1 => Fate::RateLimited,
            2 => Fate::ServerError,
            3 => Fate::Overloaded,
            _ => Fate::Cut,
        }
    }

    /// A time around the usual one: from three quarters of it to one and a half, the short ones more often.
    pub(super) fn around(&mut self, usual: Duration) -> Duration {
        let low = (self.draw() % 76).min(self.draw() % 76);
        usual.saturating_mul(75 + u32::try_from(low).unwrap_or(0)) / 100
    }
}

/// FNV-1a over the first and the last 4 KiB and the length: long prompts differ at their end.
fn hash(body: &[u8]) -> u64 {
    const ENDS: usize = 4096;
    let head = body.get(..ENDS).unwrap_or(body);
    let tail = body.get(body.len().saturating_sub(ENDS)..).unwrap_or_default();
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(head.iter().chain(tail).fold(0xcbf2_9ce4_8422_2325 ^ length, fnv))
}

/// SplitMix64's finisher.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
