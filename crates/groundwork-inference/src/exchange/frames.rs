//! The frames of an answer that is a stream of server-sent events.

use super::{Incoming, Limit, Server};
use crate::alarm::Alarm;
use crate::target::CallError;
use groundwork_wire::sse::{Decoder, Frame};

/// Bytes of one frame beyond which the target is not believed.
const MAX_FRAME: usize = 16 << 20;

pub(crate) struct Frames {
    server: Server,
    /// Of the whole call.
    until: Limit,
    body: Incoming,
    /// `None` once the connection has ended.
    decoder: Option<Decoder>,
    /// Until when something must have been said; `None` once it has been.
    first: Option<Limit>,
    alarm: Alarm,
}

impl Frames {
    pub(crate) fn new(server: &Server, body: Incoming, until: Limit, first: Limit) -> Self {
        Self { server: server.clone(), until, body, decoder: Some(Decoder::new(MAX_FRAME)), first: Some(first), alarm: Alarm::default() }
    }

    pub(crate) fn target(&self) -> &str {
        &self.server.target
    }

    /// Something has been said: from now on only silences are limited.
    pub(crate) fn begun(&mut self) {
        self.first = None;
    }

    /// The next frame that has data; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, CallError> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            match decoder.next() {
                Ok(Some(frame)) if frame.data.is_none() => {}
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => match self.piece().await? {
                    Some(piece) => self.push(&piece),
                    // A last frame may have been left unclosed.
                    None => return Ok(self.decoder.take().and_then(Decoder::finish).filter(|frame| frame.data.is_some())),
                },
                Err(error) => return Err(self.server.broken(error.to_string())),
            }
        }
    }

    fn push(&mut self, piece: &[u8]) {
        if let Some(decoder) = &mut self.decoder {
            decoder.push(piece);
        }
    }

    async fn piece(&mut self) -> Result<Option<bytes::Bytes>, CallError> {
        let limit = self.first.unwrap_or_else(|| self.server.idle(self.until));
        let next = self.alarm.on(limit.at(), self.body.next()).await;
        next.ok_or_else(|| limit.passed(&self.server.target))?.map_err(|reason| self.server.broken(reason))
    }
}
