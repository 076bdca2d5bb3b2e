//! Elliptic-curve pairs: scalars in range, and the points that belong to them.

use num_bigint::BigUint;
use pairsmith_core::ec::{self, EcKeyPair};
use pairsmith_core::error::Error;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::OsRandom;
use pairsmith_core::spec::Curve;
use pairsmith_tests::{Scripted, big_hex};

fn ec_pair(curve: Curve) -> EcKeyPair {
    ec::generate(curve, Engine::best(), &mut OsRandom::unbuffered()).expect("a pair")
}

/// Scalars are in 1 ..= n − 1 and no two are the same; the public point is the scalar times the
/// base point, by the arithmetic of the curve's crate.
#[test]
fn points_belong_to_their_scalars() {
    let mut scalars = std::collections::HashSet::new();
    for _ in 0..200 {
        let pair = ec_pair(Curve::P256);
        let secret = p256::SecretKey::from_slice(pair.scalar.expose()).expect("in range");
        assert_eq!(p256::PublicKey::from_sec1_bytes(&pair.point), Ok(secret.public_key()));
        assert!(scalars.insert(pair.scalar.expose().to_vec()));

        let pair = ec_pair(Curve::P256K);
        let secret = k256::SecretKey::from_slice(pair.scalar.expose()).expect("in range");
        assert_eq!(k256::PublicKey::from_sec1_bytes(&pair.point), Ok(secret.public_key()));
        assert!(scalars.insert(pair.scalar.expose().to_vec()));
    }
}

/// A draw of 0, n or more is drawn again, and n − 1 and 1 are taken (FIPS 186-5 A.2.2).
#[test]
fn scalars_out_of_range_are_drawn_again() {
    let n = big_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let (one, all_ones) = (BigUint::from(1u8), (BigUint::from(1u8) << 256u32) - 1u8);
    for good in [one.clone(), &n - 1u8] {
        let draws = [&BigUint::ZERO, &n, &(&n + 1u8), &all_ones, &good, &one];
        let mut source = Scripted::numbers(32, draws);
        let pair = ec::generate(Curve::P256K, Engine::best(), &mut source).expect("a pair");
        assert_eq!(BigUint::from_bytes_be(pair.scalar.expose()), good);
        assert_eq!(source.0.len(), 1, "nothing more was drawn");
    }
    let outcome =
        ec::generate(Curve::P256K, Engine::best(), &mut Scripted::numbers(32, [&BigUint::ZERO]));
    assert_eq!(outcome.err(), Some(Error::Random));
}
