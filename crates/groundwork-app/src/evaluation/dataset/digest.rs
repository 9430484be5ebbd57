//! Which data set it was: a digest of all of its files with their names.

use super::DatasetError;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// SHA-256 over each file's path below `path` and its content, in the order of the paths; of a file, over it alone. Hidden files count for
/// nothing, as in reading.
pub(in super::super) async fn digest(path: &Path) -> Result<String, DatasetError> {
    let root = path.to_owned();
    let digested = tokio::task::spawn_blocking(move || digest_all(&root)).await.map_err(io::Error::other);
    digested.and_then(|digested| digested).map_err(|error| DatasetError::new(path, error.to_string()))
}

fn digest_all(root: &Path) -> io::Result<String> {
    let mut whole = Sha256::new();
    for (name, path) in files(root)? {
        whole.update((name.len() as u64).to_le_bytes());
        whole.update(name);
        whole.update(of_file(&path)?);
    }
    Ok(hex::encode(whole.finalize()))
}

fn of_file(path: &Path) -> io::Result<impl AsRef<[u8]>> {
    let (mut file, mut digest, mut part) = (std::fs::File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(digest.finalize()),
            read => digest.update(&part[..read]),
        }
    }
}

fn files(root: &Path) -> io::Result<BTreeMap<Vec<u8>, PathBuf>> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        if !path.is_dir() {
            let name = path.strip_prefix(root).unwrap_or(&path);
            files.insert(name.as_os_str().as_encoded_bytes().to_vec(), path);
            continue;
        }
        for entry in std::fs::read_dir(&path)? {
            let entry = entry?;
            // A link may lead round in a circle; only one to a file is followed.
            let is_linked_folder = entry.file_type()?.is_symlink() && entry.path().is_dir();
            if !is_linked_folder && !entry.file_name().as_encoded_bytes().starts_with(b".") {
                open.push(entry.path());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_name_or_another_content_is_another_data_set() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("files/a.md", "a");
        write("queries.jsonl", "{}");
        let first = digest(folder.path()).await.unwrap();
        write(".hidden", "x");
        assert_eq!(digest(folder.path()).await.unwrap(), first);
        write("files/a.md", "b");
        let second = digest(folder.path()).await.unwrap();
        std::fs::rename(folder.path().join("files/a.md"), folder.path().join("files/b.md")).unwrap();
        let third = digest(folder.path()).await.unwrap();
        assert!(first != second && second != third);
        assert!(digest(&folder.path().join("nowhere")).await.is_err());
    }
}
