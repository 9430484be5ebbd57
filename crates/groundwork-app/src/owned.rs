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

impl<T> Listed<T> {
    /// What was found for `page` when `one_more` of it was asked for.
    pub(crate) fn cut(mut data: Vec<T>, page: &Page) -> Self {
        let has_more = data.len() > page.limit as usize;
        data.truncate(page.limit as usize);
        Self { data, has_more }
    }
}

/// One more than asked tells whether there are more.
pub(crate) fn one_more(page: &Page) -> Page {
    Page { limit: page.limit.saturating_add(1), ..page.clone() }
}
