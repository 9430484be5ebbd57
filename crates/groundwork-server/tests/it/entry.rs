//! Who gets in with which key, under which paths, and what a request that comes again is told.

use crate::world::{Server, World, error_of, question};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

const KEYS: &str = r#"
[keys.ann]
value = { file = "ann.key" }
groups = ["group:hr"]
[keys.boss]
value = { file = "boss.key" }
role = "admin"
[keys.narrow]
value = { file = "narrow.key" }
models = ["default"]
[keys.old]
value = { file = "old.key" }
expires = "2020-01-01T00:00:00Z"
"#;

const ANN: &str = "ann-0123456789-0123456789";
const BOSS: &str = "boss-0123456789-0123456789";
const NARROW: &str = "narrow-0123456789-0123456789";
const OLD: &str = "old-0123456789-0123456789";

fn keyed(settings: &str) -> World {
    let world = World::with(&format!("apply = [\"keys.toml\"]\n{settings}"));
    world.write("keys.toml", KEYS);
    for (name, key) in [("ann", ANN), ("boss", BOSS), ("narrow", NARROW), ("old", OLD)] {
        world.write(&format!("{name}.key"), format!("{key}\n"));
    }
    world
}

const SCRIPTED: &str = "[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [\"one \", \"two\"]\n[[targets.script.answers]]\npieces = [\"three\"]\n";

fn hello(stream: bool) -> Value {
    json!({ "model": "default", "stream": stream, "messages": [{ "role": "user", "content": "hello" }] })
}

async fn json_of(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{status} {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn once_a_key_is_declared_everything_but_the_probes_asks_for_one() {
    let world = keyed("");
    let server = world.serve();
    for path in ["/healthz", "/readyz"] {
        assert!(server.get(path).send().await.unwrap().status().is_success(), "{path}");
    }
    for path in ["/metrics", "/openapi.json", "/v1/models", "/openai/v1/models", "/admin/v1/calls", "/nowhere"] {
        let error = error_of(server.get(path).send().await.unwrap(), 401).await;
        assert_eq!((&error["code"], &error["type"]), (&json!("invalid_api_key"), &json!("invalid_request_error")), "{path}");
    }
    for wrong in ["", "nobody", &ANN[..ANN.len() - 1], OLD] {
        let answer = server.get("/v1/models").bearer_auth(wrong).send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(error_of(answer, 401).await["code"], "invalid_api_key", "{wrong}");
    }
    for (name, value) in [("authorization", format!("Bearer {ANN}")), ("api-key", ANN.to_owned()), ("x-api-key", ANN.to_owned())] {
        let answer = server.get("/v1/models").header(name, value).header("host", "groundwork.example").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn a_key_may_do_what_its_role_may_and_use_the_models_it_names() {
    let world = keyed(SCRIPTED);
    let server = world.serve();
    for path in ["/admin/v1/jobs", "/admin/v1/calls", "/metrics"] {
        let refused = server.get(path).bearer_auth(ANN).send().await.unwrap();
        assert_eq!(error_of(refused, 403).await["code"], "insufficient_permissions", "{path}");
        assert_eq!(server.get(path).bearer_auth(BOSS).send().await.unwrap().status(), 200, "{path}");
    }
    let ids = async |key: &str| -> Vec<String> {
        let list = json_of(server.get("/v1/models").bearer_auth(key)).await;
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(NARROW).await, ["default"]);
    assert!(ids(ANN).await.len() > 1);
    let foreign = server.post("/v1/chat/completions").bearer_auth(NARROW).json(&question("hi", false)).send().await.unwrap();
    assert_eq!(error_of(foreign, 404).await["code"], "model_not_found");
    let embeddings =
        server.post("/v1/embeddings").bearer_auth(NARROW).json(&json!({ "model": "made", "input": "x" })).send().await.unwrap();
    assert_eq!(error_of(embeddings, 404).await["code"], "model_not_found");
    let own = json_of(server.post("/v1/chat/completions").bearer_auth(NARROW).json(&hello(false))).await;
    assert_eq!(own["choices"][0]["message"]["content"], "one two");
    let calls = json_of(server.get("/admin/v1/calls").bearer_auth(BOSS)).await;
    assert_eq!(calls["data"][0]["principal"], "user:narrow", "{calls}");
}

#[test]
fn with_keys_any_address_may_be_listened_to_and_a_key_that_cannot_be_read_is_named() {
    let world = keyed("[server]\nlisten = \"0.0.0.0:0\"");
    assert!(world.run(&["check-config"]).status.success());
    std::fs::remove_file(world.path("ann.key")).unwrap();
    let ended = world.run(&["serve"]);
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("keys.ann.value"), "{}", ended.stderr);
}

#[tokio::test]
async fn azures_paths_name_the_deployment_and_take_any_api_version() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let mut body = hello(false);
    body["model"] = json!("another");
    for path in ["/openai/deployments/default/chat/completions?api-version=2024-10-21", "/openai/deployments/default/chat/completions"] {
        let answer = json_of(server.post(path).json(&body)).await;
        assert_eq!(answer["object"], "chat.completion", "{path}");
    }
    let answer = json_of(server.post("/openai/v1/chat/completions").json(&hello(false))).await;
    assert_eq!(answer["object"], "chat.completion");
    let vectors = json_of(server.post("/openai/deployments/made/embeddings?api-version=x").json(&json!({ "input": "soup" }))).await;
    assert_eq!(vectors["data"][0]["object"], "embedding");
    let models = json_of(server.get("/openai/models?api-version=2024-10-21")).await;
    assert_eq!(models["object"], "list");
    let unknown = server.post("/openai/deployments/nobody/chat/completions?api-version=x").json(&hello(true)).send().await.unwrap();
    assert_eq!(error_of(unknown, 404).await["code"], "model_not_found");
}

async fn with_key(server: &Server, key: &str, body: &Value) -> (u16, Option<String>, String) {
    let answer = server.post("/v1/chat/completions").header("idempotency-key", key).json(body).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let replayed = headers.get("idempotent-replayed").map(|value| value.to_str().unwrap().to_owned());
    (status, replayed, answer.text().await.unwrap())
}

#[tokio::test]
async fn a_request_that_comes_again_gets_its_answer_again_also_after_a_restart() {
    let world = World::with(SCRIPTED);
    let mut firsts = Vec::new();
    {
        let server = world.serve();
        for stream in [false, true] {
            let key = format!("key-{stream}");
            let (status, replayed, first) = with_key(&server, &key, &hello(stream)).await;
            assert_eq!((status, replayed), (200, None), "{first}");
            let (status, replayed, again) = with_key(&server, &key, &hello(stream)).await;
            assert_eq!((status, replayed.as_deref(), again.as_str()), (200, Some("true"), first.as_str()));
            let (status, _, error) = with_key(&server, &key, &json!({ "model": "default", "messages": [] })).await;
            assert_eq!(status, 409);
            assert!(error.contains("idempotency_key_reused"), "{error}");
            firsts.push((key, stream, first));
        }
        let list: Value = server.get("/admin/v1/calls").send().await.unwrap().json().await.unwrap();
        assert_eq!(list["data"].as_array().unwrap().len(), 2, "{list}");
        server.signal("TERM");
        server.ended();
    }
    let server = world.serve();
    for (key, stream, first) in firsts {
        let (status, replayed, again) = with_key(&server, &key, &hello(stream)).await;
        assert_eq!((status, replayed.as_deref(), again), (200, Some("true"), first));
    }
}

#[tokio::test]
async fn a_second_request_while_the_first_is_answered_waits_for_its_answer() {
    let world = World::with(
        "[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [\"one\", \"two\"]\nchunk_ms = 300\n",
    );
    let server = world.serve();
    for stream in [false, true] {
        let (key, body) = (format!("race-{stream}"), hello(stream));
        let asked = futures::future::join_all((0..8).map(|_| with_key(&server, &key, &body))).await;
        assert_eq!(asked.iter().filter(|(_, replayed, _)| replayed.is_none()).count(), 1, "{asked:?}");
        assert!(asked.iter().all(|(status, _, answer)| *status == 200 && *answer == asked[0].2), "{asked:?}");
    }
    let calls: Value = server.get("/admin/v1/calls").send().await.unwrap().json().await.unwrap();
    assert_eq!(calls["data"].as_array().unwrap().len(), 2, "{calls}");
}

#[tokio::test]
async fn a_wait_for_the_first_answer_has_an_end_and_a_first_that_hangs_up_makes_way() {
    let world = World::with(
        "[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [\"one\"]\nfault = { kind = \"hang\", after = 1 }\n[[targets.script.answers]]\npieces = [\"two\"]\n",
    );
    let server = world.serve();
    let mut running = server.post("/v1/chat/completions").header("idempotency-key", "k").json(&hello(true)).send().await.unwrap();
    running.chunk().await.unwrap();
    let second = server.post("/v1/chat/completions").header("idempotency-key", "k").header("x-request-timeout-ms", "100");
    let second = second.json(&hello(true)).send().await.unwrap();
    assert!(second.headers().contains_key("retry-after"));
    assert_eq!(error_of(second, 409).await["code"], "idempotency_key_in_use");
    let body = hello(true);
    let waiting = with_key(&server, "k", &body);
    let hang_up = async { drop(running) };
    let ((status, replayed, answer), ()) = futures::join!(waiting, hang_up);
    assert_eq!((status, replayed), (200, None));
    assert!(answer.contains("two"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_was_taken_back_is_marked_in_each_dialect_and_not_kept() {
    let world = World::with(
        "[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [\"one\"]\nfinish = \"content_filter\"\n",
    );
    let server = world.serve();
    for _ in 0..2 {
        let (status, replayed, answer) = with_key(&server, "k", &hello(true)).await;
        assert_eq!((status, replayed), (200, None), "{answer}");
        assert!(answer.contains("\"retracted\":[0]") && answer.contains("\"finish_reason\":\"content_filter\""), "{answer}");
    }
    for path in ["/v1/messages", "/anthropic/v1/messages"] {
        let mut body = hello(true);
        body["max_tokens"] = json!(10);
        let answer = server.post(path).header("anthropic-version", "2023-06-01").json(&body).send().await.unwrap().text().await.unwrap();
        assert!(answer.contains("\"stop_reason\":\"refusal\""), "{answer}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_ask_only_when_the_settings_name_them() {
    let world = World::with("[server]\nallowed_origins = [\"https://console.example\"]");
    let server = world.serve();
    let preflight = |origin: &'static str| {
        let request = server.client.request(reqwest::Method::OPTIONS, format!("{}/v1/chat/completions", server.url));
        request.header("origin", origin).header("access-control-request-method", "POST").header("access-control-request-headers", "api-key")
    };
    let known = preflight("https://console.example").send().await.unwrap();
    assert_eq!(known.status(), 204);
    assert_eq!(known.headers()["access-control-allow-origin"], "https://console.example");
    assert_eq!(known.headers()["access-control-allow-headers"], "api-key");
    let foreign = preflight("https://other.example").send().await.unwrap();
    assert!(!foreign.status().is_success() && !foreign.headers().contains_key("access-control-allow-origin"));
    let answer = server.get("/v1/models").header("origin", "https://console.example").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
        (200, &"https://console.example".parse().unwrap())
    );
}

#[tokio::test]
async fn the_surface_describes_itself() {
    let world = World::new();
    let server = world.serve();
    let document = json_of(server.get("/openapi.json")).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"]["/v1/chat/completions"]["post"]["operationId"], "chat.create");
    let answer = server.get("/v1/models").send().await.unwrap();
    assert!(answer.headers().contains_key("openai-processing-ms") && answer.headers().contains_key("x-request-id"));
}
