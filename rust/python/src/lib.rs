//! `pairsmith._core`: the border between Python and `pairsmith-core`. It converts, releases the
//! interpreter, and turns errors and panics into exceptions; it decides nothing.
//!
//! The Python face of everything here is described in `python/pairsmith/_core.pyi`.

mod batch;
mod border;
mod engine;
mod interrupt;
mod keys;
mod names;

use zeroizing_alloc::ZeroAlloc;

/// Erases whatever Rust frees. The core's own secrets erase themselves; this is for the copies that
/// libraries make without telling, such as ring's when it loads an RSA key.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// The Rust core: generation, encoding, wrapping. Bytes in, bytes out.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    use pairsmith_core::generate;
    use pairsmith_core::wrap;

    #[pymodule_export]
    use crate::batch::PairBatch;
    #[pymodule_export]
    use crate::interrupt::CancelToken;
    #[pymodule_export]
    use crate::keys::{RootKey, WrappingKey};

    use crate::border::{guarded, raise};

    /// The key version named in an Advance blob's header, or `None`.
    #[pyfunction]
    fn advance_key_version_id(blob: &[u8]) -> Option<&str> {
        wrap::advance_version_id(blob)
    }

    /// Random bytes from the operating system.
    #[pyfunction]
    fn random_bytes(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyBytes>> {
        guarded(|| {
            let bytes = generate::random_bytes(length).map_err(raise)?;
            Ok(PyBytes::new(py, bytes.expose()))
        })
    }

    /// The prime engine in use on this CPU.
    #[pyfunction]
    fn engine() -> PyResult<&'static str> {
        crate::engine::name()
    }

    /// Panics inside the border, so that a test can see what becomes of a panic.
    #[pyfunction]
    fn _panic(py: Python<'_>) -> PyResult<()> {
        guarded(|| py.detach(|| panic!("asked to panic")))
    }
}
