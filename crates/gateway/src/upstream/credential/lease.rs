//! A grant that ends: held while it lives, renewed at four fifths of its life by one fetch at a time, in the
//! background. A renewal that fails changes nothing while the old grant lives.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{CredentialError, Grant};
use crate::config::Secret;
use crate::env;
use crate::telemetry::log;

/// The shortest pause between two fetches where the first failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The shortest pause between two fetches of grants that providers refuse.
const DOUBT: Duration = Duration::from_secs(30);

/// What was fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The grant.
    pub grant: Grant,
    /// How long it lives from now; `None` for ever.
    pub life: Option<Duration>,
}

impl Fetched {
    /// A token without more.
    #[must_use]
    pub fn token(token: Secret, life: Duration) -> Self {
        Self { grant: Grant::Token { token, charged: None }, life: Some(life) }
    }

    /// The same, where it lives long enough to be used.
    ///
    /// # Errors
    /// It ends at once: asking on and on would be the next mistake.
    pub fn living(self) -> Result<Self, CredentialError> {
        match self.life {
            Some(life) if life < PAUSE => {
                let what = "what it gave has ended, or ends at once";
                Err(CredentialError::new(what, "Sign in again, or check this machine's clock."))
            }
            _ => Ok(self),
        }
    }
}

#[derive(Debug)]
struct Held {
    grant: Grant,
    since: Instant,
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
}

#[derive(Debug)]
struct Failed {
    error: CredentialError,
    /// No fetch before.
    until: Instant,
    times: u32,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    failed: Option<Failed>,
    under_way: bool,
}

/// The grant of one provider.
#[derive(Debug)]
pub struct Lease {
    state: Mutex<State>,
    ended: watch::Sender<u64>,
}

impl Default for Lease {
    fn default() -> Self {
        Self { state: Mutex::default(), ended: watch::Sender::new(0) }
    }
}

/// What there is.
#[derive(Debug)]
pub enum Look {
    /// A grant that lives.
    Held {
        /// The grant.
        grant: Grant,
        /// It is time for the next.
        renew: bool,
    },
    /// None, and the last fetch failed a moment ago.
    Failed(CredentialError),
    /// None: somebody must fetch.
    Missing(Wait),
}

/// Waits for the end of a fetch.
#[derive(Debug)]
pub struct Wait(watch::Receiver<u64>);

impl Wait {
    /// Returns when one has ended since this was made.
    pub async fn done(mut self) {
        // The lease holds the sender, and whoever waits holds the lease.
        let _ = self.0.changed().await;
    }
}

/// The right to fetch: one at a time. Dropped without an end, it is given back.
#[derive(Debug)]
pub struct Turn(Arc<Lease>);

impl Lease {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks.
    #[must_use]
    pub fn look(&self) -> Look {
        let state = self.state();
        let now = env::instant();
        let rests = state.failed.as_ref().is_some_and(|failed| failed.until > now);
        if let Some(held) = state.held.as_ref().filter(|held| held.ends_at.is_none_or(|at| now < at)) {
            let due = held.renew_at.is_some_and(|at| now >= at);
            return Look::Held { grant: held.grant.clone(), renew: due && !rests && !state.under_way };
        }
        match &state.failed {
            Some(failed) if rests && !state.under_way => Look::Failed(failed.error.clone()),
            // Under the lock that every end takes before it is told, so that none is missed.
            _ => Look::Missing(Wait(self.ended.subscribe())),
        }
    }

    /// The grant that is held, alive or not.
    #[must_use]
    pub fn held(&self) -> Option<Grant> {
        self.state().held.as_ref().map(|held| held.grant.clone())
    }

    /// Takes a grant in.
    pub fn hold(&self, fetched: Fetched) {
        let mut state = self.state();
        let now = env::instant();
        // Not to its very end: a request is under way for a while before it is looked at.
        let ends = |life: Duration| now + life - (life / 20).min(Duration::from_secs(10));
        state.held = Some(Held {
            grant: fetched.grant,
            since: now,
            renew_at: fetched.life.map(|life| now + life * 4 / 5),
            ends_at: fetched.life.map(ends),
        });
        state.failed = None;
    }

    /// The grant was refused: the next one is due, unless this one is new.
    pub fn doubt(&self) {
        let mut state = self.state();
        let now = env::instant();
        if let Some(held) = &mut state.held
            && held.ends_at.is_some()
            && now.saturating_duration_since(held.since) > DOUBT
        {
            held.renew_at = Some(now);
        }
    }

    /// The right to fetch, where a fetch is wanted and none is under way.
    #[must_use]
    pub fn turn(self: &Arc<Self>) -> Option<Turn> {
        let mut state = self.state();
        let now = env::instant();
        let fresh = |held: &Held| held.renew_at.is_none_or(|at| now < at) && held.ends_at.is_none_or(|at| now < at);
        let rests = state.failed.as_ref().is_some_and(|failed| failed.until > now);
        if state.under_way || rests || state.held.as_ref().is_some_and(fresh) {
            return None;
        }
        state.under_way = true;
        Some(Turn(Arc::clone(self)))
    }
}

impl Turn {
    /// Ends the fetch.
    pub fn end(self, fetched: Result<Fetched, CredentialError>) {
        match fetched {
            Ok(fetched) => self.0.hold(fetched),
            Err(error) => {
                let mut state = self.0.state();
                let now = env::instant();
                let alive = state.held.as_ref().is_some_and(|held| held.ends_at.is_none_or(|at| now < at));
                let times = state.failed.as_ref().map_or(0, |failed| failed.times.min(5));
                let first = times == 0;
                let until = now + (PAUSE * 2u32.pow(times)).min(LONGEST_PAUSE);
                let told = error.to_string();
                state.failed = Some(Failed { error, until, times: times + 1 });
                drop(state);
                // Once, not at every try.
                if first && alive {
                    log::warn(
                        "credentials could not be renewed; the old ones are used until they end",
                        &[("why", &told)],
                    );
                } else if first {
                    log::warn("there are no credentials for a provider", &[("why", &told)]);
                }
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.state().under_way = false;
        self.0.ended.send_modify(|ended| *ended = ended.wrapping_add(1));
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn token(text: &str, life: Option<u64>) -> Fetched {
        let grant = Grant::Token { token: Secret::new(text), charged: None };
        Fetched { grant, life: life.map(Duration::from_secs) }
    }

    fn look(lease: &Lease) -> String {
        match lease.look() {
            Look::Held { grant: Grant::Token { token, .. }, renew } => format!("{} {renew}", token.reveal()),
            Look::Held { .. } => "keys".to_owned(),
            Look::Failed(error) => error.what,
            Look::Missing(_) => "missing".to_owned(),
        }
    }

    fn turn(lease: &Arc<Lease>) -> Turn {
        lease.turn().unwrap_or_else(|| panic!("a turn is free"))
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetches_and_the_old_grant_is_used_until_it_ends() {
        let lease = Arc::new(Lease::default());
        assert_eq!(look(&lease), "missing");
        let first = turn(&lease);
        assert!(lease.turn().is_none(), "one at a time");
        first.end(Ok(token("a", Some(100))));
        assert_eq!(look(&lease), "a false");
        assert!(lease.turn().is_none(), "nothing is due");
        tokio::time::advance(Duration::from_secs(80)).await;
        assert_eq!(look(&lease), "a true");
        // A renewal that fails is no failed request, and is not tried again at once.
        turn(&lease).end(Err(CredentialError::new("down", "wait")));
        assert_eq!(look(&lease), "a false");
        assert!(lease.turn().is_none());
        tokio::time::advance(Duration::from_millis(1_001)).await;
        assert_eq!(look(&lease), "a true");
        turn(&lease).end(Err(CredentialError::new("down", "wait")));
        tokio::time::advance(Duration::from_millis(1_001)).await;
        assert_eq!(look(&lease), "a false", "the pause doubles");
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(look(&lease), "missing", "it has ended");
        turn(&lease).end(Err(CredentialError::new("down", "wait")));
        assert_eq!(look(&lease), "down");
        tokio::time::advance(Duration::from_secs(31)).await;
        turn(&lease).end(Ok(token("b", None)));
        assert_eq!(look(&lease), "b false");
    }

    #[test]
    fn what_ends_at_once_is_no_grant() {
        assert!(token("a", Some(0)).living().is_err());
        assert!(token("a", Some(1)).living().is_ok() && token("a", None).living().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_is_dropped_gives_its_turn_back() {
        let lease = Arc::new(Lease::default());
        let Look::Missing(wait) = lease.look() else { panic!("nothing is there") };
        drop(turn(&lease));
        wait.done().await;
        assert!(lease.turn().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_grant_is_renewed_but_not_at_every_refusal() {
        let lease = Arc::new(Lease::default());
        lease.hold(token("a", Some(3_600)));
        lease.doubt();
        assert_eq!(look(&lease), "a false", "it is new");
        tokio::time::advance(Duration::from_secs(31)).await;
        lease.doubt();
        assert_eq!(look(&lease), "a true");
    }
}
