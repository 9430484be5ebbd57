//! The rules of the house that no compiler knows: which crate may stand on which, how long a file may grow, and what may stand where.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate and the workspace crates it may name as a dependency.
const ARROWS: &[(&str, &[&str])] = &[
    ("groundwork-wire", &[]),
    ("groundwork-core", &["groundwork-wire"]),
    ("groundwork-scan", &[]),
    ("groundwork-inference", &["groundwork-core", "groundwork-wire"]),
    ("groundwork-store", &["groundwork-core", "groundwork-wire"]),
    ("groundwork-retrieval", &["groundwork-core", "groundwork-wire", "groundwork-store", "groundwork-scan"]),
    (
        "groundwork-app",
        &["groundwork-core", "groundwork-wire", "groundwork-store", "groundwork-scan", "groundwork-inference", "groundwork-retrieval"],
    ),
    (
        "groundwork-server",
        &[
            "groundwork-core",
            "groundwork-wire",
            "groundwork-store",
            "groundwork-scan",
            "groundwork-inference",
            "groundwork-retrieval",
            "groundwork-app",
        ],
    ),
];

/// Lines of one source file, tests included; a longer one has a second idea in it.
const MAX_LINES: usize = 800;

const BANNED_MODULES: &[&str] = &["utils", "util", "helpers", "helper", "common", "services", "manager", "misc"];

/// One line a fault, each with its file; empty when the tree is tidy.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut faults = arrows(root)?;
    let mut files = Vec::new();
    for folder in ["crates", "xtask"] {
        sources(&root.join(folder), &mut files)?;
    }
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        faults.extend(source(&name, &text));
    }
    Ok(faults)
}

fn arrows(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let path = entry?.path().join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?.parse()?;
        let name = manifest.get("package").and_then(|p| p.get("name")).and_then(|n| n.as_str()).unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            faults.push(format!("{}: the crate {name} has no arrows in xtask/src/tidy.rs", path.display()));
            continue;
        };
        let dependencies = manifest.get("dependencies").and_then(|d| d.as_table());
        for dependency in dependencies.into_iter().flatten().map(|(key, _)| key) {
            if dependency.starts_with("groundwork-") && !allowed.contains(&dependency.as_str()) {
                faults.push(format!("{}: {name} must not stand on {dependency}", path.display()));
            }
        }
    }
    Ok(faults)
}

fn source(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("{name}: {lines} lines; past {MAX_LINES}, split it by its second idea"));
    }
    if !name.ends_with("/tests.rs") && !text.trim_start().starts_with("//!") {
        faults.push(format!("{name}: begin with a `//!` paragraph that says what the module is for"));
    }
    let stem = Path::new(name).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    if BANNED_MODULES.contains(&stem) {
        faults.push(format!("{name}: `{stem}` says nothing; name the module by what it holds"));
    }
    let in_store = name.contains("groundwork-store/src/db/");
    let is_test = name.contains("/tests/") || name.starts_with("xtask");
    for (number, line) in text.lines().enumerate() {
        let at = format!("{name}:{}", number + 1);
        if !in_store && !is_test && ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE FROM"].iter().any(|sql| line.contains(sql)) {
            faults.push(format!("{at}: SQL stands in groundwork-store/src/db only"));
        }
        if !name.starts_with("xtask") && (line.contains("#[ignore") || line.contains("todo!(") || line.contains("unimplemented!(")) {
            faults.push(format!("{at}: no ignored test and no unfinished code"));
        }
    }
    faults
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let faults = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the tree can be read");
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn each_rule_finds_what_it_forbids() {
        let long = format!("//! doc\n{}", "\n".repeat(MAX_LINES));
        for (name, text) in [
            ("crates/x/src/a.rs", long.as_str()),
            ("crates/x/src/a.rs", "fn undocumented() {}"),
            ("crates/x/src/utils.rs", "//! doc"),
            ("crates/x/src/a.rs", "//! doc\nlet q = \"SELECT 1\";"),
            ("crates/x/src/a.rs", "//! doc\ntodo!()"),
        ] {
            assert_eq!(source(name, text).len(), 1, "{name}: {text:.40}");
        }
        assert!(source("crates/groundwork-store/src/db/sqlite/a.rs", "//! doc\nlet q = \"SELECT 1\";").is_empty());
    }
}
