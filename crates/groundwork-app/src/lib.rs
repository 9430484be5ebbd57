//! What Groundwork does: every operation is `fn(&App, &Caller, arguments) -> Result`, the same one for HTTP, command line and jobs.

mod app;
pub mod ask;
pub mod batches;
mod books;
pub mod completions;
pub mod conversations;
pub mod declared;
pub mod documents;
pub mod embeddings;
pub mod evaluation;
pub mod files;
mod floor;
pub mod forward;
pub mod jobs;
mod keys;
mod knowledge;
pub mod knowledge_bases;
pub mod ledger;
mod metrics;
pub mod models;
pub mod owned;
pub mod pipeline;
mod published;
pub mod repeats;
pub mod responses;
pub mod routing;
pub mod search;
pub mod settings;
pub mod status;
pub mod uploads;

pub use app::{App, Interrupted, OpenError};
pub use floor::Calibration;
pub use groundwork_core::access::Caller;
pub use keys::{KeysError, RefusedKey, Secrets};
pub use knowledge::NotReady;
pub use settings::Settings;
