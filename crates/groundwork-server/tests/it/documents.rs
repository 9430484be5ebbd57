//! The documents API.

use crate::world::{DOCUMENTS_PATH, World, error_of};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

#[tokio::test]
async fn a_document_lives_from_upload_to_deletion() {
    let world = World::new();
    let server = world.serve();
    let text = "# Parking\n\nBicycles stand in the yard.\n";
    let form = || Form::new().part("file", Part::text(text).file_name("notes/Größe.md"));
    let upload = async || server.post(DOCUMENTS_PATH).multipart(form()).send().await.unwrap();
    let first = upload().await;
    assert_eq!(first.status(), 201);
    let document: Value = first.json().await.unwrap();
    assert_eq!((&document["object"], &document["change"], &document["version"]), (&json!("document"), &json!("created"), &json!(1)));
    let again = upload().await;
    assert_eq!(again.status(), 200);
    assert_eq!(again.json::<Value>().await.unwrap()["change"], "unchanged");

    let path = format!("{DOCUMENTS_PATH}/{}", document["id"].as_str().unwrap());
    let found: Value = server.get(&path).send().await.unwrap().json().await.unwrap();
    assert_eq!((&found["name"], &found["bytes"]), (&json!("notes/Größe.md"), &json!(text.len())));
    let original = server.get(&format!("{path}/original")).send().await.unwrap();
    assert_eq!(original.headers()["content-disposition"], "attachment; filename=\"Gr__e.md\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.md");
    assert_eq!(original.headers()["x-content-type-options"], "nosniff");
    assert!(original.headers()["content-type"].to_str().unwrap().starts_with("text/markdown"));
    assert_eq!(original.text().await.unwrap(), text);
    let page: Value = server.get(&format!("{path}/pages/1")).send().await.unwrap().json().await.unwrap();
    assert!(page["text"].as_str().is_some_and(|text| text.contains("Bicycles stand in the yard.")), "{page}");
    assert_eq!(error_of(server.get(&format!("{path}/pages/2")).send().await.unwrap(), 404).await["code"], "page_not_found");
    assert_eq!(error_of(server.get(&format!("{path}/pages/one")).send().await.unwrap(), 400).await["param"], "page");

    let deleted: Value = server.delete(&path).send().await.unwrap().json().await.unwrap();
    assert_eq!(deleted["deleted"], true);
    for gone in [path.clone(), format!("{path}/original"), format!("{path}/pages/1")] {
        assert_eq!(error_of(server.get(&gone).send().await.unwrap(), 404).await["code"], "document_not_found");
    }
    assert_eq!(error_of(server.delete(&path).send().await.unwrap(), 404).await["code"], "document_not_found");
    let search = server.post("/admin/v1/knowledge-bases/default/search").json(&json!({ "query": "bicycles" })).send().await.unwrap();
    assert_eq!(search.json::<Value>().await.unwrap()["outcome"], "nothing_stored");
}

#[tokio::test]
async fn lists_come_in_pages_that_end() {
    let world = World::new();
    let server = world.serve();
    for number in 0..5 {
        server.upload(&format!("{number}.txt"), &format!("Number {number}.")).await;
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let mut query = vec![("limit", "2")];
        if !after.is_empty() {
            query.push(("after", &after));
        }
        let page: Value = server.get(DOCUMENTS_PATH).query(&query).send().await.unwrap().json().await.unwrap();
        let data = page["data"].as_array().unwrap();
        names.extend(data.iter().map(|document| document["name"].as_str().unwrap().to_owned()));
        if page["has_more"] == false {
            break;
        }
        assert_eq!(data.len(), 2);
        after = data[1]["id"].as_str().unwrap().to_owned();
    }
    assert_eq!(names, ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]);
    assert_eq!(error_of(server.get(&format!("{DOCUMENTS_PATH}?limit=0")).send().await.unwrap(), 400).await["param"], "limit");
    assert_eq!(
        error_of(server.get("/admin/v1/knowledge-bases/none/documents").send().await.unwrap(), 404).await["code"],
        "knowledge_base_not_found"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_taken_says_why_and_leaves_the_version_before() {
    let world = World::with("[limits]\ndocument = \"100KiB\"");
    let server = world.serve();
    server.upload("a.pdf", "plain text under a name that lies").await;
    let put = async |name: &str, bytes: Vec<u8>| server.post(DOCUMENTS_PATH).query(&[("name", name)]).body(bytes).send().await.unwrap();
    for (name, bytes, status, code) in [
        ("empty.txt", Vec::new(), 400, "empty"),
        ("a.pdf", b"%PDF-1.7\nnothing that a reader could use".to_vec(), 422, "malformed"),
        ("random.bin", (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect(), 422, "unsupported"),
        ("large.txt", vec![b'x'; 200 << 10], 413, "request_too_large"),
        ("huge.txt", vec![b'x'; 3 << 20], 413, "request_too_large"),
    ] {
        assert_eq!(error_of(put(name, bytes).await, status).await["code"], code, "{name}");
    }
    assert_eq!(error_of(server.post(DOCUMENTS_PATH).body("x").send().await.unwrap(), 400).await["param"], "name");
    let two = Form::new().part("file", Part::text("a").file_name("a")).part("file", Part::text("b").file_name("b"));
    assert_eq!(error_of(server.post(DOCUMENTS_PATH).multipart(two).send().await.unwrap(), 400).await["param"], "file");
    let twice = Form::new().part("file", Part::text("a").file_name("a")).text("title", "A").text("title", "B");
    assert_eq!(error_of(server.post(DOCUMENTS_PATH).multipart(twice).send().await.unwrap(), 400).await["param"], "title");
    let list: Value = server.get(DOCUMENTS_PATH).send().await.unwrap().json().await.unwrap();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["version"]), (1, &json!(1)), "{list}");
}

#[tokio::test]
async fn permissions_are_kept_with_the_document() {
    let world = World::new();
    let server = world.serve();
    let permissions = json!({ "scope": "restricted", "allow": ["user:somebody-else"] }).to_string();
    let form = Form::new().part("file", Part::text("A secret recipe.").file_name("recipe.txt")).text("permissions", permissions);
    server.post(DOCUMENTS_PATH).multipart(form).send().await.unwrap();
    let list: Value = server.get(DOCUMENTS_PATH).send().await.unwrap().json().await.unwrap();
    assert_eq!(list["data"], json!([]), "what the caller may not read does not exist for it");
    let search = server.post("/admin/v1/knowledge-bases/default/search").json(&json!({ "query": "recipe" })).send().await.unwrap();
    assert_eq!(search.json::<Value>().await.unwrap()["outcome"], "nothing_visible");
    let odd = Form::new().part("file", Part::text("x").file_name("x.txt")).text("permissions", "{\"scope\":\"everyone\"}");
    assert_eq!(error_of(server.post(DOCUMENTS_PATH).multipart(odd).send().await.unwrap(), 400).await["param"], "scope");
}
