//! A cross-encoder of one's own, an ONNX file beside its tokenizer, at work in the program.

use crate::world::{World, error_of};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

#[path = "../../../groundwork-inference/tests/made/overlap.rs"]
mod overlap;

/// The settings name a reranker that counts common words, and its files are in their place.
fn with_reranker() -> World {
    let world = World::with("[retrieval]\nreranker = \"judge\"\nrerank_deadline = \"60s\"\n");
    let made = std::fs::read_to_string(world.path("models/made/tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_str(&made).unwrap();
    let words = tokenizer["model"]["vocab"].as_object().unwrap().len();
    let around = |kind: u8| json!({ "SpecialToken": { "id": "[PAD]", "type_id": kind } });
    let of = |name: &str, kind: u8| json!({ "Sequence": { "id": name, "type_id": kind } });
    tokenizer["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [around(0), of("A", 0), around(0)],
        "pair": [around(0), of("A", 0), around(0), of("B", 1), around(1)],
        "special_tokens": { "[PAD]": { "id": "[PAD]", "ids": [0], "tokens": ["[PAD]"] } },
    });
    let mut entry = "[[catalogue]]\nname = \"judge\"\nwindow = 128\nlicense = { name = \"MIT\" }\nengine = { kind = \"cross_encoder\" }\nsources = []\nfiles = [".to_owned();
    for (name, bytes) in [("model.onnx", overlap::overlap(words, 2)), ("tokenizer.json", tokenizer.to_string().into_bytes())] {
        world.write(&format!("models/judge/{name}"), &bytes);
        let (length, hash) = (bytes.len(), hex::encode(Sha256::digest(&bytes)));
        write!(entry, "{{ name = \"{name}\", bytes = {length}, sha256 = \"{hash}\" }}, ").unwrap();
    }
    let settings = std::fs::read_to_string(world.path("groundwork.toml")).unwrap();
    world.write("groundwork.toml", format!("{settings}\n{entry}]\n"));
    world
}

#[test]
fn searches_are_ordered_by_a_cross_encoder_of_ones_own_and_measured_beside_the_others() {
    let world = with_reranker();
    let listed = world.run(&["models", "list"]).stdout;
    let line = listed.lines().find(|line| line.starts_with("judge ")).unwrap();
    assert!(line.contains("present") && line.contains("reranks") && line.contains("MIT"), "{line}");
    assert!(world.run(&["models", "verify", "judge"]).status.success());

    world.json(&["ingest", "documents"]);
    let found = &world.json(&["search", "how", "many", "months", "of", "parental", "leave"])[0];
    assert_eq!(found["rerank"], "done", "{found}");
    let scores: Vec<f64> = found["hits"].as_array().unwrap().iter().map(|hit| hit["rerank_score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores[0] > scores[1], "{found}");
    let common = |score: f64| ((score / (1.0 - score)).ln() + 2.0).round();
    assert!(found["hits"][0]["text"].as_str().unwrap().contains("fourteen") && common(scores[0]) >= 3.0, "{found}");
    let plain = &world.json(&["search", "--no-rerank", "parental", "leave"])[0];
    assert!(plain.get("rerank").is_none() && plain["hits"][0].get("rerank_score").is_none(), "{plain}");

    world.write("set/docs.jsonl", "{\"id\":\"1\",\"title\":\"Leave\",\"text\":\"Parents may take fourteen months.\"}\n{\"id\":\"2\",\"title\":\"\",\"text\":\"The canteen opens.\"}\n");
    world.write("set/queries.jsonl", "{\"id\":\"a\",\"text\":\"How many months may parents take?\",\"answers\":[\"fourteen\"]}\n");
    world.write("set/qrels.tsv", "a\t1\t1\n");
    let report = &world.json(&["eval", "retrieval", "--dataset", "set"])[0];
    let modes: Vec<&str> = report["rows"].as_array().unwrap().iter().map(|row| row["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, ["keyword", "vector", "hybrid", "hybrid+rerank"]);
    assert_eq!(report["rows"][3]["ndcg@10"], 1.0, "{report}");
}

#[tokio::test]
async fn a_reranker_that_is_not_there_is_told_by_readiness_and_by_searches_that_want_it() {
    let world = with_reranker();
    std::fs::remove_file(world.path("models/judge/model.onnx")).unwrap();
    let server = world.serve();
    server.upload_all().await;
    let parts = server.get("/readyz").send().await.unwrap().json::<Value>().await.unwrap()["parts"].clone();
    let part = parts.as_array().unwrap().iter().find(|part| part["name"] == "reranker").unwrap();
    assert!(part["state"] == "missing" && part["detail"].as_str().unwrap().contains("groundwork models pull judge"), "{part}");
    let search = |rerank: bool| {
        let body = json!({ "query": "parental leave", "rerank": rerank });
        server.post("/admin/v1/knowledge-bases/default/search").json(&body).send()
    };
    let error = error_of(search(true).await.unwrap(), 503).await;
    assert!(error["code"] == "reranker_missing" && error["message"].as_str().unwrap().contains("models pull judge"), "{error}");
    assert!(search(false).await.unwrap().status().is_success());
}

#[test]
fn a_reranker_that_no_catalogue_knows_or_that_embeds_is_refused_at_the_start() {
    for (name, reason) in [("nowhere", "no cross-encoder"), ("made", "no cross-encoder")] {
        let world = World::with(&format!("[retrieval]\nreranker = \"{name}\"\n"));
        let ended = world.run(&["search", "leave"]);
        assert!(!ended.status.success() && ended.stderr.contains(reason), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_clients_own_call_goes_on_to_the_deployment_of_its_model() {
    let server = World::with("[[targets]]\nkind = \"fake\"\nname = \"elsewhere\"\n").serve();
    let body = json!({ "model": "default", "query": "soup on Monday", "documents": ["Trains are late.", "On Monday there is soup."] });
    let answer = server.post("/v1/rerank").json(&body).send().await.unwrap();
    assert!(answer.status().is_success() && answer.headers().contains_key("x-groundwork-call"));
    let results = answer.json::<Value>().await.unwrap()["results"].clone();
    assert_eq!((&results[0]["index"], &results[1]["relevance_score"]), (&json!(1), &json!(0.0)), "{results}");
    let error = error_of(server.post("/v1/rerank").json(&json!({ "query": "soup", "documents": [] })).send().await.unwrap(), 400).await;
    assert_eq!(error["param"], "model", "{error}");
}
