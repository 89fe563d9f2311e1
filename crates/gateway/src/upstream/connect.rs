//! Opens connections to providers: TCP, an optional proxy, TLS, all within one time limit; counts how
//! often a connection was used.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Tcp = TokioIo<TcpStream>;
type Opening<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// No connection within the provider's `connect` time.
#[derive(Debug, Clone, Copy, Error)]
#[error("no connection in time")]
pub struct ConnectTimeout;

/// TCP, through a proxy where one is set.
#[derive(Debug, Clone)]
pub struct Dial {
    direct: HttpConnector<GaiResolver>,
    proxy: Option<Uri>,
}

impl Dial {
    /// A dialler; `proxy` is an `http://` address that understands CONNECT.
    #[must_use]
    pub fn new(proxy: Option<Uri>) -> Self {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_nodelay(true);
        direct.set_keepalive(Some(Duration::from_secs(60)));
        Self { direct, proxy }
    }
}

impl tower_service::Service<Uri> for Dial {
    type Response = Tcp;
    type Error = BoxError;
    type Future = Opening<Tcp>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let mut direct = self.direct.clone();
        match self.proxy.clone() {
            None => Box::pin(async move { direct.call(to).await.map_err(Into::into) }),
            Some(proxy) => Box::pin(async move {
                let auth = proxy.authority().and_then(|authority| credentials(authority.as_str()));
                let mut tunnel = Tunnel::new(proxy, direct);
                if let Some(auth) = auth {
                    tunnel = tunnel.with_auth(auth);
                }
                tunnel.call(to).await.map_err(Into::into)
            }),
        }
    }
}

/// `user:password@` of an authority as a basic credential.
fn credentials(authority: &str) -> Option<http::HeaderValue> {
    use base64::Engine as _;
    let (user, _) = authority.rsplit_once('@')?;
    let packed = base64::engine::general_purpose::STANDARD.encode(user);
    let mut value = http::HeaderValue::try_from(format!("Basic {packed}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// TLS over [`Dial`], within a time limit.
#[derive(Debug, Clone)]
pub struct Connector {
    https: HttpsConnector<Dial>,
    within: Duration,
}

impl Connector {
    /// A connector that gives up after `within`.
    #[must_use]
    pub fn new(https: HttpsConnector<Dial>, within: Duration) -> Self {
        Self { https, within }
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Counted;
    type Error = BoxError;
    type Future = Opening<Counted>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let opening = self.https.call(to);
        let within = self.within;
        Box::pin(async move {
            match tokio::time::timeout(within, opening).await {
                Ok(Ok(stream)) => Ok(Counted { stream, uses: Uses::default() }),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(ConnectTimeout.into()),
            }
        })
    }
}

/// How many answers came over a connection.
#[derive(Debug, Clone, Default)]
pub struct Uses(Arc<AtomicU32>);

impl Uses {
    /// One more answer came.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// An answer has come over it before.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// A connection that knows how often it was used.
#[derive(Debug)]
pub struct Counted {
    stream: MaybeHttpsStream<Tcp>,
    uses: Uses,
}

impl Connection for Counted {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.uses.clone())
    }
}

impl Read for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl Write for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}
