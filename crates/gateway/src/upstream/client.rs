//! One HTTP client a provider: kept connections, one resend on a kept connection that was found closed.

use std::error::Error as _;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::body::UpBody;
use super::connect::{ConnectTimeout, Connector, Dial, Uses};
use super::sent::Sent;
use crate::coding::Coding;

/// How long a kept connection may be idle: below what providers allow, so that ours closes first.
const KEEP: Duration = Duration::from_secs(30);

/// How a provider is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reach {
    /// Time for TCP, proxy and TLS together.
    pub connect: Duration,
    /// A proxy that understands CONNECT.
    pub proxy: Option<Uri>,
    /// Certificates to trust beside the usual ones, in PEM.
    pub roots: Option<Vec<u8>>,
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// No connection in time.
    ConnectTimeout,
    /// No connection.
    Connect,
    /// The connection broke before an answer; `reused`: one had come over it before.
    Broken {
        /// An answer had come over this connection before.
        reused: bool,
    },
}

/// An answer's head and body.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers as they came.
    pub headers: HeaderMap,
    /// The body, decoded.
    pub body: UpBody,
}

/// What came of asking for another protocol.
#[derive(Debug)]
pub enum Switched {
    /// The connection speaks it.
    Yes {
        /// The answer's headers.
        headers: HeaderMap,
        /// The connection.
        stream: Upgraded,
    },
    /// An answer as any.
    No(Box<Answer>),
}

/// A client of one provider.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Pool<Connector, Sent>,
}

impl Client {
    /// A client that reaches a provider in a way.
    ///
    /// # Errors
    /// The extra certificates are not PEM.
    pub fn new(reach: &Reach) -> Result<Self, String> {
        Self::of(reach, true)
    }

    /// A client for connections that change their protocol, which HTTP/1.1 alone can.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn switching(reach: &Reach) -> Result<Self, String> {
        Self::of(reach, false)
    }

    fn of(reach: &Reach, http2: bool) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = &reach.roots {
            for certificate in rustls_pemfile::certs(&mut pem.as_slice()) {
                let certificate: CertificateDer<'static> = certificate.map_err(|error| format!("ca_file: {error}"))?;
                roots.add(certificate).map_err(|error| format!("ca_file: {error}"))?;
            }
        }
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let dial = Dial::new(reach.proxy.clone());
        let https = if http2 { https.enable_http2().wrap_connector(dial) } else { https.wrap_connector(dial) };
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(KEEP)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .set_host(true)
            .build(Connector::new(https, reach.connect));
        Ok(Self { pool })
    }

    /// Sends a request and waits for the answer's head. No redirect is followed.
    ///
    /// # Errors
    /// No connection, or it broke before the head.
    pub async fn send(&self, request: Request<impl Into<Sent>>) -> Result<Answer, SendError> {
        match self.pool.request(request.map(Into::into)).await {
            Ok(response) => Ok(answer(response)),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Asks for another protocol.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn switch(&self, request: Request<Sent>) -> Result<Switched, SendError> {
        match self.pool.request(request).await {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let headers = response.headers().clone();
                match hyper::upgrade::on(response).await {
                    Ok(stream) => Ok(Switched::Yes { headers, stream }),
                    Err(_) => Err(SendError::Broken { reused: false }),
                }
            }
            Ok(response) => Ok(Switched::No(Box::new(answer(response)))),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn answer(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    if let Some(uses) = head.extensions.get::<Uses>() {
        uses.add();
    }
    let coding = head
        .headers
        .get(header::CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .map_or(Some(Coding::Identity), Coding::parse)
        // A coding nobody asked for and nobody knows: let the dialect find it no answer.
        .unwrap_or(Coding::Identity);
    Answer { status: head.status.as_u16(), headers: head.headers, body: UpBody::http(body, coding) }
}

fn failed(error: &hyper_util::client::legacy::Error) -> SendError {
    if error.is_connect() {
        return if timed_out(error) { SendError::ConnectTimeout } else { SendError::Connect };
    }
    let mut extras = http::Extensions::new();
    if let Some(info) = error.connect_info() {
        info.get_extras(&mut extras);
    }
    SendError::Broken { reused: extras.get::<Uses>().is_some_and(Uses::any) }
}

/// True when our own time limit is the cause of a connect error.
fn timed_out(error: &hyper_util::client::legacy::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<ConnectTimeout>() {
            return true;
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::TimedOut
        {
            return true;
        }
        cause = inner.source();
    }
    false
}
