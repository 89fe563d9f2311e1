//! What of the native lane is the whole account's: lists, deletions, and its administration need an admin key.

use http::Method;

/// Objects that one account keeps, by the word in their path, lowercase. Sources: the API references of OpenAI,
/// Anthropic, Google, Mistral, Cohere and Amazon Bedrock.
const KEPT: [&str; 42] = [
    "agents",
    "assistants",
    "async-invoke",
    "batch",
    "batches",
    "cachedcontents",
    "connectors",
    "containers",
    "conversations",
    "corpora",
    "custom-models",
    "datasets",
    "deployments",
    "embed-jobs",
    "evals",
    "evaluation-jobs",
    "files",
    "filesearchstores",
    "fine-tunes",
    "fine_tunes",
    "finetuned-models",
    "fine-tuning",
    "fine_tuning",
    "guardrails",
    "jobs",
    "libraries",
    "model-customization-jobs",
    "model-invocation-jobs",
    "operations",
    "outputs",
    "predictions",
    "prompts",
    "responses",
    "runs",
    "sessions",
    "skills",
    "stored_completions",
    "threads",
    "tunedmodels",
    "uploads",
    "vector_stores",
    "videos",
];
/// The account itself: its keys, members and bills.
const ACCOUNT: [&str; 12] = [
    "account",
    "admin",
    "api_keys",
    "auth",
    "billing",
    "credits",
    "dashboard",
    "keys",
    "organization",
    "organizations",
    "usage",
    "users",
];

/// True for a path of the account's own administration. `path` is decoded.
#[must_use]
pub fn is_account(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.split('/').any(|step| ACCOUNT.contains(&step.split(';').next().unwrap_or_default().trim()))
}

/// True for a call that only an admin key may make, or the owner of the object it is about. `path` is decoded.
#[must_use]
pub fn needs_admin(method: &Method, path: &str) -> bool {
    if is_account(path) {
        return true;
    }
    let lower = path.to_ascii_lowercase();
    let steps = || lower.split('/').map(|step| step.split(';').next().unwrap_or_default().trim());
    let last = steps().rfind(|step| !step.is_empty()).unwrap_or_default();
    let kept = |step: &str| KEPT.contains(&step);
    match *method {
        // Stored chat completions are listed where new ones are asked for.
        Method::GET | Method::HEAD => kept(last) || lower.trim_end_matches('/').ends_with("/chat/completions"),
        Method::DELETE => steps().any(|step| kept(step) || step == "models" || step == "completions"),
        _ => last.ends_with(":delete") || last.ends_with(":batchdelete"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_deletions_are_the_accounts() {
        for (method, path, admin) in [
            (Method::GET, "/v1/files", true),
            (Method::GET, "/v1/files/", true),
            (Method::GET, "/v1/FILES", true),
            (Method::HEAD, "/v1/batches", true),
            (Method::GET, "/v1/files/file-1", false),
            (Method::GET, "/v1/files/file-1/content", false),
            (Method::POST, "/v1/files", false),
            (Method::DELETE, "/v1/files/file-1", true),
            (Method::DELETE, "/v1/responses/resp_1", true),
            (Method::GET, "/v1/responses/resp_1", false),
            (Method::GET, "/v1/responses/resp_1/input_items", false),
            (Method::DELETE, "/v1/conversations/c/items/i", true),
            (Method::GET, "/v1/fine_tuning/jobs", true),
            (Method::GET, "/v1beta/cachedContents", true),
            (Method::GET, "/v1/messages/batches", true),
            (Method::DELETE, "/v1/models/ft:gpt", true),
            (Method::GET, "/v1/models", false),
            (Method::GET, "/v1/chat/completions", true),
            (Method::POST, "/v1/chat/completions", false),
            (Method::POST, "/v1/responses", false),
            (Method::POST, "/v1/organization/admin_api_keys", true),
            (Method::GET, "/api/v1/keys", true),
            (Method::POST, "/openai/deployments/gpt/chat/completions", false),
        ] {
            assert_eq!(needs_admin(&method, path), admin, "{method} {path}");
        }
    }
}
