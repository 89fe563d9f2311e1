//! Exact integer money: femtodollars for lines, nanodollars for totals, decimal text in and out, no floats.
//!
//! Nothing here wraps or panics. Sums and products that leave the range are `None` (`checked_*`) or stay at
//! the end of the range (`saturating_*`), which is visible in every report: no real bill is that large.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Femtodollars in one dollar.
const FEMTO: i128 = 1_000_000_000_000_000;
/// Femtodollars in one nanodollar.
const FEMTO_PER_NANO: i128 = 1_000_000;
/// Decimals of a [`Femto`].
const FEMTO_DIGITS: usize = 15;
/// Decimals of a [`Nano`].
const NANO_DIGITS: usize = 9;

/// Why a text is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a decimal number.
    #[error("`{0}` is not an amount of money; write for example `$0.50`, `$1,000` or `0.5`")]
    NotANumber(String),
    /// There are more decimals than the type holds.
    #[error("`{0}` has more than {1} decimals, which is finer than money is counted here")]
    TooFine(String, usize),
    /// The amount is outside the range of the type.
    #[error("`{0}` is too large an amount of money")]
    TooLarge(String),
    /// Not a percentage from 0 to 1,000 with at most six decimals.
    #[error("`{0}` is not a percentage; write for example `5.5%`")]
    NotAPercentage(String),
}

/// An exact amount in femtodollars (1e-15 USD). Prints the shortest exact decimal: `0.00001`, `12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Femto(pub i128);

/// An amount in nanodollars (1e-9 USD), as the ledger and the counters keep it. Prints nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nano(pub i64);

/// A share in millionths of a percent (1e-8), for fees and uplifts: 5.5 % is 5,500,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(pub i64);

/// One hundred percent in [`Percent`] units.
const WHOLE: i128 = 100_000_000;

/// `amount / divisor`, rounded half to even. `None` when the divisor is not positive.
#[must_use]
pub fn div_half_even(amount: i128, divisor: i128) -> Option<i128> {
    if divisor <= 0 {
        return None;
    }
    let quotient = amount.checked_div_euclid(divisor)?;
    let rest = amount.checked_rem_euclid(divisor)?;
    let up = match rest.cmp(&divisor.checked_sub(rest)?) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient & 1 == 1,
    };
    if up { quotient.checked_add(1) } else { Some(quotient) }
}

impl Femto {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, `None` when out of range.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Reads an amount with more decimals than a femtodollar has, rounded half to even: what a provider
    /// printed from a float. `None` when it is no number, or needs more than thirty decimals.
    #[must_use]
    pub fn round_from(text: &str) -> Option<Self> {
        div_half_even(decimal(text.trim(), FEMTO_DIGITS.saturating_mul(2)).ok()?, FEMTO).map(Self)
    }

    /// This price per million, times a quantity, rounded half to even to a femtodollar (rates with at most
    /// nine decimals per million are exact). `None` when out of range.
    #[must_use]
    pub fn per_million(self, quantity: u64) -> Option<Self> {
        div_half_even(self.0.checked_mul(i128::from(quantity))?, 1_000_000).map(Self)
    }

    /// This share of the amount, rounded half to even. `None` when out of range.
    #[must_use]
    pub fn percent(self, share: Percent) -> Option<Self> {
        div_half_even(self.0.checked_mul(i128::from(share.0))?, WHOLE).map(Self)
    }

    /// Rounds once, half to even, to nanodollars; stays at the end of the range beyond it.
    #[must_use]
    pub fn round(self) -> Nano {
        let nano = div_half_even(self.0, FEMTO_PER_NANO).unwrap_or(0);
        Nano(i64::try_from(nano).unwrap_or(if nano < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl Nano {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, `None` when out of range.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The sum, held at the end of the range.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, held at the end of the range.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The same amount in femtodollars, exactly.
    #[must_use]
    pub fn femto(self) -> Femto {
        Femto(i128::from(self.0).saturating_mul(FEMTO_PER_NANO))
    }

    /// The amount as people read it: `$3.20`, `$0.0001`; at least two decimals, at most nine.
    #[must_use]
    pub fn human(self) -> String {
        let text = self.to_string();
        let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        format!("{sign}${whole}.{fraction:0<2}")
    }
}

impl Percent {
    /// The whole: 100 %.
    pub const WHOLE: Self = Self(100_000_000);

    /// Parses a factor such as `1.1` into a share (110 %).
    ///
    /// # Errors
    /// When the text is not a decimal number from 0 to 100 with at most eight decimals.
    pub fn from_factor(text: &str) -> Result<Self, MoneyError> {
        let bad = || MoneyError::NotAPercentage(text.to_owned());
        let units = decimal(text, 8).map_err(|_| bad())?;
        i64::try_from(units).ok().filter(|units| (0..=10_000_000_000).contains(units)).map(Self).ok_or_else(bad)
    }
}

/// Parses a plain or exponent decimal (`12`, `0.5`, `1e-07`, `-3.25`) into units of `10^-digits`, exactly.
fn decimal(text: &str, digits: usize) -> Result<i128, MoneyError> {
    let bad = || MoneyError::NotANumber(text.to_owned());
    let (negative, body) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| bad())?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(value) = short(whole, fraction, exponent, digits) {
        return Ok(if negative { value.saturating_neg() } else { value });
    }
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return Err(bad());
    }
    let figures = [whole, fraction].concat();
    let figures = figures.trim_start_matches('0');
    if figures.is_empty() {
        return Ok(0);
    }
    let kept = figures.trim_end_matches('0');
    let dropped = i64::try_from(figures.len().saturating_sub(kept.len())).unwrap_or(i64::MAX);
    let fraction = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let power = i64::from(exponent)
        .saturating_sub(fraction)
        .saturating_add(dropped)
        .saturating_add(i64::try_from(digits).unwrap_or(i64::MAX));
    let too_large = || MoneyError::TooLarge(text.to_owned());
    if power < 0 {
        return Err(MoneyError::TooFine(text.to_owned(), digits));
    }
    let value = kept.parse::<i128>().map_err(|_| too_large())?;
    let scale = u32::try_from(power).ok().and_then(|power| 10_i128.checked_pow(power)).ok_or_else(too_large)?;
    let value = value.checked_mul(scale).ok_or_else(too_large)?;
    Ok(if negative { value.saturating_neg() } else { value })
}

/// The usual case, without memory: few figures, no exponent, no more decimals than fit.
fn short(whole: &str, fraction: &str, exponent: i32, digits: usize) -> Option<i128> {
    let figures = whole.len().checked_add(fraction.len())?;
    if exponent != 0 || figures == 0 || figures > 18 || fraction.len() > digits {
        return None;
    }
    let mut value: i64 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    let scale = 10_i128.checked_pow(u32::try_from(digits.checked_sub(fraction.len())?).ok()?)?;
    i128::from(value).checked_mul(scale)
}

/// Takes `$`, thousands separators and spaces off an amount as people write it.
fn plain(text: &str) -> Result<Cow<'_, str>, MoneyError> {
    if !text.contains(['$', ',', ' ']) {
        return Ok(Cow::Borrowed(text.trim()));
    }
    let bad = || MoneyError::NotANumber(text.to_owned());
    let trimmed = text.trim();
    let (sign, rest) = trimmed.strip_prefix('-').map_or(("", trimmed), |rest| ("-", rest));
    let rest = rest.strip_prefix('$').unwrap_or(rest).trim_start();
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(whole, fraction)| (whole, Some(fraction)));
    if whole.contains(',') {
        let mut groups = whole.split(',');
        let first = groups.next().unwrap_or_default();
        if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
            return Err(bad());
        }
    }
    let whole = whole.replace(',', "");
    Ok(match fraction {
        Some(fraction) => format!("{sign}{whole}.{fraction}").into(),
        None => format!("{sign}{whole}").into(),
    })
}

/// An amount as text, without memory of its own: sign, figures, point.
#[derive(Debug, Clone)]
pub struct Figures {
    /// An i128 has at most 39 digits; sign and point beside them.
    buffer: [u8; 42],
    from: usize,
    to: usize,
}

impl Figures {
    /// `value` units of `10^-digits` with at least `least` decimals.
    fn of(value: i128, digits: usize, least: usize) -> Self {
        let mut figures = Self { buffer: [b'0'; 42], from: 42, to: 42 };
        let mut rest = value.unsigned_abs();
        let mut place = 0_usize;
        // One figure always stands before the point.
        while rest > u128::from(u64::MAX) {
            let digit = u64::try_from(rest % 10).unwrap_or_default();
            figures.digit(digit, place, digits);
            rest /= 10;
            place = place.saturating_add(1);
        }
        // Most amounts fit 64 bits, whose division is many times cheaper.
        let mut rest = u64::try_from(rest).unwrap_or_default();
        while rest != 0 || place <= digits {
            figures.digit(rest % 10, place, digits);
            rest /= 10;
            place = place.saturating_add(1);
        }
        if value < 0 {
            figures.put(b'-');
        }
        // With all its decimals the amount is not looked at for zeros to drop.
        if least < digits {
            let fraction = figures.buffer.get(42_usize.saturating_sub(digits)..).unwrap_or_default();
            let zeros = fraction.iter().rev().take_while(|byte| **byte == b'0').count();
            let kept = digits.saturating_sub(zeros).max(least);
            let dropped = if kept == 0 { digits.saturating_add(1) } else { digits.saturating_sub(kept) };
            figures.to = figures.to.saturating_sub(dropped);
        }
        figures
    }

    #[inline]
    fn digit(&mut self, digit: u64, place: usize, digits: usize) {
        if place == digits && digits > 0 {
            self.put(b'.');
        }
        self.put(b'0'.saturating_add(u8::try_from(digit).unwrap_or_default()));
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.from = self.from.saturating_sub(1);
        if let Some(slot) = self.buffer.get_mut(self.from) {
            *slot = byte;
        }
    }
}

impl std::ops::Deref for Figures {
    type Target = str;

    fn deref(&self) -> &str {
        // Figures are ASCII.
        std::str::from_utf8(self.buffer.get(self.from..self.to).unwrap_or_default()).unwrap_or_default()
    }
}

impl Femto {
    /// The shortest exact decimal, as it prints.
    #[must_use]
    pub fn figures(self) -> Figures {
        Figures::of(self.0, FEMTO_DIGITS, 0)
    }
}

impl Nano {
    /// The amount with nine decimals, as it prints.
    #[must_use]
    pub fn figures(self) -> Figures {
        Figures::of(i128::from(self.0), NANO_DIGITS, NANO_DIGITS)
    }
}

impl fmt::Display for Femto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.figures())
    }
}

impl fmt::Display for Nano {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.figures())
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Figures::of(i128::from(self.0), 6, 0))?;
        f.write_str("%")
    }
}

impl FromStr for Femto {
    type Err = MoneyError;

    /// Reads `$0.50`, `$1,000`, `0.00001`, `1e-07` exactly; at most fifteen decimals.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let femto = decimal(&plain(text)?, FEMTO_DIGITS)?;
        // A dollar amount that a total cannot hold is a mistake, and refusing it here keeps products in range.
        if femto.unsigned_abs() > (i128::from(i64::MAX)).saturating_mul(FEMTO).unsigned_abs() {
            return Err(MoneyError::TooLarge(text.to_owned()));
        }
        Ok(Self(femto))
    }
}

impl FromStr for Nano {
    type Err = MoneyError;

    /// Reads `$0.50`, `$1,000`, `0.000110000` exactly; at most nine decimals.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let nano = decimal(&plain(text)?, NANO_DIGITS)?;
        i64::try_from(nano).map(Self).map_err(|_| MoneyError::TooLarge(text.to_owned()))
    }
}

impl FromStr for Percent {
    type Err = MoneyError;

    /// Reads `5.5%` or `5.5` (both 5.5 percent), from 0 to 1,000.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let bad = || MoneyError::NotAPercentage(text.to_owned());
        let number = text.trim();
        let number = number.strip_suffix('%').unwrap_or(number).trim_end();
        let units = decimal(number, 6).map_err(|_| bad())?;
        i64::try_from(units).ok().filter(|units| (0..=1_000_000_000).contains(units)).map(Self).ok_or_else(bad)
    }
}

/// Sums nanodollars; `None` when the sum leaves the range.
#[must_use]
pub fn sum(amounts: impl IntoIterator<Item = Nano>) -> Option<Nano> {
    amounts.into_iter().try_fold(Nano::ZERO, Nano::checked_add)
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
as_text!(Femto, Nano, Percent);

#[cfg(test)]
mod tests;
