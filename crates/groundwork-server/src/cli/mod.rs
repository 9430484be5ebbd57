//! The command line: what can be said, and what it runs.

mod ask;
mod backend;
mod call;
mod check_config;
mod demo;
mod eval;
mod extract;
mod ingest;
mod models;
mod offer;
mod output;
mod progress;
mod remote;
mod search;
mod serve;
mod session;
mod sources;

use crate::exit::{Exit, Failure};
use call::Refusal;
use clap::{CommandFactory, Parser, Subcommand};
use session::Session;
use std::path::PathBuf;
use std::process::ExitCode;

/// Answers from your documents, with sources, behind the OpenAI API.
///
/// Commands talk to the running server of the data folder, or open the folder themselves when there is none.
#[derive(Parser)]
#[command(name = "groundwork", version, after_help = Exit::table(), max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args)]
struct Global {
    /// The settings file [default: groundwork.toml here, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of everything that is remembered; wins over the settings
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Talk to the server at this address instead; its key is taken from GROUNDWORK_API_KEY
    #[arg(long, global = true, value_name = "URL")]
    url: Option<url::Url>,
    /// Write JSON for programs: one object, or one a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Args),
    /// Ask a question and get an answer with its sources
    Ask(ask::Args),
    /// Read files and folders into a knowledge base; again after a change, only what changed is read
    Ingest(ingest::Args),
    /// Show what is read from files, without keeping it
    Extract(extract::Args),
    /// Find passages
    Search(search::Args),
    /// Measure quality on a labelled data set
    #[command(subcommand)]
    Eval(eval::Command),
    /// The models that run inside Groundwork
    #[command(subcommand)]
    Models(models::Command),
    /// Check the settings and the files they name, and show what is in force
    CheckConfig(check_config::Args),
    /// Read a folder, answer questions from it, and show how
    Demo(demo::Args),
    /// Show the version
    Version,
    /// Write completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Write the list of routes and their permissions, as docs/permissions.md has it
    #[command(hide = true)]
    Permissions,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_a_command(&error),
    };
    let json = cli.global.json;
    match dispatch(cli) {
        Ok(exit) => exit.into(),
        Err(error) if output::is_closed(&error) => Exit::Done.into(),
        Err(error) => {
            let (exit, code) = (exit_of(&error), error.downcast_ref::<Refusal>().and_then(|refusal| refusal.code.as_deref()));
            output::failed(&output::Failed { exit, code, message: format!("{error:#}") }, json);
            exit.into()
        }
    }
}

/// Help and version come here too, and are no errors.
fn not_a_command(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && json {
        let text = error.render().to_string();
        let message = text.trim().trim_start_matches("error: ").to_owned();
        output::failed(&output::Failed { exit: Exit::Usage, code: None, message }, json);
    } else {
        // Nobody reading is no error.
        let _ = error.print();
    }
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

fn exit_of(error: &anyhow::Error) -> Exit {
    let failed = error.downcast_ref::<Failure>().map(|failure| failure.exit);
    let refused = || error.downcast_ref::<Refusal>().map(Refusal::exit);
    failed.or_else(refused).unwrap_or(Exit::Failed)
}

fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Version => version(cli.global.json),
        Command::Completions { shell } => completions(shell),
        Command::Permissions => {
            output::text(&crate::http::permissions())?;
            Ok(Exit::Done)
        }
        Command::CheckConfig(args) if args.schema => check_config::settings_schema(),
        Command::CheckConfig(args) if args.applied_schema => check_config::applied_schema(),
        command => {
            let serves = matches!(command, Command::Serve(_));
            let session = Session::start(cli.global, serves)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let done = runtime.block_on(Box::pin(work(&session, command)));
            // What is still running was told to stop, or was cut off by a second signal.
            runtime.shutdown_background();
            done
        }
    }
}

async fn work(session: &Session, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Serve(args) => serve::run(session, args).await,
        Command::Ask(args) => ask::run(session, args).await,
        Command::Ingest(args) => ingest::run(session, args).await,
        Command::Extract(args) => extract::run(session, args).await,
        Command::Search(args) => search::run(session, args).await,
        Command::Eval(command) => eval::run(session, command).await,
        Command::Models(command) => models::run(session, command).await,
        Command::Demo(args) => demo::run(session, args).await,
        Command::CheckConfig(_) => check_config::run(session),
        Command::Version | Command::Completions { .. } | Command::Permissions => Ok(Exit::Done),
    }
}

fn version(json: bool) -> anyhow::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    if json {
        output::json(&serde_json::json!({ "version": version }))?;
    } else {
        output::line(&format!("groundwork {version}"))?;
    }
    Ok(Exit::Done)
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "groundwork", &mut script);
    output::text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
