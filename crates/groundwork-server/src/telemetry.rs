//! Logs: text for people, JSON lines for machines, always on standard error, so that standard output is the command's own.

use crate::config::{LogConfig, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging. `quiet` is the level of a command that has its own output, unless the settings name one.
pub(crate) fn start(config: &LogConfig, quiet: bool) {
    let default = if quiet { "warn" } else { "info" };
    let filter = EnvFilter::new(config.filter.as_ref().map_or(default, |filter| filter.as_str()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let text = match config.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal || quiet,
    };
    // A second start, as in tests, leaves the first one in place.
    let _ = if text {
        builder.with_ansi(terminal).with_target(false).try_init().map_err(drop)
    } else {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init().map_err(drop)
    };
}
