//! Who may call: virtual keys of the file and of the store by hash, with their teams.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;
use policy::object::Owner;
use policy::port::KeyRecord;
use policy::residency::{self, Require};

use crate::config::Config;

/// A caller.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The key's name; `admin` for the admin key, `local` in local mode.
    pub name: Arc<str>,
    /// The key's team.
    pub team: Option<Arc<str>>,
    /// The team's organization.
    pub organization: Option<Arc<str>>,
    /// The end user the key is bound to.
    pub user: Option<Arc<str>>,
    /// Models the key may ask for; empty = all.
    pub models: Vec<String>,
    /// Models the team may ask for; empty = all.
    pub team_models: Vec<String>,
    /// When the key ends.
    pub expires: Option<Timestamp>,
    /// It may use the admin API.
    pub admin: bool,
    /// Who owns what it makes at providers.
    pub owner: Owner,
    /// What every provider of its requests must have, all of it.
    pub require: Vec<Require>,
    /// Its team is not defined any more: nobody knows what it requires.
    pub orphan: bool,
}

impl Principal {
    /// True where its prompts may go to some providers only.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.require.iter().any(|require| !require.is_empty())
    }

    /// The code of what keeps its requests from a provider of these attributes.
    #[must_use]
    pub fn kept_from(&self, data: &BTreeMap<String, String>) -> Option<&'static str> {
        self.require.iter().find_map(|require| require.broken_by(data)).map(residency::code)
    }

    /// A caller without a key that is named.
    #[must_use]
    pub fn named(name: &str, admin: bool) -> Self {
        Self {
            owner: if name == "local" { Owner::Local } else { Owner::Admin },
            name: name.into(),
            team: None,
            organization: None,
            user: None,
            models: Vec::new(),
            team_models: Vec::new(),
            expires: None,
            admin,
            require: Vec::new(),
            orphan: false,
        }
    }

    fn of(config: &Config, record: &KeyRecord) -> Self {
        let team = record.team.as_ref().and_then(|name| config.teams.get(name));
        let owner =
            record.team.as_ref().map_or_else(|| Owner::Key(Arc::clone(&record.name)), |t| Owner::Team(Arc::clone(t)));
        Self {
            owner,
            name: Arc::clone(&record.name),
            team: record.team.clone(),
            organization: team.and_then(|team| team.organization.clone()),
            user: record.user.clone(),
            models: record.models.clone(),
            team_models: team.map(|team| team.models.clone()).unwrap_or_default(),
            expires: record.expires,
            admin: record.admin,
            require: team.map(|team| team.require.clone()).unwrap_or_default(),
            orphan: record.team.is_some() && team.is_none(),
        }
    }
}

/// Every key that is known here.
#[derive(Debug, Default)]
pub struct Directory {
    by_hash: HashMap<[u8; 32], Arc<Principal>>,
    /// Keys of the store, as they are listed.
    pub stored: Vec<KeyRecord>,
}

impl Directory {
    /// Keys of the store and of the file; the file wins.
    #[must_use]
    pub fn build(config: &Config, stored: Vec<KeyRecord>, admin: Option<[u8; 32]>) -> Self {
        let mut by_hash = HashMap::with_capacity(stored.len() + config.keys.len() + 1);
        for record in &stored {
            by_hash.insert(record.hash, Arc::new(Principal::of(config, record)));
        }
        for (record, key) in declared(config).zip(&config.keys) {
            let mut who = Principal::of(config, &record);
            who.require.push(key.require.clone());
            by_hash.insert(record.hash, Arc::new(who));
        }
        if let Some(hash) = admin {
            by_hash.insert(hash, Arc::new(Principal::named("admin", true)));
        }
        Self { by_hash, stored }
    }

    /// The caller of a key's hash.
    #[must_use]
    pub fn find(&self, hash: &[u8; 32]) -> Option<&Arc<Principal>> {
        self.by_hash.get(hash)
    }

    /// True when no key is defined: local mode.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

/// Keys that the file declares, as records.
pub fn declared(config: &Config) -> impl Iterator<Item = KeyRecord> + '_ {
    config.keys.iter().map(|key| KeyRecord {
        id: hex(&key.hash).get(..12).unwrap_or_default().into(),
        hash: key.hash,
        name: Arc::clone(&key.name),
        team: key.team.clone(),
        user: key.user.clone(),
        models: key.models.clone(),
        expires: key.expires,
        admin: false,
        created: Timestamp::UNIX_EPOCH,
    })
}

/// SHA-256 of a key's text.
#[must_use]
pub fn hash(key: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, key.as_bytes());
    digest.as_ref().try_into().unwrap_or([0; 32])
}

/// Lowercase hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut out, format_args!("{byte:02x}"));
        out
    })
}
