//! d·G for a d whose point is published: RFC 6979, A.2.5, for P-256, and a point of secp256k1 that
//! OpenSSL confirms.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::{POINT_LENGTH, SCALAR_LENGTH, p256k_point};
use crate::error::Error;
use crate::self_test::{SelfTest, bytes};
use crate::spec::Curve;

static P256: SelfTest = SelfTest::new("P-256");
static P256K: SelfTest = SelfTest::new("secp256k1");

/// The test of a curve.
pub(crate) fn self_test(curve: Curve) -> &'static SelfTest {
    match curve {
        Curve::P256 => &P256,
        Curve::P256K => &P256K,
    }
}

/// Passes the test of a curve.
///
/// # Errors
/// [`Error::SelfTest`] if it or any other fails.
pub(crate) fn before_use(curve: Curve) -> Result<(), Error> {
    self_test(curve).before_use(|| are_right(curve))
}

/// Whether the curve gives the known point, and no other.
pub(crate) fn are_right(curve: Curve) -> bool {
    match curve {
        Curve::P256 => p256_is_right(),
        Curve::P256K => p256k_is_right(),
    }
}

/// ring multiplies and compares; of two points that both are on the curve it must refuse the other.
fn p256_is_right() -> bool {
    const D: [u8; SCALAR_LENGTH] =
        bytes("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    const Q: [u8; POINT_LENGTH] = bytes(
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
         7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    );
    let mut other = D;
    other[SCALAR_LENGTH - 1] ^= 1;
    let is_point_of = |scalar: &[u8]| {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, &Q, &random).is_ok()
    };
    is_point_of(&D) && !is_point_of(&other)
}

fn p256k_is_right() -> bool {
    const D: [u8; SCALAR_LENGTH] =
        bytes("aa5e28d6a97a2479a65527f7290311a3624d4cc0fa1578598ee3c2613bf99522");
    const Q: [u8; POINT_LENGTH] = bytes(
        "0434f9460f0e4f08393d192b3c5133a6ba099aa0ad9fd54ebccfacdfa239ff49c6\
         0b71ea9bd730fd8923f6d25a7a91e7dd7728a960686cb5a901bb419e0f2ca232",
    );
    p256k_point(&D) == Some(Q)
}
