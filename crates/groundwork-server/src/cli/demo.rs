//! `groundwork demo`: the main job on a folder. Fetches the embedding model, reads the documents, answers questions from them with their
//! sources; on a terminal the server then stays, without one the command ends.

use super::backend::Backend;
use super::ingest::{self, Job};
use super::session::Session;
use super::{ask, eval, models, output};
use crate::config::{TargetConfig, discover};
use crate::exit::{Exit, Failure};
use crate::http::{self, BindError};
use crate::lifecycle::Signals;
use anyhow::Context;
use groundwork_app::settings::Role;
use groundwork_inference::target;
use serde::Deserialize;
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

    let model = &session.config.embedding.model;
    output::line(&format!("== Embedding model: {model}"))?;
    let place = models::pull(session, &session.library()?, model, &mut signals).await?;
    output::line(&format!("{model} is in {}", place.display()))?;

    let folder = session.config.data_dir.join("demo");
    let documents = eval::documents_of(&dataset);
    let targets = match &args.chat {
        Some(model) => vec![on_this_machine(session, model, &mut signals).await?],
        None => who_answers(session)?,
    };
    let app = session.open_when_free(&folder, Role::Owner, targets).await?;
    let stays = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if stays {
        session.config.server.check(false).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    }
    let tcp = if stays { Some(listen(session.config.server.listen).await?) } else { None };
    let address = tcp.as_ref().map(TcpListener::local_addr).transpose()?;
    let backend = Backend::owner(session, app, &folder, tcp)?;
    let worked = tokio::select! {
        worked = read_and_ask(session, &backend, documents, &questions) => worked,
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

async fn read_and_ask(session: &Session, backend: &Backend<'_>, documents: PathBuf, questions: &[String]) -> anyhow::Result<()> {
    output::line(&format!("\n== Reading {}", documents.display()))?;
    let job = Job { knowledge_base: eval::KNOWLEDGE_BASE.parse()?, paths: vec![documents], keep_vanished: false };
    let summary = ingest::ingest(session, backend, job, |line| line.show(false)).await?;
    output::line(&summary.to_string())?;
    for question in questions {
        output::line(&format!("\n== {question}\n"))?;
        let answer = ask::ask(backend, ask::ASSISTANT, question, true).await?;
        ask::show_sources(&answer)?;
    }
    Ok(())
}

/// A chat model of the catalogue, fetched where it is missing.
async fn on_this_machine(session: &Session, model: &str, signals: &mut Signals) -> anyhow::Result<target::Settings> {
    let library = session.library()?;
    let target = TargetConfig::local(model).resolve(&session.environment, &library);
    let target = target.map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    output::line(&format!("\n== Who answers: {model}, on this machine"))?;
    models::pull(session, &library, model, signals).await?;
    Ok(target)
}

/// The targets of the settings, else the one that the environment names, else quotes; and says which.
fn who_answers(session: &Session) -> anyhow::Result<Vec<target::Settings>> {
    let found = if session.config.targets.is_empty() { discover(&session.environment) } else { Ok(None) };
    let found = found.map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    output::line("\n== Who answers")?;
    let Some((target, variable)) = found else {
        let targets = session.targets()?;
        if session.config.targets.is_empty() {
            output::line("No chat model is set up, so the answer is the best sentences of the documents, quoted word for word. Set")?;
            output::line(
                "AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY and AZURE_OPENAI_DEPLOYMENT, or OPENAI_API_KEY, to have a model write it.",
            )?;
        } else {
            let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            output::line(&format!("The targets of the settings: {}", names.join(", ")))?;
        }
        return Ok(targets);
    };
    let (who, place) = match &target.kind {
        target::Kind::AzureOpenAi(azure) => ("Azure OpenAI", azure.endpoint.as_str()),
        target::Kind::OpenAi { base_url, .. } => ("the OpenAI API", base_url.as_str()),
        target::Kind::Anthropic { base_url, .. } => ("Anthropic's API", base_url.as_str()),
        target::Kind::Fake(_) | target::Kind::Extractive | target::Kind::Local(_) => ("this program", "no network"),
    };
    output::line(&format!("{who} at {place}, found by {variable} in the environment; passages of the documents are sent there."))?;
    Ok(vec![target])
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
