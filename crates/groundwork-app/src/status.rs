//! What is ready and what is missing: the body of `/readyz`.

use crate::App;
use groundwork_retrieval::index::Phase;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub ready: bool,
    pub parts: Vec<Part>,
}

/// One thing that answers stand on: `database`, `keyword_index`, `vector_index`, `embedding_model`, `text_recognition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    /// The knowledge base, for the legs of its index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knowledge_base: Option<String>,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ready,
    Loading,
    /// It will not become ready by itself: `detail` says what to do.
    Missing,
    /// The same, but nothing that is stored needs it: a server that only passes calls on is ready without an embedding model, and one
    /// without text recognition leaves text in pictures out.
    NotNeeded,
}

/// Looks at everything; waits for nothing but a probe of the database.
pub async fn status(app: &App) -> Status {
    let inner = app.inner();
    let mut parts = Vec::new();
    let database = inner.db.check().await.err().map(|error| error.to_string());
    parts.push(part("database", None, if database.is_none() { State::Ready } else { State::Missing }, database));
    for leg in inner.knowledge.index.status() {
        let base = leg.knowledge_base.to_string();
        parts.push(of_phase("keyword_index", &base, leg.keyword));
        parts.push(of_phase("vector_index", &base, leg.vector));
    }
    let missing = inner.knowledge.embedding.missing();
    let state = match &missing {
        None => State::Ready,
        Some(_) if stores_documents(app).await => State::Missing,
        Some(_) => State::NotNeeded,
    };
    parts.push(part("embedding_model", None, state, missing));
    let missing = inner.knowledge.extractor.ocr().missing().map(str::to_owned);
    parts.push(part("text_recognition", None, if missing.is_none() { State::Ready } else { State::NotNeeded }, missing));
    let stopping = inner.stop.is_cancelled();
    if stopping {
        parts.push(part("server", None, State::Missing, Some("it is shutting down".to_owned())));
    }
    let ready = inner.knowledge.index.is_ready() && parts.iter().all(|part| matches!(part.state, State::Ready | State::NotNeeded));
    Status { ready, parts }
}

async fn stores_documents(app: &App) -> bool {
    let inner = app.inner();
    for leg in inner.knowledge.index.status() {
        if inner.db.documents(&leg.knowledge_base, None, 1).await.is_ok_and(|documents| !documents.is_empty()) {
            return true;
        }
    }
    false
}

fn of_phase(name: &str, knowledge_base: &str, phase: Phase) -> Part {
    let (state, detail) = match phase {
        Phase::Ready => (State::Ready, None),
        Phase::Loading => (State::Loading, None),
        Phase::Rebuilding { done, of } => (State::Loading, Some(format!("rebuilding: {done} of {of} chunks"))),
        Phase::Failed { reason } => (State::Missing, Some(reason)),
    };
    part(name, Some(knowledge_base.to_owned()), state, detail)
}

fn part(name: &str, knowledge_base: Option<String>, state: State, detail: Option<String>) -> Part {
    Part { name: name.to_owned(), knowledge_base, state, detail }
}
