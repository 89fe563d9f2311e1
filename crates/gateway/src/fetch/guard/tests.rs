#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
use proptest::prelude::*;

use super::*;
use crate::config::types::Network;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_edges_of_every_range() {
    for (text, public) in [
        ("0.0.0.0", false),
        ("0.255.255.255", false),
        ("1.0.0.0", true),
        ("9.255.255.255", true),
        ("10.0.0.0", false),
        ("10.255.255.255", false),
        ("11.0.0.0", true),
        ("100.63.255.255", true),
        ("100.64.0.0", false),
        ("100.127.255.255", false),
        ("100.128.0.0", true),
        ("126.255.255.255", true),
        ("127.0.0.1", false),
        ("127.255.255.255", false),
        ("128.0.0.0", true),
        ("168.63.129.15", true),
        ("168.63.129.16", false),
        ("168.63.129.17", true),
        ("169.253.255.255", true),
        ("169.254.0.0", false),
        ("169.254.169.254", false),
        ("169.255.0.0", true),
        ("172.15.255.255", true),
        ("172.16.0.0", false),
        ("172.31.255.255", false),
        ("172.32.0.0", true),
        ("192.0.0.1", false),
        ("192.0.1.0", true),
        ("192.0.2.255", false),
        ("192.0.3.0", true),
        ("192.88.99.1", false),
        ("192.167.255.255", true),
        ("192.168.0.0", false),
        ("192.169.0.0", true),
        ("198.17.255.255", true),
        ("198.18.0.0", false),
        ("198.19.255.255", false),
        ("198.20.0.0", true),
        ("198.51.100.7", false),
        ("203.0.113.7", false),
        ("223.255.255.255", true),
        ("224.0.0.0", false),
        ("239.255.255.255", false),
        ("240.0.0.0", false),
        ("255.255.255.255", false),
        ("8.8.8.8", true),
        ("::", false),
        ("::1", false),
        ("::ffff:8.8.8.8", false),
        ("::ffff:127.0.0.1", false),
        ("::8.8.8.8", false),
        ("64:ff9b::808:808", false),
        ("64:ff9b:1::1", false),
        ("100::1", false),
        ("1fff::1", false),
        ("2000::1", true),
        ("2001::1", false),
        ("2001:1ff:ffff::1", false),
        ("2001:200::1", true),
        ("2001:db8::1", false),
        ("2001:db9::1", true),
        ("2001:4860:4860::8888", true),
        ("2002:7f00:1::", false),
        ("2003::1", true),
        ("2606:4700::1", true),
        ("3ffe::1", true),
        ("3fff::1", false),
        ("3fff:1000::1", true),
        ("4000::1", false),
        ("5f00::1", false),
        ("fc00::1", false),
        ("fd00:ec2::254", false),
        ("fe80::1", false),
        ("fec0::1", false),
        ("ff02::1", false),
    ] {
        assert_eq!(is_public(ip(text)), public, "{text}");
    }
}

fn rules(mode: Fetching, hosts: &[&str], networks: &[(&str, u8)]) -> FetchMedia {
    FetchMedia {
        mode,
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        networks: networks.iter().map(|(address, bits)| Network { address: ip(address), bits: *bits }).collect(),
        ..FetchMedia::default()
    }
}

#[test]
fn what_is_listed_is_allowed_but_never_metadata() {
    let open = rules(Fetching::Public, &[], &[]);
    let inside = rules(Fetching::Public, &[], &[("10.0.0.0", 8), ("169.254.0.0", 16), ("fd00::", 8), ("0.0.0.0", 0)]);
    let listed = rules(Fetching::Allow, &["files.example", "*.cdn.example"], &[("10.1.0.0", 16)]);
    let off = rules(Fetching::Off, &["files.example"], &[]);
    for (rules, host, address, allowed) in [
        (&open, "a.example", "8.8.8.8", true),
        (&open, "a.example", "10.0.0.1", false),
        (&inside, "a.example", "10.0.0.1", true),
        (&inside, "a.example", "::ffff:10.0.0.1", true),
        (&inside, "a.example", "169.254.1.1", true),
        (&inside, "a.example", "169.254.169.254", false),
        (&inside, "a.example", "::ffff:169.254.169.254", false),
        (&inside, "a.example", "100.100.100.200", false),
        (&inside, "a.example", "fd00:ec2::254", false),
        (&inside, "a.example", "0.0.0.0", false),
        (&inside, "a.example", "255.255.255.255", false),
        (&inside, "a.example", "224.0.0.1", false),
        (&listed, "files.example", "8.8.8.8", true),
        // A listed name does not open private addresses: its owner could point it anywhere.
        (&listed, "files.example", "10.2.0.1", false),
        (&listed, "other.example", "10.1.0.1", true),
        (&listed, "other.example", "8.8.8.8", false),
        (&listed, "a.cdn.example", "8.8.8.8", true),
        (&listed, "a.b.cdn.example", "8.8.8.8", true),
        (&listed, "cdn.example", "8.8.8.8", false),
        (&listed, "evilcdn.example", "8.8.8.8", false),
        (&listed, ".cdn.example", "8.8.8.8", false),
        (&off, "files.example", "8.8.8.8", false),
    ] {
        assert_eq!(allows(rules, host, ip(address)), allowed, "{host} {address}");
    }
}

proptest! {
    /// Whatever IPv4 address hides in IPv6, in whichever of its forms, it is not public.
    #[test]
    fn no_ipv4_hides_in_ipv6(bits in any::<u32>(), low in any::<u64>()) {
        let [a, b, c, d] = bits.to_be_bytes().map(u16::from);
        let (high, bottom) = (a << 8 | b, c << 8 | d);
        let tail = low as u16;
        for hidden in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, bottom),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, bottom),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, bottom),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, bottom),
            Ipv6Addr::new(0x64, 0xff9b, 1, tail, tail, tail, high, bottom),
            Ipv6Addr::new(0x2002, high, bottom, tail, tail, tail, tail, tail),
            Ipv6Addr::new(0x2001, 0, tail, tail, tail, tail, high, bottom),
        ] {
            prop_assert!(!is_public(IpAddr::V6(hidden)), "{hidden}");
        }
    }

    /// The standard library's own words for special addresses are never public.
    #[test]
    fn what_the_library_calls_special_is_not_public(four in any::<u32>(), six in any::<u128>()) {
        let v4 = Ipv4Addr::from_bits(four);
        if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
            || v4.is_documentation() || v4.is_unspecified()
        {
            prop_assert!(!is_public(IpAddr::V4(v4)), "{v4}");
        }
        for v6 in [Ipv6Addr::from_bits(six), Ipv6Addr::from_bits(six & (u128::MAX >> 12) | 0xfe8 << 116),
                   Ipv6Addr::from_bits(six & (u128::MAX >> 7) | 0xfc << 120)] {
            if v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local() || v6.is_multicast()
                || v6.is_unspecified() || v6.to_ipv4_mapped().is_some()
            {
                prop_assert!(!is_public(IpAddr::V6(v6)), "{v6}");
            }
        }
    }

    /// Without a listed network nothing is allowed that is not public, whatever the host is called.
    #[test]
    fn only_public_addresses_without_a_list(host in "[a-z.*]{0,12}", four in any::<u32>(), six in any::<u128>()) {
        for address in [IpAddr::V4(Ipv4Addr::from_bits(four)), IpAddr::V6(Ipv6Addr::from_bits(six))] {
            for mode in [Fetching::Public, Fetching::Allow, Fetching::Off] {
                prop_assert!(!allows(&rules(mode, &["*.a"], &[]), &host, address) || is_public(address));
            }
        }
    }
}
