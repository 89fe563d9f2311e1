//! The configuration in force: every setting with its source, secrets masked.

use std::time::Duration;

use dialect::fault::Fault;
use http::Method;
use policy::residency::Require;
use serde_json::Value;
use wire::json::Writer;

use super::fields::query;
use super::keys::wrong_method;
use super::office::{Ask, Office, Told};
use crate::config::types::{Losses, NamedModel, OnDisconnect, Provider, Sync, Target};
use crate::config::{Config, Secret};

/// Serves `GET /admin/v1/config`.
///
/// # Errors
/// What is wrong with the call.
pub fn answer(office: &Office, rest: &str, ask: &Ask) -> Result<Told, Fault> {
    query(ask.query.as_deref(), &[])?;
    if ask.method != Method::GET || !rest.is_empty() {
        return Err(wrong_method("GET"));
    }
    let config = &office.snapshot.config;
    let text = config.file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    let file = text.and_then(|text| serde_saphyr::from_str::<Value>(&text).ok());
    Ok(Told::ok(write(config, file.as_ref())))
}

fn write(config: &Config, file: Option<&Value>) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("hash").str(&config.hash);
        match &config.file {
            Some(file) => json.key("file").str(&file.display().to_string()),
            None => json.key("file").null(),
        };
        json.key("settings").object(|json| settings(&mut Sources { config, file, json }));
        let from = |section: &str| if file.is_some_and(|file| file.get(section).is_some()) { "file" } else { "env" };
        json.key("providers").array(|json| {
            for one in &config.providers {
                json.object(|json| provider(one, from("providers"), json));
            }
        });
        json.key("models").array(|json| {
            for one in &config.models {
                json.object(|json| model(config, one, json));
            }
        });
        json.key("teams").object(|json| {
            for (name, team) in &config.teams {
                json.key(name).object(|json| {
                    maybe(json, "organization", team.organization.as_deref());
                    list(json, "models", &team.models);
                    required(json, &team.require);
                });
            }
        });
        json.key("keys").array(|json| {
            for key in &config.keys {
                json.object(|json| {
                    json.key("name").str(&key.name).key("hash").str("***");
                    maybe(json, "team", key.team.as_deref());
                    maybe(json, "user", key.user.as_deref());
                    list(json, "models", &key.models);
                    required(json, std::slice::from_ref(&key.require));
                    maybe(json, "expires", key.expires.map(|at| at.to_string()).as_deref());
                });
            }
        });
    });
    json.finish()
}

/// Settings with where each comes from: the file that holds it, else what may be given elsewhere, else the default.
struct Sources<'a> {
    config: &'a Config,
    file: Option<&'a Value>,
    json: &'a mut Writer,
}

impl Sources<'_> {
    fn put(&mut self, path: &str, elsewhere: Option<&str>, write: impl FnOnce(&mut Writer)) {
        let in_file = self.file.and_then(|file| path.split('.').try_fold(file, |at, name| at.get(name)));
        let source = match (in_file, elsewhere) {
            (_, Some(elsewhere)) => elsewhere,
            (Some(value), None) if !value.is_null() => "file",
            _ => "default",
        };
        self.json.key(path).object(|json| {
            json.key("value");
            write(json);
            json.key("source").str(source);
        });
    }

    fn text(&mut self, path: &str, elsewhere: Option<&str>, value: &str) {
        self.put(path, elsewhere, |json| {
            json.str(value);
        });
    }

    fn number(&mut self, path: &str, value: u64) {
        self.put(path, None, |json| {
            json.u64(value);
        });
    }
}

fn settings(out: &mut Sources<'_>) {
    let config = out.config;
    let server = &config.server;
    let said = |path: &str| out.file.and_then(|file| path.split('.').try_fold(file, |at, name| at.get(name)));
    // What the file says otherwise, or what is not the default without a file's word, was a flag.
    let listen = server.listen.to_string();
    let listen_flag = match said("server.listen").and_then(Value::as_str) {
        Some(text) => text.parse().is_ok_and(|at: std::net::SocketAddr| at != server.listen),
        None => listen != "127.0.0.1:4000",
    };
    let data_dir = config.data_dir.display().to_string();
    let dir_flag = match said("data_dir").and_then(Value::as_str) {
        Some(text) => !text.contains("${") && text != data_dir,
        None => data_dir != "./tollgate-data",
    };
    let admin_env = server.admin_key.is_some() && said("server.admin_key").is_none_or(Value::is_null);
    out.text("server.listen", listen_flag.then_some("flag"), &listen);
    out.put("server.admin_key", admin_env.then_some("env"), |json| secret(json, server.admin_key.as_ref()));
    out.put("server.admin_listen", None, |json| match server.admin_listen {
        Some(at) => {
            json.str(&at.to_string());
        }
        None => {
            json.null();
        }
    });
    out.number("server.max_body", server.max_body);
    out.number("server.max_upload", server.max_upload);
    out.number("server.max_buffered", server.max_buffered);
    out.number("server.max_in_flight", server.max_in_flight as u64);
    out.text("server.drain", None, &span(server.drain));
    out.text("server.hold_head", None, &span(server.hold_head));
    out.text("server.keepalive", None, &server.keepalive.map_or_else(|| "off".to_owned(), span));
    out.put("server.tls", None, |json| match &server.tls {
        Some(tls) => {
            json.object(|json| {
                json.key("cert").str(&tls.cert.display().to_string()).key("key").str(&tls.key.display().to_string());
            });
        }
        None => {
            json.null();
        }
    });
    out.put("server.cors", None, |json| strings(json, &server.cors));
    let proxies: Vec<String> =
        server.trusted_proxies.iter().map(|net| format!("{}/{}", net.address, net.bits)).collect();
    out.put("server.trusted_proxies", None, |json| strings(json, &proxies));
    let fetch = &server.fetch_media;
    out.text("server.fetch_media.mode", None, fetch.mode.name());
    out.put("server.fetch_media.hosts", None, |json| strings(json, &fetch.hosts));
    let networks: Vec<String> = fetch.networks.iter().map(|net| format!("{}/{}", net.address, net.bits)).collect();
    out.put("server.fetch_media.networks", None, |json| strings(json, &networks));
    let ports: Vec<String> = fetch.ports.iter().map(u16::to_string).collect();
    out.put("server.fetch_media.ports", None, |json| strings(json, &ports));
    out.number("server.fetch_media.max", fetch.max);
    out.number("server.fetch_media.total", fetch.total);
    out.text("server.fetch_media.timeout", None, &span(fetch.timeout));
    out.text("store", None, "sqlite");
    out.text("data_dir", dir_flag.then_some("flag"), &data_dir);
    out.text("timezone", None, config.timezone.iana_name().unwrap_or("UTC"));
    out.text("ledger.retention", None, &config.retention.map_or_else(|| "off".to_owned(), span));
    let sync = match config.journal.sync {
        Sync::Interval => "interval",
        Sync::Always => "always",
        Sync::Never => "never",
    };
    out.text("journal.sync", None, sync);
    out.number("journal.memory", config.journal.memory);
    out.put("cost_in_usage", None, |json| {
        json.bool(config.cost_in_usage);
    });
}

fn provider(provider: &Provider, source: &str, json: &mut Writer) {
    json.key("name").str(&provider.name).key("kind").str(&provider.row.name);
    json.key("source").str(if provider.probe || provider.is_demo() && source == "env" { "default" } else { source });
    json.key("base_url").str(&provider.base_url);
    json.key("api_keys").array(|json| {
        for key in &provider.keys {
            secret(json, Some(key));
        }
    });
    json.key("credentials");
    match &provider.credential {
        Some(credential) => json.str(&credential.to_string()),
        None => json.null(),
    };
    json.key("dialects").array(|json| {
        for dialect in provider.dialects() {
            json.str(dialect.name());
        }
    });
    match &provider.models {
        None => json.key("models").null(),
        Some(models) => json.key("models").array(|json| {
            for model in models {
                json.str(&model.id);
            }
        }),
    };
    json.key("headers").object(|json| {
        for (name, value) in &provider.headers {
            json.key(name);
            secret(json, Some(value));
        }
    });
    json.key("data").object(|json| {
        for (name, value) in &provider.data {
            json.key(name).str(value);
        }
    });
    let times = provider.timeouts;
    json.key("timeouts").object(|json| {
        json.key("connect").str(&span(times.connect)).key("first_byte").str(&span(times.first_byte));
        json.key("idle").str(&span(times.idle)).key("total").str(&span(times.total));
    });
    json.key("proxy");
    secret(json, provider.proxy.as_ref());
    json.key("native").bool(provider.native);
    json.key("on_disconnect").str(match provider.on_disconnect {
        OnDisconnect::Cancel => "cancel",
        OnDisconnect::Drain => "drain",
    });
}

fn model(config: &Config, model: &NamedModel, json: &mut Writer) {
    json.key("name").str(&model.name).key("choose").str(model.choose.name());
    json.key("slo").object(|json| {
        if let Some(first) = model.slo.first_byte {
            json.key("first_byte").str(&span(first));
        }
        if let Some(speed) = model.slo.tokens_per_second {
            json.key("tokens_per_second").u64(u64::from(speed));
        }
    });
    let targets = |json: &mut Writer, name: &str, list: &[Target]| {
        json.key(name).array(|json| {
            for target in list {
                let provider = config.providers.get(target.provider).map_or("", |provider| &provider.name);
                json.object(|json| {
                    json.key("model").str(&format!("{provider}/{}", target.model));
                    json.key("weight").u64(u64::from(target.weight));
                });
            }
        });
    };
    targets(json, "targets", &model.targets);
    targets(json, "fallback", &model.fallback);
    json.key("attempts").u64(u64::from(model.tries()));
    json.key("losses").str(match model.losses {
        Losses::Report => "report",
        Losses::Reject => "reject",
    });
}

/// What is required of providers, over the wishes of all who have a say.
fn required(json: &mut Writer, all: &[Require]) {
    json.key("require").array(|json| {
        for require in all.iter().filter(|require| !require.is_empty()) {
            json.object(|json| {
                for (name, wanted) in &require.0 {
                    list(json, name, wanted);
                }
            });
        }
    });
}

fn secret(json: &mut Writer, value: Option<&Secret>) {
    match value {
        Some(value) => {
            json.str(&value.to_string());
        }
        None => {
            json.null();
        }
    }
}

fn maybe(json: &mut Writer, name: &str, value: Option<&str>) {
    match value {
        Some(value) => json.key(name).str(value),
        None => json.key(name).null(),
    };
}

fn list(json: &mut Writer, name: &str, values: &[String]) {
    json.key(name);
    strings(json, values);
}

fn strings(json: &mut Writer, values: &[String]) {
    json.array(|json| {
        for value in values {
            json.str(value);
        }
    });
}

/// A duration in the units of the configuration: `15s`, `2m`, `400d`, `1500ms`.
fn span(time: Duration) -> String {
    let ms = time.as_millis();
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if ms >= unit && ms.is_multiple_of(unit) {
            return format!("{}{name}", ms / unit);
        }
    }
    format!("{ms}ms")
}
