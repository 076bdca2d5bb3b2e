//! `ServiceKey`: a handle to the key with which a registry seals and authenticates what is its own.

use pairsmith_core::{service_key, wrap};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::border::{guarded, raise};

type Bytes<'py> = Bound<'py, PyBytes>;

/// The service key of a registry; its 32 bytes never reach Python.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct ServiceKey(service_key::ServiceKey);

impl ServiceKey {
    pub fn of(key: service_key::ServiceKey) -> Self {
        Self(key)
    }
}

#[pymethods]
impl ServiceKey {
    #[getter]
    fn key_version_id(&self) -> &str {
        self.0.version_id()
    }

    fn seal<'py>(
        &self,
        py: Python<'py>,
        plaintext: &[u8],
        place: &str,
    ) -> PyResult<(Bytes<'py>, Bytes<'py>)> {
        guarded(|| {
            let mut random = wrap::randomness();
            let sealed = self.0.seal(plaintext, place, &mut random).map_err(raise)?;
            Ok((PyBytes::new(py, &sealed.iv), PyBytes::new(py, &sealed.blob)))
        })
    }

    fn open<'py>(
        &self,
        py: Python<'py>,
        sealed: &[u8],
        iv: &[u8],
        place: &str,
    ) -> PyResult<Bytes<'py>> {
        guarded(|| {
            let plaintext = self.0.open(sealed, iv, place).map_err(raise)?;
            Ok(PyBytes::new(py, plaintext.expose()))
        })
    }

    fn mac<'py>(&self, py: Python<'py>, place: &str, message: &[u8]) -> PyResult<Bytes<'py>> {
        guarded(|| Ok(PyBytes::new(py, &self.0.mac(place, message))))
    }

    fn verify(&self, place: &str, message: &[u8], mac: &[u8]) -> PyResult<bool> {
        guarded(|| Ok(self.0.verify(place, message, mac)))
    }

    fn __repr__(&self) -> String {
        format!("<ServiceKey {}>", self.0.version_id())
    }
}
