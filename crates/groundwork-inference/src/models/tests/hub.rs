//! A hub on this machine, honest or not.

use super::place::{TOKENIZER, WEIGHTS};
use crate::catalogue::Source;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Honest,
    /// The first answer ends in the middle of the file.
    BreaksOffOnce,
    KnowsNoRanges,
    WrongBytes,
    TooMany,
    NotThere,
}

/// Paths that were asked for, each with its range.
type Requests = Arc<Mutex<Vec<(String, Option<String>)>>>;

pub(super) struct Hub {
    base: String,
    requests: Requests,
}

/// Other bytes of the same length.
pub(super) fn wrong(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 1).collect()
}

impl Hub {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Requests::default();
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.expect("a connection"), manner, &seen);
            }
        });
        Self { base, requests }
    }

    pub(super) fn base(&self) -> String {
        self.base.clone()
    }

    pub(super) fn source(&self) -> Source {
        Source::Hub { repository: "owner/made".to_owned(), revision: "abc".to_owned(), path: String::new() }
    }

    pub(super) fn requests(&self) -> Vec<(String, Option<String>)> {
        self.requests.lock().expect("no test breaks it").clone()
    }
}

fn serve(mut stream: TcpStream, manner: Manner, seen: &Requests) {
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines().map(|line| line.expect("text"));
    let path = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)).expect("a request line");
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let range = headers.iter().find_map(|line| line.to_lowercase().strip_prefix("range: ").map(str::to_owned));
    let first = {
        let mut seen = seen.lock().expect("no test breaks it");
        seen.push((path.clone(), range.clone()));
        seen.len() == 1
    };
    let whole = if path.ends_with("tokenizer.json") { TOKENIZER } else { WEIGHTS };
    let from: usize = range.and_then(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().ok()).unwrap_or(0);
    let total = whole.len();
    let partial =
        |bytes: &[u8]| (format!("206 Partial Content\r\ncontent-range: bytes {from}-{}/{total}", total - 1), bytes[from..].to_vec());
    let (status, body) = match manner {
        Manner::NotThere => ("404 Not Found".to_owned(), b"no such file".to_vec()),
        Manner::WrongBytes => ("200 OK".to_owned(), wrong(whole)),
        Manner::TooMany => ("200 OK".to_owned(), [whole, whole].concat()),
        Manner::Honest | Manner::BreaksOffOnce if from > 0 => partial(whole),
        _ => ("200 OK".to_owned(), whole.to_vec()),
    };
    let sent = if manner == Manner::BreaksOffOnce && first { &body[..body.len() / 2] } else { &body[..] };
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(sent);
}
