//! Load: as fast as so many clients can ask, at a constant rate, or as paced streams. It shares a core with the upstream, so that what
//! it spends is missing there: whole answers are asked for with bytes that are made once, and are only counted.

use super::upstream;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use std::cmp::Ordering;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub const KEY: &str = "gw-bench-0123456789abcdef0123456789abcdef";
const CONNECTIONS: usize = 64;
/// Long enough for a 99th percentile, short enough that some see no stop of the machine.
const WINDOW: Duration = Duration::from_millis(250);
const PATH: &str = "/v1/chat/completions";

pub struct Load {
    address: SocketAddr,
}

#[derive(Default)]
pub struct Summary {
    pub requests: usize,
    pub chunks: usize,
    took: Duration,
    /// Milliseconds, in order.
    latencies: Vec<f64>,
}

impl Summary {
    fn new(took: Duration, latencies: Vec<Duration>, chunks: usize) -> Self {
        let mut latencies: Vec<f64> = latencies.into_iter().map(|latency| latency.as_secs_f64() * 1e3).collect();
        latencies.sort_by(f64::total_cmp);
        Self { requests: latencies.len(), chunks, took, latencies }
    }

    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.took.as_secs_f64()
    }

    pub fn at(&self, share: f64) -> f64 {
        self.latencies.get((self.latencies.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN)
    }
}

/// Of a load that goes on. A machine that others use too stops for some milliseconds now and then, and then all that waits is late; the
/// median of the windows is what the way does when it is let.
pub struct Windows(Vec<Summary>);

impl Windows {
    pub fn median(&self, share: f64) -> f64 {
        let mut each: Vec<f64> = self.0.iter().map(|window| window.at(share)).collect();
        each.sort_by(f64::total_cmp);
        each.get(each.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub fn worst(&self, share: f64) -> f64 {
        self.0.iter().map(|window| window.at(share)).fold(0.0, f64::max)
    }
}

type Connection = SendRequest<Full<Bytes>>;

impl Load {
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub async fn check_whole(&self) -> Result<()> {
        let response = self.ask(&mut self.connect().await?, false).await?;
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(body == upstream::WHOLE.as_bytes(), "{}", String::from_utf8_lossy(&body));
        Ok(())
    }

    pub async fn check_stream(&self) -> Result<()> {
        let response = self.ask(&mut self.connect().await?, true).await?;
        let body = response.into_body().collect().await?.to_bytes();
        let expected = upstream::stream_text();
        ensure!(body == expected.as_bytes(), "{}", String::from_utf8_lossy(&body));
        Ok(())
    }

    /// `clients` that each ask again as soon as they are answered.
    pub async fn closed(&self, clients: usize, duration: Duration) -> Result<Summary> {
        let begun = Instant::now();
        let client = || async {
            let mut plain = self.plain().await?;
            let mut latencies = Vec::new();
            while begun.elapsed() < duration {
                let asked = Instant::now();
                plain.whole().await?;
                latencies.push(asked.elapsed());
            }
            anyhow::Ok(latencies)
        };
        let latencies = try_join_all((0..clients).map(|_| client())).await?;
        Ok(Summary::new(begun.elapsed(), latencies.concat(), 0))
    }

    /// A request every so often, whether the last is answered or not; latencies count from when it was due. A summary of each window.
    pub async fn constant(&self, rate: f64, windows: usize) -> Result<Windows> {
        let (free, mut idle) = mpsc::channel(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            free.send(self.plain().await?).await.ok();
        }
        let (done, mut ended) = mpsc::unbounded_channel();
        let (due, mut now_due) = mpsc::unbounded_channel();
        let begun = Instant::now();
        let each = (rate * WINDOW.as_secs_f64()) as usize;
        let total = each * windows;
        // A thread of its own, because the runtime's timers know whole milliseconds only, and would ask in bursts.
        std::thread::spawn(move || {
            for number in 0..total {
                let at = begun + Duration::from_secs_f64(number as f64 / rate);
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                due.send((number, at)).ok();
            }
        });
        while let Some((number, due)) = now_due.recv().await {
            let mut plain: Plain = idle.recv().await.context("no connection")?;
            let (free, done) = (free.clone(), done.clone());
            tokio::spawn(async move {
                let answered = plain.whole().await;
                done.send(answered.map(|()| (number, due.elapsed()))).ok();
                free.send(plain).await.ok();
            });
        }
        let mut latencies = vec![Vec::with_capacity(each); windows];
        for _ in 0..total {
            let (number, latency) = ended.recv().await.context("a request was lost")??;
            latencies[number / each].push(latency);
        }
        Ok(Windows(latencies.into_iter().map(|latencies| Summary::new(WINDOW, latencies, 0)).collect()))
    }

    /// So many streams at once that begin one after another `within` a time, `rounds` times; latencies are those of the first bytes.
    pub async fn streams(&self, streams: usize, rounds: usize, within: Duration) -> Result<Summary> {
        let begun = Instant::now();
        let stream = |number: usize| async move {
            let mut connection = self.connect().await?;
            tokio::time::sleep(within.mul_f64(number as f64 / streams as f64)).await;
            let (mut first, mut chunks) = (Vec::new(), 0);
            for _ in 0..rounds {
                let asked = Instant::now();
                let mut body = self.ask(&mut connection, true).await?.into_body();
                let mut bytes = 0;
                while let Some(frame) = body.frame().await {
                    let Some(data) = frame?.into_data().ok() else { continue };
                    if bytes == 0 {
                        first.push(asked.elapsed());
                    }
                    bytes += data.len();
                }
                ensure!(bytes == upstream::stream_text().len(), "a stream has {bytes} bytes");
                chunks += upstream::CHUNKS;
            }
            anyhow::Ok((first, chunks))
        };
        let (firsts, chunks): (Vec<_>, Vec<_>) = try_join_all((0..streams).map(stream)).await?.into_iter().unzip();
        Ok(Summary::new(begun.elapsed(), firsts.concat(), chunks.iter().sum()))
    }

    async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn plain(&self) -> Result<Plain> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (address, body) = (self.address, question(false));
        let request = format!(
            "POST {PATH} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(Plain { stream, request, answer: Vec::with_capacity(8192) })
    }

    async fn ask(&self, connection: &mut Connection, stream: bool) -> Result<Response<Incoming>> {
        connection.ready().await?;
        let request = Request::post(PATH)
            .header("host", self.address.to_string())
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(question(stream))))?;
        let response = connection.send_request(request).await?;
        ensure!(response.status() == 200, "status {}", response.status());
        Ok(response)
    }
}

/// A connection that knows one request.
struct Plain {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl Plain {
    /// Asks, and reads the whole answer, which must have the length of the upstream's.
    async fn whole(&mut self) -> Result<()> {
        self.stream.write_all(self.request.as_bytes()).await?;
        self.answer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the connection ended");
            let Some(head) = self.answer.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            match (self.answer.len() - head - 4).cmp(&upstream::WHOLE.len()) {
                Ordering::Less if self.answer.starts_with(b"HTTP/1.1 200 ") => {}
                Ordering::Equal if self.answer.starts_with(b"HTTP/1.1 200 ") => return Ok(()),
                _ => bail!("{}", String::from_utf8_lossy(&self.answer)),
            }
        }
    }
}

fn question(stream: bool) -> String {
    let options = if stream { r#","stream":true,"stream_options":{"include_usage":true}"# } else { "" };
    format!(
        r#"{{"model":"bench","messages":[{{"role":"system","content":"You answer questions about the handbook of a company, briefly and with care."}},{{"role":"user","content":"How do I ask for leave, and how long before?"}}],"temperature":0.2{options}}}"#
    )
}
