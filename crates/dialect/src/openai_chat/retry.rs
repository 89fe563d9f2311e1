//! How long a refused request should wait: by headers, by Google's `RetryInfo`, by the message's words.
//!
//! In order: `retry-after-ms`, `retry-after` (seconds or an HTTP date), on a 429 the reset times of the
//! limits that are used up, `RetryInfo`, "try again in 3.89s".

use std::time::Duration;

use http::HeaderMap;
use wire::json::Json;

/// The wait that a failed answer asks for. `now` is unix time in seconds.
pub(super) fn after(
    status: u16,
    headers: &HeaderMap,
    body: Option<Json<'_>>,
    message: &str,
    now: u64,
) -> Option<Duration> {
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
    (status == 429)
        .then(|| reset(headers, now))
        .flatten()
        .or_else(|| body.and_then(retry_info))
        .or_else(|| words(message))
}

/// The longest reset among the limits that are used up; among all of them where none says so.
fn reset(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let mut used_up: Option<Duration> = None;
    let mut any: Option<Duration> = None;
    for (name, value) in headers {
        let name = name.as_str();
        let Some((prefix, limit)) =
            ["x-ratelimit-", "x-rate-limit-"].iter().find_map(|prefix| Some((prefix, name.strip_prefix(prefix)?)))
        else {
            continue;
        };
        let Some(limit) = limit.strip_prefix("reset") else { continue };
        let Some(wait) = value.to_str().ok().and_then(|text| moment(text.trim(), now)) else { continue };
        any = any.max(Some(wait));
        let left = headers.get(format!("{prefix}remaining{limit}")).and_then(|left| left.to_str().ok());
        if left.is_some_and(|left| left.trim() == "0") {
            used_up = used_up.max(Some(wait));
        }
    }
    used_up.or(any)
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
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
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
    let day: u64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok().filter(|value| *value < 61));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    // Years that start in March put the leap day last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    Some(days.checked_sub(719_468)? * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests;
