//! The services of containers (ECS, EKS Pod Identity) and of EC2 instances (IMDSv2 alone).

use bytes::Bytes;
use http::Method;

use super::super::CredentialError;
use super::super::ask::{Asker, Question};
use super::{Keys, of_json};
use crate::config::Secret;
use crate::config::credential::Aws;

/// Keys of the container's role. Source:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.
pub(super) async fn container(aws: &Aws, asker: &Asker) -> Result<Keys, CredentialError> {
    let Some(container) = &aws.around.container else {
        let remedy = "Set AWS_CONTAINER_CREDENTIALS_FULL_URI, as EKS and ECS do.";
        return Err(CredentialError::new("there is no container endpoint", remedy));
    };
    let token = match &container.token_file {
        Some(file) => {
            let text = tokio::fs::read_to_string(file).await.map_err(|error| {
                CredentialError::new(
                    format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: {}", error.kind()),
                    "Check the path and its permissions.",
                )
            })?;
            Some(Secret::new(text.trim()))
        }
        None => container.token.clone(),
    };
    let mut question = Question::get("the container's endpoint", &container.url)?.near();
    if let Some(token) = token {
        question = question.header("authorization", token.reveal())?;
    }
    let told = asker.ask(question).await?;
    of_json(told.good()?, "Token").ok_or_else(|| told.odd())
}

/// Keys of the instance's role. Source:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>.
pub(super) async fn instance(aws: &Aws, asker: &Asker) -> Result<Keys, CredentialError> {
    const WHOM: &str = "the instance's metadata service";
    let Some(endpoint) = &aws.around.instance else {
        return Err(CredentialError::new("AWS_EC2_METADATA_DISABLED is set", "Unset it, or configure another source."));
    };
    let question = Question::of(WHOM, Method::PUT, &format!("{endpoint}/latest/api/token"), Bytes::new())?;
    let question = question.near().header("x-aws-ec2-metadata-token-ttl-seconds", "300")?;
    let session = asker.ask(question).await.map_err(|error| CredentialError {
        remedy:
            "Outside of EC2 set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a Bedrock API key; in \
                 a container allow the metadata service two hops."
                .to_owned(),
        ..error
    })?;
    let session = Secret::new(std::str::from_utf8(session.good()?).unwrap_or_default().trim());
    let roles = format!("{endpoint}/latest/meta-data/iam/security-credentials/");
    let get = |url: &str| Question::get(WHOM, url)?.near().header("x-aws-ec2-metadata-token", session.reveal());
    let told = asker.ask(get(&roles)?).await?;
    let role = std::str::from_utf8(told.good()?).unwrap_or_default().lines().next().unwrap_or_default().trim();
    let word = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c);
    if role.is_empty() || !role.chars().all(word) {
        return Err(CredentialError::new(
            "the instance has no role",
            "Attach an instance profile that may use Bedrock.",
        ));
    }
    let told = asker.ask(get(&format!("{roles}{role}"))?).await?;
    of_json(told.good()?, "Token").ok_or_else(|| told.odd())
}
