//! Tenants and principals.

use super::operation::{Durability, Operation, Step, step};
use super::{Db, DbError, Undone};
use groundwork_core::ids::TenantId;

impl Db {
    /// Makes sure that a tenant is there.
    pub async fn ensure_tenant(&self, tenant: &TenantId) -> Result<(), DbError> {
        self.write(Durability::Now, vec![self.tenant_step(tenant)]).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// Makes sure that a principal (`user:…` or `group:…`) of a tenant is there, and the tenant.
    pub async fn ensure_principal(&self, tenant: &TenantId, principal: &str) -> Result<(), DbError> {
        let principal = step(Operation::EnsurePrincipal, vec![tenant.as_str().into(), principal.into(), self.now()]);
        self.write(Durability::Now, vec![self.tenant_step(tenant), principal]).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    pub(super) fn tenant_step(&self, tenant: &TenantId) -> Step {
        step(Operation::EnsureTenant, vec![tenant.as_str().into(), self.now()])
    }
}
