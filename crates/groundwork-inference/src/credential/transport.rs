//! Requests of the identity library go out as all others do: through the one client, with its policy and its TLS.

use super::{CredentialError, Identity};
use crate::egress::{self, Addresses, Policy, Purpose};
use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use std::collections::HashMap;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Transport {
    client: egress::Client,
}

impl Transport {
    /// A machine's own identity is asked for at the machine only, and never through a proxy; the others at the host of their authority.
    pub(super) fn for_identity(identity: &Identity) -> Result<Self, CredentialError> {
        let authority = match identity {
            Identity::Managed { .. } | Identity::Developer => None,
            Identity::Workload { service, .. } | Identity::Secret { service, .. } | Identity::Certificate { service, .. } => {
                Some(service.authority.as_str())
            }
        };
        let policy = match authority {
            Some(authority) => Policy::for_host_of(authority).map_err(Box::new)?,
            None => Policy {
                hosts: Vec::new(),
                redirects: Vec::new(),
                addresses: Addresses::Machine,
                connect_timeout: Duration::from_secs(5),
                read_timeout: Duration::from_secs(20),
            },
        };
        Ok(Self { client: egress::client(Purpose::Identity, &policy).map_err(Box::new)? })
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let method = http::Method::from_bytes(request.method().as_ref().as_bytes()).map_err(|error| Error::new(ErrorKind::Other, error))?;
        let mut outgoing = self.client.request(method, request.url().as_str()).map_err(|error| Error::new(ErrorKind::Connection, error))?;
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        let Body::Bytes(body) = request.body().clone() else {
            return Err(Error::with_message(ErrorKind::Other, "a request for a token has no streamed body"));
        };
        let failed = |error: reqwest::Error| {
            let kind = if error.is_connect() { ErrorKind::Connection } else { ErrorKind::Io };
            // The innermost reason says what a person can act upon; the address is not a secret, but the query may hold one.
            Error::with_message(kind, egress::innermost(&error.without_url()))
        };
        let answer = outgoing.body(body).send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            Some((HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_str().ok()?.to_owned())))
        };
        let headers: HashMap<_, _> = answer.headers().iter().filter_map(pair).collect();
        let body = answer.bytes().await.map_err(failed)?;
        Ok(AsyncRawResponse::from_bytes(status.into(), Headers::from(headers), body))
    }
}
