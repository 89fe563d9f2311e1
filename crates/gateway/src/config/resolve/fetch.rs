//! How media are downloaded, as meant: hosts that are hosts, ports that are ports, no list that would be ignored.

use super::{size, time};
use crate::config::fetch as raw;
use crate::config::read::{Reader, Spot};
use crate::config::types::{FetchMedia, Fetching};

pub(super) fn media(raw: Option<Spot<raw::FetchMedia>>, reader: &mut Reader<'_>) -> FetchMedia {
    let usual = FetchMedia::default();
    let Some(Spot { at, value: raw }) = raw else { return usual };
    let mode = match raw.mode.map(|spot| spot.value) {
        None | Some(raw::Fetching::Public) => Fetching::Public,
        Some(raw::Fetching::Allow) => Fetching::Allow,
        Some(raw::Fetching::Off) => Fetching::Off,
    };
    let hosts_at = raw.hosts.as_ref().map(|spot| spot.at);
    let hosts: Vec<String> =
        raw.hosts.map(|spot| spot.value).unwrap_or_default().into_iter().filter_map(|one| host(one, reader)).collect();
    let networks: Vec<_> =
        raw.networks.map(|spot| spot.value.iter().map(|net| net.value.0).collect()).unwrap_or_default();
    match (mode, hosts_at) {
        (Fetching::Allow, _) if hosts.is_empty() && networks.is_empty() => {
            reader.problem(
                at,
                "mode `allow` lists nothing that is allowed",
                "give `hosts:` or `networks:`, or `mode: off`",
            );
        }
        (Fetching::Public | Fetching::Off, Some(at)) if !hosts.is_empty() => {
            reader.problem(at, "`hosts` count with mode `allow` alone", "write `mode: allow`, or remove `hosts`");
        }
        _ => {}
    }
    let max = size(raw.max, usual.max, reader);
    FetchMedia {
        mode,
        hosts,
        networks,
        ports: raw
            .ports
            .map(|spot| spot.value)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|Spot { at, value }| match u16::try_from(value.0) {
                Ok(port) if port != 0 => Some(port),
                _ => {
                    reader.problem(at, "a port is a number from 1 to 65535", "write for example 8080");
                    None
                }
            })
            .collect(),
        max,
        total: size(raw.total, usual.total.max(max), reader),
        timeout: time(raw.timeout, usual.timeout, reader),
    }
}

/// A host, or all below one.
fn host(Spot { at, value }: Spot<String>, reader: &mut Reader<'_>) -> Option<String> {
    let lower = value.trim_end_matches('.').to_ascii_lowercase();
    let name = lower.strip_prefix("*.").unwrap_or(&lower);
    let odd = |byte: u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if name.is_empty() || name.bytes().any(odd) || name.split('.').any(str::is_empty) {
        reader.problem(
            at,
            format!("`{value}` is not a host"),
            "write a host without scheme and port, such as files.example or *.cdn.example",
        );
        return None;
    }
    Some(lower)
}
