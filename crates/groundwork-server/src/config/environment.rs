//! The environment of the process, read once; the only place that reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The prefix of variables that are settings.
pub(super) const PREFIX: &str = "GROUNDWORK__";

/// A snapshot of the environment variables. Its values are secrets as far as anyone knows, so it does not print them.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment of this process. A variable that is not UTF-8 is as good as unset.
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
    }

    /// The value of `name`, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every `GROUNDWORK__…` variable: its whole name, its path of keys in lower case, its value.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, Vec<String>, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let path = name.strip_prefix(PREFIX)?.split("__").map(str::to_ascii_lowercase).collect();
            Some((name.as_str(), path, value.as_str()))
        })
    }

    /// A folder of the XDG base directories: `$variable/groundwork`, else `~/fallback/groundwork`.
    pub(super) fn xdg(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let base = self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = base.or_else(|| Some(PathBuf::from(self.get("HOME")?).join(fallback)))?;
        Some(base.join("groundwork"))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}
