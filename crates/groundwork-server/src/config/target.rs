//! Targets in the settings, and those that the environment already names.

mod connection;
mod identity;

use super::{Environment, SecretError, SecretRef};
use connection::Connection;
use groundwork_inference::catalogue::{DEFAULT_CHAT_MODEL, Engine, USUAL_WINDOW};
use groundwork_inference::fake::Script;
use groundwork_inference::models::Library;
use groundwork_inference::target::{AzureOpenAi, Credential, Kind, Local, Place, SCOPE, Settings, Unfiltered};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use url::Url;

pub use connection::{Api, ConnectionError, HangUpConfig, TimeoutsConfig};
pub use identity::{IdentityConfig, IdentityError};

/// Someone who answers.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetConfig {
    /// Any server that speaks OpenAI's API: OpenAI itself, Foundry models, vLLM, Ollama, llama.cpp.
    #[serde(rename = "openai")]
    OpenAi {
        /// The name that models of applied files use.
        name: String,
        /// Ends where `/chat/completions` begins.
        base_url: Url,
        key: Option<SecretRef>,
        /// The model that is asked when a pool names none.
        model: Option<String>,
        /// The APIs that the server speaks; `chat`, and `responses` at api.openai.com, when absent. Calls in another are translated.
        apis: Option<Vec<Api>>,
        /// Whether batches are run by the server's own `/batches`; at api.openai.com when absent. Others are run here, line by line.
        batches: Option<bool>,
        #[serde(default)]
        timeouts: TimeoutsConfig,
        #[serde(default)]
        hang_up: HangUpConfig,
        /// Sent with every call.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// An Azure OpenAI resource.
    #[serde(rename = "azure_openai")]
    AzureOpenAi {
        name: String,
        /// Like `https://name.openai.azure.com`.
        endpoint: Url,
        /// A key of the resource; an identity is used without one.
        key: Option<SecretRef>,
        identity: Option<IdentityConfig>,
        /// Of the identity's token; `https://ai.azure.com/.default`, or `https://cognitiveservices.azure.com/.default` for older
        /// resources and gateways.
        scope: Option<String>,
        /// Uses the dated URLs of deployments; without it the v1 API is used.
        api_version: Option<String>,
        /// The deployment that is asked when a pool names none.
        model: Option<String>,
        /// `chat`, and `responses` with the v1 API, when absent.
        apis: Option<Vec<Api>>,
        /// Whether batches are run by the resource: for deployments of the kinds GlobalBatch and DataZoneBatch. Others are run here, line
        /// by line.
        batches: Option<bool>,
        /// What an answer comes to over which the content filter did not run.
        #[serde(default)]
        unfiltered: UnfilteredConfig,
        #[serde(default)]
        timeouts: TimeoutsConfig,
        #[serde(default)]
        hang_up: HangUpConfig,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Anthropic's messages API, at Anthropic or on Microsoft Foundry.
    Anthropic {
        name: String,
        /// `https://api.anthropic.com` when absent; on Foundry `https://name.services.ai.azure.com/anthropic`.
        base_url: Option<Url>,
        /// Sent as `x-api-key`.
        key: Option<SecretRef>,
        /// Sent as `Authorization: Bearer`.
        token: Option<SecretRef>,
        /// On Foundry, in place of a key.
        identity: Option<IdentityConfig>,
        scope: Option<String>,
        model: Option<String>,
        #[serde(default)]
        timeouts: TimeoutsConfig,
        #[serde(default)]
        hang_up: HangUpConfig,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Answers from a script, for tests, demonstrations and load.
    Fake {
        name: String,
        #[serde(default)]
        script: Script,
        #[serde(default)]
        timeouts: TimeoutsConfig,
        #[serde(default)]
        hang_up: HangUpConfig,
    },
    /// Quotes the sources word for word.
    Extractive {
        name: String,
        /// A chat model that runs on this machine, named like the `model` of a target of the kind `local`: it marks the words of the best
        /// quote that answer, in bold. Nothing is marked when absent.
        marks: Option<String>,
    },
    /// A chat model that runs on this machine, in a process of its own.
    Local {
        name: String,
        /// One of the catalogue (`groundwork models list` names those that chat), or a file of the hub, as
        /// `hf:OWNER/REPOSITORY/FILE.gguf`; SmolLM2-135M-Instruct when absent. `groundwork models pull` fetches it.
        model: Option<String>,
        /// A GGUF file of your own, in place of `model`.
        file: Option<PathBuf>,
        /// Tokens of prompt and answer together, at most; what the catalogue says when absent, else 8192.
        window: Option<NonZeroUsize>,
        /// Cores that it may keep busy.
        #[serde(default = "one")]
        threads: NonZeroUsize,
        /// Calls that may wait for their turn; further ones are told to come again.
        #[serde(default = "some_calls")]
        queue: NonZeroUsize,
    },
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

fn some_calls() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(15)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnfilteredConfig {
    /// It goes on to the client, and the log tells of it.
    #[default]
    Allow,
    /// It is a fault of the deployment, and another may answer.
    Refuse,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("the key of target {name}: {source}")]
    Key { name: String, source: SecretError },
    #[error("the identity of target {name}: {source}")]
    Identity { name: String, source: IdentityError },
    #[error("target {name}: {source}")]
    Connection { name: String, source: ConnectionError },
    #[error("target {name} has more than one of {what}: leave one")]
    Ambiguous { name: String, what: &'static str },
    #[error("target {name} has neither a key nor a token nor an identity: write one of them")]
    NoCredential { name: String },
    #[error(
        "target {name} names the model {model:?}, which is no chat model of the catalogue (`groundwork models list` shows them) and no file of the hub, like hf:OWNER/REPOSITORY/FILE.gguf"
    )]
    NoChatModel { name: String, model: String },
    #[error("{variable} is not a URL ({reason}); write one like {example}")]
    Url { variable: &'static str, reason: String, example: &'static str },
}

/// Where Anthropic's own API is.
const ANTHROPIC: &str = "https://api.anthropic.com";

impl TargetConfig {
    /// A chat model of the catalogue with the defaults.
    pub fn local(model: &str) -> Self {
        Self::Local {
            name: "local".to_owned(),
            model: Some(model.to_owned()),
            file: None,
            window: None,
            threads: one(),
            queue: some_calls(),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::OpenAi { name, .. }
            | Self::AzureOpenAi { name, .. }
            | Self::Anthropic { name, .. }
            | Self::Fake { name, .. }
            | Self::Local { name, .. }
            | Self::Extractive { name, .. } => name,
        }
    }

    /// The files that it names, which are relative to the settings.
    pub(super) fn files(&mut self) -> Vec<&mut PathBuf> {
        let (secrets, identity) = match self {
            Self::OpenAi { key, .. } => (vec![key], None),
            Self::AzureOpenAi { key, identity, .. } => (vec![key], identity.as_mut()),
            Self::Anthropic { key, token, identity, .. } => (vec![key, token], identity.as_mut()),
            Self::Local { file, .. } => return file.iter_mut().collect(),
            Self::Fake { .. } | Self::Extractive { .. } => (Vec::new(), None),
        };
        let secrets = secrets.into_iter().filter_map(|secret| match secret {
            Some(SecretRef::File(path)) => Some(path),
            _ => None,
        });
        secrets.chain(identity.map(IdentityConfig::files).unwrap_or_default()).collect()
    }

    /// The target with its secrets in hand.
    pub fn resolve(&self, environment: &Environment, library: &Library) -> Result<Settings, TargetError> {
        let settings = match self {
            Self::OpenAi { base_url, key, model, .. } => {
                let key = key.as_ref().map(|key| self.secret(key, environment)).transpose()?;
                Settings { model: model.clone(), ..Settings::new(self.name(), Kind::OpenAi { base_url: base_url.clone(), key }) }
            }
            Self::AzureOpenAi { endpoint, key, identity, scope, api_version, model, unfiltered, .. } => {
                let kind = Kind::AzureOpenAi(AzureOpenAi {
                    endpoint: endpoint.clone(),
                    credential: match key {
                        Some(_) if identity.is_some() => return Err(self.ambiguous("`key` and `identity`")),
                        Some(key) => Credential::Key(self.secret(key, environment)?),
                        None => self.identity(&identity.clone().unwrap_or_default(), scope.as_deref(), environment)?,
                    },
                    api_version: api_version.clone(),
                    unfiltered: match unfiltered {
                        UnfilteredConfig::Allow => Unfiltered::Allow,
                        UnfilteredConfig::Refuse => Unfiltered::Refuse,
                    },
                });
                Settings { model: model.clone(), ..Settings::new(self.name(), kind) }
            }
            Self::Anthropic { base_url, key, token, identity, scope, model, .. } => {
                let credential = match (key, token, identity) {
                    (Some(key), None, None) => Credential::Key(self.secret(key, environment)?),
                    (None, Some(token), None) => Credential::Bearer(self.secret(token, environment)?),
                    (None, None, Some(identity)) => self.identity(identity, scope.as_deref(), environment)?,
                    (None, None, None) => return Err(TargetError::NoCredential { name: self.name().to_owned() }),
                    _ => return Err(self.ambiguous("`key`, `token` and `identity`")),
                };
                let base_url = match base_url {
                    Some(url) => url.clone(),
                    None => http_url("ANTHROPIC_BASE_URL", ANTHROPIC, ANTHROPIC)?,
                };
                Settings { model: model.clone(), ..Settings::new(self.name(), Kind::Anthropic { base_url, credential }) }
            }
            Self::Fake { script, .. } => Settings::new(self.name(), Kind::Fake(script.clone())),
            Self::Extractive { name, marks } => {
                let marks = marks.as_ref().map(|model| chat_model(name, model, library)).transpose()?;
                Settings::new(name, Kind::Extractive { marks })
            }
            Self::Local { name, model, file, window, threads, queue } => {
                let local = match (model, file) {
                    (Some(_), Some(_)) => return Err(self.ambiguous("`model` and `file`")),
                    (None, Some(file)) => own_file(file),
                    (model, None) => chat_model(name, model.as_deref().unwrap_or(DEFAULT_CHAT_MODEL), library)?,
                };
                let window = window.map_or(local.window, NonZeroUsize::get);
                Settings::new(name, Kind::Local(Local { window, threads: threads.get(), queue: queue.get(), ..local }))
            }
        };
        match self.connection() {
            Some(connection) => {
                connection.settle(settings).map_err(|source| TargetError::Connection { name: self.name().to_owned(), source })
            }
            None => Ok(settings),
        }
    }

    fn connection(&self) -> Option<Connection<'_>> {
        match self {
            Self::OpenAi { apis, batches, timeouts, hang_up, headers, .. }
            | Self::AzureOpenAi { apis, batches, timeouts, hang_up, headers, .. } => {
                Some(Connection { apis: apis.as_deref(), batches: *batches, timeouts, hang_up: *hang_up, headers: Some(headers) })
            }
            Self::Anthropic { timeouts, hang_up, headers, .. } => {
                Some(Connection { apis: None, batches: None, timeouts, hang_up: *hang_up, headers: Some(headers) })
            }
            Self::Fake { timeouts, hang_up, .. } => {
                Some(Connection { apis: None, batches: None, timeouts, hang_up: *hang_up, headers: None })
            }
            Self::Extractive { .. } | Self::Local { .. } => None,
        }
    }

    fn secret(&self, secret: &SecretRef, environment: &Environment) -> Result<SecretString, TargetError> {
        secret.resolve(environment).map_err(|source| TargetError::Key { name: self.name().to_owned(), source })
    }

    fn identity(&self, identity: &IdentityConfig, scope: Option<&str>, environment: &Environment) -> Result<Credential, TargetError> {
        let named = |source| TargetError::Identity { name: self.name().to_owned(), source };
        Ok(entra(identity.resolve(environment).map_err(named)?, scope))
    }

    fn ambiguous(&self, what: &'static str) -> TargetError {
        TargetError::Ambiguous { name: self.name().to_owned(), what }
    }
}

/// A chat model that `library` knows, for the target `name`.
fn chat_model(name: &str, model: &str, library: &Library) -> Result<Local, TargetError> {
    let entry = library.entry(model).filter(|entry| entry.engine == Engine::Gguf);
    let entry = entry.ok_or_else(|| TargetError::NoChatModel { name: name.to_owned(), model: model.to_owned() })?;
    Ok(local(model.to_owned(), Place::Library(library.clone()), entry.window))
}

fn own_file(file: &Path) -> Local {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    local(name, Place::File(file.to_owned()), USUAL_WINDOW)
}

fn local(model: String, place: Place, window: usize) -> Local {
    Local { model, place, program: "/proc/self/exe".into(), window, threads: one().get(), queue: some_calls().get() }
}

fn entra(identity: groundwork_inference::target::Identity, scope: Option<&str>) -> Credential {
    Credential::Entra { identity, scope: scope.unwrap_or(SCOPE).to_owned() }
}

/// A target that the usual variables of the official clients name, with the variable that gave it away: Azure OpenAI first, then OpenAI,
/// then Anthropic.
pub fn discover(environment: &Environment) -> Result<Option<(Settings, &'static str)>, TargetError> {
    const AZURE_ENDPOINT: &str = "AZURE_OPENAI_ENDPOINT";
    let key = environment.get("AZURE_OPENAI_API_KEY").or_else(|| environment.get("AZURE_OPENAI_KEY"));
    if let Some(endpoint) = environment.get(AZURE_ENDPOINT).filter(|_| key.is_some() || identity::shown(environment)) {
        let example = "https://name.openai.azure.com";
        let endpoint = http_url(AZURE_ENDPOINT, endpoint, example)?;
        let first_of = |names: &[&str]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
        let api_version = first_of(&["AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"]);
        let model =
            first_of(&["AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_DEPLOYMENT_NAME", "AZURE_OPENAI_CHAT_DEPLOYMENT", "AZURE_OPENAI_MODEL"]);
        let credential = match key {
            Some(key) => Credential::Key(SecretString::from(key)),
            None => {
                let named = |source| TargetError::Identity { name: "azure".to_owned(), source };
                entra(IdentityConfig::Auto.resolve(environment).map_err(named)?, None)
            }
        };
        let kind = Kind::AzureOpenAi(AzureOpenAi { endpoint, credential, api_version, unfiltered: Unfiltered::default() });
        return Ok(Some((Settings { model, ..Settings::new("azure", kind) }, AZURE_ENDPOINT)));
    }
    let (key, base) = (environment.get("OPENAI_API_KEY"), environment.get("OPENAI_BASE_URL"));
    let found = match (base, key) {
        (Some(_), _) => "OPENAI_BASE_URL",
        (None, Some(_)) => "OPENAI_API_KEY",
        (None, None) => return anthropic(environment),
    };
    let example = "https://api.openai.com/v1";
    let base_url = http_url("OPENAI_BASE_URL", base.unwrap_or(example), example)?;
    let kind = Kind::OpenAi { base_url, key: key.map(SecretString::from) };
    let model = environment.get("OPENAI_MODEL").map(str::to_owned);
    Ok(Some((Settings { model, ..Settings::new("openai", kind) }, found)))
}

fn anthropic(environment: &Environment) -> Result<Option<(Settings, &'static str)>, TargetError> {
    const KEY: &str = "ANTHROPIC_API_KEY";
    let Some(key) = environment.get(KEY) else { return Ok(None) };
    let base_url = http_url("ANTHROPIC_BASE_URL", environment.get("ANTHROPIC_BASE_URL").unwrap_or(ANTHROPIC), ANTHROPIC)?;
    let kind = Kind::Anthropic { base_url, credential: Credential::Key(SecretString::from(key)) };
    let model = environment.get("ANTHROPIC_MODEL").map(str::to_owned);
    Ok(Some((Settings { model, ..Settings::new("anthropic", kind) }, KEY)))
}

fn http_url(variable: &'static str, given: &str, example: &'static str) -> Result<Url, TargetError> {
    let wrong = |reason| TargetError::Url { variable, reason, example };
    let url = Url::parse(given).map_err(|error| wrong(error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(wrong(format!("its scheme is {scheme:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn azure_is_preferred_and_an_empty_variable_is_no_variable() {
        let both = environment(&[
            ("OPENAI_API_KEY", "sk-1"),
            ("AZURE_OPENAI_ENDPOINT", "https://house.openai.azure.com"),
            ("AZURE_OPENAI_API_KEY", "k"),
            ("AZURE_OPENAI_DEPLOYMENT", "chat"),
        ]);
        let (settings, variable) = discover(&both).unwrap().unwrap();
        assert_eq!((settings.name.as_str(), settings.model.as_deref(), variable), ("azure", Some("chat"), "AZURE_OPENAI_ENDPOINT"));
        let no_key = environment(&[
            ("AZURE_OPENAI_ENDPOINT", "https://house.openai.azure.com"),
            ("AZURE_OPENAI_API_KEY", ""),
            ("OPENAI_API_KEY", "sk-1"),
        ]);
        assert_eq!(discover(&no_key).unwrap().unwrap().1, "OPENAI_API_KEY");
        assert!(discover(&environment(&[("OPENAI_API_KEY", "")])).unwrap().is_none());
    }

    #[test]
    fn an_address_in_the_environment_that_is_no_url_is_named() {
        for wrong in ["localhost:11434", "ollama", "ftp://host/v1"] {
            let error = discover(&environment(&[("OPENAI_BASE_URL", wrong)])).map(|_| ()).unwrap_err();
            assert!(error.to_string().starts_with("OPENAI_BASE_URL is not a URL"), "{error}");
        }
    }
}
