//! Where a provider's computed credentials come from, as decided when the configuration is read: one source, no chain
//! at run time. The values that are secret print as `***`.

use std::fmt;
use std::path::PathBuf;

use super::secret::Secret;

/// What authorizes requests to a provider that has no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// AWS signs each request.
    Aws(Box<Aws>),
    /// An access token of Google's.
    Google(Google),
    /// An access token of Microsoft Entra's.
    Entra(Entra),
}

impl Credential {
    /// The secrets that it was configured with.
    #[must_use]
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Aws(aws) => {
                let chosen = match &aws.source {
                    AwsSource::Keys { keys, .. } => Some(keys),
                    _ => None,
                };
                let keys = chosen.into_iter().chain(&aws.around.environment);
                let container = aws.around.container.as_ref().and_then(|container| container.token.as_ref());
                keys.flat_map(|keys| std::iter::once(&keys.secret).chain(&keys.token)).chain(container).collect()
            }
            Self::Google(_) => Vec::new(),
            Self::Entra(entra) => match &entra.source {
                EntraSource::Secret { secret, .. } => vec![secret],
                EntraSource::Service { header, .. } => vec![header],
                EntraSource::Workload { .. } | EntraSource::Machine { .. } => Vec::new(),
            },
        }
    }
}

/// For people: which source is used. No secret, no account.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws(aws) => {
                write!(f, "AWS, {}", aws.source)?;
                if aws.role.is_some() {
                    f.write_str(", then the role of `role_arn`")?;
                }
                write!(f, ", signed for {} in {}", aws.service, aws.region)
            }
            Self::Google(google) => write!(f, "Google, {google}"),
            Self::Entra(entra) => write!(f, "Microsoft Entra, {}", entra.source),
        }
    }
}

/// Keys of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
    /// The session token of keys that end.
    pub token: Option<Secret>,
}

/// How requests are signed for AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws {
    /// The region of the signature.
    pub region: String,
    /// The service of the signature.
    pub service: String,
    /// Where the keys come from.
    pub source: AwsSource,
    /// A role that is assumed with them.
    pub role: Option<AwsRole>,
    /// What profiles may refer to, and where AWS's own services are.
    pub around: AwsAround,
}

/// Where keys come from. Order and names are those of AWS's SDKs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsSource {
    /// Given.
    Keys {
        /// The keys.
        keys: AwsKeys,
        /// Where they were given.
        from: &'static str,
    },
    /// A token of a workload is exchanged for a role's keys.
    WebIdentity {
        /// The file that holds the token; it is read at every exchange.
        token_file: PathBuf,
        /// The role.
        role_arn: String,
        /// The session's name.
        session: Option<String>,
    },
    /// A profile of the shared files.
    Profile(String),
    /// The endpoint of ECS or EKS.
    Container,
    /// The metadata service of an EC2 instance (version 2).
    Instance,
}

impl fmt::Display for AwsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { from, .. } => write!(f, "keys from {from}"),
            Self::WebIdentity { .. } => f.write_str("web identity (AWS_WEB_IDENTITY_TOKEN_FILE)"),
            Self::Profile(name) => write!(f, "profile `{name}` of the shared files"),
            Self::Container => f.write_str("the container's endpoint (AWS_CONTAINER_CREDENTIALS_…)"),
            Self::Instance => f.write_str("the instance's metadata service"),
        }
    }
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsRole {
    /// Its ARN.
    pub arn: String,
    /// The id that its owner wants to see.
    pub external_id: Option<String>,
    /// The session's name.
    pub session: Option<String>,
}

/// What profiles may refer to, and where AWS's own services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsAround {
    /// Keys of the environment.
    pub environment: Option<AwsKeys>,
    /// The endpoint of ECS or EKS.
    pub container: Option<AwsContainer>,
    /// The metadata service; `None` when it is disabled.
    pub instance: Option<String>,
    /// The shared files.
    pub files: AwsFiles,
    /// The security token service; `None`: the region's.
    pub sts: Option<String>,
    /// The portal of IAM Identity Center; `None`: the profile's region's.
    pub sso: Option<String>,
}

/// The shared files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsFiles {
    /// `~/.aws/config`.
    pub config: PathBuf,
    /// `~/.aws/credentials`.
    pub credentials: PathBuf,
    /// `~/.aws/sso/cache`.
    pub sso_cache: PathBuf,
}

/// The endpoint of ECS or EKS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsContainer {
    /// Its URL.
    pub url: String,
    /// What it wants in `authorization`.
    pub token: Option<Secret>,
    /// The file that holds it; read at every call.
    pub token_file: Option<PathBuf>,
}

/// Where tokens of Google come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Google {
    /// A credentials file: a service account's, a user's, or an external account's. It is read at every exchange.
    File {
        /// Where.
        path: PathBuf,
        /// Who names it.
        from: &'static str,
    },
    /// The metadata service of Google Cloud.
    Metadata {
        /// Its host, with a port where it is not 80.
        host: String,
    },
}

impl fmt::Display for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { from, .. } => write!(f, "the credentials file of {from}"),
            Self::Metadata { .. } => f.write_str("the metadata service"),
        }
    }
}

/// How tokens of Microsoft Entra are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entra {
    /// What the token is for, with `/.default`.
    pub scope: String,
    /// Where it comes from.
    pub source: EntraSource,
}

/// Where tokens of Microsoft Entra come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntraSource {
    /// An application with a client secret.
    Secret {
        /// The authority with its tenant.
        authority: String,
        /// The application.
        client: String,
        /// Its secret.
        secret: Secret,
    },
    /// An application that a token of the workload stands for.
    Workload {
        /// The authority with its tenant.
        authority: String,
        /// The application.
        client: String,
        /// The file that holds the token; read at every exchange.
        token_file: PathBuf,
    },
    /// The identity of an App Service, a function or a container app.
    Service {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: Secret,
        /// The user-assigned identity.
        client: Option<String>,
    },
    /// The identity of a virtual machine.
    Machine {
        /// The metadata service.
        endpoint: String,
        /// The user-assigned identity.
        client: Option<String>,
    },
}

impl fmt::Display for EntraSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret { .. } => "an application's client secret",
            Self::Workload { .. } => "workload identity (a federated token)",
            Self::Service { .. } => "managed identity (IDENTITY_ENDPOINT)",
            Self::Machine { .. } => "managed identity (the metadata service)",
        })
    }
}
