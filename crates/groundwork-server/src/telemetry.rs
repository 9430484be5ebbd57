//! Logs: text for people, JSON lines for machines, always on standard error, so that standard output is the command's own.

mod json_lines;
mod lines;

pub(crate) use lines::Ending;

use crate::config::{LogConfig, LogFormat};
use json_lines::JsonLines;
use lines::Lines;
use std::io::{self, IsTerminal, stderr};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Starts logging. `quiet` is the level of a command that has its own output, unless the settings name one.
///
/// A server never waits for its log: when what reads it does not keep up, lines are dropped. What still waits is written when the ending
/// is dropped. A command writes its few lines at once, so that they stand before its own messages.
pub(crate) fn start(config: &LogConfig, quiet: bool) -> io::Result<Option<Ending>> {
    let default = if quiet { "warn" } else { "info" };
    let filter = EnvFilter::new(config.filter.as_ref().map_or(default, |filter| filter.as_str()));
    let (writer, ending) = if quiet {
        (BoxMakeWriter::new(stderr), None)
    } else {
        let (lines, ending) = Lines::start(stderr())?;
        (BoxMakeWriter::new(lines), Some(ending))
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let terminal = stderr().is_terminal();
    let text = match config.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal || quiet,
    };
    // A second start, as in tests, leaves the first one in place.
    let _ = if text {
        builder.with_ansi(terminal).with_target(false).try_init().map_err(drop)
    } else {
        builder.fmt_fields(JsonFields::new()).event_format(JsonLines).try_init().map_err(drop)
    };
    Ok(ending)
}
