//! Progress of long work, on standard error and only for people.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar over `total` steps; invisible where nobody looks.
pub(super) fn steps(total: usize, json: bool) -> ProgressBar {
    bar(total as u64, "{bar:30} {pos}/{len} {wide_msg}", json)
}

/// A bar over bytes.
pub(super) fn bytes(json: bool) -> ProgressBar {
    bar(0, "{bar:30} {bytes}/{total_bytes} {eta:>4} {wide_msg}", json)
}

fn bar(total: u64, template: &str, json: bool) -> ProgressBar {
    let visible = !json && std::io::stderr().is_terminal();
    let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), target).with_style(style)
}
