//! One confined child process a file: the parser of a hostile file can neither see nor change anything, and dies alone.
//!
//! The child is this same program (`/proc/self/exe`) with [`CHILD_ARGUMENT`], an empty environment and three pipes. A child reads one
//! file and ends: what a hostile file does to it cannot touch the next one.

mod calls;
mod child;
mod confine;
mod recognize;

pub use child::{Parse, child_main, child_main_with};

use super::ocr::{self, Ocr};
use super::{Attachment, Extraction, Limits, Parsed, ReadError};
use bytes::Bytes;
use child::{Answer, Means, Request, Task};
use serde::de::DeserializeOwned;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// The hidden first argument of the binary. `main` calls [`child_main`] before anything else when it finds it.
pub const CHILD_ARGUMENT: &str = "--groundwork-extract-child";

/// What a child may use, and how many run at once.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    pub limits: Limits,
    /// Address space beyond what the program itself maps.
    pub memory_bytes: u64,
    pub cpu_seconds: u64,
    pub wall_time: Duration,
    /// Bytes a child may answer with.
    pub answer_bytes: u64,
    /// Children at once; further files wait their turn.
    pub children: usize,
    /// The program that is started as the child.
    pub program: PathBuf,
    /// What reads text in pictures.
    pub ocr: Ocr,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            limits: Limits::default(),
            memory_bytes: 512 * MIB,
            cpu_seconds: 20,
            wall_time: Duration::from_secs(30),
            answer_bytes: 128 * MIB,
            children: 2,
            program: "/proc/self/exe".into(),
            ocr: Ocr::Off,
        }
    }
}

/// Reads files, each in a confined child process.
#[derive(Debug, Clone)]
pub struct Extractor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: SandboxSettings,
    permits: Semaphore,
    said_what_is_missing: AtomicBool,
}

/// Files inside files are read to this depth (a mail in a mail in a mail), and so many of one file.
const ATTACHMENT_DEPTH: usize = 3;
const ATTACHMENTS: usize = 100;

impl Extractor {
    pub fn new(settings: SandboxSettings) -> Self {
        let permits = Semaphore::new(settings.children.max(1));
        Self(Arc::new(Inner { settings, permits, said_what_is_missing: AtomicBool::new(false) }))
    }

    /// How many files are read at once.
    pub fn children(&self) -> usize {
        self.0.settings.children.max(1)
    }

    /// Reads one file and the files inside it. `name` decides only among types that look alike (text, Markdown, CSV).
    ///
    /// Dropping the future ends the child.
    pub async fn extract(&self, bytes: Bytes, name: &str) -> Result<Extraction, ReadError> {
        let mut files_left = ATTACHMENTS;
        self.extract_with_attachments(bytes, name, 0, &mut files_left).await
    }

    /// What reads text in pictures.
    pub fn ocr(&self) -> &Ocr {
        &self.0.settings.ocr
    }

    async fn extract_with_attachments(
        &self,
        bytes: Bytes,
        name: &str,
        depth: usize,
        files_left: &mut usize,
    ) -> Result<Extraction, ReadError> {
        let mut parsed = self.extract_one(&bytes, name).await?;
        if !parsed.scanned.is_empty() {
            self.recognize(&bytes, &mut parsed).await;
        }
        drop(bytes);
        let mut attachments = Vec::with_capacity(parsed.files.len());
        for file in parsed.files {
            let outcome = if *files_left == 0 {
                Err(ReadError::TooComplex(format!("more than {ATTACHMENTS} files inside one file")))
            } else if depth >= ATTACHMENT_DEPTH {
                Err(ReadError::TooComplex(format!("files inside files deeper than {ATTACHMENT_DEPTH}")))
            } else {
                *files_left -= 1;
                Box::pin(self.extract_with_attachments(file.content.clone(), &file.name, depth + 1, files_left)).await
            };
            attachments.push(Attachment { name: file.name, content: file.content, outcome });
        }
        Ok(Extraction { document: parsed.document, words: parsed.words, attachments })
    }

    async fn extract_one(&self, bytes: &[u8], name: &str) -> Result<Parsed, ReadError> {
        let settings = &self.0.settings;
        if bytes.is_empty() {
            return Err(ReadError::Empty);
        }
        if bytes.len() as u64 > settings.limits.file_bytes {
            return Err(ReadError::TooLarge(format!("{} bytes, {} are read", bytes.len(), settings.limits.file_bytes)));
        }
        self.ask(bytes, name, Task::Read).await
    }

    /// What a child of its own answers.
    async fn ask<T: DeserializeOwned + Send + 'static>(&self, bytes: &[u8], name: &str, task: Task) -> Result<T, ReadError> {
        let settings = &self.0.settings;
        let means = Means { memory_bytes: settings.memory_bytes, cpu_seconds: settings.cpu_seconds };
        let request = Request { name: ending(name).to_owned(), limits: settings.limits, means, task };
        let mut line = serde_json::to_vec(&request).map_err(|_| crashed("the request could not be written"))?;
        line.push(b'\n');
        let run = Run { arguments: Vec::new(), input: vec![&line, bytes], means, wall_time: settings.wall_time };
        let answer = self.run(run).await?;
        self.parse(answer).await
    }

    /// All that a child says on its standard output, when it ends well.
    async fn run(&self, run: Run<'_>) -> Result<Vec<u8>, ReadError> {
        let _permit = self.0.permits.acquire().await.map_err(|_| crashed("the reader was shut down"))?;
        let mut child = self.spawn(&run.arguments)?;
        match tokio::time::timeout(run.wall_time, self.converse(&mut child, &run)).await {
            Ok(outcome) => outcome,
            // The child is killed when it is dropped.
            Err(_) => Err(ReadError::TimedOut { seconds: run.wall_time.as_secs() }),
        }
    }

    fn spawn(&self, arguments: &[String]) -> Result<Child, ReadError> {
        Command::new(&self.0.settings.program)
            .arg(CHILD_ARGUMENT)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| crashed(&format!("the reading process could not be started: {}", error.kind())))
    }

    async fn converse(&self, child: &mut Child, run: &Run<'_>) -> Result<Vec<u8>, ReadError> {
        let most = self.0.settings.answer_bytes;
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(crashed("the reading process has no pipes"));
        };
        let send = async move {
            for part in &run.input {
                // A child that ends early closes its end; what it says, or how it ended, tells why.
                let _ = stdin.write_all(part).await;
            }
        };
        let ((), answer, complaint) = tokio::join!(send, read_capped(stdout, most), read_capped(stderr, 4096));
        let Some(answer) = answer else {
            return Err(ReadError::TooLarge(format!("its text takes more than {most} bytes")));
        };
        let status = child.wait().await.map_err(|_| crashed("the reading process was lost"))?;
        if !status.success() {
            return Err(cause_of_death(status, &complaint.unwrap_or_default(), run.means));
        }
        Ok(answer)
    }

    /// The answer can be large, so that it is parsed away from the executor.
    async fn parse<T: DeserializeOwned + Send + 'static>(&self, answer: Vec<u8>) -> Result<T, ReadError> {
        let parsed = tokio::task::spawn_blocking(move || serde_json::from_slice::<Answer<T>>(&answer));
        let Ok(Ok(answer)) = parsed.await else {
            return Err(crashed("its answer could not be understood"));
        };
        let missing = answer.missing;
        if (missing.landlock || missing.seccomp) && !self.0.said_what_is_missing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                landlock = !missing.landlock,
                seccomp = !missing.seccomp,
                "this kernel lacks a part of the confinement for reading files; resource limits and the separate process remain"
            );
        }
        answer.outcome
    }
}

/// One child's life, from outside.
struct Run<'a> {
    /// After [`CHILD_ARGUMENT`].
    arguments: Vec<String>,
    /// What it reads from its standard input, one after the other.
    input: Vec<&'a [u8]>,
    means: Means,
    wall_time: Duration,
}

fn cause_of_death(status: ExitStatus, complaint: &[u8], means: Means) -> ReadError {
    let complaint = String::from_utf8_lossy(complaint);
    match status.signal() {
        Some(libc::SIGXCPU) => ReadError::TimedOut { seconds: means.cpu_seconds },
        // Nobody but the kernel's memory watch kills a child that is still waited for.
        Some(libc::SIGKILL) => ReadError::OutOfMemory { mebibytes: means.memory_bytes >> 20 },
        _ if complaint.contains("memory allocation of") => ReadError::OutOfMemory { mebibytes: means.memory_bytes >> 20 },
        _ if complaint.contains("overflowed its stack") => ReadError::TooComplex("its parts are nested too deep".to_owned()),
        Some(signal) => crashed(&format!("ended by signal {signal}")),
        None => crashed(&format!("ended with code {}", status.code().unwrap_or(-1))),
    }
}

/// The end of a name, which is all that a parser looks at.
fn ending(name: &str) -> &str {
    &name[name.ceil_char_boundary(name.len().saturating_sub(255))..]
}

fn crashed(why: &str) -> ReadError {
    ReadError::Crashed(why.to_owned())
}

/// All that `from` has to say, or `None` when that is more than `cap` bytes.
async fn read_capped(from: impl AsyncRead + Unpin, cap: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // What was said before an error is kept.
    let _ = from.take(cap + 1).read_to_end(&mut bytes).await;
    (bytes.len() as u64 <= cap).then_some(bytes)
}
