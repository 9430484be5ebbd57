//! The file that is run: the one that was fetched, checked, or a copy of it with weights that the engine can compute with quickly, made
//! once beside it.

use super::gguf::{Gguf, Unusable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What the copy says of where it comes from.
const CONVERTED_FROM: &str = "groundwork.converted_from";

/// The fetched file and what is known of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Lower-case hexadecimal. Without it the file is somebody's own: it is taken as it is, and nothing is written beside it.
    pub(super) sha256: Option<String>,
}

/// Opens the copy where there is a whole one, else the fetched file, of which a copy is made where that is worth it and can be written.
pub(super) fn open(source: &Source) -> Result<Gguf, Unusable> {
    let Some(sha256) = &source.sha256 else { return Gguf::open(&source.path) };
    let copy = Copy::of(&source.path, sha256);
    if copy.is_whole() {
        return Gguf::open(&copy.path);
    }
    let found = hash(&source.path)?;
    if found != *sha256 {
        let path = source.path.display();
        return Err(Unusable(format!("{path} is damaged, its SHA-256 is {found} instead of {sha256}: pull the model again")));
    }
    let mut gguf = Gguf::open(&source.path)?;
    if gguf.has_slow_weights() && copy.make(&mut gguf, sha256).is_ok() && copy.is_whole() {
        return Gguf::open(&copy.path);
    }
    // Where nothing can be written the weights are changed in memory, at every start.
    Ok(gguf)
}

struct Copy {
    path: PathBuf,
    /// The hash of the copy: what was cut short or changed is made anew.
    seal: PathBuf,
}

impl Copy {
    fn of(original: &Path, sha256: &str) -> Self {
        let name = format!("q8_0-{}.gguf", sha256.get(..16).unwrap_or(sha256));
        let path = original.with_file_name(name);
        Self { seal: path.with_extension("gguf.sha256"), path }
    }

    fn is_whole(&self) -> bool {
        let Ok(sealed) = std::fs::read_to_string(&self.seal) else { return false };
        hash(&self.path).is_ok_and(|found| found == sealed.trim())
    }

    fn make(&self, gguf: &mut Gguf, from: &str) -> Result<(), Unusable> {
        let unfinished = self.path.with_extension("gguf.new");
        let made = gguf.convert(&unfinished, CONVERTED_FROM, from).and_then(|()| {
            let sealed = hash(&unfinished)?;
            std::fs::rename(&unfinished, &self.path)?;
            std::fs::write(&self.seal, sealed)?;
            Ok(())
        });
        if made.is_err() {
            // What is left of it helps nobody; that it cannot be removed changes nothing.
            let _ = std::fs::remove_file(&unfinished);
        }
        made
    }
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
