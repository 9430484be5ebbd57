//! The call itself: a prompt goes to a deployment of the model, and its answer comes back.

use super::admit::{Admitted, Model};
use super::annotate::Grounds;
use super::error::CallError;
use super::retrieve::within;
use super::settle::{Booking, Settlement, most_output};
use super::splice;
use super::text::Size;
use crate::App;
use crate::routing::{Errand, affinity, route, spillover};
use groundwork_core::pool::Key;
use groundwork_core::turn::{Dialect, Event};
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

/// Asks a deployment of the model, and another when it fails before its first byte.
pub(super) async fn call(
    app: &App,
    admitted: &Admitted,
    prompt: Prompt,
    settlement: &Settlement,
) -> Result<(Reply, Option<Grounds>), CallError> {
    let Prompt { dialect, mut body, grounds } = prompt;
    let grounding = match &grounds {
        Some(grounds) => Some(grounding(app, grounds).await),
        None => None,
    };
    let pool = admitted.model.pool();
    if let (Model::Assistant(assistant), true) = (&admitted.model, pool.affinity && !body.has(CACHE_KEY)) {
        splice::set(&mut body, CACHE_KEY, assistant.cache_key.as_str());
    }
    let errand = Errand {
        pool,
        caller: &admitted.principal,
        deadline: admitted.deadline,
        tokens: if pool.counts_tokens { tokens(&body) } else { 0 },
        streamed: admitted.asked.stream,
        everywhere: true,
        affinity: pool.affinity.then(|| affinity(admitted, &body)),
    };
    let (reply, attempt) = route(app, &errand, Some(Booking::of_reply(settlement)), |deployment, replaceable| {
        let call = Call {
            id: answer_id(dialect, admitted.id.as_str()),
            now: app.inner().clock.now(),
            dialect,
            body: body.clone(),
            model: Some(deployment.model.clone()),
            stream: admitted.asked.stream,
            replaceable,
            deadline: admitted.deadline,
            grounding: grounding.clone(),
            headers: spillover::headers(&admitted.headers, pool, deployment),
        };
        let target = deployment.target.clone();
        async move { target.call(call).await }
    })
    .await?;
    let reply = match reply {
        Reply::Whole { headers, served, body, events } => {
            attempt.done(&headers, used(&events));
            Reply::Whole { headers, served, body, events }
        }
        Reply::Stream { headers, served, frames } => {
            let frames = attempt.follow(&headers, frames);
            Reply::Stream { headers, served, frames }
        }
    };
    let reply = match &grounds {
        Some(grounds) => reply.with_headers(grounds.told()),
        None => reply,
    };
    Ok((reply, grounds))
}

/// Says that nothing fits well enough, and quotes what is nearest.
pub(super) async fn decline(app: &App, admitted: &Admitted, grounds: Grounds) -> Result<(Reply, Option<Grounds>), CallError> {
    let grounding = grounding(app, &grounds).await;
    let call = Call {
        id: answer_id(Dialect::Chat, admitted.id.as_str()),
        now: app.inner().clock.now(),
        dialect: Dialect::Chat,
        body: admitted.asked.object.clone(),
        model: None,
        stream: admitted.asked.stream,
        replaceable: false,
        deadline: admitted.deadline,
        grounding: None,
        headers: Arc::default(),
    };
    let reply = target::decline(admitted.model.name().as_str(), call, &grounding, &within(&admitted.asked.as_chat()?)).await?;
    Ok((reply.with_headers(grounds.told()), Some(grounds)))
}

async fn grounding(app: &App, grounds: &Grounds) -> Grounding {
    Grounding { question: grounds.question.clone(), sources: grounds.sources.clone(), embed: embed(app).await }
}

/// What tells a provider which prompts begin alike.
const CACHE_KEY: &str = "prompt_cache_key";

fn affinity(admitted: &Admitted, body: &Object) -> Key {
    match &admitted.model {
        Model::Assistant(assistant) => affinity::of_assistant(&admitted.tenant, &assistant.cache_key),
        Model::Pool(_) => affinity::of_prompt(&admitted.tenant, body),
    }
}

/// What a service takes a request for before it has read it: four bytes of text a token, and the longest answer.
fn tokens(body: &Object) -> u64 {
    let read = Size::of(body).text;
    (read as u64 / 4).saturating_add(most_output(body).unwrap_or(0))
}

pub(super) fn used(events: &[Event]) -> Option<u64> {
    events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some(usage.input_tokens + usage.output_tokens),
        _ => None,
    })
}

/// Of an answer that is made or translated here.
pub(super) fn answer_id(dialect: Dialect, call: &str) -> String {
    match dialect {
        Dialect::Chat => format!("chatcmpl-{call}"),
        Dialect::Responses => format!("resp_{call}"),
        Dialect::Messages => format!("msg_{call}"),
    }
}

/// The embedding model as targets see it, who compare sentences; `None` when there is none.
pub(super) async fn embed(app: &App) -> Option<Embed> {
    let embedder = app.inner().knowledge.embedding.get().await.ok()?;
    Some(Arc::new(move |texts| {
        let running = (embedder.run)(Purpose::Sentence, texts);
        Box::pin(async move { running.await.map_err(|error| error.to_string()) })
    }))
}
