//! `/admin/v1`: what Groundwork knows and does, in its own shapes.

pub(super) mod calls;
pub(super) mod deployments;
pub(super) mod documents;
pub(super) mod jobs;
pub(super) mod knowledge_bases;
pub(super) mod search;
mod upload;

use super::error::ApiError;
use groundwork_core::ids::InvalidName;
use serde::Serialize;

/// A page of a list, in the shape of OpenAI's lists.
#[derive(Serialize)]
struct List<T> {
    object: &'static str,
    data: Vec<T>,
    has_more: bool,
}

impl<T> List<T> {
    fn whole(data: Vec<T>) -> Self {
        Self { object: "list", data, has_more: false }
    }
}

/// An object with its kind.
#[derive(Serialize)]
struct Object<T> {
    object: &'static str,
    #[serde(flatten)]
    value: T,
}

/// A name in the path; one that cannot be is a thing that does not exist.
fn name<T: TryFrom<String, Error = InvalidName>>(given: String) -> Result<T, ApiError> {
    T::try_from(given).map_err(|error| ApiError::impossible_name(&error))
}
