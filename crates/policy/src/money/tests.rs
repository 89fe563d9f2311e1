#![allow(clippy::unwrap_used, clippy::expect_used, clippy::allow_attributes, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn femto(text: &str) -> Femto {
    text.parse().unwrap()
}

#[test]
fn amounts_are_read_as_people_write_them() {
    for (text, nano) in [
        ("$0.50", 500_000_000),
        ("$1,000", 1_000_000_000_000),
        ("1,234,567.89", 1_234_567_890_000_000),
        ("0.000110000", 110_000),
        ("-$2", -2_000_000_000),
        ("1e-07", 100),
        ("1.5E3", 1_500_000_000_000),
        (".5", 500_000_000),
        ("0e999999999", 0),
        ("$ 3.20", 3_200_000_000),
    ] {
        assert_eq!(text.parse::<Nano>(), Ok(Nano(nano)), "{text}");
    }
    for text in ["", "$", "1,00", "1,0000", ",100", "1.2.3", "0x10", "1e", "NaN", "1_000", "٣", "--1", "1 000"] {
        assert!(matches!(text.parse::<Nano>(), Err(MoneyError::NotANumber(_))), "{text}");
    }
    assert!(matches!("0.0000000001".parse::<Nano>(), Err(MoneyError::TooFine(_, 9))));
    assert!(matches!("1e30".parse::<Nano>(), Err(MoneyError::TooLarge(_))));
    assert!(matches!("1e2147483647".parse::<Femto>(), Err(MoneyError::TooLarge(_))));
    assert!(matches!("1e-2147483648".parse::<Femto>(), Err(MoneyError::TooFine(..))));
}

#[test]
fn totals_print_nine_decimals_and_lines_the_shortest() {
    assert_eq!(Nano(110_000).to_string(), "0.000110000");
    assert_eq!(Nano(0).to_string(), "0.000000000");
    assert_eq!(Nano(-1).to_string(), "-0.000000001");
    assert_eq!(Nano(i64::MIN).to_string(), "-9223372036.854775808");
    assert_eq!(femto("0.00001").to_string(), "0.00001");
    assert_eq!(femto("1").to_string(), "1");
    assert_eq!(femto("0").to_string(), "0");
    assert_eq!(Femto(1).to_string(), "0.000000000000001");
    assert_eq!(femto("12.50").to_string(), "12.5");
    assert_eq!(Nano(3_200_000_000).human(), "$3.20");
    assert_eq!(Nano(-100_000).human(), "-$0.0001");
}

#[test]
fn rounding_is_half_to_even_once() {
    for (femto, nano) in [
        (499_999, 0),
        (500_000, 0),
        (500_001, 1),
        (1_500_000, 2),
        (2_500_000, 2),
        (-500_000, 0),
        (-1_500_000, -2),
        (-500_001, -1),
    ] {
        assert_eq!(Femto(femto).round(), Nano(nano), "{femto}");
    }
    assert_eq!(Femto(i128::MAX).round(), Nano(i64::MAX));
    assert_eq!(Femto(i128::MIN).round(), Nano(i64::MIN));
}

#[test]
fn shares_are_exact() {
    let fee: Percent = "5.5%".parse().unwrap();
    assert_eq!(femto("0.00011").percent(fee).unwrap().to_string(), "0.00000605");
    assert_eq!(fee.to_string(), "5.5%");
    assert_eq!("0.000001%".parse::<Percent>(), Ok(Percent(1)));
    assert_eq!(Percent::from_factor("1.1"), Ok(Percent(110_000_000)));
    assert!("-1%".parse::<Percent>().is_err());
    assert!("five".parse::<Percent>().is_err());
    assert!("1001%".parse::<Percent>().is_err());
}

#[test]
fn what_leaves_the_range_is_none_or_stays_at_its_end() {
    assert_eq!(Femto(i128::MAX).checked_add(Femto(1)), None);
    assert_eq!(Femto(i128::MAX).per_million(2), None);
    assert_eq!(Nano(i64::MAX).saturating_add(Nano(1)), Nano(i64::MAX));
    assert_eq!(sum([Nano(i64::MAX), Nano(1)]), None);
    assert_eq!(sum([Nano(1), Nano(2)]), Some(Nano(3)));
    assert_eq!(div_half_even(1, 0), None);
}

proptest! {
    #[test]
    fn text_comes_back_as_it_was(nano: i64, femto in -(1_i128 << 100)..(1_i128 << 100)) {
        prop_assert_eq!(Nano(nano).to_string().parse::<Nano>().unwrap(), Nano(nano));
        prop_assert_eq!(Femto(femto).to_string().parse::<Femto>().unwrap(), Femto(femto));
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = (text.parse::<Nano>(), text.parse::<Femto>(), text.parse::<Percent>());
    }

    #[test]
    fn rounding_moves_by_half_a_nanodollar_at_most(femto in -(1_i128 << 80)..(1_i128 << 80)) {
        let moved = Femto(femto).round().femto().0 - femto;
        prop_assert!(moved.abs() <= 500_000);
    }
}
