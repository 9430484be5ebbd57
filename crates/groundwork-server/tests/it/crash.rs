//! The program killed in the middle of its work: what it had accepted is there after the next start, once and whole, and soon.

use crate::world::{DOCUMENTS_PATH, Server, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

const FILES: usize = 12;

/// Well below the time after which the lease of a dead process would have run out by itself.
const SOON: Duration = Duration::from_secs(10);

fn name(number: usize) -> String {
    format!("note-{number:02}.md")
}

fn text(number: usize) -> String {
    let parts = (0..4).map(|part| format!("## Part {part}\n\nNote {number} says that train tickets are booked by the office.\n"));
    format!("# Note {number}\n\n{}", parts.collect::<Vec<_>>().join("\n"))
}

/// The names of all documents, in order.
async fn names(server: &Server) -> Vec<String> {
    let list: Value = server.get(DOCUMENTS_PATH).query(&[("limit", "1000")]).send().await.unwrap().json().await.unwrap();
    let mut names: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn jobs(server: &Server) -> Vec<Value> {
    let list: Value = server.get("/admin/v1/jobs").query(&[("limit", "1000")]).send().await.unwrap().json().await.unwrap();
    list["data"].as_array().unwrap().clone()
}

/// None failed, and each is known once.
async fn all_went_well(server: &Server, when: &str) {
    let jobs = jobs(server).await;
    assert!(jobs.iter().all(|job| job["state"] != "failed"), "{when}: {jobs:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_it_reads_uploads_has_all_it_accepted_once_after_the_next_start() {
    for kill_after in [1, 4, 9, FILES] {
        let world = World::new();
        let server = world.serve();
        let mut accepted = Vec::new();
        for number in 0..kill_after {
            // No waiting: what is asked for is that it was taken.
            let upload = server.post(DOCUMENTS_PATH).query(&[("name", name(number)), ("wait_ms", "0".to_owned())]).body(text(number));
            let answer = upload.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            accepted.push(name(number));
        }
        server.signal("KILL");
        server.ended();

        let server = world.serve();
        let when = format!("killed after {kill_after}");
        let known = jobs(&server).await.iter().filter(|job| job["kind"] == "ingest").count();
        assert_eq!(known, kill_after, "{when}: what was accepted is remembered");
        for number in 0..kill_after {
            // The same again finds its job, or that there is nothing to do; less than the lease of a dead process is waited.
            let wait = SOON.as_millis().to_string();
            let again =
                server.post(DOCUMENTS_PATH).query(&[("name", name(number)), ("wait_ms", wait)]).body(text(number)).send().await.unwrap();
            let status = again.status().as_u16();
            assert!(matches!(status, 200 | 201), "{when}: {status} {}", again.text().await.unwrap());
        }
        all_went_well(&server, &when).await;
        assert_eq!(names(&server).await, accepted, "{when}");
        for number in [0, kill_after - 1] {
            let url = format!("{DOCUMENTS_PATH}?limit=1000");
            let list: Value = server.get(&url).send().await.unwrap().json().await.unwrap();
            let document = list["data"].as_array().unwrap().iter().find(|one| one["name"] == name(number).as_str()).unwrap().clone();
            assert_eq!(document["version"], 1, "{when}: read once");
            let original = server.get(&format!("{DOCUMENTS_PATH}/{}/original", document["id"].as_str().unwrap())).send().await.unwrap();
            assert_eq!(original.text().await.unwrap(), text(number), "{when}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingest_killed_at_any_file_is_finished_by_the_next_one() {
    for kill_after in [0, 1, 5, 11] {
        let world = World::new();
        for number in 0..FILES {
            world.write(&format!("notes/{}", name(number)), text(number));
        }
        let mut child = world.command(&["--json", "ingest", "notes"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.take(kill_after).map(Result::unwrap).count(), kill_after);
        child.kill().unwrap();
        child.wait().unwrap();

        let when = format!("killed after {kill_after}");
        let began = Instant::now();
        let lines = world.json(&["ingest", "notes"]);
        assert!(began.elapsed() < SOON, "{when}: it does not wait for the dead");
        let summary = &lines.last().unwrap()["summary"];
        assert_eq!(
            (&summary["failed"], &summary["processing"], &summary["deleted"]),
            (&0.into(), &0.into(), &0.into()),
            "{when}: {lines:?}"
        );
        assert_eq!(lines.len(), FILES + 1, "{when}");
        let server = world.serve();
        all_went_well(&server, &when).await;
        assert_eq!(names(&server).await, (0..FILES).map(name).collect::<Vec<_>>(), "{when}");
    }
}

const KILLS: usize = 16;
const REPORTS: usize = 6;

fn report(number: usize) -> String {
    format!("report-{number}.md")
}

fn has_vanished(number: usize, round: usize) -> bool {
    (number + round).is_multiple_of(4)
}

fn parts(number: usize, round: usize) -> usize {
    1 + (number * 3 + round) % 4
}

fn mark(number: usize, round: usize, part: usize) -> String {
    format!("mark{number}of{round}at{part}")
}

/// The files as they are in `round`: some changed, some gone, some back.
fn write_round(world: &World, round: usize) {
    for number in 0..REPORTS {
        let path = world.path(&format!("reports/{}", report(number)));
        if has_vanished(number, round) {
            // It may be gone already.
            let _ = std::fs::remove_file(path);
            continue;
        }
        let part = |part: usize| format!("# Part {part}\n\nTrain tickets are booked by the office, says {}.\n", mark(number, round, part));
        world.write(&format!("reports/{}", report(number)), (0..parts(number, round)).map(part).collect::<Vec<_>>().join("\n"));
    }
}

/// The round that each document shows, the same in both legs; panics at a mix of versions.
fn shown(world: &World, when: &str) -> BTreeMap<usize, usize> {
    let leg = |mode: &str| {
        let found = world.json(&["search", "--mode", mode, "--limit", "100", "train tickets"]);
        let mut marks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for hit in found[0]["hits"].as_array().unwrap() {
            let words = hit["text"].as_str().unwrap().split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with("mark"));
            marks.entry(hit["name"].as_str().unwrap().to_owned()).or_default().extend(words.map(str::to_owned));
        }
        let rounds = marks.into_iter().map(|(name, marks)| {
            let number: usize = name.trim_start_matches("report-").trim_end_matches(".md").parse().unwrap();
            let first = marks.first().unwrap();
            let round: usize = first.split_once("of").and_then(|(_, rest)| rest.split_once("at")).unwrap().0.parse().unwrap();
            let whole: BTreeSet<String> = (0..parts(number, round)).map(|part| mark(number, round, part)).collect();
            assert_eq!(marks, whole, "{when}, {mode}: {name} shows one whole version");
            (number, round)
        });
        rounds.collect::<BTreeMap<_, _>>()
    };
    let (keyword, vector) = (leg("keyword"), leg("vector"));
    assert_eq!(keyword, vector, "{when}: both legs show the same");
    keyword
}

#[test]
fn an_ingest_of_changes_and_deletions_killed_at_random_moments_shows_old_or_new_in_both_legs_and_is_finished_by_the_next() {
    let world = World::new();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut roll = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let (mut before, mut partly) = (BTreeMap::new(), 0);
    for round in 1..=KILLS {
        write_round(&world, round);
        let mut child = world
            .command(&["--json", "ingest", "reports"])
            .env("GROUNDWORK__LOG__FILTER", "groundwork_retrieval=trace")
            // One document after another, so that a kill can come between two; as many at a time as there are, in every fourth round.
            .env("GROUNDWORK__LIMITS__JOBS", if round % 4 == 0 { "8" } else { "1" })
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let steps = BufReader::new(child.stderr.take().unwrap()).lines();
        let taken = steps.take(roll(60) as usize).map(Result::unwrap).count();
        let until = Instant::now() + Duration::from_micros(roll(4_000));
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let when = format!("round {round}, killed after {taken} steps");
        let now = shown(&world, &when);
        // A version that was accepted before an earlier kill may come only now.
        for (number, shown) in &now {
            let at_least = before.get(number).copied().unwrap_or(1);
            assert!(
                (at_least..=round).contains(shown) && !has_vanished(*number, *shown),
                "{when}: {number} shows {shown} after {at_least}"
            );
        }
        for (number, shown) in before.iter().filter(|(number, _)| !now.contains_key(number)) {
            assert!((shown + 1..=round).any(|round| has_vanished(*number, round)), "{when}: {number} is lost");
        }
        partly += usize::from(now.values().any(|shown| *shown == round) && now.values().any(|shown| *shown < round));
        before = now;
    }
    assert!(partly >= 2, "the kills meet the work: {partly} of {KILLS}");

    let last = KILLS + 1;
    write_round(&world, last);
    let lines = world.json(&["ingest", "reports"]);
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!((&summary["failed"], &summary["processing"]), (&0.into(), &0.into()), "{lines:?}");
    let wanted = (0..REPORTS).filter(|number| !has_vanished(*number, last)).map(|number| (number, last)).collect();
    assert_eq!(shown(&world, "at the end"), wanted);
    let again = world.json(&["ingest", "reports"]);
    assert_eq!(again.last().unwrap()["summary"]["unchanged"], wanted.len(), "running again changes nothing: {again:?}");
}
