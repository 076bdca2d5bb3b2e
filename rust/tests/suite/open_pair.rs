//! Opening pairs: the private half of the record's own public half, sealed as what the record says, or
//! nothing.

use pairsmith_core::error::Error;
use pairsmith_core::generate::{self, DataKeyPair, Effort, Request};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::open_pair::{self, Claim};
use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::OsRandom;
use pairsmith_core::re_encrypt::{Destination, re_encrypt, re_encrypt_pair};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::wrap::{Format, Layout, Opened, Sealed, Source, WrappingKey};
use pairsmith_tests::engines;

const VERSION: &str = "key-0123456789abcdefghijk-0123456789";
const FORMATS: [KeyFormat; 2] = [KeyFormat::Der, KeyFormat::Pem];
/// Every kind; of RSA the quicker two.
fn specs() -> impl Iterator<Item = KeyPairSpec> {
    let slow = KeyPairSpec::Rsa(RsaSize::Bits4096);
    KeyPairSpec::ALL.into_iter().filter(move |spec| *spec != slow)
}

fn key() -> WrappingKey {
    WrappingKey::new(SecretBytes::copy_of(&[7; 32]), VERSION).expect("a key")
}

fn pair(spec: KeyPairSpec, format: KeyFormat, layout: Layout) -> DataKeyPair {
    let request = Request { spec, format, aad: b"aad", layout, with_plaintext: true };
    generate::data_key_pair(&key(), &request, Effort::of(Engine::best()), &Never).expect("a pair")
}

fn claim(spec: KeyPairSpec, format: KeyFormat, public_key: &[u8]) -> Claim<'_> {
    Claim { spec, format, public_key }
}

/// What every engine of this machine says.
fn open_pair(key: &WrappingKey, source: Source<'_>, claim: Claim<'_>) -> Result<Opened, Error> {
    let open = |engine| open_pair::open_pair(key, source, claim, engine);
    let outcome = open(Engine::best());
    for engine in engines() {
        assert_eq!(open(engine).err(), outcome.as_ref().err().copied(), "{}", engine.name());
    }
    outcome
}

fn sealed_as(purpose: Purpose, message: &[u8]) -> Sealed {
    let random = &mut OsRandom::unbuffered();
    key().seal(message, purpose, b"aad", Layout::Plain, random).expect("seals")
}

fn private_key(pair: &DataKeyPair) -> &[u8] {
    pair.private_key.as_ref().expect("asked for").expose()
}

/// Pairs of every kind, encoding and layout open to what was made.
#[test]
fn pairs_open() {
    for spec in specs() {
        for format in FORMATS {
            for layout in [Layout::Plain, Layout::Advance] {
                let pair = pair(spec, format, layout);
                let source = Source { layout, blob: &pair.blob, iv: &pair.iv, aad: b"aad" };
                let opened = open_pair(&key(), source, claim(spec, format, &pair.public_key));
                let opened = opened.unwrap_or_else(|error| panic!("{spec:?} {format:?}: {error}"));
                assert!(opened.plaintext.expose() == private_key(&pair));
                assert_eq!(opened.purpose, Purpose::Pair(spec, format));
                assert_eq!(opened.format, Format::Two);
            }
        }
    }
}

/// A record that lies about spec, encoding or public half opens nothing; of all combinations the
/// true one alone does.
#[test]
fn lies_open_nothing() {
    let pairs: Vec<_> = specs()
        .flat_map(|spec| FORMATS.map(|format| (spec, format, pair(spec, format, Layout::Plain))))
        .collect();
    for (i, (true_spec, true_format, pair)) in pairs.iter().enumerate() {
        let source = Source::plain(&pair.blob, &pair.iv, b"aad");
        // The same private key, sealed by who may say nothing or anything of it.
        let message = sealed_as(Purpose::Message, private_key(pair));
        let data_key = sealed_as(Purpose::DataKey, private_key(pair));
        for (j, (spec, format, other)) in pairs.iter().enumerate() {
            let claim = claim(*spec, *format, &other.public_key);
            let outcome = open_pair(&key(), source, claim);
            assert_eq!(outcome.is_ok(), i == j, "{true_spec:?} {true_format:?}");
            for planted in [&message, &data_key] {
                let source = Source::plain(&planted.blob, &planted.iv, b"aad");
                let outcome = open_pair(&key(), source, claim);
                assert_eq!(outcome.err(), Some(Error::Decryption));
            }
        }
    }
}

/// What does not say what it is opens as the pair that it is, and as no other.
#[test]
fn unstated_blobs_are_known_by_their_halves() {
    for spec in specs() {
        for format in FORMATS {
            let (one, two) = (pair(spec, format, Layout::Plain), pair(spec, format, Layout::Plain));
            let unstated = sealed_as(Purpose::Unstated, private_key(&one));
            let source = Source::plain(&unstated.blob, &unstated.iv, b"aad");
            let opened = |public_key: &[u8]| {
                open_pair(&key(), source, claim(spec, format, public_key)).map(|it| it.purpose)
            };
            assert_eq!(opened(&one.public_key), Ok(Purpose::Unstated));
            assert_eq!(opened(&two.public_key), Err(Error::Decryption));
            assert_eq!(opened(b""), Err(Error::Decryption));
            for other in specs().filter(|other| *other != spec) {
                let outcome = open_pair(&key(), source, claim(other, format, &one.public_key));
                assert_eq!(outcome.err(), Some(Error::Decryption), "{spec:?} as {other:?}");
            }
        }
    }
}

/// A private document whose parts do not belong together opens as no pair, whichever half it has.
#[test]
fn mixed_documents_open_nothing() {
    let spec = KeyPairSpec::Ec(Curve::P256);
    let [one, two] = [(); 2].map(|()| pair(spec, KeyFormat::Der, Layout::Plain));
    // The scalar of the one with the point of the other.
    let mixed = [&private_key(&one)[..68], &private_key(&two)[68..]].concat();
    let unstated = sealed_as(Purpose::Unstated, &mixed);
    for public_key in [&one.public_key, &two.public_key] {
        let source = Source::plain(&unstated.blob, &unstated.iv, b"aad");
        let outcome = open_pair(&key(), source, claim(spec, KeyFormat::Der, public_key));
        assert_eq!(outcome.err(), Some(Error::Decryption));
    }
}

/// A purpose stays when a blob moves; one that was not stated is made up only where the halves show it.
#[test]
fn purposes_move_along() {
    let (spec, format) = (KeyPairSpec::Ec(Curve::P256K), KeyFormat::Pem);
    let pair = pair(spec, format, Layout::Plain);
    let other = generate::data_key_pair(
        &key(),
        &Request { spec, format, aad: b"", layout: Layout::Plain, with_plaintext: false },
        Effort::of(Engine::best()),
        &Never,
    )
    .expect("a pair");
    let to = Destination { layout: Layout::Advance, aad: b"new" };
    let random = &mut OsRandom::unbuffered();
    let purpose_of =
        |sealed: &Sealed| key().open(Source::advance(&sealed.blob, b"new")).expect("opens").purpose;
    for purpose in [Purpose::Message, Purpose::DataKey, Purpose::Job, Purpose::Unstated] {
        let old = sealed_as(purpose, private_key(&pair));
        let source = Source::plain(&old.blob, &old.iv, b"aad");
        let moved = re_encrypt(&key(), source, &key(), to, random).expect("moves");
        assert_eq!(purpose_of(&moved), purpose);
        let own = claim(spec, format, &pair.public_key);
        let moved = re_encrypt_pair(&key(), source, (own, Engine::best()), &key(), to, random);
        if purpose == Purpose::Unstated {
            assert_eq!(purpose_of(&moved.expect("moves")), Purpose::Pair(spec, format));
        } else {
            assert_eq!(moved.err(), Some(Error::Decryption), "{purpose:?}");
        }
        let foreign = claim(spec, format, &other.public_key);
        let moved = re_encrypt_pair(&key(), source, (foreign, Engine::best()), &key(), to, random);
        assert_eq!(moved.err(), Some(Error::Decryption), "{purpose:?}");
    }
    let source = Source::plain(&pair.blob, &pair.iv, b"aad");
    let moved = re_encrypt(&key(), source, &key(), to, random).expect("moves");
    assert_eq!(purpose_of(&moved), Purpose::Pair(spec, format));
}

/// A public half that was written otherwise, if only by its line ends, is not the one that was made.
#[test]
fn halves_are_written_as_they_were_made() {
    let (spec, format) = (KeyPairSpec::Ec(Curve::P256), KeyFormat::Pem);
    let pair = pair(spec, format, Layout::Plain);
    let source = Source::plain(&pair.blob, &pair.iv, b"aad");
    let text = String::from_utf8(pair.public_key.clone()).expect("text");
    for changed in [text.trim_end().to_owned(), text.replace('\n', "\r\n"), format!("{text}\n")] {
        let outcome = open_pair(&key(), source, claim(spec, format, changed.as_bytes()));
        assert_eq!(outcome.err(), Some(Error::Decryption), "{changed:?}");
    }
    assert!(open_pair(&key(), source, claim(spec, format, text.as_bytes())).is_ok());
}
