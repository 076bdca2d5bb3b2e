//! The wire's names for the core's closed enumerations.

use pairsmith_core::purpose::Purpose;
use pairsmith_core::spec::kind::{Checked, KINDS, Kind, Pairwise, PrivateForm};
use pairsmith_core::spec::{KeyFormat, KeyPairSpec};
use pairsmith_core::wrap::Layout;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub fn spec(name: &str) -> PyResult<KeyPairSpec> {
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.map(|kind| kind.spec).ok_or_else(|| PyValueError::new_err("unknown key pair spec"))
}

pub fn spec_name(spec: KeyPairSpec) -> &'static str {
    spec.kind().name
}

/// What is in PKCS#8, the pairwise test, and when it is made, as the Python package calls them.
pub fn of_kind(kind: &Kind) -> [&'static str; 3] {
    let form = match kind.private_form {
        PrivateForm::RsaPrivateKey => "RSAPrivateKey (RFC 8017)",
        PrivateForm::EcPrivateKey => "ECPrivateKey (RFC 5915)",
        PrivateForm::CurvePrivateKey => "CurvePrivateKey (RFC 8410)",
        PrivateForm::MlKemSeed => "the seed (RFC 9935)",
        PrivateForm::MlDsaSeed => "the seed (RFC 9881)",
    };
    let pairwise = match kind.pairwise {
        Pairwise::SignVerify => "sign-verify",
        Pairwise::EncapsulateDecapsulate => "encapsulate-decapsulate",
        Pairwise::Agreement => "agreement",
    };
    let checked = match kind.checked {
        Checked::Always => "always",
        Checked::IfAsked => "if asked",
        Checked::MadeAgain => "made again",
    };
    [form, pairwise, checked]
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
