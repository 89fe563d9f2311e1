//! How long a refused request should wait: by headers, by Google's `RetryInfo`, by the message's words.
//!
//! In order: `retry-after-ms`, `retry-after` (seconds or an HTTP date), on a 429 the reset times of the
//! limits that are used up (`anthropic-ratelimit-*-reset` in RFC 3339, `x-ratelimit-reset-*` as a duration,
//! seconds or unix time), `RetryInfo`, "try again in 3.89s".

use std::time::Duration;

use http::HeaderMap;
use wire::json::Json;

/// The wait that the headers of a failed answer ask for. `now` is unix time in seconds.
pub(crate) fn by_headers(status: u16, headers: &HeaderMap, now: u64) -> Option<Duration> {
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

/// The wait that a failed answer's body asks for: `RetryInfo` among its details, else its message.
pub(crate) fn by_body(body: Option<Json<'_>>, message: &str) -> Option<Duration> {
    body.and_then(retry_info).or_else(|| words(message))
}

/// The longest reset among the limits that are used up. A limit with something left is not why we wait,
/// and its reset (a day, for requests) would be far too long.
fn reset(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let left = |name: &str| headers.get(name).and_then(|left| left.to_str().ok()).map(str::trim);
    let used_up = |left: &str| left == "0" || left.starts_with('-');
    let mut longest = None;
    for (name, value) in headers {
        let (name, value) = (name.as_str(), value.to_str().unwrap_or_default().trim());
        let wait = if let Some(limit) = name.strip_suffix("-reset").filter(|limit| limit.starts_with("anthropic-")) {
            let spent = left(&format!("{limit}-remaining")).is_some_and(used_up);
            rfc3339(value).filter(|_| spent).map(|at| Duration::from_secs(at.saturating_sub(now)))
        } else {
            let limit = ["x-ratelimit-", "x-rate-limit-"].iter().find_map(|prefix| {
                let limit = name.strip_prefix(prefix)?.strip_prefix("reset")?;
                Some(format!("{prefix}remaining{limit}"))
            });
            limit.filter(|name| left(name).is_none_or(used_up)).and_then(|_| moment(value, now))
        };
        longest = longest.max(wait);
    }
    longest
}

/// A reset time: `6m0s`, seconds from now, or unix time in seconds or milliseconds.
fn moment(text: &str, now: u64) -> Option<Duration> {
    match text.parse::<u64>() {
        Ok(millis) if millis >= 1_000_000_000_000 => {
            Some(Duration::from_millis(millis.saturating_sub(now.saturating_mul(1_000))))
        }
        Ok(seconds) if seconds >= 1_000_000_000 => Some(Duration::from_secs(seconds.saturating_sub(now))),
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => decimal(text, 1_000_000).or_else(|| duration(text)),
    }
}

/// Google's `{"@type":"…RetryInfo","retryDelay":"34s"}` among an error's details.
fn retry_info(body: Json<'_>) -> Option<Duration> {
    let error = body.get("error").unwrap_or(body);
    let delay = error.get("details")?.items().find_map(|detail| detail.get("retryDelay"))?;
    duration(&delay.as_str()?)
}

/// "Please try again in 1m0.36s", "retry after 26 seconds".
fn words(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let rest = ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|words| lower.split_once(words).map(|(_, rest)| rest))?;
    duration(rest)
}

/// The duration at the start of a text: numbers with their units, `1h2m3.5s`, `174ms`, `26 seconds`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: Option<Duration> = None;
    loop {
        let number = rest.len() - rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.').len();
        let (digits, behind) = rest.split_at_checked(number)?;
        let behind = behind.trim_start();
        let word = behind.len() - behind.trim_start_matches(|char: char| char.is_ascii_alphabetic()).len();
        let (unit, next) = behind.split_at_checked(word)?;
        let micros = match unit {
            "ms" | "milliseconds" => 1_000,
            "s" | "sec" | "second" | "seconds" => 1_000_000,
            "m" | "min" | "minute" | "minutes" => 60_000_000,
            "h" | "hour" | "hours" => 3_600_000_000,
            "d" | "day" | "days" => 86_400_000_000,
            _ => return total,
        };
        let Some(part) = decimal(digits, micros) else { return total };
        total = Some(total.unwrap_or_default().saturating_add(part));
        rest = next;
    }
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
pub(crate) fn rfc3339(text: &str) -> Option<u64> {
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
