//! Microsoft Entra: an application's secret, a workload's token, or the identity of the machine or service.

use super::super::super::clouds::Source;
use super::super::super::credential::{Entra, EntraSource};
use super::super::super::env::set;
use super::super::super::read::Reader;
use super::super::super::secret::Secret;
use super::{Given, is_safe};

/// What tokens for Azure OpenAI are for. Source: Microsoft's reference of Azure OpenAI, "Authentication".
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

/// The credential, where the file or the environment names one.
pub(super) fn credential(given: &Given, reader: &mut Reader<'_>) -> Option<Entra> {
    let scope = given.text("scope").unwrap_or_else(|| SCOPE.to_owned());
    source(given, reader).map(|source| Entra { scope, source })
}

fn source(given: &Given, reader: &mut Reader<'_>) -> Option<EntraSource> {
    let env = reader.env;
    let at = given.at.unwrap_or_default();
    let client = given.text("client_id").or_else(|| set(env, "AZURE_CLIENT_ID"));
    let tenant = given.text("tenant_id").or_else(|| set(env, "AZURE_TENANT_ID"));
    let secret =
        given.secret("client_secret").or_else(|| set(env, "AZURE_CLIENT_SECRET").map(|text| Secret::new(&text)));
    let token_file = given.path("token_file").or_else(|| set(env, "AZURE_FEDERATED_TOKEN_FILE").map(Into::into));
    let service = set(env, "IDENTITY_ENDPOINT").zip(set(env, "IDENTITY_HEADER"));
    let wanted = given.source();
    if wanted == Some(Source::ManagedIdentity) {
        return managed(service, client, reader);
    }
    let authority = set(env, "AZURE_AUTHORITY_HOST").unwrap_or_else(|| "https://login.microsoftonline.com".to_owned());
    let application = client.clone().zip(tenant);
    if let Some((client, tenant)) = application {
        let word = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        if !is_safe(&authority, &[]) || !tenant.chars().all(word) {
            let what = "the authority or the tenant of Microsoft Entra cannot be used";
            reader.problem(at, what, "AZURE_AUTHORITY_HOST begins with https://, a tenant is an id or a domain");
            return None;
        }
        let authority = format!("{}/{tenant}", authority.trim_end_matches('/'));
        let by_secret = wanted.is_none_or(|wanted| wanted == Source::Environment);
        let by_token = wanted.is_none_or(|wanted| wanted == Source::WorkloadIdentity);
        // What the file says goes before what the environment says.
        let token_first = given.has("token_file") && !given.has("client_secret");
        match (secret.filter(|_| by_secret && !token_first), token_file.filter(|_| by_token)) {
            (Some(secret), _) => return Some(EntraSource::Secret { authority, client, secret }),
            (None, Some(token_file)) => return Some(EntraSource::Workload { authority, client, token_file }),
            (None, None) => {}
        }
    }
    match wanted {
        Some(Source::WorkloadIdentity) => {
            let remedy = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, as AKS does";
            reader.problem(at, "there is no workload identity", remedy);
            None
        }
        Some(Source::Environment) => {
            let remedy = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET";
            reader.problem(at, "the environment names no application of Microsoft Entra", remedy);
            None
        }
        _ if ["client_secret", "tenant_id", "token_file"].iter().any(|name| given.has(name)) => {
            let remedy = "give `tenant_id`, `client_id` and one of `client_secret` and `token_file`";
            reader.problem(at, "the credentials name no whole application", remedy);
            None
        }
        _ if service.is_some() || given.is_given() => managed(service, client, reader),
        _ => None,
    }
}

fn managed(service: Option<(String, String)>, client: Option<String>, reader: &mut Reader<'_>) -> Option<EntraSource> {
    match service {
        // The service's own agent, on this machine or link, without TLS.
        Some((endpoint, header)) if endpoint.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some()) => {
            Some(EntraSource::Service { endpoint, header: Secret::new(&header), client })
        }
        Some(_) => {
            reader.problem(Default::default(), "IDENTITY_ENDPOINT is no URL", "unset it, or set it as Azure does");
            None
        }
        None => {
            let host = set(reader.env, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
            let host = host.unwrap_or_else(|| "http://169.254.169.254".to_owned());
            Some(EntraSource::Machine { endpoint: host.trim_end_matches('/').to_owned(), client })
        }
    }
}
