//! Files that are there: each for its owner only.

use super::{Content, File, FileError};
use crate::App;
use crate::jobs::Remove;
use crate::owned::{Listed, Page, one_more, owner};
use groundwork_core::access::Caller;
use groundwork_core::ids::FileId;

/// Files of one purpose, or of all.
pub async fn list(app: &App, caller: &Caller, purpose: Option<&str>, page: &Page) -> Result<Listed<File>, FileError> {
    let found = app.inner().db.files(&owner(caller)?, purpose, &one_more(page)).await?;
    Ok(Listed::cut(found, page))
}

pub async fn find(app: &App, caller: &Caller, id: &str) -> Result<File, FileError> {
    let not_found = || FileError::NotFound(id.to_owned());
    let name: FileId = id.parse().map_err(|_no_such_name| not_found())?;
    app.inner().db.file(&owner(caller)?, &name).await?.ok_or_else(not_found)
}

/// A file and its bytes.
pub async fn content(app: &App, caller: &Caller, id: &str) -> Result<(File, Content), FileError> {
    let file = find(app, caller, id).await?;
    let content = app.inner().files.read(file.id.as_str()).await?;
    Ok((file, content))
}

pub async fn delete(app: &App, caller: &Caller, id: &str) -> Result<File, FileError> {
    let (inner, file) = (app.inner(), find(app, caller, id).await?);
    let removal = Remove::File(file.id.clone()).job(&file.owner.tenant, inner.clock.now());
    if !inner.db.delete_file(&file.owner, &file.id, &removal).await? {
        return Err(FileError::NotFound(id.to_owned()));
    }
    inner.jobs.work.notify_one();
    Ok(file)
}
