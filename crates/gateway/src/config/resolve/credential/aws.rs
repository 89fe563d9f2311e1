//! AWS: the first source that is there, in the order of AWS's own SDKs.

use std::path::PathBuf;

use super::super::super::clouds::Source;
use super::super::super::credential::{Aws, AwsAround, AwsContainer, AwsFiles, AwsKeys, AwsRole, AwsSource};
use super::super::super::diagnose::suggest;
use super::super::super::env::{Env, set};
use super::super::super::profile::Profiles;
use super::super::super::read::Reader;
use super::super::super::secret::Secret;
use super::{Given, is_safe};

/// Addresses of AWS's own endpoints for containers, which are reached without TLS.
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// The credential; `may_guess`: where nothing is named, the instance's metadata service counts.
pub(super) fn credential(
    given: &Given,
    service: &str,
    region: Option<&str>,
    base_url: &str,
    may_guess: bool,
    reader: &mut Reader<'_>,
) -> Option<Aws> {
    let env = reader.env;
    let around = around(reader);
    let role = given.text("role_arn");
    let (source, role) = match chosen(given, &around, env, may_guess, reader)? {
        // The role is the one that the token stands for.
        AwsSource::WebIdentity { token_file, role_arn, session } if given.has("token_file") => {
            (AwsSource::WebIdentity { token_file, role_arn, session }, None)
        }
        source => (source, role),
    };
    let role = role.map(|arn| AwsRole {
        arn,
        external_id: given.text("external_id"),
        session: given.text("session_name").or_else(|| set(env, "AWS_ROLE_SESSION_NAME")),
    });
    let region = region
        .map(str::to_owned)
        .or_else(|| region_of(base_url))
        .or_else(|| set(env, "AWS_REGION"))
        .or_else(|| set(env, "AWS_DEFAULT_REGION"))
        .or_else(|| profile_region(given, env))
        .unwrap_or_else(|| "us-east-1".to_owned());
    // A row may be pointed at the other of Bedrock's services.
    let mantle =
        base_url.parse::<http::Uri>().is_ok_and(|uri| uri.host().unwrap_or_default().starts_with("bedrock-mantle."));
    let service = if mantle { "bedrock-mantle" } else { service };
    Some(Aws { region, service: service.to_owned(), source, role, around })
}

fn chosen(
    given: &Given,
    around: &AwsAround,
    env: &dyn Env,
    may_guess: bool,
    reader: &mut Reader<'_>,
) -> Option<AwsSource> {
    let at = given.at.unwrap_or_default();
    if given.has("access_key_id") || given.has("secret_access_key") {
        let (id, secret) = (given.text("access_key_id"), given.secret("secret_access_key"));
        let (Some(id), Some(secret)) = (id, secret) else {
            // A secret that was written wrong has been told of.
            if !(given.has("access_key_id") && given.has("secret_access_key")) {
                let what = "`access_key_id` and `secret_access_key` belong together";
                reader.problem(at, what, "give both, or neither");
            }
            return None;
        };
        let keys = AwsKeys { id, secret, token: given.secret("session_token") };
        return Some(AwsSource::Keys { keys, from: "`credentials`" });
    }
    let from_environment =
        || around.environment.clone().map(|keys| AwsSource::Keys { keys, from: "AWS_ACCESS_KEY_ID" });
    let session = || given.text("session_name").or_else(|| set(env, "AWS_ROLE_SESSION_NAME"));
    let web = || {
        let token_file =
            given.path("token_file").or_else(|| set(env, "AWS_WEB_IDENTITY_TOKEN_FILE").map(Into::into))?;
        let role_arn = given.text("role_arn").filter(|_| given.has("token_file"));
        let role_arn = role_arn.or_else(|| set(env, "AWS_ROLE_ARN"))?;
        Some(AwsSource::WebIdentity { token_file, role_arn, session: session() })
    };
    let container = || around.container.as_ref().map(|_| AwsSource::Container);
    let instance = || around.instance.as_ref().map(|_| AwsSource::Instance);
    let missing = |what: &str, remedy: &str, reader: &mut Reader<'_>| {
        reader.problem(at, what, remedy);
        None
    };
    match given.source() {
        Some(Source::Environment) => from_environment().or_else(|| {
            missing("the environment has no keys of AWS", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", reader)
        }),
        Some(Source::WebIdentity) => web().or_else(|| {
            let remedy = "set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or give `token_file` and `role_arn`";
            missing("there is no web identity", remedy, reader)
        }),
        Some(Source::Container) => container().or_else(|| {
            let remedy = "set AWS_CONTAINER_CREDENTIALS_FULL_URI, as EKS and ECS do";
            missing("there is no container endpoint", remedy, reader)
        }),
        Some(Source::Instance) => instance()
            .or_else(|| missing("AWS_EC2_METADATA_DISABLED is set", "unset it to use the metadata service", reader)),
        Some(Source::Profile) => profile(given, around, true, reader),
        _ if given.has("profile") => profile(given, around, true, reader),
        _ if given.has("token_file") => {
            web().or_else(|| missing("`token_file` needs the role that it stands for", "give `role_arn` too", reader))
        }
        _ => from_environment()
            .or_else(web)
            .or_else(|| profile(given, around, may_guess, reader))
            .or_else(container)
            .or_else(|| instance().filter(|_| may_guess)),
    }
}

/// The profile that is named, or, where `may_guess`, `default` where it holds credentials.
fn profile(given: &Given, around: &AwsAround, may_guess: bool, reader: &mut Reader<'_>) -> Option<AwsSource> {
    let named = profile_name(given, reader.env);
    let all = profiles(&around.files, reader.env);
    match named {
        Some(name) if all.profile(&name).is_some() => Some(AwsSource::Profile(name)),
        Some(name) => {
            let what = format!("there is no profile `{name}` in the shared files of AWS");
            let remedy = format!("{}; they are {}", suggest(&name, all.names()), files_for_people(&around.files));
            reader.problem(given.at.unwrap_or_default(), what, remedy);
            None
        }
        None if may_guess => {
            let default = all.profile("default")?;
            let holds = ["aws_access_key_id", "credential_process", "role_arn", "sso_session", "sso_start_url"];
            holds.iter().any(|name| default.get(name).is_some()).then(|| AwsSource::Profile("default".to_owned()))
        }
        None => None,
    }
}

fn files_for_people(files: &AwsFiles) -> String {
    format!("{} and {}", files.config.display(), files.credentials.display())
}

fn profile_name(given: &Given, env: &dyn Env) -> Option<String> {
    given.text("profile").or_else(|| set(env, "AWS_PROFILE"))
}

fn profiles(files: &AwsFiles, env: &dyn Env) -> Profiles {
    let text = |path: &PathBuf| env.file(path).unwrap_or_default();
    Profiles::read(&text(&files.config), &text(&files.credentials))
}

/// The region that the profile in force names.
pub(super) fn profile_region(given: &Given, env: &dyn Env) -> Option<String> {
    let name = profile_name(given, env).unwrap_or_else(|| "default".to_owned());
    profiles(&files(env), env).profile(&name)?.get("region").map(str::to_owned)
}

fn files(env: &dyn Env) -> AwsFiles {
    let folder = PathBuf::from(set(env, "HOME").unwrap_or_else(|| "/".to_owned())).join(".aws");
    let named = |variable: &str, usual: &str| set(env, variable).map_or_else(|| folder.join(usual), PathBuf::from);
    AwsFiles {
        config: named("AWS_CONFIG_FILE", "config"),
        credentials: named("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        sso_cache: folder.join("sso/cache"),
    }
}

fn around(reader: &mut Reader<'_>) -> AwsAround {
    let env = reader.env;
    let environment = set(env, "AWS_ACCESS_KEY_ID").zip(set(env, "AWS_SECRET_ACCESS_KEY"));
    let truth = |variable: &str| set(env, variable).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let metadata = set(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| {
        let v6 = set(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        let v6 = v6.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
        if v6 { "http://[fd00:ec2::254]" } else { "http://169.254.169.254" }.to_owned()
    });
    let own = |service: &str| set(env, service).or_else(|| set(env, "AWS_ENDPOINT_URL"));
    let (sts, sso) = (own("AWS_ENDPOINT_URL_STS"), own("AWS_ENDPOINT_URL_SSO"));
    let around = AwsAround {
        environment: environment.map(|(id, secret)| AwsKeys {
            id,
            secret: Secret::new(&secret),
            token: set(env, "AWS_SESSION_TOKEN").map(|token| Secret::new(&token)),
        }),
        container: None,
        instance: (!truth("AWS_EC2_METADATA_DISABLED")).then(|| metadata.trim_end_matches('/').to_owned()),
        files: files(env),
        sts: safe(sts, reader),
        sso: safe(sso, reader),
    };
    AwsAround { container: container(reader), ..around }
}

fn safe(endpoint: Option<String>, reader: &mut Reader<'_>) -> Option<String> {
    let endpoint = endpoint?;
    if is_safe(&endpoint, &[]) {
        return Some(endpoint.trim_end_matches('/').to_owned());
    }
    let what = "an AWS_ENDPOINT_URL… of the environment cannot be used for credentials";
    reader.problem(Default::default(), what, "it must begin with https://, or be on this machine");
    None
}

fn container(reader: &mut Reader<'_>) -> Option<AwsContainer> {
    let env = reader.env;
    let relative = set(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let url = match relative {
        Some(path) => format!("http://169.254.170.2/{}", path.trim_start_matches('/')),
        None => set(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI")?,
    };
    if !is_safe(&url, &CONTAINER_HOSTS) {
        let what = "AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used";
        reader.problem(Default::default(), what, "it must begin with https://, or be on this machine or link");
        return None;
    }
    Some(AwsContainer {
        url,
        token: set(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN").map(|token| Secret::new(&token)),
        token_file: set(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(Into::into),
    })
}

/// The region in a host's name, such as that of `bedrock-runtime.eu-west-1.amazonaws.com`.
fn region_of(base_url: &str) -> Option<String> {
    let uri: http::Uri = base_url.parse().ok()?;
    let is_region = |label: &&str| {
        let parts: Vec<&str> = label.split('-').collect();
        let word = |part: &&str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_lowercase());
        match parts.as_slice() {
            [place, middle @ .., number] => {
                place.len() == 2
                    && !middle.is_empty()
                    && word(place)
                    && middle.iter().all(word)
                    && number.len() == 1
                    && number.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        }
    };
    let host = uri.host()?;
    let is_awss = ["amazonaws.com", "amazonaws.com.cn", "api.aws"].iter().any(|domain| host.ends_with(domain));
    host.split('.').filter(|_| is_awss).find(is_region).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_read_from_a_host() {
        for (url, region) in [
            ("https://bedrock-runtime.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("https://bedrock-mantle.us-gov-west-1.api.aws/v1", Some("us-gov-west-1")),
            ("https://vpce-0ab-1.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", Some("ap-southeast-2")),
            ("http://127.0.0.1:9", None),
            ("https://eu-west-1.example", None),
        ] {
            assert_eq!(region_of(url).as_deref(), region, "{url}");
        }
    }
}
