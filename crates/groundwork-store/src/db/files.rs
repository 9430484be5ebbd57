//! Files of callers: what is known of them. Their bytes are `contents`.

use super::jobs::NewJob;
use super::operation::{Durability, Kept, Step, guard, step};
use super::owned::{Order, Owner, Page};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::FileId;
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub id: FileId,
    pub owner: Owner,
    pub purpose: String,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub created_at: UnixMs,
    pub expires_at: Option<UnixMs>,
}

impl Db {
    pub fn make_file_id(&self) -> Result<FileId, DbError> {
        self.make_id("file-")
    }

    /// Makes a file whose content is stored already; `removal` is the job that removes it when it expires.
    pub async fn insert_file(&self, file: &File, removal: Option<NewJob>) -> Result<(), DbError> {
        let steps = self.file_steps(file, removal.as_ref())?;
        self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// A file that is neither deleted nor expired.
    pub async fn file(&self, owner: &Owner, id: &FileId) -> Result<Option<File>, DbError> {
        let mut parameters = owner.of(id.as_str());
        parameters.push(self.now());
        self.read_one(Kept::File.into(), parameters).await?.map(|row| read(owner, row)).transpose()
    }

    /// Files of one purpose, or of all.
    pub async fn files(&self, owner: &Owner, purpose: Option<&str>, page: &Page) -> Result<Vec<File>, DbError> {
        let mut parameters = owner.page(page);
        parameters.extend([purpose.into(), self.now()]);
        let operation = match page.order {
            Order::OldestFirst => Kept::FilesOldestFirst.into(),
            Order::NewestFirst => Kept::FilesNewestFirst.into(),
        };
        self.read(operation, parameters).await?.into_iter().map(|row| read(owner, row)).collect()
    }

    /// Hides a file; `removal` is the job that removes its content. False when there is none.
    pub async fn delete_file(&self, owner: &Owner, id: &FileId, removal: &NewJob) -> Result<bool, DbError> {
        let mut parameters = owner.of(id.as_str());
        parameters.push(self.now());
        let (_, job) = self.job_step(removal)?;
        match self.write(Durability::Now, vec![guard(Kept::DeleteFile.into(), parameters), job]).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(_)) => Ok(false),
            Err(Undone::Db(error)) => Err(error),
        }
    }

    /// Whether a file is deleted or expired, and no batch is going to read it.
    pub async fn file_is_removable(&self, id: &FileId) -> Result<bool, DbError> {
        Ok(self.read_one(Kept::FileIsRemovable.into(), vec![id.as_str().into(), self.now()]).await?.is_some())
    }

    /// Forgets a file whose content is removed.
    pub async fn remove_file(&self, id: &FileId) -> Result<(), DbError> {
        self.write(Durability::Later, vec![step(Kept::RemoveFile.into(), vec![id.as_str().into()])]).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// Those of `ids` that are contents of a file or of a part of an upload.
    pub async fn known_contents(&self, ids: &[String]) -> Result<BTreeSet<String>, DbError> {
        let ids = serde_json::Value::from(ids).to_string();
        self.read(Kept::KnownContents.into(), vec![ids.into()]).await?.into_iter().map(|mut row| row.next()).collect()
    }

    pub(super) fn file_steps(&self, file: &File, removal: Option<&NewJob>) -> Result<Vec<Step>, DbError> {
        let mut steps = vec![self.tenant_step(&file.owner.tenant), guard(Kept::InsertFile.into(), columns(file))];
        if let Some(removal) = removal {
            steps.push(self.job_step(removal)?.1);
        }
        Ok(steps)
    }
}

fn columns(file: &File) -> Vec<Value> {
    let File { id, owner, purpose, name, media_type, bytes, created_at, expires_at } = file;
    vec![
        owner.tenant.as_str().into(),
        owner.principal.as_str().into(),
        id.as_str().into(),
        purpose.as_str().into(),
        name.as_str().into(),
        media_type.as_str().into(),
        (*bytes).into(),
        (*created_at).into(),
        (*expires_at).into(),
    ]
}

fn read(owner: &Owner, mut row: Row) -> Result<File, DbError> {
    Ok(File {
        id: row.name()?,
        owner: owner.clone(),
        purpose: row.next()?,
        name: row.next()?,
        media_type: row.next()?,
        bytes: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
    })
}
