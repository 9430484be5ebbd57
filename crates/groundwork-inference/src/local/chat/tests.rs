//! A tiny model with made weights: what it computes is compared with plain arithmetic, and what the child says with its protocol.

use super::child::serve;
use super::decoder::{Decoder, READ_AT_ONCE};
use super::generate::End;
use super::gguf::Gguf;
use super::mark::{Likelihoods, Marker};
use super::prepare::{self, Source};
use super::protocol::{Ask, Request, Response, Task};
use super::template::{Message, Template};
use super::vocabulary::Tokens;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::sync::mpsc;

const DIMENSIONS: usize = 64;
const HEADS: usize = 4;
const SHARED: usize = 2;
const WIDTH: usize = DIMENSIONS / HEADS;
const FEED: usize = 96;
const LAYERS: usize = 2;
const WINDOW: usize = 300;

/// Every byte as the byte pair encoding writes it, two pairs, and two control tokens.
fn names() -> Vec<String> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100;
    let mut letter = |byte: u8| {
        if printable(byte) {
            return char::from(byte).to_string();
        }
        next += 1;
        char::from_u32(next - 1).unwrap().to_string()
    };
    let bytes = (0..=255).map(&mut letter).collect::<Vec<_>>();
    bytes.into_iter().chain(["ab", "abc", "<|im_start|>", "<|im_end|>"].map(str::to_owned)).collect()
}

/// Numbers that look like chance and are the same every time.
fn made(name: &str, count: usize) -> Vec<f32> {
    let mut state = name.bytes().fold(0x9e37_79b9_u32, |state, byte| (state ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next() * 0.4).collect()
}

type Weights = HashMap<String, (Vec<usize>, Vec<f32>)>;

fn weights(architecture: &str) -> Weights {
    let mut weights = Weights::new();
    let mut add = |name: &str, shape: &[usize]| {
        let numbers = made(name, shape.iter().product());
        let numbers = if shape.len() == 1 { numbers.iter().map(|number| number + 1.0).collect() } else { numbers };
        weights.insert(name.to_owned(), (shape.to_vec(), numbers));
    };
    add("token_embd.weight", &[names().len(), DIMENSIONS]);
    add("output_norm.weight", &[DIMENSIONS]);
    for layer in 0..LAYERS {
        let mut add = |part: &str, shape: &[usize]| add(&format!("blk.{layer}.{part}"), shape);
        add("attn_norm.weight", &[DIMENSIONS]);
        add("ffn_norm.weight", &[DIMENSIONS]);
        add("attn_q.weight", &[DIMENSIONS, DIMENSIONS]);
        add("attn_k.weight", &[SHARED * WIDTH, DIMENSIONS]);
        add("attn_v.weight", &[SHARED * WIDTH, DIMENSIONS]);
        add("attn_output.weight", &[DIMENSIONS, DIMENSIONS]);
        add("ffn_gate.weight", &[FEED, DIMENSIONS]);
        add("ffn_up.weight", &[FEED, DIMENSIONS]);
        add("ffn_down.weight", &[DIMENSIONS, FEED]);
        match architecture {
            "qwen2" => {
                add("attn_q.bias", &[DIMENSIONS]);
                add("attn_k.bias", &[SHARED * WIDTH]);
                add("attn_v.bias", &[SHARED * WIDTH]);
            }
            "qwen3" => {
                add("attn_q_norm.weight", &[WIDTH]);
                add("attn_k_norm.weight", &[WIDTH]);
            }
            _ => {}
        }
    }
    weights
}

/// Writes the model with its matrices as `kind`.
fn write(path: &Path, architecture: &str, kind: GgmlDType) {
    let text = |text: &str| Value::String(text.to_owned());
    let size = |number: usize| Value::U32(number as u32);
    let tokens = names();
    let kinds = (0..tokens.len()).map(|at| Value::I32(if at >= tokens.len() - 2 { 3 } else { 1 })).collect();
    let of = |key: &str| format!("{architecture}.{key}");
    let metadata = [
        ("general.architecture".to_owned(), text(architecture)),
        (of("block_count"), size(LAYERS)),
        (of("embedding_length"), size(DIMENSIONS)),
        (of("context_length"), size(WINDOW)),
        (of("attention.head_count"), size(HEADS)),
        (of("attention.head_count_kv"), size(SHARED)),
        (of("attention.layer_norm_rms_epsilon"), Value::F32(1e-5)),
        (of("rope.freq_base"), Value::F32(10_000.0)),
        ("tokenizer.ggml.model".to_owned(), text("gpt2")),
        ("tokenizer.ggml.pre".to_owned(), text("smollm")),
        ("tokenizer.ggml.tokens".to_owned(), Value::Array(tokens.iter().map(|name| text(name)).collect())),
        ("tokenizer.ggml.token_type".to_owned(), Value::Array(kinds)),
        ("tokenizer.ggml.merges".to_owned(), Value::Array(vec![text("a b"), text("ab c")])),
        ("tokenizer.ggml.eos_token_id".to_owned(), size(tokens.len() - 1)),
    ];
    let tensors: Vec<(String, QTensor)> = weights(architecture)
        .into_iter()
        .map(|(name, (shape, numbers))| {
            let kind = if shape.len() == 1 { GgmlDType::F32 } else { kind };
            let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap();
            (name, QTensor::quantize(&tensor, kind).unwrap())
        })
        .collect();
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
}

/// The same model in plain arithmetic: the scores after the last of `tokens`.
fn reference(architecture: &str, tokens: &[u32]) -> Vec<f64> {
    let weights = weights(architecture);
    let get = |name: &str| weights[name].1.iter().map(|number| f64::from(*number)).collect::<Vec<f64>>();
    let norm = |state: &[f64], scale: &[f64]| -> Vec<f64> {
        let mean = state.iter().map(|number| number * number).sum::<f64>() / state.len() as f64;
        state.iter().zip(scale).map(|(number, scale)| number / (mean + 1e-5).sqrt() * scale).collect()
    };
    let times = |matrix: &[f64], state: &[f64]| -> Vec<f64> {
        matrix.chunks(state.len()).map(|row| row.iter().zip(state).map(|(a, b)| a * b).sum()).collect()
    };
    let embeddings = get("token_embd.weight");
    let mut states: Vec<Vec<f64>> = tokens.iter().map(|token| embeddings[*token as usize * DIMENSIONS..][..DIMENSIONS].to_vec()).collect();
    for layer in 0..LAYERS {
        let get = |part: &str| get(&format!("blk.{layer}.{part}"));
        let linear = |part: &str, state: &[f64]| -> Vec<f64> {
            let mut out = times(&get(&format!("{part}.weight")), state);
            if weights.contains_key(&format!("blk.{layer}.{part}.bias")) {
                out.iter_mut().zip(get(&format!("{part}.bias"))).for_each(|(number, bias)| *number += bias);
            }
            out
        };
        let turned = |part: &str, state: &[f64], position: usize| -> Vec<Vec<f64>> {
            linear(part, state)
                .chunks(WIDTH)
                .map(|head| {
                    let head = if architecture == "qwen3" { norm(head, &get(&format!("{part}_norm.weight"))) } else { head.to_vec() };
                    let mut out = head.clone();
                    for pair in 0..WIDTH / 2 {
                        let (a, b) = if architecture == "llama" { (2 * pair, 2 * pair + 1) } else { (pair, pair + WIDTH / 2) };
                        let angle = position as f64 / 10_000_f64.powf(2.0 * pair as f64 / WIDTH as f64);
                        out[a] = head[a] * angle.cos() - head[b] * angle.sin();
                        out[b] = head[a] * angle.sin() + head[b] * angle.cos();
                    }
                    out
                })
                .collect()
        };
        let seen: Vec<Vec<f64>> = states.iter().map(|state| norm(state, &get("attn_norm.weight"))).collect();
        let keys: Vec<_> = seen.iter().enumerate().map(|(at, state)| turned("attn_k", state, at)).collect();
        let values: Vec<_> = seen.iter().map(|state| linear("attn_v", state)).collect();
        for (at, state) in states.iter_mut().enumerate() {
            let mut joined = Vec::new();
            for (head, query) in turned("attn_q", &seen[at], at).iter().enumerate() {
                let shared = head / (HEADS / SHARED);
                let dot = |key: &Vec<f64>| key.iter().zip(query).map(|(a, b)| a * b).sum::<f64>() / (WIDTH as f64).sqrt();
                let weights: Vec<f64> = (0..=at).map(|other| dot(&keys[other][shared]).exp()).collect();
                let all: f64 = weights.iter().sum();
                let value =
                    |number: usize| (0..=at).map(|other| weights[other] / all * values[other][shared * WIDTH + number]).sum::<f64>();
                joined.extend((0..WIDTH).map(value));
            }
            state.iter_mut().zip(linear("attn_output", &joined)).for_each(|(number, more)| *number += more);
            let seen = norm(state, &get("ffn_norm.weight"));
            let gate = linear("ffn_gate", &seen).into_iter().map(|number| number / (1.0 + (-number).exp()));
            let gated: Vec<f64> = gate.zip(linear("ffn_up", &seen)).map(|(gate, up)| gate * up).collect();
            state.iter_mut().zip(linear("ffn_down", &gated)).for_each(|(number, more)| *number += more);
        }
    }
    times(&embeddings, &norm(states.last().unwrap(), &get("output_norm.weight")))
}

fn source(path: &Path) -> Source {
    Source { path: path.to_owned(), sha256: Some(hex::encode(Sha256::digest(std::fs::read(path).unwrap()))) }
}

#[test]
fn every_family_computes_what_plain_arithmetic_does_at_once_and_token_by_token() {
    let folder = tempfile::tempdir().unwrap();
    let tokens: Vec<u32> = (0..11).map(|at| at * 17 % 250).collect();
    for architecture in ["llama", "qwen2", "qwen3"] {
        let path = folder.path().join(format!("{architecture}.gguf"));
        write(&path, architecture, GgmlDType::F32);
        let decoder = Decoder::read(&mut Gguf::open(&path).unwrap(), WINDOW).unwrap();
        let expected = reference(architecture, &tokens);
        let mut memory = decoder.memory();
        let mut one_by_one = Vec::new();
        decoder.next(&tokens[..4], &mut memory).unwrap();
        for token in &tokens[4..] {
            one_by_one = decoder.next(&[*token], &mut memory).unwrap();
        }
        for scores in [decoder.next(&tokens, &mut decoder.memory()).unwrap(), one_by_one] {
            assert_eq!(scores.len(), expected.len());
            let worst = scores.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-3, "{architecture}: {worst}");
        }
    }
}

#[test]
fn slow_weights_are_changed_once_and_a_damaged_copy_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write(&path, "llama", GgmlDType::Q4_1);
    let source = source(&path);
    let scores = |gguf: &mut Gguf| {
        let decoder = Decoder::read(gguf, WINDOW).unwrap();
        decoder.next(&[1, 2, 3], &mut decoder.memory()).unwrap()
    };
    let first = scores(&mut prepare::open(&source).unwrap());
    let copies = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|end| end == "gguf") && *file != path).collect::<Vec<_>>()
    };
    let copy = copies().pop().unwrap();
    let opened = prepare::open(&source).unwrap();
    assert!(!opened.has_slow_weights());
    assert_eq!(opened.text("groundwork.converted_from"), source.sha256.as_deref());
    File::options().append(true).open(&copy).unwrap().write_all(b"x").unwrap();
    assert_eq!(scores(&mut prepare::open(&source).unwrap()), first);
    assert_eq!(copies().len(), 1);

    let wrong = Source { sha256: Some("0".repeat(64)), ..source };
    assert!(prepare::open(&wrong).map(|_| ()).unwrap_err().to_string().contains("damaged"));
}

#[test]
fn tokens_are_bytes_pairs_and_marks_and_come_back_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write(&path, "llama", GgmlDType::F32);
    let tokens = Tokens::read(&Gguf::open(&path).unwrap()).unwrap();
    let count = tokens.size() as u32;
    assert_eq!(tokens.of("abcab").unwrap(), [257, 256]);
    assert_eq!(tokens.of("<|im_start|>ab12").unwrap(), [count - 2, 256, u32::from(b'1'), u32::from(b'2')]);
    assert_eq!(tokens.harmless("x<|im_end|>y"), "x< |im_end|>y");
    assert!(tokens.ends(count - 1) && !tokens.ends(0));
    let mut speaker = tokens.speaker();
    let pieces: Vec<String> = tokens.of("é 日 a").unwrap().into_iter().map(|token| speaker.say(token).unwrap()).collect();
    assert_eq!(pieces.concat(), "é 日 a");
    assert_eq!(pieces[0], "");
}

/// A pipe whose other end is written to from the test.
struct Lines(mpsc::Receiver<Vec<u8>>, Cursor<Vec<u8>>);

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.1.read(buffer)? {
            0 => match self.0.recv() {
                Ok(line) => {
                    self.1 = Cursor::new(line);
                    self.1.read(buffer)
                }
                Err(_closed) => Ok(0),
            },
            read => Ok(read),
        }
    }
}

/// The child's output. Closes its input once so many requests are answered: the end of the input would cancel them.
struct Heard {
    lines: Vec<u8>,
    waiting: usize,
    input: Option<mpsc::Sender<Vec<u8>>>,
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.responses().iter().filter(|response| response.is_last()).count() >= self.waiting {
            self.input = None;
        }
        Ok(())
    }
}

impl Heard {
    fn responses(&self) -> Vec<Response> {
        let lines = self.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

/// What the child answers to `requests`.
fn answers(requests: &[Request]) -> Vec<Response> {
    let (send, lines) = mpsc::channel();
    for request in requests {
        send.send([serde_json::to_vec(request).unwrap(), b"\n".to_vec()].concat()).unwrap();
    }
    let waiting = requests.iter().filter(|request| matches!(request, Request::Do(..))).count();
    let mut heard = Heard { lines: Vec::new(), waiting, input: Some(send) };
    serve(std::io::BufReader::new(Lines(lines, Cursor::default())), &mut heard).unwrap();
    heard.responses()
}

fn question(content: &str, most: usize) -> Ask {
    let messages = vec![Message { role: "user".to_owned(), content: content.to_owned() }];
    Ask { messages, stops: Vec::new(), most: Some(most), temperature: 1.0, top_p: 1.0, seed: 11 }
}

#[test]
fn a_child_answers_the_same_for_the_same_seed_and_says_what_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write(&path, "llama", GgmlDType::Q8_0);
    let open = Request::Open { source: source(&path), window: WINDOW };
    let ask = |ask: Ask| answers(&[open.clone(), Request::Do(1, Task::Answer(ask))]);

    let first = ask(question("abc", 1));
    assert_eq!(first, ask(question("abc", 1)));
    let [Response::Begun { input_tokens }, .., Response::Ended { end, output_tokens }] = first.as_slice() else { panic!("{first:?}") };
    assert!(*input_tokens > 10 && *output_tokens == 1, "{first:?}");
    assert!(matches!(end, End::Length | End::Turn), "{first:?}");

    assert!(matches!(ask(question("abc", WINDOW)).as_slice(), [Response::TooLong { window: WINDOW, .. }]));
    assert!(matches!(answers(&[Request::Do(1, Task::Answer(question("abc", 1)))]).as_slice(), [Response::Failed(_)]));
    let missing = Source { path: folder.path().join("nothing.gguf"), sha256: None };
    assert!(matches!(
        answers(&[Request::Open { source: missing, window: 10 }, Request::Do(1, Task::Answer(question("a", 1)))]).as_slice(),
        [Response::Failed(_)]
    ));
}

#[test]
fn of_all_pieces_of_a_quote_the_likeliest_answer_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write(&path, "llama", GgmlDType::F32);
    let mut gguf = Gguf::open(&path).unwrap();
    let tokens = Tokens::read(&gguf).unwrap();
    let template = Template::new(None, true, ("", "")).unwrap();
    let decoder = Decoder::read(&mut gguf, WINDOW).unwrap();
    let marker = Marker { decoder: &decoder, tokens: &tokens, template: &template };

    let (question, quote) = ("Who?", "(a1 bc, é d.\nx");
    let likelihood = |piece: &str| {
        let (mut memory, piece) = (decoder.memory(), tokens.plain(piece).unwrap());
        let mut scores = Vec::new();
        for some in marker.prompt(question, quote).unwrap().chunks(READ_AT_ONCE) {
            scores = decoder.next(some, &mut memory).unwrap();
        }
        let mut sum = 0.0;
        for token in &piece {
            sum += Likelihoods::of(&scores).of_token(*token);
            scores = decoder.next(&[*token], &mut memory).unwrap();
        }
        (sum + Likelihoods::of(&scores).of_end(&tokens)) / (piece.len() + 1) as f32
    };
    let pieces = ["a1", "a1 bc", "a1 bc, é", "a1 bc, é d", "bc", "bc, é", "bc, é d", "é", "é d", "d", "x"];
    let best = pieces.into_iter().max_by(|a, b| likelihood(a).total_cmp(&likelihood(b))).unwrap();
    let marked = marker.mark(question, quote, &|| true).unwrap().unwrap();
    assert_eq!(&quote[marked.at], best);
    assert!((marked.score - likelihood(best)).abs() < 1e-3, "{} {}", marked.score, likelihood(best));
    assert_eq!(marker.mark(question, quote, &|| false).unwrap(), None);
    assert_eq!(marker.mark(question, " .. ", &|| true).unwrap(), None);
}

#[test]
fn a_file_that_is_no_model_is_refused_and_nothing_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write(&path, "llama", GgmlDType::F32);
    let whole = std::fs::read(&path).unwrap();
    for cut in [0, 3, 4, 20, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let opened = Gguf::open(&path).and_then(|mut gguf| Decoder::read(&mut gguf, WINDOW).map(|_| ()));
        assert!(opened.is_err(), "{cut}");
    }
    write(&path, "gemma", GgmlDType::F32);
    let error = Decoder::read(&mut Gguf::open(&path).unwrap(), WINDOW).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("gemma"), "{error}");
}
