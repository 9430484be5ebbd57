//! What reading files may cost, and what reads text in pictures.

use super::{ByteSize, Environment, Span, count};
use groundwork_retrieval::extract::ocr::{Ocr, Recognizer};
use groundwork_retrieval::extract::sandbox::SandboxSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// What reading one document may cost, in the confined child that does it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExtractConfig {
    /// Time on the clock.
    pub timeout: Span,
    /// Processor time.
    pub cpu: Span,
    /// Memory of the child.
    pub memory: ByteSize,
    /// Documents that are read at the same time.
    pub children: NonZeroUsize,
    pub ocr: OcrConfig,
}

impl Default for ExtractConfig {
    fn default() -> Self {
        let sandbox = SandboxSettings::default();
        Self {
            timeout: Span::from_secs(sandbox.wall_time.as_secs()),
            cpu: Span::from_secs(sandbox.cpu_seconds),
            memory: ByteSize::from_mib(sandbox.memory_bytes >> 20),
            children: count(sandbox.children),
            ocr: OcrConfig::default(),
        }
    }
}

/// How text in scans and pictures is recognized: by tesseract, where it is installed.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OcrConfig {
    /// Without it, scans stay without text and a warning says so.
    pub enabled: bool,
    /// The program: a path, or a name that is looked for where programs are (`PATH`).
    pub program: PathBuf,
    /// Languages of the documents, by tesseract's names; each needs its package, such as `tesseract-ocr-deu`.
    pub languages: Vec<String>,
    /// Time for one page.
    pub page_timeout: Span,
    /// Memory of the program.
    pub memory: ByteSize,
    /// Pages of one document that are recognized; the rest stay without text.
    pub pages: NonZeroUsize,
}

impl Default for OcrConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            program: "tesseract".into(),
            languages: vec!["eng".to_owned()],
            page_timeout: Span::from_secs(60),
            memory: ByteSize::from_mib(1024),
            pages: count(500),
        }
    }
}

impl OcrConfig {
    /// The recognizer as it is found on this machine.
    pub fn resolve(&self, environment: &Environment) -> Ocr {
        if !self.enabled {
            return Ocr::Off;
        }
        match find(&self.program, environment) {
            Some(program) => Ocr::With(Recognizer {
                program,
                languages: self.languages.join("+"),
                page_seconds: self.page_timeout.duration().as_secs().max(1),
                memory_bytes: self.memory.bytes(),
                pages: self.pages.get(),
            }),
            None => Ocr::Missing(format!(
                "there is no program {}; install the package tesseract-ocr, or name it in extract.ocr.program",
                self.program.display()
            )),
        }
    }
}

/// The program itself, behind any links.
fn find(program: &Path, environment: &Environment) -> Option<PathBuf> {
    let is_named = program.components().count() > 1;
    let folders = std::env::split_paths(environment.get("PATH").unwrap_or_default()).map(|folder| folder.join(program));
    let candidates: Vec<PathBuf> = if is_named { vec![program.to_owned()] } else { folders.collect() };
    candidates.into_iter().filter(|path| path.is_file()).find_map(|path| path.canonicalize().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_missed_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let environment: Environment = [("PATH".to_owned(), folder.path().display().to_string())].into_iter().collect();
        let missing = OcrConfig::default().resolve(&environment);
        assert!(missing.missing().unwrap().contains("tesseract-ocr"), "{missing:?}");
        std::fs::write(folder.path().join("tesseract"), "").unwrap();
        let Ocr::With(found) = OcrConfig::default().resolve(&environment) else { panic!() };
        assert!(found.program.ends_with("tesseract") && found.program.is_absolute());
        assert_eq!(OcrConfig { enabled: false, ..OcrConfig::default() }.resolve(&environment), Ocr::Off);
    }
}
