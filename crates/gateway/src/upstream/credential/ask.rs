//! One question to a token service: short timers, a bounded answer, and errors that hold nothing of it but its code.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use wire::json::Json;

use super::CredentialError;
use crate::upstream::client::{Client, SendError};

/// How long one fetch may take, with all its questions.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection to a token service may take.
pub const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection to a service of this machine or link may take: it answers at once or is not there.
pub const CONNECT_NEAR: Duration = Duration::from_secs(1);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Longest answer, in bytes.
const MOST: usize = 256 * 1024;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Asker {
    /// For services of the internet: through the provider's proxy.
    pub far: Client,
    /// For services of this machine and link: never through a proxy.
    pub near: Client,
}

/// A question.
#[derive(Debug)]
pub struct Question {
    request: Request<Full<Bytes>>,
    near: bool,
    whom: &'static str,
}

impl Question {
    /// A `GET`; `whom` names who is asked, for errors.
    ///
    /// # Errors
    /// The address is none.
    pub fn get(whom: &'static str, url: &str) -> Result<Self, CredentialError> {
        Self::of(whom, Method::GET, url, Bytes::new())
    }

    /// A `POST` of a form.
    ///
    /// # Errors
    /// The address is none.
    pub fn form(whom: &'static str, url: &str, fields: &[(&str, &str)]) -> Result<Self, CredentialError> {
        let question = Self::of(whom, Method::POST, url, form(fields).into())?;
        question.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Any other.
    ///
    /// # Errors
    /// The address is none.
    pub fn of(whom: &'static str, method: Method, url: &str, body: Bytes) -> Result<Self, CredentialError> {
        let uri: Uri = url.parse().map_err(|_| {
            CredentialError::new(format!("the address of {whom} is no URL"), "Correct it where it is configured.")
        })?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request
            .headers_mut()
            .insert(header::USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
        Ok(Self { request, near: false, whom })
    }

    /// Asked on this machine or link.
    #[must_use]
    pub fn near(mut self) -> Self {
        self.near = true;
        self
    }

    /// With a header.
    ///
    /// # Errors
    /// The value is none.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Self, CredentialError> {
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            CredentialError::new(
                format!("what {} wants in `{name}` holds a character that no header carries", self.whom),
                "Look for a line break in it.",
            )
        })?;
        value.set_sensitive(true);
        self.request.headers_mut().insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// The request, to be signed.
    pub fn request_mut(&mut self) -> &mut Request<Full<Bytes>> {
        &mut self.request
    }
}

/// An answer.
#[derive(Debug)]
pub struct Told {
    /// HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    whom: &'static str,
}

impl Asker {
    /// Asks, once more where a kept connection was closed.
    ///
    /// # Errors
    /// No answer in time.
    pub async fn ask(&self, question: Question) -> Result<Told, CredentialError> {
        let Question { request, near, whom } = question;
        let client = if near { &self.near } else { &self.far };
        let away = |why: &str| {
            CredentialError::new(format!("{whom} did not answer ({why})"), "Check that it can be reached from here.")
        };
        let answer = tokio::time::timeout(ANSWER, async {
            let mut answer = client.send(request.clone()).await;
            if matches!(answer, Err(SendError::Broken { reused: true })) {
                answer = client.send(request).await;
            }
            let mut answer = answer.map_err(|error| match error {
                SendError::ConnectTimeout => away("no connection in time"),
                SendError::Connect => away("no connection"),
                SendError::Broken { .. } => away("the connection broke"),
            })?;
            match answer.body.collect(MOST).await {
                Ok(Some(body)) => Ok(Told { status: answer.status, headers: answer.headers, body, whom }),
                Ok(None) => Err(away("its answer is too long")),
                Err(_) => Err(away("the answer broke off")),
            }
        });
        answer.await.unwrap_or_else(|_| Err(away("no answer in time")))
    }
}

impl Told {
    /// The body where the status is 200.
    ///
    /// # Errors
    /// Any other status: with the error code that the body names, and nothing else of it.
    pub fn good(&self) -> Result<&[u8], CredentialError> {
        if self.status == 200 {
            return Ok(&self.body);
        }
        let code = self.code().map(|code| format!(", `{code}`")).unwrap_or_default();
        let what = format!("{} refused ({}{code})", self.whom, self.status);
        let remedy = match self.status {
            404 => "It knows no identity here: attach one, or configure another source.",
            429 | 500.. => "Retry shortly.",
            _ => "Check the identity, what it may do, and whether it still exists.",
        };
        Err(CredentialError::new(what, remedy))
    }

    /// The error of an answer that is not what it must be.
    #[must_use]
    pub fn odd(&self) -> CredentialError {
        CredentialError::new(
            format!("{} answered something else than credentials", self.whom),
            "Look at what answers at its address.",
        )
    }

    /// The error's code: OAuth's `error`, AWS's `<Code>` or `code`, where it is one word.
    fn code(&self) -> Option<String> {
        let code = match Json::from_bytes(&self.body) {
            Ok(json) => {
                let code = json.get("error").or_else(|| json.get("code")).or_else(|| json.get("Code"))?;
                match code.as_str() {
                    Some(code) => code.into_owned(),
                    None => code.get("status")?.as_str()?.into_owned(),
                }
            }
            Err(_) => tag(std::str::from_utf8(&self.body).ok()?, "Code")?.to_owned(),
        };
        let word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        (code.len() <= 64 && code.chars().all(word)).then_some(code)
    }
}

/// The text of the first XML element of a name.
#[must_use]
pub fn tag<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim()).filter(|text| !text.is_empty())
}

/// Fields as a form.
#[must_use]
pub fn form(fields: &[(&str, &str)]) -> String {
    let encoded: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect();
    encoded.join("&")
}

/// A text with everything percent-encoded that has a meaning in an address or a form.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A text member of JSON that is there and not empty.
#[must_use]
pub fn text(json: Json<'_>, name: &str) -> Option<String> {
    json.get(name)?.as_str().map(|text| text.into_owned()).filter(|text| !text.is_empty())
}

/// A number of seconds, written as a number or a text.
#[must_use]
pub fn seconds(json: Json<'_>, name: &str) -> Option<u64> {
    let value = json.get(name)?;
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value.as_u64(),
    }
}
