//! Whatever a child does, its file has an outcome, the next file is read, and nothing outside was reached.

use bytes::Bytes;
use groundwork_retrieval::extract::ReadError;
use groundwork_retrieval::extract::ocr::{Ocr, Recognizer};
use groundwork_retrieval::extract::sandbox::{Extractor, SandboxSettings};
use std::time::Duration;

fn settings() -> SandboxSettings {
    SandboxSettings {
        cpu_seconds: 1,
        wall_time: Duration::from_secs(30),
        answer_bytes: 1 << 20,
        program: env!("CARGO_BIN_EXE_extract-child").into(),
        ..SandboxSettings::default()
    }
}

async fn outcome(extractor: &Extractor, misdeed: &str) -> Result<String, ReadError> {
    extractor.extract(Bytes::from_static(b"some bytes"), misdeed).await.map(|extraction| extraction.document.text())
}

#[tokio::test]
async fn every_death_of_a_child_is_its_files_typed_error() {
    let extractor = Extractor::new(settings());
    let cases = [
        ("panic", "crashed"),
        ("abort", "crashed"),
        ("overflow", "too_complex"),
        ("spin", "timed_out"),
        ("eat memory", "out_of_memory"),
        ("talk", "too_large"),
    ];
    for (misdeed, kind) in cases {
        let error = outcome(&extractor, misdeed).await.unwrap_err();
        assert_eq!(error.detail(), kind, "{misdeed}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(outcome(&extractor, "after.txt").await.unwrap(), "some bytes");
    }
}

#[tokio::test]
async fn a_child_that_waits_is_ended_by_the_wall_clock() {
    let extractor = Extractor::new(SandboxSettings { wall_time: Duration::from_millis(300), ..settings() });
    assert_eq!(outcome(&extractor, "sleep").await.unwrap_err().detail(), "timed_out");
}

#[tokio::test]
async fn nothing_outside_the_child_can_be_reached() {
    let extractor = Extractor::new(settings());
    let misdeeds = [
        "open a file",
        "list a folder",
        "write a file",
        "change a file",
        "look at a file",
        "move a file",
        "remove a file",
        "make a pipe",
        "connect",
        "listen",
        "run a program",
    ];
    for misdeed in misdeeds {
        assert_eq!(outcome(&extractor, misdeed).await.unwrap(), "PermissionDenied", "{misdeed}");
    }
    assert!(!std::path::Path::new("/tmp/groundwork-escaped").exists());
    assert_eq!(outcome(&extractor, "start a thread").await.unwrap(), "done");
    assert_eq!(outcome(&extractor, "environment").await.unwrap(), "0 variables");
}

#[tokio::test]
async fn files_are_refused_before_a_child_is_started_for_them() {
    let limits = groundwork_retrieval::extract::Limits { file_bytes: 4, ..Default::default() };
    let extractor = Extractor::new(SandboxSettings { limits, program: "/nowhere".into(), ..settings() });
    assert_eq!(extractor.extract(Bytes::new(), "a.txt").await.unwrap_err().detail(), "empty");
    assert_eq!(outcome(&extractor, "a.txt").await.unwrap_err().detail(), "too_large");
}

fn recognizer(program: &str) -> Ocr {
    Ocr::With(Recognizer { program: program.into(), languages: "eng".to_owned(), page_seconds: 20, memory_bytes: 256 << 20, pages: 3 })
}

/// The smallest PNG there is, which nobody decodes here.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nsome pixels";

#[tokio::test]
async fn text_in_a_picture_is_recognized_by_a_program_that_reads_nothing_else() {
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_extract-child")).unwrap();
    let extractor = Extractor::new(SandboxSettings { ocr: recognizer(program.to_str().unwrap()), ..settings() });
    let read = extractor.extract(Bytes::from_static(PICTURE), "a.png").await.unwrap();
    assert_eq!(read.document.text(), format!("{} bytes PermissionDenied", PICTURE.len()));
    assert_eq!(read.document.blocks[0].pages, Some((1, 1)));
    assert_eq!((read.words[0].words.len(), read.words[0].width), (2, 800.0));
    assert!(read.document.warnings[0].contains("recognized"), "{:?}", read.document.warnings);
}

#[tokio::test]
async fn a_picture_without_a_recognizer_is_read_without_text_and_says_why() {
    let missing = Ocr::Missing("install it".to_owned());
    for (ocr, why) in [(missing, "install it"), (Ocr::Off, "switched off"), (recognizer("/nowhere/tesseract"), "ended with code")] {
        let extractor = Extractor::new(SandboxSettings { ocr, ..settings() });
        let read = extractor.extract(Bytes::from_static(PICTURE), "a.png").await.unwrap();
        assert_eq!((read.document.text().as_str(), read.document.pages), ("", Some(1)));
        assert!(read.document.warnings[0].contains(why), "{:?}", read.document.warnings);
    }
}

#[tokio::test]
async fn many_files_at_once_all_get_their_answer() {
    let extractor = Extractor::new(settings());
    let files = (0..24).map(|number| {
        let extractor = extractor.clone();
        async move { extractor.extract(Bytes::from(format!("file {number}")), "a.txt").await.unwrap().document.text() }
    });
    let texts = futures::future::join_all(files).await;
    assert_eq!(texts, (0..24).map(|number| format!("file {number}")).collect::<Vec<_>>());
}
