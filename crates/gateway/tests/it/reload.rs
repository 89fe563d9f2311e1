//! A new file is taken over without a request noticing; a bad one changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use testkit::http::{self, Client};
use testkit::samples::openai;
use testkit::upstream::{Script, Upstream};
use tokio::task::JoinSet;

use crate::child::Program;
use crate::harness::{self, KEY_1, chat, keys, no_secrets, post_chat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_lose_nothing() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 3, 1)));
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("tollgate.yaml"), dir.path().join("data"));
    let config = |name: &str, server: &str| {
        let provider = harness::openai("p1", &upstream.url(), KEY_1, "");
        format!("{server}{}providers:\n{provider}models:\n  {name}: {{ targets: [p1/m] }}\n", keys())
    };
    // In one step, as editors do: nobody reads half a file.
    let write = |text: &str| {
        let new = dir.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &file).unwrap();
    };
    write(&config("name0", ""));
    let program = Program::start(&file, &data);
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = JoinSet::new();
    for _ in 0..3 {
        let mut client = Client::connect(program.addr).await;
        let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
        load.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let response = client.request(&post_chat(&chat("p1/m"))).await;
                assert_eq!(response.status, 200, "{}", response.text());
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let ask = async |name: &str| http::fetch(program.addr, &post_chat(&chat(name))).await.status;
    assert_eq!((ask("name0").await, ask("name1").await), (200, 404));
    for round in 1..=5 {
        write(&config(&format!("name{round}"), ""));
        program.signal("HUP");
        program.says("the new configuration is in force", round).await;
        let (new, old) = (format!("name{round}"), format!("name{}", round - 1));
        assert_eq!((ask(&new).await, ask(&old).await), (200, 404));
    }
    for bad in ["providers: [", "nonsense: true\n", &config("name9", "server: { max_body: lots }\n")] {
        let before = program.said().matches("the old one stays").count();
        write(bad);
        program.signal("HUP");
        program.says("the old one stays", before + 1).await;
        assert_eq!((ask("name5").await, ask("name9").await), (200, 404));
    }
    // What needs a restart keeps its value; the rest is taken over.
    write(&config("name6", "server: { listen: \"127.0.0.1:1\" }\ndata_dir: elsewhere\n"));
    program.signal("HUP");
    program.says("the new configuration is in force", 6).await;
    assert_eq!((ask("name6").await, ask("name5").await), (200, 404));
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended.unwrap();
    }
    assert!(served.load(Ordering::Relaxed) > 10);
    program.signal("TERM");
    let left = program.ended();
    assert_eq!(left.status.code(), Some(0));
    no_secrets(&data, &[&left.out, &left.err]);
    let lines = store::open(&data).unwrap().ledger.page(None, 100_000).await.unwrap();
    assert!(lines.len() > served.load(Ordering::Relaxed));
}
