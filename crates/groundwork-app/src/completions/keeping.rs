//! Stores an answer on its way out. It goes to the client under an id of ours, whole or chunk by chunk, because two targets may give
//! theirs the same.

use super::Completion;
use crate::App;
use crate::pipeline::Item;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::turn::Frame;
use groundwork_core::turn::chat::Reader;
use groundwork_wire::chat::Gathered;
use groundwork_wire::object::Object;
use std::time::Instant;

/// A completion that lacks its answer.
pub(crate) struct Keeping {
    pub(crate) app: App,
    pub(crate) completion: Completion,
    /// The client of a stream has not asked for the usage that is stored.
    pub(crate) hides_usage: bool,
    /// Of the call.
    pub(crate) deadline: Instant,
}

/// Bytes of all chunks beyond which an answer is not stored.
const MOST_BYTES: usize = 64 << 20;

impl Keeping {
    /// An answer in one piece, as the client is to see it.
    pub(crate) async fn whole(self, body: Bytes) -> Bytes {
        let body = self.named(body);
        self.store(&body).await;
        body
    }

    /// A stream as the client is to see it. It is stored before its end mark goes out, so that whoever has read it all can read it again;
    /// one that breaks off is not.
    pub(crate) fn stream(self, items: BoxStream<'static, Item>) -> BoxStream<'static, Item> {
        let told = Told { items, heard: 0, unseen: self.hides_usage.then(Reader::new), open: Some((self, Gathered::default())) };
        stream::unfold(told, |mut told| async move { told.next().await.map(|item| (item, told)) }).boxed()
    }

    /// What is no object has no id.
    fn named(&self, body: Bytes) -> Bytes {
        let Ok(mut object) = Object::parse(body.clone()) else { return body };
        match object.set("id", self.completion.id.as_str()) {
            Ok(()) => object.to_bytes(),
            Err(_unwritable) => body,
        }
    }

    /// The client has its answer, and pays for it, whether it could be stored or not, and does not wait for that beyond its deadline.
    async fn store(self, answer: &[u8]) {
        let Self { app, completion, deadline, hides_usage: _ } = self;
        let completion = Completion { answer: String::from_utf8_lossy(answer).into_owned(), ..completion };
        let storing = app.tasks().clone().spawn(async move {
            if let Err(error) = app.inner().db.insert_completion(&completion).await {
                tracing::error!(%error, completion = %completion.id, "an answer that was asked to be stored could not be");
            }
        });
        // What is not stored by then is stored a little later.
        let _ = tokio::time::timeout_at(deadline.into(), storing).await;
    }
}

struct Told {
    items: BoxStream<'static, Item>,
    /// Bytes of all chunks.
    heard: usize,
    /// Finds the usage that the client does not see.
    unseen: Option<Reader>,
    /// `None` once it is stored, or will not be.
    open: Option<(Keeping, Gathered)>,
}

impl Told {
    async fn next(&mut self) -> Option<Item> {
        loop {
            match self.items.next().await {
                Some(Item::Frame(frame)) if frame.is_done() => {
                    self.end().await;
                    return Some(Item::Frame(frame));
                }
                Some(Item::Frame(frame)) => {
                    let frame = self.hear(frame);
                    if let Some(frame) = self.shown(frame) {
                        return Some(Item::Frame(frame));
                    }
                }
                // What breaks off is no answer, and what was taken back is none any more.
                Some(item @ (Item::Error(_) | Item::Retracted)) => {
                    self.open = None;
                    return Some(item);
                }
                None => {
                    self.end().await;
                    return None;
                }
            }
        }
    }

    /// As the client sees it; `None` when it tells of nothing but usage.
    fn shown(&mut self, frame: Frame) -> Option<Frame> {
        let Some(reader) = &mut self.unseen else { return Some(frame) };
        reader.pass(frame.clone(), false).map_or(Some(frame), |passed| passed.frame)
    }

    fn hear(&mut self, frame: Frame) -> Frame {
        self.heard += frame.data.len();
        if self.heard > MOST_BYTES && self.open.take().is_some() {
            tracing::warn!(bytes = self.heard, "an answer is too long to be stored");
        }
        let Some((keeping, gathered)) = &mut self.open else { return frame };
        let data = keeping.named(frame.data.clone());
        gathered.hear(&data);
        frame.with_data(data)
    }

    async fn end(&mut self) {
        if let Some((keeping, gathered)) = self.open.take()
            && let Some(answer) = gathered.whole()
        {
            keeping.store(&answer).await;
        }
    }
}
