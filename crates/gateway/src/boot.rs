//! The one place where the concrete parts meet: from a configuration to a running gateway, and to its end.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use policy::port::StoreError;
use store::ingest::Ingest;
use store::journal::{Journal, Options, Sync as SyncMode};
use store::lock::{Lock, LockError};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::types::Sync;
use crate::config::{self, Config, Diagnostic, Flags};
use crate::gateway::{Gateway, Parts};
use crate::newkey::{ADMIN_FILE, make_admin, stored_admin};
use crate::state::directory::{Directory, hash};
use crate::state::snapshot::Snapshot;
use crate::telemetry::log;
use crate::telemetry::metrics::Metrics;
use crate::{env, jobs, server};

/// The socket for commands, in the data folder.
pub const SOCKET: &str = "tollgate.sock";

/// Why the gateway does not start.
#[derive(Debug, Error)]
pub enum BootError {
    /// The user's mistake.
    #[error("{0}")]
    Mistake(String),
    /// Mistakes in the configuration.
    #[error("the configuration has {} mistake(s)", .0.len())]
    Config(Vec<Diagnostic>),
    /// The environment failed.
    #[error("{0}")]
    Environment(String),
}

/// What `serve` is told.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The configuration file; `None`: `./tollgate.yaml`, else the environment.
    pub file: Option<PathBuf>,
    /// What the command line overrides.
    pub flags: Flags,
    /// No access log.
    pub quiet: bool,
    /// Nothing is printed at the start.
    pub silent: bool,
}

/// A gateway that listens.
#[derive(Debug)]
pub struct Running {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    admin: Option<TcpListener>,
    socket: tokio::net::UnixListener,
    terminate: Signal,
    file: Option<PathBuf>,
    flags: Flags,
    _lock: Lock,
}

/// Reads the configuration of a start.
///
/// # Errors
/// Every mistake in it.
pub fn load(start: &Start) -> Result<Config, BootError> {
    let loaded = config::load(start.file.as_deref(), &config::env::Process, &start.flags).map_err(BootError::Config)?;
    for warning in &loaded.warnings {
        log::warn("the configuration may not be meant so", &[("warning", &warning.to_string())]);
    }
    Ok(loaded.config)
}

/// Opens everything and listens.
///
/// # Errors
/// What is wrong, and what to do.
pub async fn open(config: Config, start: &Start) -> Result<Running, BootError> {
    install_tls();
    let data_dir = config.data_dir.clone();
    // Keys by hash, users and models asked for stand in it: a folder that is made here is its owner's alone.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&data_dir);
    made.map_err(|error| {
        BootError::Environment(format!("{}: {error}. Make the folder or set `data_dir`.", data_dir.display()))
    })?;
    let lock = Lock::take(&data_dir).map_err(|error| match error {
        LockError::Taken(_) => BootError::Environment(format!(
            "Another gateway runs with {}. Stop it, or give this one its own `--data-dir`.",
            data_dir.display()
        )),
        other => BootError::Environment(other.to_string()),
    })?;
    let stores = store::open(&data_dir).map_err(|error| BootError::Environment(error.to_string()))?;
    let sync = match config.journal.sync {
        Sync::Interval => SyncMode::Interval,
        Sync::Always => SyncMode::Always,
        Sync::Never => SyncMode::Never,
    };
    let options = Options { sync, memory: config.journal.memory, ..Options::default() };
    let journal = Journal::open(&data_dir.join("journal"), options)
        .map_err(|error| BootError::Environment(format!("the journal in {}: {error}", data_dir.display())))?;
    let journal = Arc::new(journal);
    let ingest = Ingest::start(Arc::clone(&journal), Arc::clone(&stores.ledger), config.retention)
        .map_err(|error| BootError::Environment(format!("no thread for the ledger: {error}")))?;
    let stored = stores.directory.load().await.map_err(|error| BootError::Environment(error.to_string()))?;
    let away = |error: StoreError| BootError::Environment(error.to_string());
    let known = stored_admin(&*stores.directory).await.map_err(away)?;
    let closed = known.is_some() || !stored.is_empty() || !config.keys.is_empty() || config.server.admin_key.is_some();
    if !closed && !config.server.listen.ip().is_loopback() {
        return Err(BootError::Mistake(format!(
            "Listening on {} without any key would let everyone in. Make one first: `tollgate keys create --name \
             me`, or listen on 127.0.0.1.",
            config.server.listen
        )));
    }
    let admin = admin_key(&config, &*stores.directory, known, closed, start.silent).await?;
    // Before anyone is told that it listens: from then on a signal must be heard.
    let heard = |kind| signal(kind).map_err(|error| BootError::Environment(error.to_string()));
    let terminate = heard(SignalKind::terminate())?;
    if config.file.is_some() {
        // Once a handler is there it stays; `reload` listens with its own.
        drop(heard(SignalKind::hangup())?);
    }
    let listener = listen(config.server.listen).await?;
    let address = listener.local_addr().map_err(|error| BootError::Environment(error.to_string()))?;
    let admin_listener = match config.server.admin_listen {
        Some(at) => Some(listen(at).await?),
        None => None,
    };
    let socket = server::open_socket(&data_dir.join(SOCKET))
        .map_err(|error| BootError::Environment(format!("{}: {error}", data_dir.join(SOCKET).display())))?;
    let metrics = Arc::new(Metrics::default());
    let directory = Arc::new(Directory::build(&config, stored, admin));
    let file = config.file.clone();
    let snapshot = Snapshot::build(config, &metrics, None).map_err(BootError::Mistake)?;
    let gateway = Gateway::new(Parts {
        snapshot: Arc::new(snapshot),
        directory,
        journal,
        ingest: Arc::new(ingest),
        ledger: stores.ledger,
        keys: stores.directory,
        objects: stores.objects,
        responses: stores.responses,
        metrics,
        node: node_name(),
        admin,
    });
    let flags = start.flags.clone();
    Ok(Running { gateway, address, listener, admin: admin_listener, socket, terminate, file, flags, _lock: lock })
}

impl Running {
    /// Serves until a signal, or until `stop` of the gateway's tasks fires; then lets running requests end,
    /// writes what is left, and returns.
    ///
    /// # Errors
    /// The TLS files cannot be used.
    pub async fn serve(self) -> Result<(), BootError> {
        let Self { gateway, listener, admin, socket, mut terminate, file, flags, _lock, .. } = self;
        let snapshot = gateway.snapshot.load_full();
        let tls = match &snapshot.config.server.tls {
            Some(files) => Some(server::tls(files).map_err(BootError::Mistake)?),
            None => None,
        };
        let drain = snapshot.config.server.drain;
        drop(snapshot);
        gateway.tasks.spawn("lists", jobs::lists::run(Arc::clone(&gateway)));
        gateway.tasks.spawn("keys", jobs::keys::run(Arc::clone(&gateway)));
        gateway.tasks.spawn("batches", jobs::batches::run(Arc::clone(&gateway)));
        gateway.tasks.spawn("background", jobs::background::run(Arc::clone(&gateway)));
        gateway.tasks.spawn("responses", jobs::responses::run(Arc::clone(&gateway)));
        if let Some(file) = file {
            gateway.tasks.spawn("reload", jobs::reload::run(Arc::clone(&gateway), file, flags));
        }
        gateway.tasks.spawn("commands", server::serve_socket(Arc::clone(&gateway), socket));
        if let Some(admin) = admin {
            gateway.tasks.spawn("admin", server::serve(Arc::clone(&gateway), admin, tls.clone(), drain));
        }
        let signals = Arc::clone(&gateway);
        gateway.tasks.spawn("signals", async move {
            let stop = signals.tasks.stop().clone();
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
                () = stop.cancelled() => {}
            }
            signals.draining.store(true, Ordering::Relaxed);
            stop.cancel();
        });
        server::serve(Arc::clone(&gateway), listener, tls, drain).await;
        gateway.draining.store(true, Ordering::Relaxed);
        gateway.tasks.stop().cancel();
        // Sockets are no requests to the server: they keep to the same time by themselves.
        gateway.open_sockets.close();
        let _ = tokio::time::timeout(drain + Duration::from_secs(5), gateway.open_sockets.wait()).await;
        if tokio::time::timeout(Duration::from_secs(5), gateway.tasks.wait()).await.is_err() {
            log::warn("some tasks did not end in time", &[]);
        }
        // The ledger last: everything that settles has settled.
        let left = gateway.clone();
        let drained = tokio::task::spawn_blocking(move || {
            let stopped = left.stop_ingest(Duration::from_secs(5));
            let _ = left.journal.flush();
            stopped
        });
        if !drained.await.unwrap_or(false) {
            log::warn("the store did not take every line in time; the journal keeps them", &[]);
        }
        log::flush();
        Ok(())
    }
}

/// Installs the process's TLS. A second time changes nothing.
pub fn install_tls() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

async fn listen(at: SocketAddr) -> Result<TcpListener, BootError> {
    TcpListener::bind(at).await.map_err(|error| {
        BootError::Environment(format!(
            "{at} cannot be listened on: {error}. Choose another with `--listen` or `server.listen`."
        ))
    })
}

/// Hash of the admin key: the configured one, the stored one, or one that is made now that keys exist.
async fn admin_key(
    config: &Config,
    directory: &dyn policy::port::Directory,
    known: Option<[u8; 32]>,
    closed: bool,
    silent: bool,
) -> Result<Option<[u8; 32]>, BootError> {
    if let Some(key) = &config.server.admin_key {
        return Ok(Some(hash(key.reveal())));
    }
    if known.is_some() || !closed {
        return Ok(known);
    }
    let key = make_admin(directory, &config.data_dir, silent).await.map_err(BootError::Environment)?;
    let file = config.data_dir.join(ADMIN_FILE);
    if file.exists() {
        log::info("an admin key was made; the file holds it", &[("file", &file.display().to_string())]);
    }
    Ok(Some(hash(key.reveal())))
}

/// This node's name: the host's, else a random one.
fn node_name() -> Arc<str> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if host.is_empty() { format!("gw-{:08x}", env::roll() >> 32).into() } else { host.into() }
}

/// What a person is told at the start.
#[must_use]
pub fn banner(running: &Running) -> String {
    let snapshot = running.gateway.snapshot.load();
    let config = &snapshot.config;
    let local = running.gateway.directory.load().is_empty();
    let scheme = if config.server.tls.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}", running.address);
    let providers: Vec<&str> = config.providers.iter().filter(|provider| !provider.probe).map(|p| &*p.name).collect();
    let from = match &config.file {
        Some(file) => file.display().to_string(),
        None => "the environment (no tollgate.yaml here)".to_owned(),
    };
    let mode = match local {
        true => "local mode: no key is defined, so this machine may call without one",
        false => "closed: callers need a key (`tollgate keys create --name NAME`)",
    };
    let mut text = format!(
        "tollgate {} listens on {base}\n  configuration  {from}\n  providers      {}\n  data           {}\n  access         {mode}\n",
        env!("CARGO_PKG_VERSION"),
        if providers.is_empty() { "none".to_owned() } else { providers.join(", ") },
        config.data_dir.display(),
    );
    if config.providers.iter().any(|provider| provider.is_demo()) && local {
        text.push_str(&format!(
            "\nTry it:\n  curl {base}/v1/chat/completions -H 'content-type: application/json' \\\n    -d '{{\"model\":\"demo/fast\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'\n"
        ));
    }
    text
}
