//! An answer on its way from the service's dialect into the client's.

mod stream;
mod voice;

use super::headers;
use crate::exchange::{Ask, Limit, Refusal, Server, client_headers, refusal_beside};
use crate::target::{Call, CallError, Reply, Said, Unfiltered};
use bytes::Bytes;
use groundwork_core::turn::{Dialect, ReadError, responses};
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;
use http::{HeaderMap, header};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// The circumstances of one answer.
pub(super) struct Speech<'a> {
    pub server: &'a Server,
    pub model: &'a str,
    pub unfiltered: Unfiltered,
    /// The service's dialect; the client's is that of the call.
    pub spoken: Dialect,
    pub call: &'a Call,
}

impl Speech<'_> {
    /// Sends, and reads an answer in one piece.
    pub(super) async fn whole(self, ask: Ask<'_>, first: Limit) -> Result<Reply, CallError> {
        let (head, body) = self.server.whole(ask, first).await?;
        let is_stream = is_of(&head, &["text/event-stream"]);
        let read = if is_stream { voice::gathered } else { voice::whole };
        let read = read(self.spoken, self.call, self.model, &body);
        let why = || is_stream.then(|| voice::last(&body)).flatten().unwrap_or_else(|| body.clone());
        let (answer, events) = read.map_err(|error| self.unreadable(error, &head, &why()))?;
        let mut served = headers::served(&head);
        served.model = voice::model(&events);
        served.unfiltered = self.check_filter(&body)?;
        Ok(Reply::Whole { headers: client_headers(&head), served, body: answer, events })
    }

    /// Whether the service says that its filter did not run; an error where that is not allowed.
    fn check_filter(&self, body: &[u8]) -> Result<bool, CallError> {
        if !says_unfiltered(body) {
            return Ok(false);
        }
        tracing::warn!(target = self.server.target, model = self.model, "the content filter of a service did not run over an answer");
        match self.unfiltered {
            Unfiltered::Allow => Ok(true),
            Unfiltered::Refuse => Err(unfiltered_fault(&self.server.target)),
        }
    }

    fn unreadable(&self, error: ReadError, headers: &HeaderMap, body: &Bytes) -> CallError {
        match error {
            ReadError::Refused(_) => {
                let known = known_of(self.spoken, self.spoken == self.call.dialect, body);
                hidden_refusal(&self.server.target, self.model, headers, body.clone(), known)
            }
            ReadError::Malformed(reason) => self.server.broken(reason),
        }
    }
}

/// Whether what came is of one of these types.
fn is_of(headers: &HeaderMap, types: &[&str]) -> bool {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let named = named.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    types.iter().any(|kind| kind.eq_ignore_ascii_case(named))
}

/// Azure's mark for a content filter that was down stands where its results would.
fn says_unfiltered(body: &[u8]) -> bool {
    static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("content_filter_error"));
    MARK.find(body).is_some()
}

fn unfiltered_fault(target: &str) -> CallError {
    CallError::Fault {
        target: target.to_owned(),
        status: 503,
        retry_after: None,
        message: "its content filter did not run over the answer, and this target may not do without".to_owned(),
        said: Box::default(),
    }
}

/// Bytes that are read of what came instead of an answer.
pub(super) const MAX_INSTEAD: usize = 256 << 10;

/// The error that hides in a 200 whose body is not looked at otherwise.
pub(super) fn hidden_error(target: &str, model: &str, headers: &HeaderMap, body: &Bytes) -> Option<CallError> {
    let error = may_be_error(body).then(|| Object::parse(body.clone()).ok())?;
    error.filter(|object| object.has("error")).map(|_error| hidden_refusal(target, model, headers, body.clone(), Said::default()))
}

pub(super) const NO_JSON: &str = "it is no JSON";

/// Whether what begins so may be an answer: blanks may stand before it, with which some servers keep a connection awake.
pub(super) fn may_be_json(begin: &[u8]) -> bool {
    matches!(begin.trim_ascii_start().first(), None | Some(b'{' | b'['))
}

/// Whether an answer that begins so is looked at: one with results is no error, and may be long.
pub(super) fn may_be_error(begin: &[u8]) -> bool {
    memchr::memmem::find(begin.get(..200).unwrap_or(begin), b"\"error\"").is_some()
}

/// An error object inside a 200: its `code` is often the status that it should have had.
fn hidden_refusal(target: &str, model: &str, headers: &HeaderMap, body: Bytes, known: Said) -> CallError {
    let by_word = |word: &str| match word {
        "content_filter"
        | "content_policy_violation"
        | "context_length_exceeded"
        | "invalid_request_error"
        | "invalid_prompt"
        | "bio_policy" => Some(400),
        word if is_about_an_image(word) => Some(400),
        "rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota" => Some(429),
        "overloaded_error" => Some(529),
        "authentication_error" => Some(401),
        "permission_error" => Some(403),
        "not_found_error" | "model_not_found" => Some(404),
        "timeout_error" => Some(408),
        _ => word.parse::<u16>().ok().filter(|code| (400..600).contains(code)),
    };
    let error = Error::parse(&body);
    let code = error.as_ref().and_then(|error| error.code.as_deref()).and_then(by_word);
    let status = code.or_else(|| by_word(&error.as_ref()?.kind)).unwrap_or(500);
    refusal_beside(Refusal { target, model, status, headers, body }, known)
}

/// What a response that failed says beside its error: what it used, and to a client of its own dialect all that it is.
fn known_of(spoken: Dialect, passes: bool, body: &Bytes) -> Said {
    let failed = (spoken == Dialect::Responses).then(|| responses::failed(body)).flatten();
    let Some((response, used)) = failed else { return Said::default() };
    Said { used, response: passes.then(|| response.to_bytes()), ..Said::default() }
}

/// The words in which a response says that it cannot see.
fn is_about_an_image(word: &str) -> bool {
    word.contains("image")
        && ["invalid_", "image_", "empty_", "unsupported_", "failed_to_download_"].iter().any(|begin| word.starts_with(begin))
}
