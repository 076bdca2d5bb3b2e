//! `RootKey`: a handle to the key that wraps key versions at rest; its bytes stay in Rust.

use pairsmith_core::error::Error;
use pairsmith_core::root_key::{self, VersionUse};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::wrap;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use zeroize::Zeroizing;

use crate::border::{guarded, raise};
use crate::service_key::ServiceKey;
use crate::wrapping_key::WrappingKey;

type Bytes<'py> = Bound<'py, PyBytes>;

/// The 32-byte key that wraps key versions at rest; erased when dropped.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct RootKey(root_key::RootKey);

#[pymethods]
impl RootKey {
    #[new]
    fn new(key: &Bound<'_, PyAny>) -> PyResult<Self> {
        let secret = if let Ok(bytes) = key.cast::<PyBytes>() {
            SecretBytes::copy_of(bytes.as_bytes())
        } else if let Ok(array) = key.cast::<PyByteArray>() {
            SecretBytes::copy_of(&Zeroizing::new(array.to_vec()))
        } else {
            return Err(PyTypeError::new_err("a root key is bytes or a bytearray"));
        };
        root_key::RootKey::new(secret).map(Self).map_err(|error| match error {
            Error::InvalidLength => PyValueError::new_err("a root key has exactly 32 bytes"),
            _ => raise(error),
        })
    }

    #[getter]
    fn root_key_id(&self) -> &str {
        self.0.id()
    }

    #[getter]
    fn is_dev(&self) -> bool {
        self.0.is_dev()
    }

    fn create_version<'py>(
        &self,
        py: Python<'py>,
        key_id: &str,
        key_version_id: &str,
    ) -> PyResult<Bytes<'py>> {
        guarded(|| {
            let wrapped = self
                .0
                .create_version(key_id, key_version_id, &mut wrap::randomness())
                .map_err(raise)?;
            Ok(PyBytes::new(py, &wrapped))
        })
    }

    fn open_version(
        &self,
        wrapped: &[u8],
        key_id: &str,
        key_version_id: &str,
    ) -> PyResult<WrappingKey> {
        guarded(|| {
            self.0.open_version(wrapped, key_id, key_version_id).map(WrappingKey::of).map_err(raise)
        })
    }

    fn create_service_version<'py>(
        &self,
        py: Python<'py>,
        key_version_id: &str,
    ) -> PyResult<Bytes<'py>> {
        guarded(|| {
            let random = &mut wrap::randomness();
            let wrapped = self.0.create_service_version(key_version_id, random).map_err(raise)?;
            Ok(PyBytes::new(py, &wrapped))
        })
    }

    fn open_service_version(&self, wrapped: &[u8], key_version_id: &str) -> PyResult<ServiceKey> {
        guarded(|| {
            self.0.open_service_version(wrapped, key_version_id).map(ServiceKey::of).map_err(raise)
        })
    }

    #[pyo3(signature = (wrapped, key_id, key_version_id, new, *, service = false))]
    fn rewrap<'py>(
        &self,
        py: Python<'py>,
        wrapped: &[u8],
        key_id: &str,
        key_version_id: &str,
        new: &Self,
        service: bool,
    ) -> PyResult<Bytes<'py>> {
        let version_use = if service { VersionUse::Service } else { VersionUse::Data };
        guarded(|| {
            let mut random = wrap::randomness();
            let rewrapped = self
                .0
                .rewrap(version_use, wrapped, key_id, key_version_id, &new.0, &mut random)
                .map_err(raise)?;
            Ok(PyBytes::new(py, &rewrapped))
        })
    }

    fn open_version_1(
        &self,
        wrapped: &[u8],
        key_id: &str,
        key_version_id: &str,
    ) -> PyResult<WrappingKey> {
        guarded(|| {
            self.0
                .open_version_1(wrapped, key_id, key_version_id)
                .map(WrappingKey::of)
                .map_err(raise)
        })
    }

    fn upgrade_version<'py>(
        &self,
        py: Python<'py>,
        wrapped: &[u8],
        key_id: &str,
        key_version_id: &str,
    ) -> PyResult<Bytes<'py>> {
        guarded(|| {
            let random = &mut wrap::randomness();
            let upgraded =
                self.0.upgrade_version(wrapped, key_id, key_version_id, random).map_err(raise)?;
            Ok(PyBytes::new(py, &upgraded))
        })
    }

    fn __repr__(&self) -> String {
        format!("<RootKey {}>", self.0.id())
    }
}
