//! C2SP det-keygen: published seeds and the keys that FIPS 186-5 A.1.3 makes of them.

mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::HmacDrbg;
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

/// Every published P-256 case comes out byte for byte, on every engine of this machine.
#[test]
fn published_p256_keys_come_out_byte_for_byte() {
    let Some(cases) = common::vectors_json("det-keygen/ecdsa.json") else { return };
    let cases = cases.as_array().expect("a list of cases");
    for engine in Engine::ALL.into_iter().filter(|engine| engine.available()) {
        let ours = cases.iter().filter(|case| case["curve"] == "secp256r1");
        let matched = ours.map(|case| {
            let mut drbg = HmacDrbg::new(&decode(&case["seed"]), b"det ECDSA key gen P-256");
            let spec = KeyPairSpec::Ec(Curve::P256);
            let pair = generate::key_pair(spec, Effort::of(engine), &mut drbg, &Never);
            let pair = pair.expect("a key from the seed");
            let same = pair.private_key.expose() == decode(&case["private_key_pkcs8"]);
            assert!(same, "seed {} with {engine:?}", case["seed"]);
        });
        assert_eq!(matched.count(), 6);
    }
}

fn decode(value: &serde_json::Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().expect("a string")).expect("Base64")
}
