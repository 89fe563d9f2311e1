//! A request in the access log: what it was and how it went, without user, tags, money or text.

use std::net::IpAddr;

use policy::entry::{Entry, Stamp};
use uuid::Uuid;
use wire::json::Writer;

/// The line of a request that has ended; `client` is where it came from.
#[must_use]
pub fn line(entry: &Entry, client: Option<IpAddr>) -> String {
    let mut out = Writer::with_capacity(320);
    let json = &mut out;
    json.lit("{\"at\":").plain(&Stamp::of(entry.at));
    json.lit(",\"id\":").plain(entry.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    json.lit(",\"status\":").plain(entry.status.name()).lit(",\"http\":").u64(u64::from(entry.http.unwrap_or(0)));
    if let Some(client) = client {
        json.lit(",\"client\":").plain(&client.to_string());
    }
    json.lit(",\"key\":").str(&entry.caller.key).lit(",\"dialect\":").plain(entry.dialect);
    json.lit(",\"stream\":").bool(entry.stream).lit(",\"asked\":").str(&entry.asked);
    if let Some((provider, model, _)) = &entry.served {
        json.lit(",\"provider\":").str(provider).lit(",\"model\":").str(model);
    }
    if let Some((kind, _)) = entry.error {
        json.lit(",\"error\":").plain(kind);
    }
    json.lit(",\"attempts\":").u64(entry.attempts.len() as u64);
    json.lit(",\"ms\":").u64(entry.total_ms).lit(",\"gateway_us\":").u64(entry.gateway_us).lit("}");
    out.finish()
}
