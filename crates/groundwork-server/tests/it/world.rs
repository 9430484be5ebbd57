//! A folder with a few documents, settings, and a tiny embedding model made on the spot; and the program run in it.

use groundwork_inference::catalogue::{Engine, Entry, File, License};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

const DIMENSIONS: usize = 16;

/// The documents that every world begins with, below `documents/`.
pub(crate) const DOCUMENTS: [(&str, &str); 3] = [
    (
        "leave.md",
        "# Leave\n\n## Annual leave\n\nEverybody has thirty days of annual leave.\n\n## Parental leave\n\nParents may take up to fourteen months of parental leave.\n",
    ),
    ("travel.txt", "Train tickets are booked by the office.\n\nMeals on travel are paid up to forty euros a day.\n"),
    ("teams/canteen.html", "<html><body><h1>Canteen</h1><p>The canteen opens at eleven and serves soup on Mondays.</p></body></html>"),
];

pub(crate) struct World {
    folder: TempDir,
}

/// What a finished command left behind.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// A world whose settings end with `settings`, in TOML.
    pub(crate) fn with(settings: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in DOCUMENTS {
            world.write(&format!("documents/{name}"), text);
        }
        let entry = world.make_model();
        let catalogue = toml::to_string(&BTreeMap::from([("catalogue", [entry])])).unwrap();
        let models = "[models]\nfolder = \"models\"\noffline = true\n[embedding]\nmodel = \"made\"\n";
        world.write("groundwork.toml", format!("data_dir = \"data\"\n{settings}\n{models}\n{catalogue}"));
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The program in this world, with nothing else in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_groundwork"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a command that must succeed, and gives its lines of JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let ended = self.run(&[&["--json"], arguments].concat());
        assert!(ended.status.success(), "{arguments:?}: {}", ended.stderr);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts a server on a free port and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command(&["serve", "--json", "--listen", "127.0.0.1:0"]))
    }

    /// A static model over the words of the documents: two texts are near when they share words.
    fn make_model(&self) -> Entry {
        let mut words = vec!["[PAD]".to_owned(), "[UNK]".to_owned()];
        let texts = DOCUMENTS.iter().map(|(_, text)| *text).chain(["how many days months who pays when open updated sabbatical one year"]);
        for word in texts.flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).map(str::to_lowercase) {
            if !word.is_empty() && !words.contains(&word) {
                words.push(word);
            }
        }
        let files = [("model.safetensors", weights(words.len())), ("tokenizer.json", tokenizer(&words).into_bytes())];
        let files = files.map(|(name, bytes)| {
            self.write(&format!("models/made/{name}"), &bytes);
            File { name: name.to_owned(), bytes: bytes.len() as u64, sha256: hex::encode(Sha256::digest(&bytes)) }
        });
        Entry {
            name: "made".to_owned(),
            license: License { name: "Apache-2.0".to_owned(), url: None, must_accept: false },
            engine: Engine::Static,
            dimensions: DIMENSIONS,
            window: 512,
            chunk_tokens: 200,
            chunk_overlap: 50,
            query_prefix: String::new(),
            passage_prefix: String::new(),
            files: files.to_vec(),
            sources: Vec::new(),
            probe: None,
        }
    }
}

/// One row a word, different for each, the same in every run.
fn weights(words: usize) -> Vec<u8> {
    let rows: Vec<u8> = (0..words)
        .flat_map(|word| Sha256::digest(word.to_le_bytes()).into_iter().take(DIMENSIONS))
        .flat_map(|byte| ((f32::from(byte) - 127.5) / 127.5).to_le_bytes())
        .collect();
    let header = json!({ "embeddings": { "dtype": "F32", "shape": [words, DIMENSIONS], "data_offsets": [0, rows.len()] } }).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &rows].concat()
}

fn tokenizer(words: &[String]) -> String {
    let vocabulary: BTreeMap<&str, usize> = words.iter().enumerate().map(|(id, word)| (word.as_str(), id)).collect();
    let normalizer =
        json!({ "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true });
    let model = json!({ "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": normalizer,
        "pre_tokenizer": { "type": "BertPreTokenizer" }, "post_processor": null, "decoder": null, "model": model,
    })
    .to_string()
}

/// A running server; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

/// Where the documents of the default knowledge base are.
pub(crate) const DOCUMENTS_PATH: &str = "/admin/v1/knowledge-bases/default/documents";

impl Server {
    /// Starts `command` and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut reason = String::new();
            child.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
            panic!("the server did not start: {reason}");
        }
        let listening: Value = serde_json::from_str(&line).unwrap();
        // A second installation is refused and harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, url: listening["url"].as_str().unwrap().to_owned(), client }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    pub(crate) fn delete(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.delete(format!("{}{path}", self.url))
    }

    /// Uploads a document that must become searchable, and gives it.
    pub(crate) async fn upload(&self, name: &str, text: &str) -> Value {
        let answer = self.post(DOCUMENTS_PATH).query(&[("name", name)]).body(text.to_owned()).send().await.unwrap();
        let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{body}");
        body
    }

    /// Uploads the documents of the world.
    pub(crate) async fn upload_all(&self) {
        for (name, text) in DOCUMENTS {
            self.upload(name, text).await;
        }
    }

    pub(crate) async fn chat(&self, body: &Value) -> reqwest::Response {
        self.post("/v1/chat/completions").json(body).send().await.unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        // The shell's own: a bare machine has no other.
        assert!(Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status().unwrap().success());
    }

    /// Waits until the server has ended by itself.
    pub(crate) fn ended(mut self) -> Ended {
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Ended { status: self.child.wait().unwrap(), stdout: String::new(), stderr }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A question to the assistant.
pub(crate) fn question(text: &str, stream: bool) -> Value {
    json!({ "model": "groundwork", "stream": stream, "messages": [{ "role": "user", "content": text }] })
}

/// The error object of an answer, after a look at its status and its shape.
pub(crate) async fn error_of(answer: reqwest::Response, status: u16) -> Value {
    let (found, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers.contains_key("x-request-id"));
    let body: Value = serde_json::from_str(&text).unwrap();
    let error = body["error"].clone();
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{text}");
    assert!(error["type"].is_string() && error.get("param").is_some() && error.get("code").is_some(), "{text}");
    error
}

pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
