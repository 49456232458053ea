//! Files of root certificates.

use std::path::PathBuf;

use toml::de::DeValue;

use super::complaint::Complaint;
use super::settings::CertificateFile;
use super::{file, value};

/// The longest file of certificates that is read, in bytes: some times a whole system's store.
const MAX_CA_BYTES: u64 = 4 * 1024 * 1024;

/// The certificates in the file that a value names.
pub(super) fn read(value: &DeValue<'_>) -> Result<CertificateFile, Complaint> {
    let path: PathBuf = value::path(value)?;
    let told = path.display();
    let pem = file::read_text(&path, MAX_CA_BYTES).map_err(|error| {
        Complaint::new(format!("the certificates in {told} cannot be read: {error}"))
            .help("name a PEM file that tallyd's user can read")
    })?;
    if pem.contains("PRIVATE KEY-----") {
        return Err(Complaint::new(format!("{told} holds a private key"))
            .help("name a file that holds certificates alone"));
    }
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(Complaint::new(format!("{told} holds no certificate"))
            .help("name a PEM file: it has lines `-----BEGIN CERTIFICATE-----`"));
    }
    Ok(CertificateFile { path, pem })
}
