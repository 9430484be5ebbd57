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
    /// How the ids of its objects begin, as far as that is known.
    pub(super) ids: &'static str,
}

impl Paging {
    pub(super) fn page(self, bounds: &Bounds) -> Result<Page, ApiError> {
        let order = match self.order.as_deref() {
            None => bounds.order,
            Some("asc") => Order::OldestFirst,
            Some("desc") => Order::NewestFirst,
            Some(_) => return Err(ApiError::invalid_param("order", "order must be asc or desc")),
        };
        let limit = self.limit(bounds)?;
        let after = self.after.filter(|after| !after.is_empty());
        if after.as_ref().is_some_and(|after| !after.starts_with(bounds.ids)) {
            return Err(ApiError::invalid_param("after", format!("after is the id of an object of the list, {}…", bounds.ids)));
        }
        Ok(Page { limit, after, order })
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

/// The page of a list that is whole in memory, oldest first; the objects have their ids beside them.
pub(super) fn cut<T>(mut all: Vec<(String, T)>, page: &Page) -> Result<Listed<(String, T)>, ApiError> {
    if page.order == Order::NewestFirst {
        all.reverse();
    }
    if let Some(after) = &page.after {
        let at = all.iter().position(|(id, _)| id == after);
        let at = at.ok_or_else(|| ApiError::invalid_param("after", format!("there is no {after:?} in this list")))?;
        all.drain(..=at);
    }
    let has_more = all.len() > page.limit as usize;
    all.truncate(page.limit as usize);
    Ok(Listed { data: all, has_more })
}

/// The page on the wire, of objects with their ids beside them.
pub(super) fn named<T>(found: Listed<(String, T)>) -> List<T> {
    List::new(found.data, found.has_more, |(id, _)| id).map(|(_, object)| object)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { limit: 20, most: 100, order: Order::NewestFirst, ids: "file-" };

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

    #[test]
    fn a_page_begins_after_an_object_of_the_list() {
        let after = |id: &str| Paging { after: Some(id.to_owned()), ..Paging::default() }.page(&BOUNDS);
        assert_eq!(after("file-1").unwrap().after.as_deref(), Some("file-1"));
        assert_eq!(after("").unwrap().after, None);
        assert!(after("batch_1").is_err());
    }

    #[test]
    fn a_list_in_memory_is_cut_like_any_other() {
        let all = || ["a", "b", "c"].map(|id| (id.to_owned(), ())).to_vec();
        for (after, limit, order, expected, more) in [
            (None, 2, Order::OldestFirst, "ab", true),
            (Some("b"), 2, Order::OldestFirst, "c", false),
            (Some("b"), 2, Order::NewestFirst, "a", false),
            (None, 3, Order::NewestFirst, "cba", false),
            (Some("c"), 3, Order::OldestFirst, "", false),
        ] {
            let page = Page { after: after.map(str::to_owned), limit, order };
            let found = cut(all(), &page).unwrap();
            assert_eq!((found.data.iter().map(|(id, ())| id.as_str()).collect::<String>(), found.has_more), (expected.to_owned(), more));
        }
        assert!(cut(all(), &Page { after: Some("d".to_owned()), limit: 1, order: Order::OldestFirst }).is_err());
    }
}
