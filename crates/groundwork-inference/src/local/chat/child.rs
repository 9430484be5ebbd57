//! The child that runs a chat model: it has the model's memory and its one core, and takes nothing else with it when it goes.

use super::decoder::Decoder;
use super::generate::{Asked, generate};
use super::gguf::Unusable;
use super::mark::Marker;
use super::prepare::{self, Source};
use super::protocol::{Ask, Request, Response, Task};
use super::sampler::Sampling;
use super::template::{Message, Template};
use super::vocabulary::Tokens;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};

/// The program's first argument when it is to be such a child.
pub const CHILD_ARGUMENT: &str = "chat-child";

/// Requests that may wait between the thread that reads and the one that answers; the program sends one at a time.
const WAITING: usize = 4;

/// The child's whole life: until its input ends.
pub fn child_main() -> ExitCode {
    match serve(io::BufReader::new(io::stdin()), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_closed) => ExitCode::FAILURE,
    }
}

/// Answers what stands on the lines of `input`. A request is read while another is answered, so that it can be cancelled.
pub(super) fn serve(input: impl BufRead + Send + 'static, mut output: impl Write) -> io::Result<()> {
    // Answers up to this number are not wanted any more.
    let cancelled = Arc::new(AtomicU64::new(0));
    let (send, requests) = mpsc::sync_channel(WAITING);
    let cancel = cancelled.clone();
    std::thread::Builder::new().name("requests".to_owned()).spawn(move || {
        for line in input.lines() {
            let Some(request) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
            match request {
                Request::Cancel(number) => cancel.store(number, Ordering::Relaxed),
                request => {
                    if send.send(request).is_err() {
                        break;
                    }
                }
            }
        }
        // Nobody is there any more.
        cancel.store(u64::MAX, Ordering::Relaxed);
    })?;
    answer_all(&requests, &cancelled, &mut output)
}

fn answer_all(requests: &Receiver<Request>, cancelled: &AtomicU64, output: &mut impl Write) -> io::Result<()> {
    let mut model = Err(Unusable("no model was opened".to_owned()));
    while let Ok(request) = requests.recv() {
        match request {
            Request::Open { source, window } => model = Model::open(&source, window),
            Request::Cancel(_) => {}
            Request::Do(number, task) => {
                let wanted = || cancelled.load(Ordering::Relaxed) < number;
                let mut say = |response: &Response| write(output, response);
                let last = match &model {
                    Ok(model) => model.perform(&task, &wanted, &mut say)?,
                    Err(unusable) => Response::Failed(unusable.to_string()),
                };
                say(&last)?;
            }
        }
    }
    Ok(())
}

fn write(output: &mut impl Write, response: &Response) -> io::Result<()> {
    serde_json::to_writer(&mut *output, response)?;
    output.write_all(b"\n")?;
    output.flush()
}

struct Model {
    decoder: Decoder,
    tokens: Tokens,
    template: Template,
    window: usize,
}

impl Model {
    fn open(source: &Source, window: usize) -> Result<Self, Unusable> {
        let mut gguf = prepare::open(source)?;
        let tokens = Tokens::read(&gguf)?;
        let own = gguf.text("tokenizer.chat_template");
        let template = Template::new(own, tokens.has("<|im_start|>"), (tokens.begin(), tokens.end()))?;
        let decoder = Decoder::read(&mut gguf, window)?;
        if decoder.vocabulary() < tokens.size() {
            return Err(Unusable(format!("it has numbers for {} tokens of {}", decoder.vocabulary(), tokens.size())));
        }
        Ok(Self { window: decoder.window(), decoder, tokens, template })
    }

    fn perform(&self, task: &Task, wanted: &impl Fn() -> bool, say: &mut impl FnMut(&Response) -> io::Result<()>) -> io::Result<Response> {
        match task {
            Task::Answer(ask) => self.answer(ask, wanted, say),
            Task::Mark { question, quote } => {
                let marker = Marker { decoder: &self.decoder, tokens: &self.tokens, template: &self.template };
                let marked = marker.mark(question, quote, wanted);
                Ok(marked.map_or_else(
                    |unusable| Response::Failed(unusable.to_string()),
                    |marked| Response::Marked(marked.map(|marked| marked.at)),
                ))
            }
        }
    }

    /// Tells the answer, and gives the last word on it.
    fn answer(&self, ask: &Ask, wanted: &impl Fn() -> bool, say: &mut impl FnMut(&Response) -> io::Result<()>) -> io::Result<Response> {
        let prompt = match self.prompt(ask) {
            Ok(prompt) => prompt,
            Err(unusable) => return Ok(Response::Refused(unusable.to_string())),
        };
        let tokens = prompt.len() + ask.most.unwrap_or(1);
        if tokens > self.window {
            return Ok(Response::TooLong { tokens, window: self.window });
        }
        let most = ask.most.unwrap_or(self.window - prompt.len());
        let sampling = Sampling { temperature: ask.temperature, top_p: ask.top_p, seed: ask.seed };
        let input_tokens = prompt.len();
        let asked = Asked { prompt, stops: ask.stops.clone(), most, sampling };
        say(&Response::Begun { input_tokens })?;
        let mut closed = None;
        let ended = generate(&self.decoder, &self.tokens, &asked, |text| {
            if let Some(text) = text
                && let Err(error) = say(&Response::Text(text))
            {
                closed = Some(error);
            }
            closed.is_none() && wanted()
        });
        match (closed, ended) {
            (Some(error), _) => Err(error),
            (None, Ok((end, output_tokens))) => Ok(Response::Ended { end, output_tokens }),
            (None, Err(unusable)) => Ok(Response::Failed(unusable.to_string())),
        }
    }

    fn prompt(&self, ask: &Ask) -> Result<Vec<u32>, Unusable> {
        let harmless = |message: &Message| Message { role: message.role.clone(), content: self.tokens.harmless(&message.content) };
        let messages: Vec<Message> = ask.messages.iter().map(harmless).collect();
        self.tokens.of(&self.template.prompt(&messages)?)
    }
}
