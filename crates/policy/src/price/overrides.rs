//! The operator's own prices: `prices:` of a provider, by exact model name or else the longest glob.

use dialect::usage::Unit;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::sheet::{Rate, Rates, Sheet};
use crate::money::Femto;

/// A price from the configuration: a number or a string, at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Price(pub Femto);

/// Prices of a model as the configuration writes them: USD per one million tokens; `request` in USD each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Uncached prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Price>,
    /// Completion tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Price>,
    /// Prompt tokens read from a cache; counts as `input` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Price>,
    /// Prompt tokens written to a cache; counts as `input` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Price>,
    /// Prompt tokens written to a cache for an hour; counts as `cache_write` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Price>,
    /// A fixed amount for each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Price>,
}

impl Override {
    /// The sheet that these prices make over the catalogue's. When `input` or `output` is given they replace
    /// every price per token, whatever tier, hour or prompt length: audio and images count as plain tokens.
    /// Otherwise they replace only what they name. Units they cannot name (search, second, page, character)
    /// keep the catalogue's rates.
    #[must_use]
    pub fn over(&self, base: Option<&Sheet>) -> Sheet {
        let named = [
            (Unit::Input, self.input),
            (Unit::Output, self.output),
            (Unit::CacheRead, self.cache_read),
            (Unit::CacheWrite, self.cache_write),
            (Unit::CacheWrite1h, self.cache_write_1h),
            (Unit::Request, self.request.and_then(Price::per_million)),
        ];
        let named = || named.into_iter().filter_map(|(unit, price)| Some((unit, price?.0)));
        if self.input.is_none() && self.output.is_none() {
            let mut sheet = base.cloned().unwrap_or_default();
            if sheet.rows.is_empty() {
                sheet = Sheet::flat(Rates::default());
            }
            for row in &mut sheet.rows {
                named().for_each(|(unit, rate)| replace(&mut row.rates, unit, rate));
            }
            return sheet;
        }
        let mut rates = Rates::default();
        let kept = [Unit::Search, Unit::Second, Unit::Page, Unit::Character];
        let standard = base.and_then(|sheet| sheet.rows.iter().rfind(|row| row.tier.is_none() && row.to.is_none()));
        for (unit, rate) in standard.iter().flat_map(|row| row.rates.iter()).filter(|(unit, _)| kept.contains(unit)) {
            rates.set(unit, rate);
        }
        named().for_each(|(unit, rate)| rates.set(unit, rate));
        let plain = vec![Unit::AudioIn, Unit::AudioOut, Unit::ImageIn, Unit::ImageOut];
        Sheet { plain, ..Sheet::flat(rates) }
    }
}

fn replace(rates: &mut Rates, unit: Unit, rate: Rate) {
    if unit == Unit::CacheWrite {
        rates.remove(Unit::CacheWrite5m);
    }
    rates.set(unit, rate);
}

impl Price {
    fn per_million(self) -> Option<Self> {
        self.0.0.checked_mul(1_000_000).map(|femto| Self(Femto(femto)))
    }
}

impl<'de> Deserialize<'de> for Price {
    /// A number is read from its shortest decimal text, never computed with.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Price;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a price in USD, such as 0.25 or \"0.25\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Price, E> {
                price(text).map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Price, E> {
                price(&number.to_string()).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Price, E> {
                price(&number.to_string()).map_err(E::custom)
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Price, E> {
                price(&number.to_string()).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor).map_err(D::Error::custom)
    }
}

fn price(text: &str) -> Result<Price, String> {
    let femto: Femto = text.parse().map_err(|error: crate::money::MoneyError| error.to_string())?;
    // Beyond this a product with a quantity could leave the range; no model costs a billion dollars per million.
    if femto.0 < 0 || femto.0 > 1_000_000_000_000_000_000_000_000 {
        return Err(format!("`{text}` is not a price: from 0 to 1,000,000,000 USD"));
    }
    Ok(Price(femto))
}

/// True when the name matches the pattern, where `*` stands for any run of characters, slashes included.
#[must_use]
pub fn glob(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    let mut parts = tail.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// The entry for a model: the exact name, else the longest matching glob (the first of equally long ones).
#[must_use]
pub fn find<'a, T>(entries: &'a [(String, T)], model: &str) -> Option<&'a T> {
    let exact = entries.iter().find(|(pattern, _)| pattern == model);
    let longest = || {
        let matching = entries.iter().rev().filter(|(pattern, _)| glob(pattern, model));
        matching.max_by_key(|(pattern, _)| pattern.len())
    };
    exact.or_else(longest).map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests;
