//! How one request of a batch ended, by its line of answers in either API.

use dialect::outcome::Outcome;
use policy::entry::Status;
use wire::json::Json;

/// How one request of a batch ended.
pub(super) struct Answered<'a> {
    pub(super) status: Status,
    pub(super) outcome: Outcome,
    pub(super) http: u16,
    /// The answer as the provider's API would have given it.
    pub(super) body: Option<Json<'a>>,
}

impl<'a> Answered<'a> {
    /// Reads a line of answers, of either API.
    pub(super) fn read(line: Json<'a>) -> Self {
        match line.get("result") {
            Some(result) => Self::anthropic(result),
            None => Self::openai(line),
        }
    }

    /// `{"custom_id", "response": {"status_code", "body"}, "error": {"code"}}`
    fn openai(line: Json<'a>) -> Self {
        let response = line.get("response").and_then(Json::non_null);
        let status = response.and_then(|response| response.get("status_code")?.as_u64());
        let status = status.and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 200);
        let body = response.and_then(|response| response.get("body")?.non_null());
        if let Some(http) = status.filter(|status| *status < 400 && body.is_some()) {
            return Self { status: Status::Ok, outcome: Outcome::Ok, http, body };
        }
        let code = line.get("error").and_then(|error| error.get("code")?.as_str());
        match (code.as_deref(), status) {
            (Some("batch_expired"), _) => Self::failed(Outcome::TimeoutTotal, 504),
            (Some("batch_cancelled"), _) => Self::cancelled(),
            (_, Some(http)) if (400..500).contains(&http) => Self::failed(Outcome::InvalidRequest, http),
            (_, Some(http)) if http >= 500 => Self::failed(Outcome::ServerError, http),
            _ => Self::failed(Outcome::ServerError, 502),
        }
    }

    /// `{"custom_id", "result": {"type": "succeeded", "message": …}}`
    fn anthropic(result: Json<'a>) -> Self {
        let kind = result.get("type").and_then(Json::as_str);
        let body = result.get("message").and_then(Json::non_null);
        match (kind.as_deref(), body) {
            (Some("succeeded"), Some(_)) => Self { status: Status::Ok, outcome: Outcome::Ok, http: 200, body },
            (Some("canceled"), _) => Self::cancelled(),
            (Some("expired"), _) => Self::failed(Outcome::TimeoutTotal, 504),
            _ => {
                let error = result.get("error");
                let nested = error.and_then(|error| error.get("error")).or(error);
                let invalid = nested.and_then(|error| error.get("type")).is_some_and(|kind| {
                    ["invalid_request_error", "not_found_error", "request_too_large"]
                        .into_iter()
                        .any(|word| kind.is(word))
                });
                match invalid {
                    true => Self::failed(Outcome::InvalidRequest, 400),
                    false => Self::failed(Outcome::ServerError, 502),
                }
            }
        }
    }

    const fn failed(outcome: Outcome, http: u16) -> Self {
        Self { status: Status::Error, outcome, http, body: None }
    }

    const fn cancelled() -> Self {
        Self { status: Status::Cancelled, outcome: Outcome::Cancelled, http: 499, body: None }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn answers_of_both_apis_are_read() {
        let read = |line: &str| {
            let outcome = Answered::read(Json::parse(line).unwrap());
            format!("{} {} {} {}", outcome.status.name(), outcome.outcome.name(), outcome.http, outcome.body.is_some())
        };
        for (line, expected) in [
            (r#"{"response":{"status_code":200,"body":{"id":"x"}},"error":null}"#, "ok ok 200 true"),
            (r#"{"response":{"status_code":200,"body":null}}"#, "error server_error 502 false"),
            (r#"{"response":{"status_code":400,"body":{}},"error":null}"#, "error invalid_request 400 false"),
            (r#"{"response":{"status_code":503,"body":{}}}"#, "error server_error 503 false"),
            (r#"{"response":null,"error":{"code":"batch_expired"}}"#, "error timeout_total 504 false"),
            (r#"{"response":null,"error":{"code":"batch_cancelled"}}"#, "cancelled cancelled 499 false"),
            (r#"{"custom_id":"a"}"#, "error server_error 502 false"),
            (r#"{"response":{"status_code":7}}"#, "error server_error 502 false"),
            (r#"{"result":{"type":"succeeded","message":{}}}"#, "ok ok 200 true"),
            (r#"{"result":{"type":"canceled"}}"#, "cancelled cancelled 499 false"),
            (r#"{"result":{"type":"expired"}}"#, "error timeout_total 504 false"),
            (
                r#"{"result":{"type":"errored","error":{"type":"error","error":{"type":"invalid_request_error"}}}}"#,
                "error invalid_request 400 false",
            ),
            (r#"{"result":{"type":"errored","error":{"type":"api_error"}}}"#, "error server_error 502 false"),
            (r#"{"result":{"type":"new"}}"#, "error server_error 502 false"),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }
}
