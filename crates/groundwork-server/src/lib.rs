//! The binary `groundwork` as a library, so that its tests can drive the real router: settings, command line, process, HTTP.

pub mod cli;
pub mod config;
mod exit;
pub mod http;
mod lifecycle;
mod socket;
mod telemetry;
