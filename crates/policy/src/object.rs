//! Objects that a provider keeps for a caller (files, batches, responses, …): whose each is, and where it stays.
//!
//! What happens to one is a line of the journal between the ledger's lines, so it survives whatever they
//! survive and is stored in the same order.

use std::sync::Arc;

use jiff::Timestamp;
use wire::json::{Json, Writer};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file.
    File,
    /// A batch of requests.
    Batch,
    /// A stored response.
    Response,
    /// A conversation.
    Conversation,
    /// A cached content.
    CachedContent,
    /// An upload in parts.
    Upload,
    /// A vector store.
    VectorStore,
    /// An assistant.
    Assistant,
    /// A thread.
    Thread,
    /// A fine-tuning job.
    FineTuningJob,
    /// A stored chat completion.
    ChatCompletion,
    /// A video.
    Video,
    /// A container that code runs in.
    Container,
    /// An evaluation.
    Eval,
    /// A skill.
    Skill,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 15] = [
        Kind::File,
        Kind::Batch,
        Kind::Response,
        Kind::Conversation,
        Kind::CachedContent,
        Kind::Upload,
        Kind::VectorStore,
        Kind::Assistant,
        Kind::Thread,
        Kind::FineTuningJob,
        Kind::ChatCompletion,
        Kind::Video,
        Kind::Container,
        Kind::Eval,
        Kind::Skill,
    ];

    /// The word for it, as it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Batch => "batch",
            Kind::Response => "response",
            Kind::Conversation => "conversation",
            Kind::CachedContent => "cached_content",
            Kind::Upload => "upload",
            Kind::VectorStore => "vector_store",
            Kind::Assistant => "assistant",
            Kind::Thread => "thread",
            Kind::FineTuningJob => "fine_tuning_job",
            Kind::ChatCompletion => "chat_completion",
            Kind::Video => "video",
            Kind::Container => "container",
            Kind::Eval => "eval",
            Kind::Skill => "skill",
        }
    }

    /// The kind of a stored word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Whose an object is. A key is known by its name, as in the ledger: a key that takes the place of another under
/// the same name goes on with its objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// All keys of a team.
    Team(Arc<str>),
    /// A key without a team.
    Key(Arc<str>),
    /// The admin key.
    Admin,
    /// This machine, while no key was defined.
    Local,
}

impl Owner {
    /// The text it is stored as.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Owner::Team(name) => format!("team:{name}"),
            Owner::Key(name) => format!("key:{name}"),
            Owner::Admin => "admin".to_owned(),
            Owner::Local => "local".to_owned(),
        }
    }

    /// The owner of a stored text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("team", name)) => Some(Owner::Team(name.into())),
            Some(("key", name)) => Some(Owner::Key(name.into())),
            None if text == "admin" => Some(Owner::Admin),
            None if text == "local" => Some(Owner::Local),
            _ => None,
        }
    }
}

/// Whether the gateway has work left with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Yes: a batch whose answers are not in the ledger yet.
    Open,
    /// No more.
    Settled,
}

impl State {
    /// The word for it, as it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Settled => "settled",
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [State::Open, State::Settled].into_iter().find(|state| state.name() == name)
    }
}

/// Which object: ids are the provider's own, so two providers may give the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// The provider's id.
    pub id: Arc<str>,
}

/// An object at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Which.
    pub name: Name,
    /// Whose.
    pub owner: Owner,
    /// Fingerprint of the provider's key that made it; empty where the provider needs none.
    pub key: Arc<str>,
    /// The model asked for, where one was.
    pub model: Option<Arc<str>>,
    /// When it was made.
    pub created: Timestamp,
    /// When the provider deletes it, where known.
    pub expires: Option<Timestamp>,
    /// Whether work is left with it; `None` where there never is any.
    pub state: Option<State>,
    /// What that work must know, as JSON.
    pub data: Option<Arc<str>>,
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was made. Of one that is known already nothing changes.
    Made(Object),
    /// Its state, and where given its data, are others.
    Noted(Name, State, Option<Arc<str>>),
    /// It was deleted.
    Gone(Name),
}

/// How every line of a change begins; no ledger line does.
const HEAD: &str = "{\"object\":";

impl Change {
    /// True for a line that is a change.
    #[must_use]
    pub fn is(line: &str) -> bool {
        line.starts_with(HEAD)
    }

    /// The line as JSON, without a line feed.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = Writer::with_capacity(256);
        let (word, name) = match self {
            Change::Made(object) => ("made", &object.name),
            Change::Noted(name, ..) => ("noted", name),
            Change::Gone(name) => ("gone", name),
        };
        out.lit("{\"object\":").plain(word);
        out.key("provider").str(&name.provider).key("kind").plain(name.kind.name()).key("object_id").str(&name.id);
        match self {
            Change::Made(object) => {
                out.key("owner").str(&object.owner.text()).key("key").str(&object.key);
                out.key("created").raw(&object.created.as_millisecond().to_string());
                if let Some(model) = &object.model {
                    out.key("model").str(model);
                }
                if let Some(expires) = object.expires {
                    out.key("expires").raw(&expires.as_millisecond().to_string());
                }
                note(&mut out, object.state, object.data.as_deref());
            }
            Change::Noted(_, state, data) => note(&mut out, Some(*state), data.as_deref()),
            Change::Gone(_) => {}
        }
        out.lit("}");
        out.finish()
    }

    /// Reads a line; `None` for one that is no change, or one of a newer program's.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let json = Json::parse(line).ok().filter(|_| Self::is(line))?;
        let text = |key: &str| json.get(key)?.as_str();
        let name = Name {
            provider: text("provider")?.as_ref().into(),
            kind: Kind::parse(&text("kind")?)?,
            id: text("object_id")?.as_ref().into(),
        };
        let state = text("state").and_then(|state| State::parse(&state));
        let data = text("data").map(|data| Arc::from(data.as_ref()));
        let time = |key: &str| {
            let ms = json.get(key)?.as_number()?.parse().ok()?;
            Timestamp::from_millisecond(ms).ok()
        };
        match &*text("object")? {
            "made" => Some(Change::Made(Object {
                name,
                owner: Owner::parse(&text("owner")?)?,
                key: text("key")?.as_ref().into(),
                model: text("model").map(|model| Arc::from(model.as_ref())),
                created: time("created")?,
                expires: time("expires"),
                state,
                data,
            })),
            "noted" => Some(Change::Noted(name, state?, data)),
            "gone" => Some(Change::Gone(name)),
            _ => None,
        }
    }
}

fn note(out: &mut Writer, state: Option<State>, data: Option<&str>) {
    if let Some(state) = state {
        out.key("state").plain(state.name());
    }
    if let Some(data) = data {
        out.key("data").str(data);
    }
}

/// Which part of an owner's objects of one kind is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Only those that stand behind this id in the list.
    pub after: Option<Arc<str>>,
    /// Only those that stand before this id; the nearest of them.
    pub before: Option<Arc<str>>,
    /// Oldest first.
    pub ascending: bool,
    /// The most.
    pub limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let name = Name { provider: "p \"1\"".into(), kind: Kind::File, id: "file-ü\n1".into() };
        let whole = Object {
            name: name.clone(),
            owner: Owner::Team("a:b".into()),
            key: "00ff".into(),
            model: Some("fast".into()),
            created: Timestamp::from_millisecond(1_795_341_600_123).unwrap_or(Timestamp::UNIX_EPOCH),
            expires: Timestamp::from_millisecond(1_795_341_700_000).ok(),
            state: Some(State::Open),
            data: Some("{\"a\":\"\\\"\"}".into()),
        };
        let bare = Object {
            owner: Owner::Local,
            key: "".into(),
            model: None,
            expires: None,
            state: None,
            data: None,
            ..whole.clone()
        };
        for change in [
            Change::Made(whole),
            Change::Made(bare),
            Change::Noted(name.clone(), State::Settled, None),
            Change::Noted(name.clone(), State::Open, Some("{}".into())),
            Change::Gone(name),
        ] {
            let line = change.write();
            assert!(!line.contains('\n') && line.ends_with('}'), "{line}");
            assert!(crate::entry::Columns::read(&line).is_none(), "no ledger line: {line}");
            assert_eq!(Change::read(&line), Some(change));
        }
        for other in ["{}", "{\"id\":\"x\"}", "{\"object\":\"made\"}", "{\"object\":\"new\",\"provider\":\"p\"}", ""] {
            assert_eq!(Change::read(other), None, "{other}");
        }
    }

    #[test]
    fn owners_and_kinds_keep_their_spelling() {
        for owner in [Owner::Team("key:x".into()), Owner::Key("admin".into()), Owner::Admin, Owner::Local] {
            assert_eq!(Owner::parse(&owner.text()), Some(owner));
        }
        assert_eq!(Owner::parse("nobody"), None);
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
    }
}
