//! What an answer cost: one function from quantities and a price sheet to lines that add up exactly.
//!
//! A used unit without a rate makes the answer unpriced, never cheaper. A rate of 0 is a price. What the
//! provider itself reported wins over what was computed; both are kept.

use dialect::usage::{Unit, Usage};
use jiff::Timestamp;

use super::sheet::{Asked, Row, Sheet};
use crate::money::{Femto, Nano, Percent, div_half_even};

/// Where the amount comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Quantities times rates.
    Computed,
    /// The provider's own figure.
    Provider,
    /// Nobody knows.
    Unpriced,
}

impl Source {
    /// The word in the ledger line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::Computed => "computed",
            Source::Provider => "provider",
            Source::Unpriced => "unpriced",
        }
    }
}

/// What a line charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// A quantity of a unit.
    Unit(Unit),
    /// The amount that the provider reported, undivided.
    Reported,
    /// An aggregator's fee on the amount before it.
    Fee(Percent),
}

impl Item {
    /// The word in the ledger line: a unit's name, `reported` or `fee`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Item::Unit(unit) => unit.name(),
            Item::Reported => "reported",
            Item::Fee(_) => "fee",
        }
    }
}

/// One line of a cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is charged.
    pub item: Item,
    /// How many; 1 for a reported amount and a fee.
    pub quantity: u64,
    /// USD per one million, uplift included; `None` where the line is not a quantity times a rate.
    pub usd_per_million: Option<Femto>,
    /// The exact amount in USD.
    pub usd: Femto,
    /// The unit whose rate was taken because this one has none (`cache_read` counted as `input`).
    pub counted_as: Option<Unit>,
}

/// What an answer cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Where the amount comes from.
    pub source: Source,
    /// Lines that add up to `exact`. For an unpriced answer: those that have a price.
    pub lines: Vec<Line>,
    /// The exact sum of the lines, `None` when unpriced.
    pub exact: Option<Femto>,
    /// The computed sum beside a provider's figure, before any fee; `None` when it could not be computed.
    pub computed: Option<Femto>,
    /// Why it is unpriced: used units without a rate.
    pub missing: Vec<Unit>,
    /// The place of the price row in its sheet, for pricing again.
    pub row: Option<usize>,
}

impl Cost {
    /// Nothing was used and nothing is owed.
    #[must_use]
    pub const fn zero() -> Self {
        Self {
            source: Source::Computed,
            lines: Vec::new(),
            exact: Some(Femto::ZERO),
            computed: None,
            missing: Vec::new(),
            row: None,
        }
    }

    /// The total rounded once, half to even, to nanodollars; `None` when unpriced.
    #[must_use]
    pub fn total(&self) -> Option<Nano> {
        self.exact.map(Femto::round)
    }

    /// How far the computed amount is from the provider's, in ten-thousandths of the provider's (100 is 1 %).
    /// `None` without both; `i64::MAX` when the provider says 0 and the computed amount is not.
    #[must_use]
    pub fn drift(&self) -> Option<i64> {
        let reported = self.lines.iter().find(|line| line.item == Item::Reported)?.usd.0;
        let difference = self.computed?.0.checked_sub(reported)?;
        if difference == 0 {
            return Some(0);
        }
        let drift = div_half_even(difference.checked_mul(10_000)?, reported).unwrap_or(i128::from(i64::MAX));
        Some(i64::try_from(drift).unwrap_or(if drift < 0 { i64::MIN } else { i64::MAX }))
    }
}

/// Prices an answer.
///
/// `sheet` is `None` when the target has no price. `at` is when the request was sent. The tier that the
/// provider says it served (`usage.tier`) wins over the one asked for. `fee` is applied to the amount before
/// it and has a line of its own. Usage without any quantity is unpriced unless the provider reported a cost.
#[must_use]
pub fn cost(usage: &Usage, sheet: Option<&Sheet>, at: Timestamp, asked: Asked<'_>, fee: Option<Percent>) -> Cost {
    let asked = Asked { tier: usage.tier.as_deref().or(asked.tier), ..asked };
    let mut cost = compute(usage, sheet, at, asked);
    if let Some(reported) = usage.reported_usd.as_deref().and_then(reported) {
        cost.computed = cost.exact;
        cost.source = Source::Provider;
        cost.exact = Some(reported);
        cost.missing = Vec::new();
        cost.lines =
            vec![Line { item: Item::Reported, quantity: 1, usd_per_million: None, usd: reported, counted_as: None }];
    }
    match fee {
        Some(fee) if fee != Percent::default() => with_fee(cost, fee),
        _ => cost,
    }
}

/// A reported amount, at most fifteen decimals of it (floats print more); `None` for what is no amount.
fn reported(text: &str) -> Option<Femto> {
    let amount = match text.parse::<Femto>() {
        Ok(amount) => amount,
        Err(crate::money::MoneyError::TooFine(..)) => Femto::round_from(text)?,
        Err(_) => return None,
    };
    (amount.0 >= 0).then_some(amount)
}

fn with_fee(mut cost: Cost, fee: Percent) -> Cost {
    let Some(exact) = cost.exact else { return cost };
    let Some((usd, total)) = exact.percent(fee).and_then(|usd| Some((usd, exact.checked_add(usd)?))) else {
        return unpriced(cost);
    };
    cost.lines.push(Line { item: Item::Fee(fee), quantity: 1, usd_per_million: None, usd, counted_as: None });
    cost.exact = Some(total);
    cost
}

fn unpriced(mut cost: Cost) -> Cost {
    cost.source = Source::Unpriced;
    cost.exact = None;
    cost
}

fn compute(usage: &Usage, sheet: Option<&Sheet>, at: Timestamp, asked: Asked<'_>) -> Cost {
    let mut cost = Cost { exact: None, source: Source::Unpriced, ..Cost::zero() };
    let Some((sheet, (place, row))) =
        sheet.and_then(|sheet| Some((sheet, sheet.row(at, asked, usage.prompt_tokens())?)))
    else {
        cost.missing = billed(usage, None).into_iter().filter(|(_, used)| *used > 0).map(|(unit, _)| unit).collect();
        return cost;
    };
    cost.row = Some(place);
    let uplift = sheet.uplift(asked);
    let mut total = Some(Femto::ZERO);
    for (unit, quantity) in billed(usage, Some(row)) {
        let Some((rate, counted_as)) = rate(sheet, row, unit) else {
            if quantity > 0 {
                cost.missing.push(unit);
            }
            continue;
        };
        let rate = match uplift {
            Some(factor) if per_token(unit) => rate.percent(factor),
            _ => Some(rate),
        };
        let Some((rate, usd)) = rate.and_then(|rate| Some((rate, rate.per_million(quantity)?))) else {
            total = None;
            cost.missing.push(unit);
            continue;
        };
        if quantity > 0 {
            let item = Item::Unit(unit);
            cost.lines.push(Line { item, quantity, usd_per_million: Some(rate), usd, counted_as });
        }
        total = total.and_then(|total| total.checked_add(usd));
    }
    let known = !usage.is_empty() || !cost.lines.is_empty();
    if cost.missing.is_empty() && known && total.is_some() {
        cost.source = Source::Computed;
        cost.exact = total;
    }
    cost
}

/// The quantities to charge: reasoning only where the row prices it apart, and then not twice; one request
/// where the row has a rate per request and nobody counted.
fn billed(usage: &Usage, row: Option<&Row>) -> Vec<(Unit, u64)> {
    let apart = row.is_some_and(|row| row.rates.get(Unit::Reasoning).is_some());
    let thought = usage.get(Unit::Reasoning).unwrap_or(0).min(usage.get(Unit::Output).unwrap_or(0));
    let mut billed: Vec<(Unit, u64)> = usage
        .iter()
        .filter_map(|(unit, quantity)| match unit {
            Unit::Reasoning => apart.then_some((unit, thought)),
            Unit::Output if apart => Some((unit, quantity.saturating_sub(thought))),
            _ => Some((unit, quantity)),
        })
        .collect();
    let per_request = row.is_some_and(|row| row.rates.get(Unit::Request).is_some());
    if per_request && usage.get(Unit::Request).is_none() {
        billed.push((Unit::Request, 1));
    }
    billed
}

/// The rate of a unit in a row, with the unit it is counted as when it has none of its own.
fn rate(sheet: &Sheet, row: &Row, unit: Unit) -> Option<(Femto, Option<Unit>)> {
    let plain = |instead: &'static [Unit]| if sheet.plain.contains(&unit) { instead } else { &[] };
    let instead: &[Unit] = match unit {
        Unit::CacheRead => &[Unit::Input],
        Unit::CacheWrite => &[Unit::CacheWrite5m, Unit::Input],
        Unit::CacheWrite5m | Unit::CacheWrite1h => &[Unit::CacheWrite, Unit::Input],
        Unit::AudioIn | Unit::ImageIn => plain(&[Unit::Input]),
        Unit::AudioOut | Unit::ImageOut => plain(&[Unit::Output]),
        Unit::Input
        | Unit::Output
        | Unit::Reasoning
        | Unit::Request
        | Unit::Search
        | Unit::Second
        | Unit::Page
        | Unit::Character => &[],
    };
    let own = row.rates.get(unit).map(|rate| (rate, None));
    own.or_else(|| {
        let (rate, instead) = instead.iter().find_map(|instead| Some((row.rates.get(*instead)?, *instead)))?;
        Some((rate, (!same_lifetime(unit, instead)).then_some(instead)))
    })
}

/// A cache write whose lifetime nobody told apart is the one of five minutes: that is no substitution.
const fn same_lifetime(unit: Unit, instead: Unit) -> bool {
    matches!((unit, instead), (Unit::CacheWrite, Unit::CacheWrite5m) | (Unit::CacheWrite5m, Unit::CacheWrite))
}

/// Units whose rate a regional factor moves.
const fn per_token(unit: Unit) -> bool {
    !matches!(unit, Unit::Request | Unit::Search | Unit::Second | Unit::Page | Unit::Character)
}

#[cfg(test)]
mod tests;
