//! The encoding of every pair, read by libraries that share no code with what wrote it.

use num_bigint::BigUint;
use p256::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding,
};
use pairsmith_core::ec;
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::OsRandom;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_tests::Scripted;

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

/// PEM of documents of every length over several lines, of every byte, is what `pem-rfc7468` writes.
#[test]
fn pem_is_that_of_the_library() {
    let written = |label, der: &[u8]| {
        let text = pem_rfc7468::encode_string(label, LineEnding::LF, der);
        text.expect("encodes").into_bytes()
    };
    for count in 1..400u32 {
        for step in [1, 7, 255u8] {
            let der: Vec<u8> =
                (0..count).map(|i| step.wrapping_mul(i as u8).wrapping_add(count as u8)).collect();
            let pair =
                EncodedPair { private_key: SecretBytes::copy_of(&der), public_key: der.clone() };
            let (private, public) = pair.into_format(KeyFormat::Pem).expect("encodes");
            assert_eq!(public, written("PUBLIC KEY", &der), "{count} bytes");
            assert!(private.expose() == written("PRIVATE KEY", &der), "{count} bytes");
        }
    }
}
