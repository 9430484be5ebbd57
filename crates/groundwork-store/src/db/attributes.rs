//! Attributes of documents, by which a search can be narrowed: one set a document, for all of its versions.

use super::operation::{Durability, Operation, guard, step};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use groundwork_core::attributes::Attributes;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};

#[derive(Debug, thiserror::Error)]
pub enum SetAttributesError {
    #[error("there is no document {0} in this knowledge base")]
    NoSuchDocument(DocumentId),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Replaces a live document's attributes, and raises the content epoch. Those of a file inside a document are the document's.
    pub async fn set_attributes(
        &self,
        knowledge_base: &KnowledgeBaseId,
        document: &DocumentId,
        attributes: &Attributes,
    ) -> Result<(), SetAttributesError> {
        let base: Value = knowledge_base.as_str().into();
        let steps = vec![
            guard(Operation::SetAttributes, vec![base.clone(), document.as_str().into(), column(attributes)]),
            step(Operation::StirAttributes, vec![base.clone(), document.as_str().into()]),
            guard(Operation::BumpContentEpoch, vec![base]),
        ];
        match self.write(Durability::Now, steps).await {
            Ok(_) => Ok(()),
            Err(Undone::Guard(_)) => Err(SetAttributesError::NoSuchDocument(document.clone())),
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }

    /// Those of all live documents that have any.
    pub async fn attributes(&self, knowledge_base: &KnowledgeBaseId) -> Result<Vec<(DocumentId, Attributes)>, DbError> {
        let rows = self.read(Operation::Attributes, vec![knowledge_base.as_str().into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.name()?, read(&mut row)?))).collect()
    }

    /// Those of live documents that went live or got other ones after the content epoch `since`, and of some that did before; what a
    /// document has none of is empty.
    pub async fn attributes_since(&self, knowledge_base: &KnowledgeBaseId, since: u64) -> Result<Vec<(DocumentId, Attributes)>, DbError> {
        let rows = self.read(Operation::AttributesSince, vec![knowledge_base.as_str().into(), since.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.name()?, read(&mut row)?))).collect()
    }
}

/// None at all is no value, so that documents without any cost nothing.
pub(super) fn column(attributes: &Attributes) -> Value {
    let written = serde_json::to_value(attributes).ok().filter(|_| !attributes.is_empty());
    written.map(|written| written.to_string()).into()
}

/// What cannot be read says nothing.
pub(super) fn read(row: &mut Row) -> Result<Attributes, DbError> {
    Ok(row.next::<Option<String>>()?.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}
