//! Counting of tokens: asked of a target that counts, in the caller's dialect where it counts in that, else across;
//! estimated here for one that does not.

use bytes::Bytes;
use dialect::count::{self, Form};
use dialect::fault::{Fault, Kind};
use dialect::gist::Gist;
use dialect::ir::request::Request as Meant;
use dialect::loss::Lossy;
use dialect::peek::Said;
use http::HeaderMap;
use policy::provider::row::Kind as RowKind;
use policy::provider::url;
use wire::json::Document;

use super::leg::{Back, Leg, Up};
use super::request::Request;
use crate::exchange::hosting;
use crate::state::target::Target;

/// How a target is asked to count.
///
/// # Errors
/// `invalid_request` for a request that is not what its dialect says, where it must be understood.
pub fn leg(request: &Request, target: &Target) -> Result<Leg, Fault> {
    let config = &target.provider.config;
    let caller = request.asking.dialect;
    let counts = |lane: &crate::state::target::Lane| {
        let endpoint = config.endpoint(lane.dialect)?;
        let wrapped = lane.hosted.is_some_and(|hosted| hosted.aws_event_stream);
        let form = Form::of(lane.dialect, wrapped)?;
        let model = if form == Form::Invoke { count::invoked(&target.model) } else { &target.model };
        let url = url::count(&config.base_url, endpoint.speaks, model, config.api_version.as_deref())?;
        Some((form, url, endpoint.auth, lane.hosted))
    };
    let all: Vec<_> = target.lanes.iter().filter_map(counts).collect();
    let own = all.iter().position(|(form, ..)| form.dialect() == caller).unwrap_or(0);
    let Some((form, url, auth, hosted)) = all.into_iter().nth(own).filter(|_| !config.is_demo()) else {
        return gist(request).map(Leg::Here);
    };
    let document = document(request)?;
    let same = form.dialect() == caller;
    let (body, losses) = if same {
        (count::same(form, document, &target.model), Vec::new())
    } else {
        let meant = meant(request)?;
        let written = dialect::of(form.dialect()).write_request(&meant.value, &target.for_dialect())?;
        let losses = meant.losses.into_iter().chain(written.losses).collect();
        let written = parsed(written.body.into())?;
        (count::across(form, &written, &target.model), losses)
    };
    let none = HeaderMap::new();
    let headers = if same { &request.headers } else { &none };
    let body = match hosted {
        None => body,
        Some(hosted) if form == Form::Invoke => {
            let body = parsed(body)?;
            count::invoke(&parsed(body.edit(&hosting::edits(hosted, headers)))?)
        }
        // The model, which stands in the address of a call, stands in the body here.
        Some(hosted) => parsed(body)?.edit(&hosting::settings(hosted)),
    };
    Ok(Leg::Up(Box::new(Up {
        url,
        auth,
        body: Some(body),
        dialect: form.dialect(),
        hosted,
        losses,
        back: Back::Count { form, same: same && form != Form::Invoke },
        may_lack: config.row.kind != RowKind::Vendor,
    })))
}

/// What a request says, for an estimate.
///
/// # Errors
/// `invalid_request` for a request that is not what its dialect says.
pub fn gist(request: &Request) -> Result<Gist, Fault> {
    Ok(Gist::of(&meant(request)?.value))
}

fn meant(request: &Request) -> Result<Lossy<Meant>, Fault> {
    let inner = count::inner(request.asking.dialect, document(request)?)?;
    let said = Said { model: Some(&request.model), stream: Some(false) };
    dialect::of(request.asking.dialect).read_request(&inner, said)
}

fn document(request: &Request) -> Result<&Document, Fault> {
    request.document().ok_or_else(|| Fault::invalid("", "The request body must be a JSON object."))
}

fn parsed(body: Bytes) -> Result<Document, Fault> {
    Document::parse(body).map_err(|_| Fault::new(Kind::UpstreamFailed, "The request could not be written."))
}
