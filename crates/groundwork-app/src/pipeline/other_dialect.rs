//! An assistant answers in chat; a client that spoke another dialect is answered in its own.

use super::admit::{Admitted, Model};
use super::error::CallError;
use super::run::Item;
use crate::App;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::turn::{Dialect, Event, Heading, chat, messages};
use groundwork_inference::target;
use groundwork_wire::object::Object;
use std::collections::VecDeque;

/// What an answer in chat is told in: Anthropic's messages.
pub(super) struct OtherDialect {
    heading: Heading,
}

impl OtherDialect {
    /// `None` where the answer is in the client's dialect already.
    pub(super) fn of(app: &App, admitted: &Admitted) -> Option<Self> {
        let dialect = admitted.asked.dialect;
        if dialect == Dialect::Chat || matches!(admitted.model, Model::Pool(_)) {
            return None;
        }
        let heading = Heading {
            id: format!("msg_{}", admitted.id),
            model: admitted.model.name().to_string(),
            created: app.inner().clock.now() / 1000,
            include_usage: true,
        };
        Some(Self { heading })
    }

    pub(super) fn whole(&self, body: &Bytes) -> Result<Bytes, CallError> {
        let object = Object::parse(body.clone())?;
        let events = chat::read(&object).map_err(|error| broken(&error.to_string()))?;
        Ok(messages::write(events, &self.heading).to_bytes())
    }

    pub(super) fn stream(self, items: BoxStream<'static, Item>) -> BoxStream<'static, Item> {
        let told = Told { items, reader: chat::Reader::new(), writer: Some(messages::Writer::new(self.heading)), ready: VecDeque::new() };
        stream::unfold(told, |mut told| async move { told.next().await.map(|item| (item, told)) }).boxed()
    }
}

struct Told {
    items: BoxStream<'static, Item>,
    reader: chat::Reader,
    /// `None` at the end.
    writer: Option<messages::Writer>,
    ready: VecDeque<Item>,
}

impl Told {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            let writer = self.writer.as_mut()?;
            match self.items.next().await {
                // The end mark is the dialect's own.
                Some(Item::Frame(frame)) if frame.is_done() => {}
                Some(Item::Frame(frame)) => match self.reader.read(&frame) {
                    Ok(events) => self.ready.extend(said(writer, events)),
                    Err(error) => {
                        self.writer = None;
                        return Some(Item::Error(broken(&error.to_string())));
                    }
                },
                Some(Item::Error(error)) => {
                    self.writer = None;
                    return Some(Item::Error(error));
                }
                None => {
                    self.ready.extend(said(writer, self.reader.finish()));
                    self.ready.extend(writer.finish().into_iter().map(Item::Frame));
                    self.writer = None;
                }
            }
        }
    }
}

fn said(writer: &mut messages::Writer, events: Vec<Event>) -> Vec<Item> {
    events.into_iter().flat_map(|event| writer.write(event)).map(Item::Frame).collect()
}

fn broken(message: &str) -> CallError {
    target::CallError::Broken { target: "the assistant".to_owned(), message: message.to_owned() }.into()
}
