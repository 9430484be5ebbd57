//! Every route in one list: method, path, what it takes to use it, and how much it may cost.

use super::admin::{calls, deployments, documents, jobs, knowledge_bases, search};
use super::openai::{batches, chat, conversations, embeddings, files, forwarded, models, responses, stored, uploads};
use super::{Entrance, Front, azure, health, layers, messages, openapi};
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use groundwork_core::access::Role;

/// What a caller must be allowed to do. Without declared keys the local principal may do everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Needs no credential.
    Open,
    /// Any credential: what is not there is told to those only who may come in.
    Known,
    ModelsRead,
    ModelsUse,
    FilesRead,
    FilesWrite,
    BatchesRead,
    BatchesWrite,
    CompletionsRead,
    CompletionsWrite,
    KnowledgeBasesRead,
    KnowledgeBasesWrite,
    DocumentsRead,
    DocumentsWrite,
    JobsRead,
    LedgerRead,
    DeploymentsRead,
    MetricsRead,
}

impl Permission {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Known => "known",
            Self::ModelsRead => "models.read",
            Self::ModelsUse => "models.use",
            Self::FilesRead => "files.read",
            Self::FilesWrite => "files.write",
            Self::BatchesRead => "batches.read",
            Self::BatchesWrite => "batches.write",
            Self::CompletionsRead => "completions.read",
            Self::CompletionsWrite => "completions.write",
            Self::KnowledgeBasesRead => "knowledge_bases.read",
            Self::KnowledgeBasesWrite => "knowledge_bases.write",
            Self::DocumentsRead => "documents.read",
            Self::DocumentsWrite => "documents.write",
            Self::JobsRead => "jobs.read",
            Self::LedgerRead => "ledger.read",
            Self::DeploymentsRead => "deployments.read",
            Self::MetricsRead => "metrics.read",
        }
    }

    /// Whether `role` has it.
    pub(super) fn granted(self, role: Role) -> bool {
        role >= match self {
            Self::Open | Self::Known | Self::ModelsRead | Self::ModelsUse | Self::KnowledgeBasesRead | Self::DocumentsRead => Role::User,
            // Each caller's own.
            Self::FilesRead | Self::FilesWrite | Self::BatchesRead | Self::BatchesWrite => Role::User,
            Self::CompletionsRead | Self::CompletionsWrite => Role::User,
            Self::KnowledgeBasesWrite
            | Self::DocumentsWrite
            | Self::JobsRead
            | Self::LedgerRead
            | Self::DeploymentsRead
            | Self::MetricsRead => Role::Admin,
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
    /// A model answers, and a picture or sound comes in.
    Media,
    /// A document comes in.
    Upload,
    /// A file comes in, to the disk.
    File,
    /// A part of a file comes in, to the disk.
    Part,
    /// Begins or does long work of our own.
    Work,
}

pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) permission: Permission,
    pub(super) cost: Cost,
    /// The handler's full name, which is unique.
    pub(super) handler_name: &'static str,
    handler: MethodRouter<Front>,
}

#[rustfmt::skip]
pub(super) fn routes() -> Vec<Route> {
    use Permission::{DeploymentsRead, DocumentsRead, DocumentsWrite, KnowledgeBasesRead, KnowledgeBasesWrite, JobsRead, Known, LedgerRead, MetricsRead, ModelsRead, ModelsUse, Open};
    use Cost::{Answer, File, Media, Part, Probe, Search, Small, Upload, Work};
    use Permission::{BatchesRead, BatchesWrite, CompletionsRead, CompletionsWrite, FilesRead, FilesWrite};
    vec![
        get("/healthz", Open, Probe, health::alive),
        get("/readyz", Open, Probe, health::ready),
        get("/metrics", MetricsRead, Probe, health::metrics),
        get("/openapi.json", Known, Probe, openapi::find),

        get("/v1/models", ModelsRead, Small, models::list),
        get("/v1/models/{model}", ModelsRead, Small, models::find),
        post("/v1/chat/completions", ModelsUse, Answer, chat::create),
        post("/v1/responses", ModelsUse, Answer, responses::create),
        post("/v1/responses/input_tokens", ModelsUse, Answer, responses::count),
        post("/v1/responses/compact", ModelsUse, Answer, responses::compact),
        get("/v1/responses/{response}", ModelsUse, Small, responses::find),
        delete("/v1/responses/{response}", ModelsUse, Small, responses::delete),
        post("/v1/responses/{response}/cancel", ModelsUse, Small, responses::cancel),
        get("/v1/responses/{response}/input_items", ModelsUse, Small, responses::input_items),
        post("/v1/conversations", ModelsUse, Small, conversations::create),
        get("/v1/conversations/{conversation}", ModelsUse, Small, conversations::find),
        post("/v1/conversations/{conversation}", ModelsUse, Small, conversations::update),
        delete("/v1/conversations/{conversation}", ModelsUse, Small, conversations::delete),
        get("/v1/conversations/{conversation}/items", ModelsUse, Small, conversations::list_items),
        post("/v1/conversations/{conversation}/items", ModelsUse, Small, conversations::add_items),
        get("/v1/conversations/{conversation}/items/{item}", ModelsUse, Small, conversations::find_item),
        delete("/v1/conversations/{conversation}/items/{item}", ModelsUse, Small, conversations::remove_item),
        post("/v1/embeddings", ModelsUse, Answer, embeddings::create),
        post("/v1/messages", ModelsUse, Answer, messages::create),
        post("/v1/messages/count_tokens", ModelsUse, Answer, messages::count),
        post("/v1/completions", ModelsUse, Answer, forwarded::completion),
        post("/v1/moderations", ModelsUse, Answer, forwarded::moderation),
        post("/v1/rerank", ModelsUse, Answer, forwarded::rerank),
        post("/v1/images/generations", ModelsUse, Answer, forwarded::image_generation),
        post("/v1/images/edits", ModelsUse, Media, forwarded::image_edit),
        post("/v1/images/variations", ModelsUse, Media, forwarded::image_variation),
        post("/v1/audio/speech", ModelsUse, Answer, forwarded::speech),
        post("/v1/audio/transcriptions", ModelsUse, Media, forwarded::transcription),
        post("/v1/audio/translations", ModelsUse, Media, forwarded::translation),

        get("/v1/chat/completions", CompletionsRead, Small, stored::list),
        get("/v1/chat/completions/{completion}", CompletionsRead, Small, stored::find),
        post("/v1/chat/completions/{completion}", CompletionsWrite, Small, stored::update),
        delete("/v1/chat/completions/{completion}", CompletionsWrite, Small, stored::delete),
        get("/v1/chat/completions/{completion}/messages", CompletionsRead, Small, stored::messages),

        post("/v1/files", FilesWrite, File, files::create),
        get("/v1/files", FilesRead, Small, files::list),
        get("/v1/files/{file}", FilesRead, Small, files::find),
        delete("/v1/files/{file}", FilesWrite, Small, files::delete),
        get("/v1/files/{file}/content", FilesRead, Small, files::content),
        post("/v1/uploads", FilesWrite, Small, uploads::create),
        post("/v1/uploads/{upload}/parts", FilesWrite, Part, uploads::add_part),
        post("/v1/uploads/{upload}/complete", FilesWrite, Work, uploads::complete),
        post("/v1/uploads/{upload}/cancel", FilesWrite, Small, uploads::cancel),
        post("/v1/batches", BatchesWrite, Work, batches::create),
        get("/v1/batches", BatchesRead, Small, batches::list),
        get("/v1/batches/{batch}", BatchesRead, Small, batches::find),
        post("/v1/batches/{batch}/cancel", BatchesWrite, Small, batches::cancel),

        get("/admin/v1/knowledge-bases", KnowledgeBasesRead, Small, knowledge_bases::list),
        put("/admin/v1/knowledge-bases/{id}", KnowledgeBasesWrite, Small, knowledge_bases::put),
        post("/admin/v1/knowledge-bases/{id}/search", DocumentsRead, Search, search::create),
        get("/admin/v1/knowledge-bases/{id}/documents", DocumentsRead, Small, documents::list),
        post("/admin/v1/knowledge-bases/{id}/documents", DocumentsWrite, Upload, documents::upload),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}", DocumentsRead, Small, documents::find),
        delete("/admin/v1/knowledge-bases/{id}/documents/{document}", DocumentsWrite, Small, documents::delete),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/original", DocumentsRead, Small, documents::original),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/near-duplicates", DocumentsRead, Small, documents::near_duplicates),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/versions", DocumentsRead, Small, documents::versions),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/versions/{version}/original", DocumentsRead, Small, documents::original_of_version),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/pages/{page}", DocumentsRead, Small, documents::page),
        get("/admin/v1/knowledge-bases/{id}/documents/{document}/pages/{page}/words", DocumentsRead, Small, documents::words),
        get("/admin/v1/jobs", JobsRead, Small, jobs::list),
        get("/admin/v1/jobs/{id}", JobsRead, Small, jobs::find),
        get("/admin/v1/calls", LedgerRead, Small, calls::list),
        get("/admin/v1/deployments", DeploymentsRead, Small, deployments::list),
    ]
}

/// All routes, with Azure's other names for OpenAI's, behind their guards, for requests that come in by `entrance`.
pub fn router(front: &Front, entrance: Entrance) -> Router {
    let mut router = Router::new();
    for route in with_other_names(routes()) {
        let guard = layers::Guard::new(front, entrance, route.path, route.permission, route.cost);
        router = router.route(&matched(route.path), route.handler.layer(from_fn_with_state(guard, layers::guard)));
    }
    let guard = layers::Guard::new(front, entrance, "unmatched", Permission::Known, Cost::Probe);
    let guarded = from_fn_with_state(guard, layers::guard);
    router
        .fallback(health::no_such_path.layer(guarded.clone()))
        .method_not_allowed_fallback(health::no_such_method.layer(guarded))
        .with_state(front.clone())
}

/// As the router is told it. The name of a model may have slashes in it, and not every client encodes them.
fn matched(path: &str) -> String {
    path.replace("/models/{model}", "/models/{*model}")
}

/// One `METHOD path permission` a line: the content of `docs/permissions.md`.
pub fn permissions() -> String {
    let routes = with_other_names(routes());
    routes.iter().map(|route| format!("{} {} {}\n", route.method, route.path, route.permission.name())).collect()
}

/// Each of OpenAI's routes is also there under the paths of Azure.
fn with_other_names(routes: Vec<Route>) -> Vec<Route> {
    let other = |route: &Route, path: &'static str| Route { path, handler: route.handler.clone(), method: route.method.clone(), ..*route };
    let others: Vec<Route> =
        routes.iter().flat_map(|route| azure::other_names(route.path).into_iter().map(|path| other(route, path))).collect();
    routes.into_iter().chain(others).collect()
}

fn get<T: 'static, H: Handler<T, Front>>(path: &'static str, permission: Permission, cost: Cost, handler: H) -> Route {
    route(Method::GET, path, (permission, cost), (std::any::type_name::<H>(), on(MethodFilter::GET, handler)))
}

fn post<T: 'static, H: Handler<T, Front>>(path: &'static str, permission: Permission, cost: Cost, handler: H) -> Route {
    route(Method::POST, path, (permission, cost), (std::any::type_name::<H>(), on(MethodFilter::POST, handler)))
}

fn put<T: 'static, H: Handler<T, Front>>(path: &'static str, permission: Permission, cost: Cost, handler: H) -> Route {
    route(Method::PUT, path, (permission, cost), (std::any::type_name::<H>(), on(MethodFilter::PUT, handler)))
}

fn delete<T: 'static, H: Handler<T, Front>>(path: &'static str, permission: Permission, cost: Cost, handler: H) -> Route {
    route(Method::DELETE, path, (permission, cost), (std::any::type_name::<H>(), on(MethodFilter::DELETE, handler)))
}

fn route(
    method: Method,
    path: &'static str,
    (permission, cost): (Permission, Cost),
    (handler_name, handler): (&'static str, MethodRouter<Front>),
) -> Route {
    Route { method, path, permission, cost, handler_name, handler }
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

    #[test]
    fn only_probes_need_no_credential() {
        let open: Vec<&str> =
            with_other_names(routes()).iter().filter(|route| route.permission == Permission::Open).map(|route| route.path).collect();
        assert_eq!(open, ["/healthz", "/readyz"]);
    }
}
