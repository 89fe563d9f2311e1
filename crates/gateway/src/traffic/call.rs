//! Sends one request as a client would, and reads its ledger line.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{sleep, timeout};

use super::ask::{Ask, Who};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer that is read, bytes.
const LONGEST: usize = 8 * 1024 * 1024;
/// How often and how long apart a line is asked for: it can be read within 1 s of the answer's end.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(100);

/// A request that is over.
#[derive(Debug)]
pub(super) struct Finished {
    /// Who asked.
    pub(super) who: Who,
    /// The ledger's id.
    pub(super) id: Option<String>,
    /// HTTP status.
    pub(super) http: Option<u16>,
    /// Its ledger line, as it came.
    pub(super) line: Option<Bytes>,
    /// Why there is no line.
    pub(super) trouble: Option<String>,
}

/// A client of the gateway.
#[derive(Debug)]
pub(super) struct Caller {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
}

/// An answer's head and what of its body was read.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Result<Bytes, String>,
}

impl Caller {
    /// A client of the gateway at a base URL.
    pub(super) fn new(base_url: &str) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self { pool, base: base_url.trim_end_matches('/').to_owned() }
    }

    /// Sends a request, reads the answer to its end, then its line.
    pub(super) async fn call(&self, ask: Ask) -> Finished {
        let mut finished = Finished { who: ask.who, id: None, http: None, line: None, trouble: None };
        match timeout(PATIENCE, self.send(&ask)).await {
            Err(_) => finished.trouble = Some(format!("no answer within {} s", PATIENCE.as_secs())),
            Ok(Err(trouble)) => finished.trouble = Some(trouble),
            Ok(Ok(answer)) => {
                finished.http = Some(answer.status);
                let id = answer.headers.get("x-tollgate-request-id").and_then(|id| id.to_str().ok());
                finished.id = id.map(str::to_owned);
                match &finished.id {
                    // A broken stream is in its line too.
                    Some(id) => match self.line(id).await {
                        Ok(line) => finished.line = Some(line),
                        Err(trouble) => finished.trouble = Some(trouble),
                    },
                    None => finished.trouble = Some("the answer has no x-tollgate-request-id".to_owned()),
                }
            }
        }
        finished
    }

    async fn send(&self, ask: &Ask) -> Result<Answer, String> {
        let Who { team, user, feature } = ask.who;
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{}", self.base, ask.path))
            .header(header::CONTENT_TYPE, "application/json")
            .header("anthropic-version", "2023-06-01")
            .header("x-tollgate-user", user)
            .header("x-tollgate-tags", format!("team={team},feature={feature}"))
            .body(Full::new(Bytes::from(ask.body.clone())));
        self.exchange(request.map_err(|error| error.to_string())?).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let response = self.pool.request(request).await.map_err(|error| chain(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map(|body| body.to_bytes());
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.map_err(|error| error.to_string()),
        })
    }

    /// The line of a request.
    async fn line(&self, id: &str) -> Result<Bytes, String> {
        let mut last = String::new();
        for _ in 0..LOOKS {
            let request = Request::builder()
                .uri(format!("{}/v1/requests/{id}", self.base))
                .body(Full::new(Bytes::new()))
                .map_err(|error| error.to_string())?;
            match timeout(PATIENCE, self.exchange(request)).await {
                Ok(Ok(Answer { status: 200, body: Ok(line), .. })) => return Ok(line),
                Ok(Ok(Answer { status, .. })) => last = format!("HTTP {status}"),
                Ok(Err(error)) => last = error,
                Err(_) => "no answer in time".clone_into(&mut last),
            }
            sleep(LOOK).await;
        }
        Err(format!("no ledger line: {last}"))
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
