//! Pairs that a seed determines, by C2SP det-keygen: for tests of what uses pairs. Whoever knows the
//! seed knows the pair.
//!
//! det-keygen has RSA, P-256, P-384 and P-521. secp256k1 is treated as P-256, under a name of its own. For the
//! others the private key is the first output of the same `HMAC_DRBG`, which is asked for all of it at
//! once, under the personalization string that the table of kinds has.

use crate::encode::EncodedPair;
use crate::error::Error;
use crate::generate::{self, DataKeyPair, Effort, Request};
use crate::interrupt::Interrupt;
use crate::random::HmacDrbg;
use crate::spec::KeyPairSpec;
use crate::wrap::{self, WrappingKey};

/// The shortest seed that det-keygen takes, in bytes.
pub const MIN_SEED_LENGTH: usize = 16;

/// As [`generate::data_key_pair`], of the pair that `seed` determines. Iv and salt stay random: under
/// one key the same pair is wrapped in another blob each time.
///
/// # Errors
/// As there, and [`Error::InvalidLength`] for a seed below [`MIN_SEED_LENGTH`].
pub fn data_key_pair(
    key: &WrappingKey,
    request: &Request<'_>,
    effort: Effort,
    seed: &[u8],
    interrupt: &dyn Interrupt,
) -> Result<DataKeyPair, Error> {
    let pair = key_pair(request.spec, effort, seed, interrupt)?;
    generate::wrapped(key, request, pair, &mut wrap::randomness())
}

/// The pair of a seed; it passes the same gate as every other.
///
/// # Errors
/// As [`data_key_pair`].
pub fn key_pair(
    spec: KeyPairSpec,
    effort: Effort,
    seed: &[u8],
    interrupt: &dyn Interrupt,
) -> Result<EncodedPair, Error> {
    if seed.len() < MIN_SEED_LENGTH {
        return Err(Error::InvalidLength);
    }
    let mut candidates = HmacDrbg::new(seed, spec.kind().personalization);
    generate::key_pair(spec, effort, &mut candidates, interrupt)
}
