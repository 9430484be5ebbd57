//! Targets in the settings, and those that the environment already names.

use super::{Environment, SecretError, SecretRef};
use groundwork_inference::fake::Script;
use groundwork_inference::target::{Kind, Settings, Timeouts};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

/// Someone who answers chat completions.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetConfig {
    /// Any server that speaks OpenAI's API: OpenAI itself, vLLM, Ollama, llama.cpp.
    #[serde(rename = "openai")]
    OpenAi {
        /// The name that models of applied files use.
        name: String,
        /// Ends where `/chat/completions` begins.
        base_url: Url,
        key: Option<SecretRef>,
        /// The model that is asked when a pool names none.
        model: Option<String>,
    },
    /// An Azure OpenAI resource.
    #[serde(rename = "azure_openai")]
    AzureOpenAi {
        name: String,
        /// Like `https://name.openai.azure.com`.
        endpoint: Url,
        key: SecretRef,
        /// Uses the dated URLs of deployments; without it the v1 API is used.
        api_version: Option<String>,
        /// The deployment that is asked when a pool names none.
        model: Option<String>,
    },
    /// Answers from a script, for tests, demonstrations and load.
    Fake {
        name: String,
        #[serde(default)]
        script: Script,
    },
    /// Quotes the sources word for word.
    Extractive { name: String },
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("the key of target {name}: {source}")]
    Key { name: String, source: SecretError },
    #[error("{variable} is not a URL ({reason}); write one like {example}")]
    Url { variable: &'static str, reason: String, example: &'static str },
}

impl TargetConfig {
    pub fn name(&self) -> &str {
        match self {
            Self::OpenAi { name, .. } | Self::AzureOpenAi { name, .. } | Self::Fake { name, .. } | Self::Extractive { name } => name,
        }
    }

    pub(super) fn key_mut(&mut self) -> Option<&mut SecretRef> {
        match self {
            Self::OpenAi { key, .. } => key.as_mut(),
            Self::AzureOpenAi { key, .. } => Some(key),
            Self::Fake { .. } | Self::Extractive { .. } => None,
        }
    }

    /// The target with its secret in hand.
    pub fn resolve(&self, environment: &Environment) -> Result<Settings, TargetError> {
        let secret = |key: &SecretRef| key.resolve(environment).map_err(|source| TargetError::Key { name: self.name().to_owned(), source });
        let (kind, model) = match self {
            Self::OpenAi { base_url, key, model, .. } => {
                (Kind::OpenAi { base_url: base_url.clone(), key: key.as_ref().map(secret).transpose()? }, model.clone())
            }
            Self::AzureOpenAi { endpoint, key, api_version, model, .. } => {
                (Kind::AzureOpenAi { endpoint: endpoint.clone(), key: secret(key)?, api_version: api_version.clone() }, model.clone())
            }
            Self::Fake { script, .. } => (Kind::Fake(script.clone()), None),
            Self::Extractive { .. } => (Kind::Extractive, None),
        };
        Ok(Settings { name: self.name().to_owned(), kind, model, timeouts: Timeouts::default() })
    }
}

/// A target that the usual variables of the official clients name, with the variable that gave it away: Azure OpenAI first.
pub fn discover(environment: &Environment) -> Result<Option<(Settings, &'static str)>, TargetError> {
    const AZURE_ENDPOINT: &str = "AZURE_OPENAI_ENDPOINT";
    if let (Some(endpoint), Some(key)) =
        (environment.get(AZURE_ENDPOINT), environment.get("AZURE_OPENAI_API_KEY").or_else(|| environment.get("AZURE_OPENAI_KEY")))
    {
        let example = "https://name.openai.azure.com";
        let endpoint = http_url(AZURE_ENDPOINT, endpoint, example)?;
        let first_of = |names: &[&str]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
        let api_version = first_of(&["AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"]);
        let model =
            first_of(&["AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_DEPLOYMENT_NAME", "AZURE_OPENAI_CHAT_DEPLOYMENT", "AZURE_OPENAI_MODEL"]);
        let kind = Kind::AzureOpenAi { endpoint, key: SecretString::from(key), api_version };
        return Ok(Some((Settings { name: "azure".to_owned(), kind, model, timeouts: Timeouts::default() }, AZURE_ENDPOINT)));
    }
    let (key, base) = (environment.get("OPENAI_API_KEY"), environment.get("OPENAI_BASE_URL"));
    let found = match (base, key) {
        (Some(_), _) => "OPENAI_BASE_URL",
        (None, Some(_)) => "OPENAI_API_KEY",
        (None, None) => return Ok(None),
    };
    let example = "https://api.openai.com/v1";
    let base_url = http_url("OPENAI_BASE_URL", base.unwrap_or(example), example)?;
    let kind = Kind::OpenAi { base_url, key: key.map(SecretString::from) };
    let model = environment.get("OPENAI_MODEL").map(str::to_owned);
    Ok(Some((Settings { name: "openai".to_owned(), kind, model, timeouts: Timeouts::default() }, found)))
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
