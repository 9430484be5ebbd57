//! The child's side: one request in, one answer out, nothing kept. A panic of a parser becomes an answer like any other.

use super::confine::{Confinement, Missing, confine};
use crate::extract::{Bitmap, Limits, Parsed, ReadError, pdf, read};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::process::CommandExt;
use std::panic;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Mutex;

/// What a child may use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Means {
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: u64,
}

/// The first line on the child's standard input; the file's bytes follow it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) name: String,
    pub(super) limits: Limits,
    pub(super) means: Means,
    pub(super) task: Task,
}

/// What to do with the file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Task {
    Read,
    /// Draw the pictures of one page of a PDF.
    Draw {
        page: u32,
    },
}

/// What the child writes to its standard output before it ends.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer<T> {
    pub(super) missing: Missing,
    pub(super) outcome: Result<T, ReadError>,
}

/// The second argument of a child that becomes the recognizer of text in pictures, before a [`Recognition`] in JSON.
pub(super) const RECOGNIZE: &str = "recognize";

/// How the recognizer runs: the picture comes on standard input, what it reads goes to standard output.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recognition {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) means: Means,
}

/// What reads a file in the child.
pub type Parse = fn(&[u8], &str, &Limits) -> Result<Parsed, ReadError>;

/// The child's whole life: confine itself, read the file from standard input, write the result to standard output.
pub fn child_main() -> ExitCode {
    child_main_with(read)
}

/// The same with another parser, so that tests can send misbehaving ones.
pub fn child_main_with(parse: Parse) -> ExitCode {
    let mut arguments = std::env::args().skip(2);
    let done = match arguments.next().as_deref() {
        Some(RECOGNIZE) => recognize(&arguments.next().unwrap_or_default()),
        _ => answer_one(parse),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Becomes the recognizer; returns only when that fails.
fn recognize(recognition: &str) -> io::Result<()> {
    let Recognition { program, arguments, means } = serde_json::from_str(recognition)?;
    confine(&Confinement { means, runs: Some(&program) })?;
    // More threads than one only wait for each other.
    Err(Command::new(&program).args(arguments).env_clear().env("OMP_THREAD_LIMIT", "1").exec())
}

fn answer_one(parse: Parse) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    input.by_ref().take(64 * 1024).read_until(b'\n', &mut line)?;
    let Request { name, limits, means, task } = serde_json::from_slice(&line)?;
    let missing = confine(&Confinement { means, runs: None })?;

    let mut bytes = Vec::new();
    input.take(limits.file_bytes + 1).read_to_end(&mut bytes)?;
    match task {
        Task::Read => answer(missing, catching_panics(|| parse(&bytes, &name, &limits))),
        Task::Draw { page } => answer::<Bitmap>(missing, catching_panics(|| pdf::draw_pictures(&bytes, page, &limits))),
    }
}

fn answer<T: Serialize>(missing: Missing, outcome: Result<T, ReadError>) -> io::Result<()> {
    let mut output = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    serde_json::to_writer(&mut output, &Answer { missing, outcome })?;
    output.flush()
}

/// Where the last panic happened. Its message is dropped: it may quote the file.
static PANICKED_AT: Mutex<Option<String>> = Mutex::new(None);

fn catching_panics<T>(parse: impl FnOnce() -> Result<T, ReadError> + panic::UnwindSafe) -> Result<T, ReadError> {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| {
            let parts: Vec<&str> = at.file().rsplit('/').take(3).collect();
            format!("{}:{}", parts.into_iter().rev().collect::<Vec<_>>().join("/"), at.line())
        });
        if let Ok(mut last) = PANICKED_AT.lock() {
            *last = place;
        }
    }));
    panic::catch_unwind(parse).unwrap_or_else(|_| {
        let place = PANICKED_AT.lock().ok().and_then(|mut last| last.take());
        Err(ReadError::Crashed(place.unwrap_or_else(|| "at an unknown place".to_owned())))
    })
}
