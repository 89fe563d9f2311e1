//! What a process costs, read from /proc: CPU per thread in nanoseconds, resident memory.

use std::collections::BTreeMap;
use std::fs;

use crate::{Context, Fault};

/// Threads whose name begins with this keep the ledger; the rest are the request path.
const LEDGER: &str = "ledger";

/// CPU time of every thread at one moment.
#[derive(Debug, Clone, Default)]
pub struct Cpu {
    /// Thread id → (is a ledger thread, nanoseconds on the CPU).
    threads: BTreeMap<u32, (bool, u64)>,
}

/// CPU spent between two moments, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    pub path: u64,
    pub ledger: u64,
    /// Threads that ended in between: what they spent after the first moment is not counted.
    pub ended: usize,
}

impl Cpu {
    /// Reads `/proc/PID/task/*/schedstat`.
    ///
    /// # Errors
    /// When the process is gone or the kernel keeps no schedstat.
    pub fn read(pid: u32) -> Result<Self, Fault> {
        let mut threads = BTreeMap::new();
        for (tid, ledger) in tasks(pid)? {
            let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{tid}/schedstat")) else {
                // The thread ended between the listing and now.
                continue;
            };
            let on_cpu = text.split(' ').next().unwrap_or_default();
            threads.insert(tid, (ledger, on_cpu.parse().context(format!("schedstat of thread {tid}"))?));
        }
        Ok(Self { threads })
    }

    /// Whether any thread keeps the ledger.
    #[must_use]
    pub fn has_ledger(&self) -> bool {
        self.threads.values().any(|(ledger, _)| *ledger)
    }

    /// What was spent since `before`. A thread that is new counts from its start.
    #[must_use]
    pub fn since(&self, before: &Self) -> Spent {
        let mut spent = Spent::default();
        for (tid, (ledger, now)) in &self.threads {
            let then = before.threads.get(tid).map_or(0, |(_, ns)| *ns);
            let part = now.saturating_sub(then);
            *(if *ledger { &mut spent.ledger } else { &mut spent.path }) += part;
        }
        spent.ended = before.threads.keys().filter(|tid| !self.threads.contains_key(tid)).count();
        spent
    }
}

/// Thread ids of a process, and whether each keeps the ledger.
///
/// # Errors
/// When the process is gone.
pub fn tasks(pid: u32) -> Result<Vec<(u32, bool)>, Fault> {
    let dir = format!("/proc/{pid}/task");
    let mut out = Vec::new();
    for entry in fs::read_dir(&dir).context(&dir)? {
        let name = entry.context(&dir)?.file_name();
        let Some(tid) = name.to_str().and_then(|n| n.parse().ok()) else { continue };
        let comm = fs::read_to_string(format!("{dir}/{tid}/comm")).unwrap_or_default();
        out.push((tid, comm.starts_with(LEDGER)));
    }
    Ok(out)
}

/// Resident memory in KiB.
///
/// # Errors
/// When the process is gone.
pub fn rss_kib(pid: u32) -> Result<u64, Fault> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).context(&path)?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or_else(|| format!("{path} has no VmRSS"))?;
    line.trim().trim_end_matches(" kB").parse().context(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_up_on_the_thread_that_did_it() -> Result<(), Fault> {
        let pid = std::process::id();
        let (ready, wait) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let before = Cpu::read(pid)?;
        let worker = std::thread::Builder::new()
            .name("ledger-test".to_owned())
            .spawn(move || {
                let mut x = 1_u64;
                for n in 0..20_000_000_u64 {
                    x = std::hint::black_box(x.wrapping_mul(31).wrapping_add(n));
                }
                let _told = ready.send(x);
                let _end = stopped.recv();
            })
            .context("spawn")?;
        wait.recv().context("worker")?;
        let spent = Cpu::read(pid)?.since(&before);
        drop(stop);
        assert!(worker.join().is_ok());
        assert!(spent.ledger > 1_000_000, "{spent:?}");
        assert!(rss_kib(pid)? > 500);
        Ok(())
    }
}
