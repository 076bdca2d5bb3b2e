//! What stops a running search: a cancelled token, or a signal such as Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pairsmith_core::interrupt::Interrupt;
use pyo3::prelude::*;

/// Lets another thread stop a running generation.
#[pyclass(frozen, module = "pairsmith._core")]
#[derive(Default)]
pub struct CancelToken {
    cancelled: Arc<AtomicBool>,
}

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Stop whatever generation was given this token, and any that will be.
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether `cancel` was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Watches while the interpreter is released.
pub struct Watch {
    cancelled: Option<Arc<AtomicBool>>,
    signals: Mutex<Signals>,
}

struct Signals {
    next_look: Instant,
    raised: Option<PyErr>,
}

impl Watch {
    /// Taking the interpreter back can wait for whoever holds it, so it is done this rarely.
    const INTERVAL: Duration = Duration::from_millis(50);

    pub fn new(token: Option<&CancelToken>) -> Self {
        Self {
            cancelled: token.map(|token| Arc::clone(&token.cancelled)),
            signals: Mutex::new(Signals {
                next_look: Instant::now() + Self::INTERVAL,
                raised: None,
            }),
        }
    }

    /// What a signal handler raised, if one did.
    pub fn into_raised(self) -> Option<PyErr> {
        self.signals.into_inner().unwrap_or_else(PoisonError::into_inner).raised
    }
}

impl Interrupt for Watch {
    fn requested(&self) -> bool {
        if self.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return true;
        }
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        if signals.raised.is_none() && signals.next_look <= Instant::now() {
            // Runs handlers in the main thread only, as Python does. An interpreter that is
            // shutting down cannot be attached to: then nobody wants the result either.
            #[expect(
                clippy::redundant_closure_for_method_calls,
                reason = "the method alone is for one lifetime only"
            )]
            let checked = Python::try_attach(|py| py.check_signals());
            match checked {
                Some(checked) => signals.raised = checked.err(),
                None => return true,
            }
            signals.next_look = Instant::now() + Self::INTERVAL;
        }
        signals.raised.is_some()
    }
}
