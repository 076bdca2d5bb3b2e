//! The wire's names for the core's closed enumerations.

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
