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

const ALL: [Exit; 13] = [
    Exit::Done,
    Exit::Failed,
    Exit::Usage,
    Exit::Config,
    Exit::FolderInUse,
    Exit::AddressInUse,
    Exit::Storage,
    Exit::Corrupt,
    Exit::Server,
    Exit::Model,
    Exit::PartlyDone,
    Exit::BelowFloor,
    Exit::Interrupted,
];

impl Exit {
    /// The table of codes for `--help`.
    pub(crate) fn table() -> String {
        let rows: Vec<String> = ALL.iter().map(|exit| format!("  {:<3} {}", *exit as u8, exit.words().1)).collect();
        format!("Exit codes:\n{}", rows.join("\n"))
    }

    /// One word for programs.
    pub(crate) fn kind(self) -> &'static str {
        self.words().0
    }

    /// One word for programs, and what people are told.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", "done"),
            Self::Failed => ("failed", "the work failed"),
            Self::Usage => ("usage", "the command line is wrong"),
            Self::Config => ("config", "a setting or an applied file is wrong"),
            Self::FolderInUse => ("folder_in_use", "another process has the data folder"),
            Self::AddressInUse => ("address_in_use", "the address to listen on is taken or not allowed"),
            Self::Storage => ("storage", "a file or folder cannot be read or written, or the disk is full"),
            Self::Corrupt => ("corrupt", "the database is damaged"),
            Self::Server => ("server", "the server cannot be reached, or refused the request"),
            Self::Model => ("model", "a model file is missing or damaged"),
            Self::PartlyDone => ("partly_done", "the work is done but for the files that are listed"),
            Self::BelowFloor => ("below_floor", "a figure of the evaluation is lower than --fail-under allows"),
            Self::Interrupted => ("interrupted", "stopped by a second signal before running work had ended"),
        }
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
