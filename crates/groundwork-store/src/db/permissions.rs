//! Permissions of documents: one set a document, by reference.

use super::knowledge_bases::Epochs;
use super::{Db, DbError};
use groundwork_core::access::Permissions;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId, TenantId};

/// The permissions of all live documents of a knowledge base, in one state.
#[derive(Debug, Clone, PartialEq)]
pub struct KnowledgeBasePermissions {
    pub tenant: TenantId,
    pub epochs: Epochs,
    pub documents: Vec<(DocumentId, Permissions)>,
}

#[derive(Debug, thiserror::Error)]
pub enum SetPermissionsError {
    #[error("there is no document {0} in this knowledge base")]
    NoSuchDocument(DocumentId),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Replaces a document's permissions; they hold for every version of it. Raises the permission epoch when they differ.
    pub async fn set_permissions(
        &self,
        knowledge_base: &KnowledgeBaseId,
        document: &DocumentId,
        permissions: Permissions,
    ) -> Result<Epochs, SetPermissionsError> {
        unimplemented!("{knowledge_base} {document} {permissions:?}")
    }

    pub async fn document_permissions(
        &self,
        knowledge_base: &KnowledgeBaseId,
        document: &DocumentId,
    ) -> Result<Option<Permissions>, DbError> {
        unimplemented!("{knowledge_base} {document}")
    }

    /// `None` when there is no such knowledge base.
    pub async fn permissions(
        &self,
        knowledge_base: &KnowledgeBaseId,
    ) -> Result<Option<KnowledgeBasePermissions>, DbError> {
        unimplemented!("{knowledge_base}")
    }
}
