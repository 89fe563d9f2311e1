//! The decision for a request that would arrive now: who would be tried in which order, at what price, and what
//! a body would lose on the way.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::Fault;
use dialect::id::DialectId;
use dialect::loss::Loss;
use dialect::peek::{Peek, Said};
use dialect::usage::Unit;
use http::Method;
use policy::price::sheet::Asked;
use policy::route::order::{Choose, Standing, order};

use wire::json::{Document, Kind, Writer};

use super::fields::{Fields, query};
use super::keys::{find, none, wrong_method};
use super::office::{Ask, Office, Told};
use crate::env;
use crate::exchange::expect::{Outlook, Size, outlook};
use crate::exchange::plan::excluded_by;
use crate::state::directory::Principal;
use crate::state::names::{Meaning, meaning};
use crate::state::target::Target;

/// Serves `POST /admin/v1/explain`.
///
/// # Errors
/// What is wrong with the call; `unknown_model` and `forbidden` as the request itself would be told.
pub async fn answer(office: &Office, rest: &str, ask: &Ask) -> Result<Told, Fault> {
    query(ask.query.as_deref(), &[])?;
    if ask.method != Method::POST || !rest.is_empty() {
        return Err(wrong_method("POST"));
    }
    let fields = Fields::read(ask.body.clone(), &["model", "key", "body", "dialect"])?;
    let dialect = dialect_of(fields.text("dialect")?, fields.get("body").map(|body| body.raw()))?;
    let request = match fields.get("body") {
        None => None,
        Some(body) if body.kind() == Kind::Object => Some(read(body.raw(), fields.text("model")?, dialect)?),
        Some(_) => return Err(Fault::invalid("body", "`body` is the JSON object of a request.")),
    };
    let model = match &request {
        Some((_, peek)) => peek.model.clone(),
        None => {
            fields.text("model")?.ok_or_else(|| Fault::invalid("model", "`model` is needed, or a `body` with one."))?
        }
    };
    let (who, key) = caller(office, fields.text("key")?).await?;
    let meaning = meaning(&office.snapshot, &model, &who)?;
    let mut json = Writer::new();
    json.object(|json| {
        json.key("model").str(&model);
        match &key {
            Some(key) => json.key("key").str(key),
            None => json.key("key").null(),
        };
        json.key("dialect").str(dialect.name());
        write_meaning(&meaning, json);
        json.key("prices").str(&office.snapshot.prices);
        json.key("candidates").array(|json| {
            let main = meaning.targets.len().saturating_sub(meaning.fallbacks);
            let size = request.as_ref().map_or_else(Size::default, |(_, peek)| Size::of(peek));
            let outlook = outlook(&meaning.targets, &size, env::now(), env::uptime());
            for place in in_order(&meaning, main, &outlook) {
                let Some((target, weight)) = meaning.targets.get(place) else { continue };
                json.object(|json| {
                    json.key("target").str(&target.name);
                    json.key("role").str(if place < main { "target" } else { "fallback" });
                    json.key("weight").u64(u64::from(*weight));
                    if let Some(standing) = outlook.standing.get(place) {
                        write_standing(standing, request.is_some(), json);
                    }
                    candidate(target, dialect, request.as_ref(), json);
                });
            }
        });
    });
    Ok(Told::ok(json.finish()))
}

/// Places of the targets in the order to be tried, those that are excluded last; what goes by lot stays as it
/// is written.
fn in_order(meaning: &Meaning, main: usize, outlook: &Outlook) -> Vec<usize> {
    let own = outlook.standing.get(..main).unwrap_or_default();
    let mut places: Vec<usize> = match meaning.choose {
        Choose::Cheapest | Choose::Fastest => order(own, meaning.choose, meaning.slo, outlook.output, &mut || 1),
        Choose::Priority | Choose::Weighted | Choose::LeastBusy => (0..main).collect(),
    };
    places.extend(main..meaning.targets.len());
    places.sort_by_key(|place| meaning.targets.get(*place).is_some_and(|(target, _)| excluded_by(target).is_some()));
    places
}

/// What is known of a target; its cost only where there is a body to be sent.
fn write_standing(standing: &Standing, sized: bool, json: &mut Writer) {
    match standing.expected.filter(|_| sized) {
        Some(expected) => json.key("expected_usd").str(&expected.to_string()),
        None => json.key("expected_usd").null(),
    };
    for (name, figure) in [("first_byte_ms", standing.first_byte_ms), ("tokens_per_second", standing.tokens_per_second)]
    {
        match figure {
            Some(figure) => json.key(name).raw(&format!("{figure:.0}")),
            None => json.key(name).null(),
        };
    }
    json.key("under_way").u64(u64::from(standing.busy));
}

/// The caller's dialect: as said, else the one whose members the body has, else OpenAI's chat.
fn dialect_of(said: Option<String>, body: Option<&str>) -> Result<DialectId, Fault> {
    if let Some(said) = said {
        let names: Vec<&str> = DialectId::ALL.iter().map(|id| id.name()).collect();
        return DialectId::parse(&said)
            .ok_or_else(|| Fault::invalid("dialect", format!("`dialect` is {}.", names.join(" or "))));
    }
    let members = body.and_then(|body| Document::parse(Bytes::copy_from_slice(body.as_bytes())).ok());
    let has = |names: &[&str]| names.iter().any(|name| members.as_ref().is_some_and(|body| body.get(name).is_some()));
    Ok(match () {
        () if has(&["system", "anthropic_version"]) => DialectId::AnthropicMessages,
        () if has(&["input", "previous_response_id"]) && !has(&["messages"]) => DialectId::OpenAiResponses,
        () => DialectId::OpenAiChat,
    })
}

/// The body with `model` over its own, looked at.
fn read(text: &str, model: Option<String>, dialect: DialectId) -> Result<(Document, Peek), Fault> {
    let parse = |bytes: Bytes| {
        Document::parse(bytes).map_err(|error| Fault::invalid("body", format!("`body` is no JSON object: {error}.")))
    };
    let mut body = parse(Bytes::copy_from_slice(text.as_bytes()))?;
    if let Some(model) = model {
        body = parse(body.edit(&[wire::json::Edit::set_str("model", &model)]))?;
    }
    let peek = dialect::of(dialect).peek(&body, Said::default())?;
    Ok((body, peek))
}

/// The caller to plan for: the key of a name or id, else one that may do everything.
async fn caller(office: &Office, key: Option<String>) -> Result<(Arc<Principal>, Option<Arc<str>>), Fault> {
    let Some(key) = key else { return Ok((Arc::new(Principal::named("admin", true)), None)) };
    let (record, _) = find(office, &key).await?.ok_or_else(|| none(&key))?;
    let directory = office.directory().await?;
    let who = directory.find(&record.hash).cloned().ok_or_else(|| none(&key))?;
    Ok((who, Some(record.name)))
}

fn write_meaning(meaning: &Meaning, json: &mut Writer) {
    let left = meaning.targets.iter().filter(|(target, _)| excluded_by(target).is_none()).count();
    match left {
        0 => json.key("why").null(),
        1 => json.key("why").str("only_target"),
        _ => json.key("why").str(meaning.choose.name()),
    };
    json.key("choose").str(meaning.choose.name()).key("tries").u64(meaning.tries as u64);
    json.key("losses").str(if meaning.reject_losses { "reject" } else { "report" });
}

fn candidate(target: &Target, caller: DialectId, request: Option<&(Document, Peek)>, json: &mut Writer) {
    match excluded_by(target) {
        Some(why) => json.key("excluded_by").str(why),
        None => json.key("excluded_by").null(),
    };
    let lane = target.lane(caller).map(|lane| lane.dialect);
    match lane {
        Some(lane) => json.key("dialect").str(lane.name()),
        None => json.key("dialect").null(),
    };
    let tier = request.and_then(|(_, peek)| peek.tier.as_deref());
    write_price(target, tier, json);
    match request.zip(lane) {
        None => json.key("losses").null(),
        Some(((body, peek), lane)) => match losses(target, caller, lane, body, peek) {
            Ok(losses) => json.key("losses").array(|json| {
                for loss in &losses {
                    json.str(&loss.to_string());
                }
            }),
            Err(fault) => json.key("losses").null().key("refused").str(&fault.message),
        },
    };
}

/// The price of a target in USD per 1M tokens, as it is at this moment for a short prompt.
pub fn write_price(target: &Target, tier: Option<&str>, json: &mut Writer) {
    let asked = Asked { tier, region: target.region.as_deref() };
    let row = target.sheet.as_ref().and_then(|sheet| sheet.row(env::now(), asked, 0)).map(|(_, row)| row);
    let Some(row) = row else {
        json.key("usd_per_million").null();
        return;
    };
    json.key("usd_per_million").object(|json| {
        for unit in [Unit::Input, Unit::CacheRead, Unit::CacheWrite, Unit::Output] {
            if let Some(rate) = row.rates.get(unit) {
                json.key(unit.name()).str(&rate.to_string());
            }
        }
    });
}

/// What the body would lose on its way to a target.
fn losses(
    target: &Target,
    caller: DialectId,
    lane: DialectId,
    body: &Document,
    peek: &Peek,
) -> Result<Vec<Loss>, Fault> {
    let to = target.for_dialect();
    if lane == caller {
        return Ok(dialect::of(caller).patch(body, peek, &to).losses);
    }
    let read = dialect::of(caller).read_request(body, Said { model: Some(&peek.model), stream: Some(peek.stream) })?;
    let written = dialect::of(lane).write_request(&read.value, &to)?;
    Ok(read.losses.into_iter().chain(written.losses).collect())
}
