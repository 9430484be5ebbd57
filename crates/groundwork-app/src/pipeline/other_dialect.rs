//! An assistant answers in chat; a client that spoke another dialect is answered in its own.

use super::admit::{Admitted, Model};
use super::error::CallError;
use super::run::Item;
use crate::App;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::turn::translate::{self, Translator};
use groundwork_core::turn::{Dialect, Heading};
use groundwork_inference::target;
use groundwork_wire::object::Object;
use std::collections::VecDeque;

/// What an answer in chat is told in.
pub(super) struct OtherDialect {
    dialect: Dialect,
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
            id: super::call::answer_id(dialect, admitted.id.as_str()),
            model: admitted.model.name().to_string(),
            created: app.inner().clock.now() / 1000,
            include_usage: true,
        };
        Some(Self { dialect, heading })
    }

    pub(super) fn whole(&self, body: &Bytes) -> Result<Bytes, CallError> {
        let object = Object::parse(body.clone())?;
        let told = translate::whole(Dialect::Chat, self.dialect, &object, &self.heading);
        Ok(told.map_err(|error| broken(&error.to_string()))?.0.to_bytes())
    }

    pub(super) fn stream(self, items: BoxStream<'static, Item>) -> BoxStream<'static, Item> {
        let translator = Translator::new(Dialect::Chat, self.dialect, self.heading);
        let told = Told { items, translator: Some(translator), ready: VecDeque::new() };
        stream::unfold(told, |mut told| async move { told.next().await.map(|item| (item, told)) }).boxed()
    }
}

struct Told {
    items: BoxStream<'static, Item>,
    /// `None` at the end.
    translator: Option<Translator>,
    ready: VecDeque<Item>,
}

impl Told {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            let translator = self.translator.as_mut()?;
            let translated = match self.items.next().await {
                // The end mark is the dialect's own.
                Some(Item::Frame(frame)) if frame.is_done() => continue,
                Some(Item::Frame(frame)) => match translator.push(&frame) {
                    Ok(translated) => translated,
                    Err(error) => {
                        self.translator = None;
                        return Some(Item::Error(broken(&error.to_string())));
                    }
                },
                Some(Item::Retracted) => return Some(Item::Retracted),
                Some(Item::Error(error)) => {
                    self.translator = None;
                    return Some(Item::Error(error));
                }
                None => {
                    let end = translator.finish();
                    self.translator = None;
                    end
                }
            };
            self.ready.extend(translated.frames.into_iter().map(Item::Frame));
        }
    }
}

fn broken(message: &str) -> CallError {
    target::CallError::Broken { target: "the assistant".to_owned(), message: message.to_owned() }.into()
}
