//! `PairPool`: pairs that threads of Rust make ahead.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pairsmith_core::encode::EncodedPair;
use pairsmith_core::pool::{Pool, Wait};
use pairsmith_core::prepare;
use pairsmith_core::spec::KeyPairSpec;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::border::{guarded, raise, released};
use crate::interrupt::CancelToken;
use crate::machine::Machine;
use crate::{engine, names};

/// How often a waiting caller looks for signals.
const LOOK: Duration = Duration::from_millis(50);
/// How often threads that sleep look whether pairs are too old.
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);
/// How long closing waits for threads that get no time to end in.
const PATIENCE: Duration = Duration::from_millis(500);

/// Spec, depth, capacity, hits, misses.
type Shelf = (&'static str, usize, usize, u64, u64);

/// Pairs that wait unwrapped in locked memory. The threads start when it is first used.
#[pyclass(frozen, module = "pairsmith._core")]
pub struct PairPool {
    capacities: Vec<(KeyPairSpec, usize)>,
    pairwise_test: bool,
    longest_wait: Duration,
    /// `None` if it was closed before it was used.
    pool: OnceLock<Option<Pool>>,
}

#[pymethods]
impl PairPool {
    #[new]
    #[pyo3(signature = (capacities, *, pairwise_test = false, max_age = 3600.0))]
    fn new(capacities: Vec<(String, usize)>, pairwise_test: bool, max_age: f64) -> PyResult<Self> {
        let parsed = capacities.into_iter().map(|(name, depth)| Ok((names::spec(&name)?, depth)));
        let capacities = parsed.collect::<PyResult<_>>()?;
        let longest_wait = Duration::try_from_secs_f64(max_age)
            .map_err(|_| PyValueError::new_err("max_age is a number of seconds"))?;
        Ok(Self { capacities, pairwise_test, longest_wait, pool: OnceLock::new() })
    }

    /// Start filling, unless it has started.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        guarded(|| self.starting(py).map(|_| ()))
    }

    /// The shelves, whether all memory is locked, and how often making pairs failed.
    fn status(&self) -> PyResult<(Vec<Shelf>, bool, u64)> {
        guarded(|| {
            let Some(pool) = self.started() else {
                let empty = |&(spec, capacity)| (names::spec_name(spec), 0, capacity, 0, 0);
                return Ok((self.capacities.iter().map(empty).collect(), false, 0));
            };
            let status = pool.status();
            let shelves = status.shelves.into_iter();
            let shelves = shelves.map(|shelf| {
                let name = names::spec_name(shelf.spec);
                (name, shelf.depth, shelf.capacity, shelf.hits, shelf.misses)
            });
            Ok((shelves.collect(), status.locked, status.failures))
        })
    }

    /// How many pairs were erased: too old, and because the machine was copied.
    fn erased(&self) -> (u64, u64) {
        self.started().map_or((0, 0), |pool| {
            let status = pool.status();
            (status.expired, status.copied)
        })
    }

    /// Whether every shelf is full, within so many seconds.
    fn wait_full(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        guarded(|| {
            let Some(pool) = self.starting(py)? else { return Ok(false) };
            let end = Instant::now() + Duration::from_secs_f64(seconds);
            loop {
                let left = end.saturating_duration_since(Instant::now());
                if released(py, prepare::nothing(), || pool.wait_full(left.min(LOOK))) {
                    return Ok(true);
                }
                if left.is_zero() {
                    return Ok(false);
                }
                py.check_signals()?;
            }
        })
    }

    /// Erase what waits and stop the threads.
    fn close(&self, py: Python<'_>) {
        if let Some(pool) = self.pool.get_or_init(|| None) {
            released(py, prepare::nothing(), || pool.close(PATIENCE));
        }
    }
}

impl PairPool {
    /// A pair that waits, unless the caller has cancelled: then none is wasted.
    pub fn take(
        &self,
        py: Python<'_>,
        spec: KeyPairSpec,
        cancel: Option<&CancelToken>,
    ) -> PyResult<Option<EncodedPair>> {
        if cancel.is_some_and(CancelToken::is_cancelled) {
            return Ok(None);
        }
        Ok(self.starting(py)?.and_then(|pool| pool.take(spec)))
    }

    /// The pool, started now if it was not; `None` once closed.
    fn starting(&self, py: Python<'_>) -> PyResult<Option<&Pool>> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool.as_ref());
        }
        let engine = engine::chosen()?;
        let wait = Wait {
            longest: self.longest_wait,
            look: AT_LEAST_EVERY.min(self.longest_wait),
            surroundings: Arc::new(Machine::watched()),
        };
        let start = || Pool::start_with(&self.capacities, engine, self.pairwise_test, wait);
        for &(spec, _) in &self.capacities {
            prepare::pair(spec, engine).map_err(raise)?;
        }
        // Thousands of pages take milliseconds.
        let pool = released(py, prepare::nothing(), start).map_err(raise)?;
        // What another thread started or closed meanwhile stays, and this one goes.
        Ok(self.pool.get_or_init(|| Some(pool)).as_ref())
    }

    fn started(&self) -> Option<&Pool> {
        self.pool.get().and_then(Option::as_ref)
    }
}
