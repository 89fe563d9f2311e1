//! Listeners and connections: accept, serve, and let running requests end at a stop.

pub mod client;
pub mod google;
pub mod reply;
pub mod router;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use crate::gateway::Gateway;
use crate::telemetry::log;

/// How long a request's head may take to come.
const HEAD: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves TCP until the gateway stops; returns when no connection is open or `drain` is over.
pub async fn serve(gateway: Arc<Gateway>, listener: TcpListener, tls: Option<TlsAcceptor>, drain: Duration) {
    let graceful = GracefulShutdown::new();
    let stop = gateway.tasks.stop().clone();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely: others must close first.
                    log::warn("a connection could not be accepted", &[("error", &error.to_string())]);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let watcher = graceful.watcher();
        let served = Arc::clone(&gateway);
        let tls = tls.clone();
        gateway.tasks.spawn("connection", async move {
            match tls {
                None => connection(served, stream, Some(peer), watcher).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                        connection(served, stream, Some(peer), watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        log::warn("some requests did not end in time and were cut", &[]);
    }
}

/// Serves the local socket until the gateway stops. Whoever may open its file is the operator.
pub async fn serve_socket(gateway: Arc<Gateway>, listener: UnixListener) {
    let graceful = GracefulShutdown::new();
    let stop = gateway.tasks.stop().clone();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let watcher = graceful.watcher();
        let served = Arc::clone(&gateway);
        gateway.tasks.spawn("socket", async move { connection(served, stream, None, watcher).await });
    }
    drop(listener);
    let _ = tokio::time::timeout(Duration::from_secs(1), graceful.shutdown()).await;
}

async fn connection(
    gateway: Arc<Gateway>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<SocketAddr>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        // In a box of its own, which ends with the answer's head: the connection would keep its room while a stream flows.
        async move { Ok::<_, std::convert::Infallible>(Box::pin(router::route(gateway, peer, request)).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(true);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(1_000);
    let serving = watcher.watch(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned());
    // A client that breaks its connection or sends no HTTP has been told so where it could be.
    let _ = serving.await;
}

/// Opens the local socket, readable and writable by its owner alone.
///
/// # Errors
/// The path cannot be bound.
pub fn open_socket(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The TLS of a listener.
///
/// # Errors
/// What is wrong with its files.
pub fn tls(files: &crate::config::types::Tls) -> Result<TlsAcceptor, String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let (cert, key) = (read(&files.cert)?, read(&files.key)?);
    let certs = rustls_pemfile::certs(&mut cert.as_slice())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("{}: {error}", files.cert.display()))?;
    let key = rustls_pemfile::private_key(&mut key.as_slice())
        .map_err(|error| format!("{}: {error}", files.key.display()))?
        .ok_or_else(|| format!("{}: it holds no private key", files.key.display()))?;
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .map_err(|error| format!("server.tls: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
