//! What the caller is told when every try failed.

use std::time::Duration;

use dialect::fault::Kind;
use dialect::outcome::Outcome;

/// What the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The kind of error.
    pub kind: Kind,
    /// The earliest time a target asked us to come back, from now.
    pub retry_after: Option<Duration>,
}

/// Sums up failed tries, each with its outcome and the wait its provider asks for, from now. The caller's
/// own fault wins at once; keys that were refused count only when nothing else happened; what is left
/// must agree to be more than `upstream_failed`.
#[must_use]
pub fn verdict(failed: &[(Outcome, Option<Duration>)]) -> Verdict {
    let retry_after = failed.iter().filter_map(|(_, wait)| *wait).min();
    let kind = match failed.last() {
        Some((Outcome::InvalidRequest | Outcome::ContentPolicy | Outcome::ContextLength, _)) => {
            return Verdict { kind: Kind::UpstreamRejected, retry_after: None };
        }
        None => Kind::UpstreamFailed,
        Some(_) => {
            let ours = |outcome: Outcome| matches!(outcome, Outcome::Auth | Outcome::Billing);
            let mut others = failed.iter().map(|(outcome, _)| *outcome).filter(|outcome| !ours(*outcome)).peekable();
            if others.peek().is_none() {
                Kind::UpstreamAuth
            } else {
                let kinds: Vec<Kind> = others.map(kind).collect();
                match kinds.split_first() {
                    Some((first, rest)) if rest.iter().all(|other| other == first) => *first,
                    _ => Kind::UpstreamFailed,
                }
            }
        }
    };
    let tells = matches!(kind, Kind::UpstreamRateLimited | Kind::UpstreamOverloaded);
    Verdict { kind, retry_after: retry_after.filter(|_| tells) }
}

const fn kind(outcome: Outcome) -> Kind {
    match outcome {
        Outcome::RateLimited => Kind::UpstreamRateLimited,
        Outcome::Overloaded => Kind::UpstreamOverloaded,
        Outcome::TimeoutConnect | Outcome::TimeoutFirstByte | Outcome::TimeoutIdle | Outcome::TimeoutTotal => {
            Kind::UpstreamTimeout
        }
        Outcome::InvalidRequest | Outcome::ContentPolicy | Outcome::ContextLength => Kind::UpstreamRejected,
        Outcome::Auth | Outcome::Billing => Kind::UpstreamAuth,
        Outcome::Ok
        | Outcome::Connect
        | Outcome::ServerError
        | Outcome::BadAnswer
        | Outcome::Truncated
        | Outcome::Cancelled => Kind::UpstreamFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_actionable_wins() {
        use Outcome::{Auth, Billing, Connect, InvalidRequest, Overloaded, RateLimited, ServerError, TimeoutTotal};
        let cases: [(&[Outcome], Kind); 10] = [
            (&[RateLimited, RateLimited], Kind::UpstreamRateLimited),
            (&[RateLimited, ServerError], Kind::UpstreamFailed),
            (&[Auth, RateLimited], Kind::UpstreamRateLimited),
            (&[Auth, Billing], Kind::UpstreamAuth),
            (&[Overloaded], Kind::UpstreamOverloaded),
            (&[TimeoutTotal, Outcome::TimeoutConnect], Kind::UpstreamTimeout),
            (&[TimeoutTotal, Connect], Kind::UpstreamFailed),
            (&[ServerError, InvalidRequest], Kind::UpstreamRejected),
            (&[Connect], Kind::UpstreamFailed),
            (&[], Kind::UpstreamFailed),
        ];
        for (outcomes, kind) in cases {
            let failed: Vec<_> = outcomes.iter().map(|outcome| (*outcome, None)).collect();
            assert_eq!(verdict(&failed).kind, kind, "{outcomes:?}");
        }
    }

    #[test]
    fn the_earliest_horizon_is_told() {
        let seconds = Duration::from_secs;
        let failed = [(Outcome::RateLimited, Some(seconds(60))), (Outcome::RateLimited, Some(seconds(7)))];
        assert_eq!(verdict(&failed).retry_after, Some(seconds(7)));
    }
}
