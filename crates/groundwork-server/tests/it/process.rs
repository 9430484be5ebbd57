//! The life of the process: start, refusal to start, end, sudden end.

use crate::world::{DOCUMENTS, DOCUMENTS_PATH, World, error_of, exists, question};
use serde_json::{Value, json};

fn scripted(answer: &str) -> String {
    format!("[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\n{answer}\n")
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused_with_the_process_that_has_it() {
    let world = World::new();
    let server = world.serve();
    let second = world.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(4), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("in use by process {}", server.pid())), "{}", second.stderr);
    // The same port, too: the folder's reason is the one that helps.
    let same = world.run(&["serve", "--listen", server.url.strip_prefix("http://").unwrap()]);
    assert_eq!(same.status.code(), Some(4), "{}", same.stderr);
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
}

#[test]
fn an_address_that_is_taken_or_open_to_others_is_refused_with_what_to_do() {
    let world = World::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = world.run(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(ended.status.code(), Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("is taken by another program") && ended.stderr.contains("--listen"), "{}", ended.stderr);
    let open = world.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(3), "{}", open.stderr);
    assert!(open.stderr.contains("no authentication"), "{}", open.stderr);
}

#[test]
fn a_folder_that_cannot_be_used_is_told_with_the_way_out() {
    let world = World::new();
    world.write("file", "in the way");
    let blocked = world.run(&["--data-dir", "file/data", "serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(blocked.status.code(), Some(6), "{}", blocked.stderr);
    assert!(blocked.stderr.contains("GROUNDWORK__DATA_DIR"), "{}", blocked.stderr);
    world.write("broken/groundwork.db", vec![7_u8; 8192]);
    let corrupt = world.run(&["--data-dir", "broken", "serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(corrupt.status.code(), Some(7), "{}", corrupt.stderr);
    assert!(corrupt.stderr.contains("groundwork.db"), "{}", corrupt.stderr);
}

#[tokio::test]
async fn a_killed_server_leaves_nothing_in_the_way_of_the_next() {
    let world = World::new();
    let server = world.serve();
    server.upload_all().await;
    server.signal("KILL");
    server.ended();
    assert!(exists(&world.path("data/groundwork.sock")), "a killed server cannot take its socket away");
    // A command finds nobody at the socket and opens the folder itself.
    let found = world.json(&["search", "parental", "leave"]);
    assert_eq!(found[0]["hits"][0]["name"], "leave.md");
    let server = world.serve();
    let list: Value = server.get(DOCUMENTS_PATH).send().await.unwrap().json().await.unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), DOCUMENTS.len());
    let answer = server.chat(&question("How many days of annual leave?", false)).await;
    assert!(answer.text().await.unwrap().contains("thirty days"));
}

#[tokio::test]
async fn a_running_answer_is_finished_before_the_server_ends() {
    let world = World::with(&scripted("pieces = [\"one \", \"two \", \"three\"]\nchunk_ms = 300"));
    let server = world.serve();
    let mut answer = server.chat(&json!({ "model": "default", "stream": true, "messages": [{ "role": "user", "content": "hi" }] })).await;
    let mut text = answer.chunk().await.unwrap().unwrap().to_vec();
    server.signal("TERM");
    while let Some(chunk) = answer.chunk().await.unwrap() {
        text.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("three") && text.ends_with("data: [DONE]\n\n"), "{text}");
    let ended = server.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(!exists(&world.path("data/groundwork.sock")));
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off_when_grace_is_over_or_patience() {
    let hanging = scripted("pieces = [\"x\"]\nfault = { kind = \"hang\", after = 1 }");
    let body = json!({ "model": "default", "stream": true, "messages": [{ "role": "user", "content": "hi" }] });
    let world = World::with(&format!("[server]\nshutdown_grace = \"100ms\"\n{hanging}"));
    let server = world.serve();
    let mut answer = server.chat(&body).await;
    answer.chunk().await.unwrap();
    server.signal("TERM");
    let rest = answer.text().await.unwrap();
    assert!(rest.contains("\"error\"") && !rest.contains("[DONE]"), "{rest}");
    assert_eq!(server.ended().status.code(), Some(0));

    let world = World::with(&hanging);
    let server = world.serve();
    let mut answer = server.chat(&body).await;
    answer.chunk().await.unwrap();
    server.signal("TERM");
    server.signal("INT");
    // The two signals may arrive as one; a third then is the second.
    while server.get("/healthz").send().await.is_ok() {}
    server.signal("INT");
    assert_eq!(server.ended().status.code(), Some(130));
}

#[tokio::test]
async fn readiness_tells_what_is_there_and_what_is_missing() {
    let world = World::new();
    let server = world.serve();
    server.upload_all().await;
    let ready = server.get("/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let parts: Value = ready.json::<Value>().await.unwrap()["parts"].clone();
    let names: Vec<&str> = parts.as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["database", "keyword_index", "vector_index", "embedding_model", "text_recognition"]);
    drop(server);

    std::fs::remove_dir_all(world.path("models")).unwrap();
    let server = world.serve();
    let ready = server.get("/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("groundwork models pull made"));
    let search = server.post("/admin/v1/knowledge-bases/default/search").json(&json!({ "query": "leave" })).send().await.unwrap();
    assert_eq!(search.status(), 503, "without its model a search says so and is not half a search");
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_end_as_the_format_wants() {
    let world = World::new();
    let server = world.serve();
    server.get("/v1/models").send().await.unwrap();
    server.get("/v1/models/nobody").send().await.unwrap();
    let text = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(
        text.contains("http_server_request_duration_seconds_count{method=\"GET\",route=\"/v1/models/{model}\",status=\"404\"} 1"),
        "{text}"
    );
    assert_eq!(text.matches("# EOF").count(), 1);
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn while_an_index_loads_a_search_waits_within_its_deadline_and_is_told_to_come_again() {
    let world = World::with("[limits]\nsearch = \"300ms\"");
    world.json(&["ingest", "documents"]);
    // Another process has the folder of the keyword leg in its hands.
    let layouts = std::fs::read_dir(world.path("data/index")).unwrap().map(|entry| entry.unwrap().path().join("default.lock"));
    let lock = std::fs::File::open(layouts.filter(|lock| lock.exists()).last().unwrap()).unwrap();
    lock.lock().unwrap();
    let server = world.serve();
    let search = async || server.post("/admin/v1/knowledge-bases/default/search").json(&json!({ "query": "leave" })).send().await.unwrap();
    for _ in 0..2 {
        let answer = search().await;
        assert!(answer.headers().contains_key("retry-after"), "{:?}", answer.headers());
        assert_eq!(error_of(answer, 503).await["code"], "index_loading");
    }
    let answer = server.chat(&question("How many days of annual leave?", false)).await;
    assert_eq!(error_of(answer, 503).await["code"], "index_loading", "no answer stands on half a search");
    let ready = server.get("/readyz").send().await.unwrap();
    let status: Value = ready.json().await.unwrap();
    let leg = status["parts"].as_array().unwrap().iter().find(|part| part["name"] == "keyword_index").unwrap();
    assert_eq!((&leg["knowledge_base"], &leg["state"], &status["status"]), (&json!("default"), &json!("loading"), &json!("loading")));
    lock.unlock().unwrap();
    let found = loop {
        let answer = search().await;
        if answer.status() != 503 {
            break answer.json::<Value>().await.unwrap();
        }
    };
    assert_eq!(found["outcome"], "found");
}
