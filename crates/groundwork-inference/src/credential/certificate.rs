//! Signing in with a certificate: a short-lived statement, signed with its key, in place of a secret.

use super::identity::Service;
use crate::target::Ambient;
use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use groundwork_core::clock::{Clock, Dice};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Seconds that a statement holds.
const LIFETIME: u64 = 600;

pub(super) struct Certificate {
    key: RsaKeyPair,
    /// SHA-256 of the certificate.
    thumbprint: String,
    audience: String,
    client_id: String,
    clock: Clock,
    dice: Dice,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate cannot be read ({0}): it must be PEM, beginning with BEGIN CERTIFICATE")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    #[error("the key of the certificate cannot be read ({0}): it must stand in the same PEM, unencrypted")]
    Key(#[source] rustls::pki_types::pem::Error),
    #[error("the key of the certificate is not one that Microsoft Entra takes: RSA of at least 2048 bits ({0})")]
    Kind(String),
}

impl Certificate {
    pub(super) fn open(pem: &SecretString, service: &Service, ambient: &Ambient) -> Result<Self, CertificateError> {
        let pem = pem.expose_secret().as_bytes();
        let certificate = CertificateDer::from_pem_slice(pem).map_err(CertificateError::Certificate)?;
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(CertificateError::Key)? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(CertificateError::Kind("it is of another kind".to_owned())),
        };
        Ok(Self {
            key: key.map_err(|rejected| CertificateError::Kind(rejected.to_string()))?,
            thumbprint: BASE64.encode(Sha256::digest(&certificate)),
            audience: format!("{}/{}/oauth2/v2.0/token", service.authority.trim_end_matches('/'), service.tenant_id),
            client_id: service.client_id.clone(),
            clock: ambient.clock.clone(),
            dice: ambient.dice.clone(),
        })
    }

    fn statement(&self) -> azure_core::Result<String> {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: &'static str,
            typ: &'static str,
            #[serde(rename = "x5t#S256")]
            thumbprint: &'a str,
        }
        #[derive(Serialize)]
        struct Claims<'a> {
            aud: &'a str,
            iss: &'a str,
            sub: &'a str,
            jti: String,
            nbf: u64,
            exp: u64,
        }
        let now = self.clock.now() / 1000;
        let header = Header { alg: "PS256", typ: "JWT", thumbprint: &self.thumbprint };
        let jti = format!("{:032x}", self.dice.roll());
        let claims = Claims { aud: &self.audience, iss: &self.client_id, sub: &self.client_id, jti, nbf: now, exp: now + LIFETIME };
        let statement = format!("{}.{}", part(&header)?, part(&claims)?);
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), statement.as_bytes(), &mut signature).map_err(|_unspecified| {
            azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, "the certificate's key does not sign")
        })?;
        Ok(format!("{statement}.{}", BASE64.encode(signature)))
    }
}

#[cfg(test)]
impl Certificate {
    pub(super) fn public_key(&self) -> &[u8] {
        self.key.public().as_ref()
    }
}

fn part<T: Serialize>(part: &T) -> azure_core::Result<String> {
    Ok(BASE64.encode(serde_json::to_vec(part)?))
}

#[async_trait]
impl ClientAssertion for Certificate {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.statement()
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}
