//! The only place that writes to standard output and standard error. A reader that has gone away (`groundwork … | head`) ends the
//! command quietly.

use crate::exit::Exit;
use serde::Serialize;
use std::io::{self, Write};

/// Writes one line.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes text as it is, at once.
pub(super) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes one object as one line.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&bytes)?;
    out.flush()
}

/// Tells the person what is going on, beside the output. Nobody listening is no error.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// How a command failed.
pub(super) struct Failed<'a> {
    pub(super) exit: Exit,
    /// The code of the API's error, when that is what it was.
    pub(super) code: Option<&'a str>,
    pub(super) message: String,
}

/// The one message a command that failed ends with.
pub(super) fn failed(failed: &Failed<'_>, json: bool) {
    let Failed { exit, code, message } = failed;
    if json {
        let error = serde_json::json!({ "kind": exit.kind(), "exit": *exit as u8, "code": code, "message": message });
        note(&serde_json::json!({ "error": error }).to_string());
    } else {
        note(&format!("groundwork: {message}"));
    }
}

/// Whether `error` is only that nobody reads the output any more.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
