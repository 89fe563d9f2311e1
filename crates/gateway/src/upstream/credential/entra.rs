//! Access tokens of Microsoft Entra: for an application's secret, a workload's token, or a managed identity.

use super::CredentialError;
use super::ask::{Asker, Question, quoted};
use super::google::token;
use super::lease::Fetched;
use crate::config::Secret;
use crate::config::credential::{Entra, EntraSource};

const WHOM: &str = "Microsoft Entra";

/// Fetches a token. Sources: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>,
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity>.
///
/// # Errors
/// The source has none.
pub async fn fetch(entra: &Entra, asker: &Asker) -> Result<Fetched, CredentialError> {
    let scope = entra.scope.as_str();
    let question = match &entra.source {
        EntraSource::Secret { authority, client, secret } => {
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", client),
                ("client_secret", secret.reveal()),
                ("scope", scope),
            ];
            Question::form(WHOM, &format!("{authority}/oauth2/v2.0/token"), &fields)?
        }
        EntraSource::Workload { authority, client, token_file } => {
            let assertion = tokio::fs::read_to_string(token_file).await.map_err(|error| {
                CredentialError::new(
                    format!("the federated token's file cannot be read: {}", error.kind()),
                    "Check AZURE_FEDERATED_TOKEN_FILE and that it is mounted.",
                )
            })?;
            let assertion = Secret::new(assertion.trim());
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", client),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.reveal()),
                ("scope", scope),
            ];
            Question::form(WHOM, &format!("{authority}/oauth2/v2.0/token"), &fields)?
        }
        EntraSource::Service { endpoint, header, client } => {
            let joint = if endpoint.contains('?') { '&' } else { '?' };
            let url = format!("{endpoint}{joint}api-version=2019-08-01&{}", resource(scope, client.as_deref()));
            Question::get("the service's identity endpoint", &url)?
                .near()
                .header("x-identity-header", header.reveal())?
        }
        EntraSource::Machine { endpoint, client } => {
            let query = resource(scope, client.as_deref());
            let url = format!("{endpoint}/metadata/identity/oauth2/token?api-version=2018-02-01&{query}");
            let question = Question::get("Azure's metadata service", &url)?.near().header("metadata", "true")?;
            let told = asker.ask(question).await.map_err(|error| CredentialError {
                remedy: "Outside of Azure set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or an API key."
                    .to_owned(),
                ..error
            })?;
            return token(&told);
        }
    };
    token(&asker.ask(question).await?)
}

/// What managed identities are asked for: the scope without `/.default`.
fn resource(scope: &str, client: Option<&str>) -> String {
    let resource = quoted(scope.strip_suffix("/.default").unwrap_or(scope));
    let client = client.map(|client| format!("&client_id={}", quoted(client))).unwrap_or_default();
    format!("resource={resource}{client}")
}
