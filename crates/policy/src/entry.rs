//! One line of the ledger: who asked what, what served it, after which attempts, at what cost.
//!
//! The line is JSON from the moment it is written to the journal to the moment a caller reads it; stores
//! keep the text and index a few [`Columns`] of it.

use std::sync::Arc;

use dialect::loss::Loss;
use dialect::outcome::Outcome;
use dialect::usage::{Source, Unit, Usage};
use jiff::Timestamp;
use uuid::Uuid;
use wire::json::{Json, Writer, digits};

use crate::money::Nano;
use crate::price::cost::{Cost, Source as CostSource};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The answer was whole.
    Ok,
    /// The caller got an error.
    Error,
    /// The answer broke off after content was sent.
    Incomplete,
    /// The caller left.
    Cancelled,
}

impl Status {
    /// The word in the line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Error => "error",
            Status::Incomplete => "incomplete",
            Status::Cancelled => "cancelled",
        }
    }
}

/// Who asked.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The key's name; `admin` for an admin key, `local` in local mode.
    pub key: Arc<str>,
    /// The key's team.
    pub team: Option<Arc<str>>,
    /// The team's organization.
    pub organization: Option<Arc<str>>,
    /// The end user.
    pub user: Option<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// The session.
    pub session: Option<String>,
}

/// One try at one target.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The id that was sent upstream.
    pub model: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// The upstream's HTTP status, where there was one.
    pub status: Option<u16>,
    /// How long it took, in ms.
    pub ms: u64,
    /// What it cost; `None` when unpriced.
    pub cost: Option<Nano>,
    /// It was sent again on a fresh connection, because a kept one was found closed.
    pub resent: bool,
}

/// Why the request went where it went.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// The code of `x-tollgate-why`.
    pub why: String,
    /// Targets that were considered, in order.
    pub candidates: Vec<Candidate>,
}

/// One target that was considered.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// `provider/model`.
    pub target: Arc<str>,
    /// What the request was expected to cost there.
    pub expected: Option<Nano>,
    /// The constraint that excluded it.
    pub excluded_by: Option<&'static str>,
}

/// One line of the ledger.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The id (UUIDv7).
    pub id: Uuid,
    /// When the request arrived.
    pub at: Timestamp,
    /// How it ended.
    pub status: Status,
    /// The HTTP status the caller got; `None` when the caller left before one.
    pub http: Option<u16>,
    /// The error's kind and, where an attempt failed, its outcome.
    pub error: Option<(&'static str, Option<Outcome>)>,
    /// The upstream's id of the answer.
    pub upstream_id: Option<String>,
    /// The node that served.
    pub node: Arc<str>,
    /// Hash of the configuration.
    pub config: Arc<str>,
    /// Who asked.
    pub caller: Caller,
    /// The caller's dialect.
    pub dialect: &'static str,
    /// The operation (`chat`).
    pub operation: &'static str,
    /// Streamed.
    pub stream: bool,
    /// The model asked for.
    pub asked: String,
    /// Provider, model and region that produced the answer.
    #[expect(clippy::type_complexity, reason = "three names, in the order in which they are shown")]
    pub served: Option<(Arc<str>, Arc<str>, Option<Arc<str>>)>,
    /// Every try in order.
    pub attempts: Vec<Attempt>,
    /// What was used.
    pub usage: Usage,
    /// What it cost.
    pub cost: Cost,
    /// Version of the price catalogue.
    pub prices: Arc<str>,
    /// From arrival to the answer's last byte, in ms.
    pub total_ms: u64,
    /// From arrival to the first content, in ms.
    pub first_byte_ms: Option<u64>,
    /// Time the gateway itself spent, in µs.
    pub gateway_us: u64,
    /// The word of `x-tollgate-cache`.
    pub cache: &'static str,
    /// What could not come along.
    pub losses: Vec<Loss>,
    /// Why it went where it went.
    pub decision: Decision,
}

impl Entry {
    /// What the whole request cost: the answer and every attempt that was charged; `None` when unpriced.
    #[must_use]
    pub fn total(&self) -> Option<Nano> {
        self.cost.total()
    }

    /// The line as JSON, without a line feed.
    #[must_use]
    pub fn write(&self) -> String {
        let mut json = Writer::with_capacity(1_536);
        json.object(|json| {
            json.key("id").str(self.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            json.key("at").str(&rfc3339(self.at));
            json.key("status").str(self.status.name());
            match self.http {
                Some(status) => json.key("http").u64(u64::from(status)),
                None => json.key("http").null(),
            };
            json.key("error");
            match self.error {
                Some((kind, class)) => json.object(|json| {
                    json.key("kind").str(kind);
                    maybe(json, "class", class.map(Outcome::name));
                }),
                None => json.null(),
            };
            maybe(json, "upstream_id", self.upstream_id.as_deref());
            json.key("node").str(&self.node).key("config").str(&self.config);
            self.write_caller(json);
            json.key("dialect").str(self.dialect).key("operation").str(self.operation);
            json.key("stream").bool(self.stream).key("asked").str(&self.asked).key("served");
            match &self.served {
                Some((provider, model, region)) => json.object(|json| {
                    json.key("provider").str(provider).key("model").str(model);
                    maybe(json, "region", region.as_deref());
                }),
                None => json.null(),
            };
            json.key("attempts").array(|json| {
                for attempt in &self.attempts {
                    attempt.write(json);
                }
            });
            json.key("usage");
            write_usage(&self.usage, json);
            self.write_cost(json);
            json.key("latency").object(|json| {
                json.key("total_ms").u64(self.total_ms).key("first_byte_ms");
                match self.first_byte_ms {
                    Some(ms) => json.u64(ms),
                    None => json.null(),
                };
                json.key("gateway_us").u64(self.gateway_us);
            });
            json.key("cache").str(self.cache).key("losses").array(|json| {
                for loss in &self.losses {
                    json.str(&loss.to_string());
                }
            });
            json.key("limits").array(|_| {});
            json.key("decision").object(|json| {
                json.key("why").str(&self.decision.why).key("candidates").array(|json| {
                    for candidate in &self.decision.candidates {
                        json.object(|json| {
                            json.key("target").str(&candidate.target);
                            maybe(json, "expected_usd", candidate.expected.map(|usd| usd.to_string()).as_deref());
                            maybe(json, "excluded_by", candidate.excluded_by);
                        });
                    }
                });
            });
        });
        json.finish()
    }

    fn write_caller(&self, json: &mut Writer) {
        let caller = &self.caller;
        json.key("caller").object(|json| {
            json.key("key").str(&caller.key);
            maybe(json, "team", caller.team.as_deref());
            maybe(json, "organization", caller.organization.as_deref());
            maybe(json, "user", caller.user.as_deref());
            json.key("tags").object(|json| {
                for (name, value) in &caller.tags {
                    json.key(name).str(value);
                }
            });
            maybe(json, "session", caller.session.as_deref());
        });
    }

    fn write_cost(&self, json: &mut Writer) {
        let cost = &self.cost;
        json.key("cost").object(|json| {
            maybe(json, "usd", cost.total().map(|usd| usd.to_string()).as_deref());
            json.key("source").str(cost.source.name()).key("lines").array(|json| {
                for line in &cost.lines {
                    json.object(|json| {
                        json.key("unit").str(line.item.name()).key("quantity").u64(line.quantity);
                        maybe(json, "usd_per_million", line.usd_per_million.map(|rate| rate.to_string()).as_deref());
                        json.key("usd").str(&line.usd.to_string());
                        if let Some(unit) = line.counted_as {
                            json.key("counted_as").str(unit.name());
                        }
                    });
                }
            });
            if cost.source == CostSource::Provider {
                maybe(json, "computed_usd", cost.computed.map(|usd| usd.to_string()).as_deref());
            }
            if !cost.missing.is_empty() {
                json.key("missing").array(|json| {
                    for unit in &cost.missing {
                        json.str(unit.name());
                    }
                });
            }
            json.key("prices").str(&self.prices);
        });
    }
}

impl Attempt {
    fn write(&self, json: &mut Writer) {
        json.object(|json| {
            json.key("provider").str(&self.provider).key("model").str(&self.model);
            json.key("outcome").str(self.outcome.name()).key("status");
            match self.status {
                Some(status) => json.u64(u64::from(status)),
                None => json.null(),
            };
            json.key("ms").u64(self.ms);
            maybe(json, "cost_usd", self.cost.map(|usd| usd.to_string()).as_deref());
            if self.resent {
                json.key("resent").bool(true);
            }
        });
    }
}

/// The five token buckets always, other units when used, source and notes.
fn write_usage(usage: &Usage, json: &mut Writer) {
    json.object(|json| {
        for unit in [Unit::Input, Unit::CacheRead, Unit::CacheWrite, Unit::Output, Unit::Reasoning] {
            let quantity = match unit {
                Unit::CacheWrite if usage.source == Source::Reported || usage.cache_writes() > 0 => {
                    Some(usage.cache_writes())
                }
                unit => usage.get(unit).or((usage.source == Source::Reported).then_some(0)),
            };
            match quantity {
                Some(quantity) => json.key(unit.name()).u64(quantity),
                None => json.key(unit.name()).null(),
            };
        }
        for (unit, quantity) in usage.iter() {
            let shown =
                matches!(unit, Unit::Input | Unit::CacheRead | Unit::CacheWrite | Unit::Output | Unit::Reasoning);
            if !shown && quantity > 0 {
                json.key(unit.name()).u64(quantity);
            }
        }
        json.key("source").str(usage.source.name());
        json.key("notes").array(|json| {
            for note in &usage.notes {
                json.str(note);
            }
        });
    });
}

fn maybe(json: &mut Writer, key: &str, value: Option<&str>) {
    match value {
        Some(value) => json.key(key).str(value),
        None => json.key(key).null(),
    };
}

/// What a store indexes of a line. Read from the line's text, so that a journal replayed by a newer
/// program gives the same columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns<'a> {
    /// The line's id.
    pub id: Uuid,
    /// Arrival, unix time in ms; from the id, which holds it.
    pub at_ms: i64,
    /// `status`.
    pub status: &'a str,
    /// Key, team, organization, user.
    pub key: &'a str,
    /// The key's team.
    pub team: Option<&'a str>,
    /// The team's organization.
    pub organization: Option<&'a str>,
    /// The end user, escapes as they stand in the line.
    pub user: Option<&'a str>,
    /// Tags, escapes as they stand in the line.
    pub tags: Vec<(std::borrow::Cow<'a, str>, &'a str)>,
    /// Provider that served.
    pub provider: Option<&'a str>,
    /// Model that served, else the one asked for.
    pub model: &'a str,
    /// The upstream's id of the answer.
    pub upstream_id: Option<&'a str>,
    /// Input tokens with cache reads and writes.
    pub input: u64,
    /// Cache reads, in tokens.
    pub cache_read: u64,
    /// Output tokens.
    pub output: u64,
    /// Cost in nanodollars; `None` when unpriced.
    pub nanos: Option<i64>,
    /// From arrival to the last byte, in ms.
    pub total_ms: u64,
    /// At least one attempt reached an upstream: the line counts as a request served, not a refusal.
    pub attempted: bool,
}

impl<'a> Columns<'a> {
    /// Reads a line; `None` for a text that is no line (torn by a power failure).
    #[must_use]
    pub fn read(line: &'a str) -> Option<Self> {
        let mut columns = Columns::default();
        let mut asked = "";
        let mut members = Json::walk(line);
        for (key, value) in members.by_ref() {
            match &*key {
                "id" => columns.id = Uuid::try_parse(value.inside()?).ok()?,
                "status" => columns.status = value.inside()?,
                "caller" => columns.read_caller(value),
                "asked" => asked = value.inside()?,
                "served" => {
                    for (key, value) in value.members() {
                        match &*key {
                            "provider" => columns.provider = value.inside(),
                            "model" => columns.model = value.inside().unwrap_or_default(),
                            _ => {}
                        }
                    }
                }
                "upstream_id" => columns.upstream_id = value.inside(),
                "attempts" => columns.attempted = value.items().next().is_some(),
                "usage" => {
                    for (unit, count) in value.members() {
                        match (&*unit, count.as_u64()) {
                            ("input" | "cache_write", Some(count)) => {
                                columns.input = columns.input.saturating_add(count)
                            }
                            ("cache_read", Some(count)) => {
                                columns.input = columns.input.saturating_add(count);
                                columns.cache_read = count;
                            }
                            ("output", Some(count)) => columns.output = count,
                            _ => {}
                        }
                    }
                }
                "cost" => {
                    columns.nanos = first(value, "usd").and_then(Json::inside).and_then(nanos);
                }
                "latency" => columns.total_ms = first(value, "total_ms").and_then(Json::as_u64).unwrap_or_default(),
                _ => {}
            }
        }
        if columns.model.is_empty() {
            columns.model = asked;
        }
        columns.at_ms = id_ms(columns.id);
        (members.is_whole() && columns.id != Uuid::nil()).then_some(columns)
    }

    fn read_caller(&mut self, caller: Json<'a>) {
        for (key, value) in caller.members() {
            match &*key {
                "key" => self.key = value.inside().unwrap_or_default(),
                "team" => self.team = value.inside(),
                "organization" => self.organization = value.inside(),
                "user" => self.user = value.inside(),
                "tags" => {
                    self.tags = value.members().filter_map(|(name, value)| Some((name, value.inside()?))).collect();
                }
                _ => {}
            }
        }
    }
}

/// The first member of that name; looks no further.
fn first<'a>(object: Json<'a>, name: &str) -> Option<Json<'a>> {
    object.members().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// An amount as the line has it, nine decimals; any other form the slow way.
fn nanos(usd: &str) -> Option<i64> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match usd.split_once('.') {
        Some((whole, fraction)) if fraction.len() == 9 && whole.len() <= 9 && digits(whole) && digits(fraction) => {
            Some(whole.parse::<i64>().ok()? * 1_000_000_000 + fraction.parse::<i64>().ok()?)
        }
        _ => usd.parse::<Nano>().ok().map(|usd| usd.0),
    }
}

/// A time as RFC 3339 to the ms, in UTC: `2026-11-22T10:00:00.000Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let ms = at.as_millisecond();
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days to a civil date, by eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (second, ms) = (of_day / 1_000, of_day % 1_000);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut out = String::with_capacity(24);
    for (number, width, behind) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (hour, 2, ':'),
        (minute, 2, ':'),
        (second, 2, '.'),
        (ms, 3, 'Z'),
    ] {
        let number = u64::try_from(number).unwrap_or_default();
        for zeros in [1_000u64, 100, 10].into_iter().skip(4 - width) {
            if number < zeros {
                out.push('0');
            }
        }
        digits(number, &mut out);
        out.push(behind);
    }
    out
}

/// The unix time in ms that a version 7 id holds.
#[must_use]
pub fn id_ms(id: Uuid) -> i64 {
    i64::try_from(id.as_u128() >> 80).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_the_library_prints_them() {
        for ms in [0, 1, 951_782_399_999, 951_782_400_000, 1_709_164_800_123, 1_795_500_000_999, 4_107_542_400_000] {
            let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
            assert_eq!(rfc3339(at), format!("{at:.3}"));
        }
    }
}
