//! One request of a batch before it goes up: its model must be one that the caller may use, at the provider that
//! gets the batch, under the provider's own name.

use std::collections::HashMap;
use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use wire::json::Writer;

use crate::state::directory::Principal;
use crate::state::names::meaning;
use crate::state::snapshot::Snapshot;

/// Most names that are remembered.
const MOST: usize = 100;

/// The models of a batch's requests.
#[derive(Debug)]
pub struct Models {
    snapshot: Arc<Snapshot>,
    who: Arc<Principal>,
    place: usize,
    /// The provider's id of each name asked for.
    known: HashMap<String, Arc<str>>,
    /// There were more names than are remembered.
    more: bool,
}

impl Models {
    /// For a batch of a caller that goes to the provider of that place.
    #[must_use]
    pub fn new(snapshot: &Arc<Snapshot>, who: &Arc<Principal>, place: usize) -> Self {
        Self { snapshot: Arc::clone(snapshot), who: Arc::clone(who), place, known: HashMap::new(), more: false }
    }

    /// The provider's id of a name.
    ///
    /// # Errors
    /// The caller may not use it, there is none such, or it is at other providers.
    pub fn id(&mut self, name: &str) -> Result<Arc<str>, Fault> {
        if let Some(id) = self.known.get(name) {
            return Ok(Arc::clone(id));
        }
        let id = resolve(&self.snapshot, &self.who, self.place, name)?;
        if self.known.len() < MOST {
            self.known.insert(name.to_owned(), Arc::clone(&id));
        } else {
            self.more = true;
        }
        Ok(id)
    }

    /// The caller may use named models only, so every request must name one.
    #[must_use]
    pub fn must_be_named(&self) -> bool {
        is_limited(&self.who)
    }

    /// The only model, by the provider's id.
    #[must_use]
    pub fn only(&self) -> Option<Arc<str>> {
        let mut ids = self.known.values();
        let first = ids.next()?;
        (!self.more && ids.all(|id| id == first)).then(|| Arc::clone(first))
    }

    /// The names asked for as a JSON array; `None` when they are not all known.
    #[must_use]
    pub fn names(&self) -> Option<String> {
        let mut json = Writer::new();
        json.array(|json| {
            for name in self.known.keys() {
                json.str(name);
            }
        });
        (!self.more && !self.known.is_empty()).then(|| json.finish())
    }
}

/// Whether a caller may use named models only.
#[must_use]
pub fn is_limited(who: &Principal) -> bool {
    !who.models.is_empty() || !who.team_models.is_empty()
}

fn resolve(snapshot: &Snapshot, who: &Principal, place: usize, name: &str) -> Result<Arc<str>, Fault> {
    let provider = snapshot.config.providers.get(place).map(|provider| Arc::clone(&provider.name)).unwrap_or_default();
    let at = |asked: &str| {
        meaning(snapshot, asked, who).map(|meaning| {
            let here = meaning.targets.into_iter().find(|(target, _)| target.provider_name == provider);
            here.map(|(target, _)| Arc::clone(&target.model))
        })
    };
    match at(name) {
        Ok(Some(id)) => return Ok(id),
        Ok(None) => {}
        // A name that no list has may still be one of the provider's.
        Err(fault) if fault.kind == Kind::UnknownModel => {
            return at(&format!("{provider}/{name}")).ok().flatten().ok_or(fault);
        }
        Err(fault) => return Err(fault),
    }
    let message = format!(
        "The model `{}` is not at the provider `{provider}`, which this batch goes to. Name another provider with \
         `x-tollgate-provider`, or ask for a model that it serves.",
        name.chars().take(120).collect::<String>()
    );
    Err(Fault::invalid("model", message))
}

/// The same fault told of the request of that number, counted from 1.
#[must_use]
pub fn of_line(fault: Fault, line: u64) -> Fault {
    let message = format!("Request {line} of the batch: {}", fault.message);
    Fault { message, ..fault }.with("line", line.to_string())
}

/// The fault of a request of a batch that is not what it must be.
#[must_use]
pub fn bad(line: u64, message: &str) -> Fault {
    of_line(Fault::new(Kind::InvalidRequest, message), line)
}
