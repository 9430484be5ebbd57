//! An upload until its end: announced, given parts, perhaps cancelled.

use super::{Part, State, Upload, UploadError, status};
use crate::App;
use crate::files::{Arriving, publish, usable_name};
use crate::jobs::Remove;
use crate::owned::owner;
use groundwork_core::access::Caller;
use groundwork_core::ids::{PartId, UploadId};
use groundwork_wire::error::Invalid;

/// What is said of a file before it comes.
#[derive(Debug, Clone)]
pub struct Announcement {
    pub purpose: String,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    /// Seconds that the file shall live.
    pub expires_after: Option<u64>,
}

/// How long an upload may take, as with OpenAI.
const PENDING_MS: u64 = 60 * 60 * 1000;
/// Bytes of a part.
pub const MAX_PART: u64 = 64 << 20;

pub async fn create(app: &App, caller: &Caller, announced: Announcement) -> Result<Upload, UploadError> {
    let (inner, owner) = (app.inner(), owner(caller)?);
    let limit = inner.limits.upload_in_parts_bytes;
    if !(1..=limit).contains(&announced.bytes) {
        let reason = format!("{} is not between 1 and the {limit} that limits.upload allows", announced.bytes);
        return Err(Invalid::Value { param: "bytes".to_owned(), reason }.into());
    }
    let created_at = inner.clock.now();
    let upload = Upload {
        id: inner.db.make_upload_id()?,
        owner,
        purpose: announced.purpose,
        name: usable_name(&announced.name)?,
        media_type: announced.media_type,
        bytes: announced.bytes,
        expires_after_secs: announced.expires_after,
        state: State::Pending,
        created_at,
        expires_at: created_at + PENDING_MS,
        file: None,
    };
    let removal = Remove::Parts(upload.id.clone()).job(&upload.owner.tenant, upload.expires_at);
    inner.db.insert_upload(&upload, &removal).await?;
    Ok(upload)
}

/// Begins a part of a pending upload: its content is written piece by piece, and then `add_part` adds it.
pub async fn begin_part(app: &App, caller: &Caller, upload: &str) -> Result<Arriving, UploadError> {
    pending(app, caller, upload).await?;
    let id = app.inner().db.make_part_id()?;
    Ok(Arriving::begin(app, id.as_str(), MAX_PART).await?)
}

pub async fn add_part(app: &App, caller: &Caller, upload: &str, arriving: Arriving) -> Result<Part, UploadError> {
    let upload = pending(app, caller, upload).await?;
    if arriving.bytes() == 0 {
        return Err(crate::files::FileError::Empty.into());
    }
    let id: PartId = arriving.id().to_owned().try_into().map_err(|_not_ours| UploadError::NotFound(arriving.id().to_owned()))?;
    let part = Part { id, bytes: arriving.bytes(), created_at: app.inner().clock.now() };
    let (db, id, inserted) = (app.inner().db.clone(), upload.id.clone(), part.clone());
    if publish(app, arriving, async move { db.insert_part(&id, &inserted).await }).await? {
        return Ok(part);
    }
    // It has ended meanwhile, or there are too many bytes.
    let upload = pending(app, caller, upload.id.as_str()).await?;
    Err(UploadError::TooMuch(upload.bytes))
}

pub async fn cancel(app: &App, caller: &Caller, id: &str) -> Result<Upload, UploadError> {
    let (inner, upload) = (app.inner(), pending(app, caller, id).await?);
    let removal = Remove::Parts(upload.id.clone()).job(&upload.owner.tenant, inner.clock.now());
    if !inner.db.cancel_upload(&upload.id, &removal).await? {
        return Err(ended(app, &find(app, caller, id).await?));
    }
    inner.jobs.work.notify_one();
    Ok(Upload { state: State::Cancelled, ..upload })
}

pub(super) async fn pending(app: &App, caller: &Caller, id: &str) -> Result<Upload, UploadError> {
    let upload = find(app, caller, id).await?;
    if status(&upload, app.inner().clock.now()) == "pending" { Ok(upload) } else { Err(ended(app, &upload)) }
}

pub(super) fn ended(app: &App, upload: &Upload) -> UploadError {
    UploadError::NotPending { id: upload.id.to_string(), state: status(upload, app.inner().clock.now()) }
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<Upload, UploadError> {
    let not_found = || UploadError::NotFound(id.to_owned());
    let name: UploadId = id.parse().map_err(|_no_such_name| not_found())?;
    app.inner().db.upload(&owner(caller)?, &name).await?.ok_or_else(not_found)
}
