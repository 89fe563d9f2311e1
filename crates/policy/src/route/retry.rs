//! What is tried next after a failure: another key, another target, the same one again, or nothing.
//!
//! Tries are bounded in all. The same target is tried again only when no other is left; a provider's
//! `retry-after` is then waited for, up to [`LONGEST_WAIT`].

use std::time::Duration;

use dialect::outcome::{Outcome, Retry};

/// The longest `retry-after` that is waited for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The first pause before a target is tried again; it doubles with each further try.
const PAUSE: Duration = Duration::from_millis(100);

/// One target with its keys, in the order to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The caller's number of the target.
    pub target: usize,
    /// How many keys its provider has; at least 1. With 1 it is [`Route::first_key`], whatever others there are.
    pub keys: usize,
    /// The key to begin with.
    pub first_key: usize,
}

/// One try that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Place in the routes.
    pub route: usize,
    /// The key.
    pub key: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended, since the request arrived.
    pub at: Duration,
    /// How long the provider asks to wait, from then.
    pub retry_after: Option<Duration>,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try a route with a key after a pause.
    Try {
        /// Place in the routes.
        route: usize,
        /// The key.
        key: usize,
        /// Pause before.
        pause: Duration,
    },
    /// Nothing is left to try.
    GiveUp,
}

/// Decides the next try. `failed` holds every try so far in order, `most` bounds the tries in all, `now`
/// is the time since the request arrived.
#[must_use]
pub fn next(routes: &[Route], failed: &[Failed], most: usize, now: Duration, dice: u64) -> Next {
    if failed.len() >= most {
        return Next::GiveUp;
    }
    let go = |route: usize, key: usize, pause: Duration| Next::Try { route, key, pause };
    let Some(last) = failed.last() else {
        return routes.first().map_or(Next::GiveUp, |first| go(0, first.first_key, Duration::ZERO));
    };
    if last.outcome.retry() == Retry::Never {
        return Next::GiveUp;
    }
    let tried = |route: usize, key: usize| failed.iter().any(|other| other.route == route && other.key == key);
    let fresh_key = |route: usize| {
        let keys = routes.get(route)?;
        if keys.keys == 1 {
            return Some(keys.first_key).filter(|key| !tried(route, *key));
        }
        (0..keys.keys).map(|step| (keys.first_key + step) % keys.keys.max(1)).find(|key| !tried(route, *key))
    };
    // The key is at fault: the next key of the same target at once.
    let keys_fault = matches!(last.outcome, Outcome::Auth | Outcome::Billing | Outcome::RateLimited);
    if keys_fault && let Some(key) = fresh_key(last.route) {
        return go(last.route, key, Duration::ZERO);
    }
    let untouched = |route: &usize| failed.iter().all(|other| other.route != *route);
    if let Some(route) = (0..routes.len()).find(untouched)
        && let Some(key) = fresh_key(route)
    {
        return go(route, key, Duration::ZERO);
    }
    if let Some((route, key)) = (0..routes.len()).find_map(|route| Some((route, fresh_key(route)?))) {
        return go(route, key, Duration::ZERO);
    }
    again(routes, failed, now, dice)
}

/// Everything was tried once: the pair that is ready first, unless its key is out or it asks for too long.
fn again(routes: &[Route], failed: &[Failed], now: Duration, dice: u64) -> Next {
    let mut best: Option<(Duration, usize, usize)> = None;
    for (place, route) in routes.iter().enumerate() {
        // One key of several may be the only one that is to be tried.
        let keys = if route.keys == 1 { route.first_key..route.first_key + 1 } else { 0..route.keys };
        for key in keys {
            let of_pair = || failed.iter().filter(|other| other.route == place && other.key == key);
            let Some(last) = of_pair().next_back() else { continue };
            if matches!(last.outcome, Outcome::Auth | Outcome::Billing) {
                continue;
            }
            let doublings = u32::try_from(of_pair().count().saturating_sub(1)).unwrap_or(u32::MAX).min(6);
            let pause = PAUSE.saturating_mul(1 << doublings);
            // Between half and the whole pause, so that callers who failed together do not return together.
            let jittered = pause / 2 + Duration::from_micros(dice % (pause.as_micros() as u64 / 2).max(1));
            let ready = match last.retry_after {
                Some(wait) => (last.at + wait).saturating_sub(now),
                None => jittered,
            };
            if best.is_none_or(|(known, _, _)| ready < known) {
                best = Some((ready, place, key));
            }
        }
    }
    match best {
        Some((pause, route, key)) if pause <= LONGEST_WAIT => Next::Try { route, key, pause },
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn routes(keys: &[usize]) -> Vec<Route> {
        keys.iter().enumerate().map(|(target, keys)| Route { target, keys: *keys, first_key: 0 }).collect()
    }

    /// Plays outcomes against routes; gives the tries as `route.key`, `x` for giving up.
    fn play(keys: &[usize], most: usize, outcomes: &[(Outcome, Option<u64>)]) -> String {
        let routes = routes(keys);
        let mut failed = Vec::new();
        let mut said = Vec::new();
        for at in 0..=outcomes.len() {
            match next(&routes, &failed, most, Duration::ZERO, 0) {
                Next::GiveUp => {
                    said.push("x".to_owned());
                    break;
                }
                Next::Try { route, key, pause } => {
                    let waited = if pause > 40 * MS { format!("+{}", pause.as_millis()) } else { String::new() };
                    said.push(format!("{route}.{key}{waited}"));
                    let Some((outcome, after)) = outcomes.get(at).copied() else { break };
                    let retry_after = after.map(Duration::from_millis);
                    failed.push(Failed { route, key, outcome, at: Duration::ZERO, retry_after });
                }
            }
        }
        said.join(" ")
    }

    #[test]
    fn a_failing_target_gives_way_to_the_next() {
        use Outcome::{Auth, ContextLength, InvalidRequest, Overloaded, RateLimited, ServerError};
        let plain = |outcome| (outcome, None);
        let cases = [
            (play(&[1, 1], 3, &[plain(ServerError)]), "0.0 1.0"),
            // Both failed once: the first again, after a pause.
            (play(&[1, 1], 3, &[plain(ServerError), plain(Overloaded)]), "0.0 1.0 0.0+50"),
            (play(&[1, 1], 2, &[plain(ServerError), plain(Overloaded)]), "0.0 1.0 x"),
            // The caller's fault is nobody else's.
            (play(&[1, 1], 3, &[plain(InvalidRequest)]), "0.0 x"),
            (play(&[1, 1], 3, &[plain(ContextLength)]), "0.0 x"),
            // A key's fault: the next key first; a server's fault: the next target first.
            (play(&[2, 1], 3, &[plain(RateLimited)]), "0.0 0.1"),
            (play(&[2, 1], 3, &[plain(ServerError)]), "0.0 1.0"),
            (play(&[2, 1], 5, &[plain(ServerError), plain(ServerError)]), "0.0 1.0 0.1"),
            // A key that was refused stays out.
            (play(&[1], 3, &[plain(Auth)]), "0.0 x"),
            (play(&[2], 3, &[plain(Auth), plain(ServerError)]), "0.0 0.1 0.1+50"),
            // A short retry-after is waited for, a long one is not.
            (play(&[1], 3, &[(RateLimited, Some(2_000))]), "0.0 0.0+2000"),
            (play(&[1], 3, &[(RateLimited, Some(6_000))]), "0.0 x"),
            // Of two that are limited, the one that is ready first.
            (play(&[1, 1], 3, &[(RateLimited, Some(4_000)), (RateLimited, Some(1_000))]), "0.0 1.0 1.0+1000"),
            (play(&[], 3, &[]), "x"),
        ];
        for (said, expected) in cases {
            assert_eq!(said, expected);
        }
    }
}
