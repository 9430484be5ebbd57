//! Who asks for what, and whether it may.

use super::chat::{Request, shutting_down};
use super::error::ChatError;
use super::settle::{Call, Estimate, Settlement};
use crate::App;
use crate::published::{Assistant, Pool};
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{CallId, ModelName, TenantId};
use groundwork_wire::chat;
use groundwork_wire::error::Invalid;
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
    pub(super) request: chat::Request,
    pub(super) model: Model,
}

pub(super) enum Model {
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

    pub(super) fn pool(&self) -> &Arc<Pool> {
        match self {
            Self::Assistant(assistant) => &assistant.pool,
            Self::Pool(pool) => pool,
        }
    }
}

impl Admitted {
    /// What is booked of the call, from here on.
    pub(super) fn settlement(&self, app: &App) -> Settlement {
        let call = Call {
            id: self.id.clone(),
            label: self.label.clone(),
            tenant: self.tenant.clone(),
            principal: self.principal.clone(),
            operation: Operation::Chat,
            model: self.model.name().clone(),
            streamed: self.request.stream,
            started: self.started,
        };
        let estimate = Estimate { pool: self.model.pool().clone(), messages: self.request.messages.clone() };
        Settlement::begin(app, call, Some(estimate))
    }
}

/// Parses the body and finds the model among those the caller may use.
pub(super) fn admit(app: &App, caller: &Caller, request: Request) -> Result<Admitted, ChatError> {
    if app.stopping().is_cancelled() {
        return Err(shutting_down());
    }
    let inner = app.inner();
    let mut body = groundwork_wire::object::Object::parse(request.body)?;
    if let Some(model) = &request.model {
        body.set("model", model).map_err(|error| Invalid::Value { param: "model".to_owned(), reason: error.to_string() })?;
    }
    let parsed = chat::Request::parse(body.to_bytes())?;
    let unknown = || ChatError::UnknownModel(parsed.model.clone());
    let tenant = caller.tenant.clone().filter(|tenant| *tenant == inner.tenant).ok_or_else(unknown)?;
    let name: ModelName = parsed.model.parse().map_err(|_invalid| unknown())?;
    if !caller.may_use(&name) {
        return Err(unknown());
    }
    let published = app.published();
    let model = match (published.assistants.get(&name), published.pools.get(&name)) {
        (Some(assistant), _) => Model::Assistant(assistant.clone()),
        (None, Some(pool)) => Model::Pool(pool.clone()),
        (None, None) if inner.knowledge.embedding.name == parsed.model => return Err(ChatError::NotAChatModel(parsed.model)),
        (None, None) => return Err(unknown()),
    };
    Ok(Admitted {
        id: app.make_id("call").map_err(|_invalid| crate::Interrupted)?,
        tenant,
        principal: principal(caller),
        label: request.request_id,
        started: inner.clock.now(),
        deadline: request.deadline.unwrap_or_else(|| now() + inner.limits.call_timeout),
        request: parsed,
        model,
    })
}

/// Input rules. So far: the size of the messages.
pub(super) fn guard(app: &App, admitted: &Admitted) -> Result<(), ChatError> {
    let bytes: usize = admitted.request.messages.iter().map(|message| message.object.to_bytes().len()).sum();
    let limit = app.inner().limits.question_bytes;
    if bytes > limit { Err(ChatError::TooLarge { bytes, limit }) } else { Ok(()) }
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
