//! `groundwork demo`: the main job on a folder. Fetches the embedding model, reads the documents, answers questions from them with their
//! sources; on a terminal the server then stays, without one the command ends.

use super::backend::Backend;
use super::ingest::{self, Work};
use super::session::Session;
use super::{ask, eval, models, output};
use crate::config::{TargetConfig, discover};
use crate::exit::{Exit, Failure};
use crate::http::{self, BindError};
use crate::lifecycle::Signals;
use anyhow::Context;
use groundwork_app::settings::Role;
use groundwork_core::attributes::Attributes;
use groundwork_inference::target;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// How many questions of a data set are asked.
const QUESTIONS: usize = 3;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A folder of documents, or a data set with questions.jsonl
    #[arg(default_value = "examples", value_name = "FOLDER")]
    folder: PathBuf,
    /// Ask this; may be given several times [default: some questions of the data set]
    #[arg(long, value_name = "TEXT")]
    question: Vec<String>,
    /// Have this chat model of the catalogue write the answers, on this machine (see `groundwork models list`)
    #[arg(long, value_name = "MODEL")]
    chat: Option<String>,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let dataset = args.folder.canonicalize();
    let dataset =
        dataset.map_err(|error| Failure::new(Exit::Storage, format!("{}: {error}; name a folder of documents", args.folder.display())))?;
    let questions = if args.question.is_empty() { questions_of(&dataset)? } else { args.question.clone() };
    let mut signals = Signals::listen()?;

    let show = Show { json: session.json };
    let model = &session.config.embedding.model;
    show.people(&format!("== Embedding model: {model}"))?;
    let place = models::pull(session, &session.library()?, model, &mut signals).await?;
    show.both(&format!("{model} is in {}", place.display()), &json!({ "event": "model", "name": model, "folder": place }))?;

    let folder = session.config.data_dir.join("demo");
    let documents = eval::documents_of(&dataset);
    let targets = match &args.chat {
        Some(model) => vec![on_this_machine(session, model, show)?],
        None => who_answers(session, show)?,
    };
    let app = session.open_when_free(&folder, Role::Owner, targets).await?;
    if let Some(model) = &args.chat {
        models::pull(session, &session.library()?, model, &mut signals).await?;
    }
    let stays = !session.json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if stays {
        session.config.server.check(false).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    }
    let tcp = if stays { Some(listen(session.config.server.listen).await?) } else { None };
    let address = tcp.as_ref().map(TcpListener::local_addr).transpose()?;
    let backend = Backend::owner(session, app, &folder, tcp)?;
    let worked = tokio::select! {
        worked = read_and_ask(&backend, documents, &questions, (session, show)) => worked,
        _ = signals.next() => Err(Failure::new(Exit::Interrupted, "stopped; the next run goes on where this one ended").into()),
    };
    if let (Ok(()), Some(address)) = (&worked, address) {
        let model = ask::ASSISTANT;
        output::line(&format!(
            "\nThe server runs at http://{address} until Ctrl-C. Any OpenAI client can ask it: base URL http://{address}/v1, model {model}."
        ))?;
        signals.next().await;
    }
    let exit = tokio::select! {
        () = backend.close() => Exit::Done,
        _ = signals.next() => Exit::Interrupted,
    };
    worked.map(|()| exit)
}

/// How the steps are told: in sentences for people, or in one object a line for programs.
#[derive(Clone, Copy)]
struct Show {
    json: bool,
}

impl Show {
    fn people(self, text: &str) -> std::io::Result<()> {
        if self.json { Ok(()) } else { output::line(text) }
    }

    fn both(self, text: &str, event: &serde_json::Value) -> std::io::Result<()> {
        if self.json { output::json(event) } else { output::line(text) }
    }
}

async fn read_and_ask(
    backend: &Backend<'_>,
    documents: PathBuf,
    questions: &[String],
    (session, show): (&Session, Show),
) -> anyhow::Result<()> {
    show.people(&format!("\n== Reading {}", documents.display()))?;
    let work =
        Work { knowledge_base: eval::KNOWLEDGE_BASE.parse()?, paths: vec![documents], keep_vanished: false, attributes: Attributes::new() };
    let summary = ingest::ingest(session, backend, work, |line| line.show(show.json)).await?;
    show.both(&summary.to_string(), &json!({ "summary": summary }))?;
    for question in questions {
        show.people(&format!("\n== {question}\n"))?;
        let answer = ask::ask(backend, ask::ASSISTANT, question, !show.json).await?;
        if show.json {
            output::json(&answer.to_json(ask::ASSISTANT, question))?;
        } else {
            ask::show_sources(&answer)?;
        }
    }
    Ok(())
}

/// A chat model that runs on this machine. Its file is not needed yet.
fn on_this_machine(session: &Session, model: &str, show: Show) -> anyhow::Result<target::Settings> {
    let target = TargetConfig::local(model).resolve(&session.environment, &session.library()?);
    let target = target.map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let text = format!("{model}, on this machine");
    show.people("\n== Who answers")?;
    show.both(&text, &json!({ "event": "targets", "names": [&target.name], "message": text }))?;
    Ok(target)
}

/// The targets of the settings, else the one that the environment names, else quotes; and says which.
fn who_answers(session: &Session, show: Show) -> anyhow::Result<Vec<target::Settings>> {
    let found = if session.config.targets.is_empty() { discover(&session.environment) } else { Ok(None) };
    let found = found.map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let (targets, text) = match found {
        Some((target, variable)) => {
            let text = format!("{}, found by {variable} in the environment; passages of the documents are sent there.", place_of(&target));
            (vec![target], text)
        }
        None if session.config.targets.is_empty() => (session.targets()?, NOBODY.to_owned()),
        None => {
            let targets = session.targets()?;
            let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            let text = format!("The targets of the settings: {}", names.join(", "));
            (targets, text)
        }
    };
    show.people("\n== Who answers")?;
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    show.both(&text, &json!({ "event": "targets", "names": names, "message": text }))?;
    Ok(targets)
}

const NOBODY: &str = "No chat model is set up, so the answer is the best sentences of the documents, quoted word for word. Set
AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY and AZURE_OPENAI_DEPLOYMENT, or OPENAI_API_KEY, to have a model write it.";

fn place_of(target: &target::Settings) -> String {
    let (who, place) = match &target.kind {
        target::Kind::AzureOpenAi(azure) => ("Azure OpenAI", azure.endpoint.as_str()),
        target::Kind::OpenAi { base_url, .. } => ("the OpenAI API", base_url.as_str()),
        target::Kind::Anthropic { base_url, .. } => ("Anthropic's API", base_url.as_str()),
        target::Kind::Fake(_) | target::Kind::Extractive { .. } | target::Kind::Local(_) => ("this program", "no network"),
    };
    format!("{who} at {place}")
}

/// Some answerable questions of a data set, of different kinds.
fn questions_of(dataset: &Path) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Question {
        question: String,
        #[serde(default)]
        answerable: bool,
        #[serde(default)]
        kind: String,
    }
    let path = dataset.join("questions.jsonl");
    let text = std::fs::read_to_string(&path)
        .map_err(|_| Failure::new(Exit::Usage, format!("{} has no questions.jsonl; ask with --question", dataset.display())))?;
    let (mut questions, mut kinds) = (Vec::new(), BTreeSet::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let asked: Question = serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))?;
        if questions.len() < QUESTIONS && asked.answerable && kinds.insert(asked.kind) {
            questions.push(asked.question);
        }
    }
    Ok(questions)
}

/// The address of the settings, else any free port: a demonstration need not fail because something else runs.
async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = match http::bind(address).await {
        Err(BindError::Taken { .. }) => http::bind(SocketAddr::new(address.ip(), 0)).await,
        bound => bound,
    };
    Ok(bound.map_err(|error| Failure::new(Exit::AddressInUse, error.to_string()))?)
}
