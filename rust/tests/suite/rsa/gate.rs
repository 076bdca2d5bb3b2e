//! The gate: what is not a sound pair of ours, to the byte, is refused.

use std::ops::Range;

use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::One as _;
use pairsmith_core::encode::EncodedPair;
use pairsmith_core::error::Error;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::OsRandom;
use pairsmith_core::rsa::{self, RsaKeyPair};
use pairsmith_core::spec::RsaSize;
use pairsmith_tests::{base2_pseudoprime, big, natural, prime_from};

use super::{key_of, ordinary_primes};

/// Where a number stands in a document.
fn position(document: &[u8], number: &BigUint) -> Range<usize> {
    let digits = number.to_bytes_be();
    let start = document.windows(digits.len()).position(|window| window == digits);
    let start = start.expect("the number is in the document");
    start..start + digits.len()
}

/// A private key of which any byte of any number was changed is refused.
#[test]
fn every_changed_byte_is_refused() {
    let key = key_of(RsaSize::Bits2048, &mut OsRandom::buffered()).expect("a key");
    let EncodedPair { private_key, public_key } = EncodedPair::from_rsa(&key).expect("encodes");
    let document = private_key.expose();
    assert_eq!(rsa::pairwise_consistency_test(Engine::best(), document, &public_key), Ok(()));
    let numbers = [&key.n, &key.d, &key.p, &key.q, &key.dp, &key.dq, &key.q_inv];
    let mut refused = 0;
    for (name, number) in ["n", "d", "p", "q", "dp", "dq", "q_inv"].into_iter().zip(numbers) {
        for at in position(document, &big(number)) {
            for change in [0x01, 0x02, 0x80] {
                let mut changed = document.to_vec();
                changed[at] ^= change;
                let outcome = rsa::pairwise_consistency_test(Engine::best(), &changed, &public_key);
                assert_eq!(outcome, Err(Error::Consistency), "{name}, byte {at} ^ {change}");
                refused += 1;
            }
        }
    }
    assert!(refused > 3 * 1100, "{refused} changes of the seven numbers");
}

/// A public key of which a bit was changed is refused, and so is that of another pair: what leaves
/// belongs together. One bit of each byte, the other one each time.
#[test]
fn every_changed_byte_of_the_public_key_is_refused() {
    assert_changes_are_refused(|byte| byte % 8..byte % 8 + 1);
}

mod slow {
    /// A public key of which any bit was changed is refused.
    #[test]
    #[ignore = "slow: make test-slow"]
    fn every_changed_bit_of_the_public_key_is_refused() {
        super::assert_changes_are_refused(|_| 0..8);
    }
}

/// Changes the bits of each byte that `bits` says, one after the other.
fn assert_changes_are_refused(bits: impl Fn(usize) -> Range<usize>) {
    let pair_of = || {
        let key = key_of(RsaSize::Bits2048, &mut OsRandom::buffered()).expect("a key");
        EncodedPair::from_rsa(&key).expect("encodes")
    };
    let (pair, other) = (pair_of(), pair_of());
    let private_key = pair.private_key.expose();
    for byte in 0..pair.public_key.len() {
        for bit in bits(byte) {
            let mut changed = pair.public_key.clone();
            changed[byte] ^= 1 << bit;
            let outcome = rsa::pairwise_consistency_test(Engine::best(), private_key, &changed);
            assert_eq!(outcome, Err(Error::Consistency), "byte {byte}, bit {bit}");
        }
    }
    let outcome = rsa::pairwise_consistency_test(Engine::best(), private_key, &other.public_key);
    assert_eq!(outcome, Err(Error::Consistency));
}

/// A document that was cut, prolonged, or is none is refused, without a panic.
#[test]
fn documents_of_other_lengths_are_refused() {
    let key = key_of(RsaSize::Bits2048, &mut OsRandom::buffered()).expect("a key");
    let EncodedPair { private_key, public_key } = EncodedPair::from_rsa(&key).expect("encodes");
    let document = private_key.expose();
    for length in 0..document.len() {
        let outcome =
            rsa::pairwise_consistency_test(Engine::best(), &document[..length], &public_key);
        assert_eq!(outcome, Err(Error::Consistency));
    }
    for length in 0..public_key.len() {
        let outcome =
            rsa::pairwise_consistency_test(Engine::best(), document, &public_key[..length]);
        assert_eq!(outcome, Err(Error::Consistency));
    }
    for (private_end, public_end) in [(&[0][..], &[][..]), (&[], &[0])] {
        let private_key = [document, private_end].concat();
        let public_key = [&public_key, public_end].concat();
        let outcome = rsa::pairwise_consistency_test(Engine::best(), &private_key, &public_key);
        assert_eq!(outcome, Err(Error::Consistency));
    }
}

/// A sound key with another public exponent, or with primes of different lengths, is none of ours.
#[test]
fn sound_keys_that_are_not_ours_are_refused() {
    let [p, q] = ordinary_primes();
    assert_eq!(judged(&p, &q, 65537), Ok(()));
    // Each has an inverse.
    for e in [5u32, 17, 257, 65539] {
        let phi = (&p - 1u8) * (&q - 1u8);
        if phi.gcd(&BigUint::from(e)).is_one() {
            assert_eq!(judged(&p, &q, e), Err(Error::Consistency), "{e}");
        }
    }
    let long = prime_from((BigUint::from(0b11u8) << 1102u32) + 7u8, 8, 24);
    let short = prime_from((BigUint::from(0b11u8) << 942u32) + 7u8, 8, 16);
    assert_eq!((long.clone() * &short).bits(), 2048);
    assert_eq!(judged(&long, &short, 65537), Err(Error::Consistency));
    assert_eq!(judged(&p, &p, 65537), Err(Error::Consistency));
}

/// What the gate says of the key of these primes, written by other people's code.
fn judged(p: &BigUint, q: &BigUint, e: u32) -> Result<(), Error> {
    use ::rsa::pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef, UintRef};
    use ::rsa::pkcs8::der::Encode as _;
    use ::rsa::pkcs8::der::asn1::{AnyRef, BitStringRef, OctetStringRef};
    use ::rsa::pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
    let phi = (p - 1u8) * (q - 1u8);
    let d = BigUint::from(e).modinv(&phi).unwrap_or_else(BigUint::one);
    let q_inv = q.modinv(p).unwrap_or_else(BigUint::one);
    let numbers =
        [p * q, e.into(), d.clone(), p.clone(), q.clone(), &d % (p - 1u8), &d % (q - 1u8), q_inv]
            .map(|number| number.to_bytes_be());
    let n = numbers.each_ref().map(|bytes| UintRef::new(bytes).expect("a number"));
    let private = RsaPrivateKeyRef {
        modulus: n[0],
        public_exponent: n[1],
        private_exponent: n[2],
        prime1: n[3],
        prime2: n[4],
        exponent1: n[5],
        exponent2: n[6],
        coefficient: n[7],
        other_prime_infos: None,
    };
    let public =
        RsaPublicKeyRef { modulus: n[0], public_exponent: n[1] }.to_der().expect("encodes");
    let private = private.to_der().expect("encodes");
    let algorithm =
        AlgorithmIdentifierRef { oid: ::rsa::pkcs1::ALGORITHM_OID, parameters: Some(AnyRef::NULL) };
    let octets = OctetStringRef::new(&private).expect("octets");
    let pkcs8 = ::rsa::pkcs8::PrivateKeyInfoRef::new(algorithm, octets).to_der().expect("encodes");
    let bits = BitStringRef::from_bytes(&public).expect("bits");
    let spki = SubjectPublicKeyInfoRef { algorithm, subject_public_key: bits };
    let spki = spki.to_der().expect("encodes");
    rsa::pairwise_consistency_test(Engine::best(), &pkcs8, &spki)
}

/// A key of a composite "prime" is refused: its CRT signature does not verify.
#[test]
fn a_composite_factor_is_refused() {
    let [a, _] = ordinary_primes();
    let q = base2_pseudoprime();
    let (n, phi): (BigUint, BigUint) = (&a * &q, (&a - 1u8) * (&q - 1u8));
    let d = BigUint::from(65537u32).modinv(&phi).expect("e is coprime to both");
    let key = RsaKeyPair {
        dp: natural(&(&d % (&a - 1u8)), 16),
        dq: natural(&(&d % (&q - 1u8)), 16),
        q_inv: natural(&q.modinv(&a).expect("coprime"), 16),
        n: natural(&n, 32),
        d: natural(&d, 32),
        p: natural(&a, 16),
        q: natural(&q, 16),
    };
    let EncodedPair { private_key, public_key } = EncodedPair::from_rsa(&key).expect("encodes");
    let outcome = rsa::pairwise_consistency_test(Engine::best(), private_key.expose(), &public_key);
    assert_eq!(outcome, Err(Error::Consistency));
}
