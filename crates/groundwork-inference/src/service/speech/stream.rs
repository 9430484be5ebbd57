//! A stream: its first frames decide whether the call has failed, the rest passes one by one.

use super::voice::{self, Voice};
use super::{Speech, hidden_refusal, says_unfiltered, unfiltered_fault};
use crate::exchange::{Ask, Frames, client_headers};
use crate::service::headers;
use crate::target::{CallError, Reply, Spoken, Unfiltered};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use groundwork_core::turn::translate::Translated;
use groundwork_core::turn::{Dialect, Event, Frame, ReadError};
use http::header;
use std::collections::VecDeque;
use std::time::Duration;

/// Frames that are held back while they say nothing, and for how long: as long as nothing has gone to the client, an error among them
/// is an error of the call, which another deployment may mend.
const HELD: usize = 64;
const HELD_FOR: Duration = Duration::from_millis(250);
const LOOKS: usize = 3;

/// How long the end of a connection is awaited behind the end mark of its stream, so that it can be used again.
const TAIL: Duration = Duration::from_millis(20);

impl Speech<'_> {
    /// Sends, and waits until the stream says something.
    pub(in crate::service) async fn stream(self, ask: Ask<'_>) -> Result<Reply, CallError> {
        let deadline = ask.deadline;
        let first = self.server.first_token(deadline);
        let mut begun = self.server.send(ask, first).await?;
        let (headers, mut served) = (client_headers(&begun.head.headers), headers::served(&begun.head.headers));
        let is_json = begun.head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let kind = value.trim_start().to_ascii_lowercase();
            kind.starts_with("application/json") || kind.starts_with("text/html")
        });
        if is_json {
            let body = first.on(&self.server.target, begun.body.whole(MAX_INSTEAD)).await?.map_err(|reason| self.server.broken(reason))?;
            return Err(match voice::whole(self.spoken, self.client, &body, &self.heading) {
                Err(error @ ReadError::Refused(_)) => self.unreadable(error, &body),
                _ => self.server.broken("it answered a streaming request with something that is no event stream"),
            });
        }
        let mut running = Running {
            frames: Frames::new(self.server, begun.body, deadline, first),
            voice: Voice::new(self.spoken, self.client, &self.heading),
            model: self.model.to_owned(),
            unfiltered: self.unfiltered,
            ready: VecDeque::new(),
            unsaid: Vec::new(),
            hears_chat: self.spoken == Dialect::Chat,
            says_chat: self.client == Dialect::Chat,
            marked: false,
            over: false,
            tail: false,
        };
        running.begin().await?;
        served.model = voice::model(running.ready.iter().flat_map(|spoken| &spoken.events));
        let frames = stream::unfold(Some(running), |running| async move {
            let mut running = running?;
            match running.next().await {
                Ok(spoken) => spoken.map(|spoken| (Ok(spoken), Some(running))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Reply::Stream { headers, served, frames: frames.boxed() })
    }
}

/// Bytes that are read of what came instead of a stream.
const MAX_INSTEAD: usize = 256 << 10;

struct Running {
    frames: Frames,
    voice: Voice,
    model: String,
    unfiltered: Unfiltered,
    ready: VecDeque<Spoken>,
    /// What frames said that the client does not see.
    unsaid: Vec<Event>,
    /// Chat streams end with a mark, on the side of the service and on the client's, where it was said or not. The others end with
    /// their last event.
    hears_chat: bool,
    says_chat: bool,
    marked: bool,
    /// Nothing more is said.
    over: bool,
    /// The end of the connection has not come yet.
    tail: bool,
}

impl Running {
    /// Reads until something is said that the client is to see, or long enough. The mere beginning of a chat answer is not kept from
    /// the client, but for what has arrived behind it already.
    async fn begin(&mut self) -> Result<(), CallError> {
        self.read().await.map_err(|error| self.as_refusal(error))?;
        let held_until = tokio::time::Instant::now() + HELD_FOR;
        let mut looks = LOOKS;
        while !self.over && self.ready.len() < HELD {
            let until = match self.ready.iter().map(says).max().unwrap_or(Says::Nothing) {
                Says::Much => break,
                Says::Nothing => held_until,
                Says::Beginning if looks == 0 => break,
                Says::Beginning => {
                    looks -= 1;
                    tokio::task::yield_now().await;
                    tokio::time::Instant::now()
                }
            };
            match tokio::time::timeout_at(until, self.read()).await {
                Ok(read) => read.map_err(|error| self.as_refusal(error))?,
                Err(_elapsed) if until == held_until => break,
                Err(_elapsed) => {}
            }
        }
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
        let (is_mark, data) = (frame.is_done(), frame.data.clone());
        let heard = self.voice.hear(frame).map_err(|error| match error {
            ReadError::Refused(error) => {
                CallError::MidStream { target: self.frames.target().to_owned(), message: error.message, body: data }
            }
            ReadError::Malformed(reason) => self.broken(&reason),
        })?;
        self.push(heard, unfiltered);
        if is_mark || (!self.hears_chat && self.voice.is_finished()) {
            self.end();
            self.tail = true;
        }
        Ok(())
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
        self.unsaid.extend(heard.events);
        for frame in heard.frames {
            self.marked |= frame.is_done();
            self.ready.push_back(Spoken { frame, events: std::mem::take(&mut self.unsaid), unfiltered });
        }
    }

    /// Before anything was said, an error in the stream is what the status should have been.
    fn as_refusal(&self, error: CallError) -> CallError {
        match error {
            CallError::MidStream { target, body, .. } => refused(&target, &self.model, body),
            error => error,
        }
    }

    fn broken(&self, message: &str) -> CallError {
        CallError::Broken { target: self.frames.target().to_owned(), message: message.to_owned() }
    }
}

fn refused(target: &str, model: &str, body: Bytes) -> CallError {
    let error = groundwork_wire::error::Error::parse(&body).unwrap_or(groundwork_wire::error::Error {
        message: String::new(),
        kind: String::new(),
        param: None,
        code: None,
    });
    hidden_refusal(target, model, &error, body)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Nothing,
    Beginning,
    Much,
}

fn says(spoken: &Spoken) -> Says {
    // Responses and messages begin before any work is done, and are named.
    let is_chat = spoken.frame.event.is_none();
    let one = |event: &Event| match event {
        Event::Start { .. } | Event::Tier(_) if is_chat => Says::Beginning,
        Event::Start { .. } | Event::Tier(_) => Says::Nothing,
        _ => Says::Much,
    };
    spoken.events.iter().map(one).max().unwrap_or(Says::Nothing)
}
