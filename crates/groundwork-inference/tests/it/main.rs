//! Targets over real HTTP: a small server on this machine that answers with bytes of our choosing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod connections;
mod golden;
mod refusals;
mod requests;
mod scripted;
mod server;
