//! JSON numbers compared by their digits, since a float would round.

use std::cmp::Ordering;

/// Sign, place of the first digit before the point, and digits without zeros at either end; none for 0.
fn parts(number: &str) -> (bool, i64, Vec<u8>) {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (head, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    // An exponent too large to read is decided by its sign alone.
    let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
    let (whole, fraction) = head.split_once('.').unwrap_or((head, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let last = digits.iter().rposition(|digit| *digit != b'0').map_or(zeros, |last| last + 1);
    let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX / 4);
    let place = length(whole.len()).saturating_sub(length(zeros)).saturating_add(exponent);
    (negative, place, digits.get(zeros..last).unwrap_or_default().to_vec())
}

/// Compares two JSON numbers exactly.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    let ((minus, place, digits), (other_minus, other_place, other_digits)) = (parts(one), parts(other));
    match (digits.is_empty(), other_digits.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return if other_minus { Ordering::Greater } else { Ordering::Less },
        (false, true) => return if minus { Ordering::Less } else { Ordering::Greater },
        (false, false) => {}
    }
    let size = place.cmp(&other_place).then_with(|| digits.cmp(&other_digits));
    match (minus, other_minus) {
        (false, false) => size,
        (true, true) => size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// True for a number without a digit other than 0 before its exponent.
pub(crate) fn is_zero(number: &str) -> bool {
    parts(number).2.is_empty()
}

/// A number within two bounds, both included, and whether it was.
pub(crate) fn within<'a>(number: &'a str, least: &'a str, most: &'a str) -> (&'a str, bool) {
    if compare(number, least) == Ordering::Less {
        (least, false)
    } else if compare(number, most) == Ordering::Greater {
        (most, false)
    } else if number.starts_with('-') && is_zero(number) {
        ("0", true)
    } else {
        (number, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_decide() {
        for (one, other, expected) in [
            ("0", "-0.0", Ordering::Equal),
            ("1", "10e-1", Ordering::Equal),
            ("0.99", "1", Ordering::Less),
            ("1.00000000000000000000001", "1", Ordering::Greater),
            ("1e400", "2", Ordering::Greater),
            ("1e-99999999999999999999", "0", Ordering::Greater),
            ("-1", "-2", Ordering::Greater),
            ("-1", "0.1", Ordering::Less),
            ("12", "9", Ordering::Greater),
            ("0.05", "0.5", Ordering::Less),
        ] {
            assert_eq!(compare(one, other), expected, "{one} {other}");
            assert_eq!(compare(other, one), expected.reverse(), "{other} {one}");
        }
        assert_eq!(within("1.5", "0", "1"), ("1", false));
        assert_eq!(within("0.5", "0", "1"), ("0.5", true));
        assert_eq!(within("-0.5", "0", "1"), ("0", false));
        assert_eq!(within("1.0", "0.01", "0.99"), ("0.99", false));
    }
}
