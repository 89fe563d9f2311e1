//! When an answer was made: RFC 3339, as Ollama writes it.

/// Unix seconds as `2026-10-21T07:28:00Z`. Years beyond 9999 are written with the digits they have.
pub(super) fn write(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years that start in March put the leap day last; 719,468 days lie between 0000-03-01 and 1970-01-01.
    let days = days.saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let date = day - (month * 153 + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    let year = era.saturating_mul(400).saturating_add(year);
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry_after::rfc3339;

    #[test]
    fn dates_come_back() {
        assert_eq!(write(0), "1970-01-01T00:00:00Z");
        assert_eq!(write(1_792_567_680), "2026-10-21T07:28:00Z");
        for day in 0..40_000 {
            let seconds = day * 86_400 + day % 86_400;
            assert_eq!(rfc3339(&write(seconds)), Some(seconds), "{}", write(seconds));
        }
        assert!(!write(u64::MAX).is_empty());
    }
}
