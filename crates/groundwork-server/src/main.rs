//! The program `groundwork`.

use groundwork_retrieval::extract::sandbox::{CHILD_ARGUMENT, child_main};
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// The system's own keeps what bursts of large files leave behind, file after file, and takes a tenth more of a call's time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    // A child that reads one hostile file comes before everything else: no thread, no settings, no log.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == CHILD_ARGUMENT) {
        return child_main();
    }
    #[cfg(feature = "local-chat")]
    if std::env::args_os().nth(1).is_some_and(|argument| argument == groundwork_inference::local::chat::CHILD_ARGUMENT) {
        return groundwork_inference::local::chat::child_main();
    }
    groundwork_server::cli::run()
}
