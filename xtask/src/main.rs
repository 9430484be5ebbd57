//! Chores of the project: `cargo xtask tidy` checks what the compiler and clippy cannot.

mod tidy;

use anyhow::{Result, bail};
use std::env;
use std::path::Path;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match env::args().nth(1).as_deref() {
        Some("tidy") => {
            let faults = tidy::check(&root)?;
            if faults.is_empty() {
                return Ok(());
            }
            bail!("the tree is not tidy:\n{}", faults.join("\n"));
        }
        _ => bail!("usage: cargo xtask tidy"),
    }
}
