//! Every target that is written down: its price, the dialects it speaks, and what keeps it from serving.

use std::sync::Arc;

use dialect::fault::Fault;
use http::Method;
use wire::json::Writer;

use super::explain::write_price;
use super::fields::query;
use super::keys::wrong_method;
use super::office::{Ask, Office, Told};
use crate::exchange::plan::excluded_by;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;

/// Serves `GET /admin/v1/targets`.
///
/// # Errors
/// What is wrong with the call.
pub fn answer(office: &Office, rest: &str, ask: &Ask) -> Result<Told, Fault> {
    query(ask.query.as_deref(), &[])?;
    if ask.method != Method::GET || !rest.is_empty() {
        return Err(wrong_method("GET"));
    }
    let mut json = Writer::new();
    json.object(|json| {
        json.key("data").array(|json| {
            for target in targets(&office.snapshot) {
                json.object(|json| write(&target, json));
            }
        });
        json.key("next").null();
    });
    Ok(Told::ok(json.finish()))
}

/// The targets of named models, then the models that providers are configured with, each once.
fn targets(snapshot: &Snapshot) -> Vec<Arc<Target>> {
    let mut found: Vec<Arc<Target>> = Vec::new();
    let named = snapshot.config.models.iter().flat_map(|model| model.targets.iter().chain(&model.fallback));
    let named = named.filter(|target| !target.model.contains('*')).map(|target| (target.provider, &target.model));
    let configured = snapshot.config.providers.iter().enumerate();
    let own =
        configured.flat_map(|(place, provider)| provider.models.iter().flatten().map(move |model| (place, &model.id)));
    for (place, model) in named.chain(own) {
        let target = snapshot.target(place, model);
        if !found.iter().any(|known| known.name == target.name) {
            found.push(target);
        }
    }
    found
}

fn write(target: &Target, json: &mut Writer) {
    json.key("target").str(&target.name).key("provider").str(&target.provider_name).key("model").str(&target.model);
    json.key("dialects").array(|json| {
        for lane in &target.lanes {
            json.str(lane.dialect.name());
        }
    });
    match excluded_by(target) {
        Some(why) => json.key("excluded_by").str(why),
        None => json.key("excluded_by").null(),
    };
    write_price(target, None, json);
}
