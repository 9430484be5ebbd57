//! What targets over the network have in common.

use crate::config::Span;
use groundwork_core::turn::Dialect;
use groundwork_inference::target::{HangUp, Settings, Timeouts};
use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long each stage of a call may take, beside the call's own deadline.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsConfig {
    pub connect: Span,
    /// From the request until a stream says something.
    pub first_token: Span,
    /// From the request to the first byte of an answer in one piece, which comes when the work is done.
    pub first_byte: Span,
    /// Between two pieces of an answer.
    pub idle: Span,
    /// The whole call.
    pub total: Span,
    /// How long a connection is kept open for the next call; less than the server keeps it.
    pub keep_alive: Span,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        Self {
            connect: Span::from_secs(10),
            first_token: Span::from_secs(120),
            first_byte: Span::from_secs(300),
            idle: Span::from_secs(60),
            total: Span::from_secs(3600),
            keep_alive: Span::from_secs(30),
        }
    }
}

impl TimeoutsConfig {
    fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect.duration(),
            first_token: self.first_token.duration(),
            first_byte: self.first_byte.duration(),
            idle: self.idle.duration(),
            total: self.total.duration(),
            keep_alive: self.keep_alive.duration(),
        }
    }
}

/// What becomes of a call whose client has hung up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
pub enum HangUpConfig {
    /// The target is told to stop, and what it used is estimated where it cannot be known.
    #[default]
    Cancel,
    /// The answer is heard out, so that what it used is exact: for targets that charge for all of it anyway.
    Drain {
        #[serde(default = "half_a_minute")]
        within: Span,
    },
}

fn half_a_minute() -> Span {
    Span::from_secs(30)
}

/// An API that a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

/// Why the settings of a connection cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("the header {name:?} cannot be sent: its name or its value has characters that no header may have")]
    Header { name: String },
    #[error("`apis` is empty: name at least one of \"chat\", \"responses\", \"messages\", or leave it out")]
    NoApi,
}

/// The common part of the kinds that are called, as they write it.
pub(super) struct Connection<'a> {
    pub(super) apis: Option<&'a [Api]>,
    pub(super) batches: Option<bool>,
    pub(super) timeouts: &'a TimeoutsConfig,
    pub(super) hang_up: HangUpConfig,
    pub(super) headers: Option<&'a BTreeMap<String, String>>,
}

impl Connection<'_> {
    pub(super) fn settle(&self, settings: Settings) -> Result<Settings, ConnectionError> {
        let dialect = |api: &Api| match api {
            Api::Chat => Dialect::Chat,
            Api::Responses => Dialect::Responses,
            Api::Messages => Dialect::Messages,
        };
        if self.apis.is_some_and(<[Api]>::is_empty) {
            return Err(ConnectionError::NoApi);
        }
        let header = |(name, value): (&String, &String)| {
            let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
            pair.ok_or_else(|| ConnectionError::Header { name: name.clone() })
        };
        Ok(Settings {
            timeouts: self.timeouts.timeouts(),
            hang_up: match self.hang_up {
                HangUpConfig::Cancel => HangUp::Cancel,
                HangUpConfig::Drain { within } => HangUp::Drain { within: within.duration() },
            },
            speaks: self.apis.map(|apis| apis.iter().map(dialect).collect()),
            headers: self.headers.into_iter().flatten().map(header).collect::<Result<_, _>>()?,
            has_batches: self.batches,
            ..settings
        })
    }
}
