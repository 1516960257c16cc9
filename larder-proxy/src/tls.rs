//! Certificates: the server's own, and those that an origin is trusted by.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{BoxError, StartError, Tls};

/// How to speak TLS with clients: HTTP/2 where they can, else HTTP/1.1.
pub(crate) fn server(tls: &Tls) -> Result<Arc<ServerConfig>, StartError> {
    let chain = certificates(&tls.cert)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| refused("no private key", &tls.key, error))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("no TLS", &tls.cert, error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| refused("certificate and key do not fit", &tls.cert, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// How to speak TLS with an origin: trusted by these certificates, or by those of the system.
pub(crate) fn client(ca: Option<&Path>) -> Result<ClientConfig, StartError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in certificates(path)? {
            roots
                .add(certificate)
                .map_err(|error| refused("no certificate to trust by", path, error))?;
        }
    } else {
        // Some files of the system may be unreadable: what counts is what there is.
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(StartError::NoRoots);
        }
    }
    Ok(trusting(roots))
}

/// How to speak TLS with an origin that speaks none: nobody is trusted.
pub(crate) fn nobody() -> ClientConfig {
    trusting(RootCertStore::empty())
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows the versions that it was built with")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| refused("no certificates", path, error))?;
    if found.is_empty() {
        let path = path.to_owned();
        return Err(StartError::Pem { what: "no certificates", path, source: None });
    }
    Ok(found)
}

fn refused(what: &'static str, path: &Path, error: impl Into<BoxError>) -> StartError {
    StartError::Pem { what, path: path.to_owned(), source: Some(error.into()) }
}
