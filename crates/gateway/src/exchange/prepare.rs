//! A request made ready for a target: its own bytes patched, or written anew in the target's dialect.

use std::sync::Arc;

use bytes::Bytes;
use dialect::dialect::Asked;
use dialect::fault::{Fault, Kind};
use dialect::ir::proofs::{may_lack, restore};
use dialect::ir::request::Request;
use dialect::loss::{Loss, Lossy};
use dialect::peek::Said;
use dialect::undo::Undo;
use wire::json::Document;

use super::arrive::Arrived;
use super::hosting;
use super::media::Media;
use super::settle::Record;
use crate::env;
use crate::gateway::Gateway;
use crate::state::target::{Lane, Target};

/// A request made ready for one target.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The body.
    pub body: Bytes,
    /// Headers beyond the row's.
    pub headers: Vec<(&'static str, String)>,
    /// What could not come along.
    pub losses: Vec<Loss>,
    /// How the answer comes back.
    pub way: Way,
}

/// How an answer comes back.
#[derive(Debug, Clone)]
pub enum Way {
    /// In the caller's dialect, byte for byte.
    Same {
        /// Hold back the frame that carries usage alone.
        hold_usage: bool,
    },
    /// Through the representation between dialects.
    Across {
        /// What the answer must be changed back from.
        undo: Undo,
    },
}

/// Requests made ready, one a target: keys and second tries use them again.
#[derive(Debug, Default)]
pub struct Ready {
    read: Option<Lossy<Request>>,
    media: Media,
    by_route: Vec<(usize, Prepared)>,
}

impl Ready {
    /// The request as it goes to a target.
    ///
    /// # Errors
    /// The request is not what its dialect says, cannot be said in the target's, or its media cannot be had.
    pub async fn prepare(
        &mut self,
        arrived: &Arrived,
        route: usize,
        target: &Arc<Target>,
        lane: &Lane,
        record: &mut Record,
    ) -> Result<&Prepared, Fault> {
        let place = match self.by_route.iter().position(|(known, _)| *known == route) {
            Some(place) => place,
            None => {
                let inlined = self.media.inline(arrived, target, lane, record).await?;
                let prepared = self.make(record.gateway(), arrived, inlined.as_ref(), target, lane)?;
                self.by_route.push((route, prepared));
                self.by_route.len() - 1
            }
        };
        // It was put there a moment ago.
        self.by_route
            .get(place)
            .map(|(_, prepared)| prepared)
            .ok_or_else(|| Fault::new(Kind::UpstreamFailed, "The request could not be prepared."))
    }

    fn make(
        &mut self,
        gateway: &Gateway,
        arrived: &Arrived,
        inlined: Option<&Document>,
        target: &Target,
        lane: &Lane,
    ) -> Result<Prepared, Fault> {
        let to = target.for_dialect();
        let body = inlined.unwrap_or(&arrived.body);
        if lane.dialect == arrived.dialect {
            let mut patch = dialect::of(arrived.dialect).patch(body, &arrived.peek, &to);
            if let Some(hosted) = lane.hosted {
                patch.edits.extend(hosting::edits(hosted, &arrived.headers));
            }
            return Ok(Prepared {
                body: body.edit(&patch.edits),
                headers: Vec::new(),
                losses: patch.losses,
                // Who asks for the cost asks for the frame that tells it.
                way: Way::Same { hold_usage: patch.hold_usage && !arrived.peek.include_cost },
            });
        }
        let said = Said { model: Some(&arrived.peek.model), stream: Some(arrived.peek.stream) };
        let read = match self.read.take().filter(|_| inlined.is_none()) {
            Some(read) => read,
            None => {
                dialect::twice::refuse(body)?;
                let mut read = dialect::of(arrived.dialect).read_request(body, said)?;
                if may_lack(&read.value) {
                    restore(&mut read.value, &gateway.proofs.of(&arrived.who.owner.text()));
                }
                read
            }
        };
        let written = dialect::of(lane.dialect)
            .write_request(&read.value, &to)
            .map_err(|fault| fault.called("messages", dialect::of(arrived.dialect).turns()))?;
        let mut losses: Vec<Loss> = read.losses.iter().cloned().chain(written.losses).collect();
        if let Some(turn) = &arrived.turn {
            // The gateway keeps what the provider does not.
            losses.retain(|loss| !(turn.keep && loss.what == "store" && loss.at == "store"));
            losses.extend(turn.too_long.then(|| Loss::dropped("store", "store")));
        }
        // What was read with bytes in it is for targets that want the same.
        self.read = Some(read).filter(|_| inlined.is_none());
        Ok(Prepared {
            body: match lane.hosted {
                Some(hosted) => hosting::body(written.body, hosted),
                None => written.body.into(),
            },
            headers: written.headers,
            losses,
            way: Way::Across { undo: written.undo },
        })
    }
}

/// What the client asked for, as far as its answer must know.
#[must_use]
pub fn asked(arrived: &Arrived, target: &Target) -> Asked {
    let turn = arrived.turn.as_ref();
    let mut echo = dialect::of(arrived.dialect).echo(&arrived.body);
    // The conversation stands in its place.
    if let Some(previous) = turn.and_then(|turn| turn.previous.as_ref()) {
        echo.push(("previous_response_id".to_owned(), format!("\"{previous}\"")));
    }
    Asked {
        include_usage: arrived.peek.include_usage || arrived.peek.include_cost,
        now: env::unix_seconds(),
        id: turn.map_or_else(|| format!("tg-{}", arrived.id.simple()), |turn| turn.id.to_string()),
        kept: turn.map(|turn| turn.keep),
        model: target.model.to_string(),
        echo,
    }
}
