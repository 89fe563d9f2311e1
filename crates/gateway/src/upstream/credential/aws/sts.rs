//! The security token service: a role's keys for a workload's token, or for other keys.

use std::path::Path;

use super::super::CredentialError;
use super::super::ask::{Asker, Question, Told, form, tag};
use super::super::sigv4::{self, Scope};
use super::Keys;
use crate::config::Secret;
use crate::config::credential::{Aws, AwsKeys, AwsRole};
use crate::env;

const WHOM: &str = "AWS's security token service";
/// How long a role's keys live unless the profile says otherwise, in seconds: what AWS gives by itself.
const LIFE: u32 = 3_600;

/// A role's keys for the token in a file, which is read anew. Source:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.
pub(super) async fn web_identity(
    aws: &Aws,
    asker: &Asker,
    token_file: &Path,
    role_arn: &str,
    session: Option<&str>,
) -> Result<Keys, CredentialError> {
    let token = tokio::fs::read_to_string(token_file).await.map_err(|error| {
        CredentialError::new(
            format!("the web identity's token file cannot be read: {}", error.kind()),
            "Check AWS_WEB_IDENTITY_TOKEN_FILE and that it is mounted.",
        )
    })?;
    let token = Secret::new(token.trim());
    let session = name(session);
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role_arn),
        ("RoleSessionName", &session),
        ("WebIdentityToken", token.reveal()),
    ];
    let told = asker.ask(Question::form(WHOM, &format!("{}/", endpoint(aws)), &fields)?).await?;
    of_xml(&told)
}

/// A role's keys for other keys. Source:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(super) async fn assume(
    aws: &Aws,
    asker: &Asker,
    keys: &AwsKeys,
    role: &AwsRole,
    seconds: Option<u32>,
) -> Result<Keys, CredentialError> {
    let (session, seconds) = (name(role.session.as_deref()), seconds.unwrap_or(LIFE).to_string());
    let mut fields = vec![
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", role.arn.as_str()),
        ("RoleSessionName", &session),
        ("DurationSeconds", &seconds),
    ];
    fields.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
    let mut question = Question::form(WHOM, &format!("{}/", endpoint(aws)), &fields)?;
    let body = form(&fields);
    let scope = Scope { region: &aws.region, service: "sts", at: env::now() };
    sigv4::authorize(question.request_mut(), body.as_bytes(), keys, scope).ok_or_else(|| {
        let what = "the keys hold a character that no header carries";
        CredentialError::new(what, "Look for a line break in them.")
    })?;
    let told = asker.ask(question).await?;
    of_xml(&told)
}

fn endpoint(aws: &Aws) -> String {
    let region = &aws.region;
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    aws.around.sts.clone().unwrap_or_else(|| format!("https://sts.{region}.{domain}"))
}

fn name(session: Option<&str>) -> String {
    session.map_or_else(|| format!("tollgate-{}", env::unix_seconds()), str::to_owned)
}

fn of_xml(told: &Told) -> Result<Keys, CredentialError> {
    let xml = std::str::from_utf8(told.good()?).map_err(|_| told.odd())?;
    let read = || {
        Some(Keys {
            keys: AwsKeys {
                id: tag(xml, "AccessKeyId")?.to_owned(),
                secret: Secret::new(tag(xml, "SecretAccessKey")?),
                token: Some(Secret::new(tag(xml, "SessionToken")?)),
            },
            ends: Some(tag(xml, "Expiration")?.parse().ok()?),
        })
    };
    read().ok_or_else(|| told.odd())
}
