//! Who we are to Microsoft Entra.

use super::CredentialError;
use super::certificate::Certificate;
use crate::target::Ambient;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, HttpClient, Transport};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::sync::Arc;

/// Where tokens come from unless another cloud is named.
pub const AUTHORITY: &str = "https://login.microsoftonline.com";

#[derive(Debug, Clone)]
pub enum Identity {
    /// The machine's own, or one that was assigned to it, by the id of its client: Container Apps, App Service, Functions, virtual
    /// machines.
    Managed {
        client_id: Option<String>,
    },
    /// A pod's, by the file of its service account's token: AKS.
    Workload {
        service: Service,
        token_file: PathBuf,
    },
    Secret {
        service: Service,
        secret: SecretString,
    },
    /// By a certificate and its key, both in PEM.
    Certificate {
        service: Service,
        pem: SecretString,
    },
    /// The person who is signed in to the Azure CLI or the Azure Developer CLI.
    Developer,
}

/// A service principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub tenant_id: String,
    pub client_id: String,
    /// [`AUTHORITY`], or that of another cloud.
    pub authority: String,
}

/// Two targets with the same identity share its token.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        match (self, other) {
            (Self::Managed { client_id: a }, Self::Managed { client_id: b }) => a == b,
            (Self::Workload { service: a, token_file: x }, Self::Workload { service: b, token_file: y }) => a == b && x == y,
            (Self::Secret { service: a, secret: x }, Self::Secret { service: b, secret: y }) => a == b && same(x, y),
            (Self::Certificate { service: a, pem: x }, Self::Certificate { service: b, pem: y }) => a == b && same(x, y),
            (Self::Developer, Self::Developer) => true,
            _ => false,
        }
    }
}

impl Identity {
    pub(super) fn open(&self, client: &Arc<dyn HttpClient>, ambient: &Ambient) -> Result<Arc<dyn TokenCredential>, CredentialError> {
        let options = |authority: Option<&str>| ClientOptions {
            transport: Some(Transport::new(client.clone())),
            cloud: authority.map(cloud),
            ..ClientOptions::default()
        };
        let assertion = |service: &Service| ClientAssertionCredentialOptions { client_options: options(Some(&service.authority)) };
        let credential: Arc<dyn TokenCredential> = match self {
            Self::Managed { client_id } => {
                let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
                let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options: options(None) };
                ManagedIdentityCredential::new(Some(options)).map_err(CredentialError::Identity)?
            }
            Self::Workload { service, token_file } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: assertion(service),
                client_id: Some(service.client_id.clone()),
                tenant_id: Some(service.tenant_id.clone()),
                token_file_path: Some(token_file.clone()),
            }))
            .map_err(CredentialError::Identity)?,
            Self::Secret { service, secret } => {
                let options = ClientSecretCredentialOptions { client_options: options(Some(&service.authority)) };
                let secret = Secret::new(secret.expose_secret().to_owned());
                ClientSecretCredential::new(&service.tenant_id, service.client_id.clone(), secret, Some(options))
                    .map_err(CredentialError::Identity)?
            }
            Self::Certificate { service, pem } => {
                let certificate = Certificate::open(pem, service, ambient)?;
                let (tenant, client) = (service.tenant_id.clone(), service.client_id.clone());
                ClientAssertionCredential::new(tenant, client, certificate, Some(assertion(service))).map_err(CredentialError::Identity)?
            }
            Self::Developer => DeveloperToolsCredential::new(None).map_err(CredentialError::Identity)?,
        };
        Ok(credential)
    }
}

fn cloud(authority: &str) -> Arc<CloudConfiguration> {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = authority.to_owned();
    Arc::new(custom.into())
}

#[cfg(test)]
mod tests;
