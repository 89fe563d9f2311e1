//! A new configuration: built beside the old one, checked, swapped. A bad file changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::config::{self, Flags};
use crate::gateway::Gateway;
use crate::state::directory::Directory;
use crate::state::snapshot::Snapshot;
use crate::telemetry::log;

/// Changes of a file come in bursts; this long after the last one it is read.
const SETTLE: Duration = Duration::from_millis(150);

/// Reloads on SIGHUP and when the file changes, until the gateway stops.
pub async fn run(gateway: Arc<Gateway>, file: PathBuf, flags: Flags) {
    let stop = gateway.tasks.stop().clone();
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    let (changed, mut changes) = mpsc::channel::<()>(1);
    let _watcher = watch(&file, changed);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hangups.recv() => {}
            Some(()) = changes.recv() => {
                tokio::time::sleep(SETTLE).await;
                while changes.try_recv().is_ok() {}
            }
        }
        reload(&gateway, &file, &flags);
    }
}

/// Watches the file's folder: editors replace files rather than write into them.
fn watch(file: &std::path::Path, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let name = file.file_name()?.to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let ours = event.paths.iter().any(|path| path.file_name() == Some(&name));
        let read = matches!(event.kind, notify::EventKind::Access(_));
        if ours && !read {
            // A change that is waiting already stands for this one.
            let _ = changed.try_send(());
        }
    })
    .ok()?;
    watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}

/// Reads the file and swaps the configuration; on any mistake the old one stays.
pub fn reload(gateway: &Arc<Gateway>, file: &std::path::Path, flags: &Flags) {
    let loaded = match config::load(Some(file), &config::env::Process, flags) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
            let count = mistakes.len().to_string();
            log::error(
                "the new configuration is not used: it has mistakes (`tollgate check` lists them); the old one stays",
                &[("mistakes", &count), ("first", &first)],
            );
            return;
        }
    };
    let old = gateway.snapshot.load_full();
    let (config, kept) = config::keep_fixed(&old.config, loaded.config);
    for name in kept {
        log::warn("a setting needs a restart; the old value stays", &[("setting", name)]);
    }
    if config.hash == old.config.hash {
        return;
    }
    match Snapshot::build(config, &gateway.metrics, Some(&old)) {
        Ok(snapshot) => {
            let snapshot = Arc::new(snapshot);
            let stored = gateway.directory.load().stored.clone();
            let admin = **gateway.admin.load();
            gateway.directory.store(Arc::new(Directory::build(&snapshot.config, stored, admin)));
            let hash = snapshot.config.hash.to_string();
            gateway.snapshot.store(snapshot);
            log::info("the new configuration is in force", &[("config", &hash)]);
        }
        Err(what) => {
            log::error("the new configuration is not used; the old one stays", &[("because", &what)]);
        }
    }
}
