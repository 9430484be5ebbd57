//! Who may work in a data folder: `serve` and `worker` hold it for themselves, a short command opens it while nobody does.

use std::path::{Path, PathBuf};

/// Why the folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("the data folder {folder} is in use by process {pid}: stop it, talk to it, or choose another folder with GROUNDWORK__DATA_DIR", folder = folder.display())]
    Held { folder: PathBuf, pid: String },
    #[error("cannot lock the data folder {folder}: {source}", folder = folder.display())]
    Io {
        folder: PathBuf,
        source: std::io::Error,
    },
}

/// The right to work in a data folder; let go when dropped, and by the system when the process dies.
#[derive(Debug)]
pub struct FolderLock {
    file: std::fs::File,
}

impl FolderLock {
    /// For `serve` and `worker`: the only one in the folder. Makes the folder if it is not there.
    pub fn exclusive(folder: &Path) -> Result<Self, LockError> {
        unimplemented!("{folder:?}")
    }

    /// For a short command: beside other commands, not beside a server.
    pub fn shared(folder: &Path) -> Result<Self, LockError> {
        unimplemented!("{folder:?}")
    }
}
