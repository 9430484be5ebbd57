//! Who asks for what, and whether it may.

use super::asked::{Asked, Stored};
use super::call::answer_id;
use super::error::CallError;
use super::run::{Request, shutting_down};
use super::settle::{Call, Estimate, Settlement};
use crate::App;
use crate::completions::{Completion, Keeping};
use crate::owned::owner;
use crate::published::{Assistant, Pool};
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{CallId, ModelName, TenantId};
use http::HeaderMap;
use std::sync::Arc;
use std::time::Instant;

/// A call that has begun.
pub(super) struct Admitted {
    pub(super) id: CallId,
    pub(super) tenant: TenantId,
    pub(super) principal: String,
    pub(super) label: Option<String>,
    pub(super) started: UnixMs,
    pub(super) deadline: Instant,
    pub(super) asked: Arc<Asked>,
    pub(super) headers: Arc<HeaderMap>,
    pub(super) model: Model,
}

pub(crate) enum Model {
    Assistant(Arc<Assistant>),
    Pool(Arc<Pool>),
}

impl Model {
    pub(super) fn name(&self) -> &ModelName {
        match self {
            Self::Assistant(assistant) => &assistant.name,
            Self::Pool(pool) => &pool.name,
        }
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        match self {
            Self::Assistant(assistant) => &assistant.pool,
            Self::Pool(pool) => pool,
        }
    }
}

impl Admitted {
    /// What stores the answer, when the client wants that.
    pub(super) fn keeping(&self, app: &App, caller: &Caller) -> Option<Keeping> {
        let Stored { metadata, hides_usage } = self.asked.stored.clone()?;
        let messages = self.asked.object.raw("messages").map(|raw| String::from_utf8_lossy(raw).into_owned());
        let completion = Completion {
            id: answer_id(self.asked.dialect, self.id.as_str()).try_into().ok()?,
            owner: owner(caller).ok()?,
            model: self.model.name().to_string(),
            metadata,
            messages: messages.unwrap_or_default(),
            answer: String::new(),
            created_at: self.started,
        };
        Some(Keeping { app: app.clone(), completion, hides_usage, deadline: self.deadline })
    }

    /// What is booked of the call, from here on.
    pub(super) fn settlement(&self, app: &App) -> Settlement {
        let call = Call {
            id: self.id.clone(),
            label: self.label.clone(),
            tenant: self.tenant.clone(),
            principal: self.principal.clone(),
            operation: Operation::Chat,
            model: self.model.name().clone(),
            streamed: self.asked.stream,
            started: self.started,
        };
        Settlement::begin(app, call, Some(Estimate::of_turn(self.model.pool(), &self.asked)))
    }
}

/// Parses the body and finds the model among those the caller may use.
pub(super) fn admit(app: &App, caller: &Caller, request: Request) -> Result<Admitted, CallError> {
    if app.stopping().is_cancelled() {
        return Err(shutting_down());
    }
    let inner = app.inner();
    let asked = Asked::parse(request.dialect, request.body, request.model.as_deref())?;
    let model = model(app, caller, &asked.model)?;
    Ok(Admitted {
        id: app.make_id("call").map_err(|_invalid| crate::Interrupted)?,
        tenant: inner.tenant.clone(),
        principal: principal(caller),
        label: request.request_id,
        started: inner.clock.now(),
        deadline: request.deadline.unwrap_or_else(|| now() + inner.limits.call_timeout),
        asked: Arc::new(asked),
        headers: request.headers,
        model,
    })
}

/// The assistant or model `name`, when the caller may use it.
pub(crate) fn model(app: &App, caller: &Caller, name: &str) -> Result<Model, CallError> {
    let inner = app.inner();
    let unknown = || CallError::UnknownModel(name.to_owned());
    let model: ModelName = name.parse().map_err(|_invalid| unknown())?;
    if caller.tenant.as_ref() != Some(&inner.tenant) || !caller.may_use(&model) {
        return Err(unknown());
    }
    let published = app.published();
    match (published.assistants.get(&model), published.pools.get(&model)) {
        (Some(assistant), _) => Ok(Model::Assistant(assistant.clone())),
        (None, Some(pool)) => Ok(Model::Pool(pool.clone())),
        (None, None) if inner.knowledge.embedding.name == name => Err(CallError::NotAChatModel(name.to_owned())),
        (None, None) => Err(unknown()),
    }
}

/// Input rules. So far: the size of what the model is to read.
pub(super) fn guard(app: &App, admitted: &Admitted) -> Result<(), CallError> {
    let (bytes, limit) = (admitted.asked.bytes, app.inner().limits.question_bytes);
    if bytes > limit { Err(CallError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// The person or program that asks, for the ledger.
pub(crate) fn principal(caller: &Caller) -> String {
    caller
        .principals
        .iter()
        .find(|name| name.starts_with("user:"))
        .or(caller.principals.first())
        .cloned()
        .unwrap_or_else(|| "unknown".to_owned())
}

/// tokio's clock, so that tests in virtual time agree with the timers.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
