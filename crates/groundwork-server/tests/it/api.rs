//! OpenAI's API: the shapes that its clients expect, and errors that they understand, whatever is sent.

use crate::world::{World, error_of, question};
use serde_json::{Value, json};

#[tokio::test]
async fn an_answer_is_a_chat_completion_with_its_sources_as_annotations() {
    let world = World::new();
    let server = world.serve();
    server.upload_all().await;
    let answer = server.chat(&question("How many months of parental leave may parents take?", false)).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["object"], "chat.completion");
    let choice = &body["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(text.contains("fourteen months"), "{text}");
    assert_eq!((&choice["index"], &choice["message"]["role"], &choice["finish_reason"]), (&json!(0), &json!("assistant"), &json!("stop")));
    let citation = &choice["message"]["annotations"][0]["citation"];
    assert_eq!(citation["name"], "leave.md", "{body}");
    assert_eq!(citation["section"], json!(["Leave", "Parental leave"]), "{body}");
    assert_eq!(citation["supported"], true, "{body}");
    assert!(
        choice["message"]["context"]["citations"][0]["content"].as_str().is_some_and(|text| text.contains("fourteen months")),
        "{body}"
    );
    assert!(body["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{body}");
}

#[tokio::test]
async fn models_are_listed_and_found_by_name() {
    let world = World::new();
    let server = world.serve();
    let list: Value = server.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let names: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!((&list["object"], names), (&json!("list"), vec!["groundwork", "made"]));
    let model: Value = server.get("/v1/models/made").send().await.unwrap().json().await.unwrap();
    assert_eq!((&model["id"], &model["object"]), (&json!("made"), &json!("model")));
    assert!(model["created"].as_u64().is_some_and(|seconds| (1_500_000_000..10_000_000_000).contains(&seconds)));
}

#[tokio::test]
async fn a_model_may_be_called_what_its_vendor_calls_it() {
    let script =
        "apply = [\"models.toml\"]\n[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [\"hi\"]\n";
    let world = World::with(script);
    world.write("models.toml", "[models.\"meta/llama:8b\"]\ndeployments = [{ target = \"script\" }]\n");
    let server = world.serve();
    for name in ["meta/llama:8b", "meta%2Fllama%3A8b"] {
        let model: Value = server.get(&format!("/v1/models/{name}")).send().await.unwrap().json().await.unwrap();
        assert_eq!(model["id"], "meta/llama:8b", "{name}");
    }
    let mut asked = json!({ "model": "meta/llama:8b", "messages": [{ "role": "user", "content": "hello" }] });
    assert_eq!(server.chat(&asked).await.status(), 200);
    asked["model"] = "ignored".into();
    let azure = "/openai/deployments/meta%2Fllama%3A8b/chat/completions?api-version=2024-10-21";
    assert_eq!(server.post(azure).json(&asked).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn embeddings_come_as_numbers_or_as_base64_in_the_order_of_the_texts() {
    let world = World::new();
    let server = world.serve();
    let ask = async |body: Value| -> Value { server.post("/v1/embeddings").json(&body).send().await.unwrap().json().await.unwrap() };
    let numbers = ask(json!({ "model": "made", "input": ["annual leave", "soup"] })).await;
    let rows = numbers["data"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(rows[0]["embedding"].as_array().unwrap().len(), 16);
    assert!(numbers["usage"]["prompt_tokens"].as_u64().is_some_and(|tokens| tokens >= 3));
    let packed = ask(json!({ "model": "made", "input": "annual leave", "encoding_format": "base64" })).await;
    assert_eq!(packed["data"][0]["embedding"].as_str().unwrap().len(), (16 * 4_usize).div_ceil(3) * 4);
}

#[tokio::test]
async fn every_odd_request_is_an_error_of_the_one_shape_and_never_a_500() {
    let world = World::with("[limits]\njson_body = \"64KiB\"\nquestion = \"8KiB\"");
    let server = world.serve();
    let long = "long ".repeat(4000);
    let (chat, embeddings, search) = ("/v1/chat/completions", "/v1/embeddings", "/admin/v1/knowledge-bases/default/search");
    for (path, body, status, code) in [
        (chat, String::new(), 400, Value::Null),
        (chat, "{".to_owned(), 400, Value::Null),
        (chat, "[]".to_owned(), 400, Value::Null),
        (chat, "\u{0}\u{1}ÿ".to_owned(), 400, Value::Null),
        (chat, "{}".to_owned(), 400, json!("missing_required_parameter")),
        (chat, json!({ "model": "groundwork" }).to_string(), 400, json!("missing_required_parameter")),
        (chat, json!({ "model": 7, "messages": [] }).to_string(), 400, json!("invalid_type")),
        (chat, json!({ "model": "groundwork", "messages": "hello" }).to_string(), 400, json!("invalid_type")),
        (chat, json!({ "model": "nobody", "messages": [{ "role": "user", "content": "hi" }] }).to_string(), 404, json!("model_not_found")),
        (
            chat,
            json!({ "model": "nobody", "stream": true, "messages": [{ "role": "user", "content": "hi" }] }).to_string(),
            404,
            json!("model_not_found"),
        ),
        (
            chat,
            json!({ "model": "made", "messages": [{ "role": "user", "content": "hi" }] }).to_string(),
            400,
            json!("model_not_supported"),
        ),
        (chat, question(&long, false).to_string(), 413, json!("request_too_large")),
        (chat, question(&long.repeat(4), false).to_string(), 413, json!("request_too_large")),
        (chat, "[".repeat(20_000), 400, Value::Null),
        (embeddings, json!({ "model": "groundwork", "input": "x" }).to_string(), 400, json!("model_not_supported")),
        (embeddings, json!({ "model": "nobody", "input": "x" }).to_string(), 404, json!("model_not_found")),
        (embeddings, json!({ "model": "made" }).to_string(), 400, json!("missing_required_parameter")),
        (search, json!({ "query": "x", "limit": 0 }).to_string(), 400, json!("invalid_value")),
        (search, json!({ "query": "x", "colour": 1 }).to_string(), 400, json!("invalid_json")),
        (search, json!({ "query": " " }).to_string(), 400, json!("missing_required_parameter")),
        (search, json!({ "query": long }).to_string(), 413, json!("request_too_large")),
    ] {
        let shown = &body[..body.len().min(80)];
        let answer = server.post(path).header("content-type", "application/json").body(body.clone()).send().await.unwrap();
        let found = answer.status().as_u16();
        let error = error_of(answer, found).await;
        assert_eq!((found, &error["code"]), (status, &code), "{path} {shown}: {error}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_errors_of_the_same_shape() {
    let world = World::new();
    let server = world.serve();
    assert_eq!(error_of(server.get("/v1/fine_tuning/jobs").send().await.unwrap(), 404).await["code"], "unknown_url");
    assert_eq!(error_of(server.delete("/v1/models").send().await.unwrap(), 405).await["code"], "method_not_supported");
    assert_eq!(error_of(server.get("/v1/models/nobody").send().await.unwrap(), 404).await["code"], "model_not_found");
    assert_eq!(error_of(server.get("/v1/models/%FF").send().await.unwrap(), 400).await["code"], "invalid_value");
    assert_eq!(error_of(server.get("/admin/v1/calls?limit=many").send().await.unwrap(), 400).await["code"], "invalid_value");
    assert_eq!(error_of(server.get("/admin/v1/jobs/job_none").send().await.unwrap(), 404).await["code"], "job_not_found");
}

#[tokio::test]
async fn a_body_may_come_in_gzip_but_not_as_a_bomb_or_in_an_unknown_coding() {
    let world = World::with("[limits]\njson_body = \"64KiB\"");
    let server = world.serve();
    // A gzip stream of 4 MB of spaces, in stored-block-free form, as `gzip -9` makes it.
    let squeeze = |text: &str| {
        let mut child = std::process::Command::new("gzip")
            .args(["-9", "-c"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    let send = async |encoding: &str, body: Vec<u8>| {
        server.post("/v1/embeddings").header("content-encoding", encoding).body(body).send().await.unwrap()
    };
    let small = json!({ "model": "made", "input": "soup" }).to_string();
    assert_eq!(send("gzip", squeeze(&small)).await.status(), 200);
    let bomb = format!("{small}{}", " ".repeat(4_000_000));
    assert_eq!(error_of(send("gzip", squeeze(&bomb)).await, 413).await["code"], "request_too_large");
    assert_eq!(error_of(send("br", vec![1, 2, 3]).await, 415).await["code"], "unsupported_content_encoding");
}

#[tokio::test]
async fn calls_are_booked_and_listed_with_their_tokens() {
    let world = World::new();
    let server = world.serve();
    server.upload_all().await;
    for _ in 0..3 {
        server.chat(&question("Who books train tickets?", false)).await.bytes().await.unwrap();
    }
    let first: Value = server.get("/admin/v1/calls?limit=2").send().await.unwrap().json().await.unwrap();
    assert_eq!((first["data"].as_array().unwrap().len(), &first["has_more"]), (2, &json!(true)), "{first}");
    let last = &first["data"][1];
    assert!(last["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{last}");
    let after = format!("{}_{}", last["ended_ms"], last["call"].as_str().unwrap());
    let rest: Value = server.get("/admin/v1/calls").query(&[("after", after)]).send().await.unwrap().json().await.unwrap();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (1, &json!(false)), "{rest}");
}
