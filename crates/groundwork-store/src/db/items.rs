//! What responses and conversations stand on: items, listed page by page.

use super::operation::{Dialogue, Step, guard};
use super::owned::{Order, Owner, Page};
use super::value::{Row, Value};
use super::{Db, DbError};
use bytes::Bytes;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: String,
    /// JSON in the words in which it came.
    pub body: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub items: Vec<Item>,
    pub has_more: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ListItemsError {
    #[error("there is no such list")]
    NotFound,
    #[error("the list has no item {0:?}")]
    UnknownAfter(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The statements that a list is read with.
pub(super) struct List {
    pub(super) require: Dialogue,
    pub(super) items: Dialogue,
    pub(super) place: Dialogue,
}

impl Item {
    pub(super) fn insert(&self, owner: &Owner) -> Result<Step, DbError> {
        let mut parameters = owner.of(&self.id);
        parameters.push(text(&self.body)?);
        Ok(guard(Dialogue::InsertItem.into(), parameters))
    }
}

impl Db {
    /// The newest item with this id.
    pub async fn item(&self, owner: &Owner, id: &str) -> Result<Option<Item>, DbError> {
        self.read_one(Dialogue::Item.into(), owner.of(id)).await?.map(item).transpose()
    }

    pub(super) async fn list_items(&self, owner: &Owner, id: &str, list: List, page: &Page) -> Result<Listed, ListItemsError> {
        if self.read_one(list.require.into(), owner.of(id)).await?.is_none() {
            return Err(ListItemsError::NotFound);
        }
        let newest_first = page.order == Order::NewestFirst;
        let (mut low, mut high) = (-1, i64::MAX);
        if let Some(after) = &page.after {
            let mut parameters = owner.of(id);
            parameters.push(after.as_str().into());
            let place = self.read_one(list.place.into(), parameters).await?;
            let mut place = place.ok_or_else(|| ListItemsError::UnknownAfter(after.clone()))?;
            let (first, last): (i64, i64) = (place.next()?, place.next()?);
            // Of an id that stands more than once, the place from which the rest is shorter: a reader always comes to the end.
            if newest_first { high = first } else { low = last }
        }
        let mut parameters = owner.of(id);
        parameters.extend([1_i64.into(), low.into(), high.into(), newest_first.into(), page.limit.saturating_add(1).into()]);
        let mut items: Vec<Item> = self.read(list.items.into(), parameters).await?.into_iter().map(item).collect::<Result<_, _>>()?;
        let has_more = items.len() > page.limit as usize;
        items.truncate(page.limit as usize);
        Ok(Listed { items, has_more })
    }
}

/// All of a list, in its order, up to part `part`.
pub(super) fn whole(owner: &Owner, id: &str, part: i64) -> Vec<Value> {
    let mut parameters = owner.of(id);
    parameters.extend([part.into(), (-1_i64).into(), i64::MAX.into(), false.into(), i64::from(u32::MAX).into()]);
    parameters
}

pub(super) fn item(mut row: Row) -> Result<Item, DbError> {
    Ok(Item { id: row.next()?, body: row.next::<String>()?.into() })
}

/// JSON as a text column.
pub(super) fn text(body: &Bytes) -> Result<Value, DbError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| DbError::Unexpected { operation: "a JSON body".to_owned(), detail: error.to_string() })?;
    Ok(text.into())
}
