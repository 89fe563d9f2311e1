//! Paths to handlers: model calls, lists, look-ups, administration, health.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use policy::provider::operation::Operation;
use uuid::Uuid;

use super::google::{self, Verb};
use super::reply::{self, ReplyBody};
use crate::exchange::{self, call::Call};
use crate::gateway::Gateway;
use crate::state::directory::Principal;
use crate::{admin, api, auth, env, native, operation};

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Generate(DialectId),
    Google(&'a str, Verb),
    Models,
    Model(&'a str),
    Request(&'a str),
    Generation,
    Health,
    Ready,
    Metrics,
    OpenApi,
    Admin(&'a str),
    Native,
    Operate(Operation),
    Home,
    Nothing,
}

fn place(path: &str) -> Place<'_> {
    match path {
        "/v1/chat/completions" | "/chat/completions" | "/openai/v1/chat/completions" => {
            Place::Generate(DialectId::OpenAiChat)
        }
        "/v1/responses" | "/responses" | "/openai/v1/responses" => Place::Generate(DialectId::OpenAiResponses),
        "/v1/messages" | "/anthropic/v1/messages" => Place::Generate(DialectId::AnthropicMessages),
        "/v1/models" | "/v1beta/models" | "/models" | "/openai/v1/models" | "/anthropic/v1/models" => Place::Models,
        "/api/v1/generation" => Place::Generation,
        "/healthz" => Place::Health,
        "/readyz" => Place::Ready,
        "/metrics" => Place::Metrics,
        "/openapi.json" => Place::OpenApi,
        "/" => Place::Home,
        _ => {
            if let Some(rest) = path.strip_prefix("/admin/v1/") {
                return Place::Admin(rest);
            }
            if path.starts_with("/native/") {
                return Place::Native;
            }
            if let Some(operation) = operation(path) {
                return Place::Operate(operation);
            }
            if let Some((model, verb)) = google::parse(path) {
                return Place::Google(model, verb);
            }
            if let Some(id) = path.strip_prefix("/v1/requests/") {
                return Place::Request(id);
            }
            ["/v1/models/", "/v1beta/models/", "/models/", "/openai/v1/models/", "/anthropic/v1/models/"]
                .into_iter()
                .find_map(|prefix| path.strip_prefix(prefix))
                .filter(|id| !id.is_empty() && !id.contains(':'))
                .map_or(Place::Nothing, Place::Model)
        }
    }
}

/// The operation of a path: OpenAI's below `/v1` and `/openai/v1`, two of them without; reranking in both
/// versions; Anthropic's counting of tokens.
fn operation(path: &str) -> Option<Operation> {
    match path {
        "/v1/rerank" | "/rerank" => return Some(Operation::Rerank),
        "/v2/rerank" => return Some(Operation::RerankV2),
        "/v1/messages/count_tokens" | "/anthropic/v1/messages/count_tokens" => return Some(Operation::CountTokens),
        "/embeddings" => return Some(Operation::Embeddings),
        "/completions" => return Some(Operation::Completions),
        _ => {}
    }
    let rest = path.strip_prefix("/openai").unwrap_or(path).strip_prefix("/v1")?;
    let own = |operation: &Operation| {
        !matches!(operation, Operation::Rerank | Operation::RerankV2 | Operation::CountTokens)
            && operation.path() == rest
    };
    Operation::ALL.into_iter().find(own)
}

/// The dialect that errors on a path are told in.
fn dialect_of(path: &str, headers: &HeaderMap) -> DialectId {
    // Google's Python SDK lists models under `/v1`, with its own header.
    if google::is_google(path) || (path.starts_with("/v1/models") && headers.contains_key("x-goog-api-key")) {
        return DialectId::Gemini;
    }
    let anthropic = path.starts_with("/v1/messages")
        || path.starts_with("/anthropic")
        || (path.starts_with("/v1/models") && headers.contains_key("anthropic-version"));
    let path = path.strip_prefix("/openai").unwrap_or(path);
    let path = path.strip_prefix("/v1").unwrap_or(path);
    match anthropic {
        true => DialectId::AnthropicMessages,
        false if path == "/responses" || path.starts_with("/responses/") => DialectId::OpenAiResponses,
        false => DialectId::OpenAiChat,
    }
}

/// Serves one request.
pub async fn route(gateway: Arc<Gateway>, peer: Option<SocketAddr>, request: Request<Incoming>) -> Response<ReplyBody> {
    let start = env::instant();
    let id = env::request_id();
    let (head, body) = request.into_parts();
    let origin = allowed_origin(&gateway, &head.headers);
    let mut response = if head.method == Method::OPTIONS {
        preflight(origin.is_some())
    } else {
        match place(head.uri.path()) {
            Place::Generate(dialect) if head.method == Method::POST => {
                exchange::run(gateway, Call { id, start, dialect, named: None, stream: None, peer, head, body }).await
            }
            Place::Google(model, verb) if head.method == Method::POST => {
                let named = api::models::decoded(model);
                let (dialect, stream) = (DialectId::Gemini, Some(verb == Verb::Stream));
                exchange::run(gateway, Call { id, start, dialect, named, stream, peer, head, body }).await
            }
            Place::Operate(operation) if head.method == Method::POST => {
                operation::run(gateway, operation, native::Ask { id, start, peer, head, body }).await
            }
            Place::Native => native::run(gateway, native::Ask { id, start, peer, head, body }).await,
            _ => {
                let mut response = other(&gateway, peer, &head, body, id).await;
                if !response.headers().contains_key("x-tollgate-request-id") {
                    reply::id_header(&mut response, id);
                }
                response
            }
        }
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

async fn other(
    gateway: &Arc<Gateway>,
    peer: Option<SocketAddr>,
    head: &http::request::Parts,
    body: Incoming,
    id: Uuid,
) -> Response<ReplyBody> {
    let path = head.uri.path();
    let dialect = dialect_of(path, &head.headers);
    let get = head.method == Method::GET || head.method == Method::HEAD;
    let served = match place(path) {
        Place::Health if get => Ok(reply::text(200, "ok\n")),
        Place::Ready if get => Ok(match gateway.draining.load(Ordering::Relaxed) {
            false => reply::text(200, "ready\n"),
            true => reply::text(503, "draining\n"),
        }),
        Place::Home if get => Ok(reply::text(200, HOME)),
        Place::Metrics if get => who(gateway, peer, head, true).await.map(|_| metrics(gateway)),
        Place::OpenApi if get => who(gateway, peer, head, true).await.map(|_| reply::json(200, admin::openapi())),
        Place::Models if get => match who(gateway, peer, head, false).await {
            Ok(who) => Ok(api::models::list(gateway, &who, dialect)),
            Err(fault) => Err(fault),
        },
        Place::Model(model) if get => match who(gateway, peer, head, false).await {
            Ok(who) => api::models::one(gateway, &who, dialect, model),
            Err(fault) => Err(fault),
        },
        Place::Request(line) if get => match who(gateway, peer, head, false).await {
            Ok(who) => api::requests::one(gateway, &who, line).await,
            Err(fault) => Err(fault),
        },
        Place::Generation if get => match who(gateway, peer, head, false).await {
            Ok(who) => api::requests::generation(gateway, &who, head.uri.query()).await,
            Err(fault) => Err(fault),
        },
        Place::Admin(rest) => match who(gateway, peer, head, true).await {
            Ok(_) => admin::serve(gateway, rest, head, body).await,
            Err(fault) => Err(fault),
        },
        Place::Nothing => Err(nothing(path)),
        Place::Generate(_) | Place::Operate(_) | Place::Google(..) => Err(wrong_method("POST")),
        _ => Err(wrong_method("GET, HEAD")),
    };
    match served {
        Ok(response) => response,
        Err(fault) => reply::plain_fault(dialect, &fault, id),
    }
}

/// The caller of a path; with `admin`, one who may administrate.
async fn who(
    gateway: &Arc<Gateway>,
    peer: Option<SocketAddr>,
    head: &http::request::Parts,
    admin: bool,
) -> Result<Arc<Principal>, Fault> {
    let snapshot = gateway.snapshot.load_full();
    let who = auth::caller(gateway, &snapshot, head, peer).await?;
    if admin && !who.admin {
        let message = "This needs the admin key (`TOLLGATE_ADMIN_KEY`, or a key made with `--admin`).";
        return Err(Fault::new(Kind::Forbidden, message));
    }
    Ok(who)
}

fn metrics(gateway: &Gateway) -> Response<ReplyBody> {
    let metrics = &gateway.metrics;
    let set = |gauge: &prometheus_client::metrics::gauge::Gauge, value: u64| {
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    };
    set(&metrics.in_flight, gateway.in_flight() as u64);
    set(&metrics.buffered, gateway.buffered());
    set(&metrics.log_dropped, crate::telemetry::log::dropped());
    set(&metrics.panics, gateway.tasks.panics());
    let journal = gateway.journal.stats();
    metrics.journal_degraded.set(i64::from(journal.degraded));
    set(&metrics.journal_memory_lines, journal.memory_lines);
    set(&metrics.journal_dropped, journal.dropped_lines_total);
    set(&metrics.store_lag, gateway.lag());
    let mut response = reply::bytes(200, metrics.print());
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn nothing(path: &str) -> Fault {
    let shown: String = path.chars().take(120).collect();
    let bare = path.strip_prefix("/openai").or_else(|| path.strip_prefix("/anthropic")).unwrap_or(path);
    let kept = ["/v1/files", "/v1/batches", "/v1/messages/batches", "/v1/realtime", "/v1/uploads", "/v1/fine_tuning"];
    let message = if kept.iter().any(|kept| bare == *kept || bare.starts_with(&format!("{kept}/"))) {
        format!(
            "`{shown}` is kept by one provider's account, and is not served across providers in this release. Reach it \
             by the native lane: /native/{{provider}}{bare}, with the provider's name from the configuration.",
            bare = bare.chars().take(120).collect::<String>()
        )
    } else {
        format!(
            "There is nothing at `{shown}`. Served are /v1/chat/completions, /v1/responses, /v1/messages, \
             /v1beta/models/{{model}}:generateContent and :streamGenerateContent, /v1/embeddings and OpenAI's other operations, /v1/rerank, /v1/models, /v1/requests/{{id}} and \
             /api/v1/generation; every other path of a provider is reached by the native lane, \
             /native/{{provider}}/…."
        )
    };
    Fault::new(Kind::NotFound, message)
}

fn wrong_method(allow: &str) -> Fault {
    Fault::new(Kind::MethodNotAllowed, format!("This path takes {allow}.")).with("allow", format!("\"{allow}\""))
}

fn allowed_origin(gateway: &Gateway, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let snapshot = gateway.snapshot.load();
    let cors = &snapshot.config.server.cors;
    let allowed = cors.iter().any(|allowed| allowed == "*" || origin == allowed.as_str());
    allowed.then(|| origin.clone())
}

fn preflight(allowed: bool) -> Response<ReplyBody> {
    let mut response = reply::bytes(204, "");
    if allowed {
        let headers = response.headers_mut();
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, x-api-key, api-key, x-goog-api-key, anthropic-version, anthropic-beta, \
                 openai-beta, idempotency-key, x-tollgate-tags, x-tollgate-user, x-tollgate-session, \
                 x-tollgate-timeout, x-tollgate-deadline, x-tollgate-cache",
            ),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

const HOME: &str = "\
tollgate: one endpoint in front of every model.

  POST /v1/chat/completions     OpenAI's dialect      (base_url http://HOST:4000/v1)
  POST /v1/responses            OpenAI's responses    (the same base_url)
  POST /v1/messages             Anthropic's dialect   (base_url http://HOST:4000)
  POST /v1beta/models/MODEL:generateContent, :streamGenerateContent
                                Google's dialect      (base_url http://HOST:4000)
  POST /v1/embeddings, /v1/images/generations, /v1/audio/speech, /v1/rerank, …
  ANY  /native/PROVIDER/…       a provider's own API
  GET  /v1/models               what may be asked for
  GET  /v1/requests/{id}        which model served a request, at what cost, after which attempts
  GET  /healthz /readyz /metrics /openapi.json
";
