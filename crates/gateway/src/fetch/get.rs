//! One download: every hop's host is resolved once, its addresses checked, and the checked address connected to.
//!
//! Nothing of the caller's and nothing of ours goes along: no cookie, no key, no `via`. Redirects are followed by hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dialect::ir::part::MediaKind;
use futures_util::future::{Either, select};
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tower_service::Service as _;

use super::address::Place;
use super::failure::Failure;
use super::guard;
use super::resolve::{Resolve, System};
use super::sniff::{fits, sniff};
use crate::coding::{Coding, CodingError, Decoder};
use crate::config::types::{FetchMedia, Fetching};
use crate::upstream::connect::Dial;

/// Most redirects of one download.
const REDIRECTS: usize = 3;
/// How long one of a host's addresses may take to connect, and TLS to begin; how many addresses are tried.
const CONNECT: Duration = Duration::from_secs(3);
const ADDRESSES: usize = 3;
/// Most bytes of an answer's head.
const HEAD: usize = 64 * 1024;
/// Downloads at once, of all requests together.
const AT_ONCE: usize = 128;

/// Media as they were downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What the bytes are.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// Takes note of bytes that are held; an error where there is no room for them.
pub type Room<'a> = &'a (dyn Fn(u64) -> Result<(), Failure> + Send + Sync);

/// Downloads media.
#[derive(Debug)]
pub struct Fetcher {
    resolver: Box<dyn Resolve>,
    tls: Option<Arc<ClientConfig>>,
    places: Semaphore,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(Box::new(System))
    }
}

impl Fetcher {
    /// One that finds hosts its own way.
    #[must_use]
    pub fn new(resolver: Box<dyn Resolve>) -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = config.ok().map(|config| {
            let mut config = config.with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Arc::new(config)
        });
        Self { resolver, tls, places: Semaphore::new(AT_ONCE) }
    }

    /// Downloads the media at an address. The caller bounds the time.
    ///
    /// # Errors
    /// Why they could not be had.
    pub async fn get(
        &self,
        url: &str,
        kind: MediaKind,
        rules: &FetchMedia,
        proxy: Option<&Uri>,
        room: Room<'_>,
    ) -> Result<Fetched, Failure> {
        let mut place = Place::parse(url)?;
        let _place = self.places.acquire().await.map_err(|_| Failure::Connect)?;
        for _ in 0..=REDIRECTS {
            match self.hop(&place, kind, rules, proxy, room).await? {
                Hop::There(fetched) => return Ok(fetched),
                Hop::Elsewhere(location) => place = place.join(&location)?,
            }
        }
        Err(Failure::Redirects)
    }

    async fn hop(
        &self,
        place: &Place,
        kind: MediaKind,
        rules: &FetchMedia,
        proxy: Option<&Uri>,
        room: Room<'_>,
    ) -> Result<Hop, Failure> {
        if !matches!(place.port, 80 | 443) && !rules.ports.contains(&place.port) {
            return Err(Failure::Refused("its port is neither 80 nor 443 (`server.fetch_media.ports`)"));
        }
        let found = self.resolver.find(&place.host, place.port).await.map_err(|_| Failure::Unknown)?;
        if found.is_empty() {
            return Err(Failure::Unknown);
        }
        let allowed: Vec<_> =
            found.into_iter().filter(|found| guard::allows(rules, &place.host, found.ip())).take(ADDRESSES).collect();
        if allowed.is_empty() {
            return Err(Failure::Refused(match rules.mode {
                Fetching::Allow => {
                    "its host is not one of those that may be asked for this caller (`server.fetch_media.hosts`)"
                }
                _ => "its host is not one that may be asked: only public addresses are",
            }));
        }
        let mut dial = Dial::new(proxy.cloned());
        for address in allowed {
            // The address itself, not the name: nobody can answer otherwise a second time.
            let Ok(to) = format!("http://{address}").parse() else { continue };
            let Ok(Ok(tcp)) = tokio::time::timeout(CONNECT, dial.call(to)).await else { continue };
            if !place.https {
                return exchange(tcp.into_inner(), place, kind, rules, room).await;
            }
            let name = ServerName::try_from(place.host.clone()).map_err(|_| Failure::Connect)?;
            let tls = TlsConnector::from(Arc::clone(self.tls.as_ref().ok_or(Failure::Connect)?));
            let shaken = tokio::time::timeout(CONNECT, tls.connect(name, tcp.into_inner())).await;
            let stream = shaken.map_err(|_| Failure::Connect)?.map_err(|_| Failure::Connect)?;
            return exchange(stream, place, kind, rules, room).await;
        }
        Err(Failure::Connect)
    }
}

/// Where a hop ends.
enum Hop {
    There(Fetched),
    Elsewhere(String),
}

/// One request over a connection of its own, which ends with it.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    place: &Place,
    kind: MediaKind,
    rules: &FetchMedia,
    room: Room<'_>,
) -> Result<Hop, Failure> {
    let handshake = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|_| Failure::Broken)?;
    let talk = Box::pin(async move {
        let request = request(place).ok_or(Failure::Address("it cannot be asked for"))?;
        let response = sender.send_request(request).await.map_err(|_| Failure::Broken)?;
        let status = response.status().as_u16();
        match status {
            200 => read(response, kind, rules, room).await.map(Hop::There),
            301 | 302 | 303 | 307 | 308 => {
                let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
                location.map(|location| Hop::Elsewhere(location.to_owned())).ok_or(Failure::Status(status))
            }
            status => Err(Failure::Status(status)),
        }
    });
    // The connection moves while the talk goes on; what it has read already outlives it.
    match select(talk, Box::pin(connection)).await {
        Either::Left((done, _)) => done,
        Either::Right((_, talk)) => talk.await,
    }
}

fn request(place: &Place) -> Option<Request<Empty<Bytes>>> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = place.target.parse().ok()?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::try_from(place.authority()).ok()?);
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
    Some(request)
}

/// The body within its bounds, and what it is.
async fn read(
    response: http::Response<Incoming>,
    kind: MediaKind,
    rules: &FetchMedia,
    room: Room<'_>,
) -> Result<Fetched, Failure> {
    let most = rules.max;
    let (head, mut body) = response.into_parts();
    let text = |name: &header::HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    if text(&header::CONTENT_LENGTH).and_then(|told| told.parse::<u64>().ok()).is_some_and(|told| told > most) {
        return Err(Failure::TooLarge(most));
    }
    let coding =
        text(&header::CONTENT_ENCODING).map_or(Some(Coding::Identity), Coding::parse).ok_or(Failure::Broken)?;
    let mut decoder = Decoder::new(coding, usize::try_from(most).unwrap_or(usize::MAX));
    let undo = |error: CodingError| match error {
        CodingError::TooLarge => Failure::TooLarge(most),
        CodingError::Corrupt => Failure::Broken,
    };
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Failure::Broken)?.into_data() else { continue };
        let piece = decoder.push(&piece).map_err(undo)?;
        room(piece.len() as u64)?;
        bytes.extend_from_slice(&piece);
    }
    let last = decoder.finish().map_err(undo)?;
    room(last.len() as u64)?;
    bytes.extend_from_slice(&last);
    let media_type = sniff(&bytes, text(&header::CONTENT_TYPE)).ok_or(Failure::Type(None))?;
    match fits(kind, &media_type) {
        true => Ok(Fetched { media_type, bytes: bytes.into() }),
        false => Err(Failure::Type(Some(media_type))),
    }
}

#[cfg(test)]
mod tests;
