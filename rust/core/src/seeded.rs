//! Pairs that a seed determines, by C2SP det-keygen: for tests of what uses pairs. Whoever knows the
//! seed knows the pair.

use crate::encode::EncodedPair;
use crate::error::Error;
use crate::generate::{self, DataKeyPair, Effort, Request};
use crate::interrupt::Interrupt;
use crate::random::HmacDrbg;
use crate::spec::{Curve, KeyPairSpec};
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
    let mut candidates = HmacDrbg::new(seed, &personalization(spec));
    generate::key_pair(spec, effort, &mut candidates, interrupt)
}

/// det-keygen has no secp256k1; it is treated as P-256, under a name of its own.
fn personalization(spec: KeyPairSpec) -> Vec<u8> {
    match spec {
        KeyPairSpec::Rsa(size) => {
            let [.., high, low] = size.modulus_bits().to_be_bytes();
            [b"det RSA key gen".as_slice(), &[high, low]].concat()
        }
        KeyPairSpec::Ec(Curve::P256) => b"det ECDSA key gen P-256".to_vec(),
        KeyPairSpec::Ec(Curve::P256K) => b"det ECDSA key gen secp256k1".to_vec(),
    }
}
