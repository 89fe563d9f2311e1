//! Media at addresses that a target cannot fetch: downloaded once a request, and put into its body as bytes.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dialect::fault::{Fault, Kind};
use dialect::ir::part::MediaKind;
use dialect::quirk::Quirk;
use dialect::remote::{Remote, Takes, is_web};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Uri;
use wire::json::Document;

use super::arrive::Arrived;
use super::settle::Record;
use crate::config::types::{FetchMedia, Fetching};
use crate::env;
use crate::fetch::failure::Failure;
use crate::fetch::get::{Fetched, Room};
use crate::gateway::{Gateway, Held};
use crate::state::target::{Lane, Target};

/// Most media at addresses in one request.
const MOST: usize = 64;
/// Downloads of one request at once.
const AT_ONCE: usize = 8;

/// Media of a request that were downloaded: other targets and tries use them again.
#[derive(Debug, Default)]
pub struct Media {
    known: Vec<(String, Arc<Fetched>)>,
    total: AtomicU64,
    /// Their bytes count as held in memory.
    held: Option<Mutex<Held>>,
}

impl Media {
    /// The request's body as a target takes it: with bytes in the place of addresses that it cannot fetch. `None` where
    /// it can have the body as it is.
    ///
    /// # Errors
    /// `invalid_request` with the path of what cannot be had; `unavailable` where there is no room.
    pub async fn inline(
        &mut self,
        arrived: &Arrived,
        target: &Target,
        lane: &Lane,
        record: &mut Record,
    ) -> Result<Option<Document>, Fault> {
        let needed = needed(arrived, target, lane)?;
        let rules = &arrived.snapshot.config.server.fetch_media;
        // An address is of the prompt: where that may go nowhere but to some providers, it is asked of listed hosts alone.
        let listed = (rules.mode == Fetching::Public && arrived.who.is_bound())
            .then(|| FetchMedia { mode: Fetching::Allow, ..rules.clone() });
        let rules = listed.as_ref().unwrap_or(rules);
        // In the same dialect an untouched body is the target's to judge.
        if needed.is_empty() || (rules.mode == Fetching::Off && lane.dialect == arrived.dialect) {
            return Ok(None);
        }
        let waiting = env::instant();
        let fetched = self.fetch(&needed, arrived, target, rules, record).await;
        record.waited(waiting);
        fetched?;
        let dialect = dialect::of(arrived.dialect);
        let mut edits = Vec::with_capacity(needed.len());
        for remote in &needed {
            if let Some((_, media)) = self.known.iter().find(|(url, _)| *url == remote.url) {
                edits.extend(dialect.inline(remote, &media.media_type, &STANDARD.encode(&media.bytes)));
            }
        }
        let edited = Document::parse(arrived.body.edit(&edits));
        edited.map(Some).map_err(|_| Fault::new(Kind::UpstreamFailed, "Fetched media could not be put into the body."))
    }

    async fn fetch(
        &mut self,
        needed: &[Remote],
        arrived: &Arrived,
        target: &Target,
        rules: &FetchMedia,
        record: &Record,
    ) -> Result<(), Fault> {
        let mut wanted: Vec<&Remote> = Vec::new();
        for remote in needed {
            let known = |url: &str| url == remote.url;
            if !self.known.iter().any(|(url, _)| known(url)) && !wanted.iter().any(|other| known(&other.url)) {
                wanted.push(remote);
            }
        }
        let Some(first) = wanted.first() else { return Ok(()) };
        if rules.mode == Fetching::Off {
            return Err(Failure::Off.fault(&first.path(), first.kind));
        }
        if let Some(beyond) = wanted.get(MOST) {
            return Err(Failure::TooMany(MOST).fault(&beyond.path(), beyond.kind));
        }
        let gateway = record.gateway();
        let most = arrived.snapshot.config.server.max_buffered;
        if self.held.is_none() {
            self.held = Some(Mutex::new(gateway.buffer(0, most)?));
        }
        let (held, total) = (self.held.as_ref(), &self.total);
        let room = |bytes: u64| {
            let together = total.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
            if together > rules.total {
                return Err(Failure::TooLargeTogether(rules.total));
            }
            let Some(held) = held else { return Ok(()) };
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            gateway.grow(&mut held, together, most).map_err(|fault| Failure::Room(Box::new(fault)))
        };
        let proxy = target.provider.reach.proxy.as_ref();
        let mut waiting = wanted.iter().copied();
        let mut downloads = FuturesUnordered::new();
        for remote in waiting.by_ref().take(AT_ONCE) {
            downloads.push(one(gateway, remote, rules, proxy, &room));
        }
        let mut until = env::instant() + rules.timeout;
        if let Some(deadline) = arrived.deadline {
            until = until.min(deadline);
        }
        let mut got = Vec::with_capacity(wanted.len());
        while got.len() < wanted.len() {
            match tokio::time::timeout_at(until, downloads.next()).await {
                Ok(Some((remote, Ok(media)))) => {
                    got.push((remote.url.clone(), Arc::new(media)));
                    downloads.extend(waiting.next().map(|remote| one(gateway, remote, rules, proxy, &room)));
                }
                Ok(Some((remote, Err(failure)))) => return Err(failure.fault(&remote.path(), remote.kind)),
                Ok(None) => break,
                Err(_) if arrived.deadline.is_some_and(|deadline| deadline <= until) => {
                    return Err(super::miss::out_of_time());
                }
                Err(_) => {
                    let late = wanted.iter().find(|remote| !got.iter().any(|(url, _)| *url == remote.url));
                    let (path, kind) = late.map_or((String::new(), MediaKind::File), |one| (one.path(), one.kind));
                    return Err(Failure::Timeout(rules.timeout.as_millis()).fault(&path, kind));
                }
            }
        }
        drop(downloads);
        self.known.extend(got);
        Ok(())
    }
}

/// One download under way.
type Download<'a> = Pin<Box<dyn Future<Output = (&'a Remote, Result<Fetched, Failure>)> + Send + 'a>>;

fn one<'a>(
    gateway: &'a Gateway,
    remote: &'a Remote,
    rules: &'a FetchMedia,
    proxy: Option<&'a Uri>,
    room: Room<'a>,
) -> Download<'a> {
    Box::pin(async move { (remote, gateway.fetcher.get(&remote.url, remote.kind, rules, proxy, room).await) })
}

/// The media that must be bytes for a target.
///
/// # Errors
/// An address of a kind that only another provider can read.
fn needed(arrived: &Arrived, target: &Target, lane: &Lane) -> Result<Vec<Remote>, Fault> {
    let same = lane.dialect == arrived.dialect;
    if same && !target.quirks.has(Quirk::NoMediaUrls) {
        return Ok(Vec::new());
    }
    let (to, theirs) = (target.for_dialect(), dialect::of(lane.dialect));
    let mut needed = Vec::new();
    for remote in dialect::of(arrived.dialect).remote(&arrived.body) {
        if theirs.takes(remote.kind, &remote.url, &to) != Takes::Bytes {
            continue;
        }
        match is_web(&remote.url) {
            true => needed.push(remote),
            // An untouched body is the target's to judge.
            false if same => {}
            false => {
                let why = "only its own provider can read addresses of this kind (http and https are fetched)";
                return Err(Failure::Address(why).fault(&remote.path(), remote.kind));
            }
        }
    }
    Ok(needed)
}
