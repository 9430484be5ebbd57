//! Identities over real HTTP: an endpoint on this machine stands for the metadata service and for the directory.

use super::*;
use crate::credential::transport;
use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, Request};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use groundwork_core::clock::{Clock, Dice};
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const NOW: u64 = 1_800_000_000;
/// Made for this test, good for nothing else.
const PEM: &str = include_str!("../testdata/certificate.pem");

/// Sends to this machine what is meant for the cloud, through the transport that is used there.
#[derive(Debug)]
struct Redirected {
    transport: transport::Transport,
    port: u16,
}

#[async_trait]
impl HttpClient for Redirected {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        let url = request.url_mut();
        let _ = url.set_scheme("http");
        url.set_host(Some("127.0.0.1")).unwrap();
        let _ = url.set_port(Some(self.port));
        self.transport.execute_request(&request).await
    }
}

/// Answers one request, and gives what it was.
async fn endpoint(answer: String) -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(String::new())));
    let record = seen.clone();
    TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
                if body.len() >= length {
                    break;
                }
            }
            *record.lock().unwrap() = String::from_utf8_lossy(&bytes).into_owned();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
        }
    });
    (port, seen)
}

fn ambient() -> Ambient {
    Ambient::new(Clock::fake(NOW * 1000).0, Dice::counting(7), TaskTracker::new(), CancellationToken::new())
}

/// Asks for a token, and gives it with the request that was made for it.
async fn ask(identity: &Identity, answer: String) -> (String, String) {
    let (port, seen) = endpoint(answer).await;
    let transport = transport::Transport::for_identity(&Identity::Managed { client_id: None }).unwrap();
    let client: Arc<dyn HttpClient> = Arc::new(Redirected { transport, port });
    let credential = identity.open(&client, &ambient()).unwrap();
    let token = credential.get_token(&[crate::credential::SCOPE], None).await.unwrap();
    let request = seen.lock().unwrap().clone();
    (token.token.secret().to_owned(), request)
}

fn service() -> Service {
    Service { tenant_id: "tenant".into(), client_id: "client".into(), authority: AUTHORITY.into() }
}

fn form(request: &str) -> BTreeMap<String, String> {
    let body = request.split_once("\r\n\r\n").unwrap().1;
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

const ENTRA: &str = r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"entra"}"#;

#[tokio::test]
async fn a_machine_asks_its_metadata_service() {
    let answer = format!(r#"{{"access_token":"imds","expires_on":"{}","resource":"r","token_type":"Bearer"}}"#, NOW + 3600);
    let (token, request) = ask(&Identity::Managed { client_id: Some("mine".into()) }, answer).await;
    assert_eq!(token, "imds");
    assert!(request.starts_with("GET /metadata/identity/oauth2/token?"), "{request}");
    assert!(request.contains("resource=https%3A%2F%2Fai.azure.com") && request.contains("client_id=mine"), "{request}");
    assert!(request.to_lowercase().contains("metadata: true"), "{request}");
}

#[tokio::test]
async fn a_service_principal_asks_the_directory_with_its_secret() {
    let identity = Identity::Secret { service: service(), secret: "s3cret".to_owned().into() };
    let (token, request) = ask(&identity, ENTRA.to_owned()).await;
    assert_eq!(token, "entra");
    assert!(request.starts_with("POST /tenant/oauth2/v2.0/token "), "{request}");
    let form = form(&request);
    assert_eq!(
        (form["client_id"].as_str(), form["client_secret"].as_str(), form["scope"].as_str()),
        ("client", "s3cret", crate::credential::SCOPE)
    );
}

#[tokio::test]
async fn a_pod_shows_the_token_of_its_service_account() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "federated").unwrap();
    let identity = Identity::Workload { service: service(), token_file: file.path().to_owned() };
    let (token, request) = ask(&identity, ENTRA.to_owned()).await;
    assert_eq!((token.as_str(), form(&request)["client_assertion"].as_str()), ("entra", "federated"));
}

#[tokio::test]
async fn a_certificate_signs_a_statement_that_the_directory_can_check() {
    let identity = Identity::Certificate { service: service(), pem: PEM.to_owned().into() };
    let (_, request) = ask(&identity, ENTRA.to_owned()).await;
    let statement = form(&request)["client_assertion"].clone();
    let (signed, signature) = statement.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice::<serde_json::Value>(&BASE64.decode(part).unwrap()).unwrap();
    assert_eq!((&json(header)["alg"], json(header)["x5t#S256"].as_str().unwrap().len()), (&"PS256".into(), 43));
    let claims = json(claims);
    assert_eq!(claims["aud"], format!("{AUTHORITY}/tenant/oauth2/v2.0/token"));
    assert_eq!((&claims["iss"], &claims["sub"], &claims["nbf"]), (&"client".into(), &"client".into(), &NOW.into()));
    let key = Certificate::open(&PEM.to_owned().into(), &service(), &ambient()).unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key())
        .verify(signed.as_bytes(), &BASE64.decode(signature).unwrap())
        .unwrap();
}

#[test]
fn what_is_no_certificate_says_what_is_missing() {
    let open = |pem: &str| Certificate::open(&pem.to_owned().into(), &service(), &ambient()).map(|_| ()).unwrap_err().to_string();
    assert!(open("hello").contains("BEGIN CERTIFICATE"));
    let only_certificate = PEM.split_inclusive("-----END CERTIFICATE-----").next().unwrap();
    assert!(open(only_certificate).contains("must stand in the same PEM"));
}

#[test]
fn equal_identities_share_their_token() {
    let ambient = ambient();
    let secret = |secret: &str| Identity::Secret { service: service(), secret: secret.to_owned().into() };
    let tokens = |identity: &Identity, scope: &str| ambient.identities.tokens(identity, scope, &ambient).unwrap();
    let first = tokens(&secret("a"), "x");
    assert!(Arc::ptr_eq(&first, &tokens(&secret("a"), "x")));
    assert!(!Arc::ptr_eq(&first, &tokens(&secret("b"), "x")));
    assert!(!Arc::ptr_eq(&first, &tokens(&secret("a"), "y")));
}
