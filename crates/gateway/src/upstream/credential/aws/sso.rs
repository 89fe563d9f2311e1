//! IAM Identity Center: the token that `aws sso login` left, exchanged for a role's keys. It is not renewed here.

use aws_lc_rs::digest;
use jiff::Timestamp;
use wire::json::Json;

use super::super::CredentialError;
use super::super::ask::{Asker, Question, quoted, text};
use super::{Keys, left};
use crate::config::Secret;
use crate::config::credential::{Aws, AwsKeys};
use crate::config::profile::{Profile, Profiles};

/// The keys of a profile's account and role. Source:
/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>.
pub(super) async fn keys(aws: &Aws, asker: &Asker, all: &Profiles, profile: &Profile) -> Result<Keys, CredentialError> {
    let login = "Run `aws sso login` with this profile, or use another source: nobody can sign in here.";
    let missing = |what: &str| CredentialError::new(format!("the sign-in profile lacks `{what}`"), "Add it.");
    let session = match profile.get("sso_session") {
        Some(name) => Some((name, all.session(name).ok_or_else(|| missing("sso-session"))?)),
        None => None,
    };
    // The cached token is named after the session, else after the address of the sign-in page.
    let (cached, place) = match session {
        Some((name, session)) => (name, session),
        None => (profile.get("sso_start_url").ok_or_else(|| missing("sso_start_url"))?, profile),
    };
    let region = place.get("sso_region").ok_or_else(|| missing("sso_region"))?;
    let account = profile.get("sso_account_id").ok_or_else(|| missing("sso_account_id"))?;
    let role = profile.get("sso_role_name").ok_or_else(|| missing("sso_role_name"))?;
    let name = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, cached.as_bytes());
    let name: String = name.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let file = aws.around.files.sso_cache.join(format!("{name}.json"));
    let cache = tokio::fs::read(&file).await.map_err(|_| CredentialError::new("nobody has signed in", login))?;
    let json = Json::from_bytes(&cache).ok();
    let token = json.and_then(|json| Some((text(json, "accessToken")?, text(json, "expiresAt")?)));
    let (token, ends) = token.ok_or_else(|| CredentialError::new("the sign-in's cache cannot be read", login))?;
    let ends: Option<Timestamp> = ends.replace("UTC", "Z").parse().ok();
    if ends.and_then(left).is_none() {
        return Err(CredentialError::new("the sign-in has ended", login));
    }
    let portal = aws.around.sso.clone().unwrap_or_else(|| format!("https://portal.sso.{region}.amazonaws.com"));
    let (role, account) = (quoted(role), quoted(account));
    let url = format!("{portal}/federation/credentials?role_name={role}&account_id={account}");
    let question = Question::get("IAM Identity Center", &url)?.header("x-amz-sso_bearer_token", &token)?;
    let told = asker.ask(question).await?;
    of_json(told.good()?).ok_or_else(|| told.odd())
}

fn of_json(body: &[u8]) -> Option<Keys> {
    let keys = Json::from_bytes(body).ok()?.get("roleCredentials")?;
    let ends = i64::try_from(keys.get("expiration")?.as_u64()?).ok()?;
    Some(Keys {
        ends: Some(Timestamp::from_millisecond(ends).ok()?),
        keys: AwsKeys {
            id: text(keys, "accessKeyId")?,
            secret: Secret::new(&text(keys, "secretAccessKey")?),
            token: Some(Secret::new(&text(keys, "sessionToken")?)),
        },
    })
}
