//! Listens for what a call used, in an answer that goes through.

use bytes::{Bytes, BytesMut};
use groundwork_core::turn::{Event, Frame, Usage};
use groundwork_wire::count;
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Bytes of JSON beyond which it is not looked at: images in base 64 may be many.
const MOST_JSON: usize = 32 << 20;

/// Of an answer that is no stream of events.
pub(super) enum Ear {
    /// A JSON body, as far as it was heard.
    Json(BytesMut),
    /// Images and sound say nothing.
    Deaf,
}

impl Ear {
    pub(super) fn of(content_type: Option<&str>) -> Self {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") { Self::Json(BytesMut::new()) } else { Self::Deaf }
    }

    pub(super) fn hear(&mut self, bytes: &Bytes) {
        match self {
            Self::Json(heard) if heard.len() + bytes.len() <= MOST_JSON => heard.extend_from_slice(bytes),
            Self::Json(_) => *self = Self::Deaf,
            Self::Deaf => {}
        }
    }

    /// At the end of the answer.
    pub(super) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Json(heard) => serde_json::from_slice::<Said>(heard).ok()?.usage?.known(),
            Self::Deaf => None,
        }
    }
}

/// One event of a stream.
pub(super) struct Told {
    /// As the client is to see it, if it is.
    pub(super) frame: Option<Frame>,
    pub(super) events: Vec<Event>,
    /// The stream may end behind it.
    pub(super) is_last: bool,
}

/// Why an event is none of the answer: the target's error object.
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) body: Bytes,
}

/// What an event says. A client that did not ask for usage does not see it, nor the place where it would stand.
pub(super) fn listen(frame: Frame, hides_usage: bool) -> Result<Told, Fault> {
    if frame.is_done() {
        return Ok(Told { frame: Some(frame), events: Vec::new(), is_last: true });
    }
    let Ok(Said { usage, choices, error }) = serde_json::from_slice(&frame.data) else {
        return Ok(Told { frame: Some(frame), events: Vec::new(), is_last: false });
    };
    if error.is_some() {
        let message = Error::parse(&frame.data).map(|error| error.message).unwrap_or_default();
        return Err(Fault { message, body: frame.data });
    }
    let choices = choices.unwrap_or_default();
    let is_last = choices.iter().any(|choice| choice.finish_reason.is_some());
    let is_usage_alone = choices.is_empty() && usage.is_some();
    let frame = match hides_usage {
        true if is_usage_alone => None,
        true => Some(without_usage(frame)),
        false => Some(frame),
    };
    let texts = choices.into_iter().filter_map(|choice| choice.text).map(|text| Event::Text { choice: 0, text });
    let events = texts.chain(usage.and_then(Used::known).map(Event::Usage)).collect();
    Ok(Told { frame, events, is_last })
}

fn without_usage(frame: Frame) -> Frame {
    let Ok(mut object) = Object::parse(frame.data.clone()) else { return frame };
    if object.remove("usage") { frame.with_data(object.to_bytes()) } else { frame }
}

#[derive(Deserialize)]
struct Said {
    usage: Option<Used>,
    choices: Option<Vec<Choice>>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    text: Option<String>,
    finish_reason: Option<IgnoredAny>,
}

/// Usage under the names of either generation of OpenAI's API.
#[derive(Deserialize)]
struct Used {
    #[serde(default, alias = "prompt_tokens", deserialize_with = "count::some")]
    input_tokens: Option<u64>,
    #[serde(default, alias = "completion_tokens", deserialize_with = "count::some")]
    output_tokens: Option<u64>,
    #[serde(alias = "prompt_tokens_details", alias = "input_token_details")]
    input_tokens_details: Option<Details>,
    #[serde(alias = "completion_tokens_details", alias = "output_token_details")]
    output_tokens_details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "count::some")]
    cached_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    audio_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    reasoning_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    accepted_prediction_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    rejected_prediction_tokens: Option<u64>,
}

impl Used {
    /// Sound may be charged by its length instead.
    fn known(self) -> Option<Usage> {
        let (input, output) = (self.input_tokens_details.unwrap_or_default(), self.output_tokens_details.unwrap_or_default());
        Some(Usage {
            input_tokens: self.input_tokens?,
            output_tokens: self.output_tokens.unwrap_or(0),
            cached_tokens: input.cached_tokens.unwrap_or(0),
            cache_write_tokens: 0,
            reasoning_tokens: output.reasoning_tokens.unwrap_or(0),
            input_audio_tokens: input.audio_tokens.unwrap_or(0),
            output_audio_tokens: output.audio_tokens.unwrap_or(0),
            accepted_prediction_tokens: output.accepted_prediction_tokens.unwrap_or(0),
            rejected_prediction_tokens: output.rejected_prediction_tokens.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(data: &'static str, hides_usage: bool) -> (Option<String>, Vec<Event>, bool) {
        let Told { frame, events, is_last } = listen(Frame::data(data), hides_usage).unwrap_or_else(|_| panic!("{data}"));
        (frame.map(|frame| String::from_utf8(frame.data.to_vec()).unwrap()), events, is_last)
    }

    #[test]
    fn usage_is_heard_and_hidden_from_who_did_not_ask() {
        const USAGE: &str =
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}"#;
        let used = Event::Usage(Usage { input_tokens: 3, output_tokens: 2, cached_tokens: 1, ..Usage::default() });
        let text = Event::Text { choice: 0, text: "a".to_owned() };
        const CHUNK: &str = r#"{"choices":[{"text":"a","finish_reason":null}],"usage":null,"x":1.0}"#;
        assert_eq!(told(CHUNK, false), (Some(CHUNK.to_owned()), vec![text.clone()], false));
        assert_eq!(told(CHUNK, true), (Some(CHUNK.replace("\"usage\":null,", "")), vec![text], false));
        assert_eq!(told(USAGE, false), (Some(USAGE.to_owned()), vec![used.clone()], false));
        assert_eq!(told(USAGE, true), (None, vec![used], false));
        assert_eq!(told("[DONE]", true), (Some("[DONE]".to_owned()), vec![], true));
        assert!(told(r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#, true).2);
        assert_eq!(told("who knows", true), (Some("who knows".to_owned()), vec![], false));
        assert_eq!(listen(Frame::data(r#"{"error":{"message":"oh"}}"#), true).map(|_| ()).unwrap_err().message, "oh");
    }

    #[test]
    fn a_whole_answer_tells_its_usage_when_it_has_any() {
        for (body, tokens) in [
            (r#"{"data":[],"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12}}"#, Some((5, 7))),
            (r#"{"text":"hi","usage":{"type":"duration","seconds":4}}"#, None),
            (r#"{"results":[]}"#, None),
        ] {
            let mut ear = Ear::of(Some("application/json; charset=utf-8"));
            ear.hear(&Bytes::from(body));
            assert_eq!(ear.usage().map(|usage| (usage.input_tokens, usage.output_tokens)), tokens, "{body}");
        }
        let mut ear = Ear::of(Some("audio/mpeg"));
        ear.hear(&Bytes::from_static(b"{\"usage\":{\"input_tokens\":5}}"));
        assert_eq!(ear.usage(), None);
    }
}
