use super::*;
use http::Method;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Answers every connection with the same bytes, and gives its address.
fn server(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn policy(hosts: &[&str], redirects: &[&str], addresses: Addresses) -> Policy {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Policy {
        hosts: own(hosts),
        redirects: own(redirects),
        addresses,
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn an_allowed_host_answers_and_any_other_is_refused_before_a_connection() {
    let address = server(answer("200 OK", "", "hello"));
    let client = client(Purpose::Target, &policy(&["127.0.0.1"], &[], Addresses::Any)).expect("a client");
    let request = client.request(Method::GET, &format!("http://{address}/")).expect("allowed");
    assert_eq!(request.send().await.expect("an answer").text().await.expect("a body"), "hello");
    for url in ["http://127.0.0.2/", "http://localhost/", "ftp://127.0.0.1/", "not a url", "http:///x"] {
        assert!(client.request(Method::GET, url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_redirect_leaves_its_host_only_when_the_policy_names_the_next() {
    let goal = server(answer("200 OK", "", "arrived"));
    let port = goal.rsplit(':').next().expect("a port").to_owned();
    let start = server(answer("302 Found", &format!("location: http://localhost:{port}/\r\n"), ""));
    for (redirects, expected) in [(&[][..], None), (&["localhost"][..], Some("arrived"))] {
        let client = client(Purpose::ModelDownload, &policy(&["127.0.0.1", "localhost"], redirects, Addresses::Any)).expect("a client");
        let sent = client.request(Method::GET, &format!("http://{start}/")).expect("allowed").send().await;
        match expected {
            Some(body) => assert_eq!(sent.expect("followed").text().await.expect("a body"), body),
            None => assert!(sent.expect_err("refused").is_redirect()),
        }
    }
}

#[tokio::test]
async fn a_redirect_to_a_metadata_address_is_refused_even_when_its_host_is_named() {
    let start = server(answer("302 Found", "location: http://169.254.169.254/latest\r\n", ""));
    let client = client(Purpose::Target, &policy(&["127.0.0.1"], &["169.254.169.254"], Addresses::Any)).expect("a client");
    let sent = client.request(Method::GET, &format!("http://{start}/")).expect("allowed").send().await;
    assert!(sent.expect_err("refused").is_redirect());
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_the_public_internet() {
    let address = server(answer("200 OK", "", "secret"));
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let client = client(Purpose::Target, &policy(&["localhost"], &[], Addresses::Public)).expect("a client");
    let sent = client.request(Method::GET, &format!("http://localhost:{port}/")).expect("a name is checked later").send().await;
    assert!(sent.expect_err("refused").is_connect());
    let literal = client.request(Method::GET, &format!("http://{address}/"));
    assert!(literal.is_err());
}
