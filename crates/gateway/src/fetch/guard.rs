//! Which network addresses may be asked: those of the public internet, and those that the operator lists.
//!
//! The ranges are those of IANA's special-purpose registries (RFC 6890 and its successors); of IPv6 only global
//! unicast is public, and of that no range that carries an IPv4 address inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::types::{FetchMedia, Fetching};

/// An IPv4 range: first address, leading bits.
type Range4 = (Ipv4Addr, u32);

const SPECIAL_4: [Range4; 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // shared by carriers, and a cloud's metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's platform address
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, and clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, and broadcast
];

/// An IPv6 range: first address, leading bits.
type Range6 = (Ipv6Addr, u32);

/// What is not public within global unicast.
const SPECIAL_6: [Range6; 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Global unicast. Outside of it stand the unspecified address and loopback, IPv4 inside of IPv6 (mapped, compatible,
/// NAT64), discard-only, segment routing, unique local, link-local, site-local and multicast.
const GLOBAL_6: Range6 = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const fn holds_4((first, bits): Range4, address: Ipv4Addr) -> bool {
    (first.to_bits() ^ address.to_bits()) >> (32 - bits) == 0
}

const fn holds_6((first, bits): Range6, address: Ipv6Addr) -> bool {
    (first.to_bits() ^ address.to_bits()) >> (128 - bits) == 0
}

/// True for an address of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_4.iter().any(|range| holds_4(*range, v4)),
        IpAddr::V6(v6) => holds_6(GLOBAL_6, v6) && !SPECIAL_6.iter().any(|range| holds_6(*range, v6)),
    }
}

/// True for an address that is never asked, whatever is listed: those that are nobody's or everybody's, and those where
/// clouds keep a machine's credentials.
#[must_use]
pub fn is_never(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || [
                    [169, 254, 169, 254],
                    [169, 254, 170, 2],
                    [169, 254, 170, 23],
                    [100, 100, 100, 200],
                    [168, 63, 129, 16],
                ]
                .contains(&v4.octets())
        }
        IpAddr::V6(v6) => {
            let metadata = [
                Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
                Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
                Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
            ];
            v6.is_unspecified() || v6.is_multicast() || metadata.contains(&v6)
        }
    }
}

/// Whether an address that a host was found at may be asked.
#[must_use]
pub fn allows(rules: &FetchMedia, host: &str, address: IpAddr) -> bool {
    if is_never(address) {
        return false;
    }
    if rules.networks.iter().any(|network| network.holds(address)) {
        return true;
    }
    let listed = match rules.mode {
        Fetching::Public => true,
        Fetching::Allow => rules.hosts.iter().any(|listed| names(listed, host)),
        Fetching::Off => false,
    };
    listed && is_public(address)
}

/// Whether a listed host (`files.example`, `*.example`) names a host.
fn names(listed: &str, host: &str) -> bool {
    match listed.strip_prefix("*.") {
        Some(above) => host.strip_suffix(above).is_some_and(|below| below.ends_with('.') && below.len() > 1),
        None => listed == host,
    }
}

#[cfg(test)]
mod tests;
