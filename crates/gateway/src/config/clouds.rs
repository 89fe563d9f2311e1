//! `credentials:` of a provider as written: of AWS, Google and Microsoft Entra.

use std::path::PathBuf;

use super::read::{Read, Reader, Spot, Tried, choice, section};
use super::secret::Secret;
use super::tree::Node;

choice!(
    /// Where credentials come from.
    Source {
        /// Variables of the environment.
        Environment = "environment",
        /// A workload's token for a role of AWS.
        WebIdentity = "web_identity",
        /// A profile of AWS's shared files.
        Profile = "profile",
        /// The endpoint of ECS or EKS.
        Container = "container",
        /// The metadata service of an EC2 instance.
        Instance = "instance",
        /// A credentials file of Google's.
        File = "file",
        /// The metadata service of Google Cloud.
        Metadata = "metadata",
        /// A federated token for an application of Microsoft Entra.
        WorkloadIdentity = "workload_identity",
        /// The identity that Azure gives a machine or service.
        ManagedIdentity = "managed_identity",
    }
);

section!(
    /// Credentials that are computed: of AWS, Google or Microsoft Entra, as the row says.
    Credentials {
        /// The only source. Default: the first that is there, in the order of the cloud's own SDK.
        source: Source,
        /// AWS: the access key id, together with `secret_access_key`.
        access_key_id: String,
        /// AWS: the secret access key.
        secret_access_key: Tried<Secret>,
        /// AWS: the session token of keys that end.
        session_token: Tried<Secret>,
        /// AWS: a profile of the shared files. Default: AWS_PROFILE.
        profile: String,
        /// AWS: a role that is assumed with the keys, or that `token_file` stands for.
        role_arn: String,
        /// AWS: the id that the role's owner wants to see.
        external_id: String,
        /// AWS: the session's name. Default: AWS_ROLE_SESSION_NAME, else one is made.
        session_name: String,
        /// AWS, Entra: the file that holds the workload's token. Default: AWS_WEB_IDENTITY_TOKEN_FILE, AZURE_FEDERATED_TOKEN_FILE.
        token_file: PathBuf,
        /// Google: a credentials file in JSON. Default: GOOGLE_APPLICATION_CREDENTIALS.
        file: PathBuf,
        /// Entra: the tenant. Default: AZURE_TENANT_ID.
        tenant_id: String,
        /// Entra: the application, or the user-assigned identity. Default: AZURE_CLIENT_ID.
        client_id: String,
        /// Entra: the application's secret. Default: AZURE_CLIENT_SECRET.
        client_secret: Tried<Secret>,
        /// Entra: what tokens are for. Default: https://cognitiveservices.azure.com/.default.
        scope: String,
    }
);
