//! `PairReader`: what is left of a batch as tables of Arrow, each made when it is asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pairsmith_core::columns::PairColumns;
use pairsmith_core::error::Error;
use pairsmith_core::json_lines;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};

use crate::arrow::{Common, PairRecordBatch, PairTable, Shape, schema_capsule, stream_capsule};
use crate::batch::Source;
use crate::border::{defect, guarded, raise};

/// Tables of a batch.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct PairReader(Arc<Tables>);

/// What a reader and the stream that it has given away share.
struct Tables {
    source: Arc<Source>,
    schema: SchemaRef,
    rows: Option<usize>,
    state: Mutex<State>,
}

struct State {
    shape: Shape,
    /// Pairs that come first.
    first: PairColumns,
    /// Why the stream ended early: whoever reads it is told in words only.
    failure: Option<Error>,
}

#[pymethods]
impl PairReader {
    /// The next table, `None` at the end; signals are obeyed.
    #[pyo3(signature = (rows = None))]
    fn next_batch(&self, py: Python<'_>, rows: Option<usize>) -> PyResult<Option<PairRecordBatch>> {
        guarded(|| {
            let pairs = self.0.pairs(py, rows)?;
            let table = self.0.table(pairs).map_err(|_| defect())?;
            Ok(table.map(PairRecordBatch))
        })
    }

    /// How many pairs, none at the end, and their lines of JSON; signals are obeyed.
    #[pyo3(signature = (beginning, rows = None))]
    fn next_lines<'py>(
        &self,
        py: Python<'py>,
        beginning: &[u8],
        rows: Option<usize>,
    ) -> PyResult<(usize, Bound<'py, PyBytes>)> {
        guarded(|| {
            let pairs = self.0.pairs(py, rows)?;
            // Written where Python will have them, so with the interpreter in hand: a thousand lines
            // take half a millisecond, and a copy would take half of that again.
            let length = json_lines::length(beginning, &pairs);
            let lines = PyBytes::new_with(py, length, |out| {
                json_lines::write(beginning, &pairs, out);
                Ok(())
            })?;
            Ok((pairs.len(), lines))
        })
    }

    /// All tables that are left.
    fn read_all(&self, py: Python<'_>) -> PyResult<PairTable> {
        let mut batches = vec![];
        while let Some(PairRecordBatch(batch)) = self.next_batch(py, None)? {
            batches.push(batch);
        }
        Ok(PairTable { schema: Arc::clone(&self.0.schema), batches })
    }

    fn arrow_schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        guarded(|| schema_capsule(py, &self.0.schema))
    }

    /// A stream of all tables that are left; `end` is called at its end, or when nobody wants more.
    fn arrow_stream<'py>(
        &self,
        py: Python<'py>,
        end: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        guarded(|| stream_capsule(py, Stream { tables: Arc::clone(&self.0), end: Some(end) }))
    }

    /// Raises what ended a stream early.
    fn raise_failure(&self) -> PyResult<()> {
        let failure = self.0.state().failure.take();
        failure.map_or(Ok(()), |error| Err(raise(error)))
    }
}

impl PairReader {
    pub fn new(
        source: Arc<Source>,
        common: Common,
        first: PairColumns,
        rows: Option<usize>,
    ) -> Self {
        let shape = Shape::new(common, source.with_plaintext());
        let schema = shape.schema();
        let state = Mutex::new(State { shape, first, failure: None });
        Self(Arc::new(Tables { source, schema, rows, state }))
    }
}

impl Tables {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next pairs, `rows` of them or as many as this reader gives at a time.
    fn pairs(&self, py: Python<'_>, rows: Option<usize>) -> PyResult<PairColumns> {
        let rows = rows.or(self.rows);
        match self.first(rows) {
            Some(first) => Ok(first),
            None => self.source.rows(py, rows),
        }
    }

    /// Pairs that come before those of the batch, once.
    fn first(&self, rows: Option<usize>) -> Option<PairColumns> {
        let first = self.state().first.take(rows.unwrap_or(usize::MAX));
        (!first.is_empty()).then_some(first)
    }

    /// `None` for no pairs.
    fn table(&self, pairs: PairColumns) -> Result<Option<RecordBatch>, ArrowError> {
        if pairs.is_empty() {
            return Ok(None);
        }
        self.state().shape.table(pairs).map(Some)
    }

    /// The next table, for a thread that may not be Python's.
    fn next_without_python(&self) -> Result<Option<RecordBatch>, Error> {
        let pairs = match self.first(self.rows) {
            Some(first) => first,
            None => self.source.rows_without_python(self.rows)?,
        };
        self.table(pairs).map_err(|_| Error::Encoding)
    }
}

/// What a library of tables reads from, on whatever thread it likes, with the interpreter or without.
/// So it waits without the interpreter, and attaches to it only at the end, to free what Python holds.
struct Stream {
    tables: Arc<Tables>,
    /// What is to be called at the end.
    end: Option<Py<PyAny>>,
}

impl Stream {
    fn finish(&mut self) {
        let Some(end) = self.end.take() else { return };
        // `None` while the interpreter shuts down: then there is nobody to free anything for.
        Python::try_attach(|py| {
            if let Err(error) = end.call0(py) {
                error.write_unraisable(py, None);
            }
            drop(end);
        });
    }
}

impl Iterator for Stream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.end.as_ref()?;
        // No panic may pass into the C code that calls this. Nothing of a call that panicked is used
        // again: the stream is over.
        let next = AssertUnwindSafe(|| self.tables.next_without_python());
        match catch_unwind(next).unwrap_or(Err(Error::Worker)) {
            Ok(Some(batch)) => Some(Ok(batch)),
            Ok(None) => {
                self.finish();
                None
            }
            Err(error) => {
                self.tables.state().failure = Some(error);
                self.finish();
                Some(Err(ArrowError::ExternalError(Box::new(error))))
            }
        }
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.tables.schema)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.finish();
    }
}
