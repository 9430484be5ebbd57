//! The command line, beside a server and without one.

use crate::world::{DOCUMENTS, World};
use serde_json::{Value, json};
use std::process::Stdio;

fn outcomes(lines: &[Value]) -> Vec<(String, String)> {
    let name = |line: &Value| line["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut outcomes: Vec<_> =
        lines[..lines.len() - 1].iter().map(|line| (name(line), line["outcome"].as_str().unwrap().to_owned())).collect();
    outcomes.sort();
    outcomes
}

fn all(outcome: &str) -> Vec<(String, String)> {
    [("canteen.html", outcome), ("leave.md", outcome), ("travel.txt", outcome)]
        .map(|(name, outcome)| (name.to_owned(), outcome.to_owned()))
        .to_vec()
}

#[test]
fn the_same_commands_work_beside_a_server_and_without_one() {
    let world = World::new();
    let work = || {
        let found = world.json(&["search", "--limit", "1", "parental leave months"]);
        let asked = world.json(&["ask", "How many months of parental leave may parents take?"]);
        (found[0]["hits"][0]["text"].clone(), asked[0]["answer"].clone(), asked[0]["sources"].clone())
    };
    assert_eq!(outcomes(&world.json(&["ingest", "documents"])), all("created"));
    let alone = work();
    assert_eq!(alone.2[0], "[1] leave.md, section Parental leave", "{alone:?}");
    let server = world.serve();
    assert_eq!(outcomes(&world.json(&["ingest", "documents"])), all("unchanged"));
    assert_eq!(work(), alone);
    let by_address = world.json(&["--url", &server.url, "ask", "How many months of parental leave may parents take?"]);
    assert_eq!(by_address[0]["answer"], alone.1);
}

#[test]
fn commands_at_the_same_time_share_the_folder_and_all_end_well() {
    let world = World::new();
    let start = |arguments: &[&str]| world.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let commands =
        [&["ingest", "documents"][..], &["ingest", "documents"], &["search", "leave"], &["ingest", "documents"], &["search", "soup"]];
    for child in commands.map(start) {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(outcomes(&world.json(&["ingest", "documents"])), all("unchanged"));
}

#[test]
fn an_ingest_follows_changes_and_deletions_of_its_own_folder_only() {
    let world = World::new();
    world.write("other/sabbatical.md", "A sabbatical lasts one year.");
    world.json(&["ingest", "documents", "other"]);
    std::fs::remove_file(world.path("documents/travel.txt")).unwrap();
    world.write("documents/leave.md", DOCUMENTS[0].1.replace("thirty", "one"));
    let lines = world.json(&["ingest", "documents"]);
    let expected = [("canteen.html", "unchanged"), ("leave.md", "updated"), ("travel.txt", "deleted")];
    assert_eq!(outcomes(&lines), expected.map(|(name, outcome)| (name.to_owned(), outcome.to_owned())));
    assert_eq!(lines.last().unwrap()["summary"]["deleted"], 1);
    assert_eq!(world.json(&["search", "sabbatical"])[0]["hits"][0]["name"], "sabbatical.md", "the other folder stays");
    assert!(world.json(&["search", "train tickets"])[0]["hits"].as_array().unwrap().iter().all(|hit| hit["name"] != "travel.txt"));
    // A file that is named alone is the same document as when its folder is.
    let lines = world.json(&["ingest", "documents/leave.md"]);
    assert_eq!(lines[0]["outcome"], "unchanged");
}

#[test]
fn a_bad_file_costs_only_itself_and_the_exit_code_tells() {
    let world = World::new();
    world.write("documents/broken.pdf", "%PDF-1.7\nnothing");
    world.write("documents/empty.md", "");
    world.write("documents/.hidden.md", "not for you");
    let ended = world.run(&["ingest", "documents"]);
    assert_eq!(ended.status.code(), Some(10), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with("3 created, 0 updated, 0 unchanged, 0 deleted, 2 failed\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("broken.pdf: ") && ended.stdout.contains("empty.md: "), "{}", ended.stdout);
}

#[test]
fn without_the_embedding_model_commands_say_so_at_once() {
    let world = World::new();
    std::fs::remove_dir_all(world.path("models")).unwrap();
    for arguments in [&["ingest", "documents"][..], &["models", "path", "made"], &["models", "verify"]] {
        let ended = world.run(arguments);
        assert_eq!(ended.status.code(), Some(9), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("groundwork models pull made"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn a_new_knowledge_base_is_made_by_its_first_ingest() {
    let world = World::new();
    world.json(&["ingest", "--knowledge-base", "handbook", "documents"]);
    assert_eq!(world.json(&["search", "--knowledge-base", "handbook", "soup"])[0]["hits"][0]["name"], "teams/canteen.html");
    assert_eq!(world.json(&["search", "soup"])[0]["outcome"], "nothing_stored");
}

#[test]
fn extract_writes_a_line_for_each_file_whatever_becomes_of_it() {
    let world = World::new();
    world.write("broken.pdf", "%PDF-1.7\nnothing");
    let ended = world.run(&["extract", "--json", "documents/leave.md", "broken.pdf", "missing.md"]);
    assert_eq!(ended.status.code(), Some(10));
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["outcome"], &lines[0]["format"], &lines[0]["title"]), (&json!("ok"), &json!("markdown"), &json!("Leave")));
    let last = lines[0]["blocks"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["type"], &last["heading_path"]), (&json!("paragraph"), &json!(["Leave", "Parental leave"])));
    assert_eq!((&lines[1]["outcome"], &lines[1]["kind"]), (&json!("error"), &json!("malformed")));
    assert_eq!((&lines[2]["outcome"], &lines[2]["kind"]), (&json!("error"), &json!("unreadable")));
}

#[test]
fn a_demo_reads_a_folder_answers_and_ends_with_the_sources() {
    let world = World::new();
    let ended = world.run(&["demo", "documents", "--question", "How many months of parental leave may parents take?"]);
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(ended.stdout.contains("fourteen months"), "{}", ended.stdout);
    assert!(ended.stdout.trim_end().lines().last().unwrap().starts_with('['), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n[1] leave.md, section Parental leave\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("No chat model is set up"), "{}", ended.stdout);
}

#[test]
fn an_evaluation_reads_its_data_set_into_a_folder_of_its_own() {
    let world = World::new();
    for (name, text) in DOCUMENTS {
        world.write(&format!("set/corpus/{name}"), text);
    }
    let question = json!({
        "id": "q1", "question": "How many months of parental leave may parents take?", "document": "leave.md", "page": null,
        "section": "Parental leave", "answers": ["fourteen months"], "answerable": true, "kind": "plain",
    });
    world.write("set/questions.jsonl", format!("{question}\n"));
    let report = &world.json(&["eval", "answers", "--dataset", "set"])[0];
    assert_eq!((&report["answerable"]["questions"], &report["answerable"]["document_in_3"]), (&json!(1), &json!(1.0)), "{report}");
    assert_eq!(world.json(&["search", "leave"])[0]["outcome"], "nothing_stored", "what is measured is not kept among the user's documents");
}

#[test]
fn settings_are_checked_with_the_files_they_name() {
    let world = World::with("apply = [\"assistants.toml\"]");
    world.write("assistants.toml", "[assistants.hr]\ntitle = \"HR\"\n");
    let shown = world.run(&["check-config"]);
    assert!(shown.status.success(), "{}", shown.stderr);
    assert!(shown.stdout.contains("listen = \"127.0.0.1:8080\"") && shown.stdout.contains("groundwork.toml"), "{}", shown.stdout);
    world.write("assistants.toml", "[assistants.hr]\ntemplate = \"none\"\n");
    let wrong = world.run(&["check-config"]);
    assert_eq!(wrong.status.code(), Some(3), "{}", wrong.stdout);
    assert!(wrong.stderr.contains("assistants.toml: assistants.hr"), "{}", wrong.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let world = World::new();
    let mut child = world.command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_wrong_command_line_and_a_missing_server_have_codes_of_their_own() {
    let world = World::new();
    assert_eq!(world.run(&["dance"]).status.code(), Some(2));
    assert_eq!(world.run(&["ask", " "]).status.code(), Some(2));
    let nobody = world.run(&["--url", "http://127.0.0.1:9", "ask", "hello"]);
    assert_eq!(nobody.status.code(), Some(8), "{}", nobody.stderr);
    assert!(nobody.stderr.starts_with("groundwork: http://127.0.0.1:9/ does not answer"), "{}", nobody.stderr);
    let help = world.run(&["--help"]);
    assert!(help.stdout.contains("Exit codes:") && help.status.success());
}

#[test]
fn a_search_is_narrowed_by_what_documents_were_brought_in_with() {
    let world = World::new();
    world.json(&["ingest", "documents/leave.md", "--attribute", "team=hr", "--attribute", "year=2024"]);
    world.json(&["ingest", "documents/travel.txt", "--attribute", "team=office"]);
    let found = |filters: &[&str]| {
        let hits = world.json(&[&["search", "leave meals travel"], filters].concat())[0]["hits"].clone();
        hits.as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(found(&[]).len(), 2);
    assert_eq!(found(&["--filter", "team=hr"]), ["leave.md".to_owned()].into());
    assert_eq!(found(&["--filter", "year!=2024", "--filter", "team!=hr"]), ["travel.txt".to_owned()].into());
    assert_eq!(found(&["--filter", r#"{"type":"in","key":"team","value":["hr","office"]}"#]).len(), 2);
    let nothing = &world.json(&["search", "leave", "--filter", "year>2024"])[0];
    assert_eq!((&nothing["outcome"], &nothing["hits"]), (&json!("nothing_found"), &json!([])));
    let wrong = world.run(&["search", "leave", "--filter", "year"]);
    assert!(wrong.status.code() == Some(2) && wrong.stderr.contains("is no condition"), "{}", wrong.stderr);
    // The same file again without any keeps them.
    world.json(&["ingest", "documents"]);
    assert_eq!(found(&["--filter", "team=hr"]), ["leave.md".to_owned()].into());
}
