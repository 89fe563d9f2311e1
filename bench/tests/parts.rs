//! The parts of the bench against each other: load through the yardstick to the mock, whole and streamed.
#![allow(clippy::unwrap_used, reason = "tests")]

use bench::bodies::Shape;
use bench::load::{self, Figures, KEY, Mode};
use bench::{mock, yardstick};
use tokio::net::TcpListener;

/// Starts mock and yardstick; the yardstick's address.
async fn rig() -> String {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mock_addr, addr) = (upstream.local_addr().unwrap().to_string(), proxy.local_addr().unwrap().to_string());
    let options = mock::Options { listen: String::new(), delay: 0, chunks: 5, pace: 0 };
    tokio::spawn(mock::serve_on(upstream, options));
    tokio::spawn(async move { yardstick::serve_on(proxy, &mock_addr).await });
    addr
}

async fn load(target: &str, shape: Shape, size: usize, watch: Option<u32>, mode: Mode) -> Figures {
    let (target, model, key) = (target.to_owned(), "gpt-4o-mini".to_owned(), KEY.to_owned());
    load::run(&load::Options { target, shape, model, size, key, watch, json: false, mode }).await.unwrap()
}

#[tokio::test]
async fn every_request_is_answered_and_counted() {
    let addr = rig().await;
    for shape in [Shape::Chat, Shape::Messages] {
        for size in [1_000, 100_000] {
            let mode = Mode::Closed { connections: 4, seconds: 1.0, requests: Some(50), warmup: 0.0 };
            let figures = load(&addr, shape, size, Some(std::process::id()), mode).await;
            assert_eq!((figures.requests, figures.errors), (50, 0), "{shape:?} {size}: {figures:?}");
            assert!(figures.p50 > 0.0 && figures.p50 <= figures.p99 && figures.path_cpu > 0.0);
        }
    }
}

#[tokio::test]
async fn the_open_loop_keeps_its_rate() {
    let addr = rig().await;
    let mode = Mode::Open { rate: 200, seconds: 0.5, warmup: 0.0 };
    let figures = load(&addr, Shape::Chat, 1_000, None, mode).await;
    assert_eq!((figures.requests, figures.errors), (100, 0), "{figures:?}");
    assert!((0.4..2.0).contains(&figures.seconds), "{}", figures.seconds);
}

#[tokio::test]
async fn streams_bring_every_chunk_at_their_pace() {
    let addr = rig().await;
    for shape in [Shape::Chat, Shape::Messages] {
        let mode = Mode::Stream { streams: 3, repeat: 2, chunks: 20, pace_ms: 5 };
        let figures = load(&addr, shape, 1_000, None, mode).await;
        assert_eq!((figures.requests, figures.chunks, figures.errors), (6, 120, 0), "{shape:?}: {figures:?}");
        assert!(figures.p50 >= 19.0 * 5_000.0 * 0.9, "{}", figures.p50);
        assert!(figures.first_byte_p50 < figures.p50);
    }
}

#[tokio::test]
async fn held_streams_are_all_open() {
    let addr = rig().await;
    let mode = Mode::Hold { streams: 20, seconds: 0.1 };
    let figures = load(&addr, Shape::Chat, 1_000, Some(std::process::id()), mode).await;
    assert_eq!(figures.errors, 0, "{:?}", figures.first_error);
    assert!(figures.rss_held_kib > 0);
}

#[tokio::test]
async fn failures_are_told_not_hidden() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    // A yardstick without an upstream answers 502.
    tokio::spawn(async move { yardstick::serve_on(listener, "127.0.0.1:1").await });
    let mode = Mode::Closed { connections: 1, seconds: 1.0, requests: Some(3), warmup: 0.0 };
    let figures = load(&addr, Shape::Chat, 1_000, None, mode).await;
    assert_eq!((figures.requests, figures.errors), (0, 3));
    assert_eq!(figures.first_error.as_deref(), Some("status 502"));
}
