//! Two primes become an RSA key (FIPS 186-5 A.1.1 and A.1.3, C2SP det-keygen), and the gate of checks
//! that every key passes.

pub(crate) mod known_answers;
mod numbers;
mod reader;
mod signature;

pub use numbers::{PUBLIC_EXPONENT, RsaKeyPair};

use crate::error::Error;
use crate::lanes::Engine;
use crate::natural::Natural;
use crate::primes;
use crate::spec::RsaSize;

/// The key of two primes that an engine found (det-keygen, steps 19–24); `None` where they say to discard both, with odds
/// of 2^-15.
///
/// # Errors
/// [`Error::Consistency`] if a bound is missed that only a fault can miss; [`Error::SelfTest`].
pub fn assemble(engine: Engine, p: &Natural, q: &Natural) -> Result<Option<RsaKeyPair>, Error> {
    known_answers::before_use(engine)?;
    numbers::assembled(p, q)
}

/// Signs with the one half and verifies with the other, both as they will leave (FIPS 140-3 IG
/// 10.3.A).
///
/// Each step is other people's or another way than the key came: the `rsa` crate reads and validates
/// what was encoded; the engine, or ring where the engine has no vectors for it, signs with the numbers
/// that were read; ring verifies by the public half. If p or q were composite, or any component but d
/// wrong, the signature would not verify; and d is held against p and q.
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong; [`Error::SelfTest`].
pub fn pairwise_consistency_test(engine: Engine, pkcs8: &[u8], spki: &[u8]) -> Result<(), Error> {
    pairwise_consistency_tests(engine, &[(pkcs8, spki)])
}

/// As [`pairwise_consistency_test`], for several pairs of one size, which share lanes.
///
/// # Errors
/// [`Error::Consistency`] if anything at all is wrong with any; [`Error::SelfTest`].
pub(crate) fn pairwise_consistency_tests(
    engine: Engine,
    pairs: &[(&[u8], &[u8])],
) -> Result<(), Error> {
    known_answers::before_use(engine)?;
    let keys = pairs.iter().map(|(pkcs8, _)| Ok((*pkcs8, reader::read(pkcs8)?)));
    let keys = keys.collect::<Result<Vec<_>, Error>>()?;
    for (_, key) in &keys {
        primes::known_answers::before_use(engine, key.p.limbs().len())?;
    }
    let signatures = signature::of_each(engine, &keys)?;
    pairs
        .iter()
        .zip(signatures)
        .try_for_each(|((pkcs8, spki), signature)| signature::verify(pkcs8, spki, &signature))
}

/// Refuses a public half whose modulus has another size.
///
/// # Errors
/// [`Error::Consistency`] for such a one, and for what cannot be read.
pub(crate) fn require_size(size: RsaSize, spki: &[u8]) -> Result<(), Error> {
    let read = || {
        let public = pkcs8::spki::SubjectPublicKeyInfoRef::try_from(spki).ok()?;
        let key = pkcs1::RsaPublicKeyRef::try_from(public.subject_public_key.as_bytes()?).ok()?;
        let [first, ..] = key.modulus.as_bytes() else { return None };
        Some(8 * key.modulus.as_bytes().len() - first.leading_zeros() as usize)
    };
    if read() == Some(size.modulus_bits()) { Ok(()) } else { Err(Error::Consistency) }
}
