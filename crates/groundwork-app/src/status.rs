//! What is ready and what is missing: the body of `/readyz`.

use crate::App;
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub ready: bool,
    pub parts: Vec<Part>,
}

/// One thing that answers stand on: `database`, `keyword_index`, `vector_index`, `embedding_model`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    pub name: &'static str,
    pub state: State,
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ready,
    Loading,
    /// It will not become ready by itself: `detail` says what to do.
    Missing,
}

/// Does not wait for anything.
pub fn status(app: &App) -> Status {
    let _ = app;
    unimplemented!()
}
