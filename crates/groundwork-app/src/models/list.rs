//! Lists the models that the caller may use.

use super::{Kind, Model};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::call::TargetKind;

/// Assistants first, then models, then the embedding model.
pub fn list(app: &App, caller: &Caller) -> Vec<Model> {
    let inner = app.inner();
    if caller.tenant.as_ref() != Some(&inner.tenant) {
        return Vec::new();
    }
    let published = app.published();
    let assistants = published.assistants.values().map(|assistant| Model {
        id: assistant.name.to_string(),
        kind: Kind::Assistant,
        title: assistant.title.clone(),
        created_at: assistant.created_at,
    });
    // A model that can only quote documents does not chat without them.
    let chats = |pool: &&std::sync::Arc<crate::published::Pool>| {
        pool.deployments.iter().any(|deployment| deployment.target.kind() != TargetKind::Extractive)
    };
    let pools = published.pools.values().filter(chats).map(|pool| Model {
        id: pool.name.to_string(),
        kind: Kind::Chat,
        title: None,
        created_at: pool.created_at,
    });
    let embedding = Model { id: inner.knowledge.embedding.name.clone(), kind: Kind::Embedding, title: None, created_at: inner.opened_at };
    let may_use = |model: &Model| model.id.parse::<groundwork_core::ids::ModelName>().is_ok_and(|name| caller.may_use(&name));
    assistants.chain(pools).chain([embedding]).filter(may_use).collect()
}
