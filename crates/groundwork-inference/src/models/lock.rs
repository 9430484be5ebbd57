//! One pull of a model at a time, on the whole machine.

use super::{Progress, PullError, pull::Pull};
use std::fs::{File, TryLockError};
use std::time::Duration;

const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Held while a model is fetched; the operating system lets go of it when the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) async fn take(pull: &Pull<'_>) -> Result<Self, PullError> {
        let path = pull.folder.join(".lock");
        let failed = |source| PullError::Write { path: path.clone(), source };
        std::fs::create_dir_all(pull.folder).map_err(failed)?;
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            if !told {
                (pull.progress)(Progress::Waiting);
                told = true;
            }
            tokio::select! {
                () = pull.cancel.cancelled() => return Err(pull.cancelled()),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}
