//! A model whose file is damaged, and one that is mended: every way in says what is wrong, and nothing that was accepted is lost.

use crate::world::{DOCUMENTS_PATH, Server, World, error_of, question};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WEIGHTS: &str = "models/made/model.safetensors";

/// Changes one byte of the weights; returns what they were.
fn damage(world: &World) -> Vec<u8> {
    let good = std::fs::read(world.path(WEIGHTS)).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    world.write(WEIGHTS, bad);
    good
}

async fn embedding_part(server: &Server) -> Value {
    let ready: Value = server.get("/readyz").send().await.unwrap().json().await.unwrap();
    ready["parts"].as_array().unwrap().iter().find(|part| part["name"] == "embedding_model").unwrap().clone()
}

#[tokio::test]
async fn a_server_with_a_damaged_model_says_so_wherever_it_is_needed_and_goes_on_when_it_is_mended() {
    let world = World::new();
    world.json(&["ingest", "documents/leave.md"]);
    let good = damage(&world);
    let server = world.serve();
    let search = async || server.post("/admin/v1/knowledge-bases/default/search").json(&json!({ "query": "leave" })).send().await.unwrap();
    let upload = async || server.post(DOCUMENTS_PATH).query(&[("name", "a.md")]).body("Soup on Mondays.").send().await.unwrap();
    let began = Instant::now();
    for answer in [search().await, upload().await, server.chat(&question("How many days of annual leave?", false)).await] {
        let error = error_of(answer, 503).await;
        assert_eq!(error["code"], "embedding_model_missing", "{error}");
        assert!(error["message"].as_str().unwrap().contains("groundwork models pull made"), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "it is told at once");
    let part = embedding_part(&server).await;
    assert_eq!(part["state"], "missing", "{part}");
    assert!(part["detail"].as_str().unwrap().contains("model.safetensors is damaged"), "{part}");
    assert_eq!(server.get("/readyz").send().await.unwrap().status(), 503);

    world.write(WEIGHTS, good);
    assert_eq!(search().await.status(), 200, "the next that needs it finds it mended");
    assert_eq!(embedding_part(&server).await["state"], "ready");
    let taken = upload().await;
    assert!(taken.status().is_success(), "{}", taken.text().await.unwrap());
}

#[test]
fn commands_with_a_damaged_model_end_with_its_code_and_the_way_out() {
    let world = World::new();
    world.json(&["ingest", "documents/leave.md"]);
    let good = damage(&world);
    for arguments in [&["ingest", "documents"][..], &["ask", "How many days of annual leave?"], &["search", "leave"], &["models", "verify"]]
    {
        let began = Instant::now();
        let ended = world.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.status.code(), Some(9), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        let error: Value = serde_json::from_str(ended.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(error["error"]["kind"], "model", "{arguments:?}: {error}");
        assert!(error["error"]["message"].as_str().unwrap().contains("groundwork models pull made"), "{arguments:?}: {error}");
        assert!(began.elapsed() < Duration::from_secs(10), "{arguments:?}: it is told at once");
    }
    world.write(WEIGHTS, good);
    let lines = world.json(&["ingest", "documents"]);
    assert_eq!(lines.last().unwrap()["summary"]["failed"], 0, "{lines:?}");
    assert_eq!(world.json(&["search", "soup"])[0]["hits"][0]["name"], "teams/canteen.html");
}
