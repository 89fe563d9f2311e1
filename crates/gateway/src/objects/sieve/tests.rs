//! What goes on does not depend on how a form was cut.

use std::path::Path;

use super::*;
use crate::config::env::Given;
use crate::config::of_text;
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;
use crate::telemetry::metrics::Metrics;

/// Counts nothing.
#[derive(Debug)]
struct Ample;

impl Room for Ample {
    fn grow(&mut self, _bytes: u64) -> Result<(), Fault> {
        Ok(())
    }
}

fn snapshot() -> Arc<Snapshot> {
    let text = "providers:\n  p: { kind: openai-compatible, base_url: \"http://127.0.0.1:1/v1\", models: [m, n] }\nmodels: { one: \
                { targets: [p/m] } }\n";
    let loaded = of_text(Some((Path::new("tollgate.yaml"), text)), &Given::default(), &crate::config::Flags::default());
    Arc::new(Snapshot::build(loaded.unwrap().config, &Arc::new(Metrics::default()), None).unwrap())
}

fn sieve(snapshot: &Arc<Snapshot>) -> Sieve {
    let mut who = Principal::named("k", false);
    who.models = vec!["p/*".to_owned(), "one".to_owned()];
    Sieve::new("b", Models::new(snapshot, &Arc::new(who), 0), Box::new(Ample))
}

/// What goes on of pieces, or the fault's message.
fn strain(snapshot: &Arc<Snapshot>, pieces: &[&[u8]]) -> Result<Vec<u8>, String> {
    let mut sieve = sieve(snapshot);
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&sieve.push(piece).map_err(|fault| fault.message)?);
    }
    out.extend_from_slice(&sieve.finish().map_err(|fault| fault.message)?);
    Ok(out)
}

fn form(purpose: &str, file: &str, purpose_first: bool) -> String {
    let field = format!("--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n");
    let part = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{file}\r\n");
    let both = if purpose_first { field + &part } else { part + &field };
    format!("preamble\r\n{both}--b--\r\nepilogue")
}

#[test]
fn what_goes_on_does_not_depend_on_the_cuts() {
    let snapshot = snapshot();
    let line = |model: &str| {
        format!("{{\"custom_id\":\"a\", \"body\": {{ \"model\" : \"{model}\", \"x\": \"--b \\r\\n--b\"}} }}")
    };
    let file = format!("{}\r\n\n  {}\n{}", line("p/m"), line("one"), line("n"));
    let changed = format!("{}\r\n\n  {}\n{}", line("m"), line("m"), line("n"));
    let bad = format!("{}\n{}", line("p/m"), line("p/none"));
    for (purpose, file, expected) in [
        ("batch", &file, Some(&changed)),
        ("user_data", &file, None),
        ("batch", &"not json\n".to_owned(), None),
        ("batch", &bad, None),
        ("vision", &"\r\n--".to_owned(), None),
    ] {
        for first in [true, false] {
            let text = form(purpose, file, first);
            let whole = strain(&snapshot, &[text.as_bytes()]);
            if let Some(expected) = expected {
                assert_eq!(whole.as_deref(), Ok(form(purpose, expected, first).as_bytes()));
            }
            for cut in 0..=text.len() {
                let (head, tail) = text.as_bytes().split_at(cut);
                assert_eq!(strain(&snapshot, &[head, tail]), whole, "{purpose} cut at {cut}");
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(strain(&snapshot, &bytes), whole, "{purpose} byte by byte");
        }
    }
}

#[test]
fn broken_forms_are_told_and_nothing_panics() {
    let snapshot = snapshot();
    let text = form("batch", "{\"body\":{\"model\":\"m\"}}\n", true);
    for end in 0..text.len() - "--\r\nepilogue".len() {
        assert!(strain(&snapshot, &[&text.as_bytes()[..end]]).is_err(), "without its end at {end}");
    }
    for at in 0..text.len() {
        for byte in [0, b'-', b'\r', b'"', 0xff] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = byte;
            let _ = strain(&snapshot, &[&bytes]);
        }
    }
    let endless = "-".repeat(64 << 10);
    assert!(strain(&snapshot, &[endless.as_bytes()]).is_err());
    let head = format!("--b\r\nx: {endless}");
    assert!(strain(&snapshot, &[head.as_bytes()]).is_err());
}
