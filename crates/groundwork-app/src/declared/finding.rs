//! What an assistant makes of what a search finds.

use groundwork_core::variety;
use groundwork_retrieval::search::Surroundings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much passages shall differ. By default the best come, however alike they are.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Variety {
    /// So many passages of one document come first, and more of it only when there are too few of others.
    pub per_document: Option<u32>,
    /// From 0 to 1: what being like a better passage counts against one, where its own score counts 1.
    pub weight: f64,
}

/// What comes with the passages, in the room that they and the conversation leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Around {
    /// Chunks of the same section on each side of a passage, 0 to 5.
    pub neighbors: u32,
    /// The whole section of a passage, when it fits.
    pub section: bool,
    /// Tokens that all of it may take.
    pub tokens: u32,
}

impl Default for Around {
    fn default() -> Self {
        Self { neighbors: 0, section: false, tokens: 2000 }
    }
}

impl From<Variety> for variety::Variety {
    fn from(variety: Variety) -> Self {
        Self { per_document: variety.per_document.map(|most| most as usize), weight: variety.weight }
    }
}

impl From<Around> for Surroundings {
    fn from(around: Around) -> Self {
        Self { neighbors: around.neighbors, section: around.section }
    }
}
