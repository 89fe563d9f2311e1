//! Decimals as text: exponents written out, exact sums and shifts. Money never becomes a float.

/// A decimal: `digits` × 10^-`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    digits: u128,
    scale: u32,
}

fn parse(number: &str) -> Option<Decimal> {
    let (head, exponent) = match number.split_once(['e', 'E']) {
        Some((head, exponent)) => (head, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = head.split_once('.').unwrap_or((head, ""));
    let mut digits: u128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        let digit = digit.is_ascii_digit().then(|| u128::from(digit - b'0'))?;
        digits = digits.checked_mul(10)?.checked_add(digit)?;
    }
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    match u32::try_from(scale) {
        Ok(scale) => (scale <= 60).then_some(Decimal { digits, scale }),
        Err(_) => Some(Decimal { digits: digits.checked_mul(10u128.checked_pow(scale.unsigned_abs())?)?, scale: 0 }),
    }
}

fn print(decimal: Decimal) -> String {
    let Decimal { mut digits, mut scale } = decimal;
    while scale > 0 && digits.is_multiple_of(10) {
        digits /= 10;
        scale -= 1;
    }
    let text = digits.to_string();
    let scale = usize::try_from(scale).unwrap_or_default();
    if scale == 0 {
        return text;
    }
    let padded = format!("{}{text}", "0".repeat((scale + 1).saturating_sub(text.len())));
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{whole}.{fraction}")
}

/// A JSON number that is not negative as a plain decimal: `1e-05` is `0.00001`. `None` where it has more
/// digits than money can have.
pub(super) fn plain(number: &str) -> Option<String> {
    parse(number).map(print)
}

/// The exact sum of two such numbers.
pub(super) fn sum(one: &str, other: &str) -> Option<String> {
    let (one, other) = (parse(one)?, parse(other)?);
    let scale = one.scale.max(other.scale);
    let widen = |decimal: Decimal| decimal.digits.checked_mul(10u128.checked_pow(scale - decimal.scale)?);
    Some(print(Decimal { digits: widen(one)?.checked_add(widen(other)?)?, scale }))
}

/// A whole number of units of 1e-10.
pub(super) fn ticks(ticks: u64) -> String {
    print(Decimal { digits: u128::from(ticks), scale: 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_stay_exact() {
        for (number, text) in [
            ("0", Some("0")),
            ("0.00504", Some("0.00504")),
            ("1e-05", Some("0.00001")),
            ("7.02e-05", Some("0.0000702")),
            ("1.50", Some("1.5")),
            ("1.5E+2", Some("150")),
            ("12e0", Some("12")),
            ("-1", None),
            ("1e400", None),
            ("1e-400", None),
        ] {
            assert_eq!(plain(number).as_deref(), text, "{number}");
        }
        assert_eq!(sum("0.0001", "2e-05").as_deref(), Some("0.00012"));
        assert_eq!(sum("1", "0.5").as_deref(), Some("1.5"));
        assert_eq!(ticks(3_530_500), "0.00035305");
        assert_eq!(ticks(u64::MAX), "1844674407.3709551615");
    }
}
