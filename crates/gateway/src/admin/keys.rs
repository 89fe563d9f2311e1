//! Virtual keys: made, listed, ended. The key's text is told once and never stored.

use std::path::Path;

use dialect::fault::{Fault, Kind};
use http::Method;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use policy::port::KeyRecord;
use wire::json::Writer;

use super::fields::{Fields, query};
use super::office::{Ask, Office, Told, fault};
use crate::api::models::decoded;
use crate::config::diagnose::suggest;
use crate::config::{Config, units};
use crate::env;
use crate::newkey;
use crate::state::directory::{declared, hash};

/// Names that callers without a virtual key have in the ledger.
const RESERVED: [&str; 2] = ["admin", "local"];

/// Serves `/admin/v1/keys[/…]`.
///
/// # Errors
/// What is wrong with the call.
pub async fn answer(office: &Office, rest: &str, ask: &Ask) -> Result<Told, Fault> {
    query(ask.query.as_deref(), &[])?;
    let wanted = decoded(rest).ok_or_else(|| Fault::invalid("id", "The key's name is not UTF-8."))?;
    match (wanted.as_str(), &ask.method) {
        ("", &Method::GET) => list(office).await,
        ("", &Method::POST) => create(office, ask).await,
        ("", _) => Err(wrong_method("GET, POST")),
        (wanted, &Method::GET) => one(office, wanted).await,
        (wanted, &Method::DELETE) => revoke(office, wanted).await,
        _ => Err(wrong_method("GET, DELETE")),
    }
}

/// The fault of a method that a path does not take.
#[must_use]
pub fn wrong_method(allow: &str) -> Fault {
    Fault::new(Kind::MethodNotAllowed, format!("This path takes {allow}.")).with("allow", format!("\"{allow}\""))
}

async fn list(office: &Office) -> Result<Told, Fault> {
    let stored = office.keys.load().await.map_err(fault)?;
    let mut json = Writer::new();
    json.object(|json| {
        json.key("data").array(|json| {
            for key in declared(&office.snapshot.config) {
                json.object(|json| write(&key, true, json));
            }
            for key in &stored {
                json.object(|json| write(key, false, json));
            }
        });
        json.key("next").null();
    });
    Ok(Told::ok(json.finish()))
}

async fn one(office: &Office, wanted: &str) -> Result<Told, Fault> {
    let (key, file) = find(office, wanted).await?.ok_or_else(|| none(wanted))?;
    let mut json = Writer::new();
    json.object(|json| write(&key, file, json));
    Ok(Told::ok(json.finish()))
}

/// A key by its name or id, and whether the file declares it.
///
/// # Errors
/// `unavailable` when the store is away.
pub async fn find(office: &Office, wanted: &str) -> Result<Option<(KeyRecord, bool)>, Fault> {
    let stored = office.keys.load().await.map_err(fault)?;
    let mut keys: Vec<(KeyRecord, bool)> = stored.into_iter().map(|key| (key, false)).collect();
    keys.extend(declared(&office.snapshot.config).map(|key| (key, true)));
    let place = keys
        .iter()
        .position(|(key, _)| *key.name == *wanted)
        .or_else(|| keys.iter().position(|(key, _)| *key.id == *wanted));
    Ok(place.map(|place| keys.swap_remove(place)))
}

/// The fault of a key that is not there.
#[must_use]
pub fn none(wanted: &str) -> Fault {
    let message = format!("There is no key with the name or id `{wanted}`. `tollgate keys list` shows what there is.");
    Fault::new(Kind::NotFound, message)
}

async fn create(office: &Office, ask: &Ask) -> Result<Told, Fault> {
    let known = ["name", "team", "user", "models", "expires", "admin"];
    let fields = Fields::read(ask.body.clone(), &known)?;
    let config = &office.snapshot.config;
    let name = name(office, fields.text("name")?).await?;
    let team = fields.text("team")?;
    if let Some(team) = &team
        && !config.teams.contains_key(team.as_str())
    {
        let hint = match config.teams.is_empty() {
            true => format!("the configuration has no teams: add `teams: {{ {team}: {{}} }}` to it first"),
            false => suggest(team, config.teams.keys().map(|name| &**name)),
        };
        return Err(Fault::invalid("team", format!("There is no team `{team}`; {hint}")));
    }
    let expires = match fields.text("expires")? {
        Some(text) => Some(moment(&text, &config.timezone)?),
        None => None,
    };
    let (models, user, admin) = (fields.texts("models")?, fields.text("user")?, fields.flag("admin")?);
    let key = newkey::make_key();
    let record = KeyRecord {
        id: key.reveal().get(3..15).unwrap_or_default().into(),
        hash: hash(key.reveal()),
        name: name.into(),
        team: team.map(Into::into),
        user: user.map(Into::into),
        models,
        expires,
        admin,
        created: env::now(),
    };
    let made = admin_key(office).await?;
    office.keys.create(&record).await.map_err(fault)?;
    office.changed(made.as_ref().map(|(hash, _)| *hash)).await?;
    let mut json = Writer::new();
    json.object(|json| {
        json.key("key").str(key.reveal());
        write(&record, false, json);
        if let Some((_, file)) = &made {
            json.key("admin_key_file").str(file);
        }
    });
    Ok(Told { status: 201, json: json.finish() })
}

async fn name(office: &Office, given: Option<String>) -> Result<String, Fault> {
    let name =
        given.ok_or_else(|| Fault::invalid("name", "A key needs a `name`: it stands for the key in the ledger."))?;
    if RESERVED.contains(&name.as_str()) {
        return Err(Fault::invalid("name", format!("`{name}` is taken by the gateway itself: choose another name.")));
    }
    match find(office, &name).await? {
        Some((key, file)) if *key.name == name => {
            let place = if file { "in the configuration file" } else { "already" };
            let message =
                format!("A key named `{name}` exists {place}. Choose another name, or revoke that key first.");
            Err(Fault { code: Some("name_taken".to_owned()), ..Fault::invalid("name", message) })
        }
        _ => Ok(name),
    }
}

/// The admin key, made with the first key; its hash and the file that holds it. `None`: there is one.
async fn admin_key(office: &Office) -> Result<Option<([u8; 32], String)>, Fault> {
    let config = &office.snapshot.config;
    if config.server.admin_key.is_some() || newkey::stored_admin(&*office.keys).await.map_err(fault)?.is_some() {
        return Ok(None);
    }
    let made = newkey::make_admin(&*office.keys, &config.data_dir, true).await;
    let key = made.map_err(|error| Fault::new(Kind::Unavailable, format!("The admin key cannot be made: {error}")))?;
    Ok(Some((hash(key.reveal()), shown(config))))
}

fn shown(config: &Config) -> String {
    let path: &Path = &config.data_dir.join(newkey::ADMIN_FILE);
    path.display().to_string()
}

/// When a key ends: after a duration from now, at the beginning of a day, at a moment.
fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, Fault> {
    let after = units::duration(text).and_then(|span| {
        let span = SignedDuration::try_from(span).ok()?;
        env::now().checked_add(span).ok()
    });
    let day = || text.parse::<Date>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    let exact = || if text.contains([':', 'T']) { text.parse::<Timestamp>().ok() } else { day() };
    let Some(moment) = after.or_else(exact) else {
        let message = format!("`{text}` is no end of a key: write 90d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z.");
        return Err(Fault::invalid("expires", message));
    };
    if moment <= env::now() {
        return Err(Fault::invalid("expires", format!("`{text}` is over already: write an end that is to come.")));
    }
    Ok(moment)
}

async fn revoke(office: &Office, wanted: &str) -> Result<Told, Fault> {
    let revoked = office.keys.revoke(wanted, env::now()).await.map_err(fault)?;
    let Some(key) = revoked else {
        return Err(match find(office, wanted).await? {
            Some((key, true)) => {
                let file = office.snapshot.config.file.as_ref().map(|file| file.display().to_string());
                let file = file.unwrap_or_else(|| "the configuration".to_owned());
                let message = format!("The key `{}` is declared in {file}: take it out there (`keys:`).", key.name);
                Fault { code: Some("declared_in_file".to_owned()), ..Fault::new(Kind::Forbidden, message) }
            }
            _ => none(wanted),
        });
    };
    office.changed(None).await?;
    let mut json = Writer::new();
    json.object(|json| {
        write(&key, false, json);
        json.key("revoked").bool(true);
    });
    Ok(Told::ok(json.finish()))
}

/// The members of a key as it is listed.
fn write(key: &KeyRecord, file: bool, json: &mut Writer) {
    json.key("id").str(&key.id).key("name").str(&key.name);
    let text = |json: &mut Writer, name: &str, value: Option<&str>| {
        match value {
            Some(value) => json.key(name).str(value),
            None => json.key(name).null(),
        };
    };
    text(json, "team", key.team.as_deref());
    text(json, "user", key.user.as_deref());
    json.key("models").array(|json| {
        for model in &key.models {
            json.str(model);
        }
    });
    text(json, "expires", key.expires.map(seconds).as_deref());
    json.key("admin").bool(key.admin);
    text(json, "created", (!file).then(|| seconds(key.created)).as_deref());
    json.key("source").str(if file { "file" } else { "store" });
}

fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ends_are_spans_days_and_moments_to_come() {
        let zone = TimeZone::UTC;
        let in_days = (moment("90d", &zone).unwrap() - env::now()).total(jiff::Unit::Hour).unwrap();
        assert!((in_days - 90.0 * 24.0).abs() < 0.1, "{in_days}");
        assert_eq!(moment("2199-01-31", &zone).unwrap().to_string(), "2199-01-31T00:00:00Z");
        assert_eq!(moment("2199-01-31T12:00:00+01:00", &zone).unwrap().to_string(), "2199-01-31T11:00:00Z");
        for wrong in ["", "soon", "2001-01-01", "0s", "2199-13-01"] {
            assert!(moment(wrong, &zone).is_err(), "{wrong}");
        }
    }
}
