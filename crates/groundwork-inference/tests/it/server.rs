//! A server that plays what a test tells it.

use futures::StreamExt;
use groundwork_core::clock::{Clock, Dice};
use groundwork_core::turn::{Dialect, Event};
use groundwork_inference::target::{Ambient, Call, CallError, Credential, Frames, Kind, Reply, Served, Settings, Target};
use groundwork_wire::object::Object;
use http::HeaderMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What is done on a connection, in order. Every answer waits for its request.
#[derive(Clone)]
pub(crate) enum Do {
    /// Answers a request with these bytes, each written by itself.
    Answer(Vec<Vec<u8>>),
    /// Takes a request and ends the connection without a byte.
    TakeAndClose,
    /// Ends the connection, without waiting for a request.
    Close,
    /// Says nothing until the client goes away.
    Silence,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    /// One permit for every connection that has been played to its end.
    closed: Arc<Semaphore>,
}

impl Server {
    /// Plays the first list on the first connection, and so on; the last list on all that follow.
    pub(crate) async fn start(plays: Vec<Vec<Do>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            connections: Arc::default(),
            closed: Arc::new(Semaphore::new(0)),
        };
        let (seen, connections, closed) = (server.seen.clone(), server.connections.clone(), server.closed.clone());
        // Ends with the runtime of its test.
        let tasks = TaskTracker::new();
        tasks.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut connections = connections.lock().unwrap();
                    *connections += 1;
                    *connections - 1
                };
                let play = plays.get(number).or(plays.last()).cloned().unwrap_or_default();
                let (seen, closed) = (seen.clone(), closed.clone());
                tasks.spawn(async move {
                    play_on(stream, play, seen).await;
                    closed.add_permits(1);
                });
            }
        });
        server
    }

    /// Answers every request on every connection so.
    pub(crate) async fn answering(answer: Vec<Vec<u8>>) -> Self {
        Self::start(vec![vec![Do::Answer(answer); 20]]).await
    }

    /// Requests as they came: head and body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// Waits until another connection has ended, and until this side may have seen it.
    pub(crate) async fn closed(&self) {
        self.closed.acquire().await.unwrap().forget();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn openai(&self) -> Settings {
        let base_url = format!("http://127.0.0.1:{}/v1", self.port).parse().unwrap();
        Settings::new("server", Kind::OpenAi { base_url, key: Some("key".to_owned().into()) }).model("their-model")
    }
}

impl Server {
    pub(crate) fn anthropic(&self) -> Settings {
        let base_url = format!("http://127.0.0.1:{}", self.port).parse().unwrap();
        Settings::new("server", Kind::Anthropic { base_url, credential: Credential::Key("key".to_owned().into()) }).model("claude")
    }

    /// A server of OpenAI's that is asked in responses.
    pub(crate) fn responses(&self) -> Settings {
        Settings { speaks: Some(vec![Dialect::Responses]), ..self.openai() }
    }

    /// As the vendor in whose folder the file is.
    pub(crate) fn vendor(&self, file: &Path) -> Settings {
        match file.ancestors().nth(2).and_then(Path::file_name).and_then(|folder| folder.to_str()) {
            Some("anthropic") => self.anthropic(),
            Some("responses") => self.responses(),
            _ => self.openai(),
        }
    }
}

async fn play_on(mut stream: TcpStream, play: Vec<Do>, seen: Arc<Mutex<Vec<String>>>) {
    for step in play {
        match step {
            Do::Answer(parts) => {
                let Some(request) = request(&mut stream).await else { return };
                seen.lock().unwrap().push(request);
                for part in parts {
                    if stream.write_all(&part).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
            Do::TakeAndClose => {
                if let Some(request) = request(&mut stream).await {
                    seen.lock().unwrap().push(request);
                }
                return;
            }
            Do::Close => return,
            Do::Silence => {
                while stream.read(&mut [0; 1024]).await.unwrap_or(0) > 0 {}
                return;
            }
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// An answer in one piece, after which the connection stays open.
pub(crate) fn whole(status: &str, headers: &str, body: &[u8]) -> Vec<Vec<u8>> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n", body.len());
    vec![[head.as_bytes(), body].concat()]
}

/// A chunked stream, after which the connection stays open, cut into parts of `size` bytes.
pub(crate) fn events(headers: &str, bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{headers}transfer-encoding: chunked\r\n\r\n");
    let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
    std::iter::once(head.into_bytes()).chain(bytes.chunks(size).map(chunk)).chain([b"0\r\n\r\n".to_vec()]).collect()
}

pub(crate) fn ambient() -> Ambient {
    Ambient::new(Clock::fake(1_800_000_000_000).0, Dice::counting(1), TaskTracker::new(), CancellationToken::new())
}

pub(crate) fn target(settings: &Settings) -> Target {
    Target::open(settings, &ambient()).unwrap()
}

pub(crate) fn call(dialect: Dialect, body: &str, stream: bool) -> Call {
    Call {
        id: "chatcmpl-ours".into(),
        now: 1_800_000_000_000,
        dialect,
        body: Object::parse(body.to_owned()).unwrap(),
        model: None,
        stream,
        replaceable: true,
        deadline: Instant::now() + Duration::from_secs(30),
        grounding: None,
        headers: Arc::default(),
    }
}

pub(crate) const HELLO: &str = r#"{"model":"ours","messages":[{"role":"user","content":"Hello?"}]}"#;

pub(crate) fn hello(stream: bool) -> Call {
    call(Dialect::Chat, HELLO, stream)
}

/// The bytes that a client sees, and what they say.
pub(crate) struct Told {
    pub(crate) headers: HeaderMap,
    pub(crate) served: Served,
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<CallError>,
}

pub(crate) async fn told(reply: Reply) -> Told {
    match reply {
        Reply::Whole { headers, served, body, events } => Told { headers, served, bytes: body.to_vec(), events, error: None },
        Reply::Stream { headers, served, frames } => listen(headers, served, frames).await,
    }
}

async fn listen(headers: HeaderMap, mut served: Served, mut frames: Frames) -> Told {
    let (mut bytes, mut events, mut error) = (Vec::new(), Vec::new(), None);
    while let Some(spoken) = frames.next().await {
        match spoken {
            Ok(spoken) => {
                bytes.extend_from_slice(&spoken.frame.to_bytes());
                events.extend(spoken.events);
                served.unfiltered |= spoken.unfiltered;
            }
            Err(failed) => error = Some(failed),
        }
    }
    Told { headers, served, bytes, events, error }
}

impl Told {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
}
