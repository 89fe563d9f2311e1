//! Google: the credentials file that is named, the one that `gcloud` left, or the metadata service.

use std::path::PathBuf;

use wire::json::Json;

use super::super::super::clouds::Source;
use super::super::super::credential::Google;
use super::super::super::env::{Env, set};
use super::super::super::read::Reader;
use super::Given;

/// Kinds of credentials files that can be used.
const KINDS: [&str; 3] = ["service_account", "authorized_user", "external_account"];

/// The credential; `may_guess`: where nothing is named, `gcloud`'s file and the metadata service count.
pub(super) fn credential(given: &Given, may_guess: bool, reader: &mut Reader<'_>) -> Option<Google> {
    let metadata = || Google::Metadata {
        host: set(reader.env, "GCE_METADATA_HOST").unwrap_or_else(|| "metadata.google.internal".to_owned()),
    };
    if given.source() == Some(Source::Metadata) {
        return Some(metadata());
    }
    if let Some((path, from)) = named(given, reader.env) {
        return checked(path, from, given, reader);
    }
    if !may_guess {
        return None;
    }
    let usual = usual(reader.env);
    if let Some(path) = usual.filter(|path| reader.env.file(path).is_ok()) {
        return checked(path, "`gcloud auth application-default login`", given, reader);
    }
    if given.source() == Some(Source::File) {
        let what = "there is no credentials file of Google's";
        let remedy = "give `file:`, set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`";
        reader.problem(given.at.unwrap_or_default(), what, remedy);
        return None;
    }
    Some(metadata())
}

fn named(given: &Given, env: &dyn Env) -> Option<(PathBuf, &'static str)> {
    let variable = || set(env, "GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
    given
        .path("file")
        .map(|path| (path, "`credentials`"))
        .or_else(|| Some((variable()?, "GOOGLE_APPLICATION_CREDENTIALS")))
}

fn usual(env: &dyn Env) -> Option<PathBuf> {
    let folder = set(env, "CLOUDSDK_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(set(env, "HOME")?).join(".config/gcloud")))?;
    Some(folder.join("application_default_credentials.json"))
}

fn checked(path: PathBuf, from: &'static str, given: &Given, reader: &mut Reader<'_>) -> Option<Google> {
    let at = given.at.unwrap_or_default();
    let shown = path.display();
    let text = match reader.env.file(&path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("the credentials file `{shown}` of {from} cannot be read: {error}");
            reader.problem(at, what, "check the path and its permissions");
            return None;
        }
    };
    let kind = Json::from_bytes(text.as_bytes()).ok().and_then(|json| Some(json.get("type")?.as_str()?.into_owned()));
    match kind {
        Some(kind) if KINDS.contains(&kind.as_str()) => Some(Google::File { path, from }),
        Some(kind) => {
            let what = format!("the credentials file `{shown}` is of the kind `{kind}`, which is not supported");
            reader.problem(at, what, format!("use one of {}", KINDS.join(", ")));
            None
        }
        None => {
            let what = format!("`{shown}` is no credentials file of Google's: it is not JSON with a `type`");
            reader.problem(at, what, "download the key of a service account anew");
            None
        }
    }
}

/// The project that the credentials file names.
pub(super) fn project(given: &Given, env: &dyn Env) -> Option<String> {
    let path = named(given, env).map(|(path, _)| path).or_else(|| usual(env))?;
    let text = env.file(&path).ok()?;
    let json = Json::from_bytes(text.as_bytes()).ok()?;
    let project = json.get("project_id").or_else(|| json.get("quota_project_id"))?;
    project.as_str().map(|project| project.into_owned())
}
