//! A response as it is told: each event of the target becomes the next of ours, is put up for those who read along, and the last is told
//! when the response is stored.

use super::board::{Live, Post};
use super::draft::Draft;
use super::failure::Failure;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use groundwork_core::turn::Frame;
use groundwork_store::db::DbError;
use groundwork_wire::object::Object;
use groundwork_wire::responses::{Event, Fields, Lifecycle, Sequence, Status, kind_of, replay};
use std::io::Write;
use std::sync::Arc;

pub(super) struct Telling {
    /// `None` at the end.
    open: Option<Open>,
    live: Option<Arc<Live>>,
}

struct Open {
    draft: Draft,
    /// Of a response that is stored.
    post: Option<Post>,
    sequence: Sequence,
    /// The client has been told that there is a response.
    created: bool,
    /// The target has begun.
    begun: bool,
    /// Items that are whole.
    output: Vec<Object>,
    /// A filter found fault with what was said: it is not kept.
    retracted: bool,
    /// The target has told an error.
    erred: bool,
}

/// Between two events in the store: a byte that JSON cannot have.
const SEPARATOR: u8 = 0x1e;

impl Telling {
    pub(super) fn new(draft: Draft, post: Option<Post>) -> Self {
        let live = post.as_ref().map(|post| post.live.clone());
        let open = Open {
            draft,
            post,
            sequence: Sequence::default(),
            created: false,
            begun: false,
            output: Vec::new(),
            retracted: false,
            erred: false,
        };
        Self { open: Some(open), live }
    }

    pub(super) fn live(&self) -> Option<&Arc<Live>> {
        self.live.as_ref()
    }

    pub(super) fn is_over(&self) -> bool {
        self.open.is_none()
    }

    /// A filter found fault with all that was said so far and will be said: it is told to its end, and nothing of it is kept.
    pub(super) fn retract(&mut self) {
        if let Some(open) = &mut self.open {
            open.retracted = true;
        }
    }

    /// There is no response after all.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    /// Tells that there is a response, before its target has been asked.
    pub(super) fn announce(&mut self) {
        if let Some(open) = &mut self.open {
            let streamed = open.draft.streamed;
            open.create(if streamed { Status::Queued } else { Status::InProgress });
            open.say_status(if streamed { ("response.queued", Status::Queued) } else { ("response.in_progress", Status::InProgress) });
        }
    }

    /// What a frame of the target becomes. With the last one the response is stored.
    pub(super) async fn hear(&mut self, frame: &Frame) -> Vec<Frame> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let mut frames = Vec::new();
        if !std::mem::replace(&mut open.begun, true) {
            let names_it = kind_of(&frame.data).as_deref() == Some("response.created");
            if names_it && open.created {
                return frames;
            }
            if !names_it && !open.created {
                frames.push(open.create(Status::InProgress));
            }
            open.created = true;
        }
        let Some(event) = open.sequence.adopt(&frame.data, &open.draft.echo, open.draft.now()) else { return frames };
        open.output.extend(event.item.clone());
        open.erred |= event.lifecycle() == Lifecycle::Breaks;
        if event.lifecycle() != Lifecycle::Ends {
            open.put_up(&event);
            // What needed no change leaves as it came.
            frames.push(if event.data == frame.data && frame.event.is_some() { frame.clone() } else { told(event) });
            return frames;
        }
        let response = open.whole(event.response.clone());
        frames.extend(self.end(&response, vec![event]).await);
        frames
    }

    /// An answer that came in one piece: it is told to those who read along as if it had been streamed.
    pub(super) async fn hear_whole(&mut self, body: Bytes) {
        let Some(open) = &mut self.open else { return };
        let Ok(mut response) = Object::parse(body) else {
            self.fail(&Failure::new("server_error", "The target's answer cannot be read.")).await;
            return;
        };
        open.draft.echo.dress(&mut response, open.draft.now());
        let told = usize::try_from(open.sequence.next()).unwrap_or(usize::MAX);
        let rest = replay(&open.draft.echo.include.response(&response)).into_iter().skip(told).collect();
        self.end(&response, rest).await;
    }

    /// The response broke off: the last events, which say so.
    pub(super) async fn fail(&mut self, failure: &Failure) -> Vec<Frame> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let mut frames = Vec::new();
        if !open.created {
            frames.push(open.create(Status::InProgress));
        }
        let response = open.draft.cut(Status::Failed, &open.output, Some(&failure.to_json()));
        let error = (!open.erred).then(|| open.sequence.error(Some(&failure.code), &failure.message, None));
        let failed = open.event("response.failed", &response);
        frames.extend(self.end(&response, error.into_iter().chain([failed]).collect()).await);
        frames
    }

    /// Nobody wants more of it.
    pub(super) async fn cancel(&mut self) -> Vec<Frame> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let response = open.draft.cut(Status::Cancelled, &open.output, None);
        let cancelled = open.event("response.cancelled", &response);
        self.end(&response, vec![cancelled]).await
    }

    /// Stores the response and then tells its last events. One that cannot be stored has failed.
    async fn end(&mut self, response: &Object, last: Vec<Event>) -> Vec<Frame> {
        let Some(mut open) = self.open.take() else { return Vec::new() };
        if let Err(error) = open.store(response, &last).await {
            tracing::error!(response = %open.draft.id, %error, "a response could not be stored");
            let failure = Failure::new("server_error", "The response could not be stored.");
            let response = open.draft.cut(Status::Failed, &[], Some(&failure.to_json()));
            // The numbers of the events that are not told now are used again.
            open.sequence = Sequence::from(last.first().map_or(open.sequence.next(), |event| event.sequence));
            let last = vec![open.sequence.error(Some(&failure.code), &failure.message, None), open.event("response.failed", &response)];
            return open.tell_all(last);
        }
        open.tell_all(last)
    }
}

impl Drop for Telling {
    /// Its client has hung up. What a response in the foreground said so far stays.
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let tasks = open.draft.app.tasks().clone();
        tasks.spawn(async move {
            let response = open.draft.cut(Status::Cancelled, &open.output, None);
            if let Err(error) = open.draft.end(&response, None).await {
                tracing::error!(response = %open.draft.id, %error, "a response whose client has gone could not be stored");
            }
        });
    }
}

impl Open {
    fn create(&mut self, status: Status) -> Frame {
        self.created = true;
        self.say_status(("response.created", status))
    }

    fn say_status(&mut self, (kind, status): (&'static str, Status)) -> Frame {
        let event = self.event(kind, &self.draft.echo.empty(status));
        self.put_up(&event);
        told(event)
    }

    /// The next event, about the response as a whole.
    fn event(&mut self, kind: &'static str, response: &Object) -> Event {
        let shown = self.draft.echo.include.response(response);
        self.sequence.event(kind, &Fields { response: Some(&shown), ..Fields::default() })
    }

    /// The response as the target ended it, with the items that it left out there.
    fn whole(&self, response: Option<Object>) -> Object {
        let mut response = response.unwrap_or_else(|| self.draft.cut(Status::Completed, &[], None));
        let empty = response.get::<Vec<Object>>("output", "an array of items").ok().flatten().is_none_or(|output| output.is_empty());
        if empty && !self.output.is_empty() {
            // Items are JSON already.
            let _ = response.set("output", &self.output);
        }
        response
    }

    async fn store(&self, response: &Object, last: &[Event]) -> Result<(), DbError> {
        if self.retracted {
            let mut empty = response.clone();
            // An empty list is JSON.
            let _ = empty.set("output", &[(); 0]);
            return self.draft.end(&empty, None).await;
        }
        let events = match self.post.as_ref().filter(|_| self.draft.streamed).and_then(|post| post.live.events()) {
            Some(mut events) => {
                events.extend(last.iter().map(|event| event.data.clone()));
                self.draft.app.compute(move || pack(&events)).await.ok()
            }
            None => None,
        };
        self.draft.end(response, events).await
    }

    fn tell_all(&self, events: Vec<Event>) -> Vec<Frame> {
        events.iter().for_each(|event| self.put_up(event));
        events.into_iter().map(told).collect()
    }

    fn put_up(&self, event: &Event) {
        if let Some(post) = &self.post {
            post.live.push(event);
        }
    }
}

fn told(event: Event) -> Frame {
    Frame::new(Some(event.kind), event.data)
}

/// Events for the store.
fn pack(events: &[Bytes]) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory has no way to fail.
    for event in events {
        let _ = packed.write_all(event).and(packed.write_all(&[SEPARATOR]));
    }
    packed.finish().unwrap_or_default()
}

/// Events from the store.
pub(super) fn unpack(packed: &[u8]) -> Vec<Bytes> {
    let mut all = flate2::write::DeflateDecoder::new(Vec::new());
    let whole = all.write_all(packed).and_then(|()| all.finish());
    let Ok(whole) = whole.map(Bytes::from) else { return Vec::new() };
    whole.split_inclusive(|byte| *byte == SEPARATOR).map(|event| whole.slice_ref(&event[..event.len() - 1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_of_the_store_as_they_went_in() {
        for events in [vec![], vec![Bytes::from_static(b"{\"a\":\n1}"), Bytes::from_static(b"{}")]] {
            assert_eq!(unpack(&pack(&events)), events);
        }
        assert_eq!(unpack(b"\xff\xff"), Vec::<Bytes>::new());
    }
}
