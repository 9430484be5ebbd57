//! The Unix socket in the data folder: how commands find the process that owns the folder. Only its user may connect.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "groundwork.sock";

/// The longest path that every system takes for a socket, its closing zero left out.
const LONGEST: usize = 103;

/// A path to the socket that is short enough to connect to, however deep the folder lies.
pub(crate) struct Address {
    path: PathBuf,
    /// Kept open while `path` leads through it.
    _folder: Option<File>,
}

impl Address {
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        Self::below(folder, NAME)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn below(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        if path.as_os_str().as_bytes().len() <= LONGEST {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(folder)?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

/// Whether a process listens at the folder's socket. A socket at which nobody listens was left behind.
pub(crate) async fn answers(folder: &Path) -> bool {
    match Address::of(folder) {
        Ok(address) => UnixStream::connect(address.path()).await.is_ok(),
        Err(_) => false,
    }
}

/// The listening socket.
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    pub(crate) file: SocketFile,
}

/// The socket's place in the folder, which is given up when this is dropped.
pub(crate) struct SocketFile(PathBuf);

impl Socket {
    /// Listens in `folder`, which the caller has locked: a socket that is there already was left behind by a process that was killed,
    /// and is replaced. The socket is made in a folder that nobody else may enter and moved into place with its permissions set, so that
    /// there is no moment at which others could connect.
    pub(crate) fn bind(folder: &Path) -> io::Result<Self> {
        let private = folder.join(format!(".socket-{}", std::process::id()));
        DirBuilder::new().recursive(true).mode(0o700).create(&private)?;
        let bound = Self::bind_through(&private, &folder.join(NAME));
        let removed = std::fs::remove_dir_all(&private);
        bound.and_then(|socket| removed.map(|()| socket))
    }

    fn bind_through(private: &Path, path: &Path) -> io::Result<Self> {
        let address = Address::below(private, "s")?;
        let listener = UnixListener::bind(address.path())?;
        let made = private.join("s");
        std::fs::set_permissions(&made, Permissions::from_mode(0o600))?;
        std::fs::rename(&made, path)?;
        Ok(Self { listener, file: SocketFile(path.to_owned()) })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Nobody is hurt by a file that stays: the next owner replaces it.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_replaces_a_stale_one_and_goes_with_its_owner() {
        let root = tempfile::tempdir().unwrap();
        for folder in [root.path().join("short"), root.path().join("d".repeat(120))] {
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join(NAME), "left behind").unwrap();
            let socket = Socket::bind(&folder).unwrap();
            let mode = std::fs::metadata(folder.join(NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let address = Address::of(&folder).unwrap();
            UnixStream::connect(address.path()).await.unwrap();
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
            drop(socket);
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        }
    }
}
