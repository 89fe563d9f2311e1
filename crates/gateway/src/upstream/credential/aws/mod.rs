//! Keys of AWS: from a profile, a workload's token, a container's or an instance's service, and roles assumed with
//! them.

mod metadata;
mod process;
mod profile;
mod sso;
mod sts;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use wire::json::Json;

use super::ask::{Asker, text};
use super::lease::Fetched;
use super::{CredentialError, Grant};
use crate::config::Secret;
use crate::config::credential::{Aws, AwsKeys, AwsSource};
use crate::env;

/// How long keys without an end are used before their source is read again: files change.
const REREAD: Duration = Duration::from_secs(5 * 60);

/// Keys, and when they end.
#[derive(Debug, Clone)]
struct Keys {
    keys: AwsKeys,
    ends: Option<Timestamp>,
}

/// Fetches keys.
///
/// # Errors
/// The source has none.
pub async fn fetch(aws: &Aws, asker: &Asker) -> Result<Fetched, CredentialError> {
    let found = match &aws.source {
        AwsSource::Keys { keys, .. } => Keys { keys: keys.clone(), ends: None },
        AwsSource::WebIdentity { token_file, role_arn, session } => {
            sts::web_identity(aws, asker, token_file, role_arn, session.as_deref()).await?
        }
        AwsSource::Profile(name) => profile::keys(aws, asker, name).await?,
        AwsSource::Container => metadata::container(aws, asker).await?,
        AwsSource::Instance => metadata::instance(aws, asker).await?,
    };
    let found = match &aws.role {
        Some(role) => sts::assume(aws, asker, &found.keys, role, None).await?,
        None => found,
    };
    let life = match found.ends {
        // Where the metadata service cannot renew them, AWS goes on taking its old keys.
        Some(ends) if aws.source == AwsSource::Instance && aws.role.is_none() => left(ends).unwrap_or(REREAD),
        Some(ends) => left(ends).unwrap_or_default(),
        None => REREAD,
    };
    Ok(Fetched { grant: Grant::Keys(Arc::new(found.keys)), life: Some(life) })
}

/// The time until a moment; `None` when it has passed.
fn left(ends: Timestamp) -> Option<Duration> {
    let ms = ends.as_millisecond().checked_sub(env::now().as_millisecond())?;
    u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

/// Keys in the JSON of a process, a container or an instance.
fn of_json(body: &[u8], token: &str) -> Option<Keys> {
    let json = Json::from_bytes(body).ok()?;
    let keys = AwsKeys {
        id: text(json, "AccessKeyId")?,
        secret: Secret::new(&text(json, "SecretAccessKey")?),
        token: text(json, token).map(|token| Secret::new(&token)),
    };
    let ends = match text(json, "Expiration") {
        Some(at) => Some(at.parse().ok()?),
        None => None,
    };
    Some(Keys { keys, ends })
}
