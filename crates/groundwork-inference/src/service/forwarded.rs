//! What goes on to a service as it came, and its answer back as it comes.

use super::{Operation, Service, body, headers, speech};
use crate::exchange::{Begun, Frames, Incoming, Limit, Server, client_headers};
use crate::target::{CallError, Forward, Forwarded, Passing};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use groundwork_core::turn::Frame;
use http::header;
use serde::Deserialize;
use std::collections::VecDeque;

/// Events that are held back while they say nothing.
const HELD: usize = 64;

impl Service {
    /// An error that hides in a 200 is an error of the call as long as nothing else was said.
    pub(crate) async fn forward(&self, model: &str, forward: Forward) -> Result<Forwarded, CallError> {
        let until = self.server.until(forward.deadline);
        let first = self.server.first_byte(until);
        let operation = Operation::Other { path: &forward.path, query: forward.query.as_deref() };
        let mut ask = self.ask(operation, model, &forward.headers, until).await?;
        ask.method = forward.method;
        ask.headers.remove(header::CONTENT_TYPE);
        for name in [header::CONTENT_TYPE, header::ACCEPT] {
            if let Some(value) = forward.headers.get(&name) {
                ask.headers.insert(name, value.clone());
            }
        }
        let content_type = forward.headers.get(header::CONTENT_TYPE);
        ask.body = match &forward.model {
            Some(_) => body::rewrite_model(&self.server.target, forward.body, content_type, model)?,
            None => forward.body,
        }
        .into();
        let Begun { head, body } = self.server.send(ask, first).await?;
        let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let passage = Passage { server: &self.server, model, headers: &head.headers, until, first };
        let body = match content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim() {
            kind if kind.eq_ignore_ascii_case("text/event-stream") => Passing::Events(passage.events(body).await?),
            kind if kind.eq_ignore_ascii_case("application/json") => Passing::Bytes(passage.json(body).await?),
            _ => Passing::Bytes(passage.bytes(body)),
        };
        Ok(Forwarded {
            status: head.status.as_u16(),
            content_type,
            headers: client_headers(&head.headers),
            served: headers::served(&head.headers),
            body,
        })
    }
}

/// The circumstances of one answer.
struct Passage<'a> {
    server: &'a Server,
    model: &'a str,
    headers: &'a http::HeaderMap,
    until: Limit,
    /// Until when it must have begun.
    first: Limit,
}

impl Passage<'_> {
    fn bytes(&self, body: Incoming) -> BoxStream<'static, Result<Bytes, CallError>> {
        let from = (self.server.clone(), body, self.first);
        let until = self.until;
        stream::try_unfold(from, move |(server, mut body, limit)| async move {
            let piece = limit.on(&server.target, body.next()).await?.map_err(|reason| server.broken(reason))?;
            let limit = server.idle(until);
            Ok(piece.map(|piece| (piece, (server, body, limit))))
        })
        .boxed()
    }

    /// Begun, so that an error in place of an answer is seen, and an answer that is none.
    async fn json(&self, body: Incoming) -> Result<BoxStream<'static, Result<Bytes, CallError>>, CallError> {
        let mut bytes = self.bytes(body);
        let Some(begin) = bytes.try_next().await?.filter(|begin| speech::may_be_json(begin)) else {
            return Err(self.server.broken(speech::NO_JSON));
        };
        if !speech::may_be_error(&begin) {
            return Ok(stream::once(async { Ok(begin) }).chain(bytes).boxed());
        }
        let mut parts = vec![begin];
        let mut length = parts[0].len();
        while length < speech::MAX_INSTEAD
            && let Some(piece) = bytes.try_next().await?
        {
            length += piece.len();
            parts.push(piece);
        }
        match speech::hidden_error(&self.server.target, self.model, self.headers, &parts.concat().into()) {
            Some(error) => Err(error),
            None => Ok(stream::iter(parts.into_iter().map(Ok)).chain(bytes).boxed()),
        }
    }

    /// Begun: the first event that says something is there.
    async fn events(&self, body: Incoming) -> Result<BoxStream<'static, Result<Frame, CallError>>, CallError> {
        let mut frames = Frames::new(self.server, body, self.until, self.first);
        let mut held = VecDeque::new();
        while let Some(frame) = frames.next().await? {
            let Some(frame) = Frame::received(frame) else { continue };
            if let Some(error) = speech::hidden_error(&self.server.target, self.model, self.headers, &frame.data) {
                return Err(error);
            }
            let silent = says_nothing(&frame.data);
            held.push_back(frame);
            if !silent || held.len() == HELD {
                break;
            }
        }
        if held.is_empty() {
            return Err(self.server.broken("the stream ended before it began"));
        }
        frames.begun();
        let rest = stream::try_unfold((frames, held), |(mut frames, mut held)| async move {
            loop {
                if let Some(frame) = held.pop_front() {
                    return Ok(Some((frame, (frames, held))));
                }
                match frames.next().await? {
                    Some(frame) => held.extend(Frame::received(frame)),
                    None => return Ok(None),
                }
            }
        });
        Ok(rest.boxed())
    }
}

/// A chunk of a completion without a word, such as the results of a filter over the prompt.
fn says_nothing(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Chunk {
        choices: Vec<Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        text: Option<String>,
        finish_reason: Option<serde::de::IgnoredAny>,
    }
    let silent = |choice: &Choice| choice.text.as_deref().unwrap_or_default().is_empty() && choice.finish_reason.is_none();
    serde_json::from_slice::<Chunk>(data).is_ok_and(|chunk| chunk.choices.iter().all(silent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_without_a_word_says_nothing() {
        for (data, silent) in [
            (r#"{"choices":[],"prompt_filter_results":[]}"#, true),
            (r#"{"choices":[{"text":"","index":0,"finish_reason":null}]}"#, true),
            (r#"{"choices":[{"text":"a","index":0,"finish_reason":null}]}"#, false),
            (r#"{"choices":[{"text":"","index":0,"finish_reason":"stop"}]}"#, false),
            (r#"{"type":"image_generation.partial_image","b64_json":""}"#, false),
            ("[DONE]", false),
        ] {
            assert_eq!(says_nothing(data.as_bytes()), silent, "{data}");
        }
    }
}
