//! Whatever a process makes or examines once, made before work goes where a fork may cut it off.
//!
//! The rule for a caller: [`pair`] (or [`sealing`], [`opening`], [`everything`]) first, with whatever
//! keeps others from forking still in hand; then the work, on any thread. The Python border holds the interpreter,
//! which `os.fork` must hold, too; an interpreter without a global lock (3.13t and later) stops every
//! attached thread before it forks, and waits for those that are at work in here. So no child is born
//! in the middle of a preparation, and after it there is nothing left that a lock guards: self-tests
//! have none, searches and pools have locks of their own that no child touches.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::aead;
use crate::drawn;
use crate::ec;
use crate::error::Error;
use crate::lanes::{Engine, crate_is_ready};
use crate::once::while_preparing;
use crate::primes;
use crate::primes::trial_division::TrialDivision;
use crate::random::{OsRandom, RandomSource};
use crate::root_key;
use crate::rsa;
use crate::seal;
use crate::self_test::healthy;
use crate::spec::{Curve, DrawnKind, KeyPairSpec, RsaSize};

/// That what comes now was prepared. Whoever lets others fork asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Prepared(());

const SPECS: usize = KeyPairSpec::ALL.len();
static PAIRS: [[AtomicBool; SPECS]; Engine::ALL.len()] =
    [const { [const { AtomicBool::new(false) }; SPECS] }; Engine::ALL.len()];
static SEALING: AtomicBool = AtomicBool::new(false);

/// For pairs of a kind by an engine, from the first draw to the sealed blob.
///
/// # Errors
/// [`Error::SelfTest`] and [`Error::Random`]; the work would say the same.
pub fn pair(spec: KeyPairSpec, engine: Engine) -> Result<Prepared, Error> {
    once(&PAIRS[engine as usize][spec.place()], || {
        sealing()?;
        // Tables before self-tests: one that fails must leave none to be made.
        match spec {
            KeyPairSpec::Rsa(size) => {
                let limbs = size.prime_bits() / 64;
                TrialDivision::for_limbs(limbs).prepare(engine);
                primes::known_answers::before_use(engine, limbs)?;
                rsa::known_answers::before_use(engine)
            }
            KeyPairSpec::Ec(curve) => {
                engine.prepare_curve(curve)?;
                ec::known_answers::before_use(curve, engine)?;
                ec::known_answers::signatures_before_use(curve)
            }
            KeyPairSpec::Drawn(kind) => {
                drawn::prepare(kind)?;
                drawn::known_answers::before_use(kind)?;
                drawn::known_answers::pairwise_before_use(kind)
            }
        }
    })
}

/// For sealing and opening, and for key versions at rest.
///
/// # Errors
/// As [`pair`].
pub fn sealing() -> Result<Prepared, Error> {
    once(&SEALING, || {
        // Where the system has no `getrandom` a file is opened at the first draw, under a lock.
        OsRandom::unbuffered().fill(&mut [0])?;
        root_key::SELF_TEST.before_use(root_key::known_answer_is_right)?;
        seal::SELF_TEST.before_use(seal::known_answers_are_right)?;
        aead::SELF_TEST.before_use(aead::known_answers_are_right)
    })
}

/// For opening a pair of a kind by an engine: its halves are held against each other.
///
/// # Errors
/// As [`pair`].
pub fn opening(spec: KeyPairSpec, engine: Engine) -> Result<Prepared, Error> {
    while_preparing(|| {
        sealing()?;
        match spec {
            KeyPairSpec::Rsa(size) => {
                primes::known_answers::before_use(engine, size.prime_bits() / 64)?;
                rsa::known_answers::before_use(engine)
            }
            KeyPairSpec::Ec(curve) => {
                crate_is_ready(curve)?;
                ec::known_answers::signatures_before_use(curve)
            }
            KeyPairSpec::Drawn(kind) => {
                drawn::prepare(kind)?;
                drawn::known_answers::before_use(kind)
            }
        }
    })?;
    Ok(Prepared(()))
}

/// For whatever an engine does. A self-test that fails is no error here: whoever runs them all wants
/// to be told of each.
#[must_use]
pub fn everything(engine: Engine) -> Prepared {
    while_preparing(|| {
        for size in RsaSize::ALL {
            TrialDivision::for_limbs(size.prime_bits() / 64).prepare(engine);
        }
        for curve in Curve::ALL {
            // Comes up again when the curve is used.
            let _ = engine.prepare_curve(curve);
        }
        for kind in DrawnKind::ALL {
            let _ = drawn::prepare(kind);
        }
    });
    Prepared(())
}

/// For work that only waits, or moves what is there.
#[must_use]
pub const fn nothing() -> Prepared {
    Prepared(())
}

fn once(
    ready: &AtomicBool,
    prepare: impl FnOnce() -> Result<(), Error>,
) -> Result<Prepared, Error> {
    healthy()?;
    if !ready.load(Ordering::Acquire) {
        while_preparing(prepare)?;
        ready.store(true, Ordering::Release);
    }
    Ok(Prepared(()))
}
