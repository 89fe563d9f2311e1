//! How media at addresses are downloaded, as written.

use super::read::{Read, Reader, Spot, choice, section};
use super::tree::Node;
use super::units::{Count, Net, Size, Time};

choice!(
    /// From where media are downloaded.
    Fetching {
        /// From any public address.
        Public = "public",
        /// From `hosts` and `networks` alone.
        Allow = "allow",
        /// From nowhere: such a request is refused, with the path of the address.
        Off = "off",
    }
);

section!(
    /// Media at addresses. Private, loopback, link-local and other special addresses are refused at every redirect; a cloud's metadata address always is.
    FetchMedia {
        /// From where: `public`, `allow` or `off`. Default: public.
        mode: Fetching,
        /// With `allow`: the hosts that may be asked, such as `files.example` or `*.cdn.example`. They must be at public addresses.
        hosts: Vec<Spot<String>>,
        /// Networks that may be asked though they are not public, such as `10.0.0.0/8`. Default: none.
        networks: Vec<Spot<Net>>,
        /// Ports beside 80 and 443. Default: none.
        ports: Vec<Spot<Count>>,
        /// The most bytes of one. Default: 20MiB.
        max: Size,
        /// The most bytes of one request's together. Default: 64MiB.
        total: Size,
        /// How long all of one request's may take. Default: 10s.
        timeout: Time,
    }
);
