//! Public numbers: those of our own documents, and nothing for whatever is a bit different.

use p256::pkcs8::DecodePublicKey;
use pairsmith_core::encode::{EncodedPair, public_number};
use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::public_numbers::{DIGEST, Numbers, Wanted, repeated};
use pairsmith_core::random::OsRandom;
use pairsmith_core::spec::{Curve, DrawnKind, KeyFormat, KeyPairSpec, RsaSize};
use rsa::pkcs8::SubjectPublicKeyInfoRef;
use rsa::traits::PublicKeyParts;

fn specs() -> impl Iterator<Item = KeyPairSpec> {
    let smallest = KeyPairSpec::Rsa(RsaSize::Bits2048);
    KeyPairSpec::ALL
        .into_iter()
        .filter(move |spec| *spec == smallest || !matches!(spec, KeyPairSpec::Rsa(_)))
}

const FORMATS: [KeyFormat; 2] = [KeyFormat::Der, KeyFormat::Pem];

fn encoded(spec: KeyPairSpec) -> EncodedPair {
    generate::key_pair(spec, Effort::of(Engine::best()), &mut OsRandom::buffered(), &Never)
        .expect("a pair")
}

/// The crates of others read the same number from DER.
fn assert_is_number(spec: KeyPairSpec, number: &[u8], der: &[u8]) {
    match spec {
        KeyPairSpec::Rsa(_) => {
            let key = rsa::PublicKey::from_public_key_der(der).expect("a public key");
            assert_eq!(number, &key.n_bytes()[..]);
        }
        KeyPairSpec::Ec(Curve::P256) => {
            let key = p256::PublicKey::from_public_key_der(der).expect("a public key");
            assert_eq!(p256::PublicKey::from_sec1_bytes(number), Ok(key));
            assert_eq!((number.len(), number[0]), (65, 4));
        }
        KeyPairSpec::Ec(Curve::P256K) => {
            let key = k256::PublicKey::from_public_key_der(der).expect("a public key");
            assert_eq!(k256::PublicKey::from_sec1_bytes(number), Ok(key));
            assert_eq!((number.len(), number[0]), (65, 4));
        }
        KeyPairSpec::Drawn(_) => {
            let info = SubjectPublicKeyInfoRef::try_from(der).expect("a public key");
            assert_eq!(info.subject_public_key.as_bytes(), Some(number));
        }
    }
}

/// Modulus or point, in both encodings; as a key of another kind it has no number.
#[test]
fn the_number_is_what_others_read() {
    for spec in specs() {
        let pair = encoded(spec);
        for format in FORMATS {
            let document = encoded_again(&pair, format);
            let number = public_number(spec, format, &document).expect("a number");
            assert_is_number(spec, &number, &pair.public_key);
            let others = specs().filter(|other| *other != spec);
            assert!(
                others
                    .into_iter()
                    .all(|other| { public_number(other, format, &document).is_none() })
            );
            let larger = KeyPairSpec::Rsa(RsaSize::Bits4096);
            assert_eq!(public_number(larger, format, &document), None);
        }
    }
}

fn encoded_again(pair: &EncodedPair, format: KeyFormat) -> Vec<u8> {
    let private_key = pairsmith_core::secret::SecretBytes::zero(1);
    let copy = EncodedPair { private_key, public_key: pair.public_key.clone() };
    copy.into_format(format).expect("encodes").1
}

/// With one bit flipped anywhere a document of a curve of NIST or of secp256k1 has no number, of RSA none but
/// an odd one of the same length, and of the others none but another key: nobody could tell it from a right one.
#[test]
fn a_flipped_bit_is_no_point_of_the_curve() {
    for (spec, format) in specs().flat_map(|spec| FORMATS.map(|format| (spec, format))) {
        let pair = encoded(spec);
        let mut document = encoded_again(&pair, format);
        let sound = public_number(spec, format, &document).expect("a number");
        for bit in 0..8 * document.len() {
            document[bit / 8] ^= 1 << (bit % 8);
            let number = public_number(spec, format, &document);
            let may_be_another = number.as_ref().is_none_or(|number| match spec {
                KeyPairSpec::Rsa(_) => number[0] > 127 && number[255] & 1 == 1,
                KeyPairSpec::Ec(_) | KeyPairSpec::Drawn(DrawnKind::P384 | DrawnKind::P521) => false,
                KeyPairSpec::Drawn(_) => true,
            });
            let differs =
                number.is_none_or(|number| number != sound && number.len() == sound.len());
            assert!(differs && may_be_another, "{spec:?}, bit {bit}");
            document[bit / 8] ^= 1 << (bit % 8);
        }
        for length in 0..document.len() {
            assert_eq!(public_number(spec, format, &document[..length]), None);
        }
        document.push(b'\n');
        assert_eq!(public_number(spec, format, &document), None);
    }
}

/// What has no number is zeros, of the width of those that are kept.
#[test]
fn numbers_are_kept_row_by_row() {
    let spec = KeyPairSpec::Rsa(RsaSize::Bits2048);
    let pair = encoded(spec);
    for kept in [false, true] {
        let wanted = Wanted { spec, format: KeyFormat::Der, kept };
        let mut numbers = Numbers::default();
        assert!(!numbers.push(wanted, None));
        assert!(numbers.push(wanted, Some(&pair.public_key)));
        assert!(!numbers.push(wanted, Some(&pair.public_key[1..])));
        assert_eq!(numbers.len(), 3);
        let rows: Vec<&[u8]> = numbers.digests().chunks(DIGEST).collect();
        assert_eq!((rows[0], rows[2]), (&[0; DIGEST][..], &[0; DIGEST][..]));
        let number = public_number(spec, KeyFormat::Der, &pair.public_key).expect("a number");
        let hash = ring::digest::digest(&ring::digest::SHA256, &number);
        assert_eq!(rows[1], &hash.as_ref()[..DIGEST]);
        let expected = [vec![0; 256], number, vec![0; 256]].concat();
        assert_eq!(numbers.kept(), if kept { expected } else { vec![] });
    }
}

/// The first of equals is named with each of the others, whatever their order.
#[test]
fn repetitions_name_the_first() {
    let digests = |rows: &[u8]| rows.iter().flat_map(|row| [*row; DIGEST]).collect::<Vec<u8>>();
    assert_eq!(repeated(&digests(b"")), []);
    assert_eq!(repeated(&digests(b"xyz")), []);
    assert_eq!(repeated(&digests(b"xaxbax")), [(1, 4), (0, 2), (0, 5)]);
}
