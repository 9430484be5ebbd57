//! One round of ingest, with updates and deletes: every step is told on standard output, so that whoever reads can kill at any of them.

#[path = "../ground.rs"]
mod ground;

use ground::Ground;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// `ingest FOLDER ROUND`.
pub(crate) struct Round {
    folder: PathBuf,
    round: usize,
}

impl Round {
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        if arguments.next()? != "ingest" {
            return None;
        }
        Some(Self { folder: arguments.next()?.into(), round: arguments.next()?.parse().ok()? })
    }

    pub(crate) fn run(self) -> ExitCode {
        // A second subscriber is the only error, and there is none.
        let _ = tracing::subscriber::set_global_default(Teller);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let result = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(self.ingest()));
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tell(&format!("error: {error}"));
                ExitCode::FAILURE
            }
        }
    }

    async fn ingest(self) -> Result<(), Box<dyn std::error::Error>> {
        let ground = Ground::open(&self.folder, "/proc/self/exe".into()).await?;
        ground.ingest(self.round).await?;
        ground.close().await;
        tell("done");
        Ok(())
    }
}

fn tell(line: &str) {
    // Nobody reads any more when the one who asked was killed itself.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Tells each traced step.
struct Teller;

impl tracing::Subscriber for Teller {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("groundwork_")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = String::new();
        event.record(&mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| line.push_str(&format!("{value:?} ")));
        tell(&line);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
