//! Organizations, teams and the keys that the file declares.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy::residency::Require;

use super::super::diagnose::{At, near};
use super::super::raw;
use super::super::read::{Named, Reader, Spot};
use super::super::types::{Key, NamedModel, Team};
use super::super::units::KeyHash;
use super::{Placed, undefined};

type Organizations = BTreeMap<Arc<str>, Vec<Arc<str>>>;
type Teams = BTreeMap<Arc<str>, Team>;

/// Organizations and teams, each team of at most one organization.
pub(super) fn teams(
    organizations: Option<Spot<Named<raw::Organization>>>,
    teams: Option<Spot<Named<raw::Team>>>,
    reader: &mut Reader<'_>,
) -> (Organizations, Teams) {
    let mut known = Teams::new();
    for (name, spot) in teams.map(|named| named.value.0).unwrap_or_default() {
        let models = patterns(spot.value.models);
        let require = vec![require(spot.value.require)];
        known.insert(name.value.into(), Team { organization: None, models, require });
    }
    let mut all = Organizations::new();
    for (name, spot) in organizations.map(|named| named.value.0).unwrap_or_default() {
        let organization: Arc<str> = name.value.into();
        let wanted = require(spot.value.require);
        let mut own = Vec::new();
        for team in spot.value.teams.map(|list| list.value).unwrap_or_default() {
            let Some(found) = known.get_mut(team.value.as_str()) else {
                undefined(team.at, "team", &team.value, known.keys().map(|name| &**name), reader);
                continue;
            };
            if let Some(other) = &found.organization {
                let what = format!("team `{}` is of organization `{other}` already", team.value);
                reader.problem(team.at, what, "name it under one organization");
                continue;
            }
            found.organization = Some(Arc::clone(&organization));
            found.require.push(wanted.clone());
            own.push(team.value.into());
        }
        all.insert(organization, own);
    }
    (all, known)
}

fn require(raw: Option<Spot<Named<raw::Wanted>>>) -> Require {
    let wanted = raw.map(|spot| spot.value.0).unwrap_or_default();
    Require(wanted.into_iter().map(|(name, spot)| (name.value, spot.value.0)).collect())
}

fn patterns(list: Option<Spot<Vec<Spot<String>>>>) -> Vec<String> {
    list.map(|list| list.value.into_iter().map(|spot| spot.value).collect()).unwrap_or_default()
}

/// The declared keys: names and hashes are unique, teams are defined.
pub(super) fn keys(
    list: Option<Spot<Vec<Spot<raw::Key>>>>,
    teams: &Teams,
    zone: &TimeZone,
    reader: &mut Reader<'_>,
) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for Spot { at, value } in list.map(|list| list.value).unwrap_or_default() {
        let before = reader.problems.len();
        let name = value.name.filter(|name| !name.value.is_empty());
        let Some(name) = name else {
            reader.problem(at, "a key has no `name`", "give `name:`");
            continue;
        };
        let Some(hash) = value.hash else {
            let remedy = "give `hash: \"sha256:…\"`, or create it at run time: tollgate keys create --name NAME";
            reader.problem(name.at, format!("key `{}` has no `hash`", name.value), remedy);
            continue;
        };
        let Some(KeyHash(hash)) = hash.value.0 else { continue };
        if keys.iter().any(|known| *known.name == *name.value) {
            reader.problem(name.at, format!("key `{}` is given twice", name.value), "give each key its own name");
        }
        if let Some(known) = keys.iter().find(|known| known.hash == hash) {
            let what = format!("key `{}` has the hash of key `{}`", name.value, known.name);
            reader.problem(name.at, what, "one key has one name: remove one of them");
        }
        if let Some(team) = value.team.as_ref().filter(|team| !teams.contains_key(team.value.as_str())) {
            undefined(team.at, "team", &team.value, teams.keys().map(|name| &**name), reader);
        }
        let expires = value.expires.and_then(|spot| moment(&spot, zone, reader));
        if reader.problems.len() == before {
            keys.push(Key {
                name: name.value.into(),
                hash,
                team: value.team.map(|spot| spot.value.into()),
                user: value.user.map(|spot| spot.value.into()),
                models: patterns(value.models),
                expires,
                require: require(value.require),
            });
        }
    }
    keys
}

fn moment(spot: &Spot<String>, zone: &TimeZone, reader: &mut Reader<'_>) -> Option<Timestamp> {
    let text = spot.value.trim();
    let day = || text.parse::<Date>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    // A date alone is the beginning of that day in the configured time zone.
    let moment = if text.contains([':', 'T']) { text.parse::<Timestamp>().ok() } else { day() };
    if moment.is_none() {
        let remedy = "write a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z";
        reader.problem(spot.at, format!("`{text}` is not a day or a moment"), remedy);
    }
    moment
}

/// Warns of names under `models:` of teams and keys that nothing answers to, when something near does.
pub(super) fn check_names(
    teams: &Teams,
    keys: &[Key],
    models: &[NamedModel],
    providers: &[Placed],
    reader: &mut Reader<'_>,
) {
    let names = super::provider::named(providers);
    let lists = teams.iter().map(|(name, team)| ("team", name, &team.models));
    let lists = lists.chain(keys.iter().map(|key| ("key", &key.name, &key.models)));
    for (who, name, patterns) in lists {
        for pattern in patterns.iter().filter(|pattern| models.iter().all(|model| *model.name != ***pattern)) {
            let near = match pattern.split_once('/') {
                Some((provider, _)) if names.iter().any(|known| **known == *provider) => Vec::new(),
                Some((provider, _)) => near(provider, names.iter().map(|known| &**known)),
                None => near(pattern, models.iter().map(|model| &*model.name)),
            };
            if let Some(near) = near.first() {
                let what = format!("{who} `{name}` may ask for `{pattern}`, which nothing here answers to");
                reader.warning(At::default(), what, format!("did you mean `{near}`?"));
            }
        }
    }
}
