//! What is published under a model name, ready for use: rows turned into compiled templates, tokenizers and targets, as one snapshot.

use crate::declared;
use crate::routing::{Declared, Switchboard};
use groundwork_core::call::TargetKind;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{InvalidName, KnowledgeBaseId, ModelName, TenantId};
use groundwork_core::prompt::{Budget, Template, TemplateError};
use groundwork_core::tokens::Tokenizer;
use groundwork_core::variety::Variety;
use groundwork_inference::target::Target;
use groundwork_inference::tokenizers;
use groundwork_retrieval::search::Surroundings;
use groundwork_store::db::objects::{Kind, Object};
use groundwork_store::db::{Db, DbError};
use groundwork_wire::chat;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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
    /// What prompts of this template have in common: its name and version.
    pub(crate) cache_key: String,
    pub(crate) pool: Arc<Pool>,
    pub(crate) knowledge_bases: Vec<KnowledgeBaseId>,
    pub(crate) passages: usize,
    pub(crate) answer_tokens: usize,
    /// Its own, where it was declared with one.
    pub(crate) floor: Option<f64>,
    /// Whether a reranker may put its passages in order.
    pub(crate) rerank: bool,
    /// Who may write a question anew, where someone may.
    pub(crate) rewriter: Option<Arc<Pool>>,
    /// Whether one of its deployments is a chat model.
    pub(crate) chats: bool,
    /// What a chat model is told when nothing was searched.
    pub(crate) talk: Template,
    pub(crate) variety: Variety,
    pub(crate) surroundings: Surroundings,
    /// Tokens that the surroundings of passages may take.
    pub(crate) around_tokens: usize,
}

impl Assistant {
    /// What it is called in its prompts.
    pub(crate) fn shown_name(&self) -> &str {
        self.title.as_deref().unwrap_or(self.name.as_str())
    }

    /// What a prompt may take, so that the answer that `request` wants has room beside it.
    pub(crate) fn budget(&self, request: &chat::Request) -> Budget {
        Budget::new(self.pool.window, request.max_output_tokens.map_or(self.answer_tokens, |tokens| tokens as usize))
    }
}

/// The deployments behind a model name.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) name: ModelName,
    pub(crate) created_at: UnixMs,
    /// By tier, the one to ask first before the others.
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) window: usize,
    pub(crate) tokenizer: Tokenizer,
    /// The tokens of a call must be estimated before it goes out.
    pub(crate) counts_tokens: bool,
    /// Calls that begin alike go to the same deployment.
    pub(crate) affinity: bool,
    /// A slow deployment may get company.
    pub(crate) hedges: bool,
    /// Where the switchboard keeps what its calls may spend.
    pub(crate) budget: usize,
    /// How often a deployment that rests is probed.
    pub(crate) probe: Option<Duration>,
}

#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) target: Target,
    pub(crate) model: String,
    label: String,
    pub(crate) tier: u32,
    /// Its part of the calls of its tier.
    pub(crate) weight: u32,
    /// Tokens of prompt and answer together.
    pub(crate) window: usize,
    /// Where the switchboard knows it.
    pub(crate) slot: usize,
}

impl Deployment {
    /// The name in ledger and metrics.
    pub(crate) fn label(&self) -> &str {
        &self.label
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
pub(crate) async fn load(
    db: &Db,
    tenant: &TenantId,
    targets: &BTreeMap<String, Target>,
    switchboard: &Switchboard,
) -> Result<Published, DbError> {
    let mut templates = BTreeMap::new();
    for object in db.live_objects(Kind::Template, tenant).await? {
        if let Some(template) = usable(template(&object)) {
            templates.insert(object.name.clone(), (template, object.version));
        }
    }
    let mut published = Published::default();
    let objects = db.live_objects(Kind::ModelPool, tenant).await?;
    let models: Vec<(&Object, declared::Model)> =
        objects.iter().filter_map(|object| Some((object, usable(read("model", object))?))).collect();
    let pools = Pools { targets, switchboard, said: said(&models, targets) };
    for (object, model) in models {
        if let Some(pool) = usable(pools.pool(object, model)) {
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

/// By target and model.
type Said = BTreeMap<(String, String), Declared>;

/// A deployment may stand behind several models, and what one of them says of it holds for all.
fn said(models: &[(&Object, declared::Model)], targets: &BTreeMap<String, Target>) -> Said {
    let mut said = Said::new();
    for deployment in models.iter().flat_map(|(_, model)| &model.deployments) {
        let Some(target) = targets.get(&deployment.target) else { continue };
        let known = said.entry((deployment.target.clone(), deployment.model_at(target).to_owned())).or_default();
        if let Some(kind) = deployment.kind {
            known.kind = kind.into();
        }
        if let Some(limits) = deployment.limits {
            (known.limits, known.queue) = (limits.of_deployment(), limits.queue());
        }
    }
    said
}

struct Pools<'a> {
    targets: &'a BTreeMap<String, Target>,
    switchboard: &'a Switchboard,
    said: Said,
}

impl Pools<'_> {
    fn pool(&self, object: &Object, mut body: declared::Model) -> Result<Pool, PublishError> {
        body.deployments.sort_by_key(|deployment| deployment.tier);
        let deployments = body.deployments.iter().map(|declared| self.deployment(object, declared, body.window));
        let deployments: Vec<Deployment> = deployments.collect::<Result<_, PublishError>>()?;
        let name: ModelName = object.name.parse()?;
        let budget = self.switchboard.budget(&name, body.shares());
        let largest = deployments.iter().map(|deployment| deployment.window).max();
        let tokenizer = body.tokenizer.or_else(|| deployments.first().map(|first| first.model.clone())).unwrap_or_default();
        Ok(Pool {
            name,
            created_at: object.created_at,
            affinity: body.affinity,
            hedges: body.hedge.is_some_and(|hedge| hedge.share > 0.0),
            budget,
            probe: body.probe_ms.map(Duration::from_millis),
            counts_tokens: deployments.iter().any(|deployment| self.switchboard.counts_tokens(deployment.slot)),
            deployments,
            window: largest.map_or(body.window as usize, |largest| largest.min(body.window as usize)),
            tokenizer: tokenizers::for_chat_model(&tokenizer),
        })
    }

    fn deployment(&self, object: &Object, declared: &declared::Deployment, window: u32) -> Result<Deployment, PublishError> {
        let target = self.targets.get(&declared.target).ok_or_else(|| dangling("model", object, "target", &declared.target))?;
        let model = declared.model_at(target).to_owned();
        let said = self.said.get(&(declared.target.clone(), model.clone())).copied().unwrap_or_default();
        Ok(Deployment {
            target: target.clone(),
            label: format!("{}/{model}", declared.target),
            tier: declared.tier,
            weight: declared.weight,
            window: declared.window.map(|window| window as usize).or(target.window()).unwrap_or(window as usize),
            slot: self.switchboard.slot(&declared.target, &model, said),
            model,
        })
    }
}

fn assistant(
    object: &Object,
    templates: &BTreeMap<String, (Template, u32)>,
    pools: &BTreeMap<ModelName, Arc<Pool>>,
) -> Result<Assistant, PublishError> {
    let body: declared::Assistant = read("assistant", object)?;
    let (template, version) = templates.get(&body.template).ok_or_else(|| dangling("assistant", object, "template", &body.template))?;
    let model: ModelName = body.model.parse()?;
    let pool = pools.get(&model).ok_or_else(|| dangling("assistant", object, "model", &body.model))?;
    Ok(Assistant {
        name: object.name.parse()?,
        title: body.title,
        created_at: object.created_at,
        template: template.clone(),
        cache_key: format!("{}@{version}", body.template),
        pool: pool.clone(),
        knowledge_bases: body.knowledge_bases.iter().map(|id| id.parse()).collect::<Result<_, _>>()?,
        passages: body.passages as usize,
        answer_tokens: body.answer_tokens as usize,
        floor: body.floor,
        rerank: body.rerank,
        rewriter: Some(()).filter(|()| body.rewrite).and_then(|()| rewriter(pool)),
        chats: pool.deployments.iter().any(|deployment| deployment.target.kind() != TargetKind::Extractive),
        talk: Template::new("talk".parse()?, TALK, "{{ question }}")?,
        variety: body.variety.into(),
        surroundings: body.around.into(),
        around_tokens: body.around.tokens as usize,
    })
}

/// The rules for a message that asks nothing of the documents.
const TALK: &str = "\
The last message asks for nothing that the documents could tell, so nothing was searched and there are no sources. Answer it briefly, from the conversation \
alone, in the language of the message. State no facts that were not said in the conversation, and cite nothing.";

/// Of a pool those who can write a question anew soon enough.
fn rewriter(pool: &Arc<Pool>) -> Option<Arc<Pool>> {
    let writes = |deployment: &&Deployment| !matches!(deployment.target.kind(), TargetKind::Extractive | TargetKind::Local);
    let deployments: Vec<_> = pool.deployments.iter().filter(writes).cloned().collect();
    (!deployments.is_empty()).then(|| Arc::new(Pool { deployments, ..Pool::clone(pool) }))
}

fn read<T: serde::de::DeserializeOwned>(kind: &'static str, object: &Object) -> Result<T, PublishError> {
    serde_json::from_value(object.body.clone()).map_err(|source| PublishError::Unreadable { kind, name: object.name.clone(), source })
}

fn dangling(kind: &'static str, object: &Object, what: &'static str, missing: &str) -> PublishError {
    PublishError::Dangling { kind, name: object.name.clone(), what, missing: missing.to_owned() }
}
