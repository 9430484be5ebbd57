//! The HTTP front: every handler parses, calls one operation of the application, and responds.

mod admin;
mod azure;
mod body;
mod caller;
mod cors;
mod download;
mod error;
mod form;
mod gather;
mod given;
mod gzip;
mod health;
mod layers;
mod listen;
mod messages;
mod metrics;
mod openai;
mod openapi;
mod page;
mod patience;
mod repeat;
mod router;
mod sse;
mod steady;
mod trace;
mod unserved;
mod zstd;

pub use caller::Entrance;
pub use error::ApiError;
pub(crate) use listen::{BindError, Serving, bind, serve};
pub use router::{permissions, router};

use crate::config::{LimitsConfig, ServerConfig};
use axum::http::HeaderName;
use groundwork_app::App;
use groundwork_core::access::Caller;
use groundwork_core::clock::{Clock, Dice};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// On a count that is ours and not the model's own.
const ESTIMATED: HeaderName = HeaderName::from_static("groundwork-estimated");

/// What every handler and layer may use; cheap to clone.
#[derive(Clone)]
pub struct Front(Arc<Inner>);

struct Inner {
    app: App,
    limits: LimitsConfig,
    server: ServerConfig,
    clock: Clock,
    dice: Dice,
    metrics: metrics::Metrics,
    cors: cors::Cors,
    /// The caller of a server without keys, and of the socket.
    local: Arc<Caller>,
    /// One permit a request that is being answered, streams included.
    places: Arc<Semaphore>,
    room: gather::Room,
}

impl Front {
    pub fn new(app: App, server: ServerConfig, limits: LimitsConfig, clock: Clock, dice: Dice) -> Self {
        let places = limits.concurrent_requests.get().min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places));
        let largest = limits.json_body.as_len().max(layers::largest_upload(&limits));
        let room = gather::Room::new(limits.body_memory.as_len(), largest);
        Self(Arc::new(Inner {
            app,
            cors: cors::Cors::new(&server.allowed_origins),
            local: Arc::new(Caller::local()),
            server,
            limits,
            clock,
            dice,
            metrics: metrics::Metrics::new(),
            places,
            room,
        }))
    }

    fn app(&self) -> &App {
        &self.0.app
    }

    fn limits(&self) -> &LimitsConfig {
        &self.0.limits
    }
}
