//! What the gateway costs: CPU a request, added latency, and CPU a chunk of a stream, beside a bare reverse proxy in the same run.
//!
//!     cd bench && cargo build --release --bin overhead && target/release/overhead ../target/release/groundwork
//!
//! The gateway (or the bare proxy) has the first core for itself; the scripted upstream and the load share the second. CPU is what the
//! system says that the process has used. Prints a table, then one line of JSON.

mod load;
mod process;
mod proxy;
mod upstream;

use anyhow::{Context, Result, ensure};
use load::{Load, Summary};
use process::{Process, gateway_config};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Tokens, chunks and pauses of the streams.
const STREAMS: usize = 256;

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
        Some("proxy") => runtime.block_on(proxy::serve(arguments.get(1).context("proxy needs the upstream's address")?.parse()?)),
        Some(binary) => runtime.block_on(compare(&PathBuf::from(binary))),
        None => anyhow::bail!("name the gateway's binary: overhead ../target/release/groundwork"),
    }
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
    half: Summary,
    streams: Summary,
    cpu_chunk: Option<f64>,
}

async fn compare(binary: &std::path::Path) -> Result<()> {
    let me = std::env::current_exe()?;
    let upstream = Process::start("1", &me, &["upstream"], &[]).await?;
    let folder = std::env::temp_dir().join(format!("groundwork-overhead-{}", std::process::id()));
    let config = gateway_config(&folder, upstream.address)?;
    let config = config.to_str().context("the temporary folder is no text")?;
    process::pin("1")?;

    let mut rows = vec![measure(Way { name: "direct", address: upstream.address, process: None }, None).await?];
    let proxy = Process::start("0", &me, &["proxy", &upstream.address.to_string()], &[]).await?;
    rows.push(measure(Way { name: "bare hyper proxy", address: proxy.address, process: Some(proxy) }, None).await?);
    // The rate of "half load" is half of what the gateway can do, for every way.
    let gateway = Process::start("0", binary, &["serve", "--json", "--config", config], &[("BENCH_KEY", load::KEY)]).await?;
    rows.push(measure(Way { name: "groundwork", address: gateway.address, process: Some(gateway) }, None).await?);
    std::fs::remove_dir_all(&folder).ok();
    print(&rows)
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
    let rate = rate.unwrap_or(busy.rate() / 2.0);
    let half = load.constant(rate, Duration::from_secs(8)).await?;
    let before = cpu()?;
    let streams = load.streams(STREAMS, 2).await?;
    ensure!(streams.chunks > 0, "no chunk came");
    let cpu_chunk = before.zip(cpu()?).map(|(before, after)| (after - before).as_secs_f64() * 1e6 / streams.chunks as f64);
    Ok(Row { name: way.name, alone, busy, cpu_request, half, streams, cpu_chunk })
}

fn print(rows: &[Row]) -> Result<()> {
    println!("{}", process::machine()?);
    println!(
        "\n{:<17} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "way", "us CPU/req", "req/s", "p50 c=1", "p50 half", "p99 half", "1st token", "p99 1st", "us/chunk"
    );
    let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    for row in rows {
        println!(
            "{:<17} {:>9} {:>8.0} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9}",
            row.name,
            cell(row.cpu_request),
            row.busy.rate(),
            row.alone.at(0.5),
            row.half.at(0.5),
            row.half.at(0.99),
            row.streams.at(0.5),
            row.streams.at(0.99),
            cell(row.cpu_chunk)
        );
    }
    println!("(times in ms; 1st token of {STREAMS} paced streams)");
    let [direct, bare, ours] = rows else { return Ok(()) };
    let added = |of: fn(&Row) -> f64| of(ours) - of(direct);
    println!(
        "\n{}",
        json!({
            "cpu_us_per_request": ours.cpu_request, "bare_cpu_us_per_request": bare.cpu_request,
            "times_bare": ours.cpu_request.zip(bare.cpu_request).map(|(ours, bare)| ours / bare),
            "added_p50_ms": added(|row| row.alone.at(0.5)), "added_p99_half_ms": added(|row| row.half.at(0.99)),
            "added_first_token_ms": added(|row| row.streams.at(0.5)),
            "cpu_us_per_chunk": ours.cpu_chunk, "bare_cpu_us_per_chunk": bare.cpu_chunk,
            "requests_per_second": ours.busy.rate(), "bare_requests_per_second": bare.busy.rate(),
        })
    );
    Ok(())
}
