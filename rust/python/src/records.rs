//! Records of many pairs, judged in one call.

use pairsmith_core::json_lines::{self, Expected};
use pairsmith_core::prepare;
use pairsmith_core::public_numbers::{self, Numbers, Wanted};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::border::{guarded, released};
use crate::names;

type Bytes<'py> = Bound<'py, PyBytes>;

/// How many bytes were whole lines and how many lines, their digests and numbers, and the doubtful ones:
/// row, begin and end.
type JudgedLines<'py> = (usize, Bytes<'py>, Bytes<'py>, Vec<(usize, usize, usize)>);

/// Judges the whole lines at the beginning of a text.
#[pyfunction]
#[pyo3(signature = (text, *, beginnings, spec, key_format, with_plaintext, keep_numbers, longest))]
#[expect(clippy::too_many_arguments, reason = "named in Python")]
#[expect(clippy::needless_pass_by_value, reason = "a list of Python is copied into it")]
pub fn judge_lines<'py>(
    py: Python<'py>,
    text: &[u8],
    beginnings: Vec<Vec<u8>>,
    spec: &str,
    key_format: &str,
    with_plaintext: bool,
    keep_numbers: bool,
    longest: usize,
) -> PyResult<JudgedLines<'py>> {
    let wanted = wanted(spec, key_format, keep_numbers)?;
    guarded(|| {
        let expected = Expected { beginnings: &beginnings, wanted, with_plaintext, longest };
        let judged = released(py, prepare::nothing(), || json_lines::judged(text, &expected));
        let (digests, numbers) = to_python(py, &judged.numbers);
        Ok((judged.length, digests, numbers, judged.doubtful))
    })
}

/// Judges public keys, which lie one behind the other: their digests, numbers, and the rows of those
/// that are doubtful.
#[pyfunction]
#[pyo3(signature = (keys, ends, *, spec, key_format, keep_numbers))]
#[expect(clippy::needless_pass_by_value, reason = "a list of Python is copied into it")]
pub fn judge_public_keys<'py>(
    py: Python<'py>,
    keys: &[u8],
    ends: Vec<usize>,
    spec: &str,
    key_format: &str,
    keep_numbers: bool,
) -> PyResult<(Bytes<'py>, Bytes<'py>, Vec<usize>)> {
    let wanted = wanted(spec, key_format, keep_numbers)?;
    guarded(|| {
        let (numbers, doubtful) = released(py, prepare::nothing(), || {
            let (mut numbers, mut doubtful, mut start) = (Numbers::default(), vec![], 0);
            for (row, end) in ends.iter().enumerate() {
                if !numbers.push(wanted, keys.get(start..*end)) {
                    doubtful.push(row);
                }
                start = *end;
            }
            (numbers, doubtful)
        });
        let (digests, numbers) = to_python(py, &numbers);
        Ok((digests, numbers, doubtful))
    })
}

/// Where a digest was before, and where it is again.
#[pyfunction]
pub fn repeated_digests(py: Python<'_>, digests: &[u8]) -> PyResult<Vec<(usize, usize)>> {
    guarded(|| Ok(released(py, prepare::nothing(), || public_numbers::repeated(digests))))
}

fn wanted(spec: &str, key_format: &str, kept: bool) -> PyResult<Wanted> {
    Ok(Wanted { spec: names::spec(spec)?, format: names::format(key_format)?, kept })
}

fn to_python<'py>(py: Python<'py>, numbers: &Numbers) -> (Bytes<'py>, Bytes<'py>) {
    (PyBytes::new(py, numbers.digests()), PyBytes::new(py, numbers.kept()))
}
