//! Every route in one list: method, path, what it takes to use it, and how much it may cost.

use super::admin::{calls, documents, jobs, knowledge_bases, search};
use super::openai::{chat, embeddings, models};
use super::{Entrance, Front, health, layers};
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

/// What a caller must be allowed to do. Without authentication the local principal may do everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    /// Needs no credential.
    Open,
    ModelsRead,
    ModelsUse,
    KnowledgeBasesRead,
    KnowledgeBasesWrite,
    DocumentsRead,
    DocumentsWrite,
    JobsRead,
    LedgerRead,
    MetricsRead,
}

impl Permission {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ModelsRead => "models.read",
            Self::ModelsUse => "models.use",
            Self::KnowledgeBasesRead => "knowledge_bases.read",
            Self::KnowledgeBasesWrite => "knowledge_bases.write",
            Self::DocumentsRead => "documents.read",
            Self::DocumentsWrite => "documents.write",
            Self::JobsRead => "jobs.read",
            Self::LedgerRead => "ledger.read",
            Self::MetricsRead => "metrics.read",
        }
    }
}

/// How much a request may cost: its largest body, its deadline, and whether it takes one of the places of running requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// Answered from memory, whatever the load.
    Probe,
    /// Reads or writes some rows.
    Small,
    Search,
    /// A model answers.
    Answer,
    /// A document comes in.
    Upload,
}

struct Route {
    method: Method,
    path: &'static str,
    permission: Permission,
    cost: Cost,
    handler: MethodRouter<Front>,
}

#[rustfmt::skip]
fn routes() -> Vec<Route> {
    use Cost::{Answer, Probe, Search, Small, Upload};
    use Permission::{DocumentsRead, DocumentsWrite, KnowledgeBasesRead, KnowledgeBasesWrite, JobsRead, LedgerRead, MetricsRead, ModelsRead, ModelsUse, Open};
    vec![
        get("/healthz", Open, Probe, health::alive),
        get("/readyz", Open, Probe, health::ready),
        get("/metrics", MetricsRead, Probe, health::metrics),

        get("/v1/models", ModelsRead, Small, models::list),
        get("/v1/models/{model}", ModelsRead, Small, models::find),
        post("/v1/chat/completions", ModelsUse, Answer, chat::create),
        post("/v1/embeddings", ModelsUse, Answer, embeddings::create),

        get("/admin/v1/knowledge-bases", KnowledgeBasesRead, Small, knowledge_bases::list),
        put("/admin/v1/knowledge-bases/{id}", KnowledgeBasesWrite, Small, knowledge_bases::put),
        post("/admin/v1/knowledge-bases/{id}/search", DocumentsRead, Search, search::create),
        get("/admin/v1/knowledge-bases/{id}/documents", DocumentsRead, Small, documents::list),
        post("/admin/v1/knowledge-bases/{id}/documents", DocumentsWrite, Upload, documents::upload),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}", DocumentsRead, Small, documents::find),
        delete("/admin/v1/knowledge-bases/{id}/documents/{document}", DocumentsWrite, Small, documents::delete),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/original", DocumentsRead, Small, documents::original),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/pages/{page}", DocumentsRead, Small, documents::page),
        get("/admin/v1/jobs", JobsRead, Small, jobs::list),
        get("/admin/v1/jobs/{id}", JobsRead, Small, jobs::find),
        get("/admin/v1/calls", LedgerRead, Small, calls::list),
    ]
}

/// All routes behind all layers, for requests that come in by `entrance`.
pub fn router(front: &Front, entrance: Entrance) -> Router {
    let mut router = Router::new();
    for route in routes() {
        router = router.route(route.path, layers::by_cost(route.handler, route.cost, front));
    }
    let router = router.fallback(health::no_such_path).method_not_allowed_fallback(health::no_such_method);
    layers::around(router, entrance, front).with_state(front.clone())
}

/// One `METHOD path permission` a line: the content of `docs/permissions.md`.
pub fn permissions() -> String {
    routes().iter().map(|route| format!("{} {} {}\n", route.method, route.path, route.permission.name())).collect()
}

fn get<T: 'static>(path: &'static str, permission: Permission, cost: Cost, handler: impl Handler<T, Front>) -> Route {
    Route { method: Method::GET, path, permission, cost, handler: on(MethodFilter::GET, handler) }
}

fn post<T: 'static>(path: &'static str, permission: Permission, cost: Cost, handler: impl Handler<T, Front>) -> Route {
    Route { method: Method::POST, path, permission, cost, handler: on(MethodFilter::POST, handler) }
}

fn put<T: 'static>(path: &'static str, permission: Permission, cost: Cost, handler: impl Handler<T, Front>) -> Route {
    Route { method: Method::PUT, path, permission, cost, handler: on(MethodFilter::PUT, handler) }
}

fn delete<T: 'static>(path: &'static str, permission: Permission, cost: Cost, handler: impl Handler<T, Front>) -> Route {
    Route { method: Method::DELETE, path, permission, cost, handler: on(MethodFilter::DELETE, handler) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_list_of_permissions_is_the_one_of_the_routes() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/permissions.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == permissions(), "run: groundwork permissions > docs/permissions.md");
    }
}
