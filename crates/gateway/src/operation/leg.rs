//! How one target is asked: where, with which body, and how its answer comes back. Or not at all, where the gateway
//! itself can say something.

use bytes::Bytes;
use dialect::count::Form;
use dialect::embed::vector::Encoding;
use dialect::fault::Fault;
use dialect::gist::Gist;
use dialect::id::DialectId;
use dialect::loss::Loss;
use dialect::stream::Reading;
use dialect::usage::{Source, Unit, Usage};
use policy::provider::operation::{Operation, call};
use policy::provider::row::{Auth, Hosted};
use wire::json::{Document, Json};

use super::request::Request;
use super::{count, embed, tokens, usage};
use crate::state::target::Target;
use crate::tasks::Tasks;

/// How one target is asked.
#[derive(Debug)]
pub enum Leg {
    /// It is sent a request.
    Up(Box<Up>),
    /// It counts no tokens: what the request says is counted here.
    Here(Gist),
}

/// A request for a target.
#[derive(Debug)]
pub struct Up {
    /// Where.
    pub url: String,
    /// How the key is sent.
    pub auth: &'static Auth,
    /// The body; `None`: the caller's with the target's name of the model.
    pub body: Option<Bytes>,
    /// The dialect of the target's errors.
    pub dialect: DialectId,
    /// The host of somebody else's dialect.
    pub hosted: Option<&'static Hosted>,
    /// What could not come along.
    pub losses: Vec<Loss>,
    /// How the answer comes back.
    pub back: Back,
    /// A server may have no such path: then tokens are counted here.
    pub may_lack: bool,
}

/// How an answer comes back.
#[derive(Debug)]
pub enum Back {
    /// As it came.
    Same,
    /// A count, as it came or from another form.
    Count {
        /// The form it comes in.
        form: Form,
        /// It is the caller's too.
        same: bool,
    },
    /// OpenAI's vectors, in the encoding that was asked for.
    Vectors(Encoding),
    /// Google's vectors for Google's callers.
    Google(Gist),
    /// Google's vectors for OpenAI's callers.
    FromGoogle(Encoding, Gist),
    /// OpenAI's vectors for Google's callers.
    FromOpenAi,
}

/// An answer as its caller gets it.
#[derive(Debug)]
pub struct Brought {
    /// The body.
    pub body: Bytes,
    /// What it told.
    pub reading: Reading,
    /// A number of tokens in the body is an estimate.
    pub estimated: bool,
}

/// Whether a target can be asked at all.
#[must_use]
pub fn serves(request: &Request, target: &Target) -> bool {
    match request.asking.operation {
        Operation::CountTokens => !target.lanes.is_empty(),
        Operation::Embeddings => embed::serves(request, target),
        operation => place(operation, target).is_some(),
    }
}

/// How a target is asked.
///
/// # Errors
/// `invalid_request` for what cannot be asked of this target.
pub fn leg(request: &Request, target: &Target) -> Result<Leg, Fault> {
    match request.asking.operation {
        Operation::CountTokens => count::leg(request, target),
        Operation::Embeddings => embed::leg(request, target).map(|up| Leg::Up(Box::new(up))),
        operation => {
            let (url, auth) = place(operation, target).unwrap_or((String::new(), &Auth::None));
            Ok(Leg::Up(Box::new(Up::plain(url, auth, request.asking.dialect))))
        }
    }
}

/// Where a target serves an operation in its one shape, and how the key is sent there.
#[must_use]
pub fn place(operation: Operation, target: &Target) -> Option<(String, &'static Auth)> {
    let config = &target.provider.config;
    call(config.row, operation, &config.base_url, &target.model, config.api_version.as_deref())
}

impl Up {
    /// A request in the caller's shape.
    #[must_use]
    pub fn plain(url: String, auth: &'static Auth, dialect: DialectId) -> Self {
        let losses = Vec::new();
        Self { url, auth, body: None, dialect, hosted: None, losses, back: Back::Same, may_lack: false }
    }

    /// Brings an answer back; `None` where it is not what was asked for.
    pub async fn bring(&self, request: &Request, target: &Target, body: Bytes, tasks: &Tasks) -> Option<Brought> {
        let plain = |body: Bytes| {
            let mut reading = usage::whole(request.asking.operation, target, &body);
            reading.complete = true;
            Brought { body, reading, estimated: false }
        };
        match &self.back {
            Back::Same => Some(plain(body)),
            Back::Count { form, same } => {
                let tokens = dialect::count::read(*form, json(&body)?)?;
                let body = match same {
                    true => body,
                    false => dialect::count::write(request.asking.dialect, tokens, false).into(),
                };
                Some(Brought { body, reading: Reading { complete: true, ..Reading::default() }, estimated: false })
            }
            Back::Vectors(encoding) => {
                let mut brought = plain(body);
                if let Ok(document) = Document::parse(brought.body.clone()) {
                    brought.body = document.edit(&dialect::embed::openai::encode(&document, *encoding));
                }
                Some(brought)
            }
            Back::Google(said) => {
                let told = dialect::embed::gemini::tokens(json(&body)?);
                let (reading, _) = google(told, said, target, tasks).await;
                Some(Brought { body, reading, estimated: false })
            }
            Back::FromGoogle(encoding, said) => {
                let embedded = dialect::embed::gemini::read_answer(json(&body)?)?;
                let (reading, tokens) = google(embedded.tokens, said, target, tasks).await;
                let body = dialect::embed::openai::write_answer(&embedded, &target.model, *encoding, tokens)?;
                Some(Brought { body: body.into(), reading, estimated: embedded.tokens.is_none() })
            }
            Back::FromOpenAi => {
                let reading = plain(body.clone()).reading;
                let embedded = dialect::embed::openai::read_answer(json(&body)?)?;
                let body = dialect::embed::gemini::write_answer(&embedded, !request.asking.single);
                Some(Brought { body: body.into(), reading, estimated: false })
            }
        }
    }
}

fn json(body: &Bytes) -> Option<Json<'_>> {
    Json::from_bytes(body).ok()
}

/// What Google's vectors used: as told, else counted.
async fn google(told: Option<u64>, said: &Gist, target: &Target, tasks: &Tasks) -> (Reading, u64) {
    let mut usage = Usage::unknown();
    let tokens = match told {
        Some(tokens) => {
            usage.source = Source::Reported;
            tokens
        }
        None => {
            usage.source = Source::Estimated;
            usage.notes.push("estimated from the text".to_owned());
            tokens::count(tasks, said.clone(), &target.model).await
        }
    };
    usage.set(Unit::Input, tokens);
    (Reading { usage, complete: true, ..Reading::default() }, tokens)
}
