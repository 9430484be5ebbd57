//! Calls through deployments that fail in every way, by a seed: what fails before its first byte is answered all the same, no call
//! outlives its deadline, and every call is booked once.

use crate::fixture::{House, Plan, body, fake, request};
use crate::upstream::{openai, receive};
use futures::StreamExt;
use groundwork_app::pipeline::{self, Answer as Replied, Item, Request};
use groundwork_app::{Caller, embeddings, forward, ledger, routing};
use groundwork_core::call::Operation;
use groundwork_inference::fake::{Answer, Fault, Script};
use groundwork_inference::target::Settings;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// What a call may be late.
const LATE: Duration = Duration::from_millis(50);

/// How a call went for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    Well,
    /// It failed before its first byte.
    Badly,
    /// It broke off behind its first byte.
    BrokeOff,
    /// The client went away.
    Away,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Stream,
    StreamAndLeave,
    Embeddings,
    Completion,
    CompletionStream,
}

struct Client<'a> {
    house: &'a House,
    number: usize,
    kind: Kind,
    patience: Duration,
}

impl Client<'_> {
    /// Calls, and tells how it went and how long after the deadline it ended.
    async fn call(self) -> (Went, Duration) {
        let began = Instant::now();
        let went = self.ask((began + self.patience).into_std()).await;
        (went, began.elapsed().saturating_sub(self.patience))
    }

    async fn ask(&self, deadline: std::time::Instant) -> Went {
        let (app, caller) = (&self.house.app, Caller::local());
        let request_id = Some(format!("call {}", self.number));
        let question = format!("What is {}?", self.number);
        match self.kind {
            Kind::Whole | Kind::Stream | Kind::StreamAndLeave => {
                let mut asked = body("default", &question);
                asked["stream"] = (self.kind != Kind::Whole).into();
                match pipeline::run(app, &caller, Request { deadline: Some(deadline), request_id, ..request(asked) }).await {
                    Ok(Replied::Whole(..)) => Went::Well,
                    Ok(Replied::Stream(_, items)) => went(items, self.kind == Kind::StreamAndLeave).await,
                    Err(_) => Went::Badly,
                }
            }
            Kind::Embeddings => {
                let body = json!({ "model": "default", "input": question }).to_string().into();
                let request = embeddings::Request { body, deadline: Some(deadline), request_id, ..embeddings::Request::default() };
                if embeddings::create(app, &caller, request).await.is_ok() { Went::Well } else { Went::Badly }
            }
            Kind::Completion | Kind::CompletionStream => {
                let body = json!({ "model": "default", "prompt": question, "stream": self.kind == Kind::CompletionStream });
                let request = forward::Request {
                    operation: Operation::Completions,
                    path: "/completions",
                    headers: Arc::default(),
                    body: body.to_string().into(),
                    model: "default".into(),
                    only: None,
                    deadline,
                    request_id,
                };
                match forward::forward(app, &caller, request).await.map(|answer| answer.body) {
                    Ok(forward::Body::Events(items)) => went(items, false).await,
                    Ok(forward::Body::Bytes(pieces)) => {
                        if pieces.all(|piece| async move { piece.is_ok() }).await {
                            Went::Well
                        } else {
                            Went::BrokeOff
                        }
                    }
                    Err(_) => Went::Badly,
                }
            }
        }
    }
}

async fn went(mut items: futures::stream::BoxStream<'static, Item>, leaves: bool) -> Went {
    let mut frames = 0;
    while let Some(item) = items.next().await {
        match item {
            Item::Frame(_) if leaves => return Went::Away,
            Item::Frame(_) => frames += 1,
            Item::Retracted => {}
            Item::Error(_) => return if frames > 0 { Went::BrokeOff } else { Went::Badly },
        }
    }
    Went::Well
}

/// What there is to say of many calls.
struct Seen {
    went: Vec<(Kind, Went)>,
    latest: Duration,
}

impl Seen {
    fn count(&self, wanted: Went) -> usize {
        self.went.iter().filter(|(_, went)| *went == wanted).count()
    }
}

/// Calls, one every `pause`.
async fn storm(house: &House, (calls, pause): (usize, Duration), kinds: &[Kind], patience: &[Duration]) -> Seen {
    let began = Instant::now();
    let call = |number: usize| {
        let (kind, patience) = (kinds[number % kinds.len()], patience[number / kinds.len() % patience.len()]);
        async move {
            tokio::time::sleep_until(began + pause * number as u32).await;
            let (went, late) = Client { house, number, kind, patience }.call().await;
            ((kind, went), late)
        }
    };
    let calls = futures::future::join_all((0..calls).map(call)).await;
    let (went, late): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
    Seen { went, latest: late.into_iter().max().unwrap_or_default() }
}

/// Nothing is left of any call but its line in the ledger. Returns the calls that have met a failure before their first byte.
async fn settled(house: House, calls: usize) -> Vec<ledger::Entry> {
    let began = Instant::now();
    for gauge in ["groundwork_calls_in_flight 0", "groundwork_calls_draining 0", "groundwork_open_holds 0"] {
        // Tokens are counted beside the calls.
        while !house.app.metrics_text().contains(gauge) {
            assert!(began.elapsed() < Duration::from_secs(20), "{gauge}: {}", house.app.metrics_text());
            tokio::task::yield_now().await;
        }
    }
    for state in routing::list(&house.app, &Caller::local()) {
        assert_eq!((state.in_flight, state.waiting), (0, 0), "{state:?}");
    }
    let entries = house.ledger_at_the_end().await;
    let labels: BTreeSet<_> = entries.iter().map(|entry| entry.request_label.clone().unwrap()).collect();
    let ids: BTreeSet<_> = entries.iter().map(|entry| entry.call.clone()).collect();
    let expected: BTreeSet<_> = (0..calls).map(|number| format!("call {number}")).collect();
    assert_eq!((entries.len(), ids.len()), (calls, calls), "every call is booked once");
    assert!(labels == expected, "and it is that call");
    entries.into_iter().filter(|entry| entry.failed_attempts > 0).collect()
}

/// Fails at 30 % of its calls, in each way as often.
fn failing(seed: u64) -> Script {
    let refuse = |status, retry_after_ms| Fault::Refuse { status, code: String::new(), message: "no".into(), retry_after_ms };
    let faults = [
        refuse(429, Some(200)),
        refuse(429, None),
        refuse(500, None),
        Fault::Unreachable,
        Fault::Hang { after: 0 },
        Fault::Break { after: 0 },
        Fault::Half { after: 0 },
        Fault::Error { after: 0, message: "hidden".into() },
        Fault::Hang { after: 2 },
        Fault::Break { after: 1 },
        Fault::Half { after: 2 },
        Fault::Error { after: 2, message: "late".into() },
    ];
    let share = 30 * 7 / faults.len() as u32;
    let well = Answer { weight: 70 * share * faults.len() as u32 / 30, ..paced() };
    let faults = faults.into_iter().map(|fault| Answer { weight: share, fault: Some(fault), ..paced() });
    Script { seed: Some(seed), ..Script::new(std::iter::once(well).chain(faults)) }
}

fn paced() -> Answer {
    let pieces = ["One ", "two ", "three ", "four."].map(str::to_owned).to_vec();
    Answer { pieces: Some(pieces), first_token_ms: 20, chunk_ms: 5, ..Answer::default() }
}

#[tokio::test]
async fn calls_through_tiers_that_fail_in_every_way_are_answered_in_time_and_booked_once() {
    const CALLS: usize = 3_000;
    const KINDS: [Kind; 8] = [
        Kind::Whole,
        Kind::Stream,
        Kind::Embeddings,
        Kind::Whole,
        Kind::Completion,
        Kind::Stream,
        Kind::CompletionStream,
        Kind::StreamAndLeave,
    ];
    for seed in [1, 2] {
        let tiers = [fake("tier1", failing(seed)), fake("tier2", failing(seed + 1_000)), fake("tier3", Script::new([paced()]))];
        let house = Plan::new(tiers.to_vec()).build().await.unwrap();
        tokio::time::pause();
        let patience = [1, 2, 5, 20].map(Duration::from_secs);
        let seen = storm(&house, (CALLS, Duration::from_millis(50)), &KINDS, &patience).await;
        // What nobody waits for is counted and booked beside the calls.
        tokio::time::sleep(Duration::from_secs(30)).await;
        tokio::time::resume();

        assert!(seen.latest <= LATE, "seed {seed}: a call ended {:?} after its deadline", seen.latest);
        assert!(seen.count(Went::BrokeOff) > 20, "seed {seed}: what broke off behind its first byte did so for the client");
        let failed = seen.count(Went::Badly);
        let met = settled(house, CALLS).await;
        let answered = met.iter().filter(|entry| entry.status == "completed").count();
        assert!(answered > CALLS / 10, "seed {seed}: failures were met: {answered}");
        assert!(failed * 1_000 <= answered + failed, "seed {seed}: {failed} failed beside {answered} that were answered all the same");
    }
}

/// What becomes of one request over a real connection.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Fine,
    Refused(&'static str),
    /// Silence after so many parts of the answer.
    Silence(usize),
    /// The connection is reset after so many.
    Reset(usize),
    /// It ends in the middle of the part behind so many.
    Half(usize),
}

impl Weather {
    /// The `turn`th of a server with this seed: bad in 30 of 100.
    fn draw(seed: u64, turn: u64) -> Self {
        const BAD: [Weather; 10] = [
            Weather::Refused("429 Too Many Requests\r\nretry-after-ms: 100"),
            Weather::Refused("500 Internal Server Error"),
            Weather::Refused("503 Service Unavailable"),
            Weather::Silence(0),
            Weather::Reset(0),
            Weather::Half(0),
            Weather::Silence(2),
            Weather::Reset(1),
            Weather::Reset(2),
            Weather::Half(2),
        ];
        let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(turn.to_le_bytes()).finalize();
        match usize::from(hash[0]) * 100 / 256 {
            0..70 => Self::Fine,
            _ => BAD[usize::from(hash[1]) % BAD.len()],
        }
    }

    async fn play(self, mut stream: TcpStream) {
        let Some((_, asked)) = receive(&mut stream).await else { return };
        let head = |status: &str, kind: &str| format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
        let parts = match asked["stream"].as_bool() {
            Some(true) => chunks().into_iter().map(|chunk| format!("data: {chunk}\n\n")).collect(),
            _ => whole(),
        };
        let kind = if asked["stream"] == true { "text/event-stream" } else { "application/json" };
        let sent = match self {
            Self::Refused(status) => format!("{}{{\"error\":{{\"message\":\"no\"}}}}", head(status, "application/json")),
            Self::Silence(0) | Self::Reset(0) => String::new(),
            Self::Fine => head("200 OK", kind) + &parts.concat(),
            Self::Silence(after) | Self::Reset(after) => head("200 OK", kind) + &parts[..after].concat(),
            Self::Half(after) => head("200 OK", kind) + &parts[..after].concat() + &parts[after][..parts[after].len() / 2],
        };
        // The client may be gone already; it may also want to read what was sent before a reset takes it away.
        let written = stream.write_all(sent.as_bytes()).await.and(stream.flush().await);
        match self {
            Self::Silence(_) if written.is_ok() => while stream.read(&mut [0; 64]).await.unwrap_or(0) > 0 {},
            Self::Reset(_) => drop(stream.set_zero_linger()),
            _ => {}
        }
    }
}

fn chunks() -> Vec<String> {
    let chunk = |choices: serde_json::Value| {
        json!({ "id": "c1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "m", "choices": choices }).to_string()
    };
    let says = |text: &str| chunk(json!([{ "index": 0, "delta": { "content": text }, "finish_reason": null }]));
    vec![says("One "), says("two "), says("three."), chunk(json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }])), "[DONE]".into()]
}

fn whole() -> Vec<String> {
    let message = json!({ "role": "assistant", "content": "One two three." });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6 });
    let text =
        json!({ "id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage }).to_string();
    text.as_bytes().chunks(40).map(|part| String::from_utf8(part.to_vec()).unwrap()).collect()
}

/// A server of bad weather, in which each request is the next turn.
async fn server(name: &str, seed: Option<u64>) -> Settings {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the runtime of its test.
    let connections = TaskTracker::new();
    connections.clone().spawn(async move {
        for turn in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            connections.spawn(seed.map_or(Weather::Fine, |seed| Weather::draw(seed, turn)).play(stream));
        }
    });
    Settings::new(name, openai(port)).model("m")
}

#[tokio::test]
async fn the_same_over_real_connections() {
    const CALLS: usize = 240;
    let tiers = vec![server("tier1", Some(7)).await, server("tier2", Some(8)).await, server("tier3", None).await];
    let house = Plan::new(tiers).build().await.unwrap();
    let patience = [Duration::from_millis(1_600)];
    let seen =
        storm(&house, (CALLS, Duration::from_millis(20)), &[Kind::Whole, Kind::Stream, Kind::Whole, Kind::StreamAndLeave], &patience).await;
    // A machine that is busy with other tests is late by itself.
    assert!(seen.latest <= 10 * LATE, "a call ended {:?} after its deadline", seen.latest);
    assert!(seen.count(Went::BrokeOff) > 3, "what broke off behind its first byte did so for the client");
    assert_eq!(seen.count(Went::Badly), 0, "{:?}", seen.went);
    let met = settled(house, CALLS).await;
    assert!(met.len() > CALLS / 10, "failures were met: {}", met.len());
}
