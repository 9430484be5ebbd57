//! Who we are to Microsoft Entra, as settings say or as the environment shows.

use crate::config::{Environment, SecretError, SecretRef};
use groundwork_inference::target::{AUTHORITY, Identity, ServicePrincipal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// An identity of Microsoft Entra. What is left out of it is taken from the variables of the official clients: `AZURE_TENANT_ID`,
/// `AZURE_CLIENT_ID`, `AZURE_AUTHORITY_HOST`, `AZURE_FEDERATED_TOKEN_FILE`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum IdentityConfig {
    /// What the environment shows: a secret or certificate (`AZURE_CLIENT_SECRET`, `AZURE_CLIENT_CERTIFICATE_PATH`), a pod
    /// (`AZURE_FEDERATED_TOKEN_FILE`), a machine with an identity (`IDENTITY_ENDPOINT`), else who is signed in to the Azure CLI.
    #[default]
    Auto,
    /// The machine's own, or one assigned to it: Container Apps, App Service, Functions, virtual machines.
    Managed {
        /// Of the assigned one; `AZURE_CLIENT_ID` when absent, the machine's own without that.
        client_id: Option<String>,
    },
    /// A pod's: AKS.
    Workload { tenant_id: Option<String>, client_id: Option<String>, token_file: Option<PathBuf>, authority: Option<String> },
    /// A service principal's, with its secret.
    Secret { tenant_id: Option<String>, client_id: Option<String>, secret: SecretRef, authority: Option<String> },
    /// A service principal's, with a certificate and its RSA key in PEM.
    Certificate { tenant_id: Option<String>, client_id: Option<String>, certificate: SecretRef, authority: Option<String> },
    /// Of the person who is signed in to the Azure CLI or the Azure Developer CLI.
    Developer,
}

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("its {what} is not known: write `{key}`, or set {variable}")]
    Missing { what: &'static str, key: &'static str, variable: &'static str },
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl IdentityConfig {
    pub(in crate::config) fn files(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Secret { secret: SecretRef::File(path), .. } | Self::Certificate { certificate: SecretRef::File(path), .. } => vec![path],
            Self::Workload { token_file, .. } => token_file.iter_mut().collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn resolve(&self, environment: &Environment) -> Result<Identity, IdentityError> {
        match self {
            Self::Auto => found(environment),
            Self::Managed { client_id } => Ok(Identity::Managed { client_id: client_id.clone().or_else(|| text(environment, CLIENT)) }),
            Self::Workload { tenant_id, client_id, token_file, authority } => Ok(Identity::Workload {
                service: principal(environment, tenant_id, client_id, authority)?,
                token_file: match token_file.clone().or_else(|| text(environment, TOKEN_FILE).map(PathBuf::from)) {
                    Some(file) => file,
                    None => return Err(IdentityError::Missing { what: "token's file", key: "token_file", variable: TOKEN_FILE }),
                },
            }),
            Self::Secret { tenant_id, client_id, secret, authority } => Ok(Identity::Secret {
                service: principal(environment, tenant_id, client_id, authority)?,
                secret: secret.resolve(environment)?,
            }),
            Self::Certificate { tenant_id, client_id, certificate, authority } => Ok(Identity::Certificate {
                service: principal(environment, tenant_id, client_id, authority)?,
                pem: certificate.resolve(environment)?,
            }),
            Self::Developer => Ok(Identity::Developer),
        }
    }
}

const TENANT: &str = "AZURE_TENANT_ID";
const CLIENT: &str = "AZURE_CLIENT_ID";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const MACHINE: &str = "IDENTITY_ENDPOINT";

/// Whether the environment shows an identity, so that none has to be named.
pub(super) fn shown(environment: &Environment) -> bool {
    [SECRET, CERTIFICATE, TOKEN_FILE, MACHINE].iter().any(|name| environment.get(name).is_some())
}

fn found(environment: &Environment) -> Result<Identity, IdentityError> {
    let has = |name: &str| environment.get(name).is_some();
    let (tenant_id, client_id, authority) = (None, None, None);
    let identity = if has(SECRET) {
        IdentityConfig::Secret { tenant_id, client_id, secret: SecretRef::Env(SECRET.to_owned()), authority }
    } else if let Some(path) = environment.get(CERTIFICATE) {
        IdentityConfig::Certificate { tenant_id, client_id, certificate: SecretRef::File(path.into()), authority }
    } else if has(TOKEN_FILE) {
        IdentityConfig::Workload { tenant_id, client_id, token_file: None, authority }
    } else if has(MACHINE) {
        IdentityConfig::Managed { client_id }
    } else {
        IdentityConfig::Developer
    };
    identity.resolve(environment)
}

fn principal(
    environment: &Environment,
    tenant_id: &Option<String>,
    client_id: &Option<String>,
    authority: &Option<String>,
) -> Result<ServicePrincipal, IdentityError> {
    let given = |value: &Option<String>, what, key, variable| {
        value.clone().or_else(|| text(environment, variable)).ok_or(IdentityError::Missing { what, key, variable })
    };
    Ok(ServicePrincipal {
        tenant_id: given(tenant_id, "tenant", "tenant_id", TENANT)?,
        client_id: given(client_id, "client", "client_id", CLIENT)?,
        authority: authority.clone().or_else(|| text(environment, "AZURE_AUTHORITY_HOST")).unwrap_or_else(|| AUTHORITY.to_owned()),
    })
}

fn text(environment: &Environment, name: &str) -> Option<String> {
    environment.get(name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_environment_shows_who_we_are() {
        let both = [(TENANT, "t"), (CLIENT, "c")];
        for (variables, expected) in [
            (&[][..], "Developer"),
            (&[(MACHINE, "http://localhost:42356/msi/token")], "Managed"),
            (&[(MACHINE, "x"), (TOKEN_FILE, "/var/run/token"), both[0], both[1]], "Workload"),
            (&[(TOKEN_FILE, "/var/run/token"), (SECRET, "s"), both[0], both[1]], "Secret"),
        ] {
            let identity = IdentityConfig::Auto.resolve(&environment(variables)).unwrap();
            assert!(format!("{identity:?}").starts_with(expected), "{variables:?}: {identity:?}");
            assert_eq!(shown(&environment(variables)), expected != "Developer");
        }
        let assigned = IdentityConfig::Auto.resolve(&environment(&[(MACHINE, "x"), (CLIENT, "mine")])).unwrap();
        assert_eq!(assigned, Identity::Managed { client_id: Some("mine".to_owned()) });
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = IdentityConfig::Auto.resolve(&environment(&[(SECRET, "s"), (TENANT, "t")])).unwrap_err();
        assert_eq!(error.to_string(), "its client is not known: write `client_id`, or set AZURE_CLIENT_ID");
    }
}
