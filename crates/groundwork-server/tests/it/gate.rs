//! Who gets in: this machine, and no web page of elsewhere.

use crate::world::{World, error_of};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_on_every_path() {
    let world = World::new();
    let server = world.serve();
    for path in ["/healthz", "/v1/models", "/nowhere"] {
        let host = server.get(path).header("host", "groundwork.example.com").send().await.unwrap();
        assert_eq!(error_of(host, 403).await["code"], "host_not_allowed");
        let origin = server.get(path).header("origin", "https://example.com").send().await.unwrap();
        assert_eq!(error_of(origin, 403).await["code"], "origin_not_allowed");
    }
    let own = server.get("/v1/models").header("origin", &server.url).send().await.unwrap();
    assert_eq!(own.status(), 200);
    assert!(!own.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_request_keeps_its_own_id_if_that_can_be_logged() {
    let world = World::new();
    let server = world.serve();
    let id = async |given: &str| {
        let answer = server.get("/v1/models").header("x-request-id", given).send().await.unwrap();
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id("client-7").await, "client-7");
    for odd in ["", "two words", &"x".repeat(500)] {
        assert!(id(odd).await.starts_with("req_"), "{odd}");
    }
}

#[tokio::test]
async fn the_socket_is_for_this_user_only() {
    let world = World::new();
    let _server = world.serve();
    let mode = std::fs::metadata(world.path("data/groundwork.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
