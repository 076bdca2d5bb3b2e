//! C2SP det-keygen: published seeds and the keys that FIPS 186-5 A.1.3 makes of them.

mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pairsmith_core::error::Error;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::HmacDrbg;
use pairsmith_core::seeded;
use pairsmith_core::spec::{Curve, KeyPairSpec, RsaSize};

/// Every published RSA case of our sizes comes out byte for byte, on every engine of this machine and
/// on any number of threads, through the path that production uses with another random source.
#[test]
fn published_rsa_keys_come_out_byte_for_byte() {
    let Some(cases) = common::vectors_json("det-keygen/rsa.json") else { return };
    let cases = cases.as_array().expect("a list of cases");
    for engine in Engine::ALL.into_iter().filter(|engine| engine.available()) {
        for threads in 1..=3 {
            let effort = Effort { threads, ..Effort::of(engine) };
            let matched = cases.iter().filter_map(|case| check(effort, case)).count();
            assert_eq!(matched, 18, "with {effort:?}");
        }
    }
}

/// `None` for a size that Pairsmith does not make.
fn check(effort: Effort, case: &serde_json::Value) -> Option<()> {
    let bits = case["bits"].as_u64()?;
    let size = RsaSize::ALL.into_iter().find(|size| size.modulus_bits() as u64 == bits)?;
    let seed = decode(&case["seed"]);
    let personalization =
        [b"det RSA key gen".as_slice(), &u16::try_from(bits).ok()?.to_be_bytes()].concat();
    let mut drbg = HmacDrbg::new(&seed, &personalization);
    let pair = generate::key_pair(KeyPairSpec::Rsa(size), effort, &mut drbg, &Never)
        .expect("a key from the seed");
    let same = pair.private_key.expose() == decode(&case["private_key_pkcs8"]);
    assert!(same, "seed {} at {bits} bits with {effort:?}", case["seed"]);
    Some(())
}

/// Every published P-256 case comes out byte for byte, on every engine; among them the one whose first
/// draw is out of range.
#[test]
fn published_p256_keys_come_out_byte_for_byte() {
    let Some(cases) = common::vectors_json("det-keygen/ecdsa.json") else { return };
    let cases = cases.as_array().expect("a list of cases");
    let cases: Vec<_> = cases.iter().filter(|case| case["curve"] == "secp256r1").collect();
    assert_eq!(cases.len(), 6);
    for engine in Engine::ALL.into_iter().filter(|engine| engine.available()) {
        for case in &cases {
            let pair = pair_of(KeyPairSpec::Ec(Curve::P256), engine, &decode(&case["seed"]));
            let same = pair == decode(&case["private_key_pkcs8"]);
            assert!(same, "seed {} with {engine:?}", case["seed"]);
        }
    }
}

/// The seeded path makes of the smallest size what the published list says, so its personalization is
/// the published one.
#[test]
fn the_seeded_path_is_that_of_the_published_rsa_keys() {
    let Some(cases) = common::vectors_json("det-keygen/rsa.json") else { return };
    let case = cases.as_array().expect("a list").iter().find(|case| case["bits"] == 2048);
    let case = case.expect("a case of 2048 bits");
    let spec = KeyPairSpec::Rsa(RsaSize::Bits2048);
    let pair = pair_of(spec, Engine::best(), &decode(&case["seed"]));
    assert!(pair == decode(&case["private_key_pkcs8"]), "seed {}", case["seed"]);
}

/// On secp256k1, the extension, the scalar is the first output of an `HMAC_DRBG` of that name, and
/// not the one of P-256.
#[test]
fn secp256k1_draws_under_a_name_of_its_own() {
    let seed = [7; 32];
    let mut drbg = HmacDrbg::new(&seed, b"det ECDSA key gen secp256k1");
    let mut scalar = [0; 32];
    pairsmith_core::random::RandomSource::fill(&mut drbg, &mut scalar).expect("never fails");
    let contains = |curve| {
        let pair = pair_of(KeyPairSpec::Ec(curve), Engine::best(), &seed);
        pair.windows(32).any(|window| window == scalar)
    };
    assert!(contains(Curve::P256K));
    assert!(!contains(Curve::P256));
}

/// A seed below 128 bits is refused.
#[test]
fn short_seeds_are_refused() {
    let effort = Effort::of(Engine::best());
    let made = |seed: &[u8]| seeded::key_pair(KeyPairSpec::Ec(Curve::P256), effort, seed, &Never);
    assert_eq!(made(&[7; 15]).err(), Some(Error::InvalidLength));
    assert!(made(&[7; 16]).is_ok());
}

fn pair_of(spec: KeyPairSpec, engine: Engine, seed: &[u8]) -> Vec<u8> {
    let pair = seeded::key_pair(spec, Effort::of(engine), seed, &Never).expect("a pair");
    pair.private_key.expose().to_vec()
}

fn decode(value: &serde_json::Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().expect("a string")).expect("Base64")
}
