//! Where an object is made, and where one that is there stays: one provider, one of its keys.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{HeaderMap, HeaderName};
use policy::object::Object;
use policy::provider::kept::{Kept, call};
use policy::provider::row::Auth;
use wire::json::Writer;

use super::line::is_limited;
use crate::exchange::plan::no_key;
use crate::native::NO_MODEL;
use crate::state::directory::Principal;
use crate::state::names::meaning;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;

/// The caller's word on the provider.
const PROVIDER: HeaderName = HeaderName::from_static("x-tollgate-provider");

/// One provider and one of its keys.
#[derive(Debug, Clone)]
pub struct Pin {
    /// The provider's place in the configuration.
    pub place: usize,
    /// The key's place among the provider's.
    pub key: usize,
    /// The provider as the target of no model.
    pub target: Arc<Target>,
    /// Where the collection is.
    pub url: String,
    /// How the key is sent there.
    pub auth: Auth,
}

impl Pin {
    fn at(snapshot: &Snapshot, place: usize, family: DialectId, kept: Kept) -> Option<Self> {
        let config = snapshot.config.providers.get(place)?;
        let (url, auth) = call(config.row, family, kept, &config.base_url, config.api_version.as_deref())?;
        Some(Self { place, key: 0, target: snapshot.target(place, NO_MODEL), url, auth: auth.clone() })
    }

    /// The fingerprint of its key.
    #[must_use]
    pub fn fingerprint(&self) -> Arc<str> {
        self.target.provider.fingerprint(self.key)
    }
}

/// The provider that the caller names.
#[must_use]
pub fn named(headers: &HeaderMap) -> Option<&str> {
    headers.get(&PROVIDER)?.to_str().ok().map(str::trim).filter(|name| !name.is_empty())
}

/// Where a new object is made: at the provider that the caller names, else at the first whose row keeps such
/// objects and whose models the caller may use.
///
/// # Errors
/// `no_candidate` when there is none; `forbidden` for a provider of which the caller may use no model.
pub fn choose(
    snapshot: &Snapshot,
    who: &Principal,
    family: DialectId,
    kept: Kept,
    named: Option<&str>,
) -> Result<Pin, Fault> {
    let providers = &snapshot.config.providers;
    let places: Vec<usize> = match named {
        Some(name) => vec![snapshot.provider_place(name).ok_or_else(|| unknown(snapshot, name))?],
        None => (0..providers.len()).collect(),
    };
    let mut excluded = Writer::new();
    let mut forbidden = None;
    let mut found = None;
    excluded.object(|json| {
        for place in places {
            let Some(config) = providers.get(place) else { continue };
            let why = match Pin::at(snapshot, place, family, kept) {
                None => "endpoint",
                Some(pin) if no_key(&pin.target).is_some() => "no_key",
                Some(_) if who.kept_from(&config.data).is_some() => {
                    forbidden = Some(Arc::clone(&config.name));
                    who.kept_from(&config.data).unwrap_or("require")
                }
                Some(_) if !may_use(snapshot, who, place) => {
                    forbidden = Some(Arc::clone(&config.name));
                    "forbidden"
                }
                Some(pin) => {
                    found = found.take().or(Some(pin));
                    continue;
                }
            };
            json.key(&config.name).plain(why);
        }
    });
    if let Some(pin) = found {
        let key = pin.target.provider.first_key();
        return Ok(Pin { key, ..pin });
    }
    if let Some(name) = forbidden {
        return Err(refused(&name).with("excluded_by", excluded.finish()));
    }
    let (what, api) = (kept.name(), api(family));
    let message = match named {
        Some(name) => format!("The provider `{name}` does not serve {what} in {api} API, or has no key."),
        None => format!(
            "No configured provider serves {what} in {api} API. Configure one that does (docs/providers.md lists \
             them), or name one by the header `x-tollgate-provider`."
        ),
    };
    Err(Fault::new(Kind::NoCandidate, message).with("excluded_by", excluded.finish()))
}

fn refused(name: &str) -> Fault {
    let message = format!(
        "This key may keep nothing at the provider `{name}`: it may use none of its models, or its team requires of a \
         provider (`require`) what that one does not have."
    );
    Fault::new(Kind::Forbidden, message)
}

/// Refuses a provider that lacks what the caller requires.
///
/// # Errors
/// `forbidden`.
pub fn required(pin: &Pin, who: &Principal) -> Result<(), Fault> {
    let config = &pin.target.provider.config;
    who.kept_from(&config.data).map_or(Ok(()), |_| Err(refused(&config.name)))
}

/// Where an object is.
///
/// # Errors
/// `no_candidate` when its provider or key is no more in the configuration, or does not serve such objects.
pub fn of(snapshot: &Snapshot, family: DialectId, kept: Kept, object: &Object) -> Result<Pin, Fault> {
    let name = &object.name.provider;
    let gone = |what: String| {
        let message = format!("`{}` is kept by the provider `{name}`, {what}.", object.name.id);
        Fault::new(Kind::NoCandidate, message)
    };
    let place =
        snapshot.provider_place(name).ok_or_else(|| gone("which is not in the configuration any more".into()))?;
    let pin = Pin::at(snapshot, place, family, kept)
        .ok_or_else(|| gone(format!("which does not serve {} in {} API", kept.name(), api(family))))?;
    let key = pin.target.provider.key_of(&object.key);
    let key = key.ok_or_else(|| gone("by a key that is not in the configuration any more".into()))?;
    Ok(Pin { key, ..pin })
}

const fn api(family: DialectId) -> &'static str {
    match family {
        DialectId::AnthropicMessages => "Anthropic's",
        _ => "OpenAI's",
    }
}

fn unknown(snapshot: &Snapshot, name: &str) -> Fault {
    let names = snapshot.config.providers.iter().map(|provider| &*provider.name);
    let near = policy::catalog::near_of(names, name, 1);
    let shown: String = name.chars().take(64).collect();
    let hint = near.first().map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
    Fault::invalid("x-tollgate-provider", format!("There is no provider `{shown}` here.{hint}"))
}

/// Whether a caller may use any model of a provider.
#[must_use]
pub fn may_use(snapshot: &Snapshot, who: &Principal, place: usize) -> bool {
    if !is_limited(who) {
        return true;
    }
    let Some(provider) = snapshot.config.providers.get(place) else { return false };
    let own = format!("{}/", provider.name);
    let any = |patterns: &[String]| {
        patterns.is_empty()
            || patterns.iter().any(|pattern| {
                pattern.starts_with(&own)
                    || pattern.starts_with('*')
                    || meaning(snapshot, pattern, &Principal::named("admin", true))
                        .is_ok_and(|meaning| meaning.targets.iter().any(|(at, _)| at.provider_name == provider.name))
            })
    };
    any(&who.models) && any(&who.team_models)
}
