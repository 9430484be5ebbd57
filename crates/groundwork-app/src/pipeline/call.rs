//! Which deployment answers: the pool's, one after the other, until one begins to.

use super::admit::Admitted;
use super::annotate::Grounds;
use super::error::CallError;
use super::settle::Settlement;
use crate::App;
use groundwork_core::turn::Dialect;
use groundwork_inference::target::{self, Call, Embed, Grounding, Reply};
use groundwork_retrieval::embed::Purpose;
use groundwork_wire::object::Object;
use std::sync::Arc;

/// What a model is asked, and what its answer must stand on.
pub(super) struct Prompt {
    /// Of the body, and of the answer that is made of it.
    pub(super) dialect: Dialect,
    pub(super) body: Object,
    pub(super) grounds: Option<Grounds>,
}

/// Asks the deployments in their order. One that fails before its first byte for a reason of its own is followed by the next.
pub(super) async fn call(
    app: &App,
    admitted: &Admitted,
    prompt: Prompt,
    settlement: &mut Settlement,
) -> Result<(Reply, Option<Grounds>), CallError> {
    let Prompt { dialect, body, grounds } = prompt;
    let grounding = match &grounds {
        Some(grounds) => Some(Grounding { question: grounds.question.clone(), sources: grounds.sources.clone(), embed: embed(app).await }),
        None => None,
    };
    let mut last = None;
    for deployment in &admitted.model.pool().deployments {
        settlement.asks(deployment)?;
        let call = Call {
            id: answer_id(dialect, admitted.id.as_str()),
            now: app.inner().clock.now(),
            dialect,
            body: body.clone(),
            model: Some(deployment.model.clone()),
            stream: admitted.asked.stream,
            deadline: admitted.deadline,
            grounding: grounding.clone(),
            headers: admitted.headers.clone(),
        };
        match deployment.target.call(call).await {
            Ok(reply) => {
                settlement.reached();
                return Ok((reply, grounds));
            }
            Err(error) if another_may_do_better(&error) => {
                tracing::warn!(deployment = deployment.label(), kind = error.kind(), "a deployment failed before its first byte");
                last = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let target = admitted.model.pool().name.to_string();
    Err(last.unwrap_or(target::CallError::Unsupported { target, message: "it has no deployment".to_owned() }).into())
}

/// Of an answer that is made or translated here.
pub(super) fn answer_id(dialect: Dialect, call: &str) -> String {
    match dialect {
        Dialect::Chat => format!("chatcmpl-{call}"),
        Dialect::Responses => format!("resp_{call}"),
        Dialect::Messages => format!("msg_{call}"),
    }
}

/// A refused prompt is refused everywhere, and a deadline that is over is over.
fn another_may_do_better(error: &target::CallError) -> bool {
    use groundwork_inference::target::Stage;
    match error {
        target::CallError::Auth { .. }
        | target::CallError::NotFound { .. }
        | target::CallError::RateLimited { .. }
        | target::CallError::QuotaExhausted { .. }
        | target::CallError::Fault { .. }
        | target::CallError::Unreachable { .. }
        | target::CallError::Broken { .. }
        | target::CallError::Unsupported { .. }
        | target::CallError::Invalid { .. }
        | target::CallError::MidStream { .. }
        | target::CallError::TooLong { .. } => true,
        target::CallError::Timeout { stage, .. } => *stage != Stage::End,
        target::CallError::ContentFilter { .. } | target::CallError::Refused { .. } => false,
    }
}

/// The embedding model as targets see it; `None` when there is none.
pub(super) async fn embed(app: &App) -> Option<Embed> {
    let embedder = app.inner().knowledge.embedding.embedder().await.ok()?;
    Some(Arc::new(move |texts| {
        let running = (embedder.run)(Purpose::Query, texts);
        Box::pin(async move { running.await.map_err(|error| error.to_string()) })
    }))
}
