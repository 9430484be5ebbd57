//! Which part of a list is asked for: `limit`, `after` and `order`, the same for every list.

use super::error::ApiError;
use groundwork_app::owned::{Listed, Order, Page};
use groundwork_wire::list::List;
use serde::Deserialize;

/// As it stands in the query.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Paging {
    limit: Option<String>,
    /// The id of the last object of the page before.
    after: Option<String>,
    order: Option<String>,
}

/// What a list gives when nothing is said, and at most.
pub(super) struct Bounds {
    pub(super) limit: u32,
    pub(super) most: u32,
    pub(super) order: Order,
}

impl Paging {
    pub(super) fn page(self, bounds: &Bounds) -> Result<Page, ApiError> {
        let order = match self.order.as_deref() {
            None => bounds.order,
            Some("asc") => Order::OldestFirst,
            Some("desc") => Order::NewestFirst,
            Some(_) => return Err(ApiError::invalid_param("order", "order must be asc or desc")),
        };
        Ok(Page { limit: self.limit(bounds)?, after: self.after.filter(|after| !after.is_empty()), order })
    }

    fn limit(&self, bounds: &Bounds) -> Result<u32, ApiError> {
        let Some(given) = &self.limit else { return Ok(bounds.limit) };
        let limit = given.parse().ok().filter(|limit| (1..=bounds.most).contains(limit));
        limit.ok_or_else(|| ApiError::invalid_param("limit", format!("limit must be from 1 to {}", bounds.most)))
    }
}

/// The page on the wire.
pub(super) fn list<T, W>(found: Listed<T>, shown: impl Fn(T) -> W, id: impl Fn(&W) -> &str) -> List<W> {
    List::new(found.data.into_iter().map(shown).collect(), found.has_more, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { limit: 20, most: 100, order: Order::NewestFirst };

    fn paging(limit: &str, order: &str) -> Paging {
        let given = |text: &str| (text != "-").then(|| text.to_owned());
        Paging { limit: given(limit), after: None, order: given(order) }
    }

    #[test]
    fn a_page_is_what_was_asked_for_within_bounds() {
        for (limit, order, expected) in
            [("-", "-", (20, Order::NewestFirst)), ("1", "asc", (1, Order::OldestFirst)), ("100", "desc", (100, Order::NewestFirst))]
        {
            let page = paging(limit, order).page(&BOUNDS).unwrap();
            assert_eq!((page.limit, page.order), expected);
        }
        for (limit, order) in [("0", "-"), ("101", "-"), ("-1", "-"), ("many", "-"), ("", "-"), ("-", "up"), ("-", "")] {
            assert!(paging(limit, order).page(&BOUNDS).is_err(), "{limit} {order}");
        }
    }
}
