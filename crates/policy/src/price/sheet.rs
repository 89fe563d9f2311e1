//! A price sheet: rows of exact rates, each valid under AND-ed conditions, of which one row prices a request.
//!
//! Every condition of a row must hold. Of the rows that hold, the one wins that names, in this order: the
//! service tier, the region, the hours, the higher context step, the later start. Two rows of a sheet that could tie are
//! an error of the sheet ([`Sheet::check`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use dialect::usage::Unit;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::money::{Femto, Percent};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A rate: USD per one million units, exactly.
pub type Rate = Femto;

/// What the caller asked for, or the provider said it served, that moves the price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Service tier or processing mode in the provider's word: `flex`, `priority`, `batch`, `fast`, …
    pub tier: Option<&'a str>,
    /// Region that the request is processed in, where the provider prices regions apart: `eu`, `us`, `apac`
    /// (OpenAI, Azure), `us` (Anthropic's `inference_geo`), an AWS region (Bedrock), `regional` for any
    /// location of Vertex but `global`.
    pub region: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// The tier in the sheet's spelling; `None` for what every provider calls its standard tier.
    #[must_use]
    pub fn tier(self) -> Option<&'a str> {
        match self.tier? {
            "" | "auto" | "default" | "standard" | "standard_only" | "on_demand" | "ondemand" | "reserved" => None,
            "batches" => Some("batch"),
            tier => Some(tier),
        }
    }
}

/// Rates by unit; a unit that is not in it has no price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates(BTreeMap<Unit, Rate>);

impl Rates {
    /// The rate of a unit, USD per million.
    #[must_use]
    pub fn get(&self, unit: Unit) -> Option<Rate> {
        self.0.get(&unit).copied()
    }

    /// Sets the rate of a unit, USD per million.
    pub fn set(&mut self, unit: Unit, rate: Rate) {
        self.0.insert(unit, rate);
    }

    /// Sets the rate where there is none yet.
    pub fn fill(&mut self, unit: Unit, rate: Rate) {
        self.0.entry(unit).or_insert(rate);
    }

    /// Takes a rate away.
    pub fn remove(&mut self, unit: Unit) {
        self.0.remove(&unit);
    }

    /// Priced units and their rates, in the ledger's order.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, Rate)> + '_ {
        self.0.iter().map(|(unit, rate)| (*unit, *rate))
    }

    /// True when nothing has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Hours of some weekdays in UTC, written `12345 10:00-00:00` (Monday is 1). The end is outside; an end at or
/// before the start is on the next day, and the weekday is that of the start. `00:00-00:00` is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Bit 0 is Monday.
    days: u8,
    /// Second of the day.
    start: i64,
    /// Second of the day, or of the next one; always after `start`.
    end: i64,
}

impl Window {
    /// The window of weekdays (1 is Monday, 7 Sunday) and `HH:MM-HH:MM`, `None` when malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (days, hours) = text.split_once(' ')?;
        let (start, end) = hours.split_once('-')?;
        let (start, end) = (second_of_day(start)?, second_of_day(end)?);
        let days = days.bytes().try_fold(0_u8, |days, digit| match digit {
            b'1'..=b'7' => Some(days | (1 << (digit - b'1'))),
            _ => None,
        })?;
        (days != 0).then_some(Self { days, start, end: if end <= start { end + DAY } else { end } })
    }

    /// True when the second (Unix time) is inside.
    #[must_use]
    pub fn holds(self, second: i64) -> bool {
        let (day, of_day) = (second.div_euclid(DAY), second.rem_euclid(DAY));
        let on = |day: i64, of_day: i64| {
            // 1970-01-01 was a Thursday: day 3 counted from Monday.
            let weekday = (day + 3).rem_euclid(7);
            self.days & (1 << weekday) != 0 && (self.start..self.end).contains(&of_day)
        };
        on(day, of_day) || on(day - 1, of_day + DAY)
    }
}

fn second_of_day(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let hour: i64 = hour.parse::<u8>().ok()?.into();
    let minute: i64 = minute.parse::<u8>().ok()?.into();
    (hour <= 24 && minute < 60 && hour * 60 + minute <= 1440).then_some((hour * 60 + minute) * 60 % DAY)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for day in 0..7_u8 {
            if self.days & (1 << day) != 0 {
                write!(f, "{}", day + 1)?;
            }
        }
        let clock = |second: i64| (second % DAY / 3600, second % 3600 / 60);
        let ((start, start_minute), (end, end_minute)) = (clock(self.start), clock(self.end));
        write!(f, " {start:02}:{start_minute:02}-{end:02}:{end_minute:02}")
    }
}

/// A context step: the row prices the whole request when the prompt is longer than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// More than so many prompt tokens.
    Above(u64),
    /// So many prompt tokens or more (xAI).
    From(u64),
}

impl Step {
    /// The smallest prompt in tokens that the row prices.
    #[must_use]
    pub const fn first(self) -> u64 {
        match self {
            Step::Above(tokens) => tokens.saturating_add(1),
            Step::From(tokens) => tokens,
        }
    }
}

/// One row: conditions, all of which must hold, and rates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Service tier or processing mode; `None` is the standard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Box<str>>,
    /// Region that the request is processed in; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Box<str>>,
    /// First moment of validity.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "date")]
    pub from: Option<Timestamp>,
    /// First moment after validity.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "date")]
    pub to: Option<Timestamp>,
    /// Hours, one of which must hold; none is always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Window>,
    /// Context step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Step>,
    /// USD per million by unit.
    pub rates: Rates,
}

impl Row {
    fn holds(&self, at: Timestamp, asked: Asked<'_>, prompt: u64) -> bool {
        self.tier.as_deref().is_none_or(|tier| Some(tier) == asked.tier())
            && self.region.as_deref().is_none_or(|region| Some(region) == asked.region)
            && self.from.is_none_or(|from| from <= at)
            && self.to.is_none_or(|to| at < to)
            && (self.hours.is_empty() || self.hours.iter().any(|window| window.holds(at.as_second())))
            && self.prompt.is_none_or(|step| step.first() <= prompt)
    }

    /// What decides between rows that hold; larger wins.
    fn rank(&self) -> (bool, bool, bool, u64, Option<Timestamp>) {
        let step = self.prompt.map_or(0, Step::first);
        (self.tier.is_some(), self.region.is_some(), !self.hours.is_empty(), step, self.from)
    }

    /// True when some request could be priced by either row with nothing to decide between them.
    fn ties(&self, other: &Self) -> bool {
        let overlap = self.to.is_none_or(|to| other.from.is_none_or(|from| from < to))
            && other.to.is_none_or(|to| self.from.is_none_or(|from| from < to));
        overlap && self.tier == other.tier && self.region == other.region && self.rank() == other.rank()
    }
}

/// Prices of one offer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// Rows in no order that matters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Units without a rate of their own that the provider counts as plain input or output.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "units")]
    pub plain: Vec<Unit>,
    /// Factor on every rate per token when the request is processed in a region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uplift: BTreeMap<Box<str>, Percent>,
}

impl Sheet {
    /// A sheet with one row that always holds.
    #[must_use]
    pub fn flat(rates: Rates) -> Self {
        Self { rows: vec![Row { rates, ..Row::default() }], ..Self::default() }
    }

    /// The row that prices a request of `prompt` tokens at a moment, and its place in the sheet.
    /// `None` when no row holds. A tier that the sheet does not know is priced as the standard one.
    #[must_use]
    pub fn row(&self, at: Timestamp, asked: Asked<'_>, prompt: u64) -> Option<(usize, &Row)> {
        self.rows.iter().enumerate().filter(|(_, row)| row.holds(at, asked, prompt)).max_by_key(|(_, row)| row.rank())
    }

    /// The factor of the region, where this sheet has one.
    #[must_use]
    pub fn uplift(&self, asked: Asked<'_>) -> Option<Percent> {
        self.uplift.get(asked.region?).copied()
    }

    /// True when the sheet cannot price anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(|row| row.rates.is_empty())
    }

    /// What is wrong with the sheet: empty rows, negative rates, validity that ends before it starts, ties.
    ///
    /// # Errors
    /// A sentence that names the rows by their place, counted from 0.
    pub fn check(&self) -> Result<(), String> {
        for (place, row) in self.rows.iter().enumerate() {
            if row.rates.is_empty() {
                return Err(format!("row {place} has no rate"));
            }
            if let Some((unit, rate)) = row.rates.iter().find(|(_, rate)| rate.0 < 0) {
                return Err(format!("row {place} has a negative rate for {unit}: {rate}"));
            }
            if let (Some(from), Some(to)) = (row.from, row.to)
                && from >= to
            {
                return Err(format!("row {place} ends at {to}, before it starts"));
            }
            if let Some(other) = self.rows.iter().skip(place + 1).position(|other| row.ties(other)) {
                return Err(format!("rows {place} and {} tie", place + 1 + other));
            }
        }
        Ok(())
    }
}

impl Serialize for Rates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (unit, rate) in &self.0 {
            map.serialize_entry(unit.name(), rate)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Rates;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rates by unit, such as {\"input\": \"0.25\"}")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Rates, A::Error> {
                let mut rates = Rates::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    let unit = Unit::parse(&name).ok_or_else(|| A::Error::custom(format!("`{name}` is no unit")))?;
                    rates.set(unit, map.next_value()?);
                }
                Ok(rates)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not like `12345 10:00-16:30`")))
    }
}

/// Steps are written `>272000` and `>=200000`.
impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Step::Above(tokens) => serializer.collect_str(&format_args!(">{tokens}")),
            Step::From(tokens) => serializer.collect_str(&format_args!(">={tokens}")),
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let step = match text.strip_prefix(">=") {
            Some(tokens) => tokens.parse().map(Self::From).ok(),
            None => text.strip_prefix('>').and_then(|tokens| tokens.parse().ok()).map(Self::Above),
        };
        step.ok_or_else(|| D::Error::custom(format!("`{text}` is not like `>272000` or `>=200000`")))
    }
}

/// Moments of validity are written as dates, `2026-10-14`, meaning 00:00 UTC.
mod date {
    use super::{Cow, D, De, Ser, Timestamp};
    use serde::{Deserialize as _, de::Error as _};

    pub(super) fn serialize<S: Ser>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(&at.to_zoned(jiff::tz::TimeZone::UTC).date()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T: De<'de>>(deserializer: T) -> Result<Option<Timestamp>, T::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let date: D = text.parse().map_err(T::Error::custom)?;
        date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| Some(zoned.timestamp())).map_err(T::Error::custom)
    }
}

/// Units are written by name.
mod units {
    use super::{Cow, De, Ser, Unit};
    use serde::{Deserialize as _, de::Error as _};

    pub(super) fn serialize<S: Ser>(units: &[Unit], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(units.iter().map(|unit| unit.name()))
    }

    pub(super) fn deserialize<'de, T: De<'de>>(deserializer: T) -> Result<Vec<Unit>, T::Error> {
        let names = Vec::<Cow<'de, str>>::deserialize(deserializer)?;
        let unit =
            |name: Cow<'de, str>| Unit::parse(&name).ok_or_else(|| T::Error::custom(format!("`{name}` is no unit")));
        names.into_iter().map(unit).collect()
    }
}

use jiff::civil::Date as D;
use serde::{Deserializer as De, Serializer as Ser};

#[cfg(test)]
mod tests;
