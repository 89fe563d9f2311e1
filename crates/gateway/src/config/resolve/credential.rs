//! Which source of credentials a provider without a key uses: decided here, once, from the file and the environment.

use std::path::PathBuf;

use policy::provider::row::{Cloud, Row};

use super::super::clouds::{Credentials, Source};
use super::super::credential::Credential;
use super::super::diagnose::At;
use super::super::env::Env;
use super::super::read::{Reader, Spot, Tried};
use super::super::secret::Secret;

mod aws;
mod entra;
mod google;

/// `credentials:` of a provider as written.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Where it stands.
    at: Option<At>,
    source: Option<Spot<Source>>,
    texts: Vec<(&'static str, At, String)>,
    secrets: Vec<(&'static str, At, Option<Secret>)>,
}

/// Fields and whose they are.
const FIELDS: [(&str, &str); 13] = [
    ("access_key_id", "aws"),
    ("secret_access_key", "aws"),
    ("session_token", "aws"),
    ("profile", "aws"),
    ("role_arn", "aws"),
    ("external_id", "aws"),
    ("session_name", "aws"),
    ("token_file", "aws entra"),
    ("file", "google"),
    ("tenant_id", "entra"),
    ("client_id", "entra"),
    ("client_secret", "entra"),
    ("scope", "entra"),
];

impl Given {
    /// Takes the section apart.
    pub(super) fn of(raw: Option<Spot<Credentials>>) -> Self {
        let Some(Spot { at, value }) = raw else { return Self::default() };
        let mut given = Self { at: Some(at), source: value.source, ..Self::default() };
        for (name, spot) in [
            ("access_key_id", value.access_key_id),
            ("profile", value.profile),
            ("role_arn", value.role_arn),
            ("external_id", value.external_id),
            ("session_name", value.session_name),
            ("tenant_id", value.tenant_id),
            ("client_id", value.client_id),
            ("scope", value.scope),
        ] {
            given.texts.extend(spot.map(|spot| (name, spot.at, spot.value)));
        }
        for (name, spot) in [("token_file", value.token_file), ("file", value.file)] {
            given.texts.extend(spot.map(|spot| (name, spot.at, spot.value.display().to_string())));
        }
        for (name, spot) in [
            ("secret_access_key", value.secret_access_key),
            ("session_token", value.session_token),
            ("client_secret", value.client_secret),
        ] {
            given.secrets.extend(spot.map(|Spot { at, value: Tried(secret) }| (name, at, secret)));
        }
        given
    }

    /// Whether there is such a section.
    pub(super) fn is_given(&self) -> bool {
        self.at.is_some()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.texts.iter().find(|(known, ..)| *known == name).map(|(.., text)| text.clone())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        self.secrets.iter().find(|(known, ..)| *known == name).and_then(|(.., secret)| secret.clone())
    }

    fn has(&self, name: &str) -> bool {
        let texts = self.texts.iter().map(|(name, ..)| *name);
        texts.chain(self.secrets.iter().map(|(name, ..)| *name)).any(|known| known == name)
    }

    fn source(&self) -> Option<Source> {
        self.source.as_ref().map(|spot| spot.value)
    }

    /// Notes fields and sources that are another cloud's.
    fn check(&self, cloud: &Cloud, reader: &mut Reader<'_>) {
        let own = |whose: &str| whose.split(' ').any(|one| one == cloud.name());
        let places = self.texts.iter().map(|(name, at, _)| (*name, *at));
        for (name, at) in places.chain(self.secrets.iter().map(|(name, at, _)| (*name, *at))) {
            if !FIELDS.iter().any(|(known, whose)| *known == name && own(whose)) {
                let fields: Vec<&str> = FIELDS.iter().filter(|(_, whose)| own(whose)).map(|(name, _)| *name).collect();
                let what = format!("`{name}` is not of the credentials of {}", cloud.name());
                reader.problem(at, what, format!("they are {}", fields.join(", ")));
            }
        }
        let Some(source) = &self.source else { return };
        let sources: &[Source] = match cloud {
            Cloud::Aws { .. } => {
                &[Source::Environment, Source::WebIdentity, Source::Profile, Source::Container, Source::Instance]
            }
            Cloud::Google => &[Source::File, Source::Metadata],
            Cloud::Entra => &[Source::Environment, Source::WorkloadIdentity, Source::ManagedIdentity],
        };
        if !sources.contains(&source.value) {
            let words: Vec<&str> = sources.iter().map(|source| word(*source)).collect();
            let what = format!("`{}` is not a source of credentials of {}", word(source.value), cloud.name());
            reader.problem(source.at, what, format!("write {}", words.join(", ")));
        }
    }
}

const fn word(source: Source) -> &'static str {
    match source {
        Source::Environment => "environment",
        Source::WebIdentity => "web_identity",
        Source::Profile => "profile",
        Source::Container => "container",
        Source::Instance => "instance",
        Source::File => "file",
        Source::Metadata => "metadata",
        Source::WorkloadIdentity => "workload_identity",
        Source::ManagedIdentity => "managed_identity",
    }
}

/// The credential of a provider of the file that has no key; `None`, with a mistake noted, where none can be.
pub(super) fn of_file(
    name: &Spot<String>,
    row: &Row,
    given: &Given,
    region: Option<&str>,
    base_url: &str,
    reader: &mut Reader<'_>,
) -> Option<Credential> {
    let at = given.at.unwrap_or(name.at);
    let Some(cloud) = &row.credential else {
        if given.is_given() {
            let what = format!("`{}` takes no `credentials`", row.name);
            reader.problem(at, what, "give `api_key:`; credentials are computed for AWS, Google and Azure");
        }
        return None;
    };
    let before = reader.problems.len();
    given.check(cloud, reader);
    let found = match cloud {
        Cloud::Aws { service } => {
            aws::credential(given, service, region, base_url, true, reader).map(|aws| Credential::Aws(Box::new(aws)))
        }
        Cloud::Google => google::credential(given, true, reader).map(Credential::Google),
        Cloud::Entra => entra::credential(given, reader).map(Credential::Entra),
    };
    if found.is_none() && reader.problems.len() == before {
        let what = format!("provider `{}` has no key and no credentials", name.value);
        let key = match row.keys.first() {
            Some(variable) => format!("set {variable}, or give `api_key:`"),
            None => "give `api_key:`".to_owned(),
        };
        let remedy = match cloud {
            Cloud::Aws { .. } => format!("{key}, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
            Cloud::Google => format!("{key}, or set GOOGLE_APPLICATION_CREDENTIALS to a credentials file"),
            Cloud::Entra => format!(
                "{key}, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or on Azure give \
                 `credentials: {{ source: managed_identity }}`"
            ),
        };
        reader.problem(at, what, remedy);
    }
    found
}

/// The credential that the environment alone gives a row: only what it names, never a service that may be there.
pub(in crate::config) fn of_environment(row: &Row, base_url: &str, reader: &mut Reader<'_>) -> Option<Credential> {
    let given = Given::default();
    match row.credential.as_ref()? {
        Cloud::Aws { service } => {
            aws::credential(&given, service, None, base_url, false, reader).map(|aws| Credential::Aws(Box::new(aws)))
        }
        Cloud::Google => google::credential(&given, false, reader).map(Credential::Google),
        Cloud::Entra => entra::credential(&given, reader).map(Credential::Entra),
    }
}

/// What the credentials themselves say of a variable of the base URL: the region of a profile, the project of a
/// service account.
pub(super) fn implied(row: &Row, given: &Given, variable: &str, env: &dyn Env) -> Option<String> {
    match (row.credential.as_ref()?, variable) {
        (Cloud::Aws { .. }, "region") => aws::profile_region(given, env),
        (Cloud::Google, "project") => google::project(given, env),
        _ => None,
    }
}

/// An address that secrets may be sent to: over TLS, or on this machine, or (where `near`) on the local link.
fn is_safe(url: &str, near: &[&str]) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let local = || {
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
            || near.contains(&host)
    };
    !host.is_empty() && (uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && local()))
}
