//! One provider of the built-in table: where it is, what it speaks, how it is paid for and how it differs.

use std::collections::BTreeMap;

use dialect::id::DialectId;
use dialect::quirk::{Quirk, Quirks};
use serde::{Deserialize, Deserializer};

use super::operation::Serves;

/// What sort of provider a row is. Zero configuration orders providers by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Serves models under its own contract.
    Vendor,
    /// Sells other vendors' models under one key.
    Aggregator,
    /// A gateway or router, usually run by the operator.
    Gateway,
    /// A server on the operator's own machines.
    Local,
    /// Any server of a dialect: `base_url` is required.
    Generic,
    /// The simulated provider inside the program.
    Demo,
}

impl Kind {
    /// The name in the table and in the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Aggregator => "aggregator",
            Self::Gateway => "gateway",
            Self::Local => "local",
            Self::Generic => "generic",
            Self::Demo => "demo",
        }
    }
}

/// How a key is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Auth {
    /// `authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// Google's: an API key in `x-goog-api-key`, anything else (an access token) as `authorization: Bearer KEY`.
    Google,
    /// The key alone in a header of this lowercase name (`x-api-key`, `api-key`).
    Header(String),
    /// No key is sent.
    None,
}

impl Auth {
    /// The header that carries a key: its lowercase name and its value. `None` when no key is sent.
    #[must_use]
    pub fn header(&self, key: &str) -> Option<(&str, String)> {
        match self {
            Self::Google if is_google_key(key) => Some(("x-goog-api-key", key.to_owned())),
            Self::Bearer | Self::Google => Some(("authorization", format!("Bearer {key}"))),
            Self::Header(name) => Some((name, key.to_owned())),
            Self::None => None,
        }
    }

    /// The name in the table and in the documentation.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Bearer => "bearer",
            Self::Google => "google",
            Self::Header(name) => name,
            Self::None => "none",
        }
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.as_str() {
            "bearer" => Self::Bearer,
            "google" => Self::Google,
            "none" => Self::None,
            _ => Self::Header(text.to_ascii_lowercase()),
        })
    }
}

/// Whether a text is an API key of Google's rather than an access token. Source:
/// <https://cloud.google.com/docs/authentication/api-keys>: keys begin with `AIza`, those bound to a service account
/// with `AQ.`; access tokens with `ya29.`.
#[must_use]
pub fn is_google_key(text: &str) -> bool {
    text.starts_with("AIza") || text.starts_with("AQ.")
}

/// Who computes what authorizes a request where no key is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// AWS signs each request for a service of this name.
    Aws {
        /// The service in the signature's scope.
        service: String,
    },
    /// Google gives access tokens.
    Google,
    /// Microsoft Entra gives access tokens.
    Entra,
}

impl Cloud {
    /// The name in the table and in the documentation.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Aws { .. } => "aws",
            Self::Google => "google",
            Self::Entra => "entra",
        }
    }
}

impl<'de> Deserialize<'de> for Cloud {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "aws" => Ok(Self::Aws { service: "bedrock".to_owned() }),
            "google" => Ok(Self::Google),
            "entra" => Ok(Self::Entra),
            other => match other.strip_prefix("aws:") {
                Some(service) => Ok(Self::Aws { service: service.to_owned() }),
                None => Err(serde::de::Error::custom(format!("`{other}` is not aws, aws:SERVICE, google or entra"))),
            },
        }
    }
}

/// One dialect that a provider speaks, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speaks {
    /// The dialect's name. Names that [`DialectId::parse`] does not know are dialects that are not built yet.
    pub dialect: String,
    /// The path after `base_url`; `{model}` and `{api_version}` stand for their values.
    pub path: String,
    /// The path of streamed answers, where it is another (Gemini).
    #[serde(default)]
    pub stream: Option<String>,
    /// The path where tokens of this dialect's requests are counted, where that is done.
    #[serde(default)]
    pub count: Option<String>,
    /// The path where one text is embedded in this dialect, where that is done in it (Gemini).
    #[serde(default)]
    pub embed: Option<String>,
    /// The same for several texts.
    #[serde(default)]
    pub embed_batch: Option<String>,
    /// Only where the configuration asks for this dialect by name.
    #[serde(default)]
    pub on_request: bool,
    /// How a host of somebody else's dialect wants its requests and sends its streams.
    #[serde(default)]
    pub hosted: Option<Hosted>,
    /// Only when `base_url` ends so (Azure's `/openai/v1`). The first entry of a dialect that applies counts.
    #[serde(default)]
    pub when: Option<String>,
    /// Never when `base_url` ends so.
    #[serde(default)]
    pub unless: Option<String>,
    /// Endings taken off `base_url` before the path is added; the first that fits.
    #[serde(default)]
    pub strip: Vec<String>,
    /// How the key is sent here, where that differs from the row's way.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// What is taken off the beginning of a model's name in the path.
    #[serde(default)]
    pub without: Option<String>,
}

impl Speaks {
    /// The dialect, when it is built.
    #[must_use]
    pub fn id(&self) -> Option<DialectId> {
        DialectId::parse(&self.dialect)
    }
}

/// A dialect in the envelope of another host: what differs is data, the messages are the same.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosted {
    /// Members of the body that are set, as strings.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Members of the body that the host takes from the address and refuses in the body.
    #[serde(default)]
    pub remove: Vec<String>,
    /// The member that holds, as a list, what the dialect says in the header `anthropic-beta`.
    #[serde(default)]
    pub betas: Option<String>,
    /// Streams are AWS event streams whose chunks hold the dialect's events.
    #[serde(default)]
    pub aws_event_stream: bool,
}

/// A part of `base_url` that the environment fills, such as a region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Environment variables, the first that is set counts.
    pub env: Vec<String>,
    /// The value when none is set; without one the provider needs the variable or a `base_url`.
    #[serde(default)]
    pub default: Option<String>,
}

/// A provider as the table knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The name in `kind:` and, unless configured otherwise, in `NAME/model`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// What sort of provider it is.
    pub kind: Kind,
    /// Where it is, with the version path where the vendor's own SDK has it; `{name}` stands for a
    /// [`Variable`]. Empty when it must be configured.
    #[serde(default)]
    pub base_url: String,
    /// The variables in `base_url`.
    #[serde(default)]
    pub vars: BTreeMap<String, Variable>,
    /// Hosts that the variables would make, and what they are called instead.
    #[serde(default)]
    pub hosts: BTreeMap<String, String>,
    /// The base URL for an API key of Google's where no project is given (Vertex AI in express mode).
    #[serde(default)]
    pub express: Option<String>,
    /// The API version where the path needs one (Azure).
    #[serde(default)]
    pub api_version: Option<String>,
    /// What it speaks, in order of preference.
    pub speaks: Vec<Speaks>,
    /// How the key is sent.
    #[serde(default)]
    pub auth: Auth,
    /// Who computes what authorizes a request where no key is given: `aws` (for the service `bedrock`),
    /// `aws:SERVICE`, `google` or `entra`.
    #[serde(default)]
    pub credential: Option<Cloud>,
    /// How the key is sent in the native lane, where no dialect's path says otherwise and it differs.
    #[serde(default)]
    pub native_auth: Option<Auth>,
    /// Environment variables that hold a key, the first that is set counts.
    #[serde(default)]
    pub keys: Vec<String>,
    /// It works without a key (servers on the operator's own machines).
    #[serde(default)]
    pub keyless: bool,
    /// Headers that every request must carry.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How it differs from its dialect, by the names of [`Quirk`].
    #[serde(default)]
    pub quirks: Vec<String>,
    /// Only where it is configured: zero configuration leaves it out, since another row has its key.
    #[serde(default)]
    pub only_named: bool,
    /// The header of a whole answer, lowercase, in which it says what the answer costs, in USD.
    #[serde(default)]
    pub cost_header: Option<String>,
    /// What it serves beside its dialects. Without: nothing for vendors, every operation for others.
    #[serde(default)]
    pub operations: Option<Vec<Serves>>,
    /// What it keeps for its callers, by the names of [`Kept`](super::kept::Kept). Without: files and batches for
    /// gateways and generic servers, nothing for others.
    #[serde(default)]
    pub keeps: Option<Vec<String>>,
    /// Where it lists its models, after `base_url`; none when it has no such list.
    #[serde(default)]
    pub models: Option<String>,
    /// Known data attributes, for `require`.
    #[serde(default)]
    pub data: BTreeMap<String, String>,
    /// The provider's name in the catalogue where it differs from `name`; empty: the catalogue has none.
    #[serde(default)]
    pub catalog: Option<String>,
    /// Of the catalogue's models it serves those alone whose name holds this word.
    #[serde(default)]
    pub serves: Option<String>,
    /// Where the vendor documents the API.
    #[serde(default)]
    pub docs: String,
    /// What a user should know, in a sentence.
    #[serde(default)]
    pub note: String,
}

impl Row {
    /// The quirks as a set; names that are no quirk are left out (a test refuses them in the built-in table).
    #[must_use]
    pub fn quirks(&self) -> Quirks {
        self.quirks.iter().filter_map(|name| Quirk::parse(name)).collect()
    }

    /// The name under which the catalogue has its prices; `None` when it has none.
    #[must_use]
    pub fn catalog_name(&self) -> Option<&str> {
        Some(self.catalog.as_deref().unwrap_or(&self.name)).filter(|name| !name.is_empty())
    }

    /// Whether it may serve a model that the catalogue gives its provider.
    #[must_use]
    pub fn serves(&self, model: &str) -> bool {
        self.serves.as_deref().is_none_or(|word| model.contains(word))
    }

    /// The dialects that are built, in order of preference, each once; those on request last.
    #[must_use]
    pub fn dialects(&self) -> Vec<DialectId> {
        let mut ids = Vec::new();
        let asked = |on_request: bool| self.speaks.iter().filter(move |entry| entry.on_request == on_request);
        for id in asked(false).chain(asked(true)).filter_map(Speaks::id) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The entry of a dialect that applies to a `base_url`.
    #[must_use]
    pub fn speaks(&self, dialect: DialectId, base_url: &str) -> Option<&Speaks> {
        let base = base_url.trim_end_matches('/');
        let ends = |ending: &Option<String>| ending.as_deref().map(|ending| base.ends_with(ending));
        let applies = |entry: &&Speaks| ends(&entry.when).unwrap_or(true) && !ends(&entry.unless).unwrap_or(false);
        self.speaks.iter().filter(|entry| entry.id() == Some(dialect)).find(applies)
    }

    /// How a key is sent with a dialect.
    #[must_use]
    pub fn auth<'a>(&'a self, speaks: &'a Speaks) -> &'a Auth {
        speaks.auth.as_ref().unwrap_or(&self.auth)
    }
}
