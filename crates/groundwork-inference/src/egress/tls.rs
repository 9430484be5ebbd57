//! TLS to the outside: one implementation (ring) and one set of trusted roots (the system's store, or `SSL_CERT_FILE`) for the process.

use rustls::ClientConfig;
use rustls::crypto::ring;
use std::sync::{Arc, LazyLock, Once};

/// Shared by every connection to targets, so that the roots are read once and sessions are resumed. ALPN offers HTTP/2 and HTTP/1.1.
static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(config()));

pub(super) fn shared() -> Arc<ClientConfig> {
    CONFIG.clone()
}

/// The process has one TLS implementation; who comes second finds it there.
pub(super) fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = ring::default_provider().install_default();
    });
}

pub(super) fn warn_of_no_roots(error: &dyn std::fmt::Display) {
    tracing::warn!(
        %error,
        "this machine has no trusted root certificates, so no HTTPS server can be reached: install the package ca-certificates or set SSL_CERT_FILE"
    );
}

fn config() -> ClientConfig {
    install_crypto();
    let builder = ClientConfig::builder();
    let verifier = rustls_platform_verifier::Verifier::new(builder.crypto_provider().clone());
    let mut config = match verifier {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
        Err(error) => {
            warn_of_no_roots(&error);
            builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
