//! What a vendor refuses, and what hides in a 200.

use crate::server::{Server, events, hello, target, told, whole};
use groundwork_inference::target::{AzureOpenAi, CallError, Credential, Kind, Settings, Throttle, Unfiltered};

fn azure(server: &Server, unfiltered: Unfiltered) -> Settings {
    let endpoint = format!("http://127.0.0.1:{}", server.port).parse().unwrap();
    let credential = Credential::Key("azure-key".to_owned().into());
    Settings::new("azure", Kind::AzureOpenAi(AzureOpenAi { endpoint, credential, api_version: None, unfiltered })).model("deployed")
}

#[tokio::test]
async fn a_filtered_prompt_is_final_in_all_its_spellings_and_its_body_goes_on() {
    // What follows is what such an object always has and this one lacks.
    for (body, missing) in [
        (
            r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#,
            "",
        ),
        (
            r#"{"error":{"message":"filtered","param":"prompt","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_results":{"self_harm":{"filtered":true}}}}}"#,
            r#","type":"invalid_request_error""#,
        ),
        (
            r#"{"error":{"message":"filtered","code":"400","innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"self-harm":{"filtered":true}}}}}"#,
            r#","type":"invalid_request_error","param":null"#,
        ),
    ] {
        let told = format!("{}{missing}}}}}", body.strip_suffix("}}").unwrap());
        let server = Server::answering(whole("400 Bad Request", "", body.as_bytes())).await;
        for stream in [false, true] {
            match target(&azure(&server, Unfiltered::Allow)).call(hello(stream)).await.map(|_| ()).unwrap_err() {
                CallError::ContentFilter { said, .. } => assert_eq!(said.body.unwrap(), told),
                other => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn full_provisioned_throughput_is_told_from_a_quota_with_its_wait() {
    let headers =
        "retry-after-ms: 730\r\nretry-after: 1\r\nazure-openai-deployment-utilization: 103.2%\r\nx-ratelimit-remaining-tokens: 0\r\n";
    let server =
        Server::answering(whole("429 Too Many Requests", headers, br#"{"error":{"code":"429","message":"Too many requests"}}"#)).await;
    match target(&azure(&server, Unfiltered::Allow)).call(hello(true)).await.map(|_| ()).unwrap_err() {
        CallError::RateLimited { throttle: Throttle::Provisioned, retry_after, said, .. } => {
            assert_eq!(retry_after.unwrap().as_millis(), 730);
            assert_eq!(said.headers["x-ratelimit-remaining-tokens"], "0", "{said:?}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_error_that_hides_in_the_first_frames_is_an_error_of_the_call() {
    let error = r#"data: {"error":{"message":"overloaded","type":"server_error","code":"503"}}"#;
    let filter = r#"data: {"id":"","choices":[],"prompt_filter_results":[]}"#;
    let role = r#"data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
    let text = r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
    for (frames, of_the_call) in
        [(vec![error], true), (vec![filter, error], true), (vec![filter, role, error], true), (vec![role, text, error], false)]
    {
        let bytes: String = frames.iter().map(|frame| format!("{frame}\n\n")).collect();
        let server = Server::answering(events("", bytes.as_bytes(), 10_000)).await;
        match target(&server.openai()).call(hello(true)).await {
            Err(error) => assert!(of_the_call && error.kind() == "upstream_fault", "{frames:?}: {error}"),
            Ok(reply) => {
                let error = told(reply).await.error.unwrap();
                assert!(!of_the_call && error.kind() == "upstream_error_in_stream", "{frames:?}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_says_so() {
    for (answer, stream, kind) in [
        (whole("200 OK", "", br#"{"error":{"message":"hidden","code":"429"}}"#), false, "upstream_rate_limited"),
        (whole("200 OK", "", br#"{"error":{"message":"hidden","code":"429"}}"#), true, "upstream_rate_limited"),
        (whole("200 OK", "", b"{}"), false, "upstream_broken"),
        (whole("200 OK", "", b"<html>hello</html>"), false, "upstream_broken"),
        (whole("200 OK", "", br#"{"id":"c","choices":[]}"#), true, "upstream_broken"),
        (whole("502 Bad Gateway", "", b"<html><title>Bad gateway</title></html>"), true, "upstream_fault"),
        (whole("403 Forbidden", "", b""), false, "upstream_auth"),
        (events("", b"", 1), true, "upstream_broken"),
    ] {
        let server = Server::answering(answer).await;
        let error = target(&server.openai()).call(hello(stream)).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn an_answer_without_its_filter_goes_on_marked_or_is_a_fault() {
    let golden = include_bytes!("../../src/azure_openai/golden/stream-filter-outage.sse");
    let server = Server::answering(events("", golden, 10_000)).await;
    let answer = told(target(&azure(&server, Unfiltered::Allow)).call(hello(true)).await.unwrap()).await;
    assert!(answer.served.unfiltered && answer.error.is_none());
    let error = target(&azure(&server, Unfiltered::Refuse)).call(hello(true)).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), "upstream_fault", "{error}");
}

#[tokio::test]
async fn a_call_that_the_service_spilled_over_names_who_served_it() {
    let golden = include_bytes!("../../src/azure_openai/golden/whole.json");
    let headers = "x-ms-spillover-from-gpt-5-ptu: true\r\nx-ms-deployment-name: gpt-5-paygo\r\nx-request-id: up-1\r\n";
    let server = Server::answering(whole("200 OK", headers, golden)).await;
    let answer = told(target(&azure(&server, Unfiltered::Allow)).call(hello(false)).await.unwrap()).await;
    let served = answer.served;
    assert_eq!(
        (served.spilled, served.deployment.as_deref(), served.model.as_deref()),
        (true, Some("gpt-5-paygo"), Some("gpt-5-mini-2025-08-07"))
    );
    assert_eq!(answer.headers["x-upstream-request-id"], "up-1");
    assert!(server.seen()[0].starts_with("POST /openai/v1/chat/completions ") && server.seen()[0].contains("api-key: azure-key"));
}
