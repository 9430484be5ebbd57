//! Targets over real HTTP: a small server on this machine that answers with bytes of our choosing.

mod connections;
mod golden;
mod refusals;
mod scripted;
mod server;
