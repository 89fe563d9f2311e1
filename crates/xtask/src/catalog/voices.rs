//! What the three sources have on one offer, and when they say the same.

use dialect::usage::Unit;
use jiff::Timestamp;
use policy::price::sheet::{Asked, Rates, Row, Sheet};

use super::Listing;
use super::genai;

/// What the sources have on one offer.
pub(crate) struct Voices<'a> {
    pub(crate) provider: &'a str,
    pub(crate) id: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) litellm: Option<&'a Listing>,
    pub(crate) genai: Option<&'a genai::Model>,
    pub(crate) modelsdev: Option<&'a Listing>,
}

impl Voices<'_> {
    /// The rates that hold now for a short prompt in the standard tier.
    pub(crate) fn rates(&self, rows: &[Row]) -> Option<Rates> {
        let sheet = Sheet { rows: rows.to_vec(), ..Sheet::default() };
        let (_, row) = sheet.row(self.now, Asked::default(), 0)?;
        Some(row.rates.clone())
    }

    /// The id or the provider stands for a region.
    pub(crate) fn regional(&self) -> bool {
        let geo = ["us.", "eu.", "au.", "jp.", "apac.", "us-gov.", "ca.", "global."];
        self.provider == "bedrock" && geo.iter().any(|geo| self.id.starts_with(geo))
    }

    pub(crate) fn recently_dated(&self) -> bool {
        let span = jiff::SignedDuration::from_hours(24 * 180);
        let since = self.now.checked_sub(span).unwrap_or(Timestamp::MIN);
        let rows = self.genai.map_or(&[][..], |model| &model.rows);
        rows.iter().any(|row| row.tier.is_none() && row.from.is_some_and(|from| from > since && from <= self.now))
    }
}

/// True when the sources agree on every rate of text that both have.
pub(crate) fn same(one: &Rates, other: &Rates) -> bool {
    [Unit::Input, Unit::Output, Unit::CacheRead].into_iter().all(|unit| match (one.get(unit), other.get(unit)) {
        (Some(one), Some(other)) => one == other || (unit == Unit::CacheRead && (one.0 == 0 || other.0 == 0)),
        _ => true,
    })
}

/// Noon of a day in UTC.
pub(crate) fn moment(date: &str) -> Result<Timestamp, String> {
    let date: jiff::civil::Date = date.parse().map_err(|error| format!("{date}: {error}"))?;
    // Noon of a day: no boundary of a day or a peak hour decides which price is current.
    date.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|e| e.to_string())
}
