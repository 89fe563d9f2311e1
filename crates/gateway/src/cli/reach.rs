//! The way to the admin API: a remote gateway, the one that runs here, or the store itself when none does.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use wire::json::Json;

use super::common::Common;
use super::failure::Failure;
use crate::admin::office::{Ask, Office};
use crate::config::Secret;
use crate::config::env::{Env as _, Process};
use crate::upstream::client::{Client, Reach as Dial};
use crate::{admin, boot};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer, in bytes.
const MOST: usize = 64 * 1024 * 1024;
/// The variable with the admin key.
const VARIABLE: &str = "TOLLGATE_ADMIN_KEY";

/// Which gateway is asked.
#[derive(Debug, Args, Clone, Default)]
pub struct Where {
    /// A gateway elsewhere, by its URL; its admin key in TOLLGATE_ADMIN_KEY
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
}

/// The way to the admin API.
#[derive(Debug)]
pub enum Reach {
    /// A gateway at a URL.
    Remote {
        /// The client.
        client: Box<Client>,
        /// Its URL without a trailing slash.
        base: String,
        /// The admin key.
        key: Secret,
    },
    /// The gateway that runs here, through its socket.
    Here(std::path::PathBuf),
    /// No gateway runs: the store itself.
    Store(Box<Office>),
}

impl Reach {
    /// Finds the way.
    ///
    /// # Errors
    /// A URL without an admin key; a configuration with mistakes; a store that cannot be opened.
    pub async fn find(common: &Common, place: &Where) -> Result<Self, Failure> {
        boot::install_tls();
        if let Some(url) = &place.url {
            return remote(url);
        }
        // With the folder given, a gateway that runs is found whatever the file says.
        if let Some(folder) = &common.data_dir
            && listens(folder).await?
        {
            return Ok(Self::Here(folder.join(boot::SOCKET)));
        }
        let config = common.load()?;
        if listens(&config.data_dir).await? {
            return Ok(Self::Here(config.data_dir.join(boot::SOCKET)));
        }
        let stores = store::open(&config.data_dir).map_err(|error| {
            let folder = config.data_dir.display();
            Failure::environment(format!("{error}. Check {folder}, or name another folder with --data-dir."))
        })?;
        Office::without_gateway(config, stores).map(|office| Self::Store(Box::new(office))).map_err(Failure::mistake)
    }

    /// Calls the admin API at a path below `/admin/v1/` and gives the JSON it answers with.
    ///
    /// # Errors
    /// What the API refuses, or that it cannot be reached.
    pub async fn call(&self, method: Method, path: &str, body: Option<String>) -> Result<String, Failure> {
        let called = async {
            match self {
                Self::Store(office) => {
                    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
                    let body = Bytes::from(body.unwrap_or_default());
                    let ask = Ask { method, path: path.to_owned(), query: query.map(str::to_owned), body };
                    Ok(admin::answer(office, &ask).await?.json)
                }
                Self::Here(socket) => here(socket, request(method, "http://localhost", path, body)?).await,
                Self::Remote { client, base, key } => {
                    let mut request = request(method, base, path, body)?;
                    let value = HeaderValue::try_from(format!("Bearer {}", key.reveal()));
                    let value = value.map_err(|_| Failure::mistake(format!("{VARIABLE} holds no key.")))?;
                    request.headers_mut().insert(header::AUTHORIZATION, value);
                    far(client, base, request).await
                }
            }
        };
        let late = |_| Failure::environment("The gateway did not answer within 30 seconds. Look at its log.");
        tokio::time::timeout(PATIENCE, called).await.map_err(late)?
    }
}

fn remote(url: &str) -> Result<Reach, Failure> {
    let base = url.trim_end_matches('/').to_owned();
    let parsed = base.parse::<http::Uri>().ok().filter(|uri| uri.authority().is_some() && uri.scheme().is_some());
    if parsed.is_none() {
        return Err(Failure::mistake(format!("`{url}` is no URL. Write for example https://gateway.example.")));
    }
    let key = Process.var(VARIABLE).filter(|key| !key.trim().is_empty());
    let key = key.ok_or_else(|| {
        Failure::mistake(format!(
            "--url needs the gateway's admin key: set {VARIABLE} (on its host: data_dir/admin-key)."
        ))
    })?;
    let dial = Dial { connect: Duration::from_secs(10), proxy: None, roots: None };
    let client = Client::new(&dial).map_err(Failure::environment)?;
    Ok(Reach::Remote { client: Box::new(client), base, key: Secret::new(key.trim()) })
}

/// Whether a gateway listens on the socket of a data folder. A socket without a listener is a stopped one's.
async fn listens(folder: &Path) -> Result<bool, Failure> {
    match UnixStream::connect(folder.join(boot::SOCKET)).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Failure::environment(format!(
            "The gateway of {} runs as another user: run this command as that user, or use --url.",
            folder.display()
        ))),
        Err(_) => Ok(false),
    }
}

fn request(method: Method, base: &str, path: &str, body: Option<String>) -> Result<Request<Full<Bytes>>, Failure> {
    let request = Request::builder().method(method).uri(format!("{base}/admin/v1/{path}"));
    let request = request.header(header::HOST, "localhost").header(header::CONTENT_TYPE, "application/json");
    let body = Full::new(Bytes::from(body.unwrap_or_default()));
    request.body(body).map_err(|error| Failure::mistake(format!("This cannot be asked: {error}.")))
}

async fn here(socket: &Path, mut request: Request<Full<Bytes>>) -> Result<String, Failure> {
    let gone = |what: String| Failure::environment(format!("The gateway here broke off ({what}). Try again."));
    let path = request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    *request.uri_mut() = path.parse().unwrap_or_default();
    let stream = UnixStream::connect(socket).await.map_err(|error| gone(error.to_string()))?;
    let (mut send, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| gone(error.to_string()))?;
    let asking = async move {
        // The connection ends with its sender, which goes with this block.
        let response = send.send_request(request).await.map_err(|error| gone(error.to_string()))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MOST).collect().await.map_err(|error| gone(error.to_string()))?;
        told(status, &body.to_bytes())
    };
    let (answered, _) = tokio::join!(asking, connection);
    answered
}

async fn far(client: &Client, base: &str, mut request: Request<Full<Bytes>>) -> Result<String, Failure> {
    let gone = || Failure::environment(format!("{base} cannot be reached. Check the URL and that the gateway runs."));
    request.headers_mut().remove(header::HOST);
    let mut answer = client.send(request).await.map_err(|_| gone())?;
    let body = answer.body.collect(MOST).await.map_err(|_| gone())?;
    told(answer.status, &body.unwrap_or_default())
}

/// The JSON of a good answer, the message of any other.
fn told(status: u16, body: &Bytes) -> Result<String, Failure> {
    let text = String::from_utf8_lossy(body).into_owned();
    if (200..300).contains(&status) {
        return Ok(text);
    }
    let message = Json::parse(&text).ok().and_then(|json| Some(json.at(&["error", "message"])?.as_str()?.into_owned()));
    let message =
        message.unwrap_or_else(|| format!("The answer was HTTP {status} and is not the gateway's: check the URL."));
    Err(Failure { code: if status >= 500 { 2 } else { 1 }, text: message })
}

/// A path segment in its encoding.
#[must_use]
pub fn segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(std::fmt::Write::write_fmt(&mut out, format_args!("%{byte:02X}"))),
        }
        out
    })
}
