//! What all objects of callers have in common: whose they are, and lists of them page by page.

use crate::pipeline::principal;
use groundwork_core::access::Caller;
pub(crate) use groundwork_store::db::owned::Owner;
pub use groundwork_store::db::owned::{Order, Page};

/// Nobody knows who this is, so nothing can be theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an unknown principal owns nothing")]
pub struct Stranger;

/// Whose `caller`'s objects are.
pub(crate) fn owner(caller: &Caller) -> Result<Owner, Stranger> {
    let tenant = caller.tenant.clone().ok_or(Stranger)?;
    Ok(Owner { tenant, principal: principal(caller) })
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}
