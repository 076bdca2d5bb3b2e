//! Errors and panics of Rust become exceptions of `pairsmith.errors`; and where the interpreter is
//! released.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pairsmith_core::error::Error;
use pairsmith_core::prepare::Prepared;
use pyo3::PyTypeInfo;
use pyo3::import_exception;
use pyo3::marker::Ungil;
use pyo3::prelude::*;

import_exception!(pairsmith.errors, DecryptionError);
import_exception!(pairsmith.errors, InternalFailure);
import_exception!(pairsmith.errors, OperationCancelled);
import_exception!(pairsmith.errors, RandomSourceError);
import_exception!(pairsmith.errors, SelfTestError);

/// The exception for an error of the core.
pub fn raise(error: Error) -> PyErr {
    match error {
        Error::Decryption => DecryptionError::new_err(()),
        Error::Interrupted => OperationCancelled::new_err(()),
        Error::SelfTest => SelfTestError::new_err(()),
        Error::Random | Error::BrokenRandom => RandomSourceError::new_err(()),
        Error::InvalidLength
        | Error::Consistency
        | Error::Worker
        | Error::Memory
        | Error::Encoding => {
            InternalFailure::new_err(format!("{error}. Nothing was returned or stored."))
        }
    }
}

/// The exception for what cannot happen.
pub fn defect() -> PyErr {
    InternalFailure::new_err(
        "The Rust core met a defect of its own and stopped this call. Please report it.",
    )
}

/// Runs a call so that a panic becomes an exception. Its message is not passed on: it is for the
/// developers, who see it on standard error, and nobody has proven it free of secrets.
pub fn guarded<T>(call: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // Unwind-safe: nothing of a call that panicked is used again.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(defect()))
}

/// Runs `work` with the interpreter released: the only place that does, and only for work that was
/// prepared. From here on another thread of Python may fork, so nothing may be left that `work` makes
/// once under a lock: see `pairsmith_core::prepare`.
pub fn released<T: Ungil>(py: Python<'_>, _: Prepared, work: impl Ungil + FnOnce() -> T) -> T {
    py.detach(work)
}

/// Looks the exceptions up while the module is being imported. At the first use of each, other threads
/// of Python might run, and fork, in the middle of it.
pub fn find_exceptions(py: Python<'_>) {
    DecryptionError::type_object(py);
    InternalFailure::type_object(py);
    OperationCancelled::type_object(py);
    RandomSourceError::type_object(py);
    SelfTestError::type_object(py);
}
