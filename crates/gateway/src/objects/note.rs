//! What is stored with a batch: whose its requests are, for the time when their answers are priced; and with a
//! file, what it asks or answers.

use std::sync::Arc;

use dialect::id::DialectId;
use policy::entry::Caller;
use wire::json::{Json, Writer};

/// What a batch's requests need to be in the ledger.
#[derive(Debug, Clone)]
pub struct Note {
    /// The API it was made in.
    pub family: DialectId,
    /// Who made it.
    pub caller: Caller,
    /// The name asked for, where all its requests ask for one.
    pub asked: Option<String>,
}

impl Note {
    /// The note as JSON.
    #[must_use]
    pub fn write(&self) -> Arc<str> {
        let mut json = Writer::with_capacity(256);
        let caller = &self.caller;
        json.object(|json| {
            json.key("family").str(self.family.name()).key("key").str(&caller.key);
            let texts = [
                ("team", caller.team.as_deref()),
                ("organization", caller.organization.as_deref()),
                ("user", caller.user.as_deref()),
                ("session", caller.session.as_deref()),
                ("asked", self.asked.as_deref()),
            ];
            for (name, text) in texts {
                if let Some(text) = text {
                    json.key(name).str(text);
                }
            }
            json.key("tags").object(|json| {
                for (name, value) in &caller.tags {
                    json.key(name).str(value);
                }
            });
        });
        json.finish().into()
    }

    /// Reads a note.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let json = Json::parse(text).ok()?;
        let text = |name: &str| json.get(name).and_then(Json::as_str);
        let tags = json.get("tags").into_iter().flat_map(Json::members);
        Some(Self {
            family: DialectId::parse(&text("family")?)?,
            caller: Caller {
                key: text("key")?.as_ref().into(),
                team: text("team").map(|team| team.as_ref().into()),
                organization: text("organization").map(|name| name.as_ref().into()),
                user: text("user").map(Into::into),
                tags: tags.filter_map(|(name, value)| Some((name.into_owned(), value.as_str()?.into()))).collect(),
                session: text("session").map(Into::into),
            },
            asked: text("asked").map(Into::into),
        })
    }
}

/// What is stored with a file of a batch's requests: the names they ask for.
#[must_use]
pub fn of_requests(names: &str) -> Arc<str> {
    format!("{{\"models\":{names}}}").into()
}

/// The names that a file's requests ask for, where they are known.
#[must_use]
pub fn names(data: Option<&str>) -> Option<Vec<String>> {
    let models = Json::parse(data?).ok()?.get("models")?;
    models.items().map(|name| name.as_str().map(Into::into)).collect()
}

/// What is stored with a file of a batch's answers: the batch.
#[must_use]
pub fn of_answers(batch: &str) -> Arc<str> {
    let mut json = Writer::new();
    json.lit("{\"batch\":").str(batch).lit("}");
    json.finish().into()
}

/// The batch whose answers a file holds.
#[must_use]
pub fn batch(data: Option<&str>) -> Option<String> {
    Json::parse(data?).ok()?.get("batch")?.as_str().map(Into::into)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let caller = Caller {
            key: "k\"".into(),
            team: Some("t".into()),
            organization: None,
            user: Some("ü\n".into()),
            tags: vec![("a.b".into(), "c=d".into())],
            session: None,
        };
        let note = Note { family: DialectId::AnthropicMessages, caller, asked: Some("fast".into()) };
        let read = Note::read(&note.write()).unwrap();
        assert_eq!(format!("{note:?}"), format!("{read:?}"));
        assert!(Note::read("{}").is_none() && Note::read("x").is_none());
        assert_eq!(names(Some(&of_requests("[\"a\",\"b\"]"))), Some(vec!["a".into(), "b".into()]));
        assert_eq!((names(None), names(Some("{}"))), (None, None));
        assert_eq!(batch(Some(&of_answers("batch_1"))).as_deref(), Some("batch_1"));
    }
}
