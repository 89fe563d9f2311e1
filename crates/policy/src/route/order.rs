//! The order in which the targets of a model are tried: pure, with chance as an argument.
//!
//! Where speed decides, no target is passed over for ever: in one of [`EXPLORE`] requests another than the best
//! goes first, and one of [`MEET`] goes to a target that nothing is known of, while there is one.

use std::cmp::Ordering;
use std::time::Duration;

use crate::money::Nano;

/// One of so many requests goes to a target that is not the best known, so that what is known stays true.
pub const EXPLORE: u64 = 20;
/// One of so many requests goes to a target that nothing is known of.
pub const MEET: u64 = 4;

/// How targets are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choose {
    /// In the order they are written.
    #[default]
    Priority,
    /// By lot, each with its weight.
    Weighted,
    /// The lowest expected cost of this request first.
    Cheapest,
    /// The shortest expected time of this request first.
    Fastest,
    /// Of two drawn by lot, the one with less under way, by its weight.
    LeastBusy,
}

impl Choose {
    /// Every way.
    pub const ALL: [Choose; 5] =
        [Choose::Priority, Choose::Weighted, Choose::Cheapest, Choose::Fastest, Choose::LeastBusy];

    /// The word in configuration and `x-tollgate-why`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Choose::Priority => "priority",
            Choose::Weighted => "weighted",
            Choose::Cheapest => "cheapest",
            Choose::Fastest => "fastest",
            Choose::LeastBusy => "least_busy",
        }
    }
}

/// What a target is asked to keep, where it can be helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slo {
    /// Time to the first content, at most.
    pub first_byte: Option<Duration>,
    /// Tokens a second, at least.
    pub tokens_per_second: Option<u32>,
}

/// What is known of a target when a request is to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Standing {
    /// Its weight.
    pub weight: u32,
    /// What this request is expected to cost there; `None`: unpriced.
    pub expected: Option<Nano>,
    /// Time to its first content, in ms; `None`: not known.
    pub first_byte_ms: Option<f64>,
    /// Tokens a second; `None`: not known.
    pub tokens_per_second: Option<f64>,
    /// Requests under way.
    pub busy: u32,
}

impl Standing {
    /// How long an answer of so many tokens is expected to take, in ms; `None` where nothing is known.
    fn takes(&self, output: f64) -> Option<f64> {
        let rest = self.tokens_per_second.map(|speed| output * 1_000.0 / speed.max(0.001));
        match (self.first_byte_ms, rest) {
            (None, None) => None,
            (first, rest) => Some(first.unwrap_or_default() + rest.unwrap_or_default()),
        }
    }

    /// False where it is known to miss what is asked.
    fn keeps(&self, slo: Slo) -> bool {
        let first = slo.first_byte.zip(self.first_byte_ms).is_none_or(|(most, ms)| ms <= most.as_secs_f64() * 1_000.0);
        let speed =
            slo.tokens_per_second.zip(self.tokens_per_second).is_none_or(|(least, speed)| speed >= f64::from(least));
        first && speed
    }
}

/// The order of targets: places in `standing`, each once. `output` is how many tokens the answer is expected to
/// have.
///
/// Targets that are known to miss the `slo` come after those that are not, except under [`Choose::Priority`]
/// and [`Choose::Weighted`], where the operator has said the order.
#[must_use]
pub fn order(
    standing: &[Standing],
    choose: Choose,
    slo: Slo,
    output: f64,
    dice: &mut dyn FnMut() -> u64,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..standing.len()).collect();
    if order.len() < 2 {
        return order;
    }
    let of = |place: usize| standing.get(place).copied().unwrap_or_default();
    match choose {
        Choose::Priority => return order,
        Choose::Weighted => return drawn(standing, dice),
        Choose::Cheapest => order.sort_by(|a, b| least(of(*a).expected, of(*b).expected)),
        Choose::Fastest => order.sort_by(|a, b| shortest(of(*a).takes(output), of(*b).takes(output))),
        Choose::LeastBusy => {
            order = drawn(standing, dice);
            // Power of two choices: the better of the first two drawn.
            if let (Some(a), Some(b)) = (order.first().copied(), order.get(1).copied())
                && busier(of(a), of(b)) == Ordering::Greater
            {
                order.swap(0, 1);
            }
        }
    }
    // Stable: within both halves the order stays.
    order.sort_by_key(|place| !of(*place).keeps(slo));
    if choose == Choose::Fastest {
        explore(&mut order, |place| of(place).takes(output).is_none(), dice);
    }
    order
}

/// Brings another than the first to the front now and then: one that nothing is known of, else any.
fn explore(order: &mut [usize], unknown: impl Fn(usize) -> bool, dice: &mut dyn FnMut() -> u64) {
    let behind = 1..order.len();
    let strangers: Vec<usize> =
        behind.clone().filter(|at| order.get(*at).is_some_and(|place| unknown(*place))).collect();
    let (chance, others) = if strangers.is_empty() { (EXPLORE, behind.collect()) } else { (MEET, strangers) };
    if !dice().is_multiple_of(chance) {
        return;
    }
    let drawn = usize::try_from(dice() % others.len().max(1) as u64).unwrap_or_default();
    if let Some(front) = others.get(drawn).and_then(|at| order.get_mut(..=*at)) {
        front.rotate_right(1);
    }
}

/// Amounts in order; what has none comes last.
fn least(a: Option<Nano>, b: Option<Nano>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Times in order; a target that nothing is known of comes last.
fn shortest(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Requests under way for each unit of weight, in order.
fn busier(a: Standing, b: Standing) -> Ordering {
    let load = |one: Standing, other: Standing| u64::from(one.busy) * u64::from(other.weight.max(1));
    load(a, b).cmp(&load(b, a))
}

/// By lot in proportion to the weights; a weight of 0 comes last.
fn drawn(standing: &[Standing], dice: &mut dyn FnMut() -> u64) -> Vec<usize> {
    let mut left: Vec<usize> = (0..standing.len()).collect();
    let weight = |place: usize| standing.get(place).map_or(0, |one| u64::from(one.weight));
    let mut drawn = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let total: u64 = left.iter().map(|place| weight(*place)).sum();
        let mut at = 0;
        if total > 0 {
            let mut point = dice() % total;
            for (index, place) in left.iter().enumerate() {
                at = index;
                if point < weight(*place) {
                    break;
                }
                point -= weight(*place);
            }
        }
        drawn.push(left.remove(at));
    }
    drawn
}

#[cfg(test)]
mod tests;
