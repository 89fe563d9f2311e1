//! Which targets may serve a request, in which order, and why.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use policy::entry::{Candidate, Decision};
use policy::route::order::order;
use policy::route::retry::Route;
use wire::json::Writer;

use super::arrive::Arrived;
use super::expect::outlook;
use super::settle::Record;
use crate::env;
use crate::state::directory::Principal;
use crate::state::names::meaning;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;

/// The way a request may go.
#[derive(Debug)]
pub struct Plan {
    /// Targets in the order to be tried.
    pub targets: Vec<Arc<Target>>,
    /// The same for the decision of what is next.
    pub routes: Vec<Route>,
    /// Tries in all.
    pub tries: usize,
    /// Over the providers' time-outs.
    pub timeouts: crate::config::types::TimeoutsOver,
    /// Refuse what a dialect cannot carry.
    pub reject_losses: bool,
    /// Why the first is first.
    pub why: &'static str,
}

/// Plans a request and writes the decision into its record.
///
/// # Errors
/// Unknown or forbidden models; no target left.
pub fn plan(arrived: &Arrived, record: &mut Record) -> Result<Plan, Fault> {
    let (snapshot, model, who) = (&arrived.snapshot, &arrived.peek.model, &arrived.who);
    lay(snapshot, model, who, record, &excluded_by, |targets, candidates| pin(arrived, targets, candidates))
}

/// Plans a request for a model of any operation, where `excluded_by` says what keeps a target from it and
/// `pin` may leave one target only.
///
/// # Errors
/// As [`plan`].
pub fn lay(
    snapshot: &Snapshot,
    model: &str,
    who: &Principal,
    record: &mut Record,
    excluded_by: &dyn Fn(&Target) -> Option<&'static str>,
    pin: impl FnOnce(&mut Vec<(Arc<Target>, u32)>, &mut [Candidate]) -> bool,
) -> Result<Plan, Fault> {
    let mut meaning = meaning(snapshot, model, who)?;
    let mut candidates = Vec::with_capacity(meaning.targets.len());
    let mut excluded = Vec::new();
    meaning.targets.retain(|(target, _)| {
        let why = excluded_by(target);
        candidates.push(Candidate { target: Arc::clone(&target.name), expected: None, excluded_by: why });
        if let Some(why) = why {
            excluded.push((Arc::clone(&target.name), why));
        }
        why.is_none()
    });
    let pinned = pin(&mut meaning.targets, &mut candidates);
    let total = meaning.targets.len();
    if pinned {
        meaning.fallbacks = 0;
    }
    let main = total.saturating_sub(meaning.fallbacks);
    let mut places: Vec<usize> = (0..main).collect();
    if total > 1 {
        let outlook = outlook(&meaning.targets, record.size(), env::now(), env::uptime());
        let places_left = candidates.iter_mut().filter(|one| one.excluded_by.is_none());
        for (candidate, standing) in places_left.zip(&outlook.standing) {
            candidate.expected = standing.expected;
        }
        let own = outlook.standing.get(..main).unwrap_or_default();
        places = order(own, meaning.choose, meaning.slo, outlook.output, &mut env::roll);
    }
    places.extend(main..total);
    let targets: Vec<Arc<Target>> =
        places.iter().filter_map(|place| meaning.targets.get(*place)).map(|(target, _)| Arc::clone(target)).collect();
    let why = match targets.len() {
        _ if pinned => "pinned",
        1 => "only_target",
        _ => meaning.choose.name(),
    };
    record.decide(Decision { why: why.to_owned(), candidates });
    if targets.is_empty() {
        return Err(none_left(model, &excluded));
    }
    let routes = targets
        .iter()
        .enumerate()
        .map(|(place, target)| Route {
            target: place,
            // What one account keeps, no other key reaches.
            keys: if pinned { target.provider.keys().min(1) } else { target.provider.keys() },
            first_key: if pinned { 0 } else { target.provider.first_key() },
        })
        .collect();
    Ok(Plan {
        targets,
        routes,
        tries: meaning.tries,
        timeouts: meaning.timeouts,
        reject_losses: meaning.reject_losses,
        why,
    })
}

/// Leaves of the targets the first that speaks the caller's dialect, where a request refers to what one account
/// keeps: no other could answer it. Where none speaks it, the request is refused when it is read.
fn pin(arrived: &Arrived, targets: &mut Vec<(Arc<Target>, u32)>, candidates: &mut [Candidate]) -> bool {
    if arrived.peek.stateful.is_none() {
        return false;
    }
    let speaks = |target: &Target| target.lane(arrived.dialect).is_some_and(|lane| lane.dialect == arrived.dialect);
    let Some(at) = targets.iter().position(|(target, _)| speaks(target)) else { return false };
    let kept = targets.swap_remove(at);
    for candidate in candidates.iter_mut().filter(|one| one.excluded_by.is_none() && one.target != kept.0.name) {
        candidate.excluded_by = Some("pinned");
    }
    *targets = vec![kept];
    true
}

/// The constraint that keeps a target from serving at all.
#[must_use]
pub fn excluded_by(target: &Target) -> Option<&'static str> {
    if target.lanes.is_empty() {
        return Some("endpoint");
    }
    no_key(target)
}

/// The provider needs a key and has none.
#[must_use]
pub fn no_key(target: &Target) -> Option<&'static str> {
    let row = target.provider.config.row;
    let needs_key = !row.keyless && !target.provider.config.is_demo() && *row_auth(target) != Auth::None;
    (needs_key && target.provider.config.keys.is_empty()).then_some("no_key")
}

use policy::provider::row::Auth;

fn row_auth(target: &Target) -> &Auth {
    &target.provider.config.row.auth
}

fn none_left(asked: &str, excluded: &[(Arc<str>, &'static str)]) -> Fault {
    let said: Vec<String> = excluded.iter().map(|(target, why)| format!("{target}: {why}")).collect();
    let message =
        format!("No target can serve `{asked}` ({}). `tollgate explain --model {asked}` says more.", said.join("; "));
    let mut json = Writer::new();
    json.object(|json| {
        for (target, why) in excluded {
            json.key(target).str(why);
        }
    });
    Fault::new(Kind::NoCandidate, message).with("excluded_by", json.finish())
}
