//! Tenants and principals.

use super::{Db, DbError};
use groundwork_core::ids::TenantId;

impl Db {
    /// Makes sure that a tenant is there.
    pub async fn ensure_tenant(&self, tenant: &TenantId) -> Result<(), DbError> {
        unimplemented!("{tenant}")
    }

    /// Makes sure that a principal (`user:…` or `group:…`) of a tenant is there.
    pub async fn ensure_principal(
        &self,
        tenant: &TenantId,
        principal: &str,
    ) -> Result<(), DbError> {
        unimplemented!("{tenant} {principal}")
    }

    /// Tenant `default` and principal `user:local`.
    pub async fn ensure_local(&self) -> Result<(), DbError> {
        unimplemented!()
    }
}
