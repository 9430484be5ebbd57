//! A stream: its first frames decide whether the call has failed, the rest passes one by one.

use super::voice::{self, Voice};
use super::{Speech, hidden_refusal, is_of, known_of, says_unfiltered, unfiltered_fault};
use crate::exchange::{Ask, Frames, Limit, client_headers};
use crate::service::headers;
use crate::target::{self, CallError, Reply, Said, Spoken, Unfiltered};
use futures::StreamExt;
use futures::stream;
use groundwork_core::turn::translate::Translated;
use groundwork_core::turn::{Dialect, Event, Frame, ReadError};
use groundwork_wire::error::Error;
use http::HeaderMap;
use std::collections::VecDeque;
use std::time::Duration;

/// Frames, and bytes of them, that are held back while they say nothing: as long as nothing has gone to the client, an error among
/// them, or a silence behind them, is an error of the call, which another deployment may mend.
const HELD: usize = 256;
const HELD_BYTES: usize = 1 << 20;

/// How long the end of a connection is awaited behind the end mark of its stream, so that it can be used again.
const TAIL: Duration = Duration::from_millis(20);

impl Speech<'_> {
    /// Sends, and waits until the stream says something, within `first`; when nobody else could answer, until it begins.
    pub(in crate::service) async fn stream(self, ask: Ask<'_>, first: Limit, replaceable: bool) -> Result<Reply, CallError> {
        let until = ask.until;
        let mut begun = self.server.send(ask, first).await?;
        let head = begun.head.headers;
        let (headers, mut served) = (client_headers(&head), headers::served(&head));
        if is_of(&head, &["application/json", "text/html"]) {
            let body = self.server.rest(&mut begun.body, first, until).await?;
            let told = voice::streamed(self.spoken, self.call, self.model, &body).map_err(|error| match error {
                ReadError::Refused(_) => self.unreadable(error, &head, &body),
                ReadError::Malformed(_) => self.server.broken("it answered a streaming request with something that is no event stream"),
            })?;
            served.model = voice::model(&told.events);
            let frames = in_one_go(told, self.check_filter(&body)?);
            return Ok(Reply::Stream { headers, served, frames });
        }
        let mut running = Running {
            frames: Frames::new(self.server, begun.body, until, first),
            voice: Voice::new(self.spoken, self.call, self.model),
            model: self.model.to_owned(),
            unfiltered: self.unfiltered,
            ready: VecDeque::new(),
            unsaid: Vec::new(),
            said: false,
            begun: false,
            failed: None,
            hears: self.spoken,
            says_chat: self.call.dialect == Dialect::Chat,
            marked: false,
            over: false,
            tail: false,
        };
        running.begin(&head, replaceable).await?;
        served.model = voice::model(running.ready.iter().flat_map(|spoken| &spoken.events).chain(&running.unsaid));
        // Boxed, so that it is not moved with every frame.
        let frames = stream::unfold(Some(Box::new(running)), |running| async move {
            let mut running = running?;
            match running.next().await {
                Ok(spoken) => spoken.map(|spoken| (Ok(spoken), Some(running))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Reply::Stream { headers, served, frames: frames.boxed() })
    }
}

struct Running {
    frames: Frames,
    voice: Voice,
    model: String,
    unfiltered: Unfiltered,
    ready: VecDeque<Spoken>,
    /// What frames said that the client does not see.
    unsaid: Vec<Event>,
    /// Something was said that is worth a reader's while.
    said: bool,
    /// The client may have heard of it.
    begun: bool,
    /// The service has said that it failed; what it says more of that goes out first.
    failed: Option<CallError>,
    /// Chat streams end with a mark, on the side of the service and on the client's, where it was said or not. The others end with
    /// their last event.
    hears: Dialect,
    says_chat: bool,
    marked: bool,
    /// Nothing more is said.
    over: bool,
    /// The end of the connection has not come yet.
    tail: bool,
}

impl Running {
    /// Reads until something is said. What comes before it, such as the mere beginning of an answer, waits for it: the client is kept
    /// awake in other ways. When nobody else could answer, no more is waited for than came together with the beginning.
    async fn begin(&mut self, headers: &HeaderMap, replaceable: bool) -> Result<(), CallError> {
        let mut bytes = 0;
        while !self.over && !self.said && self.ready.len() < HELD && bytes < HELD_BYTES {
            let known = self.ready.len();
            let read =
                if replaceable || known == 0 || self.failed.is_some() { Some(self.read().await) } else { at_hand(self.read()).await };
            let Some(read) = read else {
                // It has said nothing yet, and has its whole time for that.
                self.begun = true;
                return Ok(());
            };
            read.map_err(|error| self.as_refusal(error, headers))?;
            bytes += self.ready.iter().skip(known).map(|spoken| spoken.frame.data.len()).sum::<usize>();
        }
        self.begun = true;
        self.frames.begun();
        if self.ready.is_empty() && self.over { Err(self.broken("the stream ended before it began")) } else { Ok(()) }
    }

    async fn next(&mut self) -> Result<Option<Spoken>, CallError> {
        loop {
            if let Some(spoken) = self.ready.pop_front() {
                return Ok(Some(spoken));
            }
            if self.over {
                if self.tail {
                    // Usually it is there already; else the connection is given up.
                    let _ = tokio::time::timeout(TAIL, self.frames.next()).await;
                }
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// Takes the next frame. Cancel safe: a frame that was not taken is still there.
    async fn read(&mut self) -> Result<(), CallError> {
        if self.failed.is_some() {
            return self.fail().await;
        }
        match self.frames.next().await? {
            Some(frame) => Frame::received(frame).map_or(Ok(()), |frame| self.take(frame)),
            None if self.voice.is_finished() => {
                self.end();
                Ok(())
            }
            None => Err(self.broken("the connection ended in mid-answer")),
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), CallError> {
        let unfiltered = says_unfiltered(&frame.data);
        if unfiltered {
            tracing::warn!(target = self.frames.target(), model = self.model, "the content filter of a service did not run over an answer");
            if self.unfiltered == Unfiltered::Refuse {
                return Err(unfiltered_fault(self.frames.target()));
            }
        }
        let is_mark = frame.is_done();
        let heard = match self.voice.hear(frame.clone()) {
            Ok(heard) => heard,
            Err(ReadError::Refused(error)) => return self.refused(frame, error),
            Err(ReadError::Malformed(reason)) => return Err(self.broken(&reason)),
        };
        self.push(heard, unfiltered);
        if is_mark || self.voice.has_ended() {
            self.end();
            self.tail = true;
        }
        Ok(())
    }

    /// The service says that it failed, and may have said what it used.
    fn refused(&mut self, frame: Frame, error: Error) -> Result<(), CallError> {
        let said = Box::new(Said { body: Some(frame.data.clone()), used: self.voice.used(), ..Said::default() });
        let target = self.frames.target().to_owned();
        let error = CallError::MidStream { target, message: error.message, said };
        if self.hears != Dialect::Responses {
            return Err(error);
        }
        if self.begun && self.voice.passes() {
            self.ready.push_back(Spoken { frame, events: std::mem::take(&mut self.unsaid), unfiltered: false });
        }
        self.failed = Some(error);
        Ok(())
    }

    /// Ends with the failure, unless the service has more to say of it: the response follows an `error` event.
    async fn fail(&mut self) -> Result<(), CallError> {
        let next = tokio::time::timeout(TAIL, self.frames.next()).await;
        if let Ok(Ok(Some(frame))) = next
            && let Some(frame) = Frame::received(frame)
            && let Err(ReadError::Refused(error)) = self.voice.hear(frame.clone())
        {
            return self.refused(frame, error);
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Says what is left. A chat stream always ends with its mark, also when the service left it out.
    fn end(&mut self) {
        self.over = true;
        let heard = self.voice.finish();
        self.push(heard, false);
        if self.says_chat && !self.marked {
            self.push(Translated { frames: vec![Frame::done()], events: Vec::new() }, false);
        }
    }

    fn push(&mut self, heard: Translated, unfiltered: bool) {
        if !self.said && heard.events.iter().any(says_something) {
            self.said = true;
            self.frames.begun();
        }
        if self.unsaid.is_empty() {
            self.unsaid = heard.events;
        } else {
            self.unsaid.extend(heard.events);
        }
        for frame in heard.frames {
            self.marked |= frame.is_done();
            self.ready.push_back(Spoken { frame, events: std::mem::take(&mut self.unsaid), unfiltered });
        }
    }

    /// Before anything was said, an error in the stream is what the status should have been.
    fn as_refusal(&self, error: CallError, headers: &HeaderMap) -> CallError {
        match error {
            CallError::MidStream { target, said, .. } => {
                let body = said.body.unwrap_or_default();
                let known = known_of(self.hears, self.voice.passes(), &body);
                hidden_refusal(&target, &self.model, headers, body, known)
            }
            error => error,
        }
    }

    fn broken(&self, message: &str) -> CallError {
        CallError::Broken { target: self.frames.target().to_owned(), message: message.to_owned() }
    }
}

/// The stream of an answer that came in one piece.
fn in_one_go(told: Translated, unfiltered: bool) -> target::Frames {
    let Translated { frames, mut events } = told;
    let spoken = frames.into_iter().map(move |frame| Ok(Spoken { frame, events: std::mem::take(&mut events), unfiltered }));
    stream::iter(spoken).boxed()
}

/// What `work`, which may be given up at any point, comes to now that whoever brings it has had a turn.
async fn at_hand<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = tokio::task::yield_now() => None,
    }
}

/// Beginnings, and words that are none, say nothing.
fn says_something(event: &Event) -> bool {
    match event {
        Event::Start { .. } | Event::Tier(_) | Event::Prompted(_) | Event::Usage(_) => false,
        Event::Text { text, .. } => !text.is_empty(),
        _ => true,
    }
}
