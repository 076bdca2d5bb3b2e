//! `pairsmith._core`: the border between Python and `pairsmith-core`. It converts, releases the
//! interpreter, and turns errors and panics into exceptions; it decides nothing.
//!
//! The Python face of everything here is described in `python/pairsmith/_core.pyi`.

mod arrow;
mod batch;
mod border;
mod engine;
mod interrupt;
mod machine;
mod names;
mod pair_reader;
mod pool;
mod records;
mod root_key;
mod service_key;
mod verifying_key;
mod wrapping_key;

use pairsmith_erasing_alloc::Erasing;

/// Erases whatever Rust frees. The core's own secrets erase themselves; this is for the copies that
/// libraries make without telling, such as ring's when it loads an RSA key.
#[global_allocator]
static ALLOCATOR: Erasing<std::alloc::System> = Erasing(std::alloc::System);

/// The Rust core: generation, encoding, wrapping. Bytes in, bytes out.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    use std::time::Instant;

    use pyo3::prelude::*;
    use pyo3::types::{PyBytes, PyString};

    use pairsmith_core::dumps;
    use pairsmith_core::generate;
    use pairsmith_core::health;
    use pairsmith_core::once;
    use pairsmith_core::prepare;
    use pairsmith_core::self_test;
    use pairsmith_core::spec::kind;
    use pairsmith_core::wrap;
    use uuid::Uuid;

    #[pymodule_export]
    use crate::arrow::{PairRecordBatch, PairTable};
    #[pymodule_export]
    use crate::batch::PairBatch;
    #[pymodule_export]
    use crate::interrupt::CancelToken;
    #[pymodule_export]
    use crate::pair_reader::PairReader;
    #[pymodule_export]
    use crate::pool::PairPool;
    #[pymodule_export]
    use crate::records::{judge_lines, judge_public_keys, repeated_digests};
    #[pymodule_export]
    use crate::root_key::RootKey;
    #[pymodule_export]
    use crate::service_key::ServiceKey;
    #[pymodule_export]
    use crate::verifying_key::VerifyingKey;
    #[pymodule_export]
    use crate::wrapping_key::WrappingKey;

    use crate::border::{find_exceptions, guarded, raise, released};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // A package without them is an error of the import.
        module.py().import("pairsmith.errors")?;
        find_exceptions(module.py());
        Ok(())
    }

    /// The key version named in an Advance blob's header, or `None`.
    #[pyfunction]
    fn advance_key_version_id(blob: &[u8]) -> Option<&str> {
        wrap::advance_version_id(blob)
    }

    /// Whether a blob says what it was made as.
    #[pyfunction]
    #[pyo3(signature = (blob, *, advance))]
    fn states_purpose(blob: &[u8], advance: bool) -> bool {
        wrap::states_purpose(blob, crate::names::layout(advance))
    }

    /// Random bytes from the operating system.
    #[pyfunction]
    fn random_bytes(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyBytes>> {
        guarded(|| {
            let bytes = generate::random_bytes(length).map_err(raise)?;
            Ok(PyBytes::new(py, bytes.expose()))
        })
    }

    /// A new random UUID (RFC 9562, version 4), in lower case.
    #[pyfunction]
    fn request_id(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
        guarded(|| {
            let mut text = Uuid::encode_buffer();
            Ok(PyString::new(py, Uuid::new_v4().hyphenated().encode_lower(&mut text)))
        })
    }

    /// The prime engine in use on this CPU.
    #[pyfunction]
    fn engine() -> PyResult<&'static str> {
        crate::engine::name()
    }

    /// The core's table of kinds: name, parameters, bits of strength, what is in PKCS#8, pairwise test, and
    /// when it is made.
    #[pyfunction]
    fn kinds() -> Vec<(&'static str, &'static str, u16, &'static str, &'static str, &'static str)> {
        let row = |kind: &kind::Kind| {
            let [form, pairwise, checked] = crate::names::of_kind(kind);
            (kind.name, kind.parameters, kind.strength_bits, form, pairwise, checked)
        };
        kind::KINDS.iter().map(row).collect()
    }

    /// Forbids core dumps and tracing of this process.
    #[pyfunction]
    fn forbid_dumps() -> PyResult<()> {
        Ok(dumps::forbid()?)
    }

    /// Runs every self-test: the primitive, whether it was right, and the seconds it took.
    #[pyfunction]
    fn self_tests(py: Python<'_>) -> PyResult<Vec<(&'static str, bool, f64)>> {
        guarded(|| {
            let engine = crate::engine::chosen()?;
            let (mut results, mut begun) = (vec![], Instant::now());
            let prepared = prepare::everything(engine);
            released(py, prepared, || {
                health::examine(engine, |name, passed| {
                    results.push((name, passed, begun.elapsed().as_secs_f64()));
                    begun = Instant::now();
                });
            });
            Ok(results)
        })
    }

    /// Puts the core into the state that a failed self-test leaves, until the process ends, so that
    /// a test can see what becomes of it.
    #[pyfunction]
    fn _fail_self_test() {
        self_test::fail();
    }

    /// Tables made once in this process, and how many of them where a fork might have cut them off: a
    /// test looks at both.
    #[pyfunction]
    fn _made_once() -> (usize, usize) {
        let once::Count { made, late } = once::count();
        (made, late)
    }

    /// Lets time go by and copies the machine, as waiting pairs see it: a test looks at what becomes of
    /// them.
    #[pyfunction]
    #[pyo3(signature = (*, seconds = 0.0, copies = 0))]
    fn _pretend(seconds: f64, copies: u64) {
        crate::machine::pretend(seconds, copies);
    }

    /// Panics inside the border, so that a test can see what becomes of a panic.
    #[pyfunction]
    fn _panic(py: Python<'_>) -> PyResult<()> {
        guarded(|| released(py, prepare::nothing(), || panic!("asked to panic")))
    }
}
