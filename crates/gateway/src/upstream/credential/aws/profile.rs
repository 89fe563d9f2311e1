//! Keys of a profile: static ones, a program's, those of IAM Identity Center, or a role assumed with another's.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use super::super::CredentialError;
use super::super::ask::Asker;
use super::{Keys, metadata, process, sso, sts};
use crate::config::Secret;
use crate::config::credential::{Aws, AwsKeys, AwsRole};
use crate::config::profile::{Profile, Profiles};

/// How many profiles may stand behind one another.
const MOST_STEPS: usize = 5;

/// The keys of a profile; the files are read anew. Source:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>.
pub(super) async fn keys(aws: &Aws, asker: &Asker, name: &str) -> Result<Keys, CredentialError> {
    let files = &aws.around.files;
    let (config, credentials) = (text(&files.config).await, text(&files.credentials).await);
    let all = Profiles::read(&config, &credentials);
    step(aws, asker, &all, name, 0).await
}

async fn text(path: &Path) -> String {
    // One of the two may well be missing; a profile that is in neither is told of.
    tokio::fs::read_to_string(path).await.unwrap_or_default()
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<Keys, CredentialError>> + Send + 'a>>;

fn step<'a>(aws: &'a Aws, asker: &'a Asker, all: &'a Profiles, name: &'a str, steps: usize) -> Step<'a> {
    Box::pin(async move {
        let Some(profile) = all.profile(name) else {
            let what = format!("there is no profile `{name}` in the shared files");
            return Err(CredentialError::new(what, "Correct AWS_PROFILE or the files."));
        };
        if steps >= MOST_STEPS {
            let what = format!("the profiles lead in a circle at `{name}`");
            return Err(CredentialError::new(what, "Correct `source_profile`."));
        }
        let own = fixed(profile);
        let Some(arn) = profile.get("role_arn") else {
            if let Some(keys) = own {
                return Ok(Keys { keys, ends: None });
            }
            if let Some(line) = profile.get("credential_process") {
                return process::keys(line).await;
            }
            if profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some() {
                return sso::keys(aws, asker, all, profile).await;
            }
            let what = format!("the profile `{name}` holds no credentials");
            return Err(CredentialError::new(what, "Give it keys, a role or a `credential_process`."));
        };
        let session = profile.get("role_session_name");
        if let Some(file) = profile.get("web_identity_token_file") {
            return sts::web_identity(aws, asker, Path::new(file), arn, session).await;
        }
        if profile.get("mfa_serial").is_some() {
            let what = format!("the role of the profile `{name}` needs a second factor, which nobody can give here");
            return Err(CredentialError::new(what, "Use a role without it, or a `credential_process`."));
        }
        let with = match (profile.get("source_profile"), profile.get("credential_source")) {
            // A profile that is its own source has the keys beside the role.
            (Some(source), _) if source == name => own.map(|keys| Keys { keys, ends: None }).ok_or_else(|| {
                let what = format!("the profile `{name}` is its own source and holds no keys");
                CredentialError::new(what, "Name another `source_profile`.")
            })?,
            (Some(source), _) => step(aws, asker, all, source, steps + 1).await?,
            (None, Some(source)) => named(aws, asker, source).await?,
            (None, None) => {
                let what = format!("the profile `{name}` has a role and nothing to assume it with");
                return Err(CredentialError::new(what, "Give `source_profile` or `credential_source`."));
            }
        };
        let role = AwsRole {
            arn: arn.to_owned(),
            external_id: profile.get("external_id").map(str::to_owned),
            session: session.map(str::to_owned),
        };
        let seconds = profile.get("duration_seconds").and_then(|text| text.parse().ok());
        sts::assume(aws, asker, &with.keys, &role, seconds).await
    })
}

async fn named(aws: &Aws, asker: &Asker, source: &str) -> Result<Keys, CredentialError> {
    match source {
        "Environment" => {
            let keys = aws.around.environment.clone();
            keys.map(|keys| Keys { keys, ends: None }).ok_or_else(|| {
                let remedy = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.";
                CredentialError::new("the environment that the profile names has no keys", remedy)
            })
        }
        "Ec2InstanceMetadata" => metadata::instance(aws, asker).await,
        "EcsContainer" => metadata::container(aws, asker).await,
        other => {
            let what = format!("`credential_source = {other}` is not known");
            Err(CredentialError::new(what, "Write Environment, Ec2InstanceMetadata or EcsContainer."))
        }
    }
}

fn fixed(profile: &Profile) -> Option<AwsKeys> {
    Some(AwsKeys {
        id: profile.get("aws_access_key_id")?.to_owned(),
        secret: Secret::new(profile.get("aws_secret_access_key")?),
        token: profile.get("aws_session_token").map(Secret::new),
    })
}
