//! What a file means when nothing is wrong with it.

use std::time::Duration;

use dialect::id::DialectId;
use dialect::quirk::Quirk;

use policy::route::order::Choose;

use super::super::load::keep_fixed;
use super::super::types::{Fetching, Losses, OnDisconnect, Sync};
use super::*;

const WHOLE: &str = r#"
server: { listen: "[::1]:4001", max_body: 1MiB, max_in_flight: 5k, keepalive: off, cors: ["https://App.example/"], trusted_proxies: [10.0.0.0/8], tls: { cert: c, key: k }, fetch_media: { mode: allow, hosts: [Files.Example, "*.cdn.example"], networks: [10.1.0.0/16], ports: [8080], max: 1MiB, timeout: 3s } }
timezone: Europe/Berlin
ledger: { retention: off }
journal: { sync: always, memory: 1MiB }
providers:
  openai: { api_key: a, organization: org-1, project: p-1 }
  pool: { kind: openai, api_keys: [a, b], fee: 5.5% }
  eu-azure: { kind: azure, api_key: z, data: { region: eu }, base_url: "https://x.openai.azure.com", api_version: "2025-04-01-preview" }
  gpu-box:
    kind: openai-compatible
    base_url: http://10.0.0.7:8000/v1/
    models:
      - qwen3-32b
      - { id: llava, context: 8000, max_output: 2k, tools: false, images: true, dialect: openai-chat }
      - { id: my-deployment, as: gpt-4o }
    prices: { "*": { input: 0, output: "0.10" }, qwen3-32b: { request: 0.001 } }
    data: { region: on-prem, retention: none, training: false }
    timeouts: { connect: 1s, total: 1h30m }
    headers: { X-Extra: "value" }
    ca_file: /etc/ca.pem
    on_disconnect: drain
    fetches_urls: false
models:
  "*": { targets: ["openai/*"] }
  "gpt-*": { targets: ["pool/gpt-*"] }
  fast:
    choose: weighted
    targets:
      - openai/gpt-5-mini
      - { model: gpu-box/qwen3-32b, weight: 2 }
    retry: { attempts: 4 }
    fallback: [pool/openai/gpt-5-mini]
    timeouts: { first_byte: 10s }
    losses: reject
organizations: { acme: { teams: [growth] } }
teams: { growth: { models: [fast, "openai/*"] }, other: }
keys:
  - { name: bot, team: growth, user: u, hash: "sha256:00000000000000000000000000000000000000000000000000000000000000ff", fail: open, expires: 2027-01-31 }
"#;

#[test]
fn everything_that_is_built_is_understood() {
    let config = good(WHOLE);
    assert_eq!(config.server.listen.to_string(), "[::1]:4001");
    assert_eq!((config.server.max_body, config.server.max_in_flight), (1 << 20, 5000));
    assert_eq!((config.server.keepalive, config.retention), (None, None));
    assert_eq!(config.server.cors, ["https://app.example"]);
    let fetch = &config.server.fetch_media;
    assert_eq!(
        (fetch.mode, &*fetch.hosts),
        (Fetching::Allow, &["files.example".to_owned(), "*.cdn.example".to_owned()][..])
    );
    assert_eq!((fetch.networks.len(), &*fetch.ports, fetch.max, fetch.total), (1, &[8080][..], 1 << 20, 64 << 20));
    assert_eq!(fetch.timeout, Duration::from_secs(3));
    assert!(config.provider("gpu-box").is_some_and(|provider| provider.quirks.has(Quirk::NoMediaUrls)));
    assert_eq!((config.journal.sync, config.journal.memory), (Sync::Always, 1 << 20));
    assert_eq!(config.server.drain, Duration::from_secs(30));

    let openai = config.provider("openai").unwrap();
    assert_eq!(
        openai.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["openai-organization", "openai-project"]
    );
    assert_eq!(openai.dialects().collect::<Vec<_>>(), [DialectId::OpenAiChat, DialectId::OpenAiResponses]);
    assert_eq!(openai.url(DialectId::OpenAiChat, "x").unwrap(), "https://api.openai.com/v1/chat/completions");
    assert_eq!(openai.url(DialectId::AnthropicMessages, "x"), None);
    let pool = config.provider("pool").unwrap();
    assert_eq!((pool.keys.len(), pool.fee.unwrap().to_string().as_str()), (2, "5.5%"));
    assert_eq!(config.provider("eu-azure").unwrap().data["region"], "eu");

    let gpu = config.provider("gpu-box").unwrap();
    assert_eq!((gpu.order, gpu.keys.len(), gpu.base_url.as_str()), (3, 0, "http://10.0.0.7:8000/v1"));
    assert_eq!(gpu.models_url().unwrap(), "http://10.0.0.7:8000/v1/models");
    let llava = gpu.model("llava").unwrap();
    assert_eq!(
        (llava.context, llava.max_output, llava.tools, llava.images),
        (Some(8000), Some(2000), Some(false), Some(true))
    );
    assert_eq!(llava.dialect, Some(DialectId::OpenAiChat));
    assert_eq!(gpu.model("my-deployment").unwrap().like.as_deref(), Some("gpt-4o"));
    assert_eq!(gpu.prices[0].1.output.unwrap().0.to_string(), "0.1");
    assert_eq!(
        (gpu.prices[1].0.as_str(), gpu.prices[1].1.request.unwrap().0.to_string().as_str()),
        ("qwen3-32b", "0.001")
    );
    assert_eq!(gpu.data["training"], "false");
    assert_eq!(
        (gpu.timeouts.connect, gpu.timeouts.idle, gpu.timeouts.total),
        (Duration::from_secs(1), Duration::from_secs(120), Duration::from_secs(5400))
    );
    assert_eq!(gpu.headers[0].0, "x-extra");
    assert_eq!(gpu.on_disconnect, OnDisconnect::Drain);
}

#[test]
fn models_and_people_refer_to_what_is_defined() {
    let config = good(WHOLE);
    let names: Vec<&str> = config.models.iter().map(|model| &*model.name).collect();
    assert_eq!(names, ["fast", "gpt-*", "*"], "exact names, then the longer globs");
    let fast = &config.models[0];
    assert_eq!((fast.choose, fast.losses, fast.tries()), (Choose::Weighted, Losses::Reject, 4));
    let targets: Vec<(usize, &str, u32)> = fast.targets.iter().map(|t| (t.provider, &*t.model, t.weight)).collect();
    assert_eq!(targets, [(0, "gpt-5-mini", 1), (3, "qwen3-32b", 2)]);
    assert_eq!((fast.fallback[0].provider, &*fast.fallback[0].model), (1, "openai/gpt-5-mini"));
    let over = fast.timeouts.over(config.providers[3].timeouts);
    assert_eq!((over.first_byte, over.connect), (Duration::from_secs(10), Duration::from_secs(1)));
    assert_eq!(&*config.models[2].targets[0].model_for("vendor/any"), "vendor/any");

    assert_eq!(config.teams["growth"].organization.as_deref(), Some("acme"));
    assert_eq!(config.teams["other"].models, [] as [&str; 0]);
    let key = &config.keys[0];
    assert_eq!((key.hash[31], key.team.as_deref(), key.user.as_deref()), (0xff, Some("growth"), Some("u")));
    assert_eq!(key.expires.unwrap().to_string(), "2027-01-30T23:00:00Z", "midnight in Berlin");
}

#[test]
fn a_row_that_speaks_several_dialects_has_a_place_for_each() {
    let config = good(
        "providers: { deepseek: { api_key: k }, one: { kind: deepseek, api_key: k, dialect: anthropic-messages } }",
    );
    let both = config.provider("deepseek").unwrap();
    assert_eq!(both.dialects().count(), 3);
    assert_eq!(both.url(DialectId::OpenAiResponses, "m").unwrap(), "https://api.deepseek.com/responses");
    assert_eq!(both.url(DialectId::AnthropicMessages, "m").unwrap(), "https://api.deepseek.com/anthropic/v1/messages");
    assert_eq!(both.endpoint(DialectId::AnthropicMessages).unwrap().auth.header("k").unwrap().0, "x-api-key");
    assert_eq!(config.provider("one").unwrap().dialects().collect::<Vec<_>>(), [DialectId::AnthropicMessages]);
}

#[test]
fn a_reload_keeps_what_only_a_restart_can_change() {
    let old = good("providers: { demo: {} }");
    let new = good("providers: { demo: {} }\nserver: { listen: 127.0.0.1:9, drain: 1s }\ndata_dir: /x\n");
    let (kept, names) = keep_fixed(&old, new);
    assert_eq!(names, ["server.listen", "data_dir"]);
    assert_eq!((kept.server.listen, &kept.data_dir), (old.server.listen, &old.data_dir));
    assert_eq!(kept.server.drain, Duration::from_secs(1));
    let same = good("providers: { demo: {} }\nserver: { drain: 1s }\n");
    assert_eq!(kept.hash, same.hash, "the hash is of what runs");
}
