//! Whom a command talks to: the server at an address, the process that owns the data folder, or the folder itself, opened here. All
//! three are spoken to in the same requests, so a command neither knows nor cares.

use super::session::Session;
use crate::exit::{Exit, Failure};
use crate::http::{self, Entrance, Serving, router};
use crate::socket::{Address, Socket, answers};
use anyhow::Context;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use groundwork_app::App;
use groundwork_app::settings::Role;
use http_body_util::BodyExt;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tower::ServiceExt;

/// What a command may wait for one answer; servers have their own, shorter limits.
const PATIENCE: Duration = Duration::from_secs(1200);

/// How long a folder that was opened for a command may take to write what it must.
const CLOSING: Duration = Duration::from_secs(30);

pub(super) enum Backend {
    Remote(Remote),
    Here(Here),
}

pub(super) struct Remote {
    client: reqwest::Client,
    base: url::Url,
    key: Option<SecretString>,
    /// For messages.
    place: String,
    /// The client connects through it for as long as it lives.
    _address: Option<Address>,
}

/// The folder, opened by this process.
pub(super) struct Here {
    pub(super) app: App,
    router: axum::Router,
    /// Answers other commands while this one owns the folder.
    serving: Option<Serving>,
}

/// A request in the terms of the HTTP API.
pub(super) struct Call {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Bytes,
}

/// The head of an answer, and its body as it comes.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: BoxStream<'static, io::Result<Bytes>>,
}

/// An error that the API answered with.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), content_type: "application/json", body: Bytes::new() }
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn post(path: impl Into<String>, json: &serde_json::Value) -> Self {
        Self { method: Method::POST, body: json.to_string().into(), ..Self::get(path) }
    }

    pub(super) fn put(path: impl Into<String>, json: &serde_json::Value) -> Self {
        Self { method: Method::PUT, ..Self::post(path, json) }
    }

    pub(super) fn upload(path: impl Into<String>, body: Bytes) -> Self {
        Self { method: Method::POST, path: path.into(), content_type: "application/octet-stream", body }
    }
}

impl Backend {
    /// The server that the command line names, else the owner of the data folder, else the folder itself in `role`.
    pub(super) async fn find(session: &Session, role: Role) -> anyhow::Result<Self> {
        if let Some(url) = &session.url {
            return Ok(Self::Remote(Remote::at(url.clone(), session.api_key())?));
        }
        let folder = &session.config.data_dir;
        if !answers(folder).await {
            match session.open_when_free(folder, role, session.targets()?).await {
                Ok(app) => return Here::new(session, app, folder, role, None).map(Self::Here),
                // An owner may have come meanwhile.
                Err(failed) if !answers(folder).await => return Err(failed),
                Err(_) => {}
            }
        }
        Remote::owner_of(folder).map(Self::Remote)
    }

    /// Asks, and gives the answer whatever its status.
    pub(super) async fn send(&self, call: Call) -> anyhow::Result<Reply> {
        match self {
            Self::Remote(remote) => remote.send(call).await,
            Self::Here(here) => here.send(call).await,
        }
    }

    /// Asks for JSON. An error of the API is a `Refusal`.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> anyhow::Result<T> {
        let body = self.send(call).await?.accepted().await?.whole().await?;
        serde_json::from_slice(&body).context("the server's answer is not what this version expects; do both have the same version?")
    }

    /// Lets go of what was opened for the command.
    pub(super) async fn close(self) {
        if let Self::Here(here) = self {
            here.app.shutdown(CLOSING).await;
            if let Some(serving) = here.serving {
                serving.ended(Duration::from_secs(1)).await;
            }
        }
    }
}

impl Here {
    /// Serves `app` in this process. An owner listens at the folder's socket, so that other commands find it meanwhile, and at `tcp`.
    pub(super) fn new(session: &Session, app: App, folder: &Path, role: Role, tcp: Option<TcpListener>) -> anyhow::Result<Self> {
        let front = session.front(&app);
        let serving = match role {
            Role::Owner => Some(http::serve(&front, &session.config.server, tcp, bind_socket(folder)?)),
            Role::Visitor => None,
        };
        Ok(Self { router: router(&front, Entrance::Socket), app, serving })
    }

    async fn send(&self, call: Call) -> anyhow::Result<Reply> {
        let request = Request::builder().method(call.method).uri(call.path).header("content-type", call.content_type);
        let answer = self.router.clone().oneshot(request.body(Body::from(call.body))?).await?;
        let (head, body) = answer.into_parts();
        let body = body.into_data_stream().map(|bytes| bytes.map_err(io::Error::other)).boxed();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }
}

pub(super) fn bind_socket(folder: &Path) -> anyhow::Result<Socket> {
    Socket::bind(folder).map_err(|error| {
        let message = format!("no socket can be made in {}: {error}; choose a data folder on a local disk", folder.display());
        Failure::new(Exit::Storage, message).into()
    })
}

impl Remote {
    fn at(base: url::Url, key: Option<SecretString>) -> anyhow::Result<Self> {
        if !matches!(base.scheme(), "http" | "https") {
            return Err(Failure::new(Exit::Usage, format!("--url {base}: write an address like http://127.0.0.1:8080")).into());
        }
        let client = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).timeout(PATIENCE).build()?;
        Ok(Self { client, place: base.to_string(), base, key, _address: None })
    }

    /// The process that answers at the folder's socket.
    fn owner_of(folder: &Path) -> anyhow::Result<Self> {
        let address = Address::of(folder)?;
        let client = reqwest::Client::builder().unix_socket(address.path()).timeout(PATIENCE).build()?;
        let place = format!("the process that has {} open", folder.display());
        Ok(Self { client, base: url::Url::parse("http://localhost/")?, key: None, place, _address: Some(address) })
    }

    async fn send(&self, call: Call) -> anyhow::Result<Reply> {
        let url = format!("{}{}", self.base.as_str().trim_end_matches('/'), call.path);
        let mut request = self.client.request(call.method, url).header("content-type", call.content_type).body(call.body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret());
        }
        let answer = request.send().await.map_err(|error| self.unreachable(error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Reply { status, headers, body: answer.bytes_stream().map(|bytes| bytes.map_err(io::Error::other)).boxed() })
    }

    fn unreachable(&self, error: reqwest::Error) -> anyhow::Error {
        let reason = anyhow::Error::new(error.without_url());
        Failure::new(Exit::Server, format!("{} does not answer: {reason:#}; is it running?", self.place)).into()
    }
}

impl Reply {
    /// The answer, or the `Refusal` that it is.
    pub(super) async fn accepted(self) -> anyhow::Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let status = self.status;
        let retry_after = self.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        let body: serde_json::Value = serde_json::from_slice(&self.whole().await?).unwrap_or_default();
        let text = |key: &str| body["error"][key].as_str().map(str::to_owned);
        let message = text("message").unwrap_or_else(|| format!("the server answered {status} without a reason"));
        Err(Refusal { status, code: text("code"), message, retry_after }.into())
    }

    pub(super) async fn whole(self) -> anyhow::Result<Bytes> {
        Ok(Body::from_stream(self.body).collect().await.context("the answer broke off")?.to_bytes())
    }
}
