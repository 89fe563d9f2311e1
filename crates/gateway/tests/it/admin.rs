//! The admin API over HTTP: keys, requests, the configuration, its description.

use serde_json::{Value, json};

use super::program::{CONFIG, Gate, Place};

fn post(gate: &Gate, path: &str, body: &Value) -> super::program::Answer {
    gate.ask("POST", path, None, Some(&body.to_string()))
}

#[test]
fn keys_are_made_read_and_ended() {
    let place = Place::new(CONFIG);
    let gate = place.serve();
    let made =
        post(&gate, "/admin/v1/keys", &json!({"name": "a b", "team": "research", "models": ["quick"], "admin": true}));
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    let key = made["key"].as_str().unwrap();
    assert_eq!(&key[3..15], made["id"].as_str().unwrap());
    assert!(made["admin_key_file"].as_str().unwrap().ends_with("admin-key"));
    assert_eq!(gate.get("/admin/v1/keys", None).status, 401, "closed at once");
    let list = gate.get("/admin/v1/keys", Some(key)).json();
    assert_eq!((list["data"][0]["name"].as_str(), &list["next"]), (Some("a b"), &Value::Null));
    assert!(list["data"][0].get("key").is_none(), "told once");
    for path in [format!("/admin/v1/keys/{}", made["id"].as_str().unwrap()), "/admin/v1/keys/a%20b".to_owned()] {
        assert_eq!(gate.get(&path, Some(key)).json()["team"], "research");
    }
    assert_eq!(gate.get("/admin/v1/keys/nobody", Some(key)).status, 404);
    assert_eq!(gate.ask("PUT", "/admin/v1/keys", Some(key), None).header("allow"), Some("GET, POST"));
    let ended = gate.ask("DELETE", "/admin/v1/keys/a%20b", Some(key), None);
    assert_eq!((ended.status, &ended.json()["revoked"]), (200, &Value::Bool(true)));
    assert_eq!(gate.get("/admin/v1/keys", Some(key)).status, 401);
}

#[test]
fn what_is_not_understood_is_refused() {
    let place = Place::new(CONFIG);
    let gate = place.serve();
    for (body, part) in [
        (json!({"name": "a", "taem": "growth"}), "did you mean `team`?"),
        (json!({"name": "a", "team": "grwoth"}), "did you mean `growth`?"),
        (json!({}), "`name`"),
        (json!({"name": "local"}), "taken"),
        (json!({"name": "a", "models": "quick"}), "list"),
        (json!({"name": "a", "expires": "yesterday"}), "90d"),
        (json!({"name": 1}), "text"),
    ] {
        let answer = post(&gate, "/admin/v1/keys", &body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert_eq!(answer.header("x-tollgate-error"), Some("invalid_request"));
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(part), "{body}: {message}");
    }
    assert_eq!(gate.get("/admin/v1/keys", None).json()["data"], json!([]), "nothing was made");
    let form = "POST /admin/v1/keys HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: text/plain\r\n\
                content-length: 12\r\n\r\n{\"name\":\"a\"}";
    assert_eq!(gate.send(form).status, 415, "what a web page may send unasked");
    let long = json!({"name": "a".repeat(70_000)});
    assert_eq!(post(&gate, "/admin/v1/keys", &long).status, 413);
    assert_eq!(gate.get("/admin/v1/keyz", None).status, 404);
    assert_eq!(gate.get("/admin/v1/requests?limt=1", None).status, 400);
    assert_eq!(gate.get("/admin/v1/requests?status=odd", None).status, 400);
}

#[test]
fn requests_are_listed_newest_first_in_pages() {
    let place = Place::new(CONFIG);
    let gate = place.serve();
    let call = |model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
        let answer = gate.ask("POST", "/v1/chat/completions", None, Some(&body));
        let id = answer.header("x-tollgate-request-id").unwrap().to_owned();
        gate.until(&format!("/v1/requests/{id}"), None, 200);
        id
    };
    let ids = [call("quick"), call("nothing"), call("sim/slow")];
    let start = std::time::Instant::now();
    let all = loop {
        let all = gate.get("/admin/v1/requests", None).json();
        if all["data"].as_array().unwrap().len() == 3 || start.elapsed().as_secs() > 5 {
            break all;
        }
    };
    let seen: Vec<&str> = all["data"].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(seen, [ids[2].as_str(), &ids[1], &ids[0]]);
    let first = gate.get("/admin/v1/requests?limit=2", None).json();
    let next = format!("/admin/v1/requests?limit=2&cursor={}", first["next"].as_str().unwrap());
    let second = gate.get(&next, None).json();
    assert_eq!((&second["data"][0]["id"], &second["next"]), (&json!(ids[0]), &Value::Null));
    let of = |query: &str| {
        let found = gate.get(&format!("/admin/v1/requests?{query}"), None).json();
        found["data"].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("status=error"), [ids[1].clone()]);
    assert_eq!(of("model=quick"), [ids[0].clone()]);
    assert_eq!(of("model=slow"), [ids[2].clone()]);
    assert_eq!(of("key=local").len(), 3);
    assert_eq!(of("key=other").len(), 0);
    assert_eq!(gate.get(&format!("/admin/v1/requests/{}", ids[0]), None).json()["asked"], "quick");
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let secret = "sk-very-secret-0123456789";
    let more = format!("  real: {{ kind: openai, api_key: {secret}, headers: {{ x-a: {secret} }} }}\n");
    let text = CONFIG
        .replace("providers: { sim: {", "providers:\n  sim: {")
        .replace(" } } } }\n", &format!(" }} }} }}\n{more}"));
    let place = Place::new(&format!("{text}timezone: Europe/Berlin\n"));
    assert_eq!(place.run(&["check"]).code, 0, "{}", place.run(&["check"]).out);
    let gate = place.serve();
    let answer = gate.get("/admin/v1/config", None);
    assert!(!answer.body.contains(secret) && answer.body.contains("***"), "{}", answer.body);
    let settings = &answer.json()["settings"];
    assert_eq!(settings["timezone"], json!({"value": "Europe/Berlin", "source": "file"}));
    assert_eq!(settings["server.drain"], json!({"value": "30s", "source": "default"}));
    assert_eq!(settings["server.listen"]["source"], "flag");
    let targets = gate.get("/admin/v1/targets", None).json();
    assert_eq!(targets["data"][0]["target"], "sim/fast");
    assert_eq!(targets["data"][0]["usd_per_million"]["output"], "2");
}

/// Every path that the gateway serves, as the description writes it.
const SERVED: [&str; 37] = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/v1/chat/completions",
    "/chat/completions",
    "/openai/v1/chat/completions",
    "/v1/messages",
    "/anthropic/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/v1/moderations",
    "/v1/completions",
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/rerank",
    "/v2/rerank",
    "/native/{provider}/{path}",
    "/v1/models",
    "/models",
    "/openai/v1/models",
    "/anthropic/v1/models",
    "/v1/models/{model}",
    "/models/{model}",
    "/openai/v1/models/{model}",
    "/anthropic/v1/models/{model}",
    "/v1/requests/{id}",
    "/api/v1/generation",
    "/admin/v1/keys",
    "/admin/v1/requests",
    "/admin/v1/explain",
    "/admin/v1/targets",
    "/admin/v1/config",
];

#[test]
fn everything_that_is_served_is_described() {
    let place = Place::new(CONFIG);
    let gate = place.serve();
    let answer = gate.get("/openapi.json", None);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    for path in SERVED {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    for (path, item) in paths {
        // What is described is served: it answers something else than "there is nothing here".
        let sample = path.replace("{model}", "quick").replace("{id}", "0199a1b2-0000-7000-8000-000000000000");
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let answer = gate.ask(&method.to_uppercase(), &sample, None, None);
            assert!(
                !answer.body.contains("There is nothing at") && answer.status != 405,
                "{method} {path}: {answer:?}"
            );
        }
        if item.get("patch").is_some() {
            continue;
        }
        let other = gate.ask("PATCH", &sample, None, None);
        assert!(other.status == 405, "{path} takes PATCH, which is not described: {other:?}");
    }
    let text = answer.body.as_str();
    for part in text.split("\"$ref\":").skip(1) {
        let name = part.split('"').nth(1).unwrap();
        let pointer = name.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{name} leads nowhere");
    }
}
