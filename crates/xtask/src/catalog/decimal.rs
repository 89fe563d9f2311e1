//! Rates from the sources' own number text, exactly; noise of floating point taken off.

use policy::money::{Femto, div_half_even};

/// Digits that a price can mean; more are noise of a float (`2.0000000000000002e-07`) or of a third.
const FIGURES: usize = 12;

/// A decimal: `digits × 10^power`.
struct Decimal {
    digits: i128,
    power: i32,
}

/// `text × 10^shift` USD per million. `None` when the text is no number or is negative.
pub(crate) fn rate(text: &str, shift: i32) -> Option<Femto> {
    let decimal = parse(text)?;
    let power = decimal.power + shift + 15;
    if decimal.digits == 0 {
        return Some(Femto::ZERO);
    }
    let scale = |power: i32| u32::try_from(power).ok().and_then(|power| 10_i128.checked_pow(power));
    let femto = if power >= 0 {
        decimal.digits.checked_mul(scale(power)?)?
    } else {
        div_half_even(decimal.digits, scale(-power)?)?
    };
    Some(Femto(femto))
}

/// `text` USD per hour as USD per million seconds, to ten decimals.
pub(crate) fn per_hour(text: &str) -> Option<Femto> {
    let per_million_hours = rate(text, 6)?;
    let grain = 100_000_i128;
    Some(Femto(div_half_even(per_million_hours.0, 3600 * grain)?.checked_mul(grain)?))
}

/// True when the text has more figures than a price means.
pub(crate) fn noisy(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    mantissa.bytes().filter(u8::is_ascii_digit).collect::<Vec<_>>().trim_ascii_start().len() > FIGURES + 1
}

fn parse(text: &str) -> Option<Decimal> {
    let text = text.trim().trim_matches('"');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let figures = [whole, fraction].concat();
    if figures.is_empty() || !figures.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut power = exponent - i32::try_from(fraction.len()).ok()?;
    let figures = figures.trim_start_matches('0');
    let mut digits: i128 = if figures.is_empty() { 0 } else { figures.parse().ok()? };
    if let Some(noise) = figures.len().checked_sub(FIGURES).filter(|noise| *noise > 0) {
        let noise = u32::try_from(noise).ok()?;
        digits = div_half_even(digits, 10_i128.checked_pow(noise)?)?;
        power += i32::try_from(noise).ok()?;
    }
    Some(Decimal { digits, power })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn number_text_is_read_exactly_and_noise_is_taken_off() {
        for (text, per_million) in [
            ("1e-07", "0.1"),
            ("1.5e-07", "0.15"),
            ("0.00000125", "1.25"),
            ("2.0000000000000002e-07", "0.2"),
            ("9.499999999999999e-07", "0.95"),
            ("3.3333333333333335e-05", "33.3333333333"),
            ("1.3e-10", "0.00013"),
            ("0.0", "0"),
            ("5", "5000000"),
        ] {
            assert_eq!(rate(text, 6).unwrap().to_string(), per_million, "{text}");
        }
        assert_eq!(rate("\"6.25\"", 0).unwrap().to_string(), "6.25");
        assert_eq!(per_hour("0.36").unwrap().to_string(), "100");
        assert_eq!(rate("-1", 0), None);
        assert_eq!(rate("free", 0), None);
    }
}
