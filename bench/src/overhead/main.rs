//! What the gateway costs: CPU a request, added latency, and CPU a chunk of a stream, beside a bare reverse proxy in the same run.
//!
//!     cd bench && cargo build --release --bin overhead && target/release/overhead ../target/release/groundwork
//!
//! The gateway (or the bare proxy) has the first core for itself; the scripted upstream and the load share the second. CPU is what the
//! system says that the process has used. Prints a table, then one line of JSON.
//!
//! `overhead upstream` and `overhead load …` are the two ends by themselves, for a profiler between them.

mod load;
mod process;
mod proxy;
mod upstream;

use anyhow::{Context, Result, ensure};
use load::{Load, Summary, Windows};
use process::{Process, gateway_config};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Tokens, chunks and pauses of the streams.
const STREAMS: usize = 256;
/// Of the half load.
const WINDOWS: usize = 48;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.first().map(String::as_str) {
        Some("upstream") => runtime.block_on(upstream::serve()),
        Some("load") => runtime.block_on(load(&arguments[1..])),
        Some("proxy") => runtime.block_on(proxy::serve(arguments.get(1).context("proxy needs the upstream's address")?.parse()?)),
        Some(binary) => runtime.block_on(compare(&PathBuf::from(binary))),
        None => anyhow::bail!("name the gateway's binary: overhead ../target/release/groundwork"),
    }
}

/// Load alone, for a profiler beside it: `load ADDRESS CLIENTS SECONDS`, or `load ADDRESS streams ROUNDS`.
async fn load(arguments: &[String]) -> Result<()> {
    let [address, clients, times] = arguments else { anyhow::bail!("load ADDRESS CLIENTS SECONDS, or load ADDRESS streams ROUNDS") };
    let load = Load::new(address.parse()?);
    let done = match clients.as_str() {
        "streams" => load.streams(STREAMS, times.parse()?, upstream::PACE).await?,
        clients => load.closed(clients.parse()?, Duration::from_secs(times.parse()?)).await?,
    };
    println!("{} requests, {} chunks, p50 {:.3} ms", done.requests, done.chunks, done.at(0.5));
    Ok(())
}

/// One way to the upstream.
struct Way {
    name: &'static str,
    address: SocketAddr,
    process: Option<Process>,
}

struct Row {
    name: &'static str,
    alone: Summary,
    busy: Summary,
    cpu_request: Option<f64>,
    /// Requests a second of the half load.
    rate: f64,
    half: Windows,
    /// The 99th percentile at half of what this way can do itself.
    p99_own_half: Option<f64>,
    /// Streams that begin within one pace, at which their beginnings are most of the work.
    at_once: Summary,
    /// Streams that begin one after another, while others go on.
    streams: Summary,
    cpu_chunk: Option<f64>,
}

async fn compare(binary: &std::path::Path) -> Result<()> {
    let me = std::env::current_exe()?;
    let upstream = Process::start("1", &me, &["upstream"], &[]).await?;
    // Beside the binary and not in the temporary folder, which may be memory: the ledger's way to the disk is part of the price.
    let folder = binary.with_file_name(format!("overhead-{}", std::process::id()));
    let config = gateway_config(&folder, upstream.address)?;
    let config = config.to_str().context("the temporary folder is no text")?;
    process::pin("1")?;

    // The gateway comes first: half of what it can do is the rate of "half load" for every way.
    let gateway = Process::start("0", binary, &["serve", "--json", "--config", config], &[("BENCH_KEY", load::KEY)]).await?;
    let ours = measure(Way { name: "groundwork", address: gateway.address, process: Some(gateway) }, None).await?;
    let half = Some(ours.rate);
    let direct = measure(Way { name: "direct", address: upstream.address, process: None }, half).await?;
    let proxy = Process::start("0", &me, &["proxy", &upstream.address.to_string()], &[]).await?;
    let bare = measure(Way { name: "bare hyper proxy", address: proxy.address, process: Some(proxy) }, half).await?;
    std::fs::remove_dir_all(&folder).ok();
    print(&direct, &bare, &ours)
}

async fn measure(way: Way, rate: Option<f64>) -> Result<Row> {
    let load = Load::new(way.address);
    load.check_whole().await.with_context(|| format!("{}: the answer is not the upstream's", way.name))?;
    load.check_stream().await.with_context(|| format!("{}: the stream is not the upstream's", way.name))?;
    load.closed(16, Duration::from_secs(2)).await?;
    let alone = load.closed(1, Duration::from_secs(4)).await?;
    let cpu = || way.process.as_ref().map(Process::cpu).transpose();
    let before = cpu()?;
    let busy = load.closed(32, Duration::from_secs(8)).await?;
    let cpu_request = before.zip(cpu()?).map(|(before, after)| (after - before).as_secs_f64() * 1e6 / busy.requests as f64);
    let own_rate = busy.rate() / 2.0;
    let rate = rate.unwrap_or(own_rate);
    let half = load.constant(rate, WINDOWS).await?;
    let p99_own_half = match way.process {
        Some(_) if rate < own_rate => Some(load.constant(own_rate, WINDOWS).await?.median(0.99)),
        Some(_) => Some(half.median(0.99)),
        None => None,
    };
    let at_once = load.streams(STREAMS, 2, upstream::PACE).await?;
    let before = cpu()?;
    let streams = load.streams(STREAMS, 3, upstream::PACE * upstream::CHUNKS as u32).await?;
    ensure!(streams.chunks > 0, "no chunk came");
    let cpu_chunk = before.zip(cpu()?).map(|(before, after)| (after - before).as_secs_f64() * 1e6 / streams.chunks as f64);
    Ok(Row { name: way.name, alone, busy, cpu_request, rate, half, p99_own_half, at_once, streams, cpu_chunk })
}

fn print(direct: &Row, bare: &Row, ours: &Row) -> Result<()> {
    println!("{}", process::machine()?);
    println!(
        "\n{:<17} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "way", "us CPU/req", "req/s", "p50 c=1", "p50 half", "p99 half", "worst", "1st token", "p99 1st", "at once", "us/chunk"
    );
    let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    for row in [direct, bare, ours] {
        println!(
            "{:<17} {:>9} {:>8.0} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9}",
            row.name,
            cell(row.cpu_request),
            row.busy.rate(),
            row.alone.at(0.5),
            row.half.median(0.5),
            row.half.median(0.99),
            row.half.worst(0.99),
            row.streams.at(0.5),
            row.streams.at(0.99),
            row.at_once.at(0.5),
            cell(row.cpu_chunk)
        );
    }
    println!(
        "(times in ms; half load is {:.0} requests/s for every way, its percentiles the median and the worst of {WINDOWS} windows; 1st token of {STREAMS} paced streams, whose beginnings are spread over",
        ours.rate
    );
    println!("their whole length, and the median of as many that begin at once, within {:?})", upstream::PACE);
    if let Some(noise) = bare.p99_own_half {
        println!("(the bare proxy at half of what it can do itself has a p99 of {noise:.3} ms: so much of it is the machine)\n");
    }

    let added = |of: fn(&Row) -> f64| of(ours) - of(direct);
    let times_bare = ours.cpu_request.zip(bare.cpu_request).map(|(ours, bare)| ours / bare);
    let verdicts = [
        ("times_bare", times_bare, 1.5),
        ("added_p50_ms", Some(added(|row| row.alone.at(0.5))), 0.10),
        ("added_p99_half_ms", Some(added(|row| row.half.median(0.99))), 1.0),
        ("added_first_token_ms", Some(added(|row| row.streams.at(0.5))), 0.35),
        ("cpu_us_per_chunk", ours.cpu_chunk, 18.0),
    ];
    for (name, value, goal) in verdicts {
        let value = value.context("the system did not say how much CPU was used")?;
        println!("{name:<22} {value:>8.3}   goal at most {goal:<5} {}", if value <= goal { "met" } else { "MISSED" });
    }
    println!(
        "\n{}",
        json!({
            "cpu_us_per_request": ours.cpu_request, "bare_cpu_us_per_request": bare.cpu_request, "times_bare": times_bare,
            "added_p50_ms": verdicts[1].1, "added_p99_half_ms": verdicts[2].1, "added_first_token_ms": verdicts[3].1,
            "cpu_us_per_chunk": ours.cpu_chunk, "bare_cpu_us_per_chunk": bare.cpu_chunk,
            "requests_per_second": ours.busy.rate(), "bare_requests_per_second": bare.busy.rate(), "bare_p99_own_half_ms": bare.p99_own_half,
        })
    );
    Ok(())
}
