//! The processes of the bench: started, pinned to their cores, and ended with the runner.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Options, machine};
use crate::bodies::{self, Shape};
use crate::load::{Figures, KEY, KEY_SHA256};
use crate::{Context, Fault, h1};

/// Where the servers under test run, and where mock and load run.
const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
/// How long a server may take to its first 200.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Which server a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Yardstick,
    Gateway,
}

/// A running server; ends when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) addr: String,
    /// From the start of the process to the first 200.
    pub(super) start: Duration,
    _dir: TempDir,
}

impl Server {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Mock, yardstick and gateway, side by side.
#[derive(Debug)]
pub(super) struct Rig {
    exe: PathBuf,
    /// None: the second yardstick of a self-test.
    binary: Option<PathBuf>,
    pinned: bool,
    pub(super) mock: Server,
    pub(super) yardstick: Server,
    pub(super) gateway: Server,
}

impl Rig {
    pub(super) fn start(options: &Options) -> Result<Self, Fault> {
        let exe = std::env::current_exe().context("find this program")?;
        let pinned = machine::has("taskset", "-V") && std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
        if !pinned {
            eprintln!("warning: without taskset and two cores nothing is pinned; expect noise");
        }
        let binary = if options.self_test { None } else { Some(find_gateway(options, &exe)?) };
        let mock = start_mock(&exe, pinned)?;
        let yardstick = start_server(&exe, None, pinned, &mock.addr, 1)?;
        let gateway = start_server(&exe, binary.as_deref(), pinned, &mock.addr, 1)?;
        Ok(Self { exe, binary, pinned, mock, yardstick, gateway })
    }

    pub(super) fn side(&self, side: Side) -> &Server {
        match side {
            Side::Yardstick => &self.yardstick,
            Side::Gateway => &self.gateway,
        }
    }

    /// Starts one more server of that side, with its own data and `keys` keys.
    pub(super) fn fresh(&self, side: Side, keys: usize) -> Result<Server, Fault> {
        let binary = if side == Side::Gateway { self.binary.as_deref() } else { None };
        start_server(&self.exe, binary, self.pinned, &self.mock.addr, keys)
    }

    /// Runs the load generator against an address, reading what `watch` spends.
    pub(super) fn load(&self, addr: &str, watch: Option<u32>, args: &[String]) -> Result<Figures, Fault> {
        let mut command = pinned_command(&self.exe, CLIENT_CORE, self.pinned);
        command.args(["load", "--json", "--target", addr]).args(args);
        if let Some(pid) = watch {
            command.args(["--watch", &pid.to_string()]);
        }
        let output = command.stdin(Stdio::null()).output().context("run the load generator")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("load {}: {}", args.join(" "), said.trim()));
        }
        serde_json::from_slice(&output.stdout).context("read the load generator's figures")
    }
}

/// Takes the path given, else builds the gateway beside this program.
fn find_gateway(options: &Options, exe: &Path) -> Result<PathBuf, Fault> {
    if let Some(path) = &options.gateway {
        return path.canonicalize().context(format!("--gateway {}", path.display()));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("this package has no workspace")?;
    let target = exe.parent().and_then(Path::parent).ok_or("this program is not in a target directory")?;
    eprintln!("building the gateway (release) …");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "-p", "tollgate", "--bin", "tollgate", "--target-dir"]).arg(target);
    let status = build.current_dir(root).status().context("run cargo")?;
    if !status.success() {
        return Err("the gateway does not build; give a binary with --gateway PATH".to_owned());
    }
    Ok(target.join("release/tollgate"))
}

/// A command on its core, allowed the files that a thousand streams need.
fn pinned_command(program: &Path, core: &str, pinned: bool) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 16384 2>/dev/null || ulimit -n \"$(ulimit -Hn)\"; exec \"$@\"", "sh"]);
    if pinned {
        command.args(["taskset", "-c", core]);
    }
    command.arg(program);
    command
}

/// A loopback address that was free a moment ago.
fn free_addr() -> Result<String, Fault> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.to_string())
}

fn start_mock(exe: &Path, pinned: bool) -> Result<Server, Fault> {
    let addr = free_addr()?;
    let mut command = pinned_command(exe, CLIENT_CORE, pinned);
    command.args(["mock", "--listen", &addr]);
    until_first_200(command, addr, new_dir()?, "the mock")
}

fn start_server(exe: &Path, gateway: Option<&Path>, pinned: bool, mock: &str, keys: usize) -> Result<Server, Fault> {
    let addr = free_addr()?;
    let dir = new_dir()?;
    let Some(binary) = gateway else {
        let mut command = pinned_command(exe, SERVER_CORE, pinned);
        command.args(["yardstick", "--listen", &addr, "--upstream", mock]);
        return until_first_200(command, addr, dir, "the yardstick");
    };
    let config = dir.path().join("tollgate.yaml");
    std::fs::write(&config, config_text(&addr, mock, dir.path(), keys)).context("write the gateway's config")?;
    let mut command = pinned_command(binary, SERVER_CORE, pinned);
    command.args(["serve", "--config"]).arg(&config).env_clear();
    for name in ["PATH", "HOME"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    until_first_200(command, addr, dir, "the gateway")
}

fn new_dir() -> Result<TempDir, Fault> {
    tempfile::tempdir().context("make a temporary directory")
}

/// The configuration of the gateway: two providers, both the mock, and `keys` keys of which the first is used.
fn config_text(addr: &str, mock: &str, dir: &Path, keys: usize) -> String {
    let mut text = format!(
        r#"server:
  listen: {addr}
  admin_key: tg-benchadmin00-0123456789abcdef0123456789abcdef0123456789abcdef
data_dir: {data}
providers:
  mock:
    kind: openai-compatible
    base_url: http://{mock}/v1
    api_key: sk-bench
    models: [gpt-4o-mini]
    prices: {{ "*": {{ input: 0.15, output: 0.6 }} }}
  mocka:
    kind: anthropic-compatible
    base_url: http://{mock}
    api_key: sk-ant-bench
    models: [claude-haiku-4-5]
    prices: {{ "*": {{ input: 1, output: 5, cache_read: 0.1, cache_write: 1.25 }} }}
keys:
  - {{ name: bench, hash: "sha256:{KEY_SHA256}" }}
"#,
        data = dir.join("data").display()
    );
    for n in 1..keys {
        text.push_str(&format!("  - {{ name: key-{n}, hash: \"sha256:{n:064x}\" }}\n"));
    }
    text
}

/// Starts a server and asks until it answers 200.
fn until_first_200(mut command: Command, addr: String, dir: TempDir, who: &str) -> Result<Server, Fault> {
    let log = dir.path().join("log");
    let file = File::create(&log).context("make a log file")?;
    command.stdin(Stdio::null()).stdout(file.try_clone().context("share the log file")?).stderr(file);
    let body = bodies::request(Shape::Chat, "mock/gpt-4o-mini", 1_000, None);
    let request = h1::post(Shape::Chat.path(), &addr, KEY, &body);
    let begin = Instant::now();
    let child = command.spawn().context(format!("start {who}"))?;
    let mut server = Server { child, addr, start: Duration::ZERO, _dir: dir };
    let mut last = "no connection".to_owned();
    loop {
        match ask(&server.addr, &request) {
            Ok(answer) if answer.contains(" 200 ") => {
                server.start = begin.elapsed();
                return Ok(server);
            }
            Ok(answer) => last = answer,
            Err(e) => last = if last == "no connection" { e.to_string() } else { last },
        }
        let ended = server.child.try_wait().context(format!("look after {who}"))?;
        if ended.is_some() || begin.elapsed() > START_LIMIT {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            let state = ended.map_or("gave no 200 in time".to_owned(), |status| format!("ended with {status}"));
            return Err(format!("{who} {state}; last answer: {last}\nits log:\n{log}"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sends a request and returns the first bytes of the answer.
fn ask(addr: &str, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request)?;
    let mut buf = vec![0; 2_048];
    let n = stream.read(&mut buf)?;
    Ok(String::from_utf8_lossy(buf.get(..n).unwrap_or_default()).into_owned())
}
