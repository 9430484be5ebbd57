//! Who may work in a data folder: `serve`, `worker` and commands that write hold it for themselves; commands that only read share it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "groundwork.lock";

/// Why the folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "the data folder {folder} is in use by process {pid}: stop it, talk to it, or choose another folder with GROUNDWORK__DATA_DIR",
        folder = folder.display()
    )]
    Held { folder: PathBuf, pid: String },
    #[error("the data folder {folder} cannot be locked: {source}; make it writable for this user, or choose another with GROUNDWORK__DATA_DIR", folder = folder.display())]
    Io { folder: PathBuf, source: std::io::Error },
}

/// The right to work in a data folder; let go when dropped, and by the system when the process dies in any way.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// For `serve`, `worker` and commands that write: the only one in the folder. Makes the folder if it is not there.
    pub fn exclusive(folder: &Path) -> Result<Self, LockError> {
        lock(folder, File::try_lock)
    }

    /// For a short command that only reads: beside others of its kind, never beside a server.
    pub fn shared(folder: &Path) -> Result<Self, LockError> {
        lock(folder, File::try_lock_shared)
    }
}

fn lock(folder: &Path, how: impl FnOnce(&File) -> Result<(), TryLockError>) -> Result<FolderLock, LockError> {
    let failed = |source| LockError::Io { folder: folder.into(), source };
    make_folder(folder).map_err(failed)?;
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(FILE)).map_err(failed)?;
    match how(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(LockError::Held { folder: folder.into(), pid: holder(&mut file) }),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // The number is for the message above only; the lock itself is the system's, so a number left behind by a killed process is
    // harmless, and on a full disk there may be none.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    Ok(FolderLock { _file: file })
}

/// Makes a folder that only this user can read, if it is not there.
pub(crate) fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn holder(file: &mut File) -> String {
    let mut pid = String::new();
    match file.read_to_string(&mut pid) {
        Ok(1..) => pid,
        _ => "(unknown)".to_owned(),
    }
}
