//! Providers that the environment alone switches on.

use policy::provider::row::{Kind, Row};
use policy::provider::table::builtin;
use policy::provider::url;

use super::diagnose::At;
use super::env::set;
use super::read::Reader;
use super::resolve::{Placed, plain, row_base};
use super::secret::Secret;

/// Local servers that are looked for on their usual port.
const PROBED: [&str; 2] = ["ollama", "vllm"];

/// Every provider whose variables are set, vendors before aggregators before gateways; then the local servers
/// that are looked for, and (in a start without a file) the simulated one.
pub(super) fn providers(without_file: bool, reader: &mut Reader<'_>) -> Vec<Placed> {
    let mut found = Vec::new();
    for row in builtin().rows() {
        let probe = without_file && PROBED.contains(&row.name.as_str());
        let demo = without_file && row.kind == Kind::Demo;
        let key = row.keys.iter().find_map(|variable| set(reader.env, variable).map(|key| (variable, key)));
        if row.only_named || (key.is_none() && !probe && !demo) || row.dialects().is_empty() {
            continue;
        }
        let Some(base) = base(row, key.as_ref().map(|(variable, _)| variable.as_str()), reader) else { continue };
        let keys = key.map(|(_, key)| Secret::new(&key)).into_iter().collect();
        let mut provider = plain(row, base, keys, found.len());
        provider.probe = probe;
        found.push(Placed { at: At::default(), provider });
    }
    found
}

/// The row's base URL; `None` with a warning when the environment lacks a part of it.
fn base(row: &Row, variable: Option<&str>, reader: &mut Reader<'_>) -> Option<String> {
    let variable = variable.unwrap_or("its key");
    match row_base(row, reader.env) {
        Ok(text) if text.is_empty() => Some(text),
        Ok(text) => match url::base(&text) {
            Ok(base) => Some(base),
            Err(error) => {
                let what = format!("{variable} is set but {} stays off: its URL cannot be used: {error}", row.name);
                reader.warning(At::default(), what, format!("check {}", names(row)));
                None
            }
        },
        Err(missing) => {
            let what = format!("{variable} is set but {} stays off: it needs {} too", row.name, missing.join(" or "));
            reader.warning(At::default(), what, format!("set {}", missing.join(" or ")));
            None
        }
    }
}

fn names(row: &Row) -> String {
    row.vars.values().flat_map(|variable| &variable.env).map(String::as_str).collect::<Vec<_>>().join(", ")
}
