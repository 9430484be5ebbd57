//! The child of the sandbox's tests: a file named after a misdeed commits it, any other is read. And the child of the crash test: it ingests
//! until it is killed.

mod ingest;

use groundwork_retrieval::extract::document::{Builder, Format};
use groundwork_retrieval::extract::{Limits, Parsed, ReadError, read, sandbox};
use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(round) = ingest::Round::from_arguments(std::env::args().skip(1)) {
        return round.run();
    }
    if std::env::args().nth(1).as_deref() == Some("stdin") {
        return recognize();
    }
    sandbox::child_main_with(misbehave)
}

/// Stands for tesseract: says, in its way, how many bytes the picture has and whether a file could be read.
fn recognize() -> ExitCode {
    let mut picture = Vec::new();
    if std::io::stdin().read_to_end(&mut picture).is_err() {
        return ExitCode::FAILURE;
    }
    let words = [format!("{} bytes", picture.len()), outcome(std::fs::read("/etc/passwd").map(|_| ()))];
    let mut text = "level\tpage\n1\t1\t0\t0\t0\t0\t0\t0\t800\t600\t-1\t\n".to_owned();
    for (word, number) in words.iter().zip(1..) {
        text += &format!("5\t1\t1\t1\t1\t{number}\t10\t20\t30\t40\t95.0\t{word}\n");
    }
    let said = std::io::stdout().write_all(text.as_bytes());
    if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::panic, reason = "one of the misdeeds is to panic")]
fn misbehave(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, ReadError> {
    match name {
        "panic" => std::panic::panic_any("a secret of the file"),
        "overflow" => Err(ReadError::Crashed(overflow(bytes.len() as u64).to_string())),
        "abort" => std::process::abort(),
        "spin" => loop {
            std::hint::black_box(bytes);
        },
        "sleep" => loop {
            std::thread::park();
        },
        "eat memory" => {
            let mut eaten = Vec::new();
            loop {
                eaten.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&eaten);
            }
        }
        "talk" => Ok(said(&"much ".repeat(1 << 20))),
        "open a file" => Ok(said(&outcome(std::fs::read("/etc/passwd").map(|_| ())))),
        "list a folder" => Ok(said(&outcome(std::fs::read_dir("/").map(|_| ())))),
        "write a file" => Ok(said(&outcome(std::fs::write("/tmp/groundwork-escaped", "x")))),
        "connect" => Ok(said(&outcome(std::net::TcpStream::connect("127.0.0.1:1").map(|_| ())))),
        "listen" => Ok(said(&outcome(std::os::unix::net::UnixListener::bind("/tmp/groundwork-escaped").map(|_| ())))),
        "change a file" => Ok(said(&outcome(std::fs::set_permissions("/tmp", std::os::unix::fs::PermissionsExt::from_mode(0o777))))),
        "look at a file" => Ok(said(&outcome(std::fs::metadata("/etc/passwd").map(|_| ())))),
        "move a file" => Ok(said(&outcome(std::fs::rename("/tmp/groundwork-a", "/tmp/groundwork-b")))),
        "remove a file" => Ok(said(&outcome(std::fs::remove_file("/tmp/groundwork-a")))),
        "make a pipe" => Ok(said(&outcome(std::io::pipe().map(|_| ())))),
        "run a program" => Ok(said(&outcome(std::process::Command::new("/bin/true").spawn().map(|_| ())))),
        "start a thread" => Ok(said(&outcome(std::thread::Builder::new().spawn(|| ()).map(|_| ())))),
        "environment" => Ok(said(&format!("{} variables", std::env::vars_os().count()))),
        _ => read(bytes, name, limits),
    }
}

fn outcome(result: std::io::Result<()>) -> String {
    result.map_or_else(|error| format!("{:?}", error.kind()), |()| "done".to_owned())
}

fn said(text: &str) -> Parsed {
    let mut builder = Builder::new(Format::Text);
    builder.paragraph(text);
    builder.finish().into()
}

#[expect(unconditional_recursion, reason = "it is the misdeed")]
fn overflow(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    overflow(depth + 1) + page[0]
}
