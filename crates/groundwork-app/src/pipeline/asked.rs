//! What is read of a request before it is known who answers it: enough to route it, to bound it, and to refuse what nobody could answer.

use super::text::Size;
use bytes::Bytes;
use groundwork_core::turn::{Dialect, Turn, translate};
use groundwork_wire::chat;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::responses;
use std::collections::BTreeMap;

pub(super) struct Asked {
    pub(super) dialect: Dialect,
    /// The body, its `model` as the URL names it.
    pub(super) object: Object,
    pub(super) model: String,
    pub(super) stream: bool,
    /// The client of a chat stream wants to see the usage, or it is to be stored with the answer.
    pub(super) include_usage: bool,
    /// Of the text that the model is to read.
    pub(super) bytes: usize,
    /// What the model is to read has no more.
    pub(super) most_tokens: usize,
    pub(super) stored: Option<Stored>,
}

/// The client wants a chat's answer stored.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) metadata: BTreeMap<String, String>,
    /// Usage is stored, and not what the client asked to see.
    pub(super) hides_usage: bool,
}

impl Asked {
    /// Every way of being wrong is an `Invalid` that names the parameter.
    pub(super) fn parse(dialect: Dialect, body: Bytes, model: Option<&str>) -> Result<Self, Invalid> {
        let mut object = Object::parse(body)?;
        if let Some(model) = model {
            object.set("model", model).map_err(|error| Invalid::Value { param: "model".to_owned(), reason: error.to_string() })?;
        }
        let Size { text: bytes, most_tokens } = Size::of(&object);
        match dialect {
            Dialect::Chat => {
                let metadata = stored(&mut object)?;
                let chat::Request { mut object, model, stream, mut include_usage, .. } = chat::Request::glance(object)?;
                let stored = match metadata {
                    Some(metadata) => {
                        let hides_usage = stream && !chat::ask_usage(&mut object)?;
                        include_usage |= hides_usage;
                        Some(Stored { metadata, hides_usage })
                    }
                    None => None,
                };
                Ok(Self { dialect, object, model, stream, include_usage, bytes, most_tokens, stored })
            }
            Dialect::Responses => {
                let responses::Request { object, model, stream, .. } = responses::Request::of(object)?;
                Ok(Self { dialect, object, model, stream, include_usage: true, bytes, most_tokens, stored: None })
            }
            Dialect::Messages => {
                if let Some(key) = object.duplicate() {
                    return Err(Invalid::Duplicate { key: key.to_owned() });
                }
                let model = object.get("model", "a string")?.ok_or_else(|| Invalid::Missing { param: "model".to_owned() })?;
                let stream = object.get("stream", "a boolean")?.unwrap_or(false);
                Turn::from_messages(&object)?;
                Ok(Self { dialect, object, model, stream, include_usage: true, bytes, most_tokens, stored: None })
            }
        }
    }

    /// The same as a chat request: assistants work in chat inside.
    pub(super) fn as_chat(&self) -> Result<chat::Request, Invalid> {
        chat::Request::of(match self.dialect {
            Dialect::Chat => self.object.clone(),
            other => translate::request(other, Dialect::Chat, &self.object, &self.model, self.stream)?,
        })
    }
}

/// What is to be stored is stored here and nowhere else: a target is not told of it, nor of the metadata, which OpenAI's takes only beside
/// `store`.
fn stored(object: &mut Object) -> Result<Option<BTreeMap<String, String>>, Invalid> {
    if object.get("store", "a boolean")? != Some(true) {
        return Ok(None);
    }
    let metadata = responses::metadata(object)?;
    object.remove("store");
    object.remove("metadata");
    Ok(Some(metadata))
}
