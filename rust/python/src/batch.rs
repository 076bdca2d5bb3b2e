//! `PairBatch`: many pairs, made by threads of Rust, fetched by the group.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::error::Error;
use pairsmith_core::generate::DataKeyPair;
use pairsmith_core::prepare;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::border::{guarded, raise, released};
use crate::machine::Machine;

type Bytes<'py> = Bound<'py, PyBytes>;
/// Public key, Iv, blob, and the private key if it was asked for.
pub type Pair<'py> = (Bytes<'py>, Bytes<'py>, Bytes<'py>, Option<Bytes<'py>>);

/// How often a waiting caller looks for signals.
const PATIENCE: Duration = Duration::from_millis(50);

/// A batch of pairs being made.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct PairBatch {
    batch: Mutex<Option<Arc<Batch>>>,
    /// The workers exist in the process that started them, and in no fork of it.
    process: u32,
}

#[pymethods]
impl PairBatch {
    /// The next pairs, as many as are ready; none at the end.
    fn next_group<'py>(&self, py: Python<'py>) -> PyResult<Vec<Pair<'py>>> {
        guarded(|| {
            let Some(batch) = self.batch() else { return Err(raise(Error::Interrupted)) };
            if self.process != std::process::id() {
                return Err(raise(Error::Worker));
            }
            let group = loop {
                let group = released(py, prepare::nothing(), || batch.next_group(PATIENCE));
                match group.map_err(raise)? {
                    Some(group) => break group,
                    None => py.check_signals()?,
                }
            };
            Ok(group.into_iter().map(|pair| to_python(py, pair)).collect())
        })
    }

    /// Stop the workers and wait for them.
    fn close(&self, py: Python<'_>) {
        let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(batch) = batch {
            batch.stop();
            self.end(py, batch);
        }
    }
}

impl PairBatch {
    pub fn start(order: Order, count: u64, workers: usize) -> Self {
        let machine = Arc::new(Machine::watched());
        let batch = Arc::new(Batch::start_in(order, count, workers, machine));
        Self { batch: Mutex::new(Some(batch)), process: std::process::id() }
    }

    fn batch(&self) -> Option<Arc<Batch>> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the workers with the interpreter released; after a fork there are none to wait for.
    fn end(&self, py: Python<'_>, batch: Arc<Batch>) {
        if self.process == std::process::id() {
            released(py, prepare::nothing(), || drop(batch));
        } else {
            std::mem::forget(batch);
        }
    }
}

impl Drop for PairBatch {
    fn drop(&mut self) {
        let batch = self.batch.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(batch) = batch {
            Python::attach(|py| self.end(py, batch));
        }
    }
}

/// The objects of one pair.
pub fn to_python(py: Python<'_>, pair: DataKeyPair) -> Pair<'_> {
    (
        PyBytes::new(py, &pair.public_key),
        PyBytes::new(py, &pair.iv),
        PyBytes::new(py, &pair.blob),
        pair.private_key.map(|secret| PyBytes::new(py, secret.expose())),
    )
}
