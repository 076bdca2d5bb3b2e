//! Elliptic-curve pairs, and the encoding of every pair, read by libraries that share no code with
//! what wrote them.

mod common;

use common::Scripted;
use num_bigint::BigUint;
use p256::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding,
};
use pairsmith_core::ec::{self, EcKeyPair};
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::error::Error;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::OsRandom;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec, RsaSize};

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
    let n = common::big_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
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

fn encoded(spec: KeyPairSpec) -> EncodedPair {
    generate::key_pair(spec, Effort::of(Engine::best()), &mut OsRandom::buffered(), &Never)
        .expect("a pair")
}

/// Another library reads both halves in DER, finds them to belong together, writes both to the same
/// bytes, and writes the same PEM.
fn assert_read<S, P>(pair: EncodedPair, public_of: impl Fn(&S) -> P)
where
    S: DecodePrivateKey + EncodePrivateKey,
    P: DecodePublicKey + EncodePublicKey + PartialEq + std::fmt::Debug,
{
    let secret = S::from_pkcs8_der(pair.private_key.expose()).expect("a private key");
    let public = P::from_public_key_der(&pair.public_key).expect("a public key");
    assert_eq!(public_of(&secret), public);
    let written = secret.to_pkcs8_der().expect("encodes");
    assert!(written.as_bytes() == pair.private_key.expose(), "the private key, written again");
    let written = public.to_public_key_der().expect("encodes");
    assert_eq!(written.as_bytes(), pair.public_key);

    let (private_pem, public_pem) = pair.into_format(KeyFormat::Pem).expect("encodes");
    let written = secret.to_pkcs8_pem(LineEnding::LF).expect("encodes");
    assert!(written.as_bytes() == private_pem.expose(), "the private key in PEM");
    let written = public.to_public_key_pem(LineEnding::LF).expect("encodes");
    assert_eq!(written.as_bytes(), public_pem);
    assert_pem(private_pem.expose(), "PRIVATE KEY");
    assert_pem(&public_pem, "PUBLIC KEY");
}

/// RFC 7468 in its strict form: 64 columns, LF, a final newline, nothing before or after.
fn assert_pem(text: &[u8], label: &str) {
    let text = std::str::from_utf8(text).expect("ASCII");
    let body = text
        .strip_prefix(&format!("-----BEGIN {label}-----\n"))
        .and_then(|rest| rest.strip_suffix(&format!("\n-----END {label}-----\n")))
        .expect("the label, each on a line of its own");
    let lines: Vec<&str> = body.split('\n').collect();
    let (last, full) = lines.split_last().expect("a line");
    assert!(full.iter().all(|line| line.len() == 64), "full lines");
    assert!((1..=64).contains(&last.len()), "a last line");
    assert!(!text.contains('\r'));
}

/// What is encoded is what the `p256`, `k256` and `rsa` crates read and write, byte for byte.
#[test]
fn other_libraries_read_every_pair() {
    for _ in 0..20 {
        let spec = KeyPairSpec::Ec(Curve::P256);
        assert_read::<p256::SecretKey, _>(encoded(spec), p256::SecretKey::public_key);
        let spec = KeyPairSpec::Ec(Curve::P256K);
        assert_read::<k256::SecretKey, _>(encoded(spec), k256::SecretKey::public_key);
    }
    for size in RsaSize::ALL {
        let pair = encoded(KeyPairSpec::Rsa(size));
        assert_read::<rsa::PrivateKey, _>(pair, rsa::PrivateKey::to_public_key);
    }
}

/// Small numbers and leading zeros are encoded as DER wants them: scalars and coordinates keep
/// their 32 bytes.
#[test]
fn leading_zeros_are_kept() {
    for scalar in [1u32, 255, 65537] {
        let mut source = Scripted::numbers(32, [&BigUint::from(scalar)]);
        let pair = ec::generate(Curve::P256K, Engine::best(), &mut source).expect("a pair");
        let pair = EncodedPair::from_ec(&pair).expect("encodes");
        assert_read::<k256::SecretKey, _>(pair, k256::SecretKey::public_key);
    }
}
