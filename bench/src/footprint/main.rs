//! What the program takes before it does anything: time until it is alive and until it says what it still loads, and memory.
//!
//!     cd bench && cargo build --release --bins
//!     target/release/footprint ../target/release/groundwork target/search-corpus/100000
//!
//! The folder is the corpus that `search` has made. Prints a table, the best and the middle of several starts.

use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 11;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [binary, corpus] = arguments.as_slice() else { anyhow::bail!("usage: footprint BINARY CORPUS_FOLDER") };
    let empty = std::env::temp_dir().join(format!("groundwork-footprint-{}", std::process::id()));
    std::fs::create_dir_all(&empty)?;
    println!("{:<34} {:>12} {:>12} {:>12} {:>12}", "", "/healthz ms", "/readyz ms", "loaded ms", "resident MB");
    for (name, folder) in [("empty, no models", empty.as_path()), ("100,000 chunks x 384", Path::new(corpus))] {
        let mut starts = (0..STARTS).map(|_| Start::of(Path::new(binary), folder)).collect::<Result<Vec<_>>>()?;
        for (label, at) in [("best", 0), ("middle", STARTS / 2)] {
            let mut row = |of: fn(&Start) -> f64| {
                starts.sort_by(|a, b| of(a).total_cmp(&of(b)));
                of(&starts[at])
            };
            let cells = [row(|start| start.alive), row(|start| start.tells), row(|start| start.loaded), row(|start| start.resident)];
            println!("{:<34} {:>12.0} {:>12.0} {:>12.0} {:>12.0}", format!("{name}, {label}"), cells[0], cells[1], cells[2], cells[3]);
        }
        println!("  while loading, /readyz says: {}", starts[0].while_loading);
    }
    std::fs::remove_dir_all(&empty)?;
    Ok(())
}

/// One start of the server. Times in milliseconds from the start of the program, memory in megabytes.
struct Start {
    alive: f64,
    /// `/readyz` answers, whatever it says.
    tells: f64,
    /// No leg is loading any more.
    loaded: f64,
    resident: f64,
    while_loading: String,
}

impl Start {
    fn of(binary: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let begun = Instant::now();
        let child = Command::new(binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("GROUNDWORK__DATA_DIR", folder)
            .env("GROUNDWORK__MODELS__FOLDER", folder.join("no-models"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the server could not be started")?;
        let server = Server(child);
        let alive = until(port, "/healthz", begun, |answer| answer.starts_with("HTTP/1.1 200"))?;
        let tells = until(port, "/readyz", begun, |answer| answer.starts_with("HTTP/1.1"))?;
        let loaded = until(port, "/readyz", begun, |answer| !answer.contains("loading"))?;
        std::thread::sleep(Duration::from_millis(500));
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.0.id()))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: f64 = resident.trim().trim_end_matches(" kB").parse()?;
        let body = tells.1.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
        Ok(Self { alive: alive.0, tells: tells.0, loaded: loaded.0, resident: kilobytes / 1024.0, while_loading: body })
    }
}

/// Ended when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(port: u16, path: &str, begun: Instant, enough: impl Fn(&str) -> bool) -> Result<(f64, String)> {
    loop {
        ensure!(begun.elapsed() < PATIENCE, "{path} did not answer as expected within {PATIENCE:?}");
        match get(port, path) {
            Ok(answer) if enough(&answer) => return Ok((begun.elapsed().as_secs_f64() * 1e3, answer)),
            _ => std::thread::sleep(Duration::from_micros(500)),
        }
    }
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
