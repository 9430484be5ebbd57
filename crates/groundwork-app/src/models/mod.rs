//! What a client may put into `model`: assistants, models, the embedding model.

mod find;
mod list;

pub use find::find;
pub use list::list;

use groundwork_core::clock::UnixMs;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub id: String,
    pub kind: Kind,
    pub title: Option<String>,
    pub created_at: UnixMs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Assistant,
    Chat,
    Embedding,
}
