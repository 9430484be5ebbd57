//! What a target answers.

use super::CallError;
use bytes::Bytes;
use futures::stream::BoxStream;
use groundwork_core::turn::{Event, Frame};
use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// The header that tells what kind of answer this is: `quotes` when no model wrote it, `declined` when it answers nothing, `talk` when it
/// was not asked for anything in the documents and no model wrote it.
pub const ANSWER_HEADER: HeaderName = HeaderName::from_static("groundwork-answer");
/// The header that tells how well what was found fits the question, from 0 to 1: below its floor an assistant declines.
pub const FIT_HEADER: HeaderName = HeaderName::from_static("groundwork-fit");
/// The header that tells what became of the reranking of what was found, where a reranker is set: `done`, or `late` or `busy`, when the
/// order is that of the search.
pub const RERANK_HEADER: HeaderName = HeaderName::from_static("groundwork-rerank");
/// The header that tells what was searched for: the question `as_asked`, `with_history`, `rewritten` by a chat model, or `none`.
pub const SEARCH_HEADER: HeaderName = HeaderName::from_static("groundwork-search");
/// Says more about it: why there is nothing to answer from, that what was found fits too badly (`below_floor`), or that quotes were chosen by their words alone.
pub const REASON_HEADER: HeaderName = HeaderName::from_static("groundwork-reason");

/// An answer in the client's dialect. A stream has begun to say something when the reply is given, so that an error hidden in its
/// first frames is an error of the call; when nobody else could answer it may only have begun.
pub enum Reply {
    Whole {
        /// Those of the target that are the client's too.
        headers: HeaderMap,
        served: Served,
        body: Bytes,
        events: Vec<Event>,
    },
    Stream {
        headers: HeaderMap,
        served: Served,
        frames: Frames,
    },
}

impl Reply {
    pub fn served(&self) -> &Served {
        match self {
            Self::Whole { served, .. } | Self::Stream { served, .. } => served,
        }
    }

    /// With so many headers more.
    #[must_use]
    pub fn with_headers(mut self, more: HeaderMap) -> Self {
        let (Self::Whole { headers, .. } | Self::Stream { headers, .. }) = &mut self;
        headers.extend(more);
        self
    }
}

/// The frames of an answer, to the dialect's own end mark; an error is the last item. Dropping it cancels the call upstream.
pub type Frames = BoxStream<'static, Result<Spoken, CallError>>;

/// One frame of a stream, and what it says in the typed model. A frame of the target's that the client must not see is left out, and
/// what it said comes with the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    pub frame: Frame,
    pub events: Vec<Event>,
    /// The service says that its content filter did not run over this.
    pub unfiltered: bool,
}

/// Who really did the work, as far as the target says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// The deployment to bill: another than was asked when the service itself has spilled the call over.
    pub deployment: Option<String>,
    /// What stands behind a deployment or a router.
    pub model: Option<String>,
    pub spilled: bool,
    /// The service says that its content filter did not run over a whole answer.
    pub unfiltered: bool,
}

/// An answer to a request for embeddings.
#[derive(Debug, Clone)]
pub struct Embedded {
    pub headers: HeaderMap,
    pub served: Served,
    pub body: Bytes,
}

/// An answer that goes back as it came.
pub struct Forwarded {
    pub status: u16,
    pub content_type: Option<String>,
    pub headers: HeaderMap,
    pub served: Served,
    pub body: Passing,
}

/// How its body comes. An error is the last item.
pub enum Passing {
    Bytes(BoxStream<'static, Result<Bytes, CallError>>),
    /// Server-sent events, of which the first says something.
    Events(BoxStream<'static, Result<Frame, CallError>>),
}

/// What becomes of a call whose client has hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HangUp {
    /// It is cancelled: the target stops working, and what it used is estimated.
    #[default]
    Cancel,
    /// It is heard out for so long, because the target works on and charges for all of it: what it used is then exact.
    Drain { within: Duration },
}
