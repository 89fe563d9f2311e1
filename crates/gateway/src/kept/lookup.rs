//! Look-ups of kept responses: the object as its caller got it, its input in pages, deletion.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use http::{Method, Response};
use policy::port::Reach;
use wire::json::{Document, Edit, Json, Kind as JsonKind, Writer};

use super::{items, turn};
use crate::api::models::decoded;
use crate::gateway::Gateway;
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;

/// Items of a page unless asked otherwise, and at most; OpenAI's figures.
const PAGE: usize = 20;
const MOST: usize = 100;

/// What is asked of one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The response itself.
    Whole,
    /// Its input.
    InputItems,
    /// To stop making it.
    Cancel,
}

impl Part {
    /// Methods that it takes.
    #[must_use]
    pub const fn allow(self) -> &'static str {
        match self {
            Part::Whole => "GET, HEAD, DELETE",
            Part::InputItems => "GET, HEAD",
            Part::Cancel => "POST",
        }
    }

    /// True for a method that it takes.
    #[must_use]
    pub fn takes(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| method == allowed)
    }
}

/// Answers for a response of ours; the method is one that the part takes.
///
/// # Errors
/// It is not there, or another's; the store is away; what is asked cannot be done with it.
pub async fn serve(
    gateway: &Arc<Gateway>,
    who: &Principal,
    id: &str,
    part: Part,
    method: &Method,
    query: Option<&str>,
) -> Result<Response<ReplyBody>, Fault> {
    let owner = who.owner.text();
    if !gateway.snapshot.load().config.responses.state {
        return Err(Fault { status: Some(404), ..turn::off("response_id") });
    }
    let unknown = || items::unknown(id, "response_not_found");
    if *method == Method::DELETE {
        return match gateway.shelf.forget(&owner, id).await.map_err(|_| turn::away())? {
            true => Ok(deleted(id)),
            false => Err(unknown()),
        };
    }
    let count = if part == Part::InputItems { usize::MAX } else { 1 };
    let reach = Reach { count, bytes: 32 << 20 };
    let chain = gateway.shelf.chain(&owner, id, reach).await.map_err(|_| turn::away())?;
    let kept = chain.first().ok_or_else(unknown)?;
    match part {
        Part::Whole if flag(query, "stream") => Err(Fault::invalid(
            "stream",
            "Only a response that its provider makes in the background can be streamed again. Ask without `stream`.",
        )),
        Part::Whole => Ok(reply::json(200, kept.body.as_bytes().to_vec())),
        Part::Cancel => Err(Fault::invalid(
            "response_id",
            "Only a response made with `background: true` can be cancelled, and this one is done.",
        )),
        Part::InputItems => {
            let mut all = Vec::new();
            for (place, kept) in chain.iter().rev().enumerate() {
                let last = place + 1 == chain.len();
                let own = items::input(&kept.input);
                all.extend(own.enumerate().map(|(number, item)| named(item, &kept.id, number)));
                if !last {
                    all.extend(items::output(&kept.body).map(|item| item.raw().to_owned()));
                }
            }
            page(all, query)
        }
    }
}

fn deleted(id: &str) -> Response<ReplyBody> {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("id").str(id);
        json.key("object").str("response");
        json.key("deleted").bool(true);
    });
    reply::json(200, json.finish())
}

/// An item of the caller's as it is listed: with an id, a type, and its text as a part.
fn named(item: Json<'_>, response: &str, number: usize) -> String {
    let Ok(document) = Document::parse(item.raw().to_owned().into()) else { return item.raw().to_owned() };
    let mut edits = Vec::new();
    let kind = item.get("type").and_then(Json::as_str);
    if kind.is_none() {
        edits.push(Edit::set_str("type", "message"));
    }
    if item.get("id").and_then(Json::non_null).is_none() {
        let word = match kind.as_deref() {
            None | Some("message") => "msg",
            Some("function_call") => "fc",
            Some("reasoning") => "rs",
            Some(_) => "item",
        };
        let base = response.trim_start_matches("resp_tg");
        edits.push(Edit::set_str("id", &format!("{word}_{base}in{number:03}")));
    }
    let text = item.get("content").filter(|content| content.kind() == JsonKind::String);
    if let Some(text) = text.filter(|_| kind.as_deref().is_none_or(|kind| kind == "message")) {
        let said = item.get("role").is_some_and(|role| role.is("assistant"));
        let mut json = Writer::new();
        json.array(|json| {
            json.object(|json| {
                json.key("type").str(if said { "output_text" } else { "input_text" });
                json.key("text").raw(text.raw());
                if said {
                    json.key("annotations").array(|_| {});
                }
            });
        });
        edits.push(Edit::set("content", json.finish()));
        if item.get("status").is_none() {
            edits.push(Edit::set_str("status", "completed"));
        }
    }
    String::from_utf8_lossy(&document.edit(&edits)).into_owned()
}

/// One member of a query.
fn member(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| decoded(value))
}

fn flag(query: Option<&str>, name: &str) -> bool {
    member(query, name).is_some_and(|value| value == "true" || value == "1")
}

fn id_of(item: &str) -> String {
    let id = Json::parse(item).ok().and_then(|item| item.get("id")?.as_str().map(std::borrow::Cow::into_owned));
    id.unwrap_or_default()
}

/// One page of items that come oldest first.
fn page(mut items: Vec<String>, query: Option<&str>) -> Result<Response<ReplyBody>, Fault> {
    match member(query, "order").as_deref() {
        None | Some("desc") => items.reverse(),
        Some("asc") => {}
        Some(_) => return Err(Fault::invalid("order", "`order` is `asc` or `desc`.")),
    }
    let limit = match member(query, "limit") {
        None => PAGE,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| Fault::invalid("limit", "`limit` is a number from 1 to 100."))?,
    };
    let from = match member(query, "after") {
        None => 0,
        Some(after) => {
            let found = items.iter().position(|item| id_of(item) == after);
            found.map(|place| place + 1).ok_or_else(|| {
                let message = format!("There is no item `{}` in this response's input.", items::shown(&after));
                Fault { path: Some("after".to_owned()), ..Fault::new(Kind::NotFound, message) }
            })?
        }
    };
    let more = items.len() > from + limit;
    let shown: Vec<&String> = items.iter().skip(from).take(limit).collect();
    let mut json = Writer::with_capacity(shown.iter().map(|item| item.len() + 2).sum::<usize>() + 128);
    json.object(|json| {
        json.key("object").str("list");
        json.key("data").array(|json| shown.iter().for_each(|item| _ = json.raw(item)));
        for (name, item) in [("first_id", shown.first()), ("last_id", shown.last())] {
            match item {
                Some(item) => json.key(name).str(&id_of(item)),
                None => json.key(name).null(),
            };
        }
        json.key("has_more").bool(more);
    });
    Ok(reply::json(200, json.finish()))
}
