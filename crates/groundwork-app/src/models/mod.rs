//! What a client may put into `model`: assistants, models, embedding models.

mod find;
mod list;

pub use find::{FindError, find};
pub use list::{ListError, list};

use groundwork_core::clock::UnixMs;
use groundwork_core::ids::ModelName;
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    pub id: ModelName,
    pub kind: Kind,
    pub title: Option<String>,
    pub created_at: UnixMs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Assistant,
    Chat,
    Embedding,
}
