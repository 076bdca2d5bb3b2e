//! Published points and signatures: of P-256 those of RFC 6979, A.2.5; of secp256k1 some that OpenSSL
//! confirms.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::signatures::verifies;
use crate::error::Error;
use crate::lanes::{Engine, POINT_LENGTH, SCALAR_LENGTH};
use crate::self_test::{SelfTest, bytes};
use crate::spec::Curve;

static P256: [SelfTest; Engine::ALL.len()] = [const { SelfTest::new("P-256") }; Engine::ALL.len()];
static P256K: [SelfTest; Engine::ALL.len()] =
    [const { SelfTest::new("secp256k1") }; Engine::ALL.len()];
static P256_SIGNATURES: SelfTest = SelfTest::new("P-256 signatures");
static P256K_SIGNATURES: SelfTest = SelfTest::new("secp256k1 signatures");

/// A scalar d, its point d·G, and d's signature of "sample" with SHA-256: r and s.
struct Known {
    scalar: [u8; SCALAR_LENGTH],
    point: [u8; POINT_LENGTH],
    signature: [u8; 2 * SCALAR_LENGTH],
}

static KNOWN_P256: Known = Known {
    scalar: bytes("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
    point: bytes(
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
         7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    ),
    signature: bytes(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
         f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
};

static KNOWN_P256K: Known = Known {
    scalar: bytes("aa5e28d6a97a2479a65527f7290311a3624d4cc0fa1578598ee3c2613bf99522"),
    point: bytes(
        "0434f9460f0e4f08393d192b3c5133a6ba099aa0ad9fd54ebccfacdfa239ff49c6\
         0b71ea9bd730fd8923f6d25a7a91e7dd7728a960686cb5a901bb419e0f2ca232",
    ),
    signature: bytes(
        "5867577a1bef0372facb0820158fd747e2e2118aae4237c6c5923e5fb4b510cb\
         12405a8091dec331abb6befa886e7c0e552879e2655eda58da32710b9de779c1",
    ),
};

/// The test of a curve's points by an engine.
pub(crate) fn self_test(curve: Curve, engine: Engine) -> &'static SelfTest {
    match curve {
        Curve::P256 => &P256[engine as usize],
        Curve::P256K => &P256K[engine as usize],
    }
}

/// The test of a curve's signatures.
pub(crate) fn signature_self_test(curve: Curve) -> &'static SelfTest {
    match curve {
        Curve::P256 => &P256_SIGNATURES,
        Curve::P256K => &P256K_SIGNATURES,
    }
}

/// Passes the test of a curve's points.
///
/// # Errors
/// [`Error::SelfTest`] if it or any other fails.
pub(crate) fn before_use(curve: Curve, engine: Engine) -> Result<(), Error> {
    self_test(curve, engine).before_use(|| are_right(curve, engine))
}

/// Passes the test of a curve's signatures.
///
/// # Errors
/// As [`before_use`].
pub(crate) fn signatures_before_use(curve: Curve) -> Result<(), Error> {
    signature_self_test(curve).before_use(|| signatures_are_right(curve))
}

/// Whether the curve gives the known scalar's point, by everyone who may be asked for one.
pub(crate) fn are_right(curve: Curve, engine: Engine) -> bool {
    let known = known(curve);
    let points = engine.base_multiples(curve, &[known.scalar]);
    let by_ring = || curve != Curve::P256 || engine == Engine::Avx512 || ring_is_right(known);
    points.is_ok_and(|points| points == [known.point]) && by_ring()
}

/// ring multiplies and compares; with a point that is another scalar's it must refuse.
fn ring_is_right(known: &Known) -> bool {
    let mut other = known.scalar;
    other[SCALAR_LENGTH - 1] ^= 1;
    let fits = |scalar: &[u8]| {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, &known.point, &random)
            .is_ok()
    };
    fits(&known.scalar) && !fits(&other)
}

/// Whether the known signature verifies, and not for another message.
pub(crate) fn signatures_are_right(curve: Curve) -> bool {
    let known = known(curve);
    let verifies = |message: &[u8]| verifies(curve, &known.point, message, &known.signature);
    verifies(b"sample") && !verifies(b"simple")
}

fn known(curve: Curve) -> &'static Known {
    match curve {
        Curve::P256 => &KNOWN_P256,
        Curve::P256K => &KNOWN_P256K,
    }
}
