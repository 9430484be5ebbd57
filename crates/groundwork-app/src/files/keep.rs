//! Takes a file in.

use super::{Arriving, BATCH, File, FileError, publish};
use crate::App;
use crate::jobs::Remove;
use crate::owned::{Owner, owner};
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::FileId;

/// What is said of a file.
#[derive(Debug, Clone)]
pub struct About {
    pub purpose: String,
    /// A path is cut to its last part.
    pub name: String,
    pub media_type: String,
    /// Seconds that it shall live.
    pub expires_after: Option<u64>,
}

/// Seconds that a batch's requests live when nothing is said, as with OpenAI.
const BATCH_LIFETIME: u64 = 2_592_000;
/// Bytes of a name.
const MAX_NAME: usize = 1024;

/// Begins a file: its content is written piece by piece, and then `keep` makes a file of it.
pub async fn begin(app: &App, caller: &Caller) -> Result<Arriving, FileError> {
    owner(caller)?;
    let id = app.inner().db.make_file_id()?;
    Arriving::begin(app, id.as_str(), app.inner().limits.file_bytes).await
}

pub async fn keep(app: &App, caller: &Caller, arriving: Arriving, about: About) -> Result<File, FileError> {
    let owner = owner(caller)?;
    if arriving.bytes() == 0 {
        return Err(FileError::Empty);
    }
    let (file, removal) = made(app, owner, &arriving, about)?;
    let (db, inserted) = (app.inner().db.clone(), file.clone());
    publish(app, arriving, async move { db.insert_file(&inserted, removal).await.map(|()| true) }).await?;
    Ok(file)
}

/// The file that is made of `arriving` now, and the job that removes it when it expires.
pub(crate) fn made(
    app: &App,
    owner: Owner,
    arriving: &Arriving,
    about: About,
) -> Result<(File, Option<groundwork_store::db::jobs::NewJob>), FileError> {
    let created_at = app.inner().clock.now();
    let About { purpose, name, media_type, expires_after } = about;
    let expires_after = expires_after.or((purpose == BATCH).then_some(BATCH_LIFETIME));
    let expires_at = expires_after.map(|seconds| created_at.saturating_add(seconds * 1000) as UnixMs);
    let id: FileId = arriving.id().to_owned().try_into().map_err(|_not_ours| FileError::NotFound(arriving.id().to_owned()))?;
    let removal = expires_at.map(|at| Remove::File(id.clone()).job(&owner.tenant, at));
    let name = usable_name(&name)?;
    let file = File { id, owner, purpose, name, media_type, bytes: arriving.bytes(), created_at, expires_at };
    Ok((file, removal))
}

/// The last part of a name that may be a path on another machine.
pub(crate) fn usable_name(given: &str) -> Result<String, FileError> {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() || name == "." || name == ".." {
        Err(FileError::Name("it is empty"))
    } else if name.len() > MAX_NAME {
        Err(FileError::Name("it is longer than 1,024 bytes"))
    } else if name.chars().any(char::is_control) {
        Err(FileError::Name("it has control characters"))
    } else {
        Ok(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_a_path_and_never_a_place() {
        for (given, name) in [
            ("a.txt", "a.txt"),
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\ann\Größe 1.pdf", "Größe 1.pdf"),
            (" spaced.txt ", "spaced.txt"),
            ("..hidden", "..hidden"),
        ] {
            assert_eq!(usable_name(given).unwrap(), name);
        }
        for given in ["", " ", "/", "..", "a/..", "a/.", "a\0b", "a\r\nb", &"x".repeat(1025)] {
            assert!(usable_name(given).is_err(), "{given:?}");
        }
    }
}
