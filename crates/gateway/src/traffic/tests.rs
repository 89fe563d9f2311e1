//! The generator against a real gateway, over sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use policy::money::Nano;
use tokio_util::sync::CancellationToken;
use wire::json::Json;

use super::ask::Ask;
use super::{Options, between, config_text, run};
use crate::boot::{self, Start};
use crate::config::{self, Config, Flags};

fn config(data_dir: Option<&Path>) -> Config {
    let flags = Flags { listen: Some("127.0.0.1:0".to_owned()), data_dir: data_dir.map(Path::to_path_buf) };
    let file = Path::new("demo.yaml");
    let loaded = config::of_text(Some((file, config_text())), &config::env::Process, &flags).expect("a good file");
    assert!(loaded.warnings.is_empty());
    // There is no file to watch.
    Config { file: None, ..loaded.config }
}

/// What a run of a few seconds writes, in a gateway of its own.
async fn trial(options: Options, terminal: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let start = Start { silent: true, quiet: true, ..Start::default() };
    let running = boot::open(config(Some(folder.path())), &start).await.unwrap();
    let base = format!("http://{}/", running.address);
    let gateway = running.gateway.clone();
    let mut out = Vec::new();
    let traffic = async {
        run(&base, &options, CancellationToken::new(), &mut out, terminal).await.unwrap();
        gateway.tasks.stop().cancel();
    };
    let (served, ()) = tokio::join!(running.serve(), traffic);
    served.unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_configuration_has_three_simulated_providers() {
    let config = config(None);
    assert!(config.providers.iter().all(config::types::Provider::is_demo));
    let names: Vec<&str> = config.providers.iter().map(|provider| &*provider.name).collect();
    assert_eq!(names, ["swift", "thrifty", "flaky"]);
    assert!(config.models.iter().any(|model| &*model.name == "demo/fast"));
    // What is not priced in the file has the built-in price.
    assert!(config.providers.iter().all(|provider| provider.prices.len() == 5));
}

#[test]
fn every_drawn_request_is_json_for_a_model_of_the_configuration_but_for_the_one_that_is_not() {
    let config = config(None);
    let (mut unknown, mut state) = (0, 7_u64);
    for _ in 0..2_000 {
        let ask = Ask::draw(&mut || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        });
        let body = Json::parse(&ask.body).unwrap();
        let model = body.get("model").unwrap().as_str().unwrap();
        let named = config.models.iter().any(|known| *known.name == *model);
        let direct = model.split_once('/').and_then(|(provider, id)| config.provider(provider)?.model(id)).is_some();
        unknown += u32::from(!named && !direct);
    }
    assert!((10..100).contains(&unknown), "{unknown}");
}

#[test]
fn rates_are_held_within_bounds() {
    assert_eq!(between(4.0), Duration::from_millis(250));
    assert_eq!(between(0.0), Duration::from_secs(10));
    assert_eq!(between(f64::NAN), Duration::from_millis(200));
    assert_eq!(between(1e9), Duration::from_millis(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_a_ledger_line_with_its_cost() {
    let text = trial(Options { seconds: Some(3), rate: 30.0, json: true }, false).await;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 40, "{}", lines.len());
    let (mut served, mut usd) = (0, Nano::ZERO);
    for line in lines {
        let line = Json::parse(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line.get("trouble").is_none(), "{}", line.raw());
        let cost: Nano = line.at(&["cost", "usd"]).unwrap().as_str().unwrap().parse().unwrap();
        usd = usd.saturating_add(cost);
        if line.get("status").unwrap().is("ok") {
            served += 1;
            assert!(cost > Nano::ZERO, "{}", line.raw());
        }
    }
    assert!(served > 30 && usd > Nano::ZERO, "{served} {usd}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_is_a_summary_that_adds_up() {
    let text = trial(Options { seconds: Some(3), rate: 30.0, json: false }, false).await;
    let total = text.lines().find(|line| line.trim_start().starts_with("total")).expect("a total");
    let usd =
        |line: &str| -> Nano { line.split_whitespace().find(|word| word.contains('.')).unwrap().parse().unwrap() };
    let rows = text.lines().filter(|line| {
        ["swift/", "thrifty/", "flaky/", "(not served)"].iter().any(|name| line.trim_start().starts_with(name))
    });
    let sum = rows.map(usd).fold(Nano::ZERO, Nano::saturating_add);
    assert_eq!(usd(total), sum);
    assert!(sum > Nano::ZERO);
    assert!(text.contains("What next"), "{text}");
    assert!(!text.contains('\x1b'));
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_given_back_as_it_was() {
    let text = trial(Options { seconds: Some(1), rate: 10.0, json: false }, true).await;
    assert!(text.starts_with("\x1b[?25l\x1b[?7l") && text.ends_with("\x1b[?7h\x1b[?25h"), "{text:?}");
    assert!(text.matches("A\r\x1b[J").count() >= 3, "it is drawn over");
}
