//! A model service over HTTP, whoever's it is: finds the address and the credential of a call, puts the body into the dialect that the
//! service speaks, and its answer into the client's.

mod body;
mod forwarded;
mod headers;
mod speech;
mod upload;

pub(crate) use headers::served;

use crate::anthropic::Anthropic;
use crate::azure_openai::AzureOpenAi;
use crate::egress::EgressError;
use crate::exchange::{Ask, Limit, Server, client_headers};
use crate::openai::OpenAi;
use crate::target::{Call, CallError, EmbedCall, Embedded, Reply, Settings, Unfiltered};
use bytes::Bytes;
use groundwork_core::turn::Dialect;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Service {
    server: Server,
    vendor: Vendor,
    speaks: Vec<Dialect>,
    /// Sent with every call.
    headers: HeaderMap,
    unfiltered: Unfiltered,
    has_batches: bool,
}

#[derive(Debug)]
pub(crate) enum Vendor {
    OpenAi(OpenAi),
    AzureOpenAi(AzureOpenAi),
    Anthropic(Anthropic),
}

/// What is done at an address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation<'a> {
    Answer(Dialect),
    Embeddings,
    /// Behind the base address.
    Other {
        path: &'a str,
        query: Option<&'a str>,
    },
}

impl Service {
    pub(crate) fn open(settings: &Settings, vendor: Vendor) -> Result<Self, EgressError> {
        let server = Server::open(&settings.name, vendor.base(), settings.timeouts)?;
        let speaks = settings.speaks.clone().unwrap_or_else(|| vendor.speaks());
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("groundwork/", env!("CARGO_PKG_VERSION"))));
        headers.extend(settings.headers.iter().cloned());
        let unfiltered = match &vendor {
            Vendor::AzureOpenAi(azure) => azure.unfiltered(),
            Vendor::OpenAi(_) | Vendor::Anthropic(_) => Unfiltered::Allow,
        };
        let has_batches = settings.has_batches.unwrap_or_else(|| vendor.has_batches());
        Ok(Self { server, vendor, speaks, headers, unfiltered, has_batches })
    }

    /// Whether a call in `dialect` passes as it is.
    pub(crate) fn speaks(&self, dialect: Dialect) -> bool {
        self.speaks.contains(&dialect)
    }

    pub(crate) fn has_batches(&self) -> bool {
        self.has_batches
    }

    pub(crate) async fn call(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        let spoken = if self.speaks(call.dialect) { call.dialect } else { self.speaks.first().copied().unwrap_or_default() };
        let until = self.server.until(call.deadline);
        let body = body::prepare(&self.server.target, &call, spoken, model)?;
        let first = if call.stream { self.server.first_token(until) } else { self.server.first_byte(until) };
        let ask = self.ask(Operation::Answer(spoken), model, &call.headers, until).await?.body(body);
        let speech = speech::Speech { server: &self.server, model, unfiltered: self.unfiltered, spoken, call: &call };
        if call.stream { speech.stream(ask, first, call.replaceable).await } else { speech.whole(ask, first).await }
    }

    pub(crate) async fn embed(&self, model: &str, call: EmbedCall) -> Result<Embedded, CallError> {
        let until = self.server.until(call.deadline);
        let first = self.server.first_byte(until);
        let body = body::with_model(&self.server.target, call.body, model)?;
        let ask = self.ask(Operation::Embeddings, model, &call.headers, until).await?.body(body.to_bytes());
        let (headers, body) = self.server.whole(ask, first).await?;
        if let Some(error) = speech::hidden_error(&self.server.target, model, &headers, &body) {
            return Err(error);
        }
        if body.trim_ascii().is_empty() || !speech::may_be_json(&body) {
            return Err(self.server.broken(speech::NO_JSON));
        }
        Ok(Embedded { served: served(&headers), headers: client_headers(&headers), body })
    }

    /// A request with its address, its credential and the headers of the client's that go on; still without a body.
    async fn ask<'a>(&self, operation: Operation<'_>, model: &'a str, client: &HeaderMap, until: Limit) -> Result<Ask<'a>, CallError> {
        let target = &self.server.target;
        let uri = self.vendor.uri(target, operation, model)?;
        let mut headers = self.headers.clone();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers::pass_on(&mut headers, client, &self.vendor);
        self.vendor.authorize(target, &mut headers, until.at()).await?;
        Ok(Ask { method: Method::POST, uri, headers, body: Bytes::new().into(), model, until })
    }
}

impl Ask<'_> {
    fn body(self, body: Bytes) -> Self {
        Self { body: body.into(), ..self }
    }
}

impl Vendor {
    fn base(&self) -> &url::Url {
        match self {
            Self::OpenAi(openai) => openai.base(),
            Self::AzureOpenAi(azure) => azure.base(),
            Self::Anthropic(anthropic) => anthropic.base(),
        }
    }

    fn speaks(&self) -> Vec<Dialect> {
        match self {
            Self::OpenAi(openai) => openai.speaks(),
            Self::AzureOpenAi(azure) => azure.speaks(),
            Self::Anthropic(_) => vec![Dialect::Messages],
        }
    }

    /// OpenAI has batches for every model, Azure for deployments of a kind of its own, and of other servers nobody knows.
    fn has_batches(&self) -> bool {
        matches!(self, Self::OpenAi(openai) if openai.is_openai())
    }

    fn uri(&self, target: &str, operation: Operation<'_>, model: &str) -> Result<Uri, CallError> {
        match self {
            Self::OpenAi(openai) => openai.uri(target, operation),
            Self::AzureOpenAi(azure) => azure.uri(target, operation, model),
            Self::Anthropic(anthropic) => anthropic.uri(target, operation),
        }
    }

    async fn authorize(&self, target: &str, headers: &mut HeaderMap, deadline: Instant) -> Result<(), CallError> {
        match self {
            Self::OpenAi(openai) => openai.authorize(target, headers, deadline).await,
            Self::AzureOpenAi(azure) => azure.authorize(target, headers, deadline).await,
            Self::Anthropic(anthropic) => anthropic.authorize(target, headers, deadline).await,
        }
    }
}
