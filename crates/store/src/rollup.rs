//! Sums of a batch of lines, one per group: aggregated in memory, then added to what a store has.
//!
//! A user or a tag is the caller's to choose, so values are bounded: what comes after [`DISTINCT`] values of
//! one grouping in one hour or day is counted under `other`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use policy::entry::Columns;
use policy::port::Grouping;

use policy::latency::Histogram;

/// Values that a grouping keeps apart in one hour or day; fewer in tests, which take their time otherwise.
pub(crate) const DISTINCT: usize = if cfg!(test) { 5_000 } else { 100_000 };
/// Where the rest is counted.
pub(crate) const OTHER: &str = "other";

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A grouping's number in a database; never changed once released.
pub(crate) const fn number(grouping: Grouping) -> i64 {
    match grouping {
        Grouping::HourModel => 1,
        Grouping::HourKey => 2,
        Grouping::HourTeam => 3,
        Grouping::HourProviderModel => 4,
        Grouping::DayKeyModel => 5,
        Grouping::DayOrganization => 6,
        Grouping::DayUser => 7,
        Grouping::DayTag => 8,
        Grouping::DayProvider => 9,
    }
}

/// How many values a grouping has.
pub(crate) const fn width(grouping: Grouping) -> usize {
    match grouping {
        Grouping::HourProviderModel | Grouping::DayKeyModel => 2,
        _ => 1,
    }
}

const fn period(grouping: Grouping) -> i64 {
    match grouping {
        Grouping::HourModel | Grouping::HourKey | Grouping::HourTeam | Grouping::HourProviderModel => HOUR,
        _ => DAY,
    }
}

/// What is summed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) requests: i64,
    pub(crate) errors: i64,
    pub(crate) input: i64,
    pub(crate) cache_read: i64,
    pub(crate) output: i64,
    pub(crate) nanos: i64,
    pub(crate) unpriced: i64,
}

impl Totals {
    fn of(columns: &Columns<'_>) -> Self {
        Self {
            requests: i64::from(columns.attempted),
            errors: i64::from(columns.status == "error"),
            input: whole(columns.input),
            cache_read: whole(columns.cache_read),
            output: whole(columns.output),
            nanos: columns.nanos.unwrap_or(0),
            unpriced: i64::from(columns.nanos.is_none()),
        }
    }

    /// Adds, held at the end of the range.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, other) in [
            (&mut self.requests, other.requests),
            (&mut self.errors, other.errors),
            (&mut self.input, other.input),
            (&mut self.cache_read, other.cache_read),
            (&mut self.output, other.output),
            (&mut self.nanos, other.nanos),
            (&mut self.unpriced, other.unpriced),
        ] {
            *own = own.saturating_add(other);
        }
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Which sum: grouping, start of the hour or day in unix ms, and its values (the second empty where there is
/// one only).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group<'a> {
    pub(crate) grouping: i64,
    pub(crate) at: i64,
    pub(crate) a: Cow<'a, str>,
    pub(crate) b: Cow<'a, str>,
}

/// The sums of a batch.
#[derive(Debug, Default)]
pub(crate) struct Rollup<'a> {
    /// In the order of a store's key.
    pub(crate) sums: BTreeMap<Group<'a>, (Totals, Option<Histogram>)>,
}

impl<'a> Rollup<'a> {
    /// Adds one line to every group it belongs to.
    pub(crate) fn add(&mut self, columns: &Columns<'a>) {
        let totals = Totals::of(columns);
        let model = text(columns.model);
        let key = text(columns.key);
        let provider = text(columns.provider.unwrap_or_default());
        let none = || Cow::Borrowed("");
        for grouping in Grouping::ALL {
            let (a, b) = match grouping {
                Grouping::HourModel => (model.clone(), none()),
                Grouping::HourKey => (key.clone(), none()),
                Grouping::HourTeam => (text(columns.team.unwrap_or_default()), none()),
                Grouping::HourProviderModel => (provider.clone(), model.clone()),
                Grouping::DayKeyModel => (key.clone(), model.clone()),
                Grouping::DayOrganization => (text(columns.organization.unwrap_or_default()), none()),
                Grouping::DayUser => (text(columns.user.unwrap_or_default()), none()),
                Grouping::DayProvider => (provider.clone(), none()),
                Grouping::DayTag => {
                    for (name, value) in &columns.tags {
                        let tag = Cow::Owned(format!("{name}={}", text(value)));
                        self.add_to(grouping, columns, tag, none(), &totals);
                    }
                    continue;
                }
            };
            self.add_to(grouping, columns, a, b, &totals);
        }
    }

    fn add_to(&mut self, grouping: Grouping, columns: &Columns<'_>, a: Cow<'a, str>, b: Cow<'a, str>, totals: &Totals) {
        let at = columns.at_ms - columns.at_ms.rem_euclid(period(grouping));
        let (sum, latency) = self.sums.entry(Group { grouping: number(grouping), at, a, b }).or_default();
        sum.add(totals);
        if grouping == Grouping::HourModel && columns.attempted && !columns.batched {
            latency.get_or_insert_default().record(columns.total_ms);
        }
    }
}

/// The text of a string as it stands in a line.
fn text(inside: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Cow::Borrowed(inside);
    }
    serde_json::from_str(&format!("\"{inside}\"")).map_or(Cow::Borrowed(inside), Cow::Owned)
}
