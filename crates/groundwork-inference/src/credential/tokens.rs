//! The one token of an identity, fetched when it is first needed and renewed in the background ahead of its end, so that no call waits
//! for it. A renewal that fails leaves the token that is still good.

use crate::exchange::now;
use crate::target::{Ambient, CallError};
use azure_core::credentials::TokenCredential;
use groundwork_core::clock::UnixMs;
use http::HeaderValue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

/// How long before its end a token is renewed: inside the five minutes in which the identity library renews at all.
const AHEAD: Duration = Duration::from_secs(270);
/// How long a request for a token may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries to renew, and how long a failure answers those who ask meanwhile.
const BETWEEN_TRIES: Duration = Duration::from_secs(15);
const FAILURE_LASTS: Duration = Duration::from_secs(3);

pub(crate) struct Tokens {
    credential: Arc<dyn TokenCredential>,
    scope: String,
    ambient: Ambient,
    state: RwLock<State>,
    /// Held by the one who fetches.
    fetching: tokio::sync::Mutex<()>,
    is_kept: AtomicBool,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// What went wrong last, and when.
    failure: Option<(UnixMs, NoToken)>,
}

#[derive(Clone)]
struct Token {
    value: HeaderValue,
    ends: UnixMs,
}

/// Why there is no token.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoToken(String);

impl NoToken {
    pub(super) fn of(self, target: &str) -> CallError {
        CallError::Auth {
            target: target.to_owned(),
            status: 401,
            message: format!("no token of Microsoft Entra: {}", self.0),
            said: Box::default(),
        }
    }
}

impl Tokens {
    pub(super) fn new(credential: Arc<dyn TokenCredential>, scope: &str, ambient: Ambient) -> Arc<Self> {
        Arc::new(Self {
            credential,
            scope: scope.to_owned(),
            ambient,
            state: RwLock::default(),
            fetching: tokio::sync::Mutex::default(),
            is_kept: AtomicBool::new(false),
        })
    }

    /// The `Authorization` of a call that begins now.
    pub(super) async fn bearer(self: &Arc<Self>, deadline: Instant) -> Result<HeaderValue, NoToken> {
        if let Some(known) = self.known() {
            return known;
        }
        let patience = deadline.min(now() + PATIENCE);
        let late = |_elapsed| NoToken("it did not come in time".to_owned());
        let _place = tokio::time::timeout_at(patience.into(), self.fetching.lock()).await.map_err(late)?;
        // Somebody may have fetched it, or have failed to, while we waited for our turn.
        if let Some(known) = self.known() {
            return known;
        }
        let token = self.fetch(patience).await?;
        self.keep();
        Ok(token.value)
    }

    /// The token in hand, or the failure that has just been.
    fn known(&self) -> Option<Result<HeaderValue, NoToken>> {
        let now = self.ambient.clock.now();
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = state.token.as_ref().filter(|token| token.ends > now) {
            return Some(Ok(token.value.clone()));
        }
        let (at, failure) = state.failure.as_ref()?;
        (now < at.saturating_add(millis(FAILURE_LASTS))).then(|| Err(failure.clone()))
    }

    async fn fetch(&self, until: Instant) -> Result<Token, NoToken> {
        let scopes = [self.scope.as_str()];
        let fetched = match tokio::time::timeout_at(until.into(), self.credential.get_token(&scopes, None)).await {
            Ok(Ok(token)) => {
                let ends = u64::try_from(token.expires_on.unix_timestamp()).unwrap_or(0).saturating_mul(1000);
                match HeaderValue::try_from(format!("Bearer {}", token.token.secret())) {
                    Ok(mut value) => {
                        value.set_sensitive(true);
                        Ok(Token { value, ends })
                    }
                    Err(_) => Err(NoToken("what came is no token".to_owned())),
                }
            }
            Ok(Err(error)) => Err(NoToken(error.to_string())),
            Err(_elapsed) => Err(NoToken("it did not come in time".to_owned())),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(token) => {
                *state = State { token: Some(token.clone()), failure: None };
                Ok(token)
            }
            Err(failure) => {
                state.failure = Some((self.ambient.clock.now(), failure.clone()));
                Err(failure)
            }
        }
    }

    /// Renews in the background from the first token on, as long as a target needs it.
    fn keep(self: &Arc<Self>) {
        if self.is_kept.swap(true, Ordering::Relaxed) {
            return;
        }
        let (weak, stop) = (Arc::downgrade(self), self.ambient.stop.clone());
        self.ambient.tasks.spawn(async move {
            tokio::select! {
                () = renew(weak) => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// How long until the token is to be renewed: well before its end, or halfway to it when it is short.
    fn rest(&self) -> Duration {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let left = state.token.as_ref().map_or(0, |token| token.ends.saturating_sub(self.ambient.clock.now()));
        let left = Duration::from_millis(left);
        left.checked_sub(AHEAD).filter(|rest| !rest.is_zero()).unwrap_or((left / 2).max(BETWEEN_TRIES))
    }
}

async fn renew(tokens: Weak<Tokens>) {
    let Some(mut rest) = tokens.upgrade().map(|tokens| tokens.rest()) else { return };
    loop {
        tokio::time::sleep(rest).await;
        let Some(tokens) = tokens.upgrade() else { return };
        rest = match tokens.fetch(now() + PATIENCE).await {
            Ok(_) => tokens.rest(),
            Err(error) => {
                tracing::warn!(%error, "a token could not be renewed; the one in hand is used to its end");
                BETWEEN_TRIES
            }
        };
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
