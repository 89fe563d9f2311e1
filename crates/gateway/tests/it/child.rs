//! The real program as a child process: killed, stopped, told to read its file again.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::harness::PATIENCE;

/// A running program.
pub(crate) struct Program {
    child: Child,
    pub(crate) addr: SocketAddr,
    out: JoinHandle<Vec<u8>>,
    err: Arc<Mutex<Vec<u8>>>,
    err_thread: JoinHandle<()>,
}

impl Program {
    /// Starts it with this file and data folder; returns once it listens.
    pub(crate) fn start(file: &Path, data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("serve")
            .arg("--config")
            .arg(file)
            .arg("--data-dir")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .env_remove("TOLLGATE_ADMIN_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let out = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = stdout.read_to_end(&mut all);
            all
        });
        let stderr = child.stderr.take().unwrap();
        let err = Arc::new(Mutex::new(Vec::new()));
        let (listens, heard) = mpsc::channel();
        let gathered = Arc::clone(&err);
        let err_thread = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some((_, addr)) = line.split_once("listens on http://") {
                    let _ = listens.send(addr.trim().parse::<SocketAddr>().unwrap());
                }
                let mut all = gathered.lock().unwrap();
                all.extend_from_slice(line.as_bytes());
                all.push(b'\n');
            }
        });
        let addr = heard.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let said = String::from_utf8_lossy(&err.lock().unwrap()).into_owned();
            panic!("the program does not listen: {said}")
        });
        Self { child, addr, out, err, err_thread }
    }

    /// What it has said to people so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.err.lock().unwrap()).into_owned()
    }

    /// Waits until it has said something so often.
    pub(crate) async fn says(&self, what: &str, times: usize) {
        let since = Instant::now();
        while self.said().matches(what).count() < times {
            assert!(since.elapsed() < PATIENCE, "it did not say {what:?} {times} times: {}", self.said());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success(), "kill -{name}");
    }

    /// Kills it: no destructor runs, nothing is flushed.
    pub(crate) fn kill(mut self) -> Printed {
        self.child.kill().unwrap();
        self.ended()
    }

    /// Waits for its own end.
    pub(crate) fn ended(mut self) -> Printed {
        let since = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if since.elapsed() > PATIENCE => {
                    let _ = self.child.kill();
                    panic!("it does not end: {}", self.said());
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.err_thread.join().unwrap();
        let err = self.err.lock().unwrap().clone();
        Printed { status, out: self.out.join().unwrap(), err }
    }
}

/// What a program left.
pub(crate) struct Printed {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
}
