//! Requests that come again with the same idempotency key get the answer that the first one got, for a day, also after a restart.

use crate::App;
use bytes::{Bytes, BytesMut};
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use groundwork_store::db::DbError;
use groundwork_store::db::kept_answers::{Hash, KeptAnswer};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The requests that are being answered, by scope.
pub(crate) struct Repeats {
    running: Mutex<HashMap<Hash, Current>>,
    /// Bytes that all answers which are being heard may hold together.
    room: Arc<Semaphore>,
}

impl Default for Repeats {
    fn default() -> Self {
        Self { running: Mutex::default(), room: Arc::new(Semaphore::new(MOST_BYTES_HEARD)) }
    }
}

struct Current {
    /// Of the body.
    request: Hash,
    /// Answered, and on the way to the table.
    answer: Option<Kept>,
    /// Told when there is an answer; closed when there will be none.
    told: watch::Sender<()>,
}

/// A request that may come again.
pub struct Asked<'a> {
    /// Method and path, as the client wrote them.
    pub path: &'a str,
    /// The client's own key; it counts within its caller and `path`.
    pub key: &'a str,
    /// The body in parts, for one that may be spelled differently when it comes again.
    pub body: &'a [&'a [u8]],
    /// How long an answer is waited for that somebody else is being given.
    pub until: Instant,
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
    #[error("A request with this idempotency key is still being answered. Try again when it has ended.")]
    Running,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How long an answer is kept.
const KEPT_MS: UnixMs = 24 * 60 * 60 * 1000;
/// Bytes of all kept answers together; beyond it the oldest are forgotten.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes of one answer; a longer one is not kept.
const MOST_BYTES_OF_ONE: usize = 16 << 20;
/// Bytes of all answers that are on their way to be kept; one that finds no room is not.
const MOST_BYTES_HEARD: usize = 128 << 20;

/// The right to answer; given up when it is dropped.
pub struct Claim {
    app: App,
    scope: Hash,
    request: Hash,
}

/// Begins to answer, or gives the answer that there is, after a wait for it while it is on its way.
pub async fn begin(app: &App, caller: &Caller, asked: Asked<'_>) -> Result<Begun, BeginError> {
    let (scope, request) = (scope(caller, &asked), digest(asked.body));
    let claim = loop {
        match claim(app, scope, request)? {
            Claimed::Mine(claim) => break claim,
            Claimed::Answered(kept) => return Ok(Begun::Again(kept)),
            Claimed::Running(mut told) => {
                // Told or given up: look again.
                let told = tokio::time::timeout_at(asked.until.into(), told.changed()).await;
                let _ = told.map_err(|_elapsed| BeginError::Running)?;
            }
        }
    };
    let Some(kept) = app.inner().db.kept_answer(&scope, since(app)).await? else { return Ok(Begun::First(claim)) };
    if kept.request != request {
        return Err(BeginError::OtherBody);
    }
    let KeptAnswer { request: _, status, headers, body } = kept;
    Ok(Begun::Again(Kept { status, headers, body: body.into() }))
}

enum Claimed {
    Mine(Claim),
    Answered(Kept),
    Running(watch::Receiver<()>),
}

fn claim(app: &App, scope: Hash, request: Hash) -> Result<Claimed, BeginError> {
    let mut running = app.inner().repeats.running.lock().unwrap_or_else(PoisonError::into_inner);
    match running.get(&scope) {
        Some(current) if current.request != request => Err(BeginError::OtherBody),
        Some(Current { answer: Some(kept), .. }) => Ok(Claimed::Answered(kept.clone())),
        Some(Current { answer: None, told, .. }) => Ok(Claimed::Running(told.subscribe())),
        None => {
            running.insert(scope, Current { request, answer: None, told: watch::Sender::new(()) });
            Ok(Claimed::Mine(Claim { app: app.clone(), scope, request }))
        }
    }
}

impl Claim {
    /// Begins to hear the answer.
    pub fn hear(self) -> Hearing {
        Hearing { claim: self, heard: Some((BytesMut::new(), None)) }
    }

    /// Keeps what was answered. It goes on when the one who waits for it goes away.
    fn keep(self, kept: Kept, room: Option<OwnedSemaphorePermit>) {
        if let Some(current) = self.app.inner().repeats.running.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&self.scope) {
            current.answer = Some(kept.clone());
            current.told.send_replace(());
        }
        let tasks = self.app.tasks().clone();
        tasks.spawn(async move {
            let Kept { status, headers, body } = kept;
            let answer = KeptAnswer { request: self.request, status, headers, body: body.into() };
            if let Err(error) = self.app.inner().db.keep_answer(&self.scope, &answer, since(&self.app), MOST_BYTES).await {
                tracing::error!(%error, "an answer could not be kept for requests that come again");
            }
            drop(room);
        });
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.app.inner().repeats.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.scope);
    }
}

/// An answer that is heard on its way out. Dropped before it was kept, it is forgotten, and the request may be answered anew.
pub struct Hearing {
    claim: Claim,
    /// `None` once it is too long, or there is no room for it.
    heard: Option<(BytesMut, Option<OwnedSemaphorePermit>)>,
}

impl Hearing {
    pub fn push(&mut self, piece: &[u8]) {
        let Some((mut heard, room)) = self.heard.take() else { return };
        let more = u32::try_from(piece.len()).ok().filter(|_| heard.len() + piece.len() <= MOST_BYTES_OF_ONE);
        let more = more.and_then(|more| self.claim.app.inner().repeats.room.clone().try_acquire_many_owned(more).ok());
        let Some(more) = more else { return };
        let room = match room {
            Some(mut room) => {
                room.merge(more);
                room
            }
            None => more,
        };
        heard.extend_from_slice(piece);
        self.heard = Some((heard, Some(room)));
    }

    /// The answer is whole.
    pub fn keep(self, status: u16, headers: Vec<(String, String)>) {
        if let Some((heard, room)) = self.heard {
            self.claim.keep(Kept { status, headers, body: heard.freeze() }, room);
        }
    }
}

/// Of the parts with their lengths, so that no two bodies run into each other.
fn digest(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn since(app: &App) -> UnixMs {
    app.inner().clock.now().saturating_sub(KEPT_MS)
}

fn scope(caller: &Caller, asked: &Asked<'_>) -> Hash {
    let tenant = caller.tenant.as_ref().map_or("", |tenant| tenant.as_str());
    digest(&[tenant, &crate::pipeline::principal(caller), asked.path, asked.key].map(str::as_bytes))
}
