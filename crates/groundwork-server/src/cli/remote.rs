//! A server that is spoken to over HTTP: at an address, or at the socket of a data folder.

use super::call::{Call, Reply};
use crate::exit::{Exit, Failure};
use crate::socket::Address;
use futures::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use std::io;
use std::path::Path;
use std::time::Duration;

/// What a command may wait for one answer; servers have their own, shorter limits.
const PATIENCE: Duration = Duration::from_secs(1200);

pub(super) struct Remote {
    client: reqwest::Client,
    base: url::Url,
    key: Option<SecretString>,
    /// For messages.
    place: String,
    /// Of an owner's socket; the client connects through it for as long as it lives.
    address: Option<Address>,
}

/// Nothing came back at all.
#[derive(Debug, thiserror::Error)]
#[error("{place} does not answer: {reason}; is it running?")]
pub(super) struct Unanswered {
    place: String,
    reason: String,
    /// The process that had the folder may have ended; another way to the folder can be looked for.
    pub(super) was_owner: bool,
}

impl Remote {
    pub(super) fn at(base: url::Url, key: Option<SecretString>) -> anyhow::Result<Self> {
        if !matches!(base.scheme(), "http" | "https") {
            return Err(Failure::new(Exit::Usage, format!("--url {base}: write an address like http://127.0.0.1:8080")).into());
        }
        let client = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).timeout(PATIENCE).build()?;
        Ok(Self { client, place: base.to_string(), base, key, address: None })
    }

    /// The process that answers at the folder's socket.
    pub(super) fn owner_of(folder: &Path) -> anyhow::Result<Self> {
        let address = Address::of(folder)?;
        let client = reqwest::Client::builder().unix_socket(address.path()).timeout(PATIENCE).build()?;
        let place = format!("the process that has {} open", folder.display());
        Ok(Self { client, base: url::Url::parse("http://localhost/")?, key: None, place, address: Some(address) })
    }

    pub(super) async fn send(&self, call: Call) -> Result<Reply, Unanswered> {
        let url = format!("{}{}", self.base.as_str().trim_end_matches('/'), call.path);
        let mut request = self.client.request(call.method, url).header("content-type", call.content_type).body(call.body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret());
        }
        let answer = request.send().await.map_err(|error| self.unanswered(error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Reply { status, headers, body: answer.bytes_stream().map(|bytes| bytes.map_err(io::Error::other)).boxed() })
    }

    fn unanswered(&self, error: reqwest::Error) -> Unanswered {
        let reason = format!("{:#}", anyhow::Error::new(error.without_url()));
        Unanswered { place: self.place.clone(), reason, was_owner: self.address.is_some() }
    }
}
