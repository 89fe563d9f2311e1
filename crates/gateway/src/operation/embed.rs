//! Embeddings: in the caller's shape where the target serves that, else between OpenAI's and Google's.

use bytes::Bytes;
use dialect::embed::vector::Encoding;
use dialect::embed::{gemini, openai};
use dialect::fault::Fault;
use dialect::gist::Gist;
use dialect::id::DialectId;
use policy::provider::operation::Operation;
use policy::provider::row::Auth;
use policy::provider::url;
use wire::json::Document;

use super::leg::{Back, Up, place};
use super::request::Request;
use crate::state::target::Target;

/// Whether a target can be asked, in either shape.
#[must_use]
pub fn serves(request: &Request, target: &Target) -> bool {
    google(target, !request.asking.single).is_some() || place(Operation::Embeddings, target).is_some()
}

/// How a target is asked.
///
/// # Errors
/// `invalid_request` for what the target's shape has no place for.
pub fn leg(request: &Request, target: &Target) -> Result<Up, Fault> {
    let unread = || Fault::invalid("", "The request body must be a JSON object.");
    let document = request.document().ok_or_else(unread)?;
    let asking = &request.asking;
    let in_openais = place(Operation::Embeddings, target);
    if asking.dialect != DialectId::Gemini {
        if let Some((url, auth)) = in_openais {
            let back = Back::Vectors(Encoding::of(document.get("encoding_format")));
            return Ok(Up { back, ..Up::plain(url, auth, asking.dialect) });
        }
        let (url, auth) = google(target, true).ok_or_else(nowhere)?;
        let read = openai::read(document)?;
        let body = gemini::write(&read.value, &target.model)?;
        let back = Back::FromGoogle(read.value.encoding, Gist::of_texts(read.value.texts()));
        return Ok(up(url, auth, DialectId::Gemini, body.into(), read.losses, back));
    }
    if let Some((url, auth)) = google(target, !asking.single) {
        let body = document.edit(&gemini::patch(document, &target.model));
        let back = Back::Google(said(document, asking.single));
        return Ok(up(url, auth, DialectId::Gemini, body, Vec::new(), back));
    }
    let (url, auth) = in_openais.ok_or_else(nowhere)?;
    let read = gemini::read(document, !asking.single)?;
    let written = openai::write(&read.value, &target.model);
    let losses = read.losses.into_iter().chain(written.losses).collect();
    Ok(up(url, auth, DialectId::OpenAiChat, written.value.into(), losses, Back::FromOpenAi))
}

fn up(
    url: String,
    auth: &'static Auth,
    dialect: DialectId,
    body: Bytes,
    losses: Vec<dialect::loss::Loss>,
    back: Back,
) -> Up {
    Up { body: Some(body), losses, back, ..Up::plain(url, auth, dialect) }
}

/// Only targets that serve it are asked.
fn nowhere() -> Fault {
    Fault::new(dialect::fault::Kind::NoCandidate, "This target serves no embeddings.")
}

/// Where a target embeds in Google's dialect.
fn google(target: &Target, batch: bool) -> Option<(String, &'static Auth)> {
    let config = &target.provider.config;
    target.lanes.iter().find(|lane| lane.dialect == DialectId::Gemini)?;
    let endpoint = config.endpoint(DialectId::Gemini)?;
    let url = url::embed(&config.base_url, endpoint.speaks, batch, &target.model, config.api_version.as_deref())?;
    Some((url, endpoint.auth))
}

/// What a request of Google's says, for an estimate; nothing of one that nobody understands.
fn said(document: &Document, single: bool) -> Gist {
    gemini::read(document, !single).map(|read| Gist::of_texts(read.value.texts())).unwrap_or_default()
}
