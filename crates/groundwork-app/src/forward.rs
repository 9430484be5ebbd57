//! Requests that go on to a deployment as they came: completions, moderations, images, sound. Each is a call like any other: its model
//! must be the caller's, it has a deadline, and it is booked.

use crate::App;
use crate::app::Interrupted;
use crate::pipeline::{CallError, SettledCall, Settlement, principal, shutting_down};
use crate::published::{Deployment, Pool};
use crate::routing::{Errand, route, spillover};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::ids::{CallId, ModelName};
use groundwork_core::turn::{Dialect, Usage};
use groundwork_inference::target::{self, Forward, Forwarded};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::sse::Decoder;
use http::{HeaderMap, Method};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;

pub struct Request {
    pub operation: Operation,
    /// Behind a target's base address, like `/images/generations`.
    pub path: &'static str,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// As the URL, the body or the form names it.
    pub model: String,
    /// Only deployments that speak it have this.
    pub only: Option<Dialect>,
    pub deadline: Instant,
    /// The client's own id of the request, a label in the ledger.
    pub request_id: Option<String>,
}

/// An answer on its way out. Dropping its body cancels the call and settles it.
pub struct Answer {
    pub call: CallId,
    pub status: u16,
    pub content_type: Option<String>,
    pub headers: Vec<(String, String)>,
    /// An error is the last item.
    pub body: BoxStream<'static, Result<Bytes, CallError>>,
}

/// Passes a request on. However it ends, one record of the call goes to the ledger.
pub async fn forward(app: &App, caller: &Caller, request: Request) -> Result<Answer, CallError> {
    if app.stopping().is_cancelled() {
        return Err(shutting_down());
    }
    let inner = app.inner();
    let (model, pool) = pool(app, caller, &request.model)?;
    let (body, hides_usage) = with_usage(&request)?;
    let id: CallId = app.make_id("call").map_err(|_invalid| Interrupted)?;
    let asker = principal(caller);
    let call = SettledCall {
        id: id.clone(),
        label: request.request_id.clone(),
        tenant: inner.tenant.clone(),
        principal: asker.clone(),
        operation: request.operation,
        model,
        streamed: hides_usage.is_some(),
        started: inner.clock.now(),
    };
    let mut settlement = Settlement::begin(app, call, None);
    let asked = tokio::select! {
        biased;
        asked = ask(app, (&pool, &asker), (&request, &body), &mut settlement) => asked,
        () = tokio::time::sleep_until(request.deadline.into()) => Err(CallError::DeadlineExceeded),
        () = inner.cut.cancelled() => Err(shutting_down()),
    };
    match asked {
        Ok(Forwarded { status, content_type, headers, served, body }) => {
            settlement.served(&served);
            settlement.finished("stop");
            let meter = Meter::of(content_type.as_deref(), hides_usage.unwrap_or(false));
            let running = Running { app: app.clone(), body, meter, settlement: Some(settlement) };
            let body = stream::unfold(running, |mut running| async move { running.next().await.map(|item| (item, running)) }).boxed();
            Ok(Answer { call: id, status, content_type, headers, body })
        }
        Err(error) => {
            settlement.fail(error.kind(), error.http_status(), error.may_be_charged()).await;
            Err(error)
        }
    }
}

fn pool(app: &App, caller: &Caller, model: &str) -> Result<(ModelName, Arc<Pool>), CallError> {
    let unknown = || CallError::UnknownModel(model.to_owned());
    let name: ModelName = model.parse().map_err(|_invalid| unknown())?;
    if caller.tenant.as_ref() != Some(&app.inner().tenant) || !caller.may_use(&name) {
        return Err(unknown());
    }
    let published = app.published();
    match published.pools.get(&name) {
        Some(pool) => Ok((name, pool.clone())),
        None if published.assistants.contains_key(&name) => Err(CallError::NotSoAsked(model.to_owned())),
        None => Err(unknown()),
    }
}

/// The body with usage asked for where it streams; and then whether the client is not to see it.
fn with_usage(request: &Request) -> Result<(Bytes, Option<bool>), Invalid> {
    if request.operation != Operation::Completions {
        return Ok((request.body.clone(), None));
    }
    let mut body = Object::parse(request.body.clone())?;
    if body.get("stream", "a boolean")? != Some(true) {
        return Ok((request.body.clone(), None));
    }
    let mut options = body.get::<Object>("stream_options", "an object")?.unwrap_or_default();
    let asked = options.get("include_usage", "a boolean").map_err(|error| error.within("stream_options"))?.unwrap_or(false);
    let unwritable = |error: serde_json::Error| Invalid::Value { param: "stream_options".to_owned(), reason: error.to_string() };
    options.set("include_usage", &true).map_err(unwritable)?;
    body.set("stream_options", &options).map_err(unwritable)?;
    Ok((body.to_bytes(), Some(!asked)))
}

/// Asks a deployment of the model, and another when it fails before its first byte.
async fn ask(
    app: &App,
    (pool, caller): (&Arc<Pool>, &str),
    (request, body): (&Request, &Bytes),
    settlement: &mut Settlement,
) -> Result<Forwarded, CallError> {
    let errand = Errand { pool, caller, deadline: request.deadline, tokens: 0, streamed: false, everywhere: false, affinity: None };
    let (forwarded, attempt) = route(app, &errand, Some(settlement), |deployment| {
        let forward = Forward {
            method: Method::POST,
            path: request.path.to_owned(),
            query: None,
            headers: spillover::header_map(&request.headers, pool, deployment),
            body: body.clone(),
            model: Some(deployment.model.clone()),
            deadline: request.deadline,
        };
        forward_to(deployment, request.only, forward)
    })
    .await?;
    let body = attempt.follow_bytes(&forwarded.headers, forwarded.body);
    Ok(Forwarded { body, ..forwarded })
}

async fn forward_to(deployment: &Deployment, only: Option<Dialect>, forward: Forward) -> Result<Forwarded, target::CallError> {
    if only.is_some_and(|dialect| !deployment.target.speaks(dialect)) {
        let message = "it does not speak this dialect".to_owned();
        return Err(target::CallError::Unsupported { target: deployment.label().to_owned(), message });
    }
    deployment.target.forward(forward).await
}

struct Running {
    app: App,
    body: BoxStream<'static, Result<Bytes, target::CallError>>,
    meter: Meter,
    /// `None` at the end.
    settlement: Option<Settlement>,
}

impl Running {
    async fn next(&mut self) -> Option<Result<Bytes, CallError>> {
        loop {
            let settlement = self.settlement.as_mut()?;
            let next = tokio::select! {
                next = self.body.next() => next,
                () = self.app.inner().cut.cancelled() => return Some(Err(self.fail(shutting_down()).await)),
            };
            match next {
                Some(Ok(bytes)) => {
                    settlement.said("");
                    let bytes = self.meter.hear(bytes);
                    if !bytes.is_empty() {
                        return Some(Ok(bytes));
                    }
                }
                Some(Err(error)) => return Some(Err(self.fail(error.into()).await)),
                None => {
                    let mut settlement = self.settlement.take()?;
                    let rest = self.meter.finish();
                    if let Some(usage) = self.meter.usage() {
                        settlement.used(usage);
                    }
                    settlement.complete().await;
                    return (!rest.is_empty()).then_some(Ok(rest));
                }
            }
        }
    }

    async fn fail(&mut self, error: CallError) -> CallError {
        if let Some(settlement) = self.settlement.take() {
            settlement.fail(error.kind(), error.http_status(), error.may_be_charged()).await;
        }
        error
    }
}

/// Listens for what a call used, in an answer that goes through.
enum Meter {
    /// A JSON body, as far as it was heard.
    Json(BytesMut),
    Events {
        decoder: Option<Decoder>,
        hides_usage: bool,
        usage: Option<Usage>,
    },
    /// Images and sound say nothing.
    Deaf,
}

/// Bytes of JSON beyond which it is not looked at: images in base 64 may be many.
const MOST_JSON: usize = 32 << 20;
const MOST_FRAME: usize = 16 << 20;

impl Meter {
    fn of(content_type: Option<&str>, hides_usage: bool) -> Self {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Self::Json(BytesMut::new()),
            "text/event-stream" => Self::Events { decoder: Some(Decoder::new(MOST_FRAME)), hides_usage, usage: None },
            _ => Self::Deaf,
        }
    }

    /// What goes on to the client.
    fn hear(&mut self, bytes: Bytes) -> Bytes {
        match self {
            Self::Json(heard) if heard.len() + bytes.len() <= MOST_JSON => {
                heard.extend_from_slice(&bytes);
                bytes
            }
            Self::Json(_) => {
                *self = Self::Deaf;
                bytes
            }
            Self::Events { decoder, hides_usage, usage } => {
                let Some(decoding) = decoder else { return bytes };
                decoding.push(&bytes);
                let mut out = BytesMut::new();
                loop {
                    match decoding.next() {
                        Ok(Some(frame)) => {
                            let used =
                                frame.data.as_deref().filter(|data| data.contains("\"usage\"")).and_then(|data| used(data.as_bytes()));
                            let hidden = *hides_usage && used.as_ref().is_some_and(|used| used.alone);
                            *usage = used.map(|used| used.usage).or(*usage);
                            if !hidden {
                                out.extend_from_slice(&frame.raw);
                            } else if frame.raw.starts_with(b"\n") {
                                // The second half of the line end before it.
                                out.extend_from_slice(b"\n");
                            }
                        }
                        Ok(None) => break,
                        Err(_too_long) => {
                            *decoder = None;
                            break;
                        }
                    }
                }
                out.freeze()
            }
            Self::Deaf => bytes,
        }
    }

    /// What was held back of a stream that did not close its last frame.
    fn finish(&mut self) -> Bytes {
        match self {
            Self::Events { decoder, .. } => decoder.take().and_then(Decoder::finish).map(|frame| frame.raw).unwrap_or_default(),
            Self::Json(_) | Self::Deaf => Bytes::new(),
        }
    }

    fn usage(&self) -> Option<Usage> {
        match self {
            Self::Json(heard) => used(heard).map(|used| used.usage),
            Self::Events { usage, .. } => *usage,
            Self::Deaf => None,
        }
    }
}

struct Used {
    usage: Usage,
    /// Nothing else stands beside it.
    alone: bool,
}

/// Usage under the names of either generation of OpenAI's API.
fn used(json: &[u8]) -> Option<Used> {
    #[derive(Deserialize)]
    struct Outer {
        usage: Option<Inner>,
        #[serde(default)]
        choices: Vec<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(alias = "prompt_tokens")]
        input_tokens: Option<u64>,
        #[serde(alias = "completion_tokens")]
        output_tokens: Option<u64>,
    }
    let Outer { usage, choices } = serde_json::from_slice(json).ok()?;
    let Inner { input_tokens, output_tokens } = usage?;
    let usage = Usage { input_tokens: input_tokens?, output_tokens: output_tokens.unwrap_or(0), ..Usage::default() };
    Some(Used { usage, alone: choices.is_empty() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_heard_wherever_a_stream_is_cut_and_hidden_from_who_did_not_ask() {
        const STREAM: &str = "data: {\"choices\":[{\"text\":\"a\"}],\"usage\":null}\r\n\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
        let shown = "data: {\"choices\":[{\"text\":\"a\"}],\"usage\":null}\r\n\r\ndata: [DONE]\n\n";
        for (hides, expected) in [(true, shown), (false, STREAM)] {
            for cut in 0..STREAM.len() {
                let mut meter = Meter::of(Some("text/event-stream; charset=utf-8"), hides);
                let mut out = Vec::new();
                for part in [&STREAM[..cut], &STREAM[cut..]] {
                    out.extend_from_slice(&meter.hear(Bytes::from_static(part.as_bytes())));
                }
                out.extend_from_slice(&meter.finish());
                assert_eq!(String::from_utf8(out).unwrap(), expected, "cut at {cut}");
                assert_eq!(meter.usage(), Some(Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() }));
            }
        }
    }

    #[test]
    fn a_whole_answer_tells_its_usage_when_it_has_any() {
        for (body, tokens) in [
            (r#"{"data":[],"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12}}"#, Some((5, 7))),
            (r#"{"text":"hi","usage":{"type":"duration","seconds":4}}"#, None),
            (r#"{"results":[]}"#, None),
        ] {
            let mut meter = Meter::of(Some("application/json"), false);
            assert_eq!(meter.hear(Bytes::from(body)), body);
            assert_eq!(meter.usage().map(|usage| (usage.input_tokens, usage.output_tokens)), tokens, "{body}");
        }
    }
}
