//! `tollgate explain`: who served a past request and why, or who would serve one that arrives now.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use wire::json::{Json, Writer};

use super::common::Common;
use super::failure::Failure;
use super::print;
use super::reach::{Reach, Where, segment};

/// What `explain` takes.
#[derive(Debug, Args, Clone)]
pub struct Explain {
    /// A past request: its `x-tollgate-request-id`
    #[arg(value_name = "REQUEST_ID", required_unless_present = "model", conflicts_with_all = ["model", "key", "body", "dialect"])]
    id: Option<String>,
    /// A request that would arrive now: the model it asks for
    #[arg(long)]
    model: Option<String>,
    /// The key it comes with, by name or id [default: one that may do everything]
    #[arg(long)]
    key: Option<String>,
    /// The request's body, in a file (`-`: standard input)
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The body's dialect: openai-chat or anthropic-messages [default: what the body looks like]
    #[arg(long)]
    dialect: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Explains.
///
/// # Errors
/// What the gateway or the store refuses.
pub async fn run(common: &Common, explain: &Explain) -> Result<(), Failure> {
    let body = match &explain.body {
        Some(path) => Some(read(path)?),
        None => None,
    };
    let reach = Reach::find(common, &explain.place).await?;
    let told = match (&explain.id, &explain.model) {
        (Some(id), _) => reach.call(Method::GET, &format!("requests/{}", segment(id)), None).await?,
        (None, model) => {
            let mut json = Writer::new();
            json.object(|json| {
                for (name, value) in [("model", model), ("key", &explain.key), ("dialect", &explain.dialect)] {
                    if let Some(value) = value {
                        json.key(name).str(value);
                    }
                }
                if let Some(body) = &body {
                    json.key("body").raw(body);
                }
            });
            reach.call(Method::POST, "explain", Some(json.finish())).await?
        }
    };
    if explain.json {
        print::line(&told);
        return Ok(());
    }
    let json = Json::parse(&told).map_err(|error| Failure::environment(format!("The answer is no JSON: {error}.")))?;
    print::data(&if explain.id.is_some() { past(json) } else { now(json) });
    Ok(())
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    let text = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| Failure::mistake(format!("{}: {error}", path.display())))?;
    match Json::parse(&text) {
        Ok(json) => Ok(json.raw().to_owned()),
        Err(error) => Err(Failure::mistake(format!("{} is no JSON: {error}", path.display()))),
    }
}

/// A past request, from its ledger line.
fn past(line: Json<'_>) -> String {
    let mut out = format!("request   {}  {}\n", text(line, &["id"]), text(line, &["at"]));
    let team = some(line, &["caller", "team"]).map(|team| format!(", team {team}")).unwrap_or_default();
    let user = some(line, &["caller", "user"]).map(|user| format!(", user {user}")).unwrap_or_default();
    out.push_str(&format!("caller    {}{team}{user}\n", text(line, &["caller", "key"])));
    let stream = if line.get("stream").and_then(Json::as_bool) == Some(true) { ", streamed" } else { "" };
    out.push_str(&format!("asked     {} ({}{stream})\n", text(line, &["asked"]), text(line, &["dialect"])));
    let why = some(line, &["decision", "why"]).filter(|why| !why.is_empty());
    let why = why.map(|why| format!(", because {}", reason(&why))).unwrap_or_default();
    match (some(line, &["served", "provider"]), some(line, &["served", "model"])) {
        (Some(provider), Some(model)) => out.push_str(&format!("served    {provider}/{model}{why}\n")),
        _ => out.push_str("served    nobody\n"),
    }
    let error = some(line, &["error", "kind"]).map(|kind| format!(", {kind}")).unwrap_or_default();
    out.push_str(&format!("result    {} (HTTP {}{error})\n", text(line, &["status"]), text(line, &["http"])));
    let first = some(line, &["latency", "first_byte_ms"]).map(|ms| format!(", first byte after {ms} ms"));
    let (total, first) = (text(line, &["latency", "total_ms"]), first.unwrap_or_default());
    out.push_str(&format!(
        "time      {total} ms{first}, of it {} µs in the gateway\n",
        text(line, &["latency", "gateway_us"])
    ));
    let cost = some(line, &["cost", "usd"]).map_or_else(|| "unknown".to_owned(), |usd| format!("${usd}"));
    let (source, prices) = (text(line, &["cost", "source"]), text(line, &["cost", "prices"]));
    out.push_str(&format!("cost      {cost} ({source}, prices of {prices})\n"));
    let attempts = rows(line.get("attempts"), |attempt| {
        let target = format!("{}/{}", text(attempt, &["provider"]), text(attempt, &["model"]));
        let cost = some(attempt, &["cost_usd"]).map_or_else(|| "-".to_owned(), |usd| format!("${usd}"));
        let status = some(attempt, &["status"]).unwrap_or_else(|| "-".to_owned());
        vec![target, text(attempt, &["outcome"]), status, text(attempt, &["ms"]), cost]
    });
    section(&mut out, "attempts", &["TARGET", "OUTCOME", "HTTP", "MS", "COST"], &attempts);
    let lines = rows(line.at(&["cost", "lines"]), |cost| {
        let rate = some(cost, &["usd_per_million"]).map_or_else(|| "-".to_owned(), |rate| format!("${rate}"));
        vec![text(cost, &["unit"]), text(cost, &["quantity"]), rate, format!("${}", text(cost, &["usd"]))]
    });
    section(&mut out, "cost lines", &["UNIT", "QUANTITY", "PER 1M", "USD"], &lines);
    let excluded = rows(line.at(&["decision", "candidates"]), |candidate| {
        let why = some(candidate, &["excluded_by"]).map_or_else(|| "candidate".to_owned(), |why| excluded(&why));
        let expected = some(candidate, &["expected_usd"]).map_or_else(|| "-".to_owned(), |usd| format!("${usd}"));
        vec![text(candidate, &["target"]), why, expected]
    });
    section(&mut out, "candidates", &["TARGET", "STATE", "EXPECTED"], &excluded);
    losses(&mut out, line.get("losses"), "lost on the way");
    losses(&mut out, line.at(&["usage", "notes"]), "notes on usage");
    out
}

/// A request that would arrive now.
fn now(plan: Json<'_>) -> String {
    let key =
        some(plan, &["key"]).map_or_else(|| "a key that may do everything".to_owned(), |key| format!("key {key}"));
    let mut out = format!("asked     {} ({}, {key})\n", text(plan, &["model"]), text(plan, &["dialect"]));
    let why = some(plan, &["why"]);
    let first =
        plan.get("candidates").into_iter().flat_map(Json::items).find(|one| some(*one, &["excluded_by"]).is_none());
    out.push_str(&match (first, why.as_deref()) {
        (None, _) => "first     nobody: every candidate is excluded\n".to_owned(),
        (Some(_), Some("weighted")) => "first     by lot, in proportion to the weights\n".to_owned(),
        (Some(_), Some("least_busy")) => "first     of two drawn by lot, the one with less under way\n".to_owned(),
        (Some(first), why) => {
            format!("first     {}, because {}\n", text(first, &["target"]), reason(why.unwrap_or_default()))
        }
    });
    let refuses = if text(plan, &["losses"]) == "reject" { "; losses are refused" } else { "" };
    out.push_str(&format!("tries     at most {}{refuses}\n", text(plan, &["tries"])));
    out.push_str(&format!("prices    of {}, USD per 1M tokens\n", text(plan, &["prices"])));
    let (asked, choose) = (text(plan, &["dialect"]), text(plan, &["choose"]));
    let candidates = rows(plan.get("candidates"), |one| {
        let price = |unit: &str| {
            some(one, &["usd_per_million", unit]).map_or_else(|| "-".to_owned(), |rate| format!("${rate}"))
        };
        let lane = text(one, &["dialect"]);
        let lane = if lane == asked || lane.is_empty() { lane } else { format!("{lane} (translated)") };
        let state = some(one, &["excluded_by"]).map_or_else(|| "ready".to_owned(), |why| excluded(&why));
        let (role, weight) = (text(one, &["role"]), text(one, &["weight"]));
        let by_weight = choose == "weighted" || choose == "least_busy";
        let role = if !by_weight || role == "fallback" { role } else { format!("{role}, weight {weight}") };
        let expected = some(one, &["expected_usd"]).map_or_else(|| "-".to_owned(), |usd| format!("${usd}"));
        let pace = match (some(one, &["first_byte_ms"]), some(one, &["tokens_per_second"])) {
            (None, None) => "not known".to_owned(),
            (first, speed) => {
                let first = first.map(|ms| format!("{ms} ms"));
                let speed = speed.map(|speed| format!("{speed} tokens/s"));
                first.into_iter().chain(speed).collect::<Vec<_>>().join(", ")
            }
        };
        let target = text(one, &["target"]);
        vec![target, role, state, price("input"), price("cache_read"), price("output"), expected, pace, lane]
    });
    let heads = ["TARGET", "ROLE", "STATE", "INPUT", "CACHED", "OUTPUT", "EXPECTED", "PACE", "SPOKEN TO IN"];
    section(&mut out, "candidates, in order", &heads, &candidates);
    for one in plan.get("candidates").into_iter().flat_map(Json::items) {
        let target = text(one, &["target"]);
        if let Some(refused) = some(one, &["refused"]) {
            out.push_str(&format!("\nthe body cannot go to {target}\n  {refused}\n"));
        }
        losses(&mut out, one.get("losses"), &format!("the body would lose on its way to {target}"));
    }
    out
}

/// A reason code in words.
fn reason(why: &str) -> String {
    let words = match why {
        "only_target" => "it is the only target left",
        "priority" => "it is the first in the list",
        "weighted" => "it was drawn by weight",
        "cheapest" => "it is expected to cost the least",
        "fastest" => "it is expected to be the fastest",
        "least_busy" => "it had less under way than another",
        "pinned" => "what the request refers to is kept there",
        "over_limit" => "a limit was reached",
        other => match other.strip_prefix("fallback:") {
            Some(class) => return format!("those before it failed, the last with {class}"),
            None => other,
        },
    };
    words.to_owned()
}

fn excluded(why: &str) -> String {
    match why {
        "no_key" => "excluded: its provider has no API key".to_owned(),
        "endpoint" => "excluded: it speaks no dialect that is served here".to_owned(),
        other => format!("excluded: {other}"),
    }
}

fn section(out: &mut String, title: &str, heads: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    out.push_str(&format!("\n{title}\n"));
    for line in print::table(heads, rows).lines() {
        out.push_str(&format!("  {line}\n"));
    }
}

fn losses(out: &mut String, list: Option<Json<'_>>, title: &str) {
    let list: Vec<String> =
        list.into_iter().flat_map(Json::items).filter_map(|loss| Some(loss.as_str()?.into_owned())).collect();
    if !list.is_empty() {
        out.push_str(&format!("\n{title}\n"));
        for loss in list {
            out.push_str(&format!("  {loss}\n"));
        }
    }
}

fn rows<'a>(list: Option<Json<'a>>, row: impl Fn(Json<'a>) -> Vec<String>) -> Vec<Vec<String>> {
    list.into_iter().flat_map(Json::items).map(row).collect()
}

/// A text or number at a path; `None` where there is none.
fn some(json: Json<'_>, path: &[&str]) -> Option<String> {
    let value = json.at(path)?.non_null()?;
    Some(value.as_str().map_or_else(|| value.raw().to_owned(), |text| text.into_owned()))
}

fn text(json: Json<'_>, path: &[&str]) -> String {
    some(json, path).unwrap_or_default()
}
