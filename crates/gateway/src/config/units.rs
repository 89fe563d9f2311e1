//! Amounts with units: durations, sizes, counts, percentages, addresses, networks, hashes.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use policy::money::Percent;
use policy::price::overrides::Price;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::read::{Read, Reader};
use super::tree::Node;
use super::types::Network;

/// Wraps a value with a parser and a schema.
macro_rules! unit {
    ($(#[$meta:meta])* $name:ident($type:ty), $parse:path, $what:literal, $remedy:literal, $schema:tt) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) struct $name(pub(super) $type);

        impl Read for $name {
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let text = reader.text(node)?;
                let read = $parse(text.trim());
                if read.is_none() {
                    reader.problem(node.at, format!("`{text}` is not {}", $what), $remedy);
                }
                read.map(Self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

unit!(
    /// A duration.
    Time(Duration), duration, "a duration", "write for example 300ms, 1.5s, 2m, 1h30m or 400d",
    { "type": "string", "description": "A duration: `300ms`, `1.5s`, `2m`, `1h30m`, `400d`.",
      "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$" }
);
unit!(
    /// A number of bytes.
    Size(u64), size, "a size", "write for example 64MiB, 512KiB, 1GiB or a number of bytes",
    { "type": ["string", "integer"], "description": "A size: `64MiB`, `1GiB`, `500kB`, or a number of bytes." }
);
unit!(
    /// A whole number.
    Count(u64), count, "a whole number", "write for example 3, 60k or 1M",
    { "type": ["string", "integer"], "description": "A count: `3`, `60k`, `1M`." }
);
unit!(
    /// A share.
    Share(Percent), percent, "a percentage from 0 to 1000", "write for example 5.5%",
    { "type": ["string", "number"], "description": "A percentage: `5.5%`." }
);
unit!(
    /// An address to listen on.
    Address(SocketAddr), address, "an address with a port", "write for example 127.0.0.1:4000, 0.0.0.0:4000 or [::1]:4000",
    { "type": "string", "description": "An address and a port: `127.0.0.1:4000`." }
);
unit!(
    /// A network or one address.
    Net(Network), network, "an address or a network", "write for example 10.0.0.0/8 or 192.0.2.7",
    { "type": "string", "description": "An address or a network: `10.0.0.0/8`." }
);
unit!(
    /// The SHA-256 of a key.
    KeyHash([u8; 32]), key_hash, "the hash of a key", "write sha256: and the 64 hex digits of the SHA-256 of the whole key text",
    { "type": "string", "pattern": "^sha256:[0-9a-fA-F]{64}$", "description": "The SHA-256 of the whole key text." }
);
unit!(
    /// A price in USD.
    Usd(Price), price, "a price in USD, at least 0", "write for example 0.25 or \"$0.25\"",
    { "type": ["string", "number"], "description": "A price in USD: `0.25`, `\"$0.25\"`." }
);

/// A duration: numbers, each with its unit; the units get smaller.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 6] =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
    let mut rest = text;
    let mut total_us: u64 = 0;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let ms = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ms)| *ms)?;
        if ms >= smallest {
            return None;
        }
        smallest = ms;
        total_us = total_us.checked_add(scaled(number, ms.checked_mul(1_000)?)?)?;
        rest = tail;
    }
    if text.is_empty() { None } else { Some(Duration::from_micros(total_us)) }
}

/// A decimal number times a whole factor, exactly; `None` when something below one is left.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) || fraction.len() > 9 {
        return None;
    }
    let digits: u64 = [whole, fraction].concat().parse().ok()?;
    let divisor = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let product = u128::from(digits).checked_mul(u128::from(factor))?;
    if product.checked_rem(u128::from(divisor))? != 0 {
        return None;
    }
    u64::try_from(product.checked_div(u128::from(divisor))?).ok()
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = units.iter().find(|(name, _)| *name == unit.trim_start()).map(|(_, factor)| *factor)?;
    if number.contains(',') {
        let mut groups = number.split(',');
        let first = groups.next().unwrap_or_default();
        if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
            return None;
        }
    }
    scaled(&number.replace(',', ""), factor)
}

/// A number of bytes: `64MiB`, `500kB`, `1024`.
pub(super) fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 8] = [
        ("", 1),
        ("B", 1),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    with_unit(text, &UNITS)
}

/// A count: `3`, `60k`, `1.5M`.
pub(super) fn count(text: &str) -> Option<u64> {
    with_unit(text, &[("", 1), ("k", 1_000), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)])
}

fn percent(text: &str) -> Option<Percent> {
    text.parse().ok()
}

fn price(text: &str) -> Option<Price> {
    text.parse().ok().filter(|femto| *femto >= policy::money::Femto::ZERO).map(Price)
}

/// An address with a port; `localhost` is 127.0.0.1.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::from(([127, 0, 0, 1], port))),
        None => text.parse().ok(),
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    bits.unwrap_or(width).le(&width).then_some(Network { address, bits: bits.unwrap_or(width) })
}

fn key_hash(text: &str) -> Option<[u8; 32]> {
    let hex = text.strip_prefix("sha256:")?;
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().enumerate() {
        let start = place.checked_mul(2)?;
        *byte = u8::from_str_radix(hex.get(start..start.checked_add(2)?)?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(duration(text).map(|d| d.as_micros()), expect.map(u128::from), "{text}")
        };
        check("300ms", Some(300_000));
        check("1.5s", Some(1_500_000));
        check("2m", Some(120_000_000));
        check("1h30m", Some(5_400_000_000));
        check("400d", Some(400 * 86_400_000_000));
        check("0s", Some(0));
        for wrong in
            ["", "s", "5", "1.s", ".5s", "30m1h", "1m1m", "1y", "-1s", "1 s", "99999999999w", "1..5s", "0.0000001s"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn sizes_and_counts() {
        assert_eq!(size("64MiB"), Some(64 << 20));
        assert_eq!(size("64 MiB"), Some(64 << 20));
        assert_eq!(size("1.5GiB"), Some(3 << 29));
        assert_eq!(size("1024"), Some(1024));
        assert_eq!(size("64mib"), None);
        assert_eq!(size("0.3B"), None);
        assert_eq!(count("60k"), Some(60_000));
        assert_eq!(count("1M"), Some(1_000_000));
        assert_eq!(count("1,000"), Some(1000));
        assert_eq!(count("1,00"), None);
        assert_eq!(count("1.5"), None);
        assert_eq!(count("-1"), None);
    }

    #[test]
    fn addresses_networks_and_hashes() {
        assert_eq!(address("localhost:4000"), Some(SocketAddr::from(([127, 0, 0, 1], 4000))));
        assert_eq!(address("4000"), None);
        let holds = |net: &str, ip: &str| network(net).and_then(|net| Some(net.holds(ip.parse().ok()?)));
        assert_eq!(holds("10.0.0.0/8", "10.200.3.4"), Some(true));
        assert_eq!(holds("10.0.0.0/8", "11.0.0.1"), Some(false));
        assert_eq!(holds("10.0.0.0/8", "::ffff:10.1.1.1"), Some(true));
        assert_eq!(holds("0.0.0.0/0", "8.8.8.8"), Some(true));
        assert_eq!(holds("::/0", "8.8.8.8"), Some(false));
        assert_eq!(holds("fd00::/8", "fd12::1"), Some(true));
        assert_eq!(network("10.0.0.0/33"), None);
        assert_eq!(key_hash(&format!("sha256:{}", "aB".repeat(32))), Some([0xab; 32]));
        assert_eq!(key_hash("sha256:ab"), None);
        assert_eq!(key_hash(&format!("sha256:{}", "zz".repeat(32))), None);
    }
}
