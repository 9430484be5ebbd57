//! The program's side of a chat model: one child, one answer at a time, a bounded queue before it.

use super::CHILD_ARGUMENT;
use super::prepare::Source;
use super::protocol::{Request, Response, Task};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Pieces of an answer that may wait for a slow reader.
const PIECES: usize = 64;
/// A child that is told something and does nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// A child that nobody asks for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// What is run, and how.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) program: PathBuf,
    pub(super) source: Source,
    pub(super) window: usize,
    pub(super) threads: usize,
}

/// A question that waits for its turn.
struct Work {
    task: Task,
    deadline: Instant,
    reply: mpsc::Sender<Piece>,
}

/// A piece of an answer; a reason when the child broke down.
pub(super) type Piece = Result<Response, String>;

pub(super) struct Host {
    queue: mpsc::Sender<Work>,
}

impl Host {
    /// The host, and its work, which is to be spawned where tasks are tracked.
    pub(super) fn new(plan: Plan, places: usize, stop: CancellationToken) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, work) = mpsc::channel(places);
        (Self { queue }, async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = run(plan, work) => {}
            }
        })
    }

    /// The pieces of the answer. Dropping the receiver cancels it. `None` when too many wait already.
    pub(super) fn ask(&self, task: Task, deadline: Instant) -> Option<mpsc::Receiver<Piece>> {
        let (reply, pieces) = mpsc::channel(PIECES);
        self.queue.try_send(Work { task, deadline, reply }).ok()?;
        Some(pieces)
    }
}

async fn run(plan: Plan, mut queue: mpsc::Receiver<Work>) {
    let mut running: Option<Running> = None;
    loop {
        let work = match tokio::time::timeout(IDLE, queue.recv()).await {
            Ok(Some(work)) => work,
            Ok(None) => return,
            Err(_idle) => {
                running = None;
                continue;
            }
        };
        if work.reply.is_closed() || work.deadline <= tokio::time::Instant::now().into_std() {
            continue;
        }
        let child = match running.take() {
            Some(child) => Ok(child),
            None => Running::start(&plan).await,
        };
        let answered = match child {
            Ok(mut child) => child.answer(&work).await.map(|usable| usable.then_some(child)),
            Err(error) => Err(error),
        };
        match answered {
            Ok(child) => running = child,
            Err(error) => {
                tracing::warn!(%error, "the child that runs the chat model broke down; the next call starts another");
                // Whoever waits may have gone, or take nothing before the deadline.
                let _ = tokio::time::timeout_at(work.deadline.into(), work.reply.send(Err(error.to_string()))).await;
            }
        }
    }
}

struct Running {
    /// Is killed when it is dropped.
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// The number of the last request.
    asked: u64,
}

impl Running {
    async fn start(plan: &Plan) -> io::Result<Self> {
        let threads = OsString::from(plan.threads.to_string());
        let mut child = Command::new(&plan.program)
            .arg(CHILD_ARGUMENT)
            .env_clear()
            // The engine's own ways to be told how many cores it may keep busy.
            .envs([("CANDLE_NUM_THREADS", &threads), ("RAYON_NUM_THREADS", &threads)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipe = || io::Error::other("a child without pipes");
        let input = child.stdin.take().ok_or_else(pipe)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(pipe)?).lines();
        let mut running = Self { _child: child, input, output, asked: 0 };
        running.send(&Request::Open { source: plan.source.clone(), window: plan.window }).await?;
        Ok(running)
    }

    /// Passes the answer on, to its last word. False when another child should open the model anew, which may have been mended.
    async fn answer(&mut self, work: &Work) -> io::Result<bool> {
        self.asked += 1;
        self.send(&Request::Do(self.asked, work.task.clone())).await?;
        let deadline = tokio::time::sleep_until(work.deadline.into());
        tokio::pin!(deadline);
        loop {
            let response = tokio::select! {
                response = self.next() => response?,
                () = work.reply.closed() => return self.cancel().await,
                () = &mut deadline => return self.cancel().await,
            };
            let (last, usable) = (response.is_last(), is_usable(&response));
            tokio::select! {
                // That nobody listens any more is seen above.
                _ = work.reply.send(Ok(response)) => {}
                () = &mut deadline => {}
            }
            if last {
                return Ok(usable);
            }
        }
    }

    /// Ends the answer and hears it out: the next one begins with a line of its own.
    async fn cancel(&mut self) -> io::Result<bool> {
        self.send(&Request::Cancel(self.asked)).await?;
        let heard_out = async {
            loop {
                let response = self.next().await?;
                if response.is_last() {
                    return Ok(is_usable(&response));
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard_out).await.unwrap_or_else(|_| Err(io::Error::other("it did not stop when it was told to")))
    }

    async fn next(&mut self) -> io::Result<Response> {
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "it ended in mid-answer");
        let line = self.output.next_line().await?.ok_or_else(ended)?;
        Ok(serde_json::from_str(&line)?)
    }

    async fn send(&mut self, request: &Request) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let written = async {
            self.input.write_all(&line).await?;
            self.input.flush().await
        };
        tokio::time::timeout(PATIENCE, written).await.unwrap_or_else(|_| Err(io::Error::other("it does not read what it is told")))
    }
}

fn is_usable(response: &Response) -> bool {
    !matches!(response, Response::Failed(_))
}
