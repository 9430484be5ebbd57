//! One confined child process a file: the parser of a hostile file can neither see nor change anything, and dies alone.

use super::{Extraction, Limits, ReadError};
use bytes::Bytes;
use std::process::ExitCode;
use std::time::Duration;

/// The hidden first argument of the binary. `main` calls [`child_main`] before anything else when it finds it.
pub const CHILD_ARGUMENT: &str = "--groundwork-extract-child";

/// What a child may use, and how many run at once.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    pub limits: Limits,
    pub memory_bytes: u64,
    pub cpu_seconds: u64,
    pub wall_time: Duration,
    /// Children at once; further files wait their turn.
    pub children: usize,
    /// The program that is started as the child; `/proc/self/exe` unless a test says otherwise.
    pub program: std::path::PathBuf,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            memory_bytes: 512 * 1024 * 1024,
            cpu_seconds: 5,
            wall_time: Duration::from_secs(20),
            children: 2,
            program: "/proc/self/exe".into(),
        }
    }
}

/// Reads files, each in a confined child process.
#[derive(Debug, Clone)]
pub struct Extractor {
    settings: std::sync::Arc<SandboxSettings>,
}

impl Extractor {
    pub fn new(settings: SandboxSettings) -> Self {
        Self {
            settings: std::sync::Arc::new(settings),
        }
    }

    /// Reads one file. `name` decides only among types that look alike (text, Markdown, CSV).
    #[expect(clippy::unused_async, reason = "the child process lands next")]
    pub async fn extract(&self, _bytes: Bytes, _name: &str) -> Result<Extraction, ReadError> {
        Err(ReadError::Unsupported(format!(
            "no parser yet, {} children",
            self.settings.children
        )))
    }
}

/// The child's whole life: confine itself, read the file from standard input, write the result to standard output.
pub fn child_main() -> ExitCode {
    ExitCode::FAILURE
}
