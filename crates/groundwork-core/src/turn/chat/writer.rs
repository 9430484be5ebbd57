//! An answer as the chunks of a chat stream.

use super::body::{Block, Body, CallDelta, Delta, WireChoice};
use crate::turn::{Event, Frame, Heading, Reasoning, ToolKind, Usage};
use groundwork_wire::chat;

/// Writes one stream.
#[derive(Debug)]
pub struct Writer {
    heading: Heading,
    tier: Option<String>,
    usage: Option<Usage>,
    choices: Vec<Spoken>,
    ended: bool,
}

/// What was written of one choice.
#[derive(Debug, Default)]
struct Spoken {
    index: u32,
    calls: Vec<Called>,
    /// The thought that has not ended.
    thought: String,
    paragraph: Option<u32>,
}

#[derive(Debug)]
struct Called {
    at: u32,
    kind: ToolKind,
    /// Something of its arguments has come.
    argued: bool,
}

impl Writer {
    pub fn new(heading: Heading) -> Self {
        Self { heading, tier: None, usage: None, choices: Vec::new(), ended: false }
    }

    /// The frames that say an event. Usage waits for the end, where it has its place.
    pub fn write(&mut self, event: Event) -> Vec<Frame> {
        let mut frames = Vec::new();
        match event {
            Event::Start { id: _, model, created } => {
                self.heading.model = model.unwrap_or_else(|| std::mem::take(&mut self.heading.model));
                self.heading.created = created.unwrap_or(self.heading.created);
                self.begin(0, &mut frames);
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Prompted(_) => {}
            Event::Tier(tier) => self.tier = Some(tier),
            Event::Text { choice, text } => self.say(choice, &Delta { content: Some(&text), ..Delta::default() }, &mut frames),
            Event::Refusal { choice, text } => self.say(choice, &Delta { refusal: Some(Some(&text)), ..Delta::default() }, &mut frames),
            Event::Reasoning { choice, at: _, text } => self.think(choice, &text, &mut frames),
            Event::ReasoningSummary { choice, at: _, part, text } => {
                let before = self.begin(choice, &mut frames).paragraph.replace(part);
                let text = if before.is_some_and(|before| before != part) { format!("\n\n{text}") } else { text };
                self.think(choice, &text, &mut frames);
            }
            Event::ReasoningEnd { choice, at, id, signature, redacted } => {
                let spoken = self.begin(choice, &mut frames);
                let text = std::mem::take(&mut spoken.thought);
                let thought = Reasoning { id, text, summary: Vec::new(), signature, redacted };
                if let Some(block) = Block::of(&thought, Some(at)) {
                    self.say(choice, &Delta { thinking_blocks: &[block], ..Delta::default() }, &mut frames);
                }
            }
            Event::ToolCall { choice, at, id, name, kind } => {
                self.begin(choice, &mut frames).calls.push(Called { at, kind, argued: false });
                self.argue(choice, CallDelta::begin(at, &id, &name, kind), &mut frames);
            }
            Event::ToolArguments { choice, at, fragment } => {
                let called = self.begin(choice, &mut frames).calls.iter_mut().find(|call| call.at == at);
                let kind = called.map_or(ToolKind::Function, |call| {
                    call.argued = true;
                    call.kind
                });
                self.argue(choice, CallDelta::more(at, &fragment, kind), &mut frames);
            }
            Event::Annotations { choice, raw } => self.say(choice, &Delta { annotations: Some(&raw), ..Delta::default() }, &mut frames),
            Event::Logprobs { choice, raw } => {
                self.begin(choice, &mut frames);
                let delta = Some(&Delta::default());
                frames.push(self.chunk(&[WireChoice { index: choice, delta, message: None, logprobs: Some(&raw), finish_reason: None }]));
            }
            Event::Retracted { choice } => {
                self.begin(choice, &mut frames);
                let delta = Some(&Delta::default());
                let choices = [WireChoice { index: choice, delta, message: None, logprobs: None, finish_reason: None }];
                frames.push(self.frame(&choices, self.no_usage(), &[choice]));
            }
            Event::Finish { choice, reason } => {
                // Clients read the arguments as JSON, which nothing is not.
                let calls = std::mem::take(&mut self.begin(choice, &mut frames).calls);
                for Called { at, .. } in calls.into_iter().filter(|call| !call.argued && call.kind == ToolKind::Function) {
                    self.argue(choice, CallDelta::more(at, "{}", ToolKind::Function), &mut frames);
                }
                let (delta, finish_reason) = (Some(&Delta::default()), Some(reason.in_chat()));
                frames.push(self.chunk(&[WireChoice { index: choice, delta, message: None, logprobs: None, finish_reason }]));
            }
        }
        frames
    }

    /// The end of the stream: the usage, for the client that asked, and `[DONE]`. Further calls write nothing.
    pub fn finish(&mut self) -> Vec<Frame> {
        if std::mem::replace(&mut self.ended, true) {
            return Vec::new();
        }
        let mut frames = Vec::new();
        if self.heading.include_usage
            && let Some(usage) = self.usage
        {
            frames.push(self.frame(&[], Some(Some(usage.into())), &[]));
        }
        frames.push(Frame::done());
        frames
    }

    fn think(&mut self, choice: u32, text: &str, frames: &mut Vec<Frame>) {
        self.begin(choice, frames).thought.push_str(text);
        self.say(choice, &Delta { reasoning_content: Some(text), ..Delta::default() }, frames);
    }

    fn argue(&mut self, choice: u32, call: CallDelta<'_>, frames: &mut Vec<Frame>) {
        self.say(choice, &Delta { tool_calls: &[call], ..Delta::default() }, frames);
    }

    fn say(&mut self, choice: u32, delta: &Delta<'_>, frames: &mut Vec<Frame>) {
        self.begin(choice, frames);
        frames.push(self.chunk(&[WireChoice { index: choice, delta: Some(delta), message: None, logprobs: None, finish_reason: None }]));
    }

    /// Every choice begins with its role.
    fn begin(&mut self, choice: u32, frames: &mut Vec<Frame>) -> &mut Spoken {
        let at = match self.choices.iter().position(|spoken| spoken.index == choice) {
            Some(at) => at,
            None => {
                let delta = Delta { role: Some("assistant"), content: Some(""), refusal: Some(None), ..Delta::default() };
                frames.push(self.chunk(&[WireChoice {
                    index: choice,
                    delta: Some(&delta),
                    message: None,
                    logprobs: None,
                    finish_reason: None,
                }]));
                self.choices.push(Spoken { index: choice, ..Spoken::default() });
                self.choices.len() - 1
            }
        };
        &mut self.choices[at]
    }

    fn chunk(&self, choices: &[WireChoice<'_>]) -> Frame {
        self.frame(choices, self.no_usage(), &[])
    }

    /// What stands in place of the usage in every chunk but the last.
    fn no_usage(&self) -> Option<Option<chat::Usage>> {
        self.heading.include_usage.then_some(None)
    }

    fn frame(&self, choices: &[WireChoice<'_>], usage: Option<Option<chat::Usage>>, retracted: &[u32]) -> Frame {
        let Heading { id, model, created, include_usage: _ } = &self.heading;
        let tier = self.tier.as_deref();
        let body = Body { id, object: "chat.completion.chunk", created: *created, model, choices, usage, service_tier: tier, retracted };
        // Writing our own types into memory has no way to fail.
        Frame::data(serde_json::to_vec(&body).unwrap_or_default())
    }
}
