//! Known answers before first use: a primitive that gives a wrong one stops everything.
//!
//! The module of each primitive keeps a [`SelfTest`] and passes it before any work. After a failure
//! every test refuses, whichever it is, until the process ends.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

static FAILED: AtomicBool = AtomicBool::new(false);

/// Whether a primitive has given its known answers in this process.
///
/// Without a lock: threads that come first together each run the test, and a forked child never
/// waits for a thread that it does not have.
pub struct SelfTest {
    name: &'static str,
    passed: AtomicBool,
}

impl SelfTest {
    /// A test that has not run.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, passed: AtomicBool::new(false) }
    }

    /// The primitive's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Lets work pass that relies on the primitive: runs the test if it has not passed. What is
    /// given is true if the answers are right.
    ///
    /// # Errors
    /// [`Error::SelfTest`] if this test or any other has failed in this process.
    pub fn before_use(&self, known_answers: impl FnOnce() -> bool) -> Result<(), Error> {
        healthy()?;
        if self.passed.load(Ordering::Relaxed) || self.run(known_answers) {
            return Ok(());
        }
        Err(Error::SelfTest)
    }

    /// Runs the test, whether or not it has run, and says whether the answers were right.
    #[cold]
    pub fn run(&self, known_answers: impl FnOnce() -> bool) -> bool {
        let right = known_answers();
        #[cfg(feature = "fault-injection")]
        let right = right && !crate::fault::in_self_test(self.name);
        if !right {
            fail();
        }
        self.passed.store(right, Ordering::Relaxed);
        right
    }
}

/// Lets work pass that relies on no primitive of ours.
///
/// # Errors
/// [`Error::SelfTest`] if a self-test has failed in this process.
pub fn healthy() -> Result<(), Error> {
    if FAILED.load(Ordering::Relaxed) { Err(Error::SelfTest) } else { Ok(()) }
}

/// The bytes that `2 * LENGTH` hexadecimal digits stand for.
///
/// # Panics
/// If there are not so many, or others are among them: a known answer is a constant of this crate.
#[must_use]
pub const fn bytes<const LENGTH: usize>(digits: &str) -> [u8; LENGTH] {
    let digits = digits.as_bytes();
    assert!(digits.len() == 2 * LENGTH, "two digits for a byte");
    let mut bytes = [0; LENGTH];
    let mut i = 0;
    while i < digits.len() {
        let digit = (digits[i] as char).to_digit(16).expect("a hexadecimal digit");
        bytes[i / 2] = bytes[i / 2] << 4 | digit as u8;
        i += 1;
    }
    bytes
}

/// Puts the process into the state that a failed self-test leaves: for tests of what becomes of it.
#[doc(hidden)]
pub fn fail() {
    FAILED.store(true, Ordering::Relaxed);
}
