//! `WrappingKey`: a handle to one version of a key; its bytes stay in Rust.

use std::sync::Arc;

use pairsmith_core::batch::Order;
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::generate::{self, DataKeyPair, Effort, Request};
use pairsmith_core::open_pair::{Claim, open_pair};
use pairsmith_core::spec::KeyPairSpec;
use pairsmith_core::wrap::Source;
use pairsmith_core::{prepare, re_encrypt, seeded, wrap};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::batch::{Pair, PairBatch, to_python};
use crate::border::{guarded, raise, released};
use crate::interrupt::{CancelToken, Watch};
use crate::pool::PairPool;
use crate::{engine, names};

/// Bytes of a blob that are worth releasing the interpreter for: some hundred microseconds of work.
/// Getting it back under contention could cost five milliseconds, and a key pair's blob takes ten
/// microseconds.
const LONG_BLOB: usize = 64 << 10;

type Bytes<'py> = Bound<'py, PyBytes>;
/// Plaintext, purpose, and of a pair its spec and format.
type Opened<'py> = (Bytes<'py>, &'static str, Option<&'static str>, Option<&'static str>);

/// One key version, ready to seal and open; its 32 bytes never reach Python.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct WrappingKey(Arc<wrap::WrappingKey>);

#[pymethods]
impl WrappingKey {
    #[getter]
    fn key_version_id(&self) -> &str {
        self.0.version_id()
    }

    #[pyo3(signature = (plaintext, aad, *, advance, purpose = "message"))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        plaintext: &[u8],
        aad: &[u8],
        advance: bool,
        purpose: &str,
    ) -> PyResult<(Bytes<'py>, Bytes<'py>)> {
        let (purpose, layout) = (names::purpose(purpose)?, names::layout(advance));
        guarded(|| {
            let mut random = wrap::randomness();
            let sealed =
                self.0.seal(plaintext, purpose, aad, layout, &mut random).map_err(raise)?;
            Ok((PyBytes::new(py, &sealed.iv), PyBytes::new(py, &sealed.blob)))
        })
    }

    fn open<'py>(
        &self,
        py: Python<'py>,
        blob: &[u8],
        iv: &[u8],
        aad: &[u8],
    ) -> PyResult<Opened<'py>> {
        self.opened(py, Source::plain(blob, iv, aad))
    }

    fn open_advance<'py>(&self, py: Python<'py>, blob: &[u8], aad: &[u8]) -> PyResult<Opened<'py>> {
        self.opened(py, Source::advance(blob, aad))
    }

    /// The signature that checks the halves takes RSA milliseconds: the interpreter is released.
    #[pyo3(signature = (blob, iv, aad, *, advance, spec, key_format, public_key))]
    #[expect(clippy::too_many_arguments, reason = "the operation's parameters, named in Python")]
    fn open_pair<'py>(
        &self,
        py: Python<'py>,
        blob: &[u8],
        iv: &[u8],
        aad: &[u8],
        advance: bool,
        spec: &str,
        key_format: &str,
        public_key: &[u8],
    ) -> PyResult<Bytes<'py>> {
        let source = Source { layout: names::layout(advance), blob, iv, aad };
        let claim = claim((spec, key_format, public_key))?;
        guarded(|| {
            let engine = engine::chosen()?;
            let prepared = prepare::opening(claim.spec, engine).map_err(raise)?;
            let run = || open_pair(&self.0, source, claim, engine);
            let opened = match claim.spec {
                KeyPairSpec::Rsa(_) => released(py, prepared, run),
                KeyPairSpec::Ec(_) | KeyPairSpec::Drawn(_) => run(),
            };
            let opened = opened.map_err(raise)?;
            Ok(PyBytes::new(py, opened.plaintext.expose()))
        })
    }

    #[pyo3(signature = (blob, iv, aad, destination, destination_aad, *, advance, destination_advance, pair = None))]
    #[expect(clippy::too_many_arguments, reason = "the operation's parameters, named in Python")]
    fn re_encrypt<'py>(
        &self,
        py: Python<'py>,
        blob: &[u8],
        iv: &[u8],
        aad: &[u8],
        destination: &Self,
        destination_aad: &[u8],
        advance: bool,
        destination_advance: bool,
        pair: Option<(&str, &str, &[u8])>,
    ) -> PyResult<(Bytes<'py>, Bytes<'py>)> {
        let old = Source { layout: names::layout(advance), blob, iv, aad };
        let layout = names::layout(destination_advance);
        let new = re_encrypt::Destination { layout, aad: destination_aad };
        let claim = pair.map(claim).transpose()?;
        let engine = engine::chosen()?;
        let run = || {
            let mut random = wrap::randomness();
            match claim {
                None => re_encrypt::re_encrypt(&self.0, old, &destination.0, new, &mut random),
                Some(claim) => re_encrypt::re_encrypt_pair(
                    &self.0,
                    old,
                    (claim, engine),
                    &destination.0,
                    new,
                    &mut random,
                ),
            }
        };
        guarded(|| {
            let prepared = match claim {
                None => prepare::sealing(),
                Some(claim) => prepare::opening(claim.spec, engine),
            };
            let prepared = prepared.map_err(raise)?;
            // An RSA half that only now is found to be one signs, as in `open_pair`.
            let signs = claim.is_some_and(|claim| {
                matches!(claim.spec, KeyPairSpec::Rsa(_)) && !wrap::states_purpose(blob, old.layout)
            });
            let is_long = blob.len() > LONG_BLOB || signs;
            let sealed = if is_long { released(py, prepared, run) } else { run() };
            let sealed = sealed.map_err(raise)?;
            Ok((PyBytes::new(py, &sealed.iv), PyBytes::new(py, &sealed.blob)))
        })
    }

    #[pyo3(signature = (length, aad, *, advance))]
    fn generate_data_key<'py>(
        &self,
        py: Python<'py>,
        length: usize,
        aad: &[u8],
        advance: bool,
    ) -> PyResult<(Bytes<'py>, Bytes<'py>, Bytes<'py>)> {
        guarded(|| {
            let (plaintext, sealed) =
                generate::data_key(&self.0, length, aad, names::layout(advance)).map_err(raise)?;
            Ok((
                PyBytes::new(py, plaintext.expose()),
                PyBytes::new(py, &sealed.iv),
                PyBytes::new(py, &sealed.blob),
            ))
        })
    }

    #[pyo3(signature = (spec, key_format, aad, *, advance, with_plaintext, threads = 1, cancel = None, pool = None, pairwise_test = false))]
    #[expect(clippy::too_many_arguments, reason = "the operation's parameters, named in Python")]
    fn generate_data_key_pair<'py>(
        &self,
        py: Python<'py>,
        spec: &str,
        key_format: &str,
        aad: &[u8],
        advance: bool,
        with_plaintext: bool,
        threads: usize,
        cancel: Option<&CancelToken>,
        pool: Option<&PairPool>,
        pairwise_test: bool,
    ) -> PyResult<Pair<'py>> {
        let request = request(spec, key_format, aad, advance, with_plaintext)?;
        let pair = guarded(|| {
            let waiting = pool.map(|pool| pool.take(py, request.spec, cancel)).transpose()?;
            if let Some(pair) = waiting.flatten() {
                return self.wrap(&request, pair);
            }
            let engine = engine::chosen()?;
            let effort = Effort { engine, threads: threads.max(1), pairwise_test };
            self.generate(py, &request, effort, cancel)
        })?;
        Ok(to_python(py, pair))
    }

    /// For tests of what uses pairs: see `seeded`.
    #[pyo3(signature = (seed, spec, key_format, aad, *, advance, with_plaintext, threads = 1))]
    #[expect(clippy::too_many_arguments, reason = "the operation's parameters, named in Python")]
    fn generate_data_key_pair_from_seed<'py>(
        &self,
        py: Python<'py>,
        seed: &[u8],
        spec: &str,
        key_format: &str,
        aad: &[u8],
        advance: bool,
        with_plaintext: bool,
        threads: usize,
    ) -> PyResult<Pair<'py>> {
        let request = request(spec, key_format, aad, advance, with_plaintext)?;
        let pair = guarded(|| {
            let effort = Effort { threads: threads.max(1), ..Effort::of(engine::chosen()?) };
            let prepared = prepare::pair(request.spec, effort.engine).map_err(raise)?;
            let watch = Watch::new(None);
            let run = || seeded::data_key_pair(&self.0, &request, effort, seed, &watch);
            let result = released(py, prepared, run);
            watch.into_raised().map_or_else(|| result.map_err(raise), Err)
        })?;
        Ok(to_python(py, pair))
    }

    #[pyo3(signature = (spec, key_format, aad, *, advance, with_plaintext, count, workers, pairwise_test = false))]
    #[expect(clippy::too_many_arguments, reason = "the operation's parameters, named in Python")]
    fn generate_data_key_pairs(
        &self,
        spec: &str,
        key_format: &str,
        aad: &[u8],
        advance: bool,
        with_plaintext: bool,
        count: u64,
        workers: usize,
        pairwise_test: bool,
    ) -> PyResult<PairBatch> {
        let order = Order {
            key: Arc::clone(&self.0),
            spec: names::spec(spec)?,
            format: names::format(key_format)?,
            aad: aad.to_vec(),
            layout: names::layout(advance),
            with_plaintext,
            engine: engine::chosen()?,
            pairwise_test,
        };
        guarded(|| Ok(PairBatch::start(order, count, workers.max(1))))
    }

    fn __repr__(&self) -> String {
        format!("<WrappingKey {}>", self.0.version_id())
    }
}

impl WrappingKey {
    pub fn of(key: wrap::WrappingKey) -> Self {
        Self(Arc::new(key))
    }

    fn opened<'py>(&self, py: Python<'py>, source: Source<'_>) -> PyResult<Opened<'py>> {
        guarded(|| {
            let wrap::Opened { plaintext, purpose, .. } = self.0.open(source).map_err(raise)?;
            let (name, spec, key_format) = names::purpose_names(purpose);
            let plaintext = PyBytes::new(py, plaintext.expose());
            Ok((plaintext, name, spec, key_format))
        })
    }

    /// A pair that was made before. It takes some ten microseconds: the interpreter is kept.
    fn wrap(&self, request: &Request<'_>, pair: EncodedPair) -> PyResult<DataKeyPair> {
        generate::wrapped(&self.0, request, pair, &mut wrap::randomness()).map_err(raise)
    }

    /// An RSA search takes milliseconds and releases the interpreter; any other pair takes three to a
    /// hundred and fifty microseconds, and getting the interpreter back under contention could cost five
    /// milliseconds. With its pairwise test one of a library takes up to a millisecond.
    fn generate(
        &self,
        py: Python<'_>,
        request: &Request<'_>,
        effort: Effort,
        cancel: Option<&CancelToken>,
    ) -> PyResult<DataKeyPair> {
        let prepared = prepare::pair(request.spec, effort.engine).map_err(raise)?;
        let watch = Watch::new(cancel);
        let run = || generate::data_key_pair(&self.0, request, effort, &watch);
        let result = match request.spec {
            KeyPairSpec::Rsa(_) => released(py, prepared, run),
            KeyPairSpec::Drawn(_) if effort.pairwise_test => released(py, prepared, run),
            KeyPairSpec::Ec(_) | KeyPairSpec::Drawn(_) => run(),
        };
        match watch.into_raised() {
            Some(raised) => Err(raised),
            None => result.map_err(raise),
        }
    }
}

fn request<'a>(
    spec: &str,
    key_format: &str,
    aad: &'a [u8],
    advance: bool,
    with_plaintext: bool,
) -> PyResult<Request<'a>> {
    let (spec, format) = (names::spec(spec)?, names::format(key_format)?);
    Ok(Request { spec, format, aad, layout: names::layout(advance), with_plaintext })
}

/// What is said of a pair: spec, format, public half.
fn claim<'a>((spec, format, public_key): (&str, &str, &'a [u8])) -> PyResult<Claim<'a>> {
    Ok(Claim { spec: names::spec(spec)?, format: names::format(format)?, public_key })
}
