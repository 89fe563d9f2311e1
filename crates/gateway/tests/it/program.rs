//! The program as a user runs it: commands in a folder of their own, a gateway as a child, plain HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A configuration with a simulated provider, two teams and no key.
pub(crate) const CONFIG: &str = "\
providers: { sim: { kind: demo, models: [fast, slow], prices: { \"*\": { input: 1, output: 2 } } } }
models:
  quick: { targets: [sim/fast], fallback: [sim/slow] }
teams: { growth: { models: [quick] }, research: {} }
";

/// A folder with a configuration, and what is run in it.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Place {
    pub(crate) fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tollgate.yaml"), config).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(args).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).output().unwrap())
    }

    pub(crate) fn run_with(&self, variable: (&str, &str), args: &[&str]) -> Said {
        Said::of(self.command(args).env(variable.0, variable.1).output().unwrap())
    }

    /// Starts the gateway on a free port and waits for its banner.
    pub(crate) fn serve(&self) -> Gate {
        let mut command = self.command(&["serve", "--quiet", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the gateway ended before its banner").unwrap();
            if let Some((_, address)) = line.split_once("listens on http://") {
                break address.trim().to_owned();
            }
        };
        // Drained to the end, so that the gateway never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Gate { child, address }
    }
}

/// A gateway that runs.
pub(crate) struct Gate {
    pub(crate) child: Child,
    pub(crate) address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(known, _)| *known == name).map(|(_, v)| v)
    }
}

impl Gate {
    pub(crate) fn ask(&self, method: &str, path: &str, key: Option<&str>, body: Option<&str>) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(key) = key {
            head.push_str(&format!("authorization: Bearer {key}\r\n"));
        }
        let body = body.unwrap_or_default();
        if !body.is_empty() {
            head.push_str("content-type: application/json\r\n");
        }
        self.send(&format!("{head}content-length: {}\r\n\r\n{body}", body.len()))
    }

    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn get(&self, path: &str, key: Option<&str>) -> Answer {
        self.ask("GET", path, key, None)
    }

    /// Asks until the answer is as wished, for up to five seconds.
    pub(crate) fn until(&self, path: &str, key: Option<&str>, status: u16) -> Answer {
        let start = Instant::now();
        loop {
            let answer = self.get(path, key);
            if answer.status == status || start.elapsed() > Duration::from_secs(5) {
                assert_eq!(answer.status, status, "{path}: {answer:?}");
                return answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
