//! The address of media, read strictly: scheme, host, port and path, and nothing that two readers could read apart.

use super::failure::Failure;

/// The longest address that is read, bytes.
const LONGEST: usize = 8_192;

/// Where media are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// By TLS.
    pub https: bool,
    /// The host: a name in lower case or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query, as they go into the request line.
    pub target: String,
}

impl Place {
    /// Reads an address.
    ///
    /// # Errors
    /// Not http or https, a name or password in it, or no address that all would read alike.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(Failure::Address("its address is too long"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(Failure::Address("it is not an http or https address"))?;
        let https = match () {
            () if scheme.eq_ignore_ascii_case("https") => true,
            () if scheme.eq_ignore_ascii_case("http") => false,
            () => return Err(Failure::Address("only http and https addresses are fetched")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(Failure::Refused("its address holds a user or a password"));
        }
        let bad = Failure::Address("its host cannot be read; write names in ASCII (punycode)");
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(|| bad.clone())?;
                let host: std::net::Ipv6Addr = host.parse().map_err(|_| bad.clone())?;
                (host.to_string(), port)
            }
            None => {
                let (host, port) = match authority.find(':') {
                    Some(at) => authority.split_at_checked(at).unwrap_or((authority, "")),
                    None => (authority, ""),
                };
                let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
                let odd = |byte: u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
                if host.is_empty() || host.len() > 253 || host.bytes().any(odd) || host.split('.').any(str::is_empty) {
                    return Err(bad);
                }
                (host, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => {
                if https {
                    443
                } else {
                    80
                }
            }
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(bad)?
            }
            _ => return Err(bad),
        };
        Ok(Self { https, host, port, target: request_target(target) })
    }

    /// The place that a redirect from here leads to.
    ///
    /// # Errors
    /// As [`Place::parse`].
    pub fn join(&self, location: &str) -> Result<Self, Failure> {
        let location = location.trim();
        let scheme = if self.https { "https" } else { "http" };
        if location.contains("://") && !location.starts_with(['/', '?', '#', '.']) {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("{scheme}:{location}"));
        }
        let first = location.split(['/', '?', '#']).next().unwrap_or_default();
        if first.contains(':') {
            return Err(Failure::Address("its server redirects to what is not an http or https address"));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = match location.chars().next() {
            Some('/') => location.to_owned(),
            Some('?') => format!("{path}{location}"),
            _ => format!("{}/{location}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
        };
        Ok(Self { target: request_target(&target), ..self.clone() })
    }

    /// The host as it stands in a header: brackets around IPv6, the port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.https { 443 } else { 80 };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// Path and query without fragment; what is no visible ASCII is escaped.
fn request_target(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default();
    let mut target = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        target.push('/');
    }
    for byte in text.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => target.push_str(&format!("%{byte:02X}")),
            0x21..=0x7e => target.push(char::from(byte)),
            _ => target.push_str(&format!("%{byte:02X}")),
        }
    }
    target
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        for (text, expected) in [
            ("https://a.example/b?c#d", Some("true a.example 443 /b?c")),
            (" HTTP://A.Example.:8080 ", Some("false a.example 8080 /")),
            ("https://a?x=https://b", Some("true a 443 /?x=https://b")),
            ("http://[::1]:80/x", Some("false ::1 80 /x")),
            ("http://[0:0:0:0:0:ffff:7f00:1]/", Some("false ::ffff:127.0.0.1 80 /")),
            ("http://0x7f000001/", Some("false 0x7f000001 80 /")),
            ("https://a/b c\u{e9}\"\\", Some("true a 443 /b%20c%C3%A9%22%5C")),
            ("http://user@a/", None),
            ("http://user:p@a/", None),
            ("http://a@b@c/", None),
            ("http://a\\@b/", None),
            ("http://a b/", None),
            ("http://a\t/", None),
            ("http:///x", None),
            ("http://:80/", None),
            ("http://a:/", None),
            ("http://a:0/", None),
            ("http://a:65536/", None),
            ("http://a:+80/", None),
            ("http://a:80:80/", None),
            ("http://[::1/", None),
            ("http://[fe80::1%25eth0]/", None),
            ("http://[::1]x/", None),
            ("http://a..b/", None),
            ("http://b\u{fc}cher.example/", None),
            ("http://a%2eb/", None),
            ("ftp://a/", None),
            ("file:///etc/passwd", None),
            ("gopher://a/", None),
            ("a/b", None),
            ("", None),
        ] {
            let place = Place::parse(text).ok();
            let shown = place.map(|p| format!("{} {} {} {}", p.https, p.host, p.port, p.target));
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn redirects_are_joined() {
        let from = Place::parse("https://a.example:444/x/y?q").unwrap();
        for (location, expected) in [
            ("http://b/z", Some("http b 80 /z")),
            ("//b/z", Some("https b 443 /z")),
            ("/z?w#f", Some("https a.example 444 /z?w")),
            ("z", Some("https a.example 444 /x/z")),
            ("?z", Some("https a.example 444 /x/y?z")),
            ("/z?u=http://b/", Some("https a.example 444 /z?u=http://b/")),
            ("file:///etc/passwd", None),
            ("javascript:alert(1)", None),
            ("mailto:a@b", None),
            ("http://u@b/", None),
        ] {
            let shown = from
                .join(location)
                .ok()
                .map(|p| format!("{} {} {} {}", if p.https { "https" } else { "http" }, p.host, p.port, p.target));
            assert_eq!(shown.as_deref(), expected, "{location}");
        }
        assert_eq!(from.authority(), "a.example:444");
        assert_eq!(Place::parse("http://[::1]:81/").unwrap().authority(), "[::1]:81");
        assert_eq!(Place::parse("http://a:80/").unwrap().authority(), "a");
    }
}
