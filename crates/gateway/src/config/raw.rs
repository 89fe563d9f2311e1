//! The file as written: every section and field, with the words that the schema and `docs/config.md` show.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::clouds::Credentials;
use super::fetch::FetchMedia;
use super::read::{Named, OrOff, Read, Reader, Spot, Tried, choice, is_off, section};
use super::secret::Secret;
use super::tree::{Node, Value};
use super::units::{Address, Count, Net, Share, Size, Time, Usd};

mod model;
mod people;

pub(super) use model::{Choose, Losses, Model, Slo, Target};
pub(super) use people::{Key, Organization, Team, Wanted};

/// A field whose feature is not built yet: only its default, the off state, is accepted.
#[derive(Debug)]
pub(super) enum Later {
    /// The off state or an empty list or map.
    Off,
    /// A word that may be the default.
    Word(String),
    /// Anything else.
    Other,
}

impl Read for Later {
    fn read(node: &Node, _: &mut Reader<'_>) -> Option<Self> {
        Some(match &node.value {
            value if is_off(value) => Self::Off,
            Value::List(list) if list.is_empty() => Self::Off,
            Value::Map(map) if map.is_empty() => Self::Off,
            Value::Text(word) => Self::Word(word.clone()),
            Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) | Value::Null => Self::Other,
        })
    }
}

impl JsonSchema for Later {
    fn schema_name() -> Cow<'static, str> {
        "NotBuiltYet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Not built yet: only the default is accepted." })
    }
}

section!(
    /// The configuration of tollgate.
    File {
        /// The listeners and their limits.
        server: Server,
        /// Where keys and the ledger are kept: `sqlite` (in `data_dir`). `postgres://…` is not built yet. Default: sqlite.
        store: String,
        /// Who shares limits and breaker state: `local`. `redis://…` is not built yet. Default: local.
        coordination: String,
        /// The folder of the store, the journal and the admin key. Default: ./tollgate-data.
        data_dir: PathBuf,
        /// Where days and months begin, an IANA name such as `Europe/Berlin`. Default: UTC.
        timezone: String,
        /// The ledger of requests.
        ledger: Ledger,
        /// How the ledger reaches the disk.
        journal: Journal,
        /// Limits when coordination is lost; only `local` is built. Default: local.
        on_loss: Later,
        /// Whether every answer carries `usage.cost`. Default: false.
        cost_in_usage: bool,
        /// Whether a conversation stays where its prompt cache is; only `auto` is accepted. Default: auto.
        affinity: Later,
        /// Providers by name; the name is what models are addressed by: NAME/model. Without this field every provider whose environment variable is set is on.
        providers: Named<Provider>,
        /// Names that clients may ask for, beside NAME/model and bare catalogue names; globs such as `*` are allowed.
        models: Named<Model>,
        /// Organizations by name.
        organizations: Named<Organization>,
        /// Teams by name.
        teams: Named<Team>,
        /// Virtual keys; others can be created at run time.
        keys: Vec<Spot<Key>>,
        /// Budgets and rate limits: not built yet.
        limits: Later,
        /// The reply cache; only `{ mode: off }`.
        cache: Cache,
        /// What of requests and answers may be stored. Default: nothing.
        log: Log,
        /// Responses that the gateway keeps for its callers.
        responses: Responses,
    }
);

section!(
    /// The listeners and their limits.
    Server {
        /// The address of the API. Default: 127.0.0.1:4000.
        listen: Address,
        /// The admin key, else TOLLGATE_ADMIN_KEY, else one is made at the first closed start.
        admin_key: Secret,
        /// Another address for the admin API and the dashboard. Default: the API's.
        admin_listen: Address,
        /// The longest request body. Default: 64MiB.
        max_body: Size,
        /// The longest upload, which streams through. Default: 512MiB.
        max_upload: Size,
        /// All request bodies held in memory together; beyond it requests get 503 before they are read. Default: 512MiB.
        max_buffered: Size,
        /// Requests under way at once. Default: 10000.
        max_in_flight: Count,
        /// How long running requests may take to end at a stop. Default: 30s.
        drain: Time,
        /// How long a stream's head may be held for its first content event. Default: 30s.
        hold_head: Time,
        /// After so long a silence a comment goes into a stream; `off` for never. Default: 15s.
        keepalive: OrOff<Time>,
        /// Certificate and key of the listener.
        tls: Tls,
        /// Origins that browsers may call from, such as `https://app.example`; `*` is any. Default: none.
        cors: Vec<Spot<String>>,
        /// Proxies whose `x-forwarded-for` is believed (for `client` in the access log), as addresses or networks. Default: none.
        trusted_proxies: Vec<Spot<Net>>,
        /// Pictures and files at web addresses, downloaded for providers that fetch none themselves. This leaves the gateway's network for hosts that callers name.
        fetch_media: FetchMedia,
    }
);

section!(
    /// PEM files of the listener.
    Tls {
        /// The certificate chain.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    }
);

section!(
    /// The ledger of requests.
    Ledger {
        /// How long lines are kept; `off` for ever. Default: 400d.
        retention: OrOff<Time>,
    }
);

choice!(
    /// When the journal is forced to disk.
    Sync {
        /// Now and then, together.
        Interval = "interval",
        /// After every batch.
        Always = "always",
        /// Whenever the system does.
        Never = "never",
    }
);

section!(
    /// How the ledger reaches the disk.
    Journal {
        /// When lines are forced to disk. Default: interval.
        sync: Sync,
        /// The most bytes of lines held in memory while the disk is away. Default: 64MiB.
        memory: Size,
    }
);

section!(
    /// The reply cache.
    Cache {
        /// Only `off`. Default: off.
        mode: Later,
    }
);

section!(
    /// What of requests and answers may be stored.
    Log {
        /// `off`: bodies are never stored. `all`: they may be, which switches `responses.state` on unless that says `off`; bodies beside ledger lines are not built yet, nor is `errors`. Default: off.
        content: OrOff<Content>,
    }
);

choice!(
    /// What of requests and answers may be stored.
    Content {
        /// That of those that failed.
        Errors = "errors",
        /// Everything.
        All = "all",
    }
);

section!(
    /// Responses that the gateway keeps for its callers.
    Responses {
        /// Whether the input and output items of OpenAI's Responses API are kept (in the store, 30 days) where the provider speaks another dialect, so that `previous_response_id` works and responses can be read again. Default: off.
        state: OnOff,
    }
);

choice!(
    /// On or off.
    OnOff {
        /// It is.
        On = "on",
        /// It is not.
        Off = "off",
    }
);

choice!(
    /// What happens upstream when the caller leaves a stream.
    OnDisconnect {
        /// The request is cancelled.
        Cancel = "cancel",
        /// The stream is read to its end for exact usage.
        Drain = "drain",
    }
);

choice!(
    /// A dialect.
    Dialect {
        /// OpenAI's chat completions.
        OpenAiChat = "openai-chat",
        /// Anthropic's messages.
        AnthropicMessages = "anthropic-messages",
        /// OpenAI's responses.
        OpenAiResponses = "openai-responses",
        /// Google's `generateContent`.
        Gemini = "gemini",
        /// Amazon Bedrock's `Converse`.
        BedrockConverse = "bedrock-converse",
        /// Cohere's `/v2/chat`.
        CohereV2 = "cohere-v2",
        /// Ollama's native `/api/chat`.
        Ollama = "ollama",
    }
);

section!(
    /// A provider.
    Provider {
        /// The row of the provider table (see docs/providers.md). Default: the provider's own name.
        kind: String,
        /// The key. Default: from the row's environment variable.
        api_key: Tried<Secret>,
        /// Several keys of one account or vendor, used in turn.
        api_keys: Vec<Spot<Tried<Secret>>>,
        /// Credentials that are computed in place of a key (AWS, Google, Azure). Default: from the environment.
        credentials: Credentials,
        /// The region of a row of AWS. Default: AWS_REGION.
        region: String,
        /// The location of a row of Google Cloud. Default: GOOGLE_CLOUD_LOCATION.
        location: String,
        /// Where it is: what the vendor's own SDK takes. Default: the row's.
        base_url: Tried<String>,
        /// The API version in the path (Azure). Default: the row's.
        api_version: String,
        /// The share that comes on top of its prices, such as an aggregator's fee. Default: none.
        fee: Share,
        /// Its models, by id or with facts that override the catalogue's. Default: whatever it lists.
        models: Vec<Spot<ProviderModel>>,
        /// Prices by model name or glob, in USD per one million tokens. Default: the catalogue's.
        prices: Named<Prices>,
        /// Data attributes such as `region`, `retention`, `training`. Default: the row's.
        data: Named<Attribute>,
        /// How long things may take.
        timeouts: Timeouts,
        /// Headers sent with every request.
        headers: Named<HeaderValue>,
        /// The only dialect it is asked in. Default: the caller's own when the row speaks it, else the row's first.
        dialect: Dialect,
        /// The proxy that it is reached through, such as `http://proxy:3128`; `off` for none. Default: HTTPS_PROXY and its like.
        proxy: OrOff<Secret>,
        /// PEM certificates that are trusted beside the usual ones.
        ca_file: PathBuf,
        /// Whether it may be reached by /native/NAME/…. Default: true.
        native: bool,
        /// What happens upstream when the caller leaves a stream. Default: cancel.
        on_disconnect: OnDisconnect,
        /// Whether its server fetches media from web addresses itself; otherwise the gateway sends it the bytes (see `fetch_media`). Default: as the row says.
        fetches_urls: bool,
        /// OpenAI's organization header.
        organization: String,
        /// OpenAI's project header; the project of a row of Google Cloud. Default there: GOOGLE_CLOUD_PROJECT.
        project: String,
    }
);

/// A data attribute's value.
#[derive(Debug, Default)]
pub(super) struct Attribute(pub(super) String);

impl JsonSchema for Attribute {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Attribute".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean", "number"] })
    }
}

impl Read for Attribute {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.text(node).map(Self)
    }
}

/// A header's value, which may be a secret.
#[derive(Debug, Default, JsonSchema)]
#[schemars(transparent)]
pub(super) struct HeaderValue(pub(super) Option<Secret>);

impl Read for HeaderValue {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Secret::read(node, reader).map(|value| Self(Some(value)))
    }
}

section!(
    /// Prices in USD per one million tokens.
    Prices {
        /// Prompt tokens.
        input: Usd,
        /// Completion tokens.
        output: Usd,
        /// Prompt tokens read from a cache. Default: as `input`, and marked so.
        cache_read: Usd,
        /// Prompt tokens written to a cache. Default: as `input`, and marked so.
        cache_write: Usd,
        /// Prompt tokens written to a cache for an hour. Default: as `cache_write`.
        cache_write_1h: Usd,
        /// A fixed amount in USD for each request.
        request: Usd,
    }
);

section!(
    /// How long things may take.
    Timeouts {
        /// TCP and TLS. Default: 5s.
        connect: Time,
        /// Request sent to first body byte, streams only. Default: 120s.
        first_byte: Time,
        /// Between bytes, streams only. Default: 120s.
        idle: Time,
        /// One attempt. Default: 15m.
        total: Time,
    }
);

section!(
    /// A model of a provider with its facts.
    ModelFacts {
        /// The id that is sent upstream.
        id: String,
        /// The catalogue's model whose price and facts it has.
        r#as: String,
        /// The context window in tokens.
        context: Count,
        /// The most output tokens of one answer.
        max_output: Count,
        /// Whether it calls tools.
        tools: bool,
        /// Whether it sees images.
        images: bool,
        /// The only dialect it is asked in.
        dialect: Dialect,
    }
);

/// A model of a provider: an id, or a map of facts.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum ProviderModel {
    /// An id.
    Id(String),
    /// An id and facts.
    Facts(Box<ModelFacts>),
}

impl Read for ProviderModel {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.value {
            Value::Map(_) => ModelFacts::read(node, reader).map(|facts| Self::Facts(Box::new(facts))),
            _ => String::read(node, reader).map(Self::Id),
        }
    }
}
