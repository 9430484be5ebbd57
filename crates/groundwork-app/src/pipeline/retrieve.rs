//! From the question to a prompt with sources: search under the caller's permissions, then packing.

use super::admit::Admitted;
use super::annotate::{Grounds, Piece};
use super::call::Prompt;
use super::error::CallError;
use super::seek::{How, Sought, seek};
use super::settle::Settlement;
use super::talk::talk;
use crate::App;
use crate::floor;
use crate::published::Assistant;
use crate::search::{self, Looked, Outcome, Rerank};
use groundwork_core::access::Caller;
use groundwork_core::call::Retrieval;
use groundwork_core::filter::Filter;
use groundwork_core::prompt::{self, Message, Passage};
use groundwork_core::turn::{Dialect, Heading, Role, Turn};
use groundwork_inference::target::{self, ANSWER_HEADER, Composed, REASON_HEADER, Reply, SEARCH_HEADER, Within};
use groundwork_retrieval::search::{Around, Hit};
use groundwork_wire::chat;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use http::{HeaderMap, HeaderValue};
use std::ops::Range;
use std::sync::Arc;

/// The field of a request that says which documents may be looked at, in the shape of OpenAI's file search. No model is told.
const FILTERS: &str = "filters";
const FILTER_SHAPE: &str = "a filter: {type, key, value} with type eq, ne, gt, gte, lt, lte, in or nin, or {type: and|or, filters}";

/// What retrieval comes to.
pub(super) enum Retrieved {
    Prompt(Prompt),
    /// What was found fits the question too badly to answer from it. No model is asked.
    BelowFloor(Grounds),
    /// Nothing was searched: the message asks nothing of the documents.
    Unsearched(Prompt),
    /// There is nothing to answer from, or no need to, and the answer says so. No model is asked.
    Nothing(Reply),
}

/// Searches and packs. A search that failed is an error, never an answer that stands on nothing.
pub(super) async fn retrieve(
    app: &App,
    caller: &Caller,
    admitted: &Admitted,
    assistant: &Arc<Assistant>,
    settlement: &Settlement,
) -> Result<Retrieved, CallError> {
    let request = admitted.asked.as_chat()?;
    let (history, question) = conversation(&request, assistant)?;
    let filter = request.object.get::<Filter>(FILTERS, FILTER_SHAPE)?;
    let (sought, how) = match seek(app, admitted, assistant, (&history, &question)).await {
        Sought::Text { text, how } => (text, how),
        Sought::Nothing(kind) => return talk(app, (admitted, settlement), assistant, (request, history, question), kind).await,
    };
    let began = app.inner().clock.now();
    let look = search::Look {
        knowledge_bases: &assistant.knowledge_bases,
        text: &sought,
        limit: assistant.passages,
        mode: search::Mode::Hybrid,
        filter: filter.as_ref(),
        rerank: assistant.rerank,
        variety: assistant.variety,
        surroundings: assistant.surroundings,
        deadline: admitted.deadline,
    };
    let Looked { hits, outcome, reranked, around } = search::look_up(app, caller, look).await?;
    let millis = u32::try_from(app.inner().clock.now().saturating_sub(began)).unwrap_or(u32::MAX);
    let rerank_millis = reranked.map(|reranked| u32::try_from(reranked.took.as_millis()).unwrap_or(u32::MAX));
    let retrieval = Retrieval { hits: hits.len() as u32, sources: 0, millis, rerank_millis };
    settlement.retrieved(retrieval);
    if hits.is_empty() {
        return Ok(Retrieved::Nothing(nothing(app, admitted, &request, (outcome, how))));
    }
    let found = Found { hits: &hits, around: &around };
    let packed = pack(app, &request, assistant, (history, question), found).await?;
    settlement.retrieved(Retrieval { sources: packed.sources.len() as u32, ..retrieval });
    let (fit, hits) = floor::fit(app, &sought, hits).await?;
    let around = around.into_iter().flat_map(|around| around.neighbors.into_iter().chain(around.rest));
    let pieces = hits.into_iter().chain(around).map(piece).collect();
    let grounds = Grounds { question: sought, sources: packed.sources.into(), pieces, fit, rerank: reranked.map(Rerank::from), how };
    if fit < floor::floor(app, assistant).await {
        return Ok(Retrieved::BelowFloor(grounds));
    }
    settlement.prompt_tokens(packed.accounting.prompt_tokens);
    let body = as_body(request, &packed.messages)?;
    Ok(Retrieved::Prompt(Prompt { dialect: Dialect::Chat, body, grounds: Some(grounds) }))
}

/// The client's request with other messages.
pub(super) fn as_body(request: chat::Request, messages: &[Message]) -> Result<Object, CallError> {
    let mut body = request.object;
    body.remove(FILTERS);
    let unwritable = |error: serde_json::Error| Invalid::Value { param: "messages".to_owned(), reason: error.to_string() };
    body.set("messages", &to_wire(messages)).map_err(unwritable)?;
    Ok(body)
}

/// The last message is the question, what stands before it is history. Assistants read and write text; what they cannot do is refused
/// by name, and so is what quotes cannot do where nobody else answers.
fn conversation(request: &chat::Request, assistant: &Assistant) -> Result<(Vec<Message>, String), CallError> {
    let refuse = |param: &str, what: &str| {
        let reason = format!("an assistant {what}; ask a model without documents, or leave it out");
        CallError::from(Invalid::Value { param: param.to_owned(), reason })
    };
    if request.n > 1 {
        return Err(refuse("n", "gives one answer"));
    }
    if request.has_tools {
        return Err(refuse("tools", "calls no tools of its client"));
    }
    if request.wants_json {
        return Err(refuse("response_format", "answers in text with citations"));
    }
    let spoken = |modes: Vec<String>| modes.iter().any(|mode| mode != "text");
    if request.object.has("audio") || request.object.get("modalities", "an array of strings")?.is_some_and(spoken) {
        return Err(refuse("modalities", "answers in text"));
    }
    let turn = Turn::from_chat(&request.object)?;
    if !assistant.chats {
        turn.check_plain(target::QUOTES)?;
    }
    let text_only = |(index, message): (usize, groundwork_core::turn::Message)| match message.text() {
        Some(text) => Ok(Message { role: message.role, text }),
        None => Err(refuse(&format!("messages[{index}].content"), "reads text only")),
    };
    let mut history = turn.messages.into_iter().enumerate().map(text_only).collect::<Result<Vec<_>, CallError>>()?;
    match history.pop() {
        Some(Message { role: Role::User, text }) if !text.trim().is_empty() => Ok((history, text)),
        _ => {
            let param = format!("messages[{}]", request.messages.len().saturating_sub(1));
            Err(Invalid::Value { param, reason: "the last message must be the user's question, in text".to_owned() }.into())
        }
    }
}

/// What a prompt is packed from.
#[derive(Clone, Copy)]
struct Found<'a> {
    hits: &'a [Hit],
    around: &'a [Around],
}

/// For each hit, the best first, its neighbors one by one, and then the rest of its section as a whole.
fn groups(around: &[Around]) -> Vec<Vec<Passage>> {
    // It has no score of its own: joined with its hit it has the hit's.
    let passage = |hit: &Hit| passage(hit, true);
    let of = |around: &Around| {
        let rest: Vec<Passage> = around.rest.iter().map(passage).collect();
        let neighbors = around.neighbors.iter().map(|hit| vec![passage(hit)]);
        neighbors.chain(Some(rest).filter(|rest| !rest.is_empty())).collect::<Vec<_>>()
    };
    around.iter().flat_map(of).collect()
}

async fn pack(
    app: &App,
    request: &chat::Request,
    assistant: &Arc<Assistant>,
    (history, question): (Vec<Message>, String),
    Found { hits, around }: Found<'_>,
) -> Result<prompt::Packed, CallError> {
    let judged = hits.iter().any(|hit| hit.scores.rerank.is_some());
    let passages: Vec<Passage> = hits.iter().map(|hit| passage(hit, judged)).collect();
    let groups = groups(around);
    let assistant = assistant.clone();
    let budget = assistant.budget(request);
    let work = move || {
        let around = prompt::Around { groups: &groups, tokens: assistant.around_tokens };
        let parts = prompt::Prompt {
            template: &assistant.template,
            assistant: assistant.shown_name(),
            history: &history,
            question: &question,
            passages: &passages,
            around,
        };
        prompt::pack(&parts, &budget, assistant.pool.tokenizer.as_ref())
    };
    Ok(app.compute(work).await??)
}

/// Where a reranker has `judged`, its scores are those that count: what it has not read stands behind all that it has.
fn passage(hit: &Hit, judged: bool) -> Passage {
    let score = if judged { hit.scores.rerank.unwrap_or_default() } else { hit.scores.fused as f32 };
    Passage {
        document: hit.document.clone(),
        name: hit.name.clone(),
        title: hit.title.clone(),
        version: hit.generation,
        pages: hit.pages,
        place: hit.place.clone(),
        heading_path: hit.heading_path.clone(),
        span: span(hit),
        text: hit.text.clone(),
        score,
    }
}

fn piece(hit: Hit) -> Piece {
    Piece { span: span(&hit), knowledge_base: hit.knowledge_base, document: hit.document, section: hit.heading_path }
}

fn span(hit: &Hit) -> Range<usize> {
    hit.span.start as usize..hit.span.end as usize
}

pub(super) fn to_wire(messages: &[Message]) -> Vec<serde_json::Value> {
    messages.iter().map(|message| serde_json::json!({ "role": message.role, "content": message.text })).collect()
}

/// The three ways of having nothing are three different answers.
fn nothing(app: &App, admitted: &Admitted, request: &chat::Request, (outcome, how): (Outcome, How)) -> Reply {
    let text = match outcome {
        Outcome::Found | Outcome::NothingFound => "I found nothing about this in the documents, so I cannot answer it.",
        Outcome::NothingVisible => "There are no documents here that you may read, so I cannot answer this.",
        Outcome::NothingStored => "There are no documents here yet, so I cannot answer this. Add some with `groundwork ingest FOLDER`.",
    };
    let headers = [(ANSWER_HEADER, "declined"), (REASON_HEADER, outcome.as_str()), (SEARCH_HEADER, how.as_str())];
    let headers = headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    composed(app, admitted, (request, text), headers)
}

/// Where its client wants an answer of ours to end.
pub(super) fn within(request: &chat::Request) -> Within {
    Within { most_tokens: request.max_output_tokens, stops: request.stop.clone() }
}

/// An answer of ours, for which no model is asked.
pub(super) fn composed(app: &App, admitted: &Admitted, (request, text): (&chat::Request, &str), headers: HeaderMap) -> Reply {
    let (pieces, finish) = within(request).cut(vec![text.to_owned()]);
    let composed = Composed {
        dialect: Dialect::Chat,
        heading: Heading {
            id: format!("chatcmpl-{}", admitted.id),
            model: admitted.model.name().to_string(),
            created: app.inner().clock.now() / 1000,
            include_usage: admitted.asked.include_usage,
        },
        pieces: &pieces,
        input_tokens: 0,
        output_tokens: 0,
        finish,
        stream: admitted.asked.stream,
        headers,
    };
    composed.reply()
}
