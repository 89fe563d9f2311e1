//! Ledger lines for the operator: the newest first, by key, model and status, and one by its id.

use dialect::fault::{Fault, Kind};
use http::Method;
use policy::entry::Columns;
use uuid::Uuid;
use wire::json::{Json, Writer};

use super::fields::query;
use super::keys::wrong_method;
use super::office::{Ask, Office, Told, fault};
use crate::api::requests;

/// Lines of a page when none is said.
const LIMIT: usize = 50;
/// Most lines of a page.
const MOST: usize = 1_000;
/// Most lines that one call looks through for those that are asked for.
const LOOKED_AT: usize = 20_000;

/// Serves `/admin/v1/requests[/…]`.
///
/// # Errors
/// What is wrong with the call.
pub async fn answer(office: &Office, rest: &str, ask: &Ask) -> Result<Told, Fault> {
    if ask.method != Method::GET {
        return Err(wrong_method("GET"));
    }
    if rest.is_empty() { page(office, ask.query.as_deref()).await } else { one(office, rest).await.map(Told::ok) }
}

/// The line of a request.
///
/// # Errors
/// `not_found`; `unavailable` when it may be in a store that is away.
pub async fn one(office: &Office, id: &str) -> Result<String, Fault> {
    let Ok(uuid) = Uuid::try_parse(id) else {
        let message = "A request's id looks like 0199a1b2-…; it is in every answer's `x-tollgate-request-id`.";
        return Err(Fault::invalid("id", message));
    };
    let line = match &office.gateway {
        Some(gateway) => requests::by_id(gateway, uuid).await?,
        None => office.ledger.find(uuid).await.map_err(fault)?,
    };
    line.ok_or_else(|| {
        let message = match &office.gateway {
            Some(_) => "There is no request with this id in the ledger.",
            None => {
                "There is no request with this id in the store, and no gateway runs here. One that was stopped hard \
                 stores its last lines when it starts again."
            }
        };
        Fault::new(Kind::NotFound, message)
    })
}

/// What lines must be like.
#[derive(Debug, Default)]
struct Filter {
    key: Option<String>,
    model: Option<String>,
    status: Option<String>,
}

impl Filter {
    fn holds(&self, line: &str) -> bool {
        let Some(columns) = Columns::read(line) else { return false };
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let asked = || Json::parse(line).ok().and_then(|line| line.get("asked")?.as_str().map(String::from));
        let model = is(&self.model, columns.model) || asked().is_some_and(|asked| is(&self.model, &asked));
        is(&self.key, columns.key) && is(&self.status, columns.status) && model
    }
}

async fn page(office: &Office, text: Option<&str>) -> Result<Told, Fault> {
    let (mut limit, mut before, mut filter) = (LIMIT, None, Filter::default());
    for (name, value) in query(text, &["limit", "cursor", "key", "model", "status"])? {
        match name.as_str() {
            "limit" => {
                limit =
                    value.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
                        Fault::invalid("limit", format!("`limit` is a whole number from 1 to {MOST}."))
                    })?;
            }
            "cursor" => {
                let cursor = Uuid::try_parse(&value);
                before = Some(cursor.map_err(|_| Fault::invalid("cursor", "`cursor` is `next` of the page before."))?);
            }
            "key" => filter.key = Some(value),
            "model" => filter.model = Some(value),
            _ if ["ok", "error", "incomplete", "cancelled"].contains(&value.as_str()) => filter.status = Some(value),
            _ => return Err(Fault::invalid("status", "`status` is ok, error, incomplete or cancelled.")),
        }
    }
    let (lines, next) = gather(office, before, limit, &filter).await?;
    let mut json = Writer::with_capacity(lines.iter().map(String::len).sum::<usize>() + 128);
    json.object(|json| {
        json.key("data").array(|json| {
            for line in &lines {
                json.raw(line);
            }
        });
        match next {
            Some(next) => json.key("next").str(&next.to_string()),
            None => json.key("next").null(),
        };
    });
    Ok(Told::ok(json.finish()))
}

/// Up to `limit` lines, and where the next page begins when there may be more.
async fn gather(
    office: &Office,
    mut before: Option<Uuid>,
    limit: usize,
    filter: &Filter,
) -> Result<(Vec<String>, Option<Uuid>), Fault> {
    let (mut found, mut seen) = (Vec::new(), 0);
    loop {
        let lines = office.ledger.page(before, MOST).await.map_err(fault)?;
        let full = lines.len() == MOST;
        for line in lines {
            if found.len() == limit {
                return Ok((found, before));
            }
            seen += 1;
            before = Columns::read(&line).map(|columns| columns.id).or(before);
            if filter.holds(&line) {
                found.push(line);
            }
        }
        if !full {
            return Ok((found, None));
        }
        if seen >= LOOKED_AT {
            return Ok((found, before));
        }
    }
}
