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
use wire::json::{Json, Writer};

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
    /// For a request of a batch: the provider's id of the batch, and the caller's own of the request.
    pub batch: Option<(Arc<str>, String)>,
}

impl Entry {
    /// What the whole request cost: the answer and every attempt that was charged; `None` when unpriced.
    #[must_use]
    pub fn total(&self) -> Option<Nano> {
        self.cost.total()
    }

    /// The line as JSON, without a line feed. Texts of the program's own are written as they are, texts from
    /// outside are escaped.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = Writer::with_capacity(1_536);
        let json = &mut out;
        json.lit("{\"id\":").plain(self.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        json.lit(",\"at\":").plain(&Stamp::of(self.at));
        json.lit(",\"status\":").plain(self.status.name()).lit(",\"http\":");
        count(json, self.http.map(u64::from));
        match self.error {
            Some((kind, class)) => {
                json.lit(",\"error\":{\"kind\":").plain(kind).lit(",\"class\":");
                name(json, class.map(Outcome::name));
                json.lit("}")
            }
            None => json.lit(",\"error\":null"),
        };
        maybe(json.lit(",\"upstream_id\":"), self.upstream_id.as_deref());
        json.lit(",\"node\":").str(&self.node).lit(",\"config\":").str(&self.config);
        self.write_caller(json);
        json.lit(",\"dialect\":").plain(self.dialect).lit(",\"operation\":").plain(self.operation);
        json.lit(",\"stream\":").bool(self.stream).lit(",\"asked\":").str(&self.asked);
        match &self.served {
            Some((provider, model, region)) => {
                json.lit(",\"served\":{\"provider\":").str(provider).lit(",\"model\":").str(model);
                maybe(json.lit(",\"region\":"), region.as_deref());
                json.lit("},\"attempts\":[")
            }
            None => json.lit(",\"served\":null,\"attempts\":["),
        };
        for attempt in &self.attempts {
            attempt.write(json);
        }
        json.lit("],\"usage\":");
        write_usage(&self.usage, json);
        self.write_cost(json);
        json.lit(",\"latency\":{\"total_ms\":").u64(self.total_ms).lit(",\"first_byte_ms\":");
        count(json, self.first_byte_ms);
        json.lit(",\"gateway_us\":").u64(self.gateway_us);
        json.lit("},\"cache\":").plain(self.cache).lit(",\"losses\":[");
        for loss in &self.losses {
            json.str(&loss.to_string());
        }
        json.lit("],\"limits\":[],\"decision\":{\"why\":").str(&self.decision.why).lit(",\"candidates\":[");
        for candidate in &self.decision.candidates {
            json.object(|json| {
                json.lit("\"target\":").str(&candidate.target).lit(",\"expected_usd\":");
                money(json, candidate.expected);
                name(json.lit(",\"excluded_by\":"), candidate.excluded_by);
            });
        }
        json.lit("]}");
        if let Some((id, custom_id)) = &self.batch {
            json.lit(",\"batch\":{\"id\":").str(id).lit(",\"custom_id\":").str(custom_id).lit("}");
        }
        json.lit("}");
        out.finish()
    }

    fn write_caller(&self, json: &mut Writer) {
        let caller = &self.caller;
        json.lit(",\"caller\":{\"key\":").str(&caller.key);
        maybe(json.lit(",\"team\":"), caller.team.as_deref());
        maybe(json.lit(",\"organization\":"), caller.organization.as_deref());
        maybe(json.lit(",\"user\":"), caller.user.as_deref());
        json.lit(",\"tags\":{");
        for (name, value) in &caller.tags {
            json.key(name).str(value);
        }
        maybe(json.lit("},\"session\":"), caller.session.as_deref());
        json.lit("}");
    }

    fn write_cost(&self, json: &mut Writer) {
        let cost = &self.cost;
        money(json.lit(",\"cost\":{\"usd\":"), cost.total());
        json.lit(",\"source\":").plain(cost.source.name()).lit(",\"lines\":[");
        for line in &cost.lines {
            json.object(|json| {
                json.lit("\"unit\":").plain(line.item.name()).lit(",\"quantity\":").u64(line.quantity);
                match line.usd_per_million {
                    Some(rate) => json.lit(",\"usd_per_million\":").plain(&rate.figures()),
                    None => json.lit(",\"usd_per_million\":null"),
                };
                json.lit(",\"usd\":").plain(&line.usd.figures());
                if let Some(unit) = line.counted_as {
                    json.lit(",\"counted_as\":").plain(unit.name());
                }
            });
        }
        json.lit("]");
        if cost.source == CostSource::Provider {
            match cost.computed {
                Some(computed) => json.lit(",\"computed_usd\":").plain(&computed.figures()),
                None => json.lit(",\"computed_usd\":null"),
            };
        }
        if !cost.missing.is_empty() {
            json.lit(",\"missing\":[");
            for unit in &cost.missing {
                json.plain(unit.name());
            }
            json.lit("]");
        }
        json.lit(",\"prices\":").str(&self.prices).lit("}");
    }
}

impl Attempt {
    fn write(&self, json: &mut Writer) {
        json.object(|json| {
            json.lit("\"provider\":").str(&self.provider).lit(",\"model\":").str(&self.model);
            json.lit(",\"outcome\":").plain(self.outcome.name());
            count(json.lit(",\"status\":"), self.status.map(u64::from));
            json.lit(",\"ms\":").u64(self.ms);
            money(json.lit(",\"cost_usd\":"), self.cost);
            if self.resent {
                json.lit(",\"resent\":true");
            }
        });
    }
}

/// The five token buckets always, other units when used, source and notes.
fn write_usage(usage: &Usage, json: &mut Writer) {
    let reported = usage.source == Source::Reported;
    let known = |unit: Unit| usage.get(unit).or(reported.then_some(0));
    let writes = usage.cache_writes();
    count(json.lit("{\"input\":"), known(Unit::Input));
    count(json.lit(",\"cache_read\":"), known(Unit::CacheRead));
    let written = if reported || writes > 0 { Some(writes) } else { usage.get(Unit::CacheWrite) };
    count(json.lit(",\"cache_write\":"), written);
    count(json.lit(",\"output\":"), known(Unit::Output));
    count(json.lit(",\"reasoning\":"), known(Unit::Reasoning));
    for (unit, quantity) in usage.iter() {
        let shown = matches!(unit, Unit::Input | Unit::CacheRead | Unit::CacheWrite | Unit::Output | Unit::Reasoning);
        if !shown && quantity > 0 {
            json.key(unit.name()).u64(quantity);
        }
    }
    json.lit(",\"source\":").plain(usage.source.name()).lit(",\"notes\":[");
    for note in &usage.notes {
        json.str(note);
    }
    json.lit("]}");
}

/// A text from outside, or `null`.
fn maybe(json: &mut Writer, value: Option<&str>) {
    match value {
        Some(value) => json.str(value),
        None => json.lit("null"),
    };
}

/// A name of the program's own, or `null`.
fn name(json: &mut Writer, value: Option<&'static str>) {
    match value {
        Some(value) => json.plain(value),
        None => json.lit("null"),
    };
}

fn money(json: &mut Writer, value: Option<Nano>) {
    match value {
        Some(value) => json.plain(&value.figures()),
        None => json.lit("null"),
    };
}

fn count(json: &mut Writer, value: Option<u64>) {
    match value {
        Some(value) => json.u64(value),
        None => json.lit("null"),
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
    /// It is a request of a batch, whose time tells nothing of a caller's waiting.
    pub batched: bool,
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
                "batch" => columns.batched = !value.is_null(),
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

/// A time as RFC 3339 to the ms, in UTC: `2026-11-22T10:00:00.000Z`. Without memory of its own.
#[derive(Debug, Clone, Copy)]
pub struct Stamp([u8; 24]);

impl Stamp {
    /// The stamp of a time.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
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
        let year = (year_of_era + era * 400 + i64::from(month <= 2)).max(0);
        let (second, ms) = (of_day / 1_000, of_day % 1_000);
        let digit = |number: i64| b'0' + u8::try_from(number % 10).unwrap_or_default();
        let two = |number: i64| [digit(number / 10), digit(number)];
        let ([y1, y2], [y3, y4]) = (two(year / 100), two(year));
        let ([m1, m2], [d1, d2]) = (two(month), two(day));
        let ([h1, h2], [i1, i2], [s1, s2]) = (two(second / 3_600), two(second / 60 % 60), two(second % 60));
        let (f1, [f2, f3]) = (digit(ms / 100), two(ms));
        Self([
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2, b'.', f1, f2, f3,
            b'Z',
        ])
    }
}

impl std::ops::Deref for Stamp {
    type Target = str;

    fn deref(&self) -> &str {
        // Digits and signs are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A time as RFC 3339 to the ms, in UTC: `2026-11-22T10:00:00.000Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    String::from(&*Stamp::of(at))
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
