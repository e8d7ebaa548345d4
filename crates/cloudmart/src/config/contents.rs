//! What must be in what settings name for a shop to start: keys that are keys, authorities that are certificates.
//! It does not know who uses them, and it tells nothing of what it read.

use std::path::Path;

use platform::sealing::MasterKey;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::problem::{Origin, Problem};
use super::secret::Secret;
use super::variables::{ADMIN_TOKEN, MASTER_KEY, Secrets};

/// All that is wrong with the secrets that a shop has of its own. Those that are said elsewhere are known there only.
pub fn wrong_secrets(secrets: &Secrets, origin: impl Fn(&str) -> Origin) -> Vec<Problem> {
    let told = |secret: &Secret, variable: &str, key: &str, says: &str, right: String| {
        let problem = match secret.file() {
            Some(file) => Problem::error(origin(key), key, format!("{}: {says}", file.display())),
            None => Problem::error(Origin::Environment(variable.to_owned()), "", says),
        };
        problem.right(right)
    };
    let mut problems = Vec::new();
    if let Some(key) = &secrets.master_key
        && MasterKey::from_hex(key.expose()).is_none()
    {
        let right = "it must be 64 hexadecimal digits".to_owned();
        problems.push(told(key, MASTER_KEY, "master_key_file", "this is not a key", right));
    }
    if let Some(token) = &secrets.admin_token
        && let Err(error) = services::staff::check_fixed_key(token.expose())
    {
        let right = "`openssl rand -hex 32` makes a good one".to_owned();
        problems.push(told(token, ADMIN_TOKEN, "admin_token_file", &error.to_string(), right));
    }
    problems
}

/// Whether a file holds certificates (PEM), and all of them can be trusted.
///
/// # Errors
/// Why it is no good.
pub fn check_authority(file: &Path) -> Result<(), String> {
    let shown = file.display();
    let pem = std::fs::read(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("{shown} is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{shown} holds what is no certificate: {error}"))?;
    }
    if roots.is_empty() { Err(format!("there is no certificate (PEM) in {shown}")) } else { Ok(()) }
}
