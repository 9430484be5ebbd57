//! What proves to a service who calls: a key, or a token of Microsoft Entra.

mod certificate;
mod identity;
mod tokens;
mod transport;

pub use identity::{AUTHORITY, Identity, Service as ServicePrincipal};

use crate::openai;
use crate::target::{Ambient, CallError};
use azure_core::http::HttpClient;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokens::Tokens;

/// The scope of the v1 API; older resources and gateways want `https://cognitiveservices.azure.com/.default`.
pub const SCOPE: &str = "https://ai.azure.com/.default";

#[derive(Debug, Clone)]
pub enum Credential {
    /// In the header that the service has for keys.
    Key(SecretString),
    /// As `Authorization: Bearer`.
    Bearer(SecretString),
    /// A token of Microsoft Entra, for a scope such as [`SCOPE`].
    Entra { identity: Identity, scope: String },
}

/// Why a credential cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("the key cannot stand in a header: it has a line break or another control character")]
    Key,
    #[error("the identity cannot be used: {0}")]
    Identity(#[source] azure_core::Error),
    #[error(transparent)]
    Certificate(#[from] certificate::CertificateError),
    #[error(transparent)]
    Egress(#[from] Box<crate::egress::EgressError>),
}

/// A credential in the form it is used in.
#[derive(Debug)]
pub(crate) enum Authority {
    None,
    Fixed(HeaderName, HeaderValue),
    Tokens(Arc<Tokens>),
}

/// The identities that targets share, each with its one token.
#[derive(Debug, Clone, Default)]
pub struct Identities(Arc<Mutex<Vec<Known>>>);

/// An identity, what its token is for, and the token.
type Known = (Identity, String, Arc<Tokens>);

impl Identities {
    fn tokens(&self, identity: &Identity, scope: &str, ambient: &Ambient) -> Result<Arc<Tokens>, CredentialError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, tokens)) = known.iter().find(|(one, its_scope, _)| one == identity && its_scope == scope) {
            return Ok(tokens.clone());
        }
        let client: Arc<dyn HttpClient> = Arc::new(transport::Transport::for_identity(identity)?);
        let tokens = Tokens::new(identity.open(&client, ambient)?, scope, ambient.clone());
        known.push((identity.clone(), scope.to_owned(), tokens.clone()));
        Ok(tokens)
    }
}

impl Authority {
    /// `key` is the header for keys.
    pub(crate) fn open(credential: &Credential, key: HeaderName, ambient: &Ambient) -> Result<Self, CredentialError> {
        match credential {
            Credential::Key(secret) => {
                let mut value = HeaderValue::try_from(secret.expose_secret().trim()).map_err(|_invalid| CredentialError::Key)?;
                value.set_sensitive(true);
                Ok(Self::Fixed(key, value))
            }
            Credential::Bearer(secret) => Self::bearer(Some(secret)),
            Credential::Entra { identity, scope } => Ok(Self::Tokens(ambient.identities.tokens(identity, scope, ambient)?)),
        }
    }

    pub(crate) fn bearer(secret: Option<&SecretString>) -> Result<Self, CredentialError> {
        let Some(secret) = secret else { return Ok(Self::None) };
        Ok(Self::Fixed(header::AUTHORIZATION, openai::bearer(secret).ok_or(CredentialError::Key)?))
    }

    /// Adds the header; waits only for the first token, or when the one in hand has run out.
    pub(crate) async fn authorize(&self, target: &str, headers: &mut HeaderMap, deadline: Instant) -> Result<(), CallError> {
        match self {
            Self::None => {}
            Self::Fixed(name, value) => {
                headers.insert(name, value.clone());
            }
            Self::Tokens(tokens) => {
                let value = tokens.bearer(deadline).await.map_err(|error| error.of(target))?;
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        Ok(())
    }
}
