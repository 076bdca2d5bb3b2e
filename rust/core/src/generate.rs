//! A data key pair from end to end: generate, encode, wrap.

use crate::ec;
use crate::encode::EncodedPair;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::lanes::Engine;
use crate::random::{OsRandom, RandomSource};
use crate::rsa;
use crate::secret::SecretBytes;
use crate::spec::{KeyFormat, KeyPairSpec};
use crate::wrap::{IV_LENGTH, Layout, Sealed, WrappingKey};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The kind of pair.
    pub spec: KeyPairSpec,
    /// The encoding of both halves.
    pub format: KeyFormat,
    /// Bound to the blob; needed again to open it.
    pub aad: &'a [u8],
    /// The layout of the blob.
    pub layout: Layout,
    /// Whether the caller wants the private key itself beside the blob.
    pub with_plaintext: bool,
}

/// A data key pair whose private half is wrapped.
pub struct DataKeyPair {
    /// `SubjectPublicKeyInfo` in the format asked for.
    pub public_key: Vec<u8>,
    /// The nonce, needed to open a plain blob.
    pub iv: [u8; IV_LENGTH],
    /// The wrapped private key.
    pub blob: Vec<u8>,
    /// PKCS#8 in the format asked for; only if it was asked for.
    pub private_key: Option<SecretBytes>,
}

/// Generates a pair from the operating system's randomness and wraps its private half.
///
/// # Errors
/// [`Error::Random`], [`Error::Interrupted`], and for faults [`Error::Consistency`] and
/// [`Error::Encoding`].
pub fn data_key_pair(
    key: &WrappingKey,
    request: &Request<'_>,
    engine: Engine,
    interrupt: &dyn Interrupt,
) -> Result<DataKeyPair, Error> {
    let pair = key_pair(request.spec, engine, &mut OsRandom::buffered(), interrupt)?;
    let (private_key, public_key) = pair.into_format(request.format)?;
    let Sealed { iv, blob } =
        key.seal(private_key.expose(), request.aad, request.layout, &mut OsRandom::unbuffered())?;
    let private_key = request.with_plaintext.then_some(private_key);
    Ok(DataKeyPair { public_key, iv, blob, private_key })
}

/// Generates a pair whose RSA candidates come from `candidates`, and lets it through the gate.
///
/// # Errors
/// As [`data_key_pair`].
pub fn key_pair(
    spec: KeyPairSpec,
    engine: Engine,
    candidates: &mut impl RandomSource,
    interrupt: &dyn Interrupt,
) -> Result<EncodedPair, Error> {
    match spec {
        KeyPairSpec::Rsa(size) => {
            let mut bases = OsRandom::buffered();
            let key = rsa::generate(size, engine, candidates, &mut bases, interrupt)?;
            let pair = EncodedPair::from_rsa(&key)?;
            rsa::pairwise_consistency_test(pair.private_key.expose())?;
            Ok(pair)
        }
        KeyPairSpec::Ec(curve) => EncodedPair::from_ec(&ec::generate(curve, candidates)?),
    }
}

/// A symmetric data key: random bytes and their blob.
///
/// # Errors
/// [`Error::Random`] if there was no randomness.
pub fn data_key(
    key: &WrappingKey,
    length: usize,
    aad: &[u8],
    layout: Layout,
) -> Result<(SecretBytes, Sealed), Error> {
    let mut random = OsRandom::unbuffered();
    let mut plaintext = SecretBytes::zero(length);
    random.fill(plaintext.expose_mut())?;
    let sealed = key.seal(plaintext.expose(), aad, layout, &mut random)?;
    Ok((plaintext, sealed))
}
