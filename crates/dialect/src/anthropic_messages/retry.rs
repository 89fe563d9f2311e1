//! How long a refused request should wait, by its headers.
//!
//! In order: `retry-after-ms`, `retry-after` (seconds or an HTTP date), then, on a 429, the reset times
//! of the limits that are used up (`anthropic-ratelimit-*-reset`, RFC 3339).

use std::time::Duration;

use http::HeaderMap;

/// The wait that the headers of a failed answer ask for. `now` is unix time in seconds.
pub(super) fn after(status: u16, headers: &HeaderMap, now: u64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(wait) = text("retry-after-ms").and_then(|value| decimal(value, 1_000)) {
        return Some(wait);
    }
    if let Some(value) = text("retry-after") {
        if let Some(wait) = decimal(value, 1_000_000) {
            return Some(wait);
        }
        if let Some(at) = http_date(value) {
            return Some(Duration::from_secs(at.saturating_sub(now)));
        }
    }
    (status == 429).then(|| reset(headers, now)).flatten()
}

/// The latest reset of the limits with nothing remaining.
fn reset(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let mut latest: Option<u64> = None;
    for (name, value) in headers {
        let Some(limit) = name.as_str().strip_suffix("-reset").filter(|name| name.starts_with("anthropic-")) else {
            continue;
        };
        let used_up = headers.get(format!("{limit}-remaining")).is_some_and(|rest| rest.as_bytes() == b"0");
        let at = value.to_str().ok().and_then(rfc3339);
        if let Some(at) = at.filter(|_| used_up) {
            latest = Some(latest.map_or(at, |other| other.max(at)));
        }
    }
    latest.map(|at| Duration::from_secs(at.saturating_sub(now)))
}

/// A plain decimal in units of `micros` microseconds.
fn decimal(text: &str, micros: u64) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !(fraction.is_empty() || digits(fraction)) {
        return None;
    }
    let mut total = whole.parse::<u64>().ok()?.checked_mul(micros)?;
    let mut place = micros;
    for digit in fraction.bytes() {
        place /= 10;
        total = total.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(Duration::from_micros(total))
}

/// Unix seconds of `Wed, 21 Oct 2026 07:28:00 GMT`.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_ascii_whitespace().skip(1);
    let day = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year = words.next()?.parse().ok()?;
    let seconds = clock(words.next()?)?;
    (words.next()? == "GMT").then_some(())?;
    days(year, month, day)?.checked_mul(86_400)?.checked_add(seconds)
}

/// Unix seconds of `2026-10-21T07:28:00Z`, with or without a fraction or an offset.
fn rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let mut numbers = date.splitn(3, '-').map(|number| number.parse::<u64>().ok());
    let days = days(numbers.next()??, numbers.next()??, numbers.next()??)?;
    let seconds = clock(time.get(..8)?)?;
    let zone = time.get(8..)?.trim_start_matches(|char: char| char == '.' || char.is_ascii_digit());
    let utc = days.checked_mul(86_400)?.checked_add(seconds)?;
    match zone.split_at_checked(1)? {
        ("Z" | "z", "") => Some(utc),
        ("+", offset) => utc.checked_sub(clock(offset)?),
        ("-", offset) => utc.checked_add(clock(offset)?),
        _ => None,
    }
}

/// Seconds of `07:28:00` or `07:28`.
fn clock(text: &str) -> Option<u64> {
    let mut seconds = 0u64;
    let mut parts = text.split(':');
    for (unit, limit) in [(3_600, 24), (60, 60), (1, 61)] {
        match parts.next() {
            Some(part) => seconds += part.parse::<u64>().ok().filter(|value| *value < limit)? * unit,
            None if unit == 1 => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(seconds)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that start in March put the leap day last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap = year / 4 - year / 100 + year / 400;
    (year * 365 + leap + (month * 153 + 2) / 5 + day - 1).checked_sub(719_468)
}

#[cfg(test)]
mod tests;
