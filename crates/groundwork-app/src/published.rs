//! What is published under a model name, ready for use: rows turned into compiled templates, tokenizers and targets, as one snapshot.

use crate::declared;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{InvalidName, KnowledgeBaseId, ModelName, TenantId};
use groundwork_core::prompt::{Template, TemplateError};
use groundwork_core::tokens::Tokenizer;
use groundwork_inference::target::Target;
use groundwork_inference::tokenizers;
use groundwork_store::db::objects::{Kind, Object};
use groundwork_store::db::{Db, DbError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One state of everything that can be asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Published {
    pub(crate) assistants: BTreeMap<ModelName, Arc<Assistant>>,
    pub(crate) pools: BTreeMap<ModelName, Arc<Pool>>,
}

/// An assistant with all that its pipeline needs.
#[derive(Debug)]
pub(crate) struct Assistant {
    pub(crate) name: ModelName,
    pub(crate) title: Option<String>,
    pub(crate) created_at: UnixMs,
    pub(crate) template: Template,
    pub(crate) pool: Arc<Pool>,
    pub(crate) knowledge_bases: Vec<KnowledgeBaseId>,
    pub(crate) passages: usize,
    pub(crate) answer_tokens: usize,
}

/// The deployments behind a model name, in the order in which they are tried.
pub(crate) struct Pool {
    pub(crate) name: ModelName,
    pub(crate) created_at: UnixMs,
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) window: usize,
    pub(crate) tokenizer: Tokenizer,
}

#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) target: Target,
    pub(crate) model: String,
}

impl Deployment {
    /// The name in ledger and metrics.
    pub(crate) fn label(&self) -> String {
        format!("{}/{}", self.target.name(), self.model)
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("name", &self.name).field("deployments", &self.deployments).finish_non_exhaustive()
    }
}

/// Why a stored object cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error("{kind} {name} refers to the {what} {missing:?}, which is not there: declare it, or remove the reference")]
    Dangling { kind: &'static str, name: String, what: &'static str, missing: String },
    #[error("{kind} {name} cannot be read: {source}")]
    Unreadable { kind: &'static str, name: String, source: serde_json::Error },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Name(#[from] InvalidName),
}

/// Reads all live objects of `tenant`. One that cannot be used is left out and logged: the others go on working.
pub(crate) async fn load(db: &Db, tenant: &TenantId, targets: &BTreeMap<String, Target>) -> Result<Published, DbError> {
    let mut templates = BTreeMap::new();
    for object in db.live_objects(Kind::Template, tenant).await? {
        if let Some(template) = usable(template(&object)) {
            templates.insert(object.name.clone(), template);
        }
    }
    let mut published = Published::default();
    for object in db.live_objects(Kind::ModelPool, tenant).await? {
        if let Some(pool) = usable(pool(&object, targets)) {
            published.pools.insert(pool.name.clone(), Arc::new(pool));
        }
    }
    for object in db.live_objects(Kind::Assistant, tenant).await? {
        if let Some(assistant) = usable(assistant(&object, &templates, &published.pools)) {
            published.assistants.insert(assistant.name.clone(), Arc::new(assistant));
        }
    }
    Ok(published)
}

fn usable<T>(object: Result<T, PublishError>) -> Option<T> {
    object.inspect_err(|error| tracing::error!(%error, "an object is left out")).ok()
}

fn template(object: &Object) -> Result<Template, PublishError> {
    let body: declared::Template = read("template", object)?;
    Ok(Template::new(object.name.parse()?, &body.system, &body.question)?)
}

fn pool(object: &Object, targets: &BTreeMap<String, Target>) -> Result<Pool, PublishError> {
    let mut body: declared::Model = read("model", object)?;
    body.deployments.sort_by_key(|deployment| deployment.tier);
    let deployments = body.deployments.into_iter().map(|declared| {
        let target = targets.get(&declared.target).ok_or_else(|| dangling("model", object, "target", &declared.target))?;
        let model = declared.model.unwrap_or_else(|| target.default_model().to_owned());
        Ok(Deployment { target: target.clone(), model })
    });
    let deployments: Vec<Deployment> = deployments.collect::<Result<_, PublishError>>()?;
    let tokenizer = body.tokenizer.or_else(|| deployments.first().map(|first| first.model.clone())).unwrap_or_default();
    Ok(Pool {
        name: object.name.parse()?,
        created_at: object.created_at,
        deployments,
        window: body.window as usize,
        tokenizer: tokenizers::for_chat_model(&tokenizer),
    })
}

fn assistant(
    object: &Object,
    templates: &BTreeMap<String, Template>,
    pools: &BTreeMap<ModelName, Arc<Pool>>,
) -> Result<Assistant, PublishError> {
    let body: declared::Assistant = read("assistant", object)?;
    let template = templates.get(&body.template).ok_or_else(|| dangling("assistant", object, "template", &body.template))?;
    let model: ModelName = body.model.parse()?;
    let pool = pools.get(&model).ok_or_else(|| dangling("assistant", object, "model", &body.model))?;
    Ok(Assistant {
        name: object.name.parse()?,
        title: body.title,
        created_at: object.created_at,
        template: template.clone(),
        pool: pool.clone(),
        knowledge_bases: body.knowledge_bases.iter().map(|id| id.parse()).collect::<Result<_, _>>()?,
        passages: body.passages as usize,
        answer_tokens: body.answer_tokens as usize,
    })
}

fn read<T: serde::de::DeserializeOwned>(kind: &'static str, object: &Object) -> Result<T, PublishError> {
    serde_json::from_value(object.body.clone()).map_err(|source| PublishError::Unreadable { kind, name: object.name.clone(), source })
}

fn dangling(kind: &'static str, object: &Object, what: &'static str, missing: &str) -> PublishError {
    PublishError::Dangling { kind, name: object.name.clone(), what, missing: missing.to_owned() }
}
