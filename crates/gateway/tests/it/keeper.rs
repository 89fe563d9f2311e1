//! A provider with a memory: files and batches as OpenAI and Anthropic keep them, each account apart by its key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::samples::{anthropic, openai};
use testkit::upstream::{Received, Script, Upstream};

#[derive(Debug, Clone)]
struct Kept {
    key: String,
    shown: Value,
    content: Bytes,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Kept>,
    batches: BTreeMap<String, Kept>,
    next: usize,
}

/// What it keeps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keeper(Arc<Mutex<State>>);

fn not_found() -> Script {
    Script::json(404, &openai::error("No such object", "invalid_request_error", None))
}

fn key_of(request: &Received) -> String {
    request.header("authorization").or_else(|| request.header("x-api-key")).unwrap_or_default().to_owned()
}

/// The fields of a form.
pub(crate) fn fields(request: &Received) -> BTreeMap<String, Vec<u8>> {
    let boundary = request.header("content-type").unwrap().split_once("boundary=").unwrap().1.trim_matches('"');
    let delimiter = format!("--{boundary}").into_bytes();
    let body = &request.body;
    let mut fields = BTreeMap::new();
    let starts: Vec<usize> = memmem(body, &delimiter);
    for pair in starts.windows(2) {
        let part = &body[pair[0] + delimiter.len() + 2..pair[1] - 2];
        let end = memmem(part, b"\r\n\r\n")[0];
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        fields.insert(name, part[end + 4..].to_vec());
    }
    fields
}

fn memmem(text: &[u8], needle: &[u8]) -> Vec<usize> {
    (0..text.len().saturating_sub(needle.len() - 1)).filter(|at| text[*at..].starts_with(needle)).collect()
}

impl Keeper {
    /// Lets an upstream act as this provider.
    pub(crate) fn behind(upstream: &Upstream) -> Self {
        let keeper = Self::default();
        let acts = keeper.clone();
        upstream.act(move |request| acts.act_on(request));
        keeper
    }

    /// What it answers.
    pub(crate) fn act_on(&self, request: &Received) -> Option<Script> {
        let mut state = self.0.lock().unwrap();
        let key = key_of(request);
        let path = request.path().trim_start_matches("/v1").to_owned();
        let claude = request.header("x-api-key").is_some();
        let own = |kept: &BTreeMap<String, Kept>, id: &str| kept.get(id).filter(|kept| kept.key == key).cloned();
        let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match (&*request.method, steps.as_slice()) {
            ("POST", ["files"]) => {
                let fields = fields(request);
                state.next += 1;
                let id = format!("file-{}", state.next);
                let purpose = fields.get("purpose").map(|purpose| String::from_utf8_lossy(purpose).into_owned());
                let content: Bytes = fields["file"].clone().into();
                let shown = json!({"id": id, "object": "file", "bytes": content.len(), "created_at": 1, "filename": "f", "purpose": purpose});
                state.files.insert(id, Kept { key, shown: shown.clone(), content });
                Script::json(200, &shown)
            }
            ("GET", ["files", id]) => match own(&state.files, id) {
                Some(kept) => Script::json(200, &kept.shown),
                None => not_found(),
            },
            ("GET", ["files", id, "content"]) => match own(&state.files, id) {
                Some(kept) => Script::body(200, "application/octet-stream", kept.content),
                None => not_found(),
            },
            ("DELETE", ["files", id]) => match own(&state.files, id) {
                Some(_) => {
                    state.files.remove(*id);
                    Script::json(200, &json!({"id": id, "object": "file", "deleted": true}))
                }
                None => not_found(),
            },
            ("POST", ["batches"]) => {
                let asked = request.json();
                let Some(file) = own(&state.files, asked["input_file_id"].as_str().unwrap()) else {
                    return Some(not_found());
                };
                state.next += 1;
                let id = format!("batch_{}", state.next);
                let shown = json!({"id": id, "object": "batch", "endpoint": asked["endpoint"], "status": "in_progress",
                    "input_file_id": asked["input_file_id"], "output_file_id": null, "error_file_id": null, "created_at": 1});
                state.batches.insert(id, Kept { key, shown: shown.clone(), content: file.content });
                Script::json(200, &shown)
            }
            ("POST", ["messages", "batches"]) => {
                state.next += 1;
                let id = format!("msgbatch_{}", state.next);
                let shown = json!({"id": id, "type": "message_batch", "processing_status": "in_progress",
                    "results_url": null, "created_at": "2026-01-01T00:00:00Z", "ended_at": null});
                let content = request.body.clone();
                state.batches.insert(id, Kept { key, shown: shown.clone(), content });
                Script::json(200, &shown)
            }
            ("GET", ["batches", id] | ["messages", "batches", id]) => match own(&state.batches, id) {
                Some(kept) => Script::json(200, &kept.shown),
                None => not_found(),
            },
            ("POST", ["batches", id, "cancel"] | ["messages", "batches", id, "cancel"]) => {
                match state.batches.get_mut(*id).filter(|kept| kept.key == key) {
                    Some(kept) => {
                        let word = if claude { "processing_status" } else { "status" };
                        kept.shown[word] = if claude { "canceling".into() } else { "cancelling".into() };
                        Script::json(200, &kept.shown)
                    }
                    None => not_found(),
                }
            }
            ("GET", ["messages", "batches", id, "results"]) => match own(&state.batches, id) {
                Some(kept) if kept.shown["processing_status"] == "ended" => {
                    Script::body(200, "application/x-jsonl", kept.content)
                }
                _ => not_found(),
            },
            ("DELETE", ["messages", "batches", id]) => match own(&state.batches, id) {
                Some(_) => {
                    state.batches.remove(*id);
                    Script::json(200, &json!({"id": id, "type": "message_batch_deleted"}))
                }
                None => not_found(),
            },
            _ => return None,
        })
    }

    /// The bytes of a file.
    pub(crate) fn content(&self, id: &str) -> Bytes {
        self.0.lock().unwrap().files[id].content.clone()
    }

    /// Ends a batch of OpenAI's: `lines` of answers, `errors` of requests that failed.
    pub(crate) fn end(&self, batch: &str, status: &str, lines: &[Value], errors: &[Value]) {
        let mut state = self.0.lock().unwrap();
        let now = jiff::Timestamp::now().as_second();
        let key = state.batches[batch].key.clone();
        for (member, lines) in [("output_file_id", lines), ("error_file_id", errors)] {
            if lines.is_empty() {
                continue;
            }
            state.next += 1;
            let id = format!("file-{}", state.next);
            let content: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let shown = json!({"id": id, "object": "file", "purpose": "batch_output"});
            state.files.insert(id.clone(), Kept { key: key.clone(), shown, content: content.into() });
            state.batches.get_mut(batch).unwrap().shown[member] = id.into();
        }
        let kept = state.batches.get_mut(batch).unwrap();
        kept.shown["status"] = status.into();
        kept.shown[format!("{status}_at")] = now.into();
    }

    /// Ends a batch of Anthropic's with these results.
    pub(crate) fn end_messages(&self, batch: &str, results: &[Value]) {
        let mut state = self.0.lock().unwrap();
        let kept = state.batches.get_mut(batch).unwrap();
        kept.content = results.iter().map(|line| format!("{line}\n")).collect::<String>().into();
        kept.shown["processing_status"] = "ended".into();
        kept.shown["ended_at"] = jiff::Timestamp::now().to_string().into();
        kept.shown["results_url"] = format!("https://api.anthropic.com/v1/messages/batches/{batch}/results").into();
    }
}

/// A line of answers: 10 tokens in, 20 out.
pub(crate) fn answered(custom_id: &str) -> Value {
    json!({"id": format!("batch_req_{custom_id}"), "custom_id": custom_id, "error": null,
        "response": {"status_code": 200, "request_id": "r", "body": openai::completion("hi", 10, 20)}})
}

/// A line of errors.
pub(crate) fn refused(custom_id: &str, status: u16) -> Value {
    json!({"id": "x", "custom_id": custom_id, "error": null, "response": {"status_code": status, "request_id": "r",
        "body": openai::error("no", "invalid_request_error", None)}})
}

/// A result of Anthropic's: 10 tokens in, 20 out.
pub(crate) fn succeeded(custom_id: &str) -> Value {
    json!({"custom_id": custom_id, "result": {"type": "succeeded", "message": anthropic::answer("hi", 10, 20)}})
}

/// A request of a batch.
pub(crate) fn request(custom_id: &str, model: &str) -> Value {
    json!({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": model, "messages": [{"role": "user", "content": crate::harness::CANARY}]}})
}

/// A form with a file.
pub(crate) fn form(purpose: &str, file: &[u8], purpose_first: bool) -> Vec<u8> {
    let field = format!("--B0\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n").into_bytes();
    let mut part =
        b"--B0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.jsonl\"\r\nContent-Type: application/jsonl\r\n\r\n"
            .to_vec();
    part.extend_from_slice(file);
    part.extend_from_slice(b"\r\n");
    let both = if purpose_first { [field, part] } else { [part, field] };
    let mut all = both.concat();
    all.extend_from_slice(b"--B0--\r\n");
    all
}
