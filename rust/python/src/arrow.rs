//! Columns of pairs as Arrow, in the shape of a record (docs/formats.md), and across the border as
//! `PyCapsule`s: <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>.
//!
//! Private keys that were asked for are erased with the table: Arrow gives its memory back to the
//! extension's allocator.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ffi::FFI_ArrowArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, BinaryArray, RecordBatch, RecordBatchIterator, RecordBatchReader, StringArray,
    StructArray,
};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pairsmith_core::columns::{Column, PairColumns};
use pairsmith_core::secret::SecretBytes;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::border::{defect, guarded};

type Capsule<'py> = Bound<'py, PyCapsule>;

/// In the metadata of a schema: what the rows are.
const TYPE: (&str, &str) = ("Type", "pairsmith/wrapped-key-pair/v1");

/// What the pairs of a batch have in common.
#[derive(FromPyObject)]
pub struct Common {
    key_id: String,
    key_version_id: Option<String>,
    key_pair_spec: String,
    key_format: String,
    algorithm: String,
    aad: Vec<u8>,
}

/// Makes tables of one shape. What all rows have in common is made once and shared by all tables.
pub struct Shape {
    schema: SchemaRef,
    common: Common,
    /// Columns of what is common, as long as the longest table so far.
    shared: Vec<ArrayRef>,
}

impl Shape {
    pub fn new(common: Common, with_plaintext: bool) -> Self {
        Self { schema: Arc::new(schema(with_plaintext)), common, shared: vec![] }
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The table of a group.
    pub fn table(&mut self, pairs: PairColumns) -> Result<RecordBatch, ArrowError> {
        let rows = pairs.len();
        if self.shared.first().is_none_or(|column| column.len() < rows) {
            self.shared = self.common.repeated(rows);
        }
        let mut columns: Vec<ArrayRef> =
            self.shared.iter().map(|column| column.slice(0, rows)).collect();
        let (own, private_keys) = pairs.into_parts();
        for column in own {
            columns.push(binary(column)?);
        }
        if columns.len() < self.schema.fields().len() {
            columns.push(secret(private_keys)?);
        }
        RecordBatch::try_new(self.schema(), columns)
    }
}

impl Common {
    fn repeated(&self, rows: usize) -> Vec<ArrayRef> {
        let text =
            |value: &String| -> ArrayRef { Arc::new(StringArray::new_repeated(value, rows)) };
        vec![
            text(&self.key_id),
            self.key_version_id
                .as_ref()
                .map_or_else(|| Arc::new(StringArray::new_null(rows)) as ArrayRef, text),
            text(&self.key_pair_spec),
            text(&self.key_format),
            text(&self.algorithm),
            Arc::new(BinaryArray::new_repeated(&self.aad, rows)),
        ]
    }
}

/// The columns of a record; in this order [`Shape::table`] makes them.
fn schema(with_plaintext: bool) -> Schema {
    let texts = ["KeyId", "KeyVersionId", "KeyPairSpec", "KeyFormat", "Algorithm"];
    let bytes = ["Aad", "Iv", "PrivateKeyCiphertextBlob", "PublicKey"];
    let private_key = with_plaintext.then_some("PrivateKeyPlaintext");
    let texts =
        texts.map(|name| Field::new(name, DataType::Utf8, name == "KeyVersionId")).into_iter();
    let bytes = bytes.into_iter().chain(private_key);
    let bytes = bytes.map(|name| Field::new(name, DataType::Binary, false));
    let (name, value) = TYPE;
    let metadata = HashMap::from([(name.to_owned(), value.to_owned())]);
    Schema::new_with_metadata(texts.chain(bytes).collect::<Vec<_>>(), metadata)
}

/// A column as it is: nothing is copied but its offsets.
fn binary(column: Column) -> Result<ArrayRef, ArrowError> {
    let lengths = column.iter().map(<[u8]>::len).collect::<Vec<_>>();
    array(lengths, column.into_bytes())
}

/// Private keys, in memory of the right size: none that grew is left behind.
fn secret(private_keys: Vec<SecretBytes>) -> Result<ArrayRef, ArrowError> {
    let lengths: Vec<usize> = private_keys.iter().map(SecretBytes::len).collect();
    let mut bytes = Vec::with_capacity(lengths.iter().sum());
    for private_key in private_keys {
        bytes.extend_from_slice(private_key.expose());
    }
    array(lengths, bytes)
}

fn array(lengths: Vec<usize>, bytes: Vec<u8>) -> Result<ArrayRef, ArrowError> {
    if i32::try_from(bytes.len()).is_err() {
        return Err(ArrowError::OffsetOverflowError(bytes.len()));
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(BinaryArray::try_new(offsets, Buffer::from_vec(bytes), None)?))
}

/// What `__arrow_c_schema__` gives.
pub fn schema_capsule<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Capsule<'py>> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(|_| defect())?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// What `__arrow_c_stream__` gives.
pub fn stream_capsule(
    py: Python<'_>,
    reader: impl RecordBatchReader + Send + 'static,
) -> PyResult<Capsule<'_>> {
    let stream = FFI_ArrowArrayStream::new(Box::new(reader));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

/// Pairs as one table of Arrow.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct PairRecordBatch(pub RecordBatch);

#[pymethods]
impl PairRecordBatch {
    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Capsule<'py>> {
        guarded(|| schema_capsule(py, self.0.schema_ref()))
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Capsule<'py>, Capsule<'py>)> {
        // There is one schema; whoever wants another one casts.
        drop(requested_schema);
        guarded(|| {
            let array = FFI_ArrowArray::new(&StructArray::from(self.0.clone()).into_data());
            let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
            Ok((schema_capsule(py, self.0.schema_ref())?, array))
        })
    }
}

/// Pairs as several tables of Arrow, which may be read again and again.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct PairTable {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

#[pymethods]
impl PairTable {
    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Capsule<'py>> {
        guarded(|| schema_capsule(py, &self.schema))
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Capsule<'py>> {
        drop(requested_schema);
        guarded(|| {
            let batches = self.batches.clone().into_iter().map(Ok);
            stream_capsule(py, RecordBatchIterator::new(batches, Arc::clone(&self.schema)))
        })
    }
}
