//! The command line: keys with and without a gateway, checks, explanations, exit codes.

use super::program::{CONFIG, Place};

const NAMES: &str = "/v1/models";

#[test]
fn a_key_works_at_once_in_a_running_gateway_and_ends_at_once() {
    let place = Place::new(CONFIG);
    let gate = place.serve();
    assert_eq!(gate.get(NAMES, None).status, 200, "local mode");
    let made = place.run(&["keys", "create", "--name", "bot", "--team", "growth", "--expires", "90d"]);
    assert_eq!(made.code, 0, "{made:?}");
    let key = made.out.strip_suffix('\n').unwrap();
    assert_eq!((key.len(), key.lines().count()), (64, 1), "the key alone: {made:?}");
    assert!(!made.err.contains(key) && made.err.contains("OPENAI_BASE_URL"), "{made:?}");
    // The first key ends local mode and makes the admin key.
    assert_eq!(gate.get(NAMES, None).status, 401);
    let list = gate.get(NAMES, Some(key));
    assert_eq!(list.status, 200);
    assert!(list.body.contains("\"quick\"") && !list.body.contains("sim/"), "the team's models only: {}", list.body);
    assert_eq!(gate.get("/admin/v1/keys", Some(key)).status, 403);
    let admin = std::fs::read_to_string(place.path().join("tollgate-data/admin-key")).unwrap();
    assert_eq!(gate.get("/admin/v1/keys", Some(admin.trim())).status, 200);
    let listed = place.run(&["keys", "list"]);
    assert!(listed.out.contains("bot") && listed.out.contains("growth"), "{listed:?}");
    assert!(!listed.out.contains(key));
    // From elsewhere, with the admin key.
    let url = format!("http://{}", gate.address);
    let far = place.run_with(("TOLLGATE_ADMIN_KEY", admin.trim()), &["keys", "list", "--json", "--url", &url]);
    assert_eq!(far.json()["data"][0]["name"], "bot");
    assert_eq!(place.run(&["keys", "list", "--url", &url]).code, 1, "without the admin key");
    let ended = place.run(&["keys", "revoke", "bot"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(gate.get(NAMES, Some(key)).status, 401);
    assert_eq!(gate.get(NAMES, None).status, 401, "a closed gateway stays closed");
    assert_eq!(place.run(&["keys", "revoke", "bot"]).code, 1);
}

#[test]
fn a_key_is_made_and_ended_while_no_gateway_runs() {
    let place = Place::new(CONFIG);
    drop(place.serve());
    assert!(place.path().join("tollgate-data/tollgate.sock").exists(), "a killed gateway leaves its socket");
    let made = place.run(&["keys", "create", "--name", "early"]);
    assert_eq!(made.code, 0, "{made:?}");
    let gate = place.serve();
    assert_eq!(gate.get(NAMES, Some(made.out.trim())).status, 200);
    assert_eq!(gate.get(NAMES, None).status, 401);
    drop(gate);
    assert_eq!(place.run(&["keys", "revoke", &made.out[3..15]]).code, 0);
    let gate = place.serve();
    assert_eq!(gate.get(NAMES, Some(made.out.trim())).status, 401);
}

#[test]
fn a_change_by_another_process_is_seen() {
    let place = Place::new(CONFIG);
    let gate = place.serve();
    // Without its socket the command takes the way of another node: through the store.
    std::fs::remove_file(place.path().join("tollgate-data/tollgate.sock")).unwrap();
    let made = place.run(&["keys", "create", "--name", "other"]);
    assert_eq!(made.code, 0, "{made:?}");
    gate.until(NAMES, None, 401);
    assert_eq!(gate.get(NAMES, Some(made.out.trim())).status, 200);
    let admin = std::fs::read_to_string(place.path().join("tollgate-data/admin-key")).unwrap();
    assert_eq!(gate.get("/admin/v1/keys", Some(admin.trim())).status, 200, "the admin key is known too");
    assert_eq!(place.run(&["keys", "revoke", "other"]).code, 0);
    gate.until(NAMES, Some(made.out.trim()), 401);
}

#[test]
fn mistakes_are_told_with_what_was_meant() {
    let place = Place::new(CONFIG);
    let said = place.run(&["keys", "create", "--name", "a", "--team", "grwoth"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("did you mean `growth`?"), "{said:?}");
    for expires in ["soon", "2001-01-01"] {
        assert_eq!(place.run(&["keys", "create", "--name", "a", "--expires", expires]).code, 1, "{expires}");
    }
    assert_eq!(place.run(&["keys", "create", "--name", "admin"]).code, 1);
    assert!(!place.path().join("tollgate-data/admin-key").exists(), "nothing was made");
    assert_eq!(place.run(&["keys", "create", "--name", "a"]).code, 0);
    let again = place.run(&["keys", "create", "--name", "a"]);
    assert!(again.code == 1 && again.err.contains("exists already"), "{again:?}");
    assert_eq!(place.run(&["keys", "create"]).code, 1, "clap's own mistakes too");
    assert_eq!(place.run(&["--help"]).code, 0);
    let word = place.run(&["chekc"]);
    assert!(word.code == 1 && word.err.contains("tollgate check"), "{word:?}");
    let later = place.run(&["backup", "--to", "x"]);
    assert!(later.code == 1 && later.err.contains("not part of this release"), "{later:?}");
}

#[test]
fn keys_of_the_file_are_read_only() {
    let hash = "aa".repeat(32);
    let place = Place::new(&format!("{CONFIG}keys: [{{ name: filed, hash: \"sha256:{hash}\" }}]\n"));
    let list = place.run(&["keys", "list", "--json"]).json();
    assert_eq!(list["data"][0]["source"], "file");
    for name in ["filed", &hash[..12]] {
        let said = place.run(&["keys", "revoke", name]);
        assert!(said.code == 1 && said.err.contains("tollgate.yaml"), "{said:?}");
    }
    let said = place.run(&["keys", "create", "--name", "filed"]);
    assert!(said.code == 1 && said.err.contains("in the configuration file"), "{said:?}");
}

#[test]
fn an_open_gateway_is_not_started_off_loopback() {
    let place = Place::new(CONFIG);
    let said = place.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("tollgate keys create"), "{said:?}");
}

#[test]
fn a_data_folder_has_one_gateway() {
    let place = Place::new(CONFIG);
    let _gate = place.serve();
    let said = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--data-dir"), "{said:?}");
}

#[test]
fn check_tells_every_mistake_at_once() {
    let place = Place::new("providrs: {}\nmodels: { a: { targets: [nobody/x] } }\nserver: { listen: here }\n");
    let said = place.run(&["check"]);
    assert_eq!(said.code, 1);
    for part in ["tollgate.yaml:1:1", "did you mean `providers`?", "nobody", "tollgate.yaml:3:", "3 mistakes"] {
        assert!(said.out.contains(part), "{part}: {said:?}");
    }
    let json = place.run(&["check", "--json"]);
    assert_eq!((json.code, json.json()["mistakes"].as_array().unwrap().len()), (1, 3));
    assert_eq!(Place::new(CONFIG).run(&["check"]).code, 0);
}

#[test]
fn a_request_is_explained_before_and_after() {
    let place = Place::new(CONFIG);
    let body = r#"{"model":"x","system":"s","max_tokens":9,"top_k":5,"messages":[{"role":"user","content":"hi"}]}"#;
    std::fs::write(place.path().join("body.json"), body).unwrap();
    let asked = ["explain", "--model", "quick", "--body", "body.json"];
    let without = place.run(&asked);
    assert_eq!(without.code, 0, "{without:?}");
    for part in ["sim/fast", "sim/slow", "fallback", "$1", "$2", "first in the list"] {
        assert!(without.out.contains(part), "{part}: {without:?}");
    }
    let gate = place.serve();
    let with = place.run(&asked);
    assert_eq!(with.out, without.out, "the gateway decides as the command does");
    let near = place.run(&["explain", "--model", "quikc"]);
    assert!(near.code == 1 && near.err.contains("`quick`"), "{near:?}");
    let call = r#"{"model":"quick","messages":[{"role":"user","content":"hi"}]}"#;
    let answer = gate.ask("POST", "/v1/chat/completions", None, Some(call));
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.header("x-tollgate-request-id").unwrap();
    gate.until(&format!("/v1/requests/{id}"), None, 200);
    let past = place.run(&["explain", id]);
    for part in [id, "asked     quick", "served    sim/fast", "attempts", "cost lines", "output"] {
        assert!(past.out.contains(part), "{part}: {past:?}");
    }
    assert_eq!(place.run(&["explain", id, "--json"]).json()["id"], id);
    assert_eq!(place.run(&["explain", "0199a1b2-0000-7000-8000-000000000000"]).code, 1);
    assert_eq!(place.run(&["explain"]).code, 1);
}

#[test]
fn the_demonstration_runs_and_ends() {
    let place = Place::new("this: is not read\n");
    let said = place.run(&["demo", "--seconds", "2", "--rate", "20", "--json", "--listen", "127.0.0.1:0"]);
    assert_eq!(said.code, 0, "{said:?}");
    let lines: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 5, "{said:?}");
    assert!(lines.iter().any(|line| line["status"] == "ok" && line["cost"]["source"] == "computed"), "{said:?}");
    assert!(!place.path().join("tollgate-data").exists(), "nothing is left behind");
}
