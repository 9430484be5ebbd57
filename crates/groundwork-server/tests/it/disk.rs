//! A disk that is full: every command and every request says so and what to do, and nothing is lost or half done.
//!
//! The data folder is a small disk in memory, in a mount namespace of its own. Where this user may not make one, there is nothing to test
//! with, and the tests say so.

use crate::world::{DOCUMENTS, DOCUMENTS_PATH, Ended, Server, World, error_of, question};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A small disk at `data` in the world's folder; gone when dropped.
struct Disk {
    holder: Child,
    _stays: Option<ChildStdin>,
    root: PathBuf,
    own_users: bool,
}

impl Disk {
    #[expect(clippy::print_stderr, reason = "a test that tests nothing says so")]
    fn of(world: &World, size: &str) -> Option<Self> {
        let folder = world.path("data");
        std::fs::create_dir_all(&folder).unwrap();
        let script = format!("mount -t tmpfs -o size={size} none '{}' && echo ready && exec cat", folder.display());
        for own_users in [false, true] {
            let mut command = Command::new("unshare");
            command.arg("--mount").args(own_users.then_some("--map-root-user")).args(["sh", "-c", &script]);
            let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            let Ok(mut holder) = spawned else { break };
            let mut line = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line == "ready\n" {
                let root = PathBuf::from(format!("/proc/{}/root{}", holder.id(), folder.display()));
                return Some(Self { _stays: holder.stdin.take(), root, holder, own_users });
            }
            holder.wait().unwrap();
        }
        eprintln!("not tested: this user may not make a small disk (unshare --mount)");
        None
    }

    /// `command`, run where the disk is.
    fn within(&self, command: &Command) -> Command {
        let mut within = Command::new("nsenter");
        within.args([&format!("--target={}", self.holder.id()), "--mount"]);
        within.args(self.own_users.then_some(["--user", "--preserve-credentials"]).into_iter().flatten());
        if let Some(folder) = command.get_current_dir() {
            within.arg(format!("--wd={}", folder.display())).current_dir(folder);
        }
        within.arg("--").arg(command.get_program()).args(command.get_args()).env_clear();
        within.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        within
    }

    fn run(&self, world: &World, arguments: &[&str]) -> Ended {
        let output = self.within(&world.command(arguments)).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn serve(&self, world: &World) -> Server {
        Server::start(self.within(&world.command(&["serve", "--json", "--listen", "127.0.0.1:0"])))
    }

    /// Leaves `free` bytes.
    fn fill(&self, free: u64) {
        let mut filler = std::fs::File::create(self.root.join("filler")).unwrap();
        for block in [1 << 16, 1 << 12, 1] {
            while filler.write_all(&vec![0; block]).is_ok() {}
        }
        let full = filler.metadata().unwrap().len();
        filler.set_len(full - free).unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.root.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

async fn names(server: &Server) -> Vec<String> {
    let list: Value = server.get(DOCUMENTS_PATH).send().await.unwrap().json().await.unwrap();
    list["data"].as_array().unwrap().iter().map(|document| document["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_server_on_a_full_disk_answers_what_it_can_refuses_the_rest_and_goes_on_when_there_is_space() {
    let world = World::new();
    let Some(disk) = Disk::of(&world, "24m") else { return };
    let server = disk.serve(&world);
    server.upload_all().await;
    disk.fill(0);
    let upload =
        async || server.post(DOCUMENTS_PATH).query(&[("name", "parking.md")]).body("Bicycles stand in the yard.").send().await.unwrap();
    let refused = error_of(upload().await, 507).await;
    assert_eq!(refused["code"], "disk_full", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("Free space"), "{refused}");
    let list: Value = server.get(DOCUMENTS_PATH).send().await.unwrap().json().await.unwrap();
    let document = list["data"][0]["id"].as_str().unwrap();
    assert_eq!(error_of(server.delete(&format!("{DOCUMENTS_PATH}/{document}")).send().await.unwrap(), 507).await["code"], "disk_full");
    let search = server.post("/admin/v1/knowledge-bases/default/search").json(&json!({ "query": "parental leave" })).send().await.unwrap();
    assert_eq!(search.json::<Value>().await.unwrap()["outcome"], "found", "what is there can be searched");
    let ready = server.get("/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("is full"));
    let answer = server.chat(&question("How many days of annual leave?", false)).await;
    if answer.status() != 200 {
        assert_eq!(error_of(answer, 507).await["code"], "disk_full");
    }

    disk.free();
    let taken = upload().await;
    assert_eq!(taken.status(), 201, "{}", taken.text().await.unwrap());
    assert_eq!(names(&server).await.len(), DOCUMENTS.len() + 1);
    let answer = server.chat(&question("How many days of annual leave?", false)).await;
    assert!(answer.text().await.unwrap().contains("thirty days"));
    server.signal("TERM");
    let ended = server.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn a_disk_that_fills_up_while_a_document_is_read_is_told_at_once_and_the_document_is_read_later() {
    let world = World::new();
    let Some(disk) = Disk::of(&world, "24m") else { return };
    let server = disk.serve(&world);
    server.upload_all().await;
    // The original fits, and what is made of it does not.
    disk.fill(600 << 10);
    let text: String = (0..5_000).map(|line| format!("Line {line} says that train tickets are booked by the office.\n\n")).collect();
    let upload = async || server.post(DOCUMENTS_PATH).query(&[("name", "long.txt")]).body(text.clone()).send().await.unwrap();
    assert_eq!(error_of(upload().await, 507).await["code"], "disk_full");
    assert_eq!(names(&server).await.len(), DOCUMENTS.len(), "no half of it is seen");
    disk.free();
    let taken = upload().await;
    assert_eq!(taken.status(), 201, "{}", taken.text().await.unwrap());
    assert_eq!(names(&server).await.len(), DOCUMENTS.len() + 1);
}

#[test]
fn commands_on_a_full_disk_end_with_the_code_for_it_and_lose_nothing() {
    let world = World::new();
    let Some(disk) = Disk::of(&world, "24m") else { return };
    let first = disk.run(&world, &["ingest", "documents/leave.md"]);
    assert!(first.status.success(), "{}", first.stderr);
    disk.fill(0);
    let full = disk.run(&world, &["--json", "ingest", "documents"]);
    assert_eq!(full.status.code(), Some(6), "{}{}", full.stdout, full.stderr);
    let error: Value = serde_json::from_str(full.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["exit"]), (&json!("storage"), &json!(6)), "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains("full"), "{error}");
    let mut pull = world.command(&["models", "pull"]);
    pull.env("GROUNDWORK__MODELS__FOLDER", world.path("data/cache")).env("GROUNDWORK__MODELS__AIR_GAPPED", world.path("models"));
    let pulled = disk.within(&pull).output().unwrap();
    assert_eq!(pulled.status.code(), Some(6), "{}", String::from_utf8_lossy(&pulled.stderr));
    assert!(String::from_utf8_lossy(&pulled.stderr).contains("free space"), "{}", String::from_utf8_lossy(&pulled.stderr));
    disk.free();
    assert!(disk.within(&pull).status().unwrap().success());
    let again = disk.run(&world, &["--json", "ingest", "documents"]);
    assert!(again.status.success(), "{}", again.stderr);
    let last: Value = serde_json::from_str(again.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["summary"]["created"], &last["summary"]["failed"]), (&json!(2), &json!(0)), "{last}");
    let found = disk.run(&world, &["search", "parental leave"]);
    assert!(found.stdout.contains("leave.md"), "{}{}", found.stdout, found.stderr);
}
