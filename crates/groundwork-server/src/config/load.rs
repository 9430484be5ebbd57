//! Layers of settings become one checked `Config`, or one error that says where the wrong one stands.

use super::schema::{self, Kind};
use super::{Config, Environment, ServerConfig};
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "groundwork.toml";

/// Where settings came from, besides the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Variable(String),
}

/// What is wrong with the settings; the text is complete: place, key, problem, what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read ({source}); name an existing file with --config, or leave it out", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{place}: {key}: {problem}")]
    Setting { place: String, key: String, problem: String },
    #[error("{place}: {problem}")]
    Syntax { place: String, problem: String },
    #[error("{variable}: there is no setting `{key}`; known here: {}", known.join(", "))]
    UnknownVariable { variable: String, key: String, known: Vec<String> },
    #[error("{key}: neither {variable} nor HOME is set, so there is no folder of your own to put it; set GROUNDWORK__{} or `{key}` in {FILE_NAME}", key.to_ascii_uppercase().replace('.', "__"))]
    NoHome { key: &'static str, variable: &'static str },
    #[error(
        "server.listen: {listen} can be reached from other machines, and this server has no authentication; \
         declare a key in an applied file, or listen on 127.0.0.1:{port} or [::1]:{port}",
        port = listen.port()
    )]
    OpenToOthers { listen: std::net::SocketAddr },
}

/// Reads the settings: `file`, or `groundwork.toml` here if there is one, under the variables of `environment`.
pub fn load(file: Option<&Path>, environment: &Environment) -> Result<(Config, Vec<Source>), ConfigError> {
    let mut sources = Vec::new();
    let mut table = toml::Table::new();
    let mut file_config = Config::default();
    let mut base = PathBuf::new();
    if let Some((path, text)) = read(file)? {
        (file_config, table) = parse_file(&path, &text)?;
        base = path.parent().map(Path::to_owned).unwrap_or_default();
        sources.push(Source::File(path));
    }
    let variables = environment_layer(&mut table, environment)?;
    let mut config = if variables.is_empty() { file_config } else { merged(table, &variables)? };
    let from_environment = |key: &str| variables.iter().any(|variable| variable.key == key);
    config.settle_paths(environment, |key| if from_environment(key) { Path::new("") } else { &base })?;
    sources.extend(variables.into_iter().map(|variable| Source::Variable(variable.name)));
    Ok((config, sources))
}

/// A variable that sets a key.
struct Variable {
    name: String,
    key: String,
}

fn read(file: Option<&Path>) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let path = file.unwrap_or(Path::new(FILE_NAME));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}

/// The file on its own, so that what is wrong in it is reported with its line.
fn parse_file(path: &Path, text: &str) -> Result<(Config, toml::Table), ConfigError> {
    let place = |error: &toml::de::Error| match error.span() {
        Some(span) => format!("{}:{}", path.display(), 1 + text[..span.start.min(text.len())].matches('\n').count()),
        None => path.display().to_string(),
    };
    let syntax = |error: toml::de::Error| ConfigError::Syntax { place: place(&error), problem: format!("not TOML: {}", error.message()) };
    let table: toml::Table = toml::from_str(text).map_err(syntax)?;
    let deserializer = toml::Deserializer::parse(text).map_err(syntax)?;
    let config = serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let key = error.path().to_string();
        let error = error.into_inner();
        ConfigError::Setting { place: place(&error), key, problem: error.message().to_owned() }
    })?;
    Ok((config, table))
}

/// Lays the variables over `table`.
fn environment_layer(table: &mut toml::Table, environment: &Environment) -> Result<Vec<Variable>, ConfigError> {
    let mut variables = Vec::new();
    for (name, path, value) in environment.settings() {
        let kind = schema::kind_at(&path).map_err(|(key, known)| ConfigError::UnknownVariable { variable: name.to_owned(), key, known })?;
        let value = match kind {
            Kind::Text => toml::Value::String(value.to_owned()),
            Kind::Toml => parse_value(value).unwrap_or_else(|| toml::Value::String(value.to_owned())),
        };
        insert(table, &path, value);
        variables.push(Variable { name: name.to_owned(), key: path.join(".") });
    }
    Ok(variables)
}

fn parse_value(text: &str) -> Option<toml::Value> {
    toml::from_str::<toml::Table>(&format!("value = {text}")).ok()?.remove("value")
}

/// Sets `path` in `table`; what stands in the way of a section is replaced.
fn insert(table: &mut toml::Table, path: &[String], value: toml::Value) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(key.clone(), value);
        return;
    }
    let section = table.entry(key.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(section) = section {
        insert(section, rest, value);
    }
}

fn merged(table: toml::Table, variables: &[Variable]) -> Result<Config, ConfigError> {
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let key = error.path().to_string();
        let problem = error.into_inner().message().to_owned();
        let culprit = variables.iter().find(|variable| key == variable.key || key.starts_with(&format!("{}[", variable.key)));
        let place = culprit.map_or("environment", |variable| variable.name.as_str()).to_owned();
        ConfigError::Setting { place, key, problem }
    })
}

impl ServerConfig {
    /// Without keys only this machine may get in.
    pub fn check(&self, asks_for_keys: bool) -> Result<(), ConfigError> {
        if asks_for_keys || self.listen.ip().is_loopback() { Ok(()) } else { Err(ConfigError::OpenToOthers { listen: self.listen }) }
    }
}

impl Config {
    /// Fills in the folders that were not set, and makes every path absolute: a relative one is taken from `base` of its key.
    fn settle_paths<'a>(&mut self, environment: &Environment, base: impl Fn(&str) -> &'a Path) -> Result<(), ConfigError> {
        let absolute = |key: &str, path: &Path| std::path::absolute(base(key).join(path)).unwrap_or_else(|_| path.to_owned());
        self.data_dir = if self.data_dir.as_os_str().is_empty() {
            let variable = "XDG_DATA_HOME";
            environment.xdg(variable, ".local/share").ok_or(ConfigError::NoHome { key: "data_dir", variable })?
        } else {
            absolute("data_dir", &self.data_dir)
        };
        self.models.folder = Some(match &self.models.folder {
            Some(folder) => absolute("models.folder", folder),
            None => {
                let variable = "XDG_CACHE_HOME";
                let cache = environment.xdg(variable, ".cache").ok_or(ConfigError::NoHome { key: "models.folder", variable })?;
                cache.join("models")
            }
        });
        self.models.air_gapped = self.models.air_gapped.as_deref().map(|folder| absolute("models.air_gapped", folder));
        for target in &mut self.targets {
            for path in target.files() {
                *path = absolute("targets", path);
            }
        }
        for path in &mut self.apply {
            *path = absolute("apply", path);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
