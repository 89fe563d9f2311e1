//! Where a provider's responses and conversations are.

use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use policy::object::{Kind as ObjectKind, Object};

use crate::exchange::plan::no_key;
use crate::native::NO_MODEL;
use crate::objects::pin::Pin;
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;

const HERE: DialectId = DialectId::OpenAiResponses;

/// The collection of a kind at a provider, with its first key.
fn at(snapshot: &Snapshot, place: usize, kind: ObjectKind, model: &str) -> Option<Pin> {
    let config = snapshot.config.providers.get(place)?;
    let endpoint = config.endpoint(HERE)?;
    let url = config.url(HERE, model).filter(|_| !config.is_demo())?;
    let url = match kind {
        // Only where the path is OpenAI's own.
        ObjectKind::Conversation => {
            let (path, query) = url.split_once('?').map_or((&*url, ""), |(path, query)| (path, query));
            let base = path.strip_suffix("/responses")?;
            let joint = if query.is_empty() { "" } else { "?" };
            format!("{base}/conversations{joint}{query}")
        }
        _ => url,
    };
    Some(Pin { place, key: 0, target: snapshot.target(place, model), url, auth: endpoint.auth.clone() })
}

/// Where an object is.
///
/// # Errors
/// `no_candidate` when its provider or key is no more in the configuration, or does not speak the dialect any more.
pub fn of(snapshot: &Snapshot, object: &Object) -> Result<Pin, Fault> {
    let name = &object.name.provider;
    let gone = |what: &str| {
        let message = format!("`{}` is kept by the provider `{name}`, {what}.", object.name.id);
        Fault::new(Kind::NoCandidate, message)
    };
    let place = snapshot.provider_place(name).ok_or_else(|| gone("which is not in the configuration any more"))?;
    let model = object.model.as_deref().unwrap_or(NO_MODEL);
    let pin = at(snapshot, place, object.name.kind, model);
    let pin = pin.ok_or_else(|| gone("which does not speak OpenAI's Responses API any more"))?;
    let key = pin.target.provider.key_of(&object.key);
    let key = key.ok_or_else(|| gone("by a key that is not in the configuration any more"))?;
    Ok(Pin { key, ..pin })
}

/// Where a new conversation is made, or what was made past the gateway is looked for: at the provider that the caller
/// names, else at the first that speaks the dialect and of which the caller may use a model.
///
/// # Errors
/// There is none.
pub fn choose(snapshot: &Snapshot, who: &Principal, kind: ObjectKind, named: Option<&str>) -> Result<Pin, Fault> {
    let providers = snapshot.config.providers.iter().enumerate();
    let found =
        providers.filter(|(_, config)| named.is_none_or(|name| *config.name == *name)).find_map(|(place, config)| {
            let pin = at(snapshot, place, kind, NO_MODEL)?;
            let usable = no_key(&pin.target).is_none()
                && who.kept_from(&config.data).is_none()
                && crate::objects::pin::may_use(snapshot, who, place);
            usable.then_some(pin)
        });
    let pin = found.ok_or_else(|| {
        let message = "No provider that this key may use speaks OpenAI's Responses API. Configure one, or name one by the \
                       header `x-tollgate-provider`.";
        Fault::new(Kind::NoCandidate, message)
    })?;
    let key = if kind == ObjectKind::Conversation { pin.target.provider.first_key() } else { 0 };
    Ok(Pin { key, ..pin })
}
