//! Whose the objects at providers are: what was made lately in memory, all of it in the store.
//!
//! A change is a line of the journal, so an object that a caller was told of survives a kill; memory answers for
//! what the store does not have yet, and for what it has while it is away.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dialect::fault::{Fault, Kind as FaultKind};
use policy::object::{Change, Kind, Name, Object, Owner, Page, State};
use policy::port::{self, Position};
use store::ingest::Ingest;
use store::journal::{Appended, Journal};
use tokio::sync::Notify;

use super::directory::Principal;
use crate::env;

/// Most ids kept in memory.
const MOST: usize = 20_000;
/// How long a reader waits for the store to have what the journal has.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks.
const TICK: Duration = Duration::from_millis(5);

type Id = (Kind, Arc<str>);

/// The objects.
#[derive(Debug)]
pub struct Objects {
    store: Arc<dyn port::Objects>,
    journal: Arc<Journal>,
    ingest: Arc<Ingest>,
    memory: Mutex<Memory>,
    woken: Notify,
}

#[derive(Debug)]
struct Memory {
    /// By id, one for each provider; one that is gone keeps its name, for the store may still have it.
    known: HashMap<Id, Vec<Known>>,
    /// In the order in which they came.
    order: VecDeque<Id>,
    /// Up to where the store must have the journal to know what memory does not.
    needed: Position,
    /// Batches that have something new.
    hurried: Vec<Name>,
}

#[derive(Debug, Clone)]
enum Known {
    Here(Object),
    Gone(Name),
}

/// What one that is taken in goes over: the store's may be old, what was made just now is not gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Nothing,
    Gone,
    All,
}

impl Known {
    fn name(&self) -> &Name {
        match self {
            Known::Here(object) => &object.name,
            Known::Gone(name) => name,
        }
    }
}

impl Objects {
    /// The objects of a store, of which the journal may have some that the store has not.
    #[must_use]
    pub fn new(store: Arc<dyn port::Objects>, journal: Arc<Journal>, ingest: Arc<Ingest>) -> Self {
        let needed = journal.stats().written;
        let memory = Memory { known: HashMap::new(), order: VecDeque::new(), needed, hurried: Vec::new() };
        Self { store, journal, ingest, memory: Mutex::new(memory), woken: Notify::new() }
    }

    /// Where they are stored.
    #[must_use]
    pub fn store(&self) -> &dyn port::Objects {
        &*self.store
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an object that was just made. Wait for the line as for a ledger line's, then tell the caller.
    #[must_use]
    pub fn made(&self, object: Object) -> Appended {
        let line = Change::Made(object.clone()).write();
        let open = object.state == Some(State::Open);
        self.memory().put(Known::Here(object), Over::Gone, &self.journal);
        let appended = self.journal.append(line);
        if open {
            self.woken.notify_one();
        }
        appended
    }

    /// True for an object that is in memory, or was deleted.
    #[must_use]
    pub fn knows(&self, name: &Name) -> bool {
        let memory = self.memory();
        let all = memory.known.get(&(name.kind, Arc::clone(&name.id)));
        all.is_some_and(|all| all.iter().any(|known| known.name() == name))
    }

    /// Says that a batch has something new: whoever prices it need not wait.
    pub fn hurry(&self, name: &Name) {
        let mut memory = self.memory();
        if !memory.hurried.contains(name) && memory.hurried.len() < MOST {
            memory.hurried.push(name.clone());
        }
        drop(memory);
        self.woken.notify_one();
    }

    /// The batches that have something new.
    pub fn hurried(&self) -> Vec<Name> {
        std::mem::take(&mut self.memory().hurried)
    }

    /// Comes back once there is work: a batch was made, or has something new.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Records an object's state, and where given its data.
    #[must_use]
    pub fn noted(&self, name: &Name, state: State, data: Option<Arc<str>>) -> Appended {
        self.memory().note(name, state, data.clone());
        self.journal.append(Change::Noted(name.clone(), state, data).write())
    }

    /// Records that an object was deleted.
    #[must_use]
    pub fn gone(&self, name: &Name) -> Appended {
        self.memory().put(Known::Gone(name.clone()), Over::All, &self.journal);
        self.journal.append(Change::Gone(name.clone()).write())
    }

    /// The caller's object of that kind and id; an admin key finds everyone's. Where two providers gave the same
    /// id, `provider` says whose is meant, else it is the newest.
    ///
    /// # Errors
    /// `unavailable` when it is not known here and the store is away.
    pub async fn find(
        &self,
        who: &Principal,
        kind: Kind,
        id: &str,
        provider: Option<&str>,
    ) -> Result<Option<Object>, Fault> {
        let wanted =
            |object: &Object| may(who, object) && provider.is_none_or(|provider| *object.name.provider == *provider);
        if let Some(object) = self.memory().find(kind, id).into_iter().find(&wanted) {
            return Ok(Some(object));
        }
        let needed = self.memory().needed;
        self.catch_up(needed).await;
        let stored = self.store.find(kind, id).await.map_err(|_| away())?;
        let mut memory = self.memory();
        for object in stored.into_iter().rev() {
            memory.put(Known::Here(object), Over::Nothing, &self.journal);
        }
        let found = memory.find(kind, id).into_iter().find(&wanted);
        if found.is_none() && self.ingest.stored() < memory.needed {
            return Err(away());
        }
        Ok(found)
    }

    /// A part of an owner's objects of one kind.
    ///
    /// # Errors
    /// `unavailable` when the store is away.
    pub async fn list(&self, owner: &Owner, kind: Kind, page: &Page) -> Result<Vec<Object>, Fault> {
        self.catch_up(self.journal.stats().written).await;
        self.store.list(owner, kind, page).await.map_err(|_| away())
    }

    /// Objects with work left, the oldest first.
    ///
    /// # Errors
    /// The store is away.
    pub async fn open(&self, limit: usize) -> Result<Vec<Object>, port::StoreError> {
        self.catch_up(self.journal.stats().written).await;
        self.store.open(limit).await
    }

    /// Waits until the store has the journal up to a place, not for long.
    async fn catch_up(&self, place: Position) {
        let by = env::instant() + PATIENCE;
        while self.ingest.stored() < place && env::instant() < by {
            self.ingest.hurry();
            tokio::time::sleep(TICK).await;
        }
    }
}

/// Whether a caller may use an object: its own, or anyone's with an admin key.
#[must_use]
pub fn may(who: &Principal, object: &Object) -> bool {
    who.admin || object.owner == who.owner
}

fn away() -> Fault {
    let message = "Whose this object is cannot be looked up: the store that knows cannot be reached. Retry shortly.";
    Fault { retry_after: Some(1), ..Fault::new(FaultKind::Unavailable, message) }
}

impl Memory {
    /// Takes one in, in the place of what is known of the same name as far as it goes `over` that.
    fn put(&mut self, known: Known, over: Over, journal: &Journal) {
        let id: Id = (known.name().kind, Arc::clone(&known.name().id));
        if !self.known.contains_key(&id) {
            if self.order.len() >= MOST
                && let Some(oldest) = self.order.pop_front()
            {
                // The store may not have it yet.
                self.needed = self.needed.max(journal.stats().written);
                self.known.remove(&oldest);
            }
            self.order.push_back(id.clone());
        }
        let all = self.known.entry(id).or_default();
        match all.iter_mut().find(|other| other.name().provider == known.name().provider) {
            Some(other) => {
                let gone = matches!(other, Known::Gone(_));
                if over == Over::All || (over == Over::Gone && gone) {
                    *other = known;
                }
            }
            None => all.push(known),
        }
    }

    fn note(&mut self, name: &Name, state: State, data: Option<Arc<str>>) {
        let Some(all) = self.known.get_mut(&(name.kind, Arc::clone(&name.id))) else { return };
        for known in all {
            if let Known::Here(object) = known
                && object.name == *name
            {
                object.state = Some(state);
                if data.is_some() {
                    object.data.clone_from(&data);
                }
            }
        }
    }

    /// The newest first.
    fn find(&self, kind: Kind, id: &str) -> Vec<Object> {
        let all = self.known.get(&(kind, id.into())).map(Vec::as_slice).unwrap_or_default();
        let here = |known: &Known| match known {
            Known::Here(object) => Some(object.clone()),
            Known::Gone(_) => None,
        };
        all.iter().rev().filter_map(here).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use store::journal::Options;

    fn object(provider: &str, id: &str, owner: Owner) -> Object {
        Object {
            name: Name { provider: provider.into(), kind: Kind::File, id: id.into() },
            owner,
            key: "".into(),
            model: None,
            created: Timestamp::UNIX_EPOCH,
            expires: None,
            state: None,
            data: None,
        }
    }

    fn person(owner: Owner) -> Principal {
        Principal { owner, ..Principal::named("p", false) }
    }

    fn open(dir: &std::path::Path) -> (Objects, Arc<Journal>) {
        let stores = store::open(dir).unwrap();
        let journal = Arc::new(Journal::open(&dir.join("journal"), Options::default()).unwrap());
        let ingest = Arc::new(Ingest::start(Arc::clone(&journal), stores.ledger, None).unwrap());
        (Objects::new(stores.objects, Arc::clone(&journal), ingest), journal)
    }

    #[tokio::test]
    async fn others_find_nothing_before_and_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (Owner::Team("one".into()), Owner::Team("two".into()));
        let page = Page { after: None, before: None, ascending: false, limit: 10 };
        {
            let (objects, _) = open(dir.path());
            drop(objects.made(object("a", "x", one.clone())));
            drop(objects.made(object("b", "x", two.clone())));
            drop(objects.made(object("a", "y", one.clone())));
            let find = async |who: &Owner, id: &str| {
                let found = objects.find(&person(who.clone()), Kind::File, id, None).await.unwrap();
                found.map(|object| object.name.provider.to_string())
            };
            assert_eq!(find(&one, "x").await.as_deref(), Some("a"));
            assert_eq!(find(&two, "x").await.as_deref(), Some("b"));
            assert_eq!(find(&two, "y").await, None);
            let admin = Principal::named("admin", true);
            let of = |provider| objects.find(&admin, Kind::File, "x", provider);
            assert!(of(Some("a")).await.unwrap().is_some_and(|object| object.owner == one));
            assert!(of(Some("c")).await.unwrap().is_none());
            assert_eq!(objects.list(&one, Kind::File, &page).await.unwrap().len(), 2, "at once, without a wait");
            drop(objects.gone(&object("a", "y", one.clone()).name));
            assert_eq!(find(&one, "y").await, None, "though the store still has it");
            assert_eq!(objects.list(&one, Kind::File, &page).await.unwrap().len(), 1);
            drop(objects.made(object("a", "y", two.clone())));
            assert_eq!(find(&two, "y").await.as_deref(), Some("a"), "made anew, by another");
            drop(objects.made(object("a", "late", two.clone())));
        }
        // As after a kill: the last line may be in the journal only.
        let (objects, _) = open(dir.path());
        assert!(objects.find(&person(two.clone()), Kind::File, "late", None).await.unwrap().is_some());
        assert!(objects.find(&person(one), Kind::File, "late", None).await.unwrap().is_none());
    }

    #[test]
    fn memory_is_bounded_and_asks_for_what_it_forgot() {
        let dir = tempfile::tempdir().unwrap();
        let (objects, journal) = open(dir.path());
        let before = objects.memory().needed;
        for number in 0..=MOST {
            drop(objects.made(object("a", &format!("f{number}"), Owner::Local)));
        }
        let memory = objects.memory();
        assert_eq!((memory.known.len(), memory.order.len()), (MOST, MOST));
        assert!(memory.find(Kind::File, "f0").is_empty() && !memory.find(Kind::File, "f1").is_empty());
        assert!(memory.needed > before && memory.needed <= journal.stats().written);
    }
}
