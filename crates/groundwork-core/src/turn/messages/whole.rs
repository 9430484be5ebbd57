//! Whole messages, in and out.

use super::body::Content;
use super::reader::{Reader, refused};
use super::said::Message;
use super::write::input;
use super::writer::{cite, reason};
use crate::turn::{Answer, Event, Heading, Part, ReadError, Reasoning, Signature, ToolCall};
use groundwork_wire::messages::Usage;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde::Serialize;
use serde_json::json;

/// What a whole message says.
pub fn read(body: &Object) -> Result<Vec<Event>, ReadError> {
    let data = body.to_bytes();
    if let Some(refused) = refused(&data) {
        return Err(refused);
    }
    let message: Message<'_> = serde_json::from_slice(&data).map_err(|error| ReadError::Malformed(error.to_string()))?;
    if message.content.is_none() {
        return Err(ReadError::Malformed("it has no 'content'".to_owned()));
    }
    let mut events = Vec::new();
    Reader::new().whole(&message, &mut events)?;
    Ok(events)
}

/// A whole message of these events. There is one answer to a message: the first.
pub fn write(events: impl IntoIterator<Item = Event>, heading: &Heading) -> Object {
    #[derive(Serialize)]
    struct Body<'a> {
        id: &'a str,
        #[serde(rename = "type")]
        kind: &'static str,
        role: &'static str,
        model: &'a str,
        content: &'a [Content<'a>],
        stop_reason: &'a str,
        stop_sequence: Option<&'a str>,
        usage: Usage,
    }
    let answer: Answer = events.into_iter().collect();
    let choice = answer.choices.into_iter().next().unwrap_or_default();
    let citations: Vec<Raw> = choice.annotations.iter().filter_map(cite).collect();
    let mut content: Vec<Content<'_>> = choice.parts.iter().filter_map(block).collect();
    if !citations.is_empty()
        && let Some(Content::Text { citations: none, .. }) = content.iter_mut().rfind(|block| matches!(block, Content::Text { .. }))
    {
        *none = Some(Some(&citations));
    }
    let (stop_reason, stop_sequence) = reason(choice.finish.as_ref(), choice.refusal().is_some(), choice.retracted);
    let tier = answer.tier.map(|tier| if tier == "default" { "standard".to_owned() } else { tier });
    let body = Body {
        id: &heading.id,
        kind: "message",
        role: "assistant",
        model: answer.model.as_deref().unwrap_or(&heading.model),
        content: &content,
        stop_reason,
        stop_sequence,
        usage: Usage { service_tier: tier, ..answer.usage.unwrap_or_default().into() },
    };
    // Writing our own types into memory has no way to fail.
    Object::parse(serde_json::to_vec(&body).unwrap_or_default()).unwrap_or_default()
}

fn block(part: &Part) -> Option<Content<'_>> {
    Some(match part {
        Part::Text(text) | Part::Refusal(text) => Content::Text { text: text.as_str().into(), cache_control: None, citations: Some(None) },
        Part::Reasoning(thought) => {
            let Reasoning { id, text, summary, signature, redacted } = thought;
            match (signature, redacted) {
                (Some(signature), true) => Content::RedactedThinking { data: &signature.value },
                (None, true) => return None,
                (signature, false) => {
                    let thinking = if text.is_empty() { summary.join("\n\n").into() } else { text.as_str().into() };
                    Content::Thinking { thinking, signature: Signature::seal(signature.as_ref(), id.as_deref()) }
                }
            }
        }
        Part::ToolCall(ToolCall { id, name, arguments, .. }) => {
            // The client's tool will say what is wrong with it, and the model can mend it.
            let input = input(arguments).unwrap_or_else(|| Raw::of(&json!({ "invalid_json": arguments })).unwrap_or_default());
            Content::ToolUse { id, name, input, cache_control: None }
        }
        _ => return None,
    })
}
