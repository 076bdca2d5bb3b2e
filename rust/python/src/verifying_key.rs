//! `VerifyingKey`: the public key of somebody who sends requests, read once.

use pairsmith_core::verifying_key;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::border::{guarded, raise};

/// An RSA public key that verifies.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct VerifyingKey(verifying_key::VerifyingKey);

#[pymethods]
impl VerifyingKey {
    #[new]
    fn new(public_key_der: &[u8]) -> PyResult<Self> {
        let key = verifying_key::VerifyingKey::from_spki(public_key_der);
        key.map(Self).ok_or_else(|| PyValueError::new_err("no RSA public key"))
    }

    fn verifies(&self, signature: &[u8], message: &[u8]) -> PyResult<bool> {
        guarded(|| self.0.verifies(signature, message).map_err(raise))
    }
}
