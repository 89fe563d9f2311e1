//! The scripted upstream: a real TCP server that stands in for a provider and misbehaves on command.
//!
//! Which script answers a request: the first rule of [`Upstream::reply_when`] that matches, else the oldest
//! script of [`Upstream::reply`] not used yet, else the default, else a 400 that says nothing was scripted.

mod connection;
mod record;
mod script;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use self::record::Record;
pub use self::record::{Disconnect, Received};
pub use self::script::{Framing, Gate, Script, Step};

type Predicate = Box<dyn Fn(&Received) -> bool + Send>;

type Actor = Box<dyn Fn(&Received) -> Option<Script> + Send>;

#[derive(Default)]
struct Rules {
    act: Option<Actor>,
    when: Vec<(Predicate, Script)>,
    queue: std::collections::VecDeque<Script>,
    default: Option<Script>,
}

struct Shared {
    rules: Mutex<Rules>,
    record: Record,
    accept_delay: Mutex<Duration>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("record", &self.record).finish_non_exhaustive()
    }
}

impl Shared {
    fn pick(&self, request: &Received) -> Script {
        let mut rules = self.rules.lock().expect("no holder panics");
        if let Some(script) = rules.act.as_ref().and_then(|act| act(request)) {
            return script;
        }
        if let Some((_, script)) = rules.when.iter().find(|(matches, _)| matches(request)) {
            return script.clone();
        }
        if let Some(script) = rules.queue.pop_front() {
            return script;
        }
        rules.default.clone().unwrap_or_else(|| {
            let message = format!("nothing is scripted for {} {}", request.method, request.target);
            Script::json(400, &serde_json::json!({"error": {"message": message, "type": "unscripted"}}))
        })
    }
}

/// A running scripted upstream on a loopback port of its own. Dropping it closes every connection.
#[derive(Debug)]
pub struct Upstream {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    accept: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

impl Upstream {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts one on this very address: a provider that comes back where it was.
    ///
    /// # Panics
    /// When the address is taken.
    pub async fn start_at(addr: SocketAddr) -> Self {
        // Set by `TcpListener::bind` too: SO_REUSEADDR, so that a port can be used again at once.
        let listener = TcpListener::bind(addr).await.expect("a loopback address to listen on");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            rules: Mutex::default(),
            record: Record::new(),
            accept_delay: Mutex::new(Duration::ZERO),
        });
        let accept = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { addr, shared, accept }
    }

    /// `http://127.0.0.1:PORT`, no path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    // --- scripting -----------------------------------------------------------------------------------------------

    /// Answers one request with this, after those queued before it.
    pub fn reply(&self, script: Script) {
        self.rules(|r| r.queue.push_back(script));
    }

    /// Answers every request that matches with this; earlier rules win.
    pub fn reply_when(&self, matches: impl Fn(&Received) -> bool + Send + 'static, script: Script) {
        self.rules(|r| r.when.push((Box::new(matches), script)));
    }

    /// Answers every request for which this gives an answer, before all other rules: a provider with a memory.
    pub fn act(&self, act: impl Fn(&Received) -> Option<Script> + Send + 'static) {
        self.rules(|r| r.act = Some(Box::new(act)));
    }

    /// Answers every request that nothing else answers with this.
    pub fn reply_always(&self, script: Script) {
        self.rules(|r| r.default = Some(script));
    }

    /// Forgets all rules, the queue and the default.
    pub fn forget_scripts(&self) {
        self.rules(|r| *r = Rules::default());
    }

    /// Waits that long before taking each new connection. The kernel completes the TCP handshake meanwhile, so a
    /// client sees a connection that says nothing; for a connect that never completes see [`Unreachable`].
    pub fn accept_delay(&self, delay: Duration) {
        *self.shared.accept_delay.lock().expect("no holder panics") = delay;
    }

    fn rules<T>(&self, f: impl FnOnce(&mut Rules) -> T) -> T {
        f(&mut self.shared.rules.lock().expect("no holder panics"))
    }

    // --- what it saw ---------------------------------------------------------------------------------------------

    /// Every whole request so far, in the order they became whole.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.record.look(|s| s.requests.clone())
    }

    /// Every client so far that left before its answer was complete.
    #[must_use]
    pub fn disconnects(&self) -> Vec<Disconnect> {
        self.shared.record.look(|s| s.disconnects.clone())
    }

    /// Connections open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.record.look(|s| s.open)
    }

    /// Connections taken so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.record.look(|s| s.accepted)
    }

    /// Requests so far whose client left, or broke the coding, before the request was whole.
    #[must_use]
    pub fn broken_requests(&self) -> usize {
        self.shared.record.look(|s| s.broken)
    }

    /// Waits for `n` requests in all.
    ///
    /// # Panics
    /// When they have not come in 10 s; so do the other waits.
    pub async fn wait_requests(&self, n: usize) -> Vec<Received> {
        let enough = |s: &record::Seen| (s.requests.len() >= n).then(|| s.requests.clone());
        self.shared.record.wait(&format!("{n} requests"), enough).await
    }

    /// Waits for `n` clients in all to have left early.
    pub async fn wait_disconnects(&self, n: usize) -> Vec<Disconnect> {
        let enough = |s: &record::Seen| (s.disconnects.len() >= n).then(|| s.disconnects.clone());
        self.shared.record.wait(&format!("{n} disconnects"), enough).await
    }

    /// Waits until exactly `n` connections are open.
    pub async fn wait_open(&self, n: usize) {
        self.shared.record.wait(&format!("{n} open connections"), |s| (s.open == n).then_some(())).await;
    }

    /// Waits for `n` broken requests in all.
    pub async fn wait_broken(&self, n: usize) {
        self.shared.record.wait(&format!("{n} broken requests"), |s| (s.broken >= n).then_some(())).await;
    }

    /// Stops listening and closes every connection; returns the address, now refused.
    pub async fn stop(mut self) -> SocketAddr {
        self.accept.abort();
        // The task ends by cancellation, which is what was asked for.
        let _cancelled = (&mut self.accept).await;
        self.wait_open(0).await;
        self.addr
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    for number in 0.. {
        let delay = *shared.accept_delay.lock().expect("no holder panics");
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let Ok((stream, _)) = listener.accept().await else { return };
        shared.record.change(|s| s.accepted += 1);
        connections.spawn(connection::serve(stream, number, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// An address where nothing listens: a connect is refused at once.
///
/// # Panics
/// When no loopback port is free.
pub async fn refused() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    listener.local_addr().expect("a bound listener has an address")
}

/// An address whose connects never complete: a listener with a full queue that nobody serves.
#[derive(Debug)]
pub struct Unreachable {
    /// Where connects hang.
    pub addr: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Unreachable {
    /// Fills a listener's queue until a connect hangs.
    ///
    /// # Panics
    /// When the queue will not fill.
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free loopback port");
        let listener = socket.listen(1).expect("a listener");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let mut queued = Vec::new();
        for _ in 0..64 {
            match timeout(Duration::from_millis(100), TcpStream::connect(addr)).await {
                Ok(Ok(stream)) => queued.push(stream),
                Ok(Err(e)) => panic!("connect to a full listener failed instead of hanging: {e}"),
                Err(_) => return Self { addr, _listener: listener, _queued: queued },
            }
        }
        panic!("64 connects did not fill a queue of one");
    }
}
