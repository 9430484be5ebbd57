//! Files that come in parts: announced, sent part by part, then put together.

use super::files::File;
use super::jobs::NewJob;
use super::operation::{Durability, Kept, guard, step};
use super::owned::Owner;
use super::value::Row;
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{FileId, PartId, UploadId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    pub owner: Owner,
    pub purpose: String,
    pub name: String,
    pub media_type: String,
    /// As announced.
    pub bytes: u64,
    /// How long the file shall live.
    pub expires_after_secs: Option<u64>,
    pub state: State,
    pub created_at: UnixMs,
    /// Until when it may be completed.
    pub expires_at: UnixMs,
    pub file: Option<FileId>,
}

/// A pending upload whose time is over has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Pending,
    Completed,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub id: PartId,
    pub bytes: u64,
    pub created_at: UnixMs,
}

impl Db {
    /// Makes a pending upload of the next id and now; `removal` is the job that removes its parts when its time is over.
    pub async fn insert_upload(&self, upload: &Upload, removal: &NewJob) -> Result<(), DbError> {
        let Upload { id, owner, purpose, name, media_type, bytes, expires_after_secs, state: _, created_at, expires_at, file: _ } = upload;
        let mut parameters = owner.of(id.as_str());
        parameters.extend([
            purpose.as_str().into(),
            name.as_str().into(),
            media_type.as_str().into(),
            (*bytes).into(),
            (*expires_after_secs).into(),
            (*created_at).into(),
            (*expires_at).into(),
        ]);
        let steps = vec![self.tenant_step(&owner.tenant), guard(Kept::InsertUpload.into(), parameters), self.job_step(removal)?.1];
        self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    pub fn make_upload_id(&self) -> Result<UploadId, DbError> {
        self.make_id("upload")
    }

    pub fn make_part_id(&self) -> Result<PartId, DbError> {
        self.make_id("part")
    }

    pub async fn upload(&self, owner: &Owner, id: &UploadId) -> Result<Option<Upload>, DbError> {
        self.read_one(Kept::Upload.into(), owner.of(id.as_str())).await?.map(|row| read(owner, row)).transpose()
    }

    /// Adds a part whose content is stored already. False when the upload is no longer pending, or the parts would be more than was
    /// announced.
    pub async fn insert_part(&self, upload: &UploadId, part: &Part) -> Result<bool, DbError> {
        let parameters = vec![upload.as_str().into(), part.id.as_str().into(), part.bytes.into(), part.created_at.into()];
        self.guarded(guard(Kept::InsertUploadPart.into(), parameters)).await
    }

    /// The parts, in the order in which they came.
    pub async fn parts(&self, upload: &UploadId) -> Result<Vec<Part>, DbError> {
        let rows = self.read(Kept::UploadParts.into(), vec![upload.as_str().into()]).await?;
        rows.into_iter().map(|mut row| Ok(Part { id: row.name()?, bytes: row.next()?, created_at: row.next()? })).collect()
    }

    /// Completes a pending upload with the file that was made of it; `removals` are the jobs that remove the parts, and the file when it
    /// expires. False when the upload is no longer pending; then nothing is done.
    pub async fn complete_upload(&self, upload: &UploadId, file: &File, removals: &[NewJob]) -> Result<bool, DbError> {
        let mut steps = vec![guard(Kept::CompleteUpload.into(), vec![upload.as_str().into(), file.id.as_str().into(), self.now()])];
        steps.extend(self.file_steps(file, None)?);
        for removal in removals {
            steps.push(self.job_step(removal)?.1);
        }
        match self.write(Durability::Now, steps).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(0)) => Ok(false),
            Err(undone) => Err(undone.unexpected()),
        }
    }

    /// False when the upload is no longer pending.
    pub async fn cancel_upload(&self, upload: &UploadId, removal: &NewJob) -> Result<bool, DbError> {
        let steps = vec![guard(Kept::CancelUpload.into(), vec![upload.as_str().into(), self.now()]), self.job_step(removal)?.1];
        match self.write(Durability::Now, steps).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(0)) => Ok(false),
            Err(undone) => Err(undone.unexpected()),
        }
    }

    /// The parts of an upload that is completed, cancelled or expired: nobody will read them any more.
    pub async fn ended_parts(&self, upload: &UploadId) -> Result<Vec<PartId>, DbError> {
        let rows = self.read(Kept::EndedUploadParts.into(), vec![upload.as_str().into(), self.now()]).await?;
        rows.into_iter().map(|mut row| row.name()).collect()
    }

    /// Forgets the parts of an ended upload, whose contents are removed.
    pub async fn remove_parts(&self, upload: &UploadId) -> Result<(), DbError> {
        let remove = step(Kept::RemoveUploadParts.into(), vec![upload.as_str().into(), self.now()]);
        self.write(Durability::Later, vec![remove]).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    async fn guarded(&self, step: super::operation::Step) -> Result<bool, DbError> {
        match self.write(Durability::Now, vec![step]).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(_)) => Ok(false),
            Err(Undone::Db(error)) => Err(error),
        }
    }
}

fn read(owner: &Owner, mut row: Row) -> Result<Upload, DbError> {
    Ok(Upload {
        id: row.name()?,
        owner: owner.clone(),
        purpose: row.next()?,
        name: row.next()?,
        media_type: row.next()?,
        bytes: row.next()?,
        expires_after_secs: row.next()?,
        state: match row.next::<String>()?.as_str() {
            "pending" => State::Pending,
            "completed" => State::Completed,
            _ => State::Cancelled,
        },
        created_at: row.next()?,
        expires_at: row.next()?,
        file: row.next::<Option<String>>()?.map(|file| row.parse(&file)).transpose()?,
    })
}
