//! The wire's names for the core's closed enumerations.

use pairsmith_core::purpose::Purpose;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::wrap::Layout;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub fn spec(name: &str) -> PyResult<KeyPairSpec> {
    match name {
        "RSA_2048" => Ok(KeyPairSpec::Rsa(RsaSize::Bits2048)),
        "RSA_3072" => Ok(KeyPairSpec::Rsa(RsaSize::Bits3072)),
        "RSA_4096" => Ok(KeyPairSpec::Rsa(RsaSize::Bits4096)),
        "EC_P256" => Ok(KeyPairSpec::Ec(Curve::P256)),
        "EC_P256K" => Ok(KeyPairSpec::Ec(Curve::P256K)),
        _ => Err(PyValueError::new_err("unknown key pair spec")),
    }
}

pub fn spec_name(spec: KeyPairSpec) -> &'static str {
    match spec {
        KeyPairSpec::Rsa(RsaSize::Bits2048) => "RSA_2048",
        KeyPairSpec::Rsa(RsaSize::Bits3072) => "RSA_3072",
        KeyPairSpec::Rsa(RsaSize::Bits4096) => "RSA_4096",
        KeyPairSpec::Ec(Curve::P256) => "EC_P256",
        KeyPairSpec::Ec(Curve::P256K) => "EC_P256K",
    }
}

pub fn format(name: &str) -> PyResult<KeyFormat> {
    match name {
        "PEM" => Ok(KeyFormat::Pem),
        "DER" => Ok(KeyFormat::Der),
        _ => Err(PyValueError::new_err("unknown key format")),
    }
}

pub fn layout(advance: bool) -> Layout {
    if advance { Layout::Advance } else { Layout::Plain }
}

pub fn format_name(format: KeyFormat) -> &'static str {
    match format {
        KeyFormat::Pem => "PEM",
        KeyFormat::Der => "DER",
    }
}

/// What a caller may seal itself.
pub fn purpose(name: &str) -> PyResult<Purpose> {
    match name {
        "message" => Ok(Purpose::Message),
        "job" => Ok(Purpose::Job),
        _ => Err(PyValueError::new_err("unknown purpose")),
    }
}

/// The purpose's name, and of a pair its spec and format.
pub fn purpose_names(
    purpose: Purpose,
) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    match purpose {
        Purpose::Unstated => ("", None, None),
        Purpose::Message => ("message", None, None),
        Purpose::DataKey => ("data key", None, None),
        Purpose::Pair(spec, format) => ("pair", Some(spec_name(spec)), Some(format_name(format))),
        Purpose::Job => ("job", None, None),
    }
}
