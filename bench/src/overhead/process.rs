//! Processes under measurement: started on one core, watched through what the system says of them.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts a program on `core` and waits until it says, in any line of its output, on which address it listens.
    pub async fn start(core: &str, program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(program).args(arguments).envs(environment.iter().copied());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().context("taskset (package util-linux) is needed")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let address = loop {
            let Some(line) = lines.next().transpose()? else { bail!("{} ended before it listened", program.display()) };
            if let Some(address) = line.split(|c: char| c == '/' || c == '"' || c.is_whitespace()).find_map(|word| word.parse().ok()) {
                break address;
            }
        };
        // What it goes on saying is read away, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address })
    }

    /// CPU time of all its threads so far, those that have ended included: user and system time of `/proc/PID/stat` (proc(5)), in ticks of
    /// a hundredth of a second.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit(')').next().context("an odd /proc/PID/stat")?;
        let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts this process on `core` too.
pub fn pin(core: &str) -> Result<()> {
    let done = Command::new("taskset").args(["-a", "-p", "-c", core, &std::process::id().to_string()]).stdout(Stdio::null()).status()?;
    if done.success() { Ok(()) } else { bail!("taskset could not pin this process to core {core}") }
}

/// Static key, routing, hold and settle, durable ledger and metrics: all of it on, as in production.
pub fn gateway_config(folder: &Path, upstream: SocketAddr) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let applied = r#"
[models.bench]
deployments = [{ target = "upstream", model = "gpt-5-mini" }]

[keys.bench]
value = { env = "BENCH_KEY" }
"#;
    std::fs::write(folder.join("objects.toml"), applied)?;
    let config = format!(
        r#"
data_dir = "{data}"
apply = ["objects.toml"]

[server]
listen = "127.0.0.1:0"

[log]
filter = "info"

[[targets]]
kind = "openai"
name = "upstream"
base_url = "http://{upstream}/v1"
"#,
        data = folder.join("data").display()
    );
    let path = folder.join("groundwork.toml");
    std::fs::write(&path, config)?;
    Ok(path)
}

pub fn machine() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown");
    Ok(format!("{model}; gateway on core 0, upstream and load on core 1"))
}
