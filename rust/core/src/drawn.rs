//! Pairs whose private key is one short draw: a scalar, or the seed of a lattice key.
//!
//! Each kind brings its arithmetic, which is a library's, and the bytes around its keys; drawing, known
//! answers and checks are the same for all.

mod arithmetic;
mod curve25519;
mod frame;
pub(crate) mod known_answers;
mod ml_dsa;
mod ml_kem;
mod nist_curves;

use arithmetic::Arithmetic;
pub(crate) use frame::Frame;

use crate::error::Error;
#[cfg(feature = "fault-injection")]
use crate::fault::{self, Place};
use crate::random::{OsRandom, RandomSource};
use crate::secret::{SecretBytes, equal};
use crate::spec::kind::Checked;
use crate::spec::{DrawnKind, KeyPairSpec};
use crate::stack;

/// A private key with its public key, each in the bytes of its standard.
pub struct DrawnPair {
    /// The kind of both.
    pub kind: DrawnKind,
    /// The scalar, big-endian on curves of NIST and little-endian on the others, or the seed.
    pub secret: SecretBytes,
    /// The uncompressed point, or the public key as its standard encodes it.
    pub public: Vec<u8>,
}

/// Who computes for a kind.
fn arithmetic(kind: DrawnKind) -> &'static dyn Arithmetic {
    match kind {
        DrawnKind::P384 => &nist_curves::P384,
        DrawnKind::P521 => &nist_curves::P521,
        DrawnKind::Ed25519 => &curve25519::Ed25519,
        DrawnKind::X25519 => &curve25519::X25519,
        DrawnKind::MlKem512 => &ml_kem::MlKem512,
        DrawnKind::MlKem768 => &ml_kem::MlKem768,
        DrawnKind::MlKem1024 => &ml_kem::MlKem1024,
        DrawnKind::MlDsa44 => &ml_dsa::MlDsa44,
        DrawnKind::MlDsa65 => &ml_dsa::MlDsa65,
        DrawnKind::MlDsa87 => &ml_dsa::MlDsa87,
    }
}

/// What stands around the keys in the documents of a kind.
pub(crate) fn frame(kind: DrawnKind) -> &'static Frame {
    arithmetic(kind).frame()
}

/// The public key in a `SubjectPublicKeyInfo` as we write it; `None` for any other document.
pub(crate) fn public_number(kind: DrawnKind, spki: &[u8]) -> Option<Vec<u8>> {
    let (frame, arithmetic) = (frame(kind), arithmetic(kind));
    let public = spki.strip_prefix(frame.before_public)?;
    let is_ours = public.len() == frame.public_length && arithmetic.is_sound(public);
    is_ours.then(|| public.to_vec())
}

/// Bytes of a private key.
#[must_use]
pub fn secret_length(kind: DrawnKind) -> usize {
    frame(kind).secret_length
}

/// Bytes of a public key.
pub(crate) fn public_length(kind: DrawnKind) -> usize {
    frame(kind).public_length
}

/// Makes whatever tables the libraries of a kind make once, unless they are made.
pub(crate) fn prepare(kind: DrawnKind) -> Result<(), Error> {
    arithmetic(kind).prepare()
}

/// Draws of one private key at most: a scalar is out of range with odds below 2^-190.
const DRAWS: usize = 8;

/// Draws a private key, uniformly among those of the kind, and computes its public key. What `random`
/// gives determines the pair. On the curves of NIST that is FIPS 186-5 A.2.2 and C2SP det-keygen; a seed is
/// taken as it comes (FIPS 203, algorithm 19; FIPS 204, algorithm 1; RFC 8032, 5.1.5), and of X25519 it is
/// brought to the form that RFC 7748, 5, gives scalars.
///
/// # Errors
/// [`Error::Random`] if there was no randomness, [`Error::BrokenRandom`] if it is of no use;
/// [`Error::Consistency`] and [`Error::SelfTest`] after a fault.
pub fn generate(kind: DrawnKind, random: &mut impl RandomSource) -> Result<DrawnPair, Error> {
    known_answers::before_use(kind)?;
    let mut secret = SecretBytes::zero(secret_length(kind));
    for _ in 0..DRAWS {
        random.fill(secret.expose_mut())?;
        arithmetic(kind).shape(secret.expose_mut());
        // That a draw was out of range is no secret, for it is gone.
        if arithmetic(kind).is_private_key(secret.expose()) {
            return computed(kind, secret);
        }
    }
    Err(Error::BrokenRandom)
}

/// The pair of a private key; `None` for what is none.
///
/// # Errors
/// [`Error::InvalidLength`] unless it has the length of the kind; else as [`generate`].
pub fn from_secret(kind: DrawnKind, secret: SecretBytes) -> Result<Option<DrawnPair>, Error> {
    if secret.len() != secret_length(kind) {
        return Err(Error::InvalidLength);
    }
    known_answers::before_use(kind)?;
    if !arithmetic(kind).is_private_key(secret.expose()) {
        return Ok(None);
    }
    computed(kind, secret).map(Some)
}

fn computed(kind: DrawnKind, secret: SecretBytes) -> Result<DrawnPair, Error> {
    let public = arithmetic(kind).public_key(secret.expose()).ok_or(Error::Consistency)?;
    #[cfg(feature = "fault-injection")]
    let public = fault::in_bytes(Place::DrawnPublic, public);
    if !arithmetic(kind).is_sound(&public) {
        return Err(Error::Consistency);
    }
    #[cfg(feature = "fault-injection")]
    let secret = fault::in_secret(Place::DrawnSecret, secret);
    Ok(DrawnPair { kind, secret, public })
}

/// What a finished pair has to pass, and the pairwise test if it is asked for.
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong; [`Error::SelfTest`], [`Error::Random`].
pub(crate) fn check(kind: DrawnKind, pkcs8: &[u8], spki: &[u8], tested: bool) -> Result<(), Error> {
    match KeyPairSpec::Drawn(kind).kind().checked {
        _ if tested => pairwise_consistency_test(kind, pkcs8, spki),
        Checked::Always => pairwise_consistency_test(kind, pkcs8, spki),
        Checked::MadeAgain => require_halves(kind, pkcs8, spki),
        Checked::IfAsked => Ok(()),
    }
}

/// Refuses documents that are not the two halves of one pair, as we write them: the private key
/// determines the public key, which is computed again and compared.
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong; [`Error::SelfTest`].
pub fn require_halves(kind: DrawnKind, pkcs8: &[u8], spki: &[u8]) -> Result<(), Error> {
    known_answers::before_use(kind)?;
    let (secret, public) = frame(kind).split(pkcs8, spki).ok_or(Error::Consistency)?;
    let again = arithmetic(kind).public_key(secret).ok_or(Error::Consistency)?;
    if equal(&again, public) { Ok(()) } else { Err(Error::Consistency) }
}

/// Tries both halves on each other, as they will leave: one signs and the other verifies, one
/// encapsulates and the other decapsulates, or both agree with a fresh peer (FIPS 140-3 IG 10.3.A; for
/// ML-KEM FIPS 203, 7.1).
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong; [`Error::SelfTest`], [`Error::Random`].
pub fn pairwise_consistency_test(kind: DrawnKind, pkcs8: &[u8], spki: &[u8]) -> Result<(), Error> {
    known_answers::pairwise_before_use(kind)?;
    let (secret, public) = frame(kind).split(pkcs8, spki).ok_or(Error::Consistency)?;
    let mut fresh = SecretBytes::zero(32);
    OsRandom::unbuffered().fill(fresh.expose_mut())?;
    let answer = arithmetic(kind).tried_on_each_other(secret, public, fresh.expose());
    if answer.is_some() { Ok(()) } else { Err(Error::Consistency) }
}

/// Runs what handles secrets of a kind, and overwrites the stack that its library used.
pub(crate) fn erased_after<T>(kind: DrawnKind, work: impl FnOnce() -> T) -> T {
    match kind {
        DrawnKind::P384 | DrawnKind::P521 | DrawnKind::Ed25519 | DrawnKind::X25519 => {
            stack::erased_after::<{ stack::DEEP }, _>(work)
        }
        DrawnKind::MlKem512 | DrawnKind::MlKem768 | DrawnKind::MlKem1024 => {
            stack::erased_after::<{ stack::ML_KEM }, _>(work)
        }
        DrawnKind::MlDsa44 | DrawnKind::MlDsa65 | DrawnKind::MlDsa87 => {
            stack::erased_after::<{ stack::ML_DSA }, _>(work)
        }
    }
}
