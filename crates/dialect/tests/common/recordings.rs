//! The recorded traffic in `fixtures/recordings`, read once.

use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dialect::id::DialectId;
use dialect::peek::Said;
use http::{HeaderMap, HeaderName, HeaderValue};
use wire::json::{Document, Edit, Json};

/// One recorded request and its answer.
#[derive(Clone)]
pub struct Exchange {
    /// `provider/dialect--name`, with `#turn` where a case has several.
    pub name: String,
    pub provider: String,
    pub dialect: DialectId,
    pub features: Vec<String>,
    /// The model and whether to stream, where the path says (Gemini, Bedrock).
    pub said: (Option<String>, Option<bool>),
    /// The body asked with; `None` where only the answer was recorded or the body is no JSON.
    pub request: Option<String>,
    pub status: u16,
    pub headers: HeaderMap,
    pub answer: Answer,
}

/// What came back.
#[derive(Clone)]
pub enum Answer {
    Whole(String),
    Stream(Bytes),
    Nothing,
}

impl Exchange {
    /// What the path said.
    pub fn said(&self) -> Said<'_> {
        Said { model: self.said.0.as_deref(), stream: self.said.1 }
    }

    /// True for an answer that is one: status 200.
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// The model asked for, or answered by.
    pub fn model(&self) -> String {
        let of = |text: &str| {
            let json = Json::parse(text).ok()?;
            Some(json.get("model").or_else(|| json.get("modelVersion"))?.as_str()?.into_owned())
        };
        let asked = self.said.0.clone().or_else(|| self.request.as_deref().and_then(of));
        let answered = || match &self.answer {
            Answer::Whole(body) => of(body),
            _ => None,
        };
        asked.or_else(answered).unwrap_or_default()
    }
}

/// Every exchange of the dialects that are built, in the order of the files.
pub fn all() -> &'static [Exchange] {
    static ALL: OnceLock<Vec<Exchange>> = OnceLock::new();
    ALL.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        let mut exchanges = Vec::new();
        for file in files {
            for line in std::fs::read_to_string(file).unwrap().lines() {
                case(Json::parse(line).unwrap(), &mut exchanges);
            }
        }
        exchanges
    })
}

fn text(json: Json<'_>, key: &str) -> String {
    json.get(key).and_then(Json::as_str).unwrap_or_default().into_owned()
}

/// A body with its model: hosted ones name it in the path (`/deployments/{model}/`, `/models/{model}:`).
fn named(body: Json<'_>, path: &str) -> String {
    let after = |mark: &str| path.split_once(mark).and_then(|(_, rest)| rest.split(['/', ':']).next());
    match after("/deployments/").or_else(|| after("/models/")) {
        Some(model) if body.get("model").and_then(Json::non_null).is_none() => {
            let document = Document::parse(Bytes::copy_from_slice(body.raw().as_bytes())).unwrap();
            String::from_utf8(document.edit(&[Edit::set_str("model", model)]).to_vec()).unwrap()
        }
        _ => body.raw().to_owned(),
    }
}

/// The model and whether to stream, in a path of Gemini's or Bedrock's.
fn spoken(path: &str) -> (Option<String>, Option<bool>) {
    if let Some((model, verb)) = path.strip_prefix("/model/").and_then(|rest| rest.rsplit_once('/')) {
        return (Some(model.replace("%3A", ":").replace("%2F", "/")), Some(verb == "converse-stream"));
    }
    let Some((model, verb)) = path.split_once("/models/").and_then(|(_, rest)| rest.split_once(':')) else {
        return (None, None);
    };
    (Some(model.to_owned()), Some(verb.starts_with("streamGenerateContent")))
}

/// True for a request that generates: not one that looks up, lists or compacts what was generated.
fn is_generation(request: Json<'_>) -> bool {
    let path = text(request, "path");
    // Ollama's other endpoint has a prompt, not a conversation.
    if path == "/api/generate" {
        return false;
    }
    let path = path.split('?').next().unwrap_or_default().to_owned();
    !path.contains("/responses") || (text(request, "method") == "POST" && path.ends_with("/responses"))
}

fn case(json: Json<'_>, out: &mut Vec<Exchange>) {
    let name = text(json, "case");
    let features: Vec<String> =
        json.get("features").unwrap().items().map(|item| item.as_str().unwrap().into_owned()).collect();
    let turns: Vec<Json<'_>> = match json.get("interactions") {
        Some(turns) => turns.items().collect(),
        None => vec![json],
    };
    let many = turns.len() > 1;
    for (turn, json) in turns.into_iter().enumerate() {
        let Some(dialect) = DialectId::parse(&text(json, "dialect")) else { continue };
        if let Some(request) = json.get("request").and_then(Json::non_null)
            && !is_generation(request)
        {
            continue;
        }
        let response = json.get("response").unwrap();
        let binary = response.get("eventstream_base64").and_then(Json::as_str);
        let lines = || response.get("ndjson");
        let answer = match (response.get("body"), response.get("sse").or_else(lines)) {
            _ if binary.is_some() => Answer::Stream(STANDARD.decode(&*binary.unwrap()).unwrap().into()),
            (_, Some(sse)) => Answer::Stream(sse.as_str().unwrap().into_owned().into()),
            // A stream without server-sent events is an array.
            (Some(body), None) if dialect == DialectId::Gemini && body.kind() == wire::json::Kind::Array => {
                Answer::Stream(body.raw().to_owned().into())
            }
            (Some(body), None) => Answer::Whole(body.raw().to_owned()),
            (None, None) => Answer::Nothing,
        };
        let mut headers = HeaderMap::new();
        for (key, value) in response.get("headers").unwrap().members() {
            let value = value.as_str().unwrap_or_default();
            headers.append(HeaderName::try_from(&*key).unwrap(), HeaderValue::try_from(&*value).unwrap());
        }
        out.push(Exchange {
            name: if many { format!("{name}#{turn}") } else { name.clone() },
            provider: text(json, "provider"),
            dialect,
            features: features.clone(),
            request: json.at(&["request", "body"]).map(|body| match dialect {
                DialectId::Gemini | DialectId::BedrockConverse => body.raw().to_owned(),
                _ => named(body, &text(json.get("request").unwrap(), "path")),
            }),
            said: match dialect {
                DialectId::Gemini | DialectId::BedrockConverse => {
                    spoken(&json.get("request").map(|request| text(request, "path")).unwrap_or_default())
                }
                _ => (None, None),
            },
            status: u16::try_from(response.get("status").unwrap().as_u64().unwrap()).unwrap(),
            headers,
            answer,
        });
    }
}
