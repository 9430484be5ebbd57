//! What all objects of callers have in common: an owner, and lists of them page by page.

use super::value::Value;
use groundwork_core::ids::TenantId;

/// Whose an object is. To everybody else it does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    pub tenant: TenantId,
    /// `user:…` or `group:…`.
    pub principal: String,
}

/// Which part of a list is wanted. Ids sort by the time of their making, so that a page can begin after an object that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<String>,
    pub limit: u32,
    pub order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

impl Owner {
    pub(super) fn values(&self) -> Vec<Value> {
        vec![self.tenant.as_str().into(), self.principal.as_str().into()]
    }

    /// The parameters that name one object.
    pub(super) fn of(&self, id: &str) -> Vec<Value> {
        vec![self.tenant.as_str().into(), self.principal.as_str().into(), id.into()]
    }

    /// The parameters of a list: the owner, where it begins, how long it is.
    pub(super) fn page(&self, page: &Page) -> Vec<Value> {
        let mut values = self.values();
        values.extend([page.after.as_deref().into(), page.limit.into()]);
        values
    }
}
