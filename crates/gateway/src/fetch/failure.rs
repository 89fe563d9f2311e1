//! Why media could not be downloaded, as the caller is told it. No address and no name is repeated.

use dialect::fault::Fault;
use dialect::ir::part::MediaKind;

/// Why media could not be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The address cannot be read, or is of a kind that is not fetched.
    Address(&'static str),
    /// The address, its port or its host may not be asked.
    Refused(&'static str),
    /// The host's name has no address.
    Unknown,
    /// No connection.
    Connect,
    /// The server answers with this status.
    Status(u16),
    /// The server sends on and on.
    Redirects,
    /// It took longer than this, in milliseconds.
    Timeout(u128),
    /// More bytes than this.
    TooLarge(u64),
    /// All media of the request together are more bytes than this.
    TooLargeTogether(u64),
    /// More media than this.
    TooMany(usize),
    /// The answer broke off, or is not what its coding says.
    Broken,
    /// The bytes are of another type: this one, where it is known.
    Type(Option<String>),
    /// The gateway is set to download nothing.
    Off,
    /// The gateway has no room; not the caller's fault.
    Room(Box<Fault>),
}

impl Failure {
    /// The word in the error's field `reason`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Refused(_) => "refused",
            Self::Unknown => "unknown_host",
            Self::Connect => "connect",
            Self::Status(_) => "status",
            Self::Redirects => "redirects",
            Self::Timeout(_) => "timeout",
            Self::TooLarge(_) | Self::TooLargeTogether(_) | Self::TooMany(_) => "too_large",
            Self::Broken => "broken",
            Self::Type(_) => "type",
            Self::Off => "off",
            Self::Room(_) => "room",
        }
    }

    fn why(&self, kind: MediaKind) -> String {
        match self {
            Self::Address(why) | Self::Refused(why) => (*why).to_owned(),
            Self::Unknown => "its host has no address".to_owned(),
            Self::Connect => "its host takes no connection".to_owned(),
            Self::Status(status) => format!("its server answers {status}"),
            Self::Redirects => "its server redirects too often".to_owned(),
            Self::Timeout(ms) => format!("it did not come within {ms} ms (`server.fetch_media.timeout`)"),
            Self::TooLarge(most) => format!("it is larger than {most} bytes (`server.fetch_media.max`)"),
            Self::TooLargeTogether(most) => {
                format!("the request's media are more than {most} bytes together (`server.fetch_media.total`)")
            }
            Self::TooMany(most) => format!("the request has more than {most} media at addresses"),
            Self::Broken => "its server breaks off".to_owned(),
            Self::Type(Some(found)) => format!("it is `{found}`, not {}", wanted(kind)),
            Self::Type(None) => format!("its bytes are not {} of a known type", wanted(kind)),
            Self::Off => "this gateway is set to download nothing (`server.fetch_media`)".to_owned(),
            Self::Room(_) => "the gateway has no room for it".to_owned(),
        }
    }

    /// The fault of a request whose media could not be had, at a path.
    #[must_use]
    pub fn fault(self, path: &str, kind: MediaKind) -> Fault {
        let word = self.word();
        let why = self.why(kind);
        if let Self::Room(fault) = self {
            return *fault;
        }
        let message = format!(
            "`{path}` cannot be fetched: {why}. The provider of this model fetches no such address itself. Give a public \
             address that answers, or send the bytes."
        );
        let mut fault = Fault::invalid(path, message).with("reason", format!("\"{word}\""));
        if kind == MediaKind::Image {
            // OpenAI's word for a picture that it cannot fetch.
            fault.code = Some("invalid_image_url".to_owned());
        }
        fault
    }
}

const fn wanted(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "an image",
        MediaKind::Audio => "audio",
        MediaKind::File => "a file",
        MediaKind::Video => "a video",
    }
}
