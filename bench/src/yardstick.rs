//! The yardstick: the least a proxy on hyper can do. It forwards bytes both ways and knows nothing of them.

use std::convert::Infallible;

use bytes::Bytes;
use clap::Args;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::uri::{Authority, Scheme};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::{Context, Fault};

/// Options of the yardstick.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9200")]
    pub listen: String,
    /// `host:port` to forward to.
    #[arg(long, default_value = "127.0.0.1:9100")]
    pub upstream: String,
}

type Body = BoxBody<Bytes, hyper::Error>;

/// Serves until the process ends.
///
/// # Errors
/// When the address cannot be listened on or the upstream's is none.
pub async fn serve(options: Options) -> Result<(), Fault> {
    let listener = TcpListener::bind(&options.listen).await.context(format!("listen on {}", options.listen))?;
    serve_on(listener, &options.upstream).await
}

/// Serves on a listener that is already bound.
///
/// # Errors
/// When the upstream's address is none or accepting fails for good.
pub async fn serve_on(listener: TcpListener, upstream: &str) -> Result<(), Fault> {
    let upstream: Authority = upstream.parse().context(format!("--upstream {upstream}"))?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        stream.set_nodelay(true).context("TCP_NODELAY")?;
        let (client, upstream) = (client.clone(), upstream.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| forward(client.clone(), upstream.clone(), request));
            // A client that leaves ends its connection and nothing else.
            let _left =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn forward(
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream);
    let answer = match Uri::from_parts(parts) {
        Ok(uri) => {
            *request.uri_mut() = uri;
            client.request(request).await.map_err(|e| e.to_string())
        }
        Err(e) => Err(e.to_string()),
    };
    Ok(answer.map(|response| response.map(BodyExt::boxed)).unwrap_or_else(|fault| {
        let body = Full::new(Bytes::from(fault)).map_err(|never| match never {}).boxed();
        let mut response = Response::new(body);
        *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
        response
    }))
}
