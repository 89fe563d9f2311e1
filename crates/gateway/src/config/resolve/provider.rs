//! Providers: their row, key, place, dialects and models.

use std::collections::BTreeMap;
use std::sync::Arc;

use dialect::id::DialectId;
use dialect::quirk::Quirk;
use policy::price::overrides::{Override, find};
use policy::provider::row::{Row, is_google_key};
use policy::provider::table::builtin;
use policy::provider::url;

use super::super::diagnose::{near, suggest};
use super::super::env::{Env, set};
use super::super::raw;
use super::super::read::{Named, OrOff, Reader, Spot, Tried};
use super::super::secret::Secret;
use super::super::types::{Endpoint, Model, OnDisconnect, Provider, Timeouts};
use super::super::units::Usd;
use super::{Placed, credential, time};

/// Headers that belong to the connection or to the gateway.
const RESERVED: [&str; 7] =
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "te"];

/// Every provider of the file, in its order.
pub(super) fn all(named: Named<raw::Provider>, reader: &mut Reader<'_>) -> Vec<Placed> {
    let mut all = Vec::new();
    for (order, (name, spot)) in named.0.into_iter().enumerate() {
        all.extend(one(&name, spot.value, order, reader).map(|provider| Placed { at: name.at, provider }));
    }
    all
}

fn one(name: &Spot<String>, raw: raw::Provider, order: usize, reader: &mut Reader<'_>) -> Option<Provider> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.value.is_empty() || name.value.len() > 64 || !name.value.chars().all(good) {
        let remedy =
            "use letters, digits, `-`, `_` and `.`, at most 64: it is the part before the slash in provider/model";
        reader.problem(name.at, format!("`{}` cannot be a provider's name", name.value), remedy);
    }
    let kind = raw.kind.unwrap_or_else(|| name.clone());
    let Some(row) = builtin().get(&kind.value) else {
        let rows = builtin().rows().iter().map(|row| row.name.as_str());
        let near = near(&kind.value, rows);
        let remedy = match near.as_slice() {
            [] => "give `kind:`, for any server of OpenAI's dialect `kind: openai-compatible`; see docs/providers.md"
                .to_owned(),
            near => format!(
                "did you mean `{}`? any server of OpenAI's dialect is `kind: openai-compatible`",
                near.join("` or `")
            ),
        };
        reader.problem(kind.at, format!("`{}` is not a kind of provider", kind.value), remedy);
        return None;
    };
    let given = credential::Given::of(raw.credentials);
    let both = given.is_given() && (raw.api_key.is_some() || raw.api_keys.is_some());
    if both {
        let what = "both a key and `credentials` are given";
        reader.problem(name.at, what, "keep one: a key is sent as it is, credentials are computed");
    }
    // What the file says goes before a key of the environment.
    let keys = if given.is_given() { Vec::new() } else { keys(name, row, raw.api_key, raw.api_keys, reader) };
    let region = raw.region.as_ref().map(|spot| spot.value.clone());
    let project = raw.project.as_ref().map(|spot| spot.value.clone()).filter(|_| row.vars.contains_key("project"));
    for (variable, spot) in [("region", &raw.region), ("location", &raw.location)] {
        if let Some(spot) = spot {
            said(row, variable, spot, reader);
        }
    }
    let place =
        Place { region: region.clone(), location: raw.location.map(|spot| spot.value), project: project.clone() };
    let base_url = base_url(name, row, raw.base_url, &place, &given, &keys, reader);
    let computes = keys.is_empty() && (row.credential.is_some() || given.is_given()) && !both;
    let region = region.as_deref();
    let credential = computes.then(|| credential::of_file(name, row, &given, region, &base_url, reader)).flatten();
    let endpoints = endpoints(name, row, &base_url, raw.dialect, reader);
    Some(Provider {
        name: name.value.as_str().into(),
        row,
        order,
        keys,
        credential,
        base_url,
        api_version: raw.api_version.map(|spot| spot.value).or_else(|| row.api_version.clone()),
        models: raw.models.map(|list| models(list.value, &endpoints, reader)),
        endpoints,
        prices: with_own(row, raw.prices.map(|named| prices(named.value)).unwrap_or_default()),
        fee: raw.fee.map(|spot| spot.value.0),
        headers: headers(row, raw.headers, raw.organization, raw.project.filter(|_| project.is_none()), reader),
        timeouts: timeouts(raw.timeouts.map(|spot| spot.value).unwrap_or_default(), reader),
        quirks: match raw.fetches_urls.map(|spot| spot.value) {
            None => row.quirks(),
            Some(true) => row.quirks().without(Quirk::NoMediaUrls),
            Some(false) => row.quirks().with(Quirk::NoMediaUrls),
        },
        data: data(row, raw.data),
        proxy: raw.proxy.and_then(|spot| proxy(spot, reader)),
        ca_file: raw.ca_file.map(|spot| spot.value),
        native: raw.native.is_none_or(|spot| spot.value),
        on_disconnect: match raw.on_disconnect.map(|spot| spot.value) {
            None | Some(raw::OnDisconnect::Cancel) => OnDisconnect::Cancel,
            Some(raw::OnDisconnect::Drain) => OnDisconnect::Drain,
        },
        probe: false,
    })
}

/// A row with nothing configured, as the environment switches it on.
pub(in crate::config) fn plain(row: &'static Row, base_url: String, keys: Vec<Secret>, order: usize) -> Provider {
    Provider {
        name: row.name.as_str().into(),
        row,
        order,
        keys,
        credential: None,
        endpoints: speaks(row, &base_url, None),
        base_url,
        api_version: row.api_version.clone(),
        models: None,
        prices: with_own(row, Vec::new()),
        fee: None,
        headers: row.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value))).collect(),
        timeouts: Timeouts::default(),
        quirks: row.quirks(),
        data: row.data.clone(),
        proxy: None,
        ca_file: None,
        native: true,
        on_disconnect: OnDisconnect::Cancel,
        probe: false,
    }
}

/// What the file says of variables in the row's base URL.
#[derive(Debug, Default)]
struct Place {
    region: Option<String>,
    location: Option<String>,
    project: Option<String>,
}

/// Notes a variable that the row does not have, and a value that no host's name holds.
fn said(row: &Row, variable: &str, spot: &Spot<String>, reader: &mut Reader<'_>) {
    if !row.vars.contains_key(variable) {
        reader.problem(spot.at, format!("`{}` has no `{variable}`", row.name), "remove it, or put it into `base_url`");
    }
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if spot.value.is_empty() || !spot.value.chars().all(good) {
        reader.problem(spot.at, format!("`{}` is no {variable}", spot.value), "write for example us-east-1");
    }
}

/// The row's base URL with its variables filled in by the environment, or the names of variables of which one must be
/// set.
pub(in crate::config) fn row_base(row: &Row, env: &dyn Env) -> Result<String, Vec<String>> {
    filled(row, &Place::default(), &credential::Given::default(), env)
}

/// The same with what the file says before the environment, and what the credentials themselves say behind it.
fn filled(row: &Row, place: &Place, given: &credential::Given, env: &dyn Env) -> Result<String, Vec<String>> {
    let mut base = row.base_url.clone();
    for (name, variable) in &row.vars {
        let own = match name.as_str() {
            "region" => &place.region,
            "location" => &place.location,
            "project" => &place.project,
            _ => &None,
        };
        let found = own
            .clone()
            .or_else(|| variable.env.iter().find_map(|env_name| set(env, env_name)))
            .or_else(|| credential::implied(row, given, name, env))
            .or_else(|| variable.default.clone());
        base = base.replace(&format!("{{{name}}}"), &found.ok_or_else(|| variable.env.clone())?);
    }
    for (host, instead) in &row.hosts {
        base = base.replacen(&format!("://{host}/"), &format!("://{instead}/"), 1);
    }
    Ok(base)
}

fn base_url(
    name: &Spot<String>,
    row: &Row,
    raw: Option<Spot<Tried<String>>>,
    place: &Place,
    given: &credential::Given,
    keys: &[Secret],
    reader: &mut Reader<'_>,
) -> String {
    let express = || row.express.clone().filter(|_| keys.first().is_some_and(|key| is_google_key(key.reveal())));
    let (at, text) = match raw {
        Some(Spot { value: Tried(None), .. }) => return String::new(),
        Some(Spot { at, value: Tried(Some(text)) }) => (at, text),
        None => match filled(row, place, given, reader.env).or_else(|names| express().ok_or(names)) {
            Ok(text) => (name.at, text),
            Err(variables) => {
                let what = format!("provider `{}` needs a base_url", name.value);
                reader.problem(name.at, what, format!("give `base_url:`, or set {}", variables.join(" or ")));
                return String::new();
            }
        },
    };
    if text.is_empty() {
        if row.kind != policy::provider::row::Kind::Demo {
            let what = format!("provider `{}` needs a base_url", name.value);
            reader.problem(name.at, what, "give `base_url:`, for example http://10.0.0.7:8000/v1");
        }
        return text;
    }
    url::base(&text).unwrap_or_else(|error| {
        let what = format!("the base_url of `{}` cannot be used: {error}", name.value);
        reader.problem(at, what, "write for example https://api.example.com/v1");
        String::new()
    })
}

fn speaks(row: &'static Row, base_url: &str, forced: Option<DialectId>) -> Vec<Endpoint> {
    let ids = row.dialects().into_iter().filter(|id| forced.is_none_or(|forced| forced == *id));
    ids.filter_map(|dialect| {
        let speaks = row.speaks(dialect, base_url)?;
        if speaks.on_request && forced != Some(dialect) {
            return None;
        }
        Some(Endpoint { dialect, speaks, auth: row.auth(speaks) })
    })
    .collect()
}

fn endpoints(
    name: &Spot<String>,
    row: &'static Row,
    base_url: &str,
    forced: Option<Spot<raw::Dialect>>,
    reader: &mut Reader<'_>,
) -> Vec<Endpoint> {
    let found = speaks(row, base_url, forced.as_ref().map(|spot| dialect_id(spot.value)));
    let serves = forced.is_none() && row.operations.as_ref().is_some_and(|serves| !serves.is_empty());
    if found.is_empty() && !serves {
        let (at, what) = match &forced {
            Some(spot) => {
                let id = dialect_id(spot.value);
                (spot.at, format!("`{}` does not speak {id}", row.name))
            }
            None => (name.at, format!("`{}` speaks no dialect that is built yet", row.name)),
        };
        let spoken: Vec<&str> = row.dialects().into_iter().map(DialectId::name).collect();
        let remedy = match spoken.as_slice() {
            [] => "remove it".to_owned(),
            spoken => format!("it speaks {}", spoken.join(" and ")),
        };
        reader.problem(at, what, remedy);
    }
    found
}

pub(super) const fn dialect_id(raw: raw::Dialect) -> DialectId {
    match raw {
        raw::Dialect::OpenAiChat => DialectId::OpenAiChat,
        raw::Dialect::AnthropicMessages => DialectId::AnthropicMessages,
        raw::Dialect::OpenAiResponses => DialectId::OpenAiResponses,
        raw::Dialect::Gemini => DialectId::Gemini,
        raw::Dialect::BedrockConverse => DialectId::BedrockConverse,
        raw::Dialect::CohereV2 => DialectId::CohereV2,
        raw::Dialect::Ollama => DialectId::Ollama,
    }
}

fn keys(
    name: &Spot<String>,
    row: &Row,
    one: Option<Spot<Tried<Secret>>>,
    several: Option<Spot<Vec<Spot<Tried<Secret>>>>>,
    reader: &mut Reader<'_>,
) -> Vec<Secret> {
    match (one, several) {
        (Some(_), Some(several)) => {
            reader.problem(several.at, "both `api_key` and `api_keys` are given", "put every key into `api_keys`");
            Vec::new()
        }
        (Some(one), None) => one.value.0.into_iter().collect(),
        (None, Some(several)) => {
            if several.value.is_empty() {
                reader.problem(several.at, "`api_keys` is empty", "give at least one key, or remove it");
            }
            distinct(several.value, reader)
        }
        (None, None) => match row.keys.iter().find_map(|variable| set(reader.env, variable)) {
            Some(key) => vec![Secret::new(&key)],
            None if row.keyless || row.credential.is_some() => Vec::new(),
            None => {
                let what = format!("provider `{}` has no key", name.value);
                let remedy = match row.keys.first() {
                    Some(variable) => format!("set {variable}, or give `api_key: \"${{{variable}}}\"`"),
                    None => "give `api_key:`".to_owned(),
                };
                reader.problem(name.at, what, remedy);
                Vec::new()
            }
        },
    }
}

fn distinct(keys: Vec<Spot<Tried<Secret>>>, reader: &mut Reader<'_>) -> Vec<Secret> {
    let mut distinct: Vec<Secret> = Vec::with_capacity(keys.len());
    for Spot { at, value } in keys {
        let Some(key) = value.0 else { continue };
        if distinct.contains(&key) {
            reader.warning(at, "this key is given twice", "remove one of them");
        } else {
            distinct.push(key);
        }
    }
    distinct
}

fn models(list: Vec<Spot<raw::ProviderModel>>, endpoints: &[Endpoint], reader: &mut Reader<'_>) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::with_capacity(list.len());
    for Spot { at, value } in list {
        let facts = match value {
            raw::ProviderModel::Id(id) => raw::ModelFacts { id: Some(Spot { at, value: id }), ..Default::default() },
            raw::ProviderModel::Facts(facts) => *facts,
        };
        let Some(id) = facts.id.filter(|id| !id.value.is_empty()) else {
            reader.problem(at, "a model has no `id`", "give `id:`, the name that is sent upstream");
            continue;
        };
        if models.iter().any(|known| *known.id == *id.value) {
            reader.problem(id.at, format!("model `{}` is given twice", id.value), "remove one of them");
            continue;
        }
        let dialect = facts.dialect.map(|spot| (spot.at, dialect_id(spot.value)));
        if let Some((at, dialect)) = dialect.filter(|(_, id)| !endpoints.iter().any(|e| e.dialect == *id)) {
            let spoken: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.dialect.name()).collect();
            reader.problem(at, format!("this provider does not speak {dialect}"), suggest(dialect.name(), spoken));
        }
        models.push(Model {
            id: id.value.into(),
            like: facts.r#as.map(|spot| spot.value.into()),
            context: facts.context.map(|spot| spot.value.0),
            max_output: facts.max_output.map(|spot| spot.value.0),
            tools: facts.tools.map(|spot| spot.value),
            images: facts.images.map(|spot| spot.value),
            dialect: dialect.map(|(_, id)| id),
        });
    }
    models
}

fn prices(named: Named<raw::Prices>) -> Vec<(String, Override)> {
    let usd = |spot: Option<Spot<Usd>>| spot.map(|spot| spot.value.0);
    let price = |raw: raw::Prices| Override {
        input: usd(raw.input),
        output: usd(raw.output),
        cache_read: usd(raw.cache_read),
        cache_write: usd(raw.cache_write),
        cache_write_1h: usd(raw.cache_write_1h),
        request: usd(raw.request),
    };
    named.0.into_iter().map(|(name, spot)| (name.value, price(spot.value))).collect()
}

/// The simulated models have prices of their own, where the operator gives none.
fn with_own(row: &Row, mut prices: Vec<(String, Override)>) -> Vec<(String, Override)> {
    if row.kind == policy::provider::row::Kind::Demo {
        let missing = crate::demo::prices().into_iter().filter(|(model, _)| find(&prices, model).is_none());
        let missing: Vec<_> = missing.collect();
        prices.extend(missing);
    }
    prices
}

fn headers(
    row: &Row,
    raw: Option<Spot<Named<raw::HeaderValue>>>,
    organization: Option<Spot<String>>,
    project: Option<Spot<String>>,
    reader: &mut Reader<'_>,
) -> Vec<(String, Secret)> {
    let mut headers: BTreeMap<String, Secret> =
        row.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value))).collect();
    for (name, spot) in [("openai-organization", organization), ("openai-project", project)] {
        headers.extend(spot.map(|spot| (name.to_owned(), Secret::new(&spot.value))));
    }
    for (name, spot) in raw.map(|spot| spot.value.0).unwrap_or_default() {
        let lower = name.value.to_ascii_lowercase();
        if http::HeaderName::from_bytes(lower.as_bytes()).is_err() {
            reader.problem(name.at, format!("`{}` is not a header's name", name.value), "use letters, digits and `-`");
        } else if RESERVED.contains(&lower.as_str()) {
            reader.problem(name.at, format!("the header `{lower}` is set by the gateway"), "remove it");
        } else if let Some(value) = spot.value.0 {
            headers.insert(lower, value);
        }
    }
    headers.into_iter().collect()
}

fn timeouts(raw: raw::Timeouts, reader: &mut Reader<'_>) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: time(raw.connect, default.connect, reader),
        first_byte: time(raw.first_byte, default.first_byte, reader),
        idle: time(raw.idle, default.idle, reader),
        total: time(raw.total, default.total, reader),
    }
}

fn data(row: &Row, raw: Option<Spot<Named<raw::Attribute>>>) -> BTreeMap<String, String> {
    let mut data = row.data.clone();
    data.extend(
        raw.map(|spot| spot.value.0).unwrap_or_default().into_iter().map(|(name, spot)| (name.value, spot.value.0)),
    );
    data
}

fn proxy(Spot { at, value }: Spot<OrOff<Secret>>, reader: &mut Reader<'_>) -> Option<Secret> {
    let OrOff::On(proxy) = value else { return None };
    let text = proxy.reveal();
    let schemes = ["http://", "https://"];
    if !schemes.iter().any(|scheme| text.starts_with(scheme)) || text.parse::<http::Uri>().is_err() {
        reader.problem(at, "the proxy is not a URL that can be used", "write for example http://proxy.example:3128");
    }
    Some(proxy)
}

/// A provider's name, shared.
pub(super) fn named(providers: &[Placed]) -> Vec<Arc<str>> {
    providers.iter().map(|placed| Arc::clone(&placed.provider.name)).collect()
}
