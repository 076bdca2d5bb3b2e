//! The wire's names for the core's closed enumerations.

use pairsmith_core::kind::KINDS;
use pairsmith_core::purpose::Purpose;
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
