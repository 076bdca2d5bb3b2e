//! Tables that a process makes once and keeps.
//!
//! A fork copies the memory of all threads and one of the threads. What another thread was making
//! under a lock is for ever being made in the child, and whoever asks for it there waits for ever. So
//! these are made before a caller lets anybody fork, by [`crate::prepare`], which says so with
//! [`while_preparing`]; whatever is made elsewhere is counted, and tests look at the count. Besides, a
//! [`Once`] makes its value outside of the lock and moves it in when it is whole: for whoever forks
//! without asking anybody, as a library of C may, some nanoseconds are left instead of milliseconds.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

static MADE: AtomicUsize = AtomicUsize::new(0);
static LATE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PREPARING: Cell<bool> = const { Cell::new(false) };
}

/// How many tables this process has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub made: usize,
    /// Those that were not made by way of [`crate::prepare`].
    pub late: usize,
}

/// A value that the process makes at its first use.
pub struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    /// One that is not made.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "for statics, which take no default")]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value. Threads that come first together each make it, and one of theirs stays.
    ///
    /// # Errors
    /// What `make` fails with; then the value is still to be made.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.0.get() {
            return Ok(value);
        }
        MADE.fetch_add(1, Ordering::Relaxed);
        if !PREPARING.get() {
            LATE.fetch_add(1, Ordering::Relaxed);
        }
        let value = make()?;
        Ok(self.0.get_or_init(|| value))
    }
}

/// Runs `work`, on whose thread tables may be made: nobody forks meanwhile.
pub(crate) fn while_preparing<T>(work: impl FnOnce() -> T) -> T {
    struct Preparing(bool);
    impl Drop for Preparing {
        fn drop(&mut self) {
            PREPARING.set(self.0);
        }
    }
    let _until_the_end = Preparing(PREPARING.replace(true));
    work()
}

/// How many tables were made so far, for tests.
#[must_use]
pub fn count() -> Count {
    Count { made: MADE.load(Ordering::Relaxed), late: LATE.load(Ordering::Relaxed) }
}
