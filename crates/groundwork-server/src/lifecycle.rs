//! The life of a process that serves: started, told to stop, drained, gone.

use crate::exit::Exit;
use crate::http::Serving;
use groundwork_app::App;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long connections may take to close once everything has been answered.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// SIGTERM and SIGINT, listened for from the moment this is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Ends in order: no new work, running answers within `grace`, then everything that must be written. A second signal ends at once.
pub(crate) async fn drain(app: &App, serving: Serving, signals: &mut Signals, grace: Duration) -> Exit {
    serving.finish();
    let drained = async {
        let clean = app.shutdown(grace).await;
        serving.ended(LAST_WORDS).await;
        clean
    };
    tokio::select! {
        clean = drained => {
            if !clean {
                tracing::warn!("stopped; some answers did not end within {} seconds and were cut off", grace.as_secs());
            }
            Exit::Done
        }
        signal = signals.next() => {
            tracing::warn!(signal, "stopped at once by a second signal");
            Exit::Interrupted
        }
    }
}
