//! Requests that come again with the same idempotency key get the answer that the first one got, for a day, also after a restart.

use crate::App;
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use groundwork_store::db::DbError;
use groundwork_store::db::kept_answers::{Hash, KeptAnswer};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The requests that are being answered, by scope.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<HashMap<Hash, Current>>);

struct Current {
    /// Of the body.
    request: Hash,
    /// Answered, and on the way to the table.
    answer: Option<Kept>,
}

/// A request that may come again.
pub struct Asked<'a> {
    /// Method and path, as the client wrote them.
    pub path: &'a str,
    /// The client's own key; it counts within its caller and `path`.
    pub key: &'a str,
    pub body: &'a [u8],
}

/// What is to be done about it.
pub enum Begun {
    /// It is the first: answer it, and keep the answer.
    First(Claim),
    /// It is answered.
    Again(Kept),
}

/// An answer as it went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error("This idempotency key was used with another body. Use a new key for a new request.")]
    OtherBody,
    #[error("A request with this idempotency key is being answered. Try again when it has ended.")]
    Running,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How long an answer is kept.
const KEPT_MS: UnixMs = 24 * 60 * 60 * 1000;
/// Bytes of all kept answers together; beyond it the oldest are forgotten.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes of one answer; a longer one is not kept.
pub const MOST_BYTES_OF_ONE: usize = 16 << 20;

/// The right to answer; given up when it is dropped.
pub struct Claim {
    app: App,
    scope: Hash,
    request: Hash,
}

pub async fn begin(app: &App, caller: &Caller, asked: Asked<'_>) -> Result<Begun, BeginError> {
    let scope = scope(caller, &asked);
    let request: Hash = Sha256::digest(asked.body).into();
    let claim = match claim(app, scope, request)? {
        Begun::First(claim) => claim,
        again @ Begun::Again(_) => return Ok(again),
    };
    let Some(kept) = app.inner().db.kept_answer(&scope, since(app)).await? else { return Ok(Begun::First(claim)) };
    if kept.request != request {
        return Err(BeginError::OtherBody);
    }
    let KeptAnswer { request: _, status, headers, body } = kept;
    Ok(Begun::Again(Kept { status, headers, body: body.into() }))
}

fn claim(app: &App, scope: Hash, request: Hash) -> Result<Begun, BeginError> {
    let mut running = app.inner().repeats.0.lock().unwrap_or_else(PoisonError::into_inner);
    match running.get(&scope) {
        Some(current) if current.request != request => Err(BeginError::OtherBody),
        Some(Current { answer: Some(kept), .. }) => Ok(Begun::Again(kept.clone())),
        Some(Current { answer: None, .. }) => Err(BeginError::Running),
        None => {
            running.insert(scope, Current { request, answer: None });
            Ok(Begun::First(Claim { app: app.clone(), scope, request }))
        }
    }
}

impl Claim {
    /// Keeps what was answered. It goes on when the one who waits for it goes away.
    pub fn keep(self, kept: Kept) {
        if let Some(current) = self.app.inner().repeats.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&self.scope) {
            current.answer = Some(kept.clone());
        }
        let tasks = self.app.tasks().clone();
        tasks.spawn(async move {
            let Kept { status, headers, body } = kept;
            let answer = KeptAnswer { request: self.request, status, headers, body: body.into() };
            if let Err(error) = self.app.inner().db.keep_answer(&self.scope, &answer, since(&self.app), MOST_BYTES).await {
                tracing::error!(%error, "an answer could not be kept for requests that come again");
            }
        });
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.app.inner().repeats.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.scope);
    }
}

fn since(app: &App) -> UnixMs {
    app.inner().clock.now().saturating_sub(KEPT_MS)
}

/// Each part with its length, so that no two scopes run into each other.
fn scope(caller: &Caller, asked: &Asked<'_>) -> Hash {
    let mut hasher = Sha256::new();
    let tenant = caller.tenant.as_ref().map_or("", |tenant| tenant.as_str());
    for part in [tenant, &crate::pipeline::principal(caller), asked.path, asked.key] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
