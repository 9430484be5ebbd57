//! The pair of functions between `turn` and OpenAI's chat completions.

use super::{Event, FinishReason, Message, Role, Turn, Usage};
use groundwork_wire::chat;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use serde::Serialize;

impl Turn {
    /// What a chat request asks. What `Turn` cannot hold (images, tools, several answers, JSON as the form of the answer) is an error
    /// that names it, never dropped in silence.
    pub fn from_chat(request: &chat::Request) -> Result<Self, Invalid> {
        let unserved = |param: &str, reason: &str| Invalid::Value { param: param.to_owned(), reason: reason.to_owned() };
        if request.has_tools {
            return Err(unserved("tools", "this model cannot call tools"));
        }
        if request.n > 1 {
            return Err(unserved("n", "this model gives one answer"));
        }
        if request.wants_json {
            return Err(unserved("response_format", "this model answers in text"));
        }
        let message = |(index, message): (usize, &chat::Message)| {
            let text = message.text().ok_or_else(|| unserved(&format!("messages[{index}].content"), "this model reads text only"))?;
            Ok(Message { role: message.role.into(), text })
        };
        Ok(Self {
            messages: request.messages.iter().enumerate().map(message).collect::<Result<_, _>>()?,
            max_output_tokens: request.max_output_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            stop: request.stop.clone(),
            seed: request.seed,
        })
    }

    /// The body for a target: `model`, the messages, the parameters that are set, `stream`, and usage asked for when streaming.
    pub fn to_chat(&self, model: &str, stream: bool) -> Result<Object, serde_json::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            role: Role,
            content: &'a str,
        }
        #[derive(Serialize)]
        struct StreamOptions {
            include_usage: bool,
        }
        let Self { messages, max_output_tokens, temperature, top_p, stop, seed } = self;
        let messages: Vec<_> = messages.iter().map(|message| Wire { role: message.role, content: &message.text }).collect();
        let mut body = Object::new();
        body.set("model", model)?;
        body.set("messages", &messages)?;
        if let Some(limit) = max_output_tokens {
            body.set("max_completion_tokens", limit)?;
        }
        if let Some(temperature) = temperature {
            body.set("temperature", temperature)?;
        }
        if let Some(top_p) = top_p {
            body.set("top_p", top_p)?;
        }
        if !stop.is_empty() {
            body.set("stop", stop)?;
        }
        if let Some(seed) = seed {
            body.set("seed", seed)?;
        }
        if stream {
            body.set("stream", &true)?;
            body.set("stream_options", &StreamOptions { include_usage: true })?;
        }
        Ok(body)
    }
}

/// What a chunk of a target's stream says, of its first choice.
pub fn events(chunk: &chat::Chunk) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(choice) = chunk.choices.iter().find(|choice| choice.index == 0) {
        let delta = choice.delta.as_ref();
        // A refusal is the model's answer in words, and the client must see it.
        for text in [delta.and_then(|delta| delta.content.as_ref()), delta.and_then(|delta| delta.refusal.as_ref())] {
            events.extend(text.filter(|text| !text.is_empty()).cloned().map(Event::Text));
        }
        events.extend(choice.finish_reason.as_deref().map(|reason| Event::Finish(reason.into())));
    }
    events.extend(chunk.usage.map(|usage| Event::Usage(usage.into())));
    events
}

impl From<chat::Role> for Role {
    fn from(role: chat::Role) -> Self {
        match role {
            chat::Role::System => Self::System,
            chat::Role::Developer => Self::Developer,
            chat::Role::User => Self::User,
            chat::Role::Assistant => Self::Assistant,
            chat::Role::Tool | chat::Role::Function => Self::Tool,
        }
    }
}

impl From<chat::Usage> for Usage {
    fn from(usage: chat::Usage) -> Self {
        let chat::Usage { prompt_tokens, completion_tokens, total_tokens: _, cached_tokens, reasoning_tokens } = usage;
        Self { input_tokens: prompt_tokens, output_tokens: completion_tokens, cached_tokens, reasoning_tokens }
    }
}

impl From<Usage> for chat::Usage {
    fn from(usage: Usage) -> Self {
        let Usage { input_tokens, output_tokens, cached_tokens, reasoning_tokens } = usage;
        let total_tokens = input_tokens.saturating_add(output_tokens);
        Self { prompt_tokens: input_tokens, completion_tokens: output_tokens, total_tokens, cached_tokens, reasoning_tokens }
    }
}

impl From<&str> for FinishReason {
    fn from(reason: &str) -> Self {
        match reason {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl FinishReason {
    /// OpenAI's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(fields: &str) -> Result<Turn, Invalid> {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"developer","content":"be brief"}},{{"role":"user","content":[{{"type":"text","text":"hi"}}]}}]{fields}}}"#
        );
        Turn::from_chat(&chat::Request::parse(body)?)
    }

    #[test]
    fn a_request_goes_in_and_comes_out() {
        let turn = turn(r#","max_tokens":5,"temperature":0.5,"stop":["a"],"seed":9007199254740993"#).unwrap();
        assert_eq!(
            turn.to_chat("deployed", true).unwrap().to_bytes(),
            r#"{"model":"deployed","messages":[{"role":"developer","content":"be brief"},{"role":"user","content":"hi"}],"max_completion_tokens":5,"temperature":0.5,"stop":["a"],"seed":9007199254740993,"stream":true,"stream_options":{"include_usage":true}}"#
        );
        let again = Turn::from_chat(&chat::Request::parse(turn.to_chat("m", false).unwrap().to_bytes()).unwrap()).unwrap();
        assert_eq!(again, turn);
    }

    #[test]
    fn what_a_turn_cannot_hold_is_refused_by_name() {
        for (fields, param) in [
            (r#","tools":[{}]"#, "tools"),
            (r#","n":2"#, "n"),
            (r#","response_format":{"type":"json_schema"}"#, "response_format"),
            (r#","messages_":[]"#, ""),
        ] {
            assert_eq!(turn(fields).err().as_ref().and_then(Invalid::param).unwrap_or_default(), param);
        }
        let image = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#;
        assert_eq!(Turn::from_chat(&chat::Request::parse(image).unwrap()).unwrap_err().param(), Some("messages[0].content"));
    }

    #[test]
    fn a_chunk_tells_text_then_finish_then_usage() {
        let chunk = |data: &str| events(&chat::Chunk::parse(data.to_owned()).unwrap());
        assert_eq!(
            chunk(
                r#"{"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":"a"},"finish_reason":"eos"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#
            ),
            [
                Event::Text("a".to_owned()),
                Event::Finish(FinishReason::Other("eos".to_owned())),
                Event::Usage(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() })
            ]
        );
        assert_eq!(chunk(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#), []);
        assert_eq!(chunk(r#"{"choices":[]}"#), []);
    }
}
