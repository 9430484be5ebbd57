//! Where the contents of files are, for a process that may have been killed before: what the one before began and never finished is
//! taken away before the first content of this one is begun.

use groundwork_store::contents::{Content, ContentError, Contents, Writer};
use groundwork_store::db::{Db, DbError};
use std::path::Path;
use tokio::sync::OnceCell;

pub(crate) struct Shelves {
    contents: Contents,
    tidied: OnceCell<()>,
}

#[derive(Debug, thiserror::Error)]
enum TidyError {
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Contents that are looked up at a time.
const AT_A_TIME: usize = 1000;

impl Shelves {
    pub(crate) fn open(folder: &Path) -> Result<Self, ContentError> {
        Ok(Self { contents: Contents::open(folder)?, tidied: OnceCell::new() })
    }

    /// Begins a content.
    pub(crate) async fn write(&self, db: &Db, id: &str) -> Result<Writer, ContentError> {
        self.tidy(db).await;
        self.contents.write(id).await
    }

    pub(crate) async fn read(&self, id: &str) -> Result<Content, ContentError> {
        self.contents.read(id).await
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<(), ContentError> {
        self.contents.delete(id).await
    }

    /// Removes the contents that nobody knows of, once in the life of a process. One that could not be removed costs space and nothing
    /// else, so a failure is only logged.
    pub(crate) async fn tidy(&self, db: &Db) {
        let tidy = async {
            if let Err(error) = self.remove_unknown(db).await {
                tracing::warn!(%error, "what is left of unfinished files is kept");
            }
        };
        self.tidied.get_or_init(|| tidy).await;
    }

    async fn remove_unknown(&self, db: &Db) -> Result<(), TidyError> {
        for ids in self.contents.ids().await?.chunks(AT_A_TIME) {
            let known = db.known_contents(ids).await?;
            for id in ids.iter().filter(|id| !known.contains(*id)) {
                self.contents.delete(id).await?;
            }
        }
        Ok(())
    }
}
