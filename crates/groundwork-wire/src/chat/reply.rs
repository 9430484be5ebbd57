//! Our own answers: a response, or the chunks of a stream.

use crate::chat::{Annotation, Context, Usage};
use bytes::Bytes;
use serde::Serialize;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Reply<'a> {
    pub id: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    pub model: &'a str,
    pub content: &'a str,
    pub annotations: &'a [Annotation],
    pub context: Option<&'a Context>,
    pub finish_reason: &'a str,
    pub usage: Usage,
}

impl Reply<'_> {
    pub fn to_bytes(&self) -> Bytes {
        let message = Message {
            role: Some("assistant"),
            content: Some(self.content),
            refusal: Some(None),
            annotations: self.annotations,
            context: self.context,
        };
        let choice = Choice { index: 0, message: Some(message), delta: None, logprobs: None, finish_reason: Some(self.finish_reason) };
        let body = Body {
            id: self.id,
            object: "chat.completion",
            created: self.created,
            model: self.model,
            choices: &[choice],
            usage: Some(Some(&self.usage)),
        };
        serde_json::to_vec(&body).unwrap_or_default().into()
    }
}

/// Makes the chunks of one streamed answer; each is the JSON of a frame's data (`sse::encode(None, …)`).
#[derive(Debug, Clone)]
pub struct Stream {
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    /// Whether the client asked for usage: then every chunk has `usage`, null but for the last.
    pub include_usage: bool,
}

impl Stream {
    /// The first chunk: the role.
    pub fn role(&self) -> String {
        self.delta(Message { role: Some("assistant"), content: Some(""), refusal: Some(None), ..Message::default() }, None)
    }

    pub fn text(&self, delta: &str) -> String {
        self.delta(Message { content: Some(delta), ..Message::default() }, None)
    }

    /// Annotations and Azure's context, before the finish.
    pub fn citations(&self, annotations: &[Annotation], context: Option<&Context>) -> String {
        self.delta(Message { annotations, context, ..Message::default() }, None)
    }

    pub fn finish(&self, reason: &str) -> String {
        self.delta(Message::default(), Some(reason))
    }

    /// The last chunk, without choices; `None` when the client did not ask for it.
    pub fn usage(&self, usage: &Usage) -> Option<String> {
        self.include_usage.then(|| self.chunk(&[], Some(Some(usage))))
    }

    fn delta(&self, delta: Message<'_>, finish_reason: Option<&str>) -> String {
        let choice = Choice { index: 0, message: None, delta: Some(delta), logprobs: None, finish_reason };
        self.chunk(&[choice], self.include_usage.then_some(None))
    }

    fn chunk(&self, choices: &[Choice<'_>], usage: Option<Option<&Usage>>) -> String {
        let Self { id, created, model, include_usage: _ } = self;
        let body = Body { id, object: "chat.completion.chunk", created: *created, model, choices, usage };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// Fields that are `Option<Option<_>>` tell an absent field from a null.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a Usage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    annotations: &'a [Annotation],
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a Context>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Chunk, Citation, Response, UrlCitation};

    fn stream(include_usage: bool) -> Stream {
        Stream { id: "chatcmpl-1".to_owned(), created: 5, model: "m".to_owned(), include_usage }
    }

    fn annotation() -> Annotation {
        Annotation {
            kind: "url_citation".to_owned(),
            url_citation: Some(UrlCitation { start_index: 4, end_index: 7, title: "a.pdf".to_owned(), url: "/d/1#page=2".to_owned() }),
            citation: Some(Citation {
                id: 1,
                document: "doc_1".to_owned(),
                name: "a.pdf".to_owned(),
                version: 3,
                pages: Some((2, 2)),
                unit: "page".to_owned(),
                sheet: None,
                section: vec!["Leave".to_owned()],
                span: (10, 20),
                text: "t".to_owned(),
                supported: Some(true),
                reason: Some("quoted".to_owned()),
                confidence: Some(0.5),
            }),
        }
    }

    #[test]
    fn chunks_are_those_of_openai() {
        let head = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m","choices":["#;
        let plain = stream(false);
        assert_eq!(
            plain.role(),
            format!(
                r#"{head}{{"index":0,"delta":{{"role":"assistant","content":"","refusal":null}},"logprobs":null,"finish_reason":null}}]}}"#
            )
        );
        assert_eq!(
            plain.text("a\n"),
            format!(r#"{head}{{"index":0,"delta":{{"content":"a\n"}},"logprobs":null,"finish_reason":null}}]}}"#)
        );
        assert_eq!(plain.finish("stop"), format!(r#"{head}{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"stop"}}]}}"#));
        assert_eq!(plain.usage(&Usage::default()), None);
    }

    #[test]
    fn usage_is_null_in_every_chunk_but_the_last_for_the_client_that_asked() {
        let asked = stream(true);
        assert!(asked.text("a").ends_with(r#""usage":null}"#));
        let usage = Usage { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, cached_tokens: 1, ..Usage::default() };
        let last = asked.usage(&usage).unwrap();
        assert!(last.contains(r#""choices":[]"#));
        assert_eq!(Chunk::parse(last).unwrap().usage, Some(usage));
    }

    #[test]
    fn what_we_answer_can_be_read_back() {
        let context =
            Context { citations: vec![crate::chat::ContextCitation { content: "t".to_owned(), ..Default::default() }], intent: None };
        let annotations = [annotation()];
        let reply = Reply {
            id: "x",
            created: 1,
            model: "m",
            content: "Yes [1]",
            annotations: &annotations,
            context: Some(&context),
            finish_reason: "stop",
            usage: Usage::default(),
        };
        let read = Response::parse(reply.to_bytes()).unwrap();
        assert_eq!(read.choices[0].content.as_deref(), Some("Yes [1]"));
        assert_eq!(read.choices[0].annotations, annotations);
        assert_eq!(read.choices[0].context.as_ref(), Some(&context));

        let chunk = Chunk::parse(stream(false).citations(&annotations, Some(&context))).unwrap();
        let delta = chunk.choices[0].delta.clone().unwrap();
        assert_eq!((delta.content, delta.annotations.as_slice(), delta.context.as_ref()), (None, annotations.as_slice(), Some(&context)));
    }
}
