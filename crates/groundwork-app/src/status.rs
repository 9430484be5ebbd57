//! What is ready and what is missing: the body of `/readyz`.

use crate::App;
use groundwork_retrieval::index::{self, Phase};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub ready: bool,
    pub parts: Vec<Part>,
}

/// One thing that answers stand on: `database`, `keyword_index`, `vector_index`, `embedding_model`, `first_pass_model`, `reranker`, `text_recognition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    /// The knowledge base, for the legs of its index; none for those of all that are not known yet.
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
    /// without text recognition leaves text in pictures out. Without the model of first passes what is new is found later.
    NotNeeded,
}

/// Looks at everything; waits for nothing but a probe of the database.
pub async fn status(app: &App) -> Status {
    let inner = app.inner();
    let mut parts = Vec::new();
    let database = inner.db.check().await.err().map(|error| error.to_string());
    parts.push(part("database", None, if database.is_none() { State::Ready } else { State::Missing }, database));
    parts.extend(legs(inner.knowledge.index.beginning(), inner.knowledge.index.status()));
    let missing = inner.knowledge.embedding.missing();
    let state = match &missing {
        None => State::Ready,
        Some(_) if stores_documents(app).await => State::Missing,
        Some(_) => State::NotNeeded,
    };
    parts.push(part("embedding_model", None, state, missing));
    if let Some(first_pass) = &inner.knowledge.first_pass {
        let missing = first_pass.missing();
        let state = if missing.is_none() { State::Ready } else { State::NotNeeded };
        parts.push(part("first_pass_model", None, state, missing));
    }
    if let Some(reranking) = &inner.knowledge.reranking {
        let missing = reranking.missing(app);
        parts.push(part("reranker", None, if missing.is_none() { State::Ready } else { State::Missing }, missing));
    }
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

/// Both legs of each knowledge base; as long as not all are known, also those of the rest.
fn legs(beginning: Phase, known: Vec<index::Status>) -> Vec<Part> {
    let all = (beginning != Phase::Ready).then(|| (None, beginning.clone(), beginning));
    let each = known.into_iter().map(|leg| (Some(leg.knowledge_base.to_string()), leg.keyword, leg.vector));
    let legs = all.into_iter().chain(each);
    legs.flat_map(|(base, keyword, vector)| [of_phase("keyword_index", base.clone(), keyword), of_phase("vector_index", base, vector)])
        .collect()
}

fn of_phase(name: &str, knowledge_base: Option<String>, phase: Phase) -> Part {
    let (state, detail) = match phase {
        Phase::Ready => (State::Ready, None),
        Phase::Loading => (State::Loading, None),
        Phase::Rebuilding { done, of } => (State::Loading, Some(format!("rebuilding: {done} of {of} chunks"))),
        Phase::Failed { reason } => (State::Missing, Some(reason)),
    };
    part(name, knowledge_base, state, detail)
}

fn part(name: &str, knowledge_base: Option<String>, state: State, detail: Option<String>) -> Part {
    Part { name: name.to_owned(), knowledge_base, state, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_all_knowledge_bases_are_known_both_legs_are_named_without_one() {
        let leg = || index::Status { knowledge_base: "default".parse().unwrap(), keyword: Phase::Ready, vector: Phase::Loading };
        let told = |beginning: Phase, known: Vec<index::Status>| -> Vec<(String, Option<String>, State)> {
            legs(beginning, known).into_iter().map(|part| (part.name, part.knowledge_base, part.state)).collect()
        };
        let both = |base: Option<&str>, keyword, vector| {
            let base = base.map(str::to_owned);
            vec![("keyword_index".to_owned(), base.clone(), keyword), ("vector_index".to_owned(), base, vector)]
        };
        assert_eq!(told(Phase::Loading, Vec::new()), both(None, State::Loading, State::Loading));
        let failed = Phase::Failed { reason: "the database is busy".to_owned() };
        assert_eq!(told(failed.clone(), Vec::new()), both(None, State::Missing, State::Missing));
        assert_eq!(legs(failed, Vec::new())[0].detail.as_deref(), Some("the database is busy"));
        assert_eq!(told(Phase::Ready, vec![leg()]), both(Some("default"), State::Ready, State::Loading));
    }
}
