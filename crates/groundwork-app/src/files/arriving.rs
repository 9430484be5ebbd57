//! A content on its way in. Dropped before it is published it leaves nothing behind.

use super::FileError;
use crate::App;
use crate::app::Interrupted;
use bytes::Bytes;
use groundwork_store::contents::Writer;
use groundwork_store::db::DbError;

pub struct Arriving {
    id: String,
    writer: Writer,
    /// Bytes that it may have.
    limit: u64,
}

impl Arriving {
    pub(crate) async fn begin(app: &App, id: &str, limit: u64) -> Result<Self, FileError> {
        let inner = app.inner();
        Ok(Self { id: id.to_owned(), writer: inner.files.write(&inner.db, id).await?, limit })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Makes a content appear that no file is made of.
    pub(crate) async fn finish(self) -> Result<(), FileError> {
        self.writer.finish().await?;
        Ok(())
    }

    pub async fn write(&mut self, bytes: Bytes) -> Result<(), FileError> {
        if self.writer.bytes() + bytes.len() as u64 > self.limit {
            return Err(FileError::TooLarge { limit: self.limit });
        }
        Ok(self.writer.write(bytes).await?)
    }
}

/// Makes a content appear together with what `insert` says of it, also when the one who sent it has gone: neither is left without the
/// other. False when `insert` refuses; then there is no content.
pub(crate) async fn publish(
    app: &App,
    arriving: Arriving,
    insert: impl Future<Output = Result<bool, DbError>> + Send + 'static,
) -> Result<bool, FileError> {
    publish_all(app, vec![arriving], insert).await
}

/// The same for several contents at once.
pub(crate) async fn publish_all(
    app: &App,
    arriving: Vec<Arriving>,
    insert: impl Future<Output = Result<bool, DbError>> + Send + 'static,
) -> Result<bool, FileError> {
    let app = app.clone();
    let publishing = app.tasks().clone().spawn(async move {
        let ids: Vec<String> = arriving.iter().map(|arriving| arriving.id.clone()).collect();
        let inserted = async {
            for Arriving { writer, .. } in arriving {
                writer.finish().await?;
            }
            Ok(insert.await?)
        };
        let inserted: Result<bool, FileError> = inserted.await;
        if !matches!(inserted, Ok(true)) {
            for id in &ids {
                if let Err(error) = app.inner().files.delete(id).await {
                    tracing::warn!(%error, id, "a content that is not wanted is kept until the next start");
                }
            }
        }
        inserted
    });
    publishing.await.map_err(|_cut| Interrupted)?
}
