//! How a command ends: one number per kind of end, the same everywhere, listed in `--help`.

use std::process::ExitCode;

/// Exit codes. Scripts rely on the numbers: they never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Config = 3,
    FolderInUse = 4,
    AddressInUse = 5,
    Storage = 6,
    Corrupt = 7,
    Server = 8,
    Model = 9,
    PartlyDone = 10,
    BelowFloor = 11,
    Interrupted = 130,
}

const ALL: [(Exit, &str); 13] = [
    (Exit::Done, "done"),
    (Exit::Failed, "the work failed"),
    (Exit::Usage, "the command line is wrong"),
    (Exit::Config, "a setting or an applied file is wrong"),
    (Exit::FolderInUse, "another process has the data folder"),
    (Exit::AddressInUse, "the address to listen on is taken or not allowed"),
    (Exit::Storage, "a file or folder cannot be read or written, or the disk is full"),
    (Exit::Corrupt, "the database is damaged"),
    (Exit::Server, "the server cannot be reached, or refused the request"),
    (Exit::Model, "a model file is missing or damaged"),
    (Exit::PartlyDone, "the work is done but for the files that are listed"),
    (Exit::BelowFloor, "a figure of the evaluation is lower than --fail-under allows"),
    (Exit::Interrupted, "stopped by a second signal before running work had ended"),
];

impl Exit {
    /// The table of codes for `--help`.
    pub(crate) fn table() -> String {
        let rows: Vec<String> = ALL.iter().map(|(exit, meaning)| format!("  {:<3} {meaning}", *exit as u8)).collect();
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An end with a code of its own: what went wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}
