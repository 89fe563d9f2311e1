#![allow(clippy::unwrap_used, clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use testkit::upstream::{Framing, Script, Step, Upstream, refused};

use super::super::resolve::Found;
use super::*;
use crate::config::types::{Fetching, Network};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest";

/// Answers names from a script, a new answer each time one is asked.
#[derive(Debug, Default)]
struct Scripted {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Resolve for Scripted {
    fn find<'a>(&'a self, host: &'a str, port: u16) -> Found<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let mut answers = self.answers.lock().unwrap();
                let queue =
                    answers.get_mut(host).map(|queue| if queue.len() > 1 { queue.remove(0) } else { queue[0].clone() });
                queue.unwrap_or_default()
            }
        };
        Box::pin(async move { Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect()) })
    }
}

/// A fetcher that finds these names, each answer in turn, and the names it was asked for.
fn fetcher(names: &[(&str, &[&[&str]])]) -> (Fetcher, Arc<Mutex<Vec<String>>>) {
    let answers = names.iter().map(|(name, answers)| {
        let answers = answers.iter().map(|one| one.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        ((*name).to_owned(), answers)
    });
    let scripted = Scripted { answers: Mutex::new(answers.collect()), ..Scripted::default() };
    let asked = Arc::clone(&scripted.asked);
    (Fetcher::new(Box::new(scripted)), asked)
}

/// Loopback is allowed, as a listed network; media to 1 KiB.
fn rules(upstream: &Upstream) -> FetchMedia {
    FetchMedia {
        mode: Fetching::Public,
        networks: vec![Network { address: [127, 0, 0, 1].into(), bits: 32 }],
        ports: vec![upstream.addr.port()],
        max: 1_024,
        ..FetchMedia::default()
    }
}

async fn get(fetcher: &Fetcher, url: &str, rules: &FetchMedia) -> Result<Fetched, Failure> {
    let within =
        tokio::time::timeout(Duration::from_secs(10), fetcher.get(url, MediaKind::Image, rules, None, &|_| Ok(())));
    within.await.expect("in time")
}

#[tokio::test]
async fn a_picture_comes_without_anything_of_ours() {
    let upstream = Upstream::start().await;
    upstream.reply(Script::body(200, "text/plain", PNG));
    let (fetcher, asked) = fetcher(&[("files.example", &[&["127.0.0.1"], &["10.0.0.1"]])]);
    let url = format!("http://files.example:{}/a b?c#d", upstream.addr.port());
    let fetched = get(&fetcher, &url, &rules(&upstream)).await.unwrap();
    assert_eq!((&*fetched.media_type, &*fetched.bytes), ("image/png", PNG));
    // Asked once: a second answer, wherever it leads, is never had.
    assert_eq!(*asked.lock().unwrap(), ["files.example"]);
    let request = upstream.requests().pop().unwrap();
    assert_eq!((&*request.method, &*request.target), ("GET", "/a%20b?c"));
    let host = format!("files.example:{}", upstream.addr.port());
    assert_eq!(request.header("host"), Some(&*host));
    for name in ["authorization", "cookie", "via", "x-api-key", "referer", "traceparent"] {
        assert_eq!(request.header(name), None, "{name}");
    }
    assert_eq!(request.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn hosts_that_may_not_be_asked_are_not() {
    let upstream = Upstream::start().await;
    let port = upstream.addr.port();
    let names: &[(&str, &[&[&str]])] = &[
        ("private.example", &[&["10.0.0.1", "192.168.0.1"]]),
        ("metadata.example", &[&["169.254.169.254"]]),
        ("mapped.example", &[&["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1"]]),
        ("nowhere.example", &[&[]]),
    ];
    let (fetcher, asked) = fetcher(names);
    let rules = FetchMedia { networks: Vec::new(), ..rules(&upstream) };
    for (url, word) in [
        (format!("http://127.0.0.1:{port}/"), "refused"),
        (format!("http://[::1]:{port}/"), "refused"),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), "refused"),
        ("http://private.example/".to_owned(), "refused"),
        ("http://metadata.example/latest/meta-data/".to_owned(), "refused"),
        ("https://mapped.example/".to_owned(), "refused"),
        ("http://nowhere.example/".to_owned(), "unknown_host"),
        ("http://private.example:22/".to_owned(), "refused"),
        ("http://u:p@files.example/".to_owned(), "refused"),
        ("file:///etc/passwd".to_owned(), "address"),
        ("gopher://a/".to_owned(), "address"),
    ] {
        assert_eq!(get(&fetcher, &url, &rules).await.unwrap_err().word(), word, "{url}");
    }
    assert_eq!((upstream.accepted(), upstream.requests().len()), (0, 0));
    // A port or a form that is refused is not even looked up.
    assert!(!asked.lock().unwrap().iter().any(|host| host == "files.example"));
    // Spellings of loopback that only the system reads are found out once it has read them.
    let system = Fetcher::default();
    for host in ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"] {
        let failure = get(&system, &format!("http://{host}:{port}/"), &rules).await.unwrap_err();
        assert!(matches!(failure.word(), "refused" | "unknown_host"), "{host}: {failure:?}");
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_allowed_are_asked() {
    let upstream = Upstream::start().await;
    upstream.reply(Script::body(200, "image/png", PNG));
    let (fetcher, _) = fetcher(&[("both.example", &[&["10.0.0.1", "169.254.169.254", "127.0.0.1"]])]);
    let url = format!("http://both.example:{}/", upstream.addr.port());
    assert!(get(&fetcher, &url, &rules(&upstream)).await.is_ok());
}

#[tokio::test]
async fn every_hop_is_checked() {
    let upstream = Upstream::start().await;
    let port = upstream.addr.port();
    let redirect = |to: &str| Script::body(302, "text/plain", "").header("location", to);
    let names: &[(&str, &[&[&str]])] = &[
        ("files.example", &[&["127.0.0.1"]]),
        ("inside.example", &[&["10.0.0.1"]]),
        // Public at first, private when asked again.
        ("turn.example", &[&["127.0.0.1"], &["169.254.169.254"]]),
    ];
    let (fetcher, _) = fetcher(names);
    let rules = rules(&upstream);
    let start = format!("http://files.example:{port}/start");
    for (hops, expected) in [
        (vec!["/next", "//files.example:PORT/x"], Ok(())),
        (vec!["http://inside.example/"], Err("refused")),
        (vec!["http://169.254.169.254/latest/meta-data/"], Err("refused")),
        (vec!["http://[::1]:80/"], Err("refused")),
        (vec!["http://files.example:25/"], Err("refused")),
        (vec!["http://user@files.example:PORT/"], Err("refused")),
        (vec!["file:///etc/passwd"], Err("address")),
        (vec!["http://turn.example:PORT/", "http://turn.example:PORT/again"], Err("refused")),
        (vec!["/1", "/2", "/3"], Ok(())),
        (vec!["/1", "/2", "/3", "/4"], Err("redirects")),
    ] {
        upstream.forget_scripts();
        for hop in &hops {
            upstream.reply(redirect(&hop.replace("PORT", &port.to_string())));
        }
        upstream.reply_always(Script::body(200, "image/png", PNG));
        let got = get(&fetcher, &start, &rules).await.map(|_| ()).map_err(|failure| failure.word());
        assert_eq!(got, expected, "{hops:?}");
    }
    // One that leads nowhere.
    upstream.forget_scripts();
    upstream.reply(Script::body(302, "text/plain", ""));
    assert_eq!(get(&fetcher, &start, &rules).await, Err(Failure::Status(302)));
}

#[tokio::test]
async fn answers_that_are_no_picture_of_a_bounded_size() {
    let upstream = Upstream::start().await;
    let (fetcher, _) = fetcher(&[]);
    let rules = rules(&upstream);
    let url = format!("{}/x", upstream.url());
    let zeros = |size: usize| [PNG, &vec![0; size][..]].concat();
    let coded = |coding: &str, bytes: &[u8]| {
        let mut out = Vec::new();
        match coding {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::best());
                std::io::Write::write_all(&mut encoder, bytes).unwrap();
                encoder.finish().unwrap();
            }
            _ => zstd::stream::copy_encode(bytes, &mut out, 19).unwrap(),
        }
        out
    };
    let endless = || {
        let mut script = Script::head(200, "image/png", Framing::Chunked).frame(PNG);
        for _ in 0..64 {
            script = script.frame(vec![0; 64]);
        }
        script.then(Step::Stall)
    };
    for (script, expected) in [
        (Script::body(404, "text/html", "<p>"), "status"),
        (Script::body(200, "image/png", "<!doctype html>"), "type"),
        (Script::body(200, "image/png", "%PDF-1.7"), "type"),
        (Script::body(200, "image/png", &b"\x7fELF"[..]), "type"),
        (Script::body(200, "image/png", ""), "type"),
        (Script::body(200, "image/png", zeros(2_000)), "too_large"),
        (Script::body(200, "image/png", PNG).claim_length(u64::MAX / 4), "too_large"),
        // It says less than it sends, or more.
        (Script::body(200, "image/png", PNG).claim_length(100).then(Step::Close), "broken"),
        (Script::body(200, "image/png", PNG).cut_after(4), "broken"),
        (Script::body(200, "image/png", PNG).reset_after(4), "broken"),
        (endless(), "too_large"),
        // Small on the wire, large once decoded.
        (
            Script::body(200, "image/png", coded("gzip", &zeros(1 << 20))).header("content-encoding", "gzip"),
            "too_large",
        ),
        (
            Script::body(200, "image/png", coded("zstd", &zeros(1 << 20))).header("content-encoding", "zstd"),
            "too_large",
        ),
        (Script::body(200, "image/png", PNG).header("content-encoding", "gzip"), "broken"),
        (Script::body(200, "image/png", PNG).header("content-encoding", "gzip, gzip"), "broken"),
        (Script::garbage("hello"), "broken"),
        (Script::garbage(vec![b'x'; 1 << 20]), "broken"),
        (Script::close(), "broken"),
        (Script::reset(), "broken"),
    ] {
        let shown = format!("{script:?}").chars().take(200).collect::<String>();
        upstream.reply(script);
        assert_eq!(get(&fetcher, &url, &rules).await.unwrap_err().word(), expected, "{shown}");
    }
    upstream.reply(Script::body(200, "image/png", coded("gzip", PNG)).header("content-encoding", "gzip"));
    assert_eq!(&*get(&fetcher, &url, &rules).await.unwrap().bytes, PNG);
    // A body without a length ends with its connection.
    upstream.reply(Script::body(200, "image/png", PNG).framing(Framing::UntilClose));
    assert_eq!(&*get(&fetcher, &url, &rules).await.unwrap().bytes, PNG);
    // Nobody listens; nothing is said for ever.
    let nobody = refused().await;
    let open = FetchMedia { ports: vec![nobody.port()], ..rules.clone() };
    assert_eq!(get(&fetcher, &format!("http://{nobody}/"), &open).await, Err(Failure::Connect));
    // TLS with a server that speaks none.
    let tls = format!("https://127.0.0.1:{}/", upstream.addr.port());
    assert_eq!(get(&fetcher, &tls, &rules).await, Err(Failure::Connect));
}

#[tokio::test]
async fn a_download_that_is_given_up_leaves_nothing() {
    let upstream = Upstream::start().await;
    let drip = Script::head(200, "image/png", Framing::Chunked);
    let drip = (0..200).fold(drip, |script, _| script.frame("x").wait(Duration::from_millis(20)));
    upstream.reply(drip);
    let (fetcher, _) = fetcher(&[]);
    let held = AtomicU64::new(0);
    let room = |bytes: u64| {
        held.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    };
    let (url, rules) = (format!("{}/x", upstream.url()), rules(&upstream));
    let dripping = fetcher.get(&url, MediaKind::Image, &rules, None, &room);
    assert!(tokio::time::timeout(Duration::from_millis(300), dripping).await.is_err());
    assert!(held.load(Ordering::Relaxed) > 1);
    upstream.wait_open(0).await;
    assert_eq!(fetcher.places.available_permits(), AT_ONCE);
    // Without room it ends at once.
    upstream.reply(Script::body(200, "image/png", PNG));
    let full = |_| Err(Failure::TooLargeTogether(1));
    let got = fetcher.get(&url, MediaKind::Image, &rules, None, &full).await;
    assert_eq!(got, Err(Failure::TooLargeTogether(1)));
}
