//! The file as meant: references checked, defaults filled in, what is not built yet refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::diagnose::{At, suggest};
use super::env::set;
use super::raw;
use super::read::{OrOff, Reader, Spot};
use super::secret::Secret;
use super::types::{Config, Journal, Provider, Responses, Server, Store, Sync, Tls};
use super::units::{Size, Time, address};
use super::zero;

mod credential;
mod fetch;
mod later;
mod model;
mod people;
mod provider;

pub(super) use credential::of_environment;
pub(super) use provider::{plain, row_base};

/// What the command line says over the file.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
}

/// The configuration of a file; `file` is `None` for a start from the environment. `None` when something is
/// wrong, which the reader has noted then.
pub(super) fn resolve(raw: raw::File, file: Option<&Path>, flags: &Flags, reader: &mut Reader<'_>) -> Option<Config> {
    later::refuse(&raw, reader);
    let providers = match raw.providers {
        Some(named) => provider::all(named.value, reader),
        None => zero::providers(file.is_none(), reader),
    };
    let models = raw.models.map(|named| model::all(named.value, &providers, reader)).unwrap_or_default();
    let (organizations, teams) = people::teams(raw.organizations, raw.teams, reader);
    let timezone = timezone(raw.timezone, reader);
    let keys = people::keys(raw.keys, &teams, &timezone, reader);
    people::check_names(&teams, &keys, &models, &providers, reader);
    let all = raw
        .log
        .is_some_and(|log| log.value.content.is_some_and(|spot| matches!(spot.value, OrOff::On(raw::Content::All))));
    let state = match raw.responses.and_then(|spot| spot.value.state).map(|spot| spot.value) {
        Some(raw::OnOff::On) => true,
        Some(raw::OnOff::Off) => false,
        None => all,
    };
    let config = Config {
        file: file.map(Path::to_path_buf),
        hash: "".into(),
        server: server(raw.server.map(|spot| spot.value).unwrap_or_default(), flags, reader),
        data_dir: data_dir(raw.data_dir, flags),
        store: Store::Sqlite,
        timezone,
        retention: match raw.ledger.and_then(|ledger| ledger.value.retention).map(|spot| (spot.at, spot.value)) {
            None => Some(Duration::from_secs(400 * 86_400)),
            Some((_, OrOff::Off)) => None,
            Some((at, OrOff::On(Time(time)))) => {
                positive(at, time, reader);
                Some(time)
            }
        },
        journal: journal(raw.journal.map(|spot| spot.value).unwrap_or_default()),
        responses: Responses { state },
        cost_in_usage: raw.cost_in_usage.is_some_and(|spot| spot.value),
        providers: providers.into_iter().map(|found| found.provider).collect(),
        models,
        teams,
        organizations,
        keys,
    };
    reader.problems.is_empty().then(|| config.hashed())
}

/// A provider and where it was written.
pub(super) struct Placed {
    pub(super) at: At,
    pub(super) provider: Provider,
}

fn journal(raw: raw::Journal) -> Journal {
    Journal {
        sync: match raw.sync.map(|spot| spot.value) {
            None | Some(raw::Sync::Interval) => Sync::Interval,
            Some(raw::Sync::Always) => Sync::Always,
            Some(raw::Sync::Never) => Sync::Never,
        },
        memory: raw.memory.map_or(64 << 20, |spot| spot.value.0),
    }
}

fn data_dir(raw: Option<Spot<PathBuf>>, flags: &Flags) -> PathBuf {
    let written = || raw.map_or_else(|| PathBuf::from("./tollgate-data"), |spot| spot.value);
    flags.data_dir.clone().unwrap_or_else(written)
}

fn timezone(raw: Option<Spot<String>>, reader: &mut Reader<'_>) -> TimeZone {
    let Some(Spot { at, value }) = raw.filter(|spot| spot.value != "UTC") else { return TimeZone::UTC };
    TimeZone::get(&value).unwrap_or_else(|_| {
        reader.problem(
            at,
            format!("`{value}` is not a known time zone"),
            "write an IANA name such as Europe/Berlin, or UTC",
        );
        TimeZone::UTC
    })
}

/// A duration that must not be zero.
fn positive(at: At, time: Duration, reader: &mut Reader<'_>) {
    if time.is_zero() {
        reader.problem(at, "zero is not a duration here", "write a longer one, such as 1s");
    }
}

fn time(raw: Option<Spot<Time>>, default: Duration, reader: &mut Reader<'_>) -> Duration {
    let Some(Spot { at, value: Time(time) }) = raw else { return default };
    positive(at, time, reader);
    time
}

fn size(raw: Option<Spot<Size>>, default: u64, reader: &mut Reader<'_>) -> u64 {
    let Some(Spot { at, value: Size(size) }) = raw else { return default };
    if size == 0 {
        reader.problem(at, "zero is not a size here", "write a larger one, such as 1MiB");
    }
    size
}

fn server(raw: raw::Server, flags: &Flags, reader: &mut Reader<'_>) -> Server {
    let seconds = Duration::from_secs;
    let mut listen = raw.listen.map_or(([127, 0, 0, 1], 4000).into(), |spot| spot.value.0);
    if let Some(text) = &flags.listen {
        match address(text) {
            Some(flag) => listen = flag,
            None => {
                let what = format!("`{text}` in --listen is not an address with a port");
                reader.problem(At::default(), what, "write for example --listen 127.0.0.1:4000");
            }
        }
    }
    let keepalive = match raw.keepalive {
        None => Some(seconds(15)),
        Some(Spot { value: OrOff::Off, .. }) => None,
        Some(Spot { at, value: OrOff::On(value) }) => Some(time(Some(Spot { at, value }), seconds(15), reader)),
    };
    let max_in_flight = raw.max_in_flight.map_or(10_000, |spot| {
        let count = usize::try_from(spot.value.0).unwrap_or(usize::MAX);
        if !(1..=10_000_000).contains(&count) {
            reader.problem(spot.at, "max_in_flight must be from 1 to 10M", "write for example 10000");
        }
        count
    });
    Server {
        listen,
        admin_listen: raw.admin_listen.map(|spot| spot.value.0),
        admin_key: admin_key(raw.admin_key, reader),
        max_body: size(raw.max_body, 64 << 20, reader),
        max_upload: size(raw.max_upload, 512 << 20, reader),
        max_buffered: size(raw.max_buffered, 512 << 20, reader),
        max_in_flight,
        drain: raw.drain.map_or(seconds(30), |spot| spot.value.0),
        hold_head: raw.hold_head.map_or(seconds(30), |spot| spot.value.0),
        keepalive,
        tls: raw.tls.and_then(|spot| tls(spot, reader)),
        cors: raw
            .cors
            .map(|spot| spot.value)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|o| origin(o, reader))
            .collect(),
        trusted_proxies: raw
            .trusted_proxies
            .map(|spot| spot.value.iter().map(|net| net.value.0).collect())
            .unwrap_or_default(),
        fetch_media: fetch::media(raw.fetch_media, reader),
    }
}

fn admin_key(raw: Option<Spot<Secret>>, reader: &mut Reader<'_>) -> Option<Secret> {
    let at = raw.as_ref().map(|spot| spot.at).unwrap_or_default();
    let key =
        raw.map(|spot| spot.value).or_else(|| set(reader.env, "TOLLGATE_ADMIN_KEY").map(|text| Secret::new(&text)))?;
    if key.reveal().len() < 16 {
        let what = "the admin key is shorter than 16 characters";
        reader.problem(at, what, "make a longer one, for example with `openssl rand -hex 32`");
    }
    Some(key)
}

fn tls(Spot { at, value }: Spot<raw::Tls>, reader: &mut Reader<'_>) -> Option<Tls> {
    match (value.cert, value.key) {
        (Some(cert), Some(key)) => Some(Tls { cert: cert.value, key: key.value }),
        (cert, _) => {
            let missing = if cert.is_none() { "cert" } else { "key" };
            reader.problem(at, format!("tls has no `{missing}`"), "give both: tls: { cert: cert.pem, key: key.pem }");
            None
        }
    }
}

fn origin(Spot { at, value }: Spot<String>, reader: &mut Reader<'_>) -> Option<String> {
    let bare = value.trim_end_matches('/');
    let host = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
    if bare == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*'])) {
        return Some(bare.to_ascii_lowercase());
    }
    reader.problem(
        at,
        format!("`{value}` is not an origin"),
        "write scheme and host, such as https://app.example, or *",
    );
    None
}

/// Notes that a name is not defined.
pub(super) fn undefined<'a>(
    at: At,
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    reader: &mut Reader<'_>,
) {
    reader.problem(at, format!("{what} `{name}` is not defined"), suggest(name, known));
}
