//! The child's side: one request in, one answer out, nothing kept. A panic of a parser becomes an answer like any other.

use super::confine::{Missing, confine};
use crate::extract::{Limits, Parsed, ReadError, read};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::Mutex;

/// The first line on the child's standard input; the file's bytes follow it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) name: String,
    pub(super) limits: Limits,
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: u64,
}

/// What the child writes to its standard output before it ends.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) missing: Missing,
    pub(super) outcome: Result<Parsed, ReadError>,
}

/// What reads a file in the child.
pub type Parse = fn(&[u8], &str, &Limits) -> Result<Parsed, ReadError>;

/// The child's whole life: confine itself, read the file from standard input, write the result to standard output.
pub fn child_main() -> ExitCode {
    child_main_with(read)
}

/// The same with another parser, so that tests can send misbehaving ones.
pub fn child_main_with(parse: Parse) -> ExitCode {
    match answer_one(parse) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer_one(parse: Parse) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    input.by_ref().take(64 * 1024).read_until(b'\n', &mut line)?;
    let request: Request = serde_json::from_slice(&line)?;
    let missing = confine(request.memory_bytes, request.cpu_seconds)?;

    let mut bytes = Vec::new();
    input.take(request.limits.file_bytes + 1).read_to_end(&mut bytes)?;
    let outcome = catching_panics(|| parse(&bytes, &request.name, &request.limits));
    drop(bytes);
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
