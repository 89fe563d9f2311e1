//! The ledger's lines of one socket: one for each response and each transcription, written before the event that ends
//! it goes on, and one of no cost for the connection itself.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::outcome::{Outcome, UpstreamFault};
use dialect::realtime::{Heard, chosen, hear};
use dialect::stream::Reading;
use dialect::usage::Usage;
use policy::entry::Status;
use policy::route::verdict::verdict;

use crate::exchange::redact::redact;
use crate::exchange::settle::{End, Record, wait};
use crate::state::directory::Principal;
use crate::state::target::Target;

/// Responses that are followed at once; OpenAI gives one at a time, and few beside it.
const MOST: usize = 16;
/// The status of a socket.
const SWITCHED: u16 = 101;

/// The lines of one socket. Dropped, what is open is settled as left.
#[derive(Debug)]
pub struct Lines {
    connection: Record,
    target: Arc<Target>,
    who: Arc<Principal>,
    /// The provider's name of the session.
    session: Option<String>,
    /// Responses under way.
    open: Vec<(String, Record)>,
    /// What writes down what is said.
    transcribes: Option<Arc<Target>>,
}

impl Lines {
    /// The lines of a socket that was opened at a target.
    #[must_use]
    pub fn new(connection: Record, target: Arc<Target>, who: Arc<Principal>) -> Self {
        Self { connection, target, who, session: None, open: Vec::new(), transcribes: None }
    }

    /// The connection's record.
    #[must_use]
    pub fn connection(&self) -> &Record {
        &self.connection
    }

    /// Looks at a server's event before it goes on: what ended is settled, and its line written. `Some`: the event
    /// without our keys, where it tells an error.
    pub async fn heard(&mut self, text: &str) -> Option<Bytes> {
        match hear(text) {
            Heard::Session { id, transcribes } => {
                self.session = id.or(self.session.take());
                if let Some(model) = transcribes {
                    self.transcribes = Some(self.beside(&model));
                }
            }
            Heard::Began { id } => {
                if self.open.len() >= MOST {
                    self.open.remove(0);
                }
                self.open.push((id, self.connection.beside("realtime", &self.target)));
            }
            Heard::Done { id, outcome, usage } => {
                let known = self.open.iter().position(|(known, _)| *known == id);
                let record = match known {
                    Some(place) => self.open.swap_remove(place).1,
                    None => self.connection.beside("realtime", &self.target),
                };
                settle(record, outcome, *usage, Some(id)).await;
            }
            Heard::Transcribed { usage } => {
                let target = self.transcribes.as_ref().unwrap_or(&self.target);
                settle(self.connection.beside("transcriptions", target), Outcome::Ok, *usage, None).await;
            }
            Heard::Failed => {
                return Some(redact(Bytes::copy_from_slice(text.as_bytes()), self.target.secrets()));
            }
            Heard::Other => {}
        }
        None
    }

    /// What its client may choose.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard { who: Arc::clone(&self.who), provider: Arc::clone(&self.target.provider_name) }
    }

    /// A model at the same provider.
    fn beside(&self, model: &str) -> Arc<Target> {
        let snapshot = self.connection.snapshot();
        match snapshot.provider_place(&self.target.provider_name) {
            Some(place) => snapshot.target(place, model),
            None => Arc::clone(&self.target),
        }
    }

    /// The socket is closed: settles what is open, the connection last.
    pub async fn end(mut self, status: Status, outcome: Outcome) {
        for (id, record) in std::mem::take(&mut self.open) {
            // A response that nobody ended is none.
            let outcome = if outcome == Outcome::Ok { Outcome::Cancelled } else { outcome };
            settle(record, outcome, Usage::unknown(), Some(id)).await;
        }
        let error = (status == Status::Incomplete).then(|| verdict(&[(outcome, None)]).kind.name());
        let reading = Reading { id: self.session.take(), complete: true, ..Reading::default() };
        let end = End { status, outcome, upstream_status: SWITCHED, http: SWITCHED, reading, error };
        wait(self.connection.settle(end).1).await;
    }
}

/// What a client may choose within its session.
#[derive(Debug)]
pub struct Guard {
    who: Arc<Principal>,
    provider: Arc<str>,
}

impl Guard {
    /// Looks at a client's event before it goes on.
    ///
    /// # Errors
    /// It chooses a model that its key may not use.
    pub fn asked(&self, text: &str) -> Result<(), Fault> {
        if self.who.models.is_empty() && self.who.team_models.is_empty() {
            return Ok(());
        }
        let Some(model) = chosen(text) else { return Ok(()) };
        if self.who.may_ask(&model) || self.who.may_ask(&format!("{}/{model}", self.provider)) {
            return Ok(());
        }
        let message = format!("This key may not use the model `{model}`, which the session chooses to transcribe by.");
        Err(Fault { code: Some("model_forbidden".to_owned()), ..Fault::new(Kind::Forbidden, message) })
    }
}

async fn settle(mut record: Record, outcome: Outcome, usage: Usage, id: Option<String>) {
    let status = match outcome {
        Outcome::Ok => Status::Ok,
        Outcome::Cancelled => Status::Cancelled,
        _ => Status::Incomplete,
    };
    let failed = status == Status::Incomplete;
    let fault = failed.then(|| UpstreamFault::new(outcome, 0, ""));
    let error = failed.then(|| verdict(&[(outcome, None)]).kind.name());
    let id = id.filter(|id| !id.is_empty());
    let reading = Reading { usage, id, complete: !failed, fault, ..Reading::default() };
    let end = End { status, outcome, upstream_status: SWITCHED, http: SWITCHED, reading, error };
    wait(record.settle(end).1).await;
}
