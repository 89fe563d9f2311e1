//! What authorizes requests to a provider that has no key: signatures and access tokens, fetched before they are
//! needed and renewed before they end.

pub mod ask;
pub mod aws;
pub mod entra;
pub mod google;
pub mod lease;
pub mod sigv4;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, header};

use self::ask::Asker;
use self::lease::{Fetched, Lease};
use super::client::{Client, Reach};
use crate::config::Secret;
use crate::config::credential::{AwsKeys, AwsSource, Credential as Configured};
use crate::env;
use crate::tasks::Tasks;

/// How long a fetch may go on once the gateway stops.
const LAST: Duration = Duration::from_secs(3);

/// Why there is no credential: whose fault, and what to do. It names no account and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialError {
    /// Where it was to come from.
    pub source: String,
    /// What went wrong.
    pub what: String,
    /// What the operator does next.
    pub remedy: String,
}

impl CredentialError {
    /// An error without its source, which whoever fetches adds.
    #[must_use]
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { source: String::new(), what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no credentials ({}): {}. {}", self.source, self.what, self.remedy)
    }
}

/// What a credential gives.
#[derive(Debug, Clone)]
pub enum Grant {
    /// An access token.
    Token {
        /// The token.
        token: Secret,
        /// The project of Google's that is charged, where the credentials name one.
        charged: Option<HeaderValue>,
    },
    /// Keys to sign with.
    Keys(Arc<AwsKeys>),
}

/// The body that goes with a request.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It goes through, so nobody can sign it.
    Through,
}

/// The credential of one provider.
#[derive(Debug, Clone)]
pub struct Credential {
    config: Configured,
    asker: Asker,
    lease: Arc<Lease>,
}

impl Credential {
    /// A credential as configured; addresses on the way are reached as the provider is.
    ///
    /// # Errors
    /// The extra certificates are not PEM.
    pub fn new(config: Configured, reach: &Reach) -> Result<Self, String> {
        let reach = Reach { connect: reach.connect.min(ask::CONNECT), ..reach.clone() };
        let near = Reach { connect: ask::CONNECT_NEAR, proxy: None, roots: None };
        let asker = Asker { far: Client::new(&reach)?, near: Client::new(&near)? };
        let lease = Arc::new(Lease::default());
        if let Configured::Aws(aws) = &config
            && let (AwsSource::Keys { keys, .. }, None) = (&aws.source, &aws.role)
        {
            lease.hold(Fetched { grant: Grant::Keys(Arc::new(keys.clone())), life: None });
        }
        Ok(Self { config, asker, lease })
    }

    /// As configured.
    #[must_use]
    pub fn config(&self) -> &Configured {
        &self.config
    }

    /// True when bodies must be whole before they can be sent.
    #[must_use]
    pub fn signs(&self) -> bool {
        matches!(self.config, Configured::Aws(_))
    }

    /// What it holds that nobody may see.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        match self.lease.held() {
            Some(Grant::Token { token, .. }) => vec![token],
            Some(Grant::Keys(keys)) => std::iter::once(&keys.secret).chain(&keys.token).cloned().collect(),
            None => Vec::new(),
        }
    }

    /// Authorizes a request: waits for a grant where none is held, and puts it into the headers. Whatever the headers
    /// said of it before is gone.
    ///
    /// # Errors
    /// There is no grant, or the request cannot be signed.
    pub async fn authorize<B>(
        &self,
        tasks: &Tasks,
        request: &mut Request<B>,
        payload: Payload<'_>,
    ) -> Result<(), CredentialError> {
        let grant = self.grant(tasks).await?;
        match (&grant, &self.config, payload) {
            (Grant::Token { token, charged }, ..) => {
                let value = HeaderValue::try_from(format!("Bearer {}", token.reveal()));
                let mut value = value.map_err(|_| {
                    self.named(CredentialError::new(
                        "the token holds a character that no header carries",
                        "Look at what answers in the token service's place.",
                    ))
                })?;
                value.set_sensitive(true);
                request.headers_mut().insert(header::AUTHORIZATION, value);
                if let Some(project) = charged {
                    request.headers_mut().entry("x-goog-user-project").or_insert(project.clone());
                }
                Ok(())
            }
            (Grant::Keys(keys), Configured::Aws(aws), Payload::Whole(body)) => {
                let scope = sigv4::Scope { region: &aws.region, service: &aws.service, at: env::now() };
                sigv4::authorize(request, body, keys, scope).ok_or_else(|| {
                    self.named(CredentialError::new(
                        "the request cannot be signed",
                        "Look for characters in the keys that no header carries.",
                    ))
                })
            }
            (Grant::Keys(_), ..) => Err(self.named(CredentialError::new(
                "a body that goes through cannot be signed",
                "Send it with a key of Bedrock (AWS_BEARER_TOKEN_BEDROCK) instead.",
            ))),
        }
    }

    /// Has the grant renewed soon: the provider refused it. Renewals have their pause, so this cannot hurry them.
    pub fn refused(&self, tasks: &Tasks) {
        self.lease.doubt();
        self.renew(tasks);
    }

    async fn grant(&self, tasks: &Tasks) -> Result<Grant, CredentialError> {
        loop {
            let wait = match self.lease.look() {
                lease::Look::Held { grant, renew } => {
                    if renew {
                        self.renew(tasks);
                    }
                    return Ok(grant);
                }
                lease::Look::Failed(error) => return Err(error),
                lease::Look::Missing(wait) => wait,
            };
            self.renew(tasks);
            wait.done().await;
        }
    }

    /// Fetches in the background, unless that is under way: a caller who leaves ends nothing for the others.
    fn renew(&self, tasks: &Tasks) {
        let Some(turn) = self.lease.turn() else { return };
        let one = self.clone();
        let stop = tasks.stop().clone();
        tasks.spawn("credential", async move {
            let fetched = tokio::select! {
                fetched = tokio::time::timeout(ask::PATIENCE, one.fetch()) => fetched,
                // Requests that run to their end may still need it.
                () = async { stop.cancelled().await; tokio::time::sleep(LAST).await } => Ok(Err(CredentialError::new(
                    "the gateway is stopping",
                    "Retry, at another node.",
                ))),
            };
            let fetched = fetched.unwrap_or_else(|_| {
                Err(CredentialError::new(
                    format!("it took more than {} s", ask::PATIENCE.as_secs()),
                    "Check that it can be reached from here.",
                ))
            });
            turn.end(fetched.and_then(Fetched::living).map_err(|error| one.named(error)));
        });
    }

    async fn fetch(&self) -> Result<Fetched, CredentialError> {
        match &self.config {
            Configured::Aws(aws) => aws::fetch(aws, &self.asker).await,
            Configured::Google(google) => google::fetch(google, &self.asker).await,
            Configured::Entra(entra) => entra::fetch(entra, &self.asker).await,
        }
    }

    fn named(&self, error: CredentialError) -> CredentialError {
        CredentialError { source: self.config.to_string(), ..error }
    }
}
