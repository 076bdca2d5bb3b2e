//! `PairBatch`: many pairs, made by threads of Rust, fetched by the group.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::columns::{Column, PairColumns};
use pairsmith_core::error::Error;
use pairsmith_core::generate::DataKeyPair;
use pairsmith_core::prepare;
use pairsmith_core::secret::SecretBytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::arrow::Common;
use crate::border::{guarded, raise, released};
use crate::machine::Machine;
use crate::pair_reader::PairReader;

type Bytes<'py> = Bound<'py, PyBytes>;
/// Public key, Iv, blob, and the private key if it was asked for.
pub type Pair<'py> = (Bytes<'py>, Bytes<'py>, Bytes<'py>, Option<Bytes<'py>>);
/// Lists of public keys, Ivs, blobs, and of private keys if they were asked for.
type Pairs<'py> = (Bound<'py, PyList>, Bound<'py, PyList>, Bound<'py, PyList>, Bound<'py, PyList>);
/// A pair that was fetched, and is given back.
type Fetched = (Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// How often a waiting caller looks for signals.
const PATIENCE: Duration = Duration::from_millis(50);

/// A batch of pairs being made.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct PairBatch(Arc<Source>);

/// What batches and their readers fetch from.
pub struct Source {
    batch: Mutex<Option<Arc<Batch>>>,
    /// The workers exist in the process that started them, and in no fork of it.
    process: u32,
    with_plaintext: bool,
    /// Whether all pairs were fetched: closed afterwards, there is still nothing missing.
    is_over: AtomicBool,
}

#[pymethods]
impl PairBatch {
    /// The next pairs, as many as are ready; none at the end.
    fn next_group<'py>(&self, py: Python<'py>) -> PyResult<Pairs<'py>> {
        guarded(|| {
            let group = self.0.fetch(py, |batch| batch.next_group(PATIENCE))?;
            let list = |column: &Column| {
                PyList::new(
                    py,
                    column.iter().map(|each| PyBytes::new(py, each)).collect::<Vec<_>>(),
                )
            };
            let private_keys = group.private_keys().iter();
            let private_keys = private_keys.map(|secret| PyBytes::new(py, secret.expose()));
            Ok((
                list(group.public_keys())?,
                list(group.ivs())?,
                list(group.blobs())?,
                PyList::new(py, private_keys)?,
            ))
        })
    }

    /// What gives all that is left as tables; pairs that were fetched and not used come first.
    fn reader(
        &self,
        common: Common,
        fetched: Vec<Fetched>,
        rows: Option<usize>,
    ) -> PyResult<PairReader> {
        guarded(|| {
            let mut first = PairColumns::for_rows(fetched.len());
            for (public_key, iv, blob, private_key) in fetched {
                let private_key = private_key.map(|bytes| SecretBytes::copy_of(&bytes));
                first.push_parts(&public_key, &iv, &blob, private_key);
            }
            Ok(PairReader::new(Arc::clone(&self.0), common, first, rows))
        })
    }

    /// Stop the workers and wait for them.
    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }
}

impl PairBatch {
    pub fn start(order: Order, count: u64, workers: usize) -> Self {
        let machine = Arc::new(Machine::watched());
        let with_plaintext = order.with_plaintext;
        let batch = Arc::new(Batch::start_in(order, count, workers, machine));
        Self(Arc::new(Source {
            batch: Mutex::new(Some(batch)),
            process: std::process::id(),
            with_plaintext,
            is_over: AtomicBool::new(false),
        }))
    }
}

impl Source {
    pub fn with_plaintext(&self) -> bool {
        self.with_plaintext
    }

    /// So many pairs, and fewer only at the end; by default as many as are worth a table.
    pub fn rows(&self, py: Python<'_>, rows: Option<usize>) -> PyResult<PairColumns> {
        if self.is_over() {
            return Ok(PairColumns::default());
        }
        self.fetch(py, |batch| batch.next_rows(rows.unwrap_or(batch.worthwhile()), PATIENCE))
    }

    /// The same for a thread that may not be Python's: no signal is looked for.
    pub fn rows_without_python(&self, rows: Option<usize>) -> Result<PairColumns, Error> {
        if self.is_over() {
            return Ok(PairColumns::default());
        }
        let batch = self.batch()?;
        loop {
            let pairs = batch.next_rows(rows.unwrap_or(batch.worthwhile()), PATIENCE)?;
            if let Some(pairs) = pairs {
                return Ok(self.noted(pairs));
            }
        }
    }

    /// Waits with the interpreter released, and obeys signals.
    fn fetch(
        &self,
        py: Python<'_>,
        next: impl Fn(&Batch) -> Result<Option<PairColumns>, Error> + Sync,
    ) -> PyResult<PairColumns> {
        let batch = self.batch().map_err(raise)?;
        loop {
            match released(py, prepare::nothing(), || next(&batch)).map_err(raise)? {
                Some(pairs) => return Ok(self.noted(pairs)),
                None => py.check_signals()?,
            }
        }
    }

    fn noted(&self, pairs: PairColumns) -> PairColumns {
        if pairs.is_empty() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        pairs
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn batch(&self) -> Result<Arc<Batch>, Error> {
        let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let batch = batch.ok_or(Error::Interrupted)?;
        if self.process == std::process::id() { Ok(batch) } else { Err(Error::Worker) }
    }

    /// Stops the workers and waits for them; what was not fetched is erased.
    pub fn close(&self, py: Python<'_>) {
        let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(batch) = batch else { return };
        batch.stop();
        if self.process == std::process::id() {
            released(py, prepare::nothing(), || drop(batch));
        } else {
            // After a fork there are none to wait for.
            std::mem::forget(batch);
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if self.batch.get_mut().unwrap_or_else(PoisonError::into_inner).is_some() {
            Python::attach(|py| self.close(py));
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
