//! How fast a target answers: averages that forget, per size of prompt. Time is an argument.

use std::time::Duration;

/// After so long a sample counts half.
const HALF_LIFE: Duration = Duration::from_secs(120);
/// Samples that count for less than this, all together, are no knowledge.
const FORGOTTEN: f64 = 0.05;

/// An average in which old samples fade.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Average {
    sum: f64,
    weight: f64,
    /// When it was last brought up to date.
    at: Duration,
}

impl Average {
    /// Takes a sample at a time since some fixed point.
    pub fn record(&mut self, now: Duration, sample: f64) {
        if !sample.is_finite() {
            return;
        }
        let faded = self.faded(now);
        *self = Self { sum: faded.sum + sample, weight: faded.weight + 1.0, at: now.max(self.at) };
    }

    /// The average at a time; `None` when nothing is known, or nothing any more.
    #[must_use]
    pub fn read(&self, now: Duration) -> Option<f64> {
        let faded = self.faded(now);
        (faded.weight > FORGOTTEN).then(|| faded.sum / faded.weight)
    }

    fn faded(self, now: Duration) -> Self {
        // A clock that stands still or a sample that comes late fades nothing.
        let halves = now.saturating_sub(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        let share = (-halves).exp2();
        Self { sum: self.sum * share, weight: self.weight * share, at: now }
    }
}

/// Sizes of prompts that are told apart: up to 1k, 8k and 32k tokens, and more.
const SIZES: usize = 4;

/// The size class of a prompt, in tokens.
#[must_use]
pub const fn size(tokens: u64) -> usize {
    match tokens {
        0..1_000 => 0,
        1_000..8_000 => 1,
        8_000..32_000 => 2,
        _ => 3,
    }
}

/// What is known of a target's speed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace {
    first_byte: [Average; SIZES],
    speed: Average,
    output: Average,
}

impl Pace {
    /// An answer to a prompt of so many tokens: its first content after `first_byte`, then `output` tokens in `rest`.
    pub fn record(&mut self, now: Duration, prompt: u64, first_byte: Option<Duration>, output: u64, rest: Duration) {
        if let (Some(first), Some(average)) = (first_byte, self.first_byte.get_mut(size(prompt))) {
            average.record(now, first.as_secs_f64() * 1_000.0);
        }
        let tokens = tokens(output);
        if output > 0 {
            self.output.record(now, tokens);
        }
        // Of a few tokens, or of an answer that came at once, no speed can be told.
        if output >= 16 && rest >= Duration::from_millis(5) {
            self.speed.record(now, tokens / rest.as_secs_f64());
        }
    }

    /// Time to the first content for a prompt of so many tokens, in ms: of its size, else of the nearest size.
    #[must_use]
    pub fn first_byte_ms(&self, now: Duration, prompt: u64) -> Option<f64> {
        let wanted = size(prompt);
        // Nearest first, of two as near the smaller; nothing is allocated for each request.
        let nearest = (0..SIZES).flat_map(|far| [wanted.checked_sub(far), (far > 0).then_some(wanted + far)]);
        nearest.flatten().find_map(|size| self.first_byte.get(size)?.read(now))
    }

    /// Tokens a second once it speaks.
    #[must_use]
    pub fn tokens_per_second(&self, now: Duration) -> Option<f64> {
        self.speed.read(now)
    }

    /// Tokens of a usual answer.
    #[must_use]
    pub fn output(&self, now: Duration) -> Option<u64> {
        let tokens = self.output.read(now)?.round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an average of u64s, not negative")]
        Some(tokens as u64)
    }
}

/// A count of tokens as a figure to be averaged.
#[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
fn tokens(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_average_forgets() {
        let mut average = Average::default();
        assert_eq!(average.read(at(0)), None);
        for second in 0..10 {
            average.record(at(second), 100.0);
        }
        assert_eq!(average.read(at(10)).map(f64::round), Some(100.0));
        // What is new counts more than what is old.
        for second in 600..605 {
            average.record(at(second), 300.0);
        }
        assert!(average.read(at(605)).is_some_and(|value| value > 280.0), "{average:?}");
        assert_eq!(average.read(at(4_000)), None, "after an hour nothing is known any more");
        // A clock that goes back does no harm.
        average.record(at(1), 300.0);
        assert!(average.read(at(2)).is_some());
        average.record(at(700), f64::NAN);
        assert!(average.read(at(700)).is_some_and(f64::is_finite));
    }

    #[test]
    fn speeds_are_kept_by_the_size_of_the_prompt() {
        let mut pace = Pace::default();
        let ms = Duration::from_millis;
        pace.record(at(1), 100, Some(ms(200)), 50, ms(500));
        pace.record(at(1), 20_000, Some(ms(2_000)), 100, ms(1_000));
        assert_eq!(pace.first_byte_ms(at(1), 500), Some(200.0));
        assert_eq!(pace.first_byte_ms(at(1), 9_000), Some(2_000.0));
        assert_eq!(pace.first_byte_ms(at(1), 100_000), Some(2_000.0), "the nearest size stands in");
        assert_eq!(pace.tokens_per_second(at(1)), Some(100.0));
        assert_eq!(pace.output(at(1)), Some(75));
        pace.record(at(1), 100, None, 4, ms(1));
        assert_eq!(pace.tokens_per_second(at(1)), Some(100.0), "four tokens tell no speed");
    }
}
