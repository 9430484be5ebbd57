//! An answer put together from its events.

use super::{Event, FinishReason, Part, Reasoning, ToolCall, Usage};
use groundwork_wire::raw::Raw;

/// A whole answer. However its events were cut, the answer is the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    pub id: Option<String>,
    pub model: Option<String>,
    pub created: Option<u64>,
    /// By index.
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
    pub tier: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    pub index: u32,
    /// In the order in which they began.
    pub parts: Vec<Part>,
    /// Annotations, in the shape of chat completions.
    pub annotations: Vec<Raw>,
    pub logprobs: Vec<Raw>,
    pub finish: Option<FinishReason>,
    /// What was said is taken back.
    pub retracted: bool,
    /// Where in `parts` the thoughts and the tool calls are, by their `at`.
    places: Vec<(Kind, u32, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reasoning,
    ToolCall,
}

impl FromIterator<Event> for Answer {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut answer = Self::default();
        events.into_iter().for_each(|event| answer.take(event));
        answer
    }
}

impl Answer {
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Start { id, model, created } => {
                self.id = self.id.take().or(id);
                self.model = self.model.take().or(model);
                self.created = self.created.or(created);
            }
            Event::Text { choice, text } => self.choice(choice).say(text),
            Event::Refusal { choice, text } => self.choice(choice).refuse(text),
            Event::Reasoning { choice, at, text } => self.choice(choice).think(at, |thought| thought.text.push_str(&text)),
            Event::ReasoningSummary { choice, at, part, text } => self.choice(choice).think(at, |thought| {
                // Paragraphs come in order.
                match thought.summary.get_mut(part as usize) {
                    Some(paragraph) => paragraph.push_str(&text),
                    None => thought.summary.push(text),
                }
            }),
            Event::ReasoningEnd { choice, at, id, signature, redacted } => self.choice(choice).think(at, |thought| {
                thought.id = thought.id.take().or(id);
                thought.signature = signature.or(thought.signature.take());
                thought.redacted |= redacted;
            }),
            Event::ToolCall { choice, at, id, name, kind } => {
                let call = ToolCall { id, name, arguments: String::new(), kind };
                let choice = self.choice(choice);
                if choice.place(Kind::ToolCall, at).is_none() {
                    choice.begin(Kind::ToolCall, at, Part::ToolCall(call));
                }
            }
            Event::ToolArguments { choice, at, fragment } => {
                let choice = self.choice(choice);
                if let Some(place) = choice.place(Kind::ToolCall, at)
                    && let Some(Part::ToolCall(call)) = choice.parts.get_mut(place)
                {
                    call.arguments.push_str(&fragment);
                }
            }
            Event::Annotations { choice, raw } => self.choice(choice).annotations.extend(raw.to::<Vec<Raw>>().unwrap_or_default()),
            Event::Logprobs { choice, raw } => self.choice(choice).logprobs.push(raw),
            Event::Retracted { choice } => self.choice(choice).retracted = true,
            Event::Finish { choice, reason } => self.choice(choice).finish = Some(reason),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Prompted(_) => {}
            Event::Tier(tier) => self.tier = Some(tier),
        }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = match self.choices.binary_search_by_key(&index, |choice| choice.index) {
            Ok(at) => at,
            Err(at) => {
                self.choices.insert(at, Choice { index, ..Choice::default() });
                at
            }
        };
        &mut self.choices[at]
    }
}

impl Choice {
    /// All of its text.
    pub fn text(&self) -> Option<String> {
        self.joined(|part| if let Part::Text(text) = part { Some(text) } else { None })
    }

    pub fn refusal(&self) -> Option<String> {
        self.joined(|part| if let Part::Refusal(text) = part { Some(text) } else { None })
    }

    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None })
    }

    pub fn thoughts(&self) -> impl Iterator<Item = &Reasoning> {
        self.parts.iter().filter_map(|part| if let Part::Reasoning(thought) = part { Some(thought) } else { None })
    }

    fn joined<'a>(&'a self, text: impl Fn(&'a Part) -> Option<&'a String>) -> Option<String> {
        let mut texts = self.parts.iter().filter_map(text).peekable();
        texts.peek()?;
        Some(texts.map(String::as_str).collect())
    }

    fn say(&mut self, text: String) {
        match self.parts.last_mut() {
            Some(Part::Text(said)) => said.push_str(&text),
            _ => self.parts.push(Part::Text(text)),
        }
    }

    fn refuse(&mut self, text: String) {
        match self.parts.last_mut() {
            Some(Part::Refusal(said)) => said.push_str(&text),
            _ => self.parts.push(Part::Refusal(text)),
        }
    }

    fn think(&mut self, at: u32, edit: impl FnOnce(&mut Reasoning)) {
        let place =
            self.place(Kind::Reasoning, at).unwrap_or_else(|| self.begin(Kind::Reasoning, at, Part::Reasoning(Reasoning::default())));
        if let Some(Part::Reasoning(thought)) = self.parts.get_mut(place) {
            edit(thought);
        }
    }

    fn place(&self, kind: Kind, at: u32) -> Option<usize> {
        self.places.iter().find(|place| (place.0, place.1) == (kind, at)).map(|place| place.2)
    }

    fn begin(&mut self, kind: Kind, at: u32, part: Part) -> usize {
        self.parts.push(part);
        self.places.push((kind, at, self.parts.len() - 1));
        self.parts.len() - 1
    }
}
