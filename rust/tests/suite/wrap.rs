//! Sealing and opening: whatever went in comes out, and whatever was changed does not open.

use num_bigint::BigUint;
use pairsmith_core::error::Error;
use pairsmith_core::generate;
use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::{OsRandom, RandomSource};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::wrap::{Layout, Sealed, Source, WrappingKey, advance_version_id};
use pairsmith_tests::Scripted;
use proptest::prelude::*;

const VERSION: &str = "key-0123456789abcdefghijk-0123456789";
/// Bytes in front of the salt: format version and purpose.
const HEAD: usize = 1 + 3;
/// Bytes in front of a plain blob's ciphertext: the head, salt, commitment.
const SEALED_HEADER: usize = HEAD + 16 + 32;
/// Bytes in front of an Advance blob's sealed part: magic, key version id, Iv.
const ADVANCE_HEADER: usize = 3 + 36 + 12;
const TAG: usize = 16;

fn key_of(byte: u8, version_id: &str) -> WrappingKey {
    WrappingKey::new(SecretBytes::copy_of(&[byte; 32]), version_id).expect("a key")
}

fn seal(key: &WrappingKey, plaintext: &[u8], aad: &[u8], layout: Layout) -> Sealed {
    key.seal(plaintext, Purpose::Message, aad, layout, &mut OsRandom::unbuffered()).expect("seals")
}

fn opened(
    key: &WrappingKey,
    sealed: &Sealed,
    aad: &[u8],
    layout: Layout,
) -> Result<Vec<u8>, Error> {
    let source = Source { layout, blob: &sealed.blob, iv: &sealed.iv, aad };
    key.open(source).map(|opened| opened.plaintext.expose().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any message under any Aad comes back in both layouts, and the blob has exactly the length and
    /// the head that the format gives it.
    #[test]
    fn messages_come_back(
        plaintext in prop::collection::vec(any::<u8>(), 0..5000),
        aad in prop::collection::vec(any::<u8>(), 0..8193),
    ) {
        let key = key_of(7, VERSION);
        for (layout, header) in [(Layout::Plain, 0), (Layout::Advance, ADVANCE_HEADER)] {
            let sealed = seal(&key, &plaintext, &aad, layout);
            prop_assert_eq!(sealed.blob.len(), header + SEALED_HEADER + plaintext.len() + TAG);
            prop_assert_eq!(&sealed.blob[header..header + HEAD], &[2, 1, 0, 0]);
            if layout == Layout::Advance {
                let head = [b"$\0\x02".as_slice(), VERSION.as_bytes(), &sealed.iv].concat();
                prop_assert_eq!(&sealed.blob[..header], head);
                prop_assert_eq!(advance_version_id(&sealed.blob), Some(VERSION));
            }
            let message = opened(&key, &sealed, &aad, layout);
            prop_assert_eq!(message.as_ref(), Ok(&plaintext));
        }
    }

    /// Bytes that nobody sealed open as nothing, and name a version only if they have the header of
    /// an Advance blob.
    #[test]
    fn garbage_does_not_open(mut garbage in prop::collection::vec(any::<u8>(), 0..300), like in 0..4usize) {
        if like > 0 {
            // With a plausible beginning.
            let head = [[1].as_slice(), b"$\0\x02", &[2, 1, 0, 0]][like - 1];
            garbage.splice(0..0, head.iter().copied());
        }
        let key = key_of(7, VERSION);
        prop_assert_eq!(key.open(Source::plain(&garbage, &[0; 12], b"")).err(), Some(Error::Decryption));
        prop_assert_eq!(key.open(Source::advance(&garbage, b"")).err(), Some(Error::Decryption));
        if let Some(id) = advance_version_id(&garbage) {
            prop_assert!(garbage.starts_with(b"$\0\x02") && garbage.len() >= ADVANCE_HEADER);
            prop_assert_eq!(id.as_bytes(), &garbage[3..39]);
            prop_assert!(id.is_ascii());
        }
    }
}

/// A version id of other bytes than ASCII is no version id.
#[test]
fn version_ids_are_ascii() {
    let blob = |id: &str| [b"$\0\x02", id.as_bytes(), &[0; 12]].concat();
    assert_eq!(advance_version_id(&blob(VERSION)), Some(VERSION));
    let other = VERSION.replace("01234", "ä1ö");
    assert_eq!(other.len(), VERSION.len());
    assert_eq!(advance_version_id(&blob(&other)), None);
    let mut invalid = blob(VERSION);
    invalid[5] = 0xff;
    assert_eq!(advance_version_id(&invalid), None);
    assert_eq!(advance_version_id(&blob(VERSION)[..ADVANCE_HEADER - 1]), None);
}

/// One flipped bit anywhere, in blob, Iv or Aad, and it does not open; one flipped back, it does.
#[test]
fn no_flipped_bit_opens() {
    let (key, aad) = (key_of(7, VERSION), b"device 7".to_vec());
    for layout in [Layout::Plain, Layout::Advance] {
        let mut sealed = seal(&key, b"a small message", &aad, layout);
        let mut flips = 0;
        for bit in 0..8 * sealed.blob.len() {
            sealed.blob[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&key, &sealed, &aad, layout), Err(Error::Decryption), "bit {bit}");
            sealed.blob[bit / 8] ^= 1 << (bit % 8);
            flips += 1;
        }
        // An Advance blob carries its own Iv; the copy beside it is not read.
        for bit in (0..8 * sealed.iv.len()).filter(|_| layout == Layout::Plain) {
            sealed.iv[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&key, &sealed, &aad, layout), Err(Error::Decryption), "Iv {bit}");
            sealed.iv[bit / 8] ^= 1 << (bit % 8);
            flips += 1;
        }
        for bit in 0..8 * aad.len() {
            let mut other = aad.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&key, &sealed, &other, layout), Err(Error::Decryption), "Aad {bit}");
            flips += 1;
        }
        assert!(flips >= 8 * (SEALED_HEADER + 15 + TAG + 8), "{flips}");
        assert_eq!(opened(&key, &sealed, &aad, layout), Ok(b"a small message".to_vec()));
    }
}

/// A blob of any other length does not open, nor does an Iv of any other length.
#[test]
fn no_other_length_opens() {
    let key = key_of(7, VERSION);
    for layout in [Layout::Plain, Layout::Advance] {
        for message in [b"".as_slice(), b"a small message"] {
            let Sealed { iv, blob } = seal(&key, message, b"", layout);
            for length in 0..blob.len() {
                let cut = Sealed { iv, blob: blob[..length].to_vec() };
                assert_eq!(opened(&key, &cut, b"", layout), Err(Error::Decryption), "{length}");
                let cut = Sealed { iv, blob: blob[blob.len() - length..].to_vec() };
                assert_eq!(opened(&key, &cut, b"", layout), Err(Error::Decryption), "{length}");
            }
            for more in 1..40 {
                let longer = Sealed { iv, blob: [&*blob, &vec![0; more]].concat() };
                assert_eq!(opened(&key, &longer, b"", layout), Err(Error::Decryption));
            }
            for length in (0..40).filter(|length| *length != 12) {
                let other = [&iv[..], &[0; 28]].concat();
                let outcome = key.open(Source::plain(&blob, &other[..length], b""));
                assert_eq!(outcome.err(), Some(Error::Decryption));
            }
        }
    }
}

/// Another key, or the same material under another version id, opens nothing; nor does one layout
/// open as the other.
#[test]
fn nothing_else_opens() {
    let other_version = VERSION.replace('9', "8");
    let (key, others) = (key_of(7, VERSION), [key_of(8, VERSION), key_of(7, &other_version)]);
    for layout in [Layout::Plain, Layout::Advance] {
        let sealed = seal(&key, b"message", b"", layout);
        for other in &others {
            assert_eq!(opened(other, &sealed, b"", layout), Err(Error::Decryption));
        }
    }
    let (plain, advance) =
        (seal(&key, b"", b"", Layout::Plain), seal(&key, b"", b"", Layout::Advance));
    assert_eq!(opened(&key, &plain, b"", Layout::Advance), Err(Error::Decryption));
    assert_eq!(opened(&key, &advance, b"", Layout::Plain), Err(Error::Decryption));
    // A header can be neither taken off nor put on: the layout is in the derivation.
    let inner = Sealed { blob: advance.blob[ADVANCE_HEADER..].to_vec(), iv: advance.iv };
    assert_eq!(opened(&key, &inner, b"", Layout::Plain), Err(Error::Decryption));
    let head = [b"$\0\x02".as_slice(), VERSION.as_bytes(), &plain.iv].concat();
    let outer = Sealed { blob: [head, plain.blob].concat(), iv: plain.iv };
    assert_eq!(opened(&key, &outer, b"", Layout::Advance), Err(Error::Decryption));
}

/// The commitment is checked, not only the tag: a blob with a right tag and a wrong commitment does
/// not open. Here both blobs have one salt and Iv, hence one key, and only the commitment differs.
#[test]
fn the_commitment_is_checked() {
    let key = key_of(7, VERSION);
    let draws = || {
        let numbers = [vec![1; 12], vec![2; 16]];
        Scripted(numbers.into_iter().collect())
    };
    let sealed =
        key.seal(b"message", Purpose::Message, b"", Layout::Plain, &mut draws()).expect("seals");
    let again =
        key.seal(b"message", Purpose::Message, b"", Layout::Plain, &mut draws()).expect("seals");
    assert_eq!(sealed.blob, again.blob, "Iv and salt determine the blob");
    assert_eq!((&sealed.iv[..], &sealed.blob[4..20]), ([1; 12].as_slice(), [2; 16].as_slice()));
    // The tag does not cover the commitment, so GCM alone would open this.
    for at in 20..52 {
        let mut changed = again.blob.clone();
        changed[at] ^= 0x80;
        assert_eq!(
            key.open(Source::plain(&changed, &sealed.iv, b"")).err(),
            Some(Error::Decryption)
        );
    }
}

/// Two seals of one message have nothing in common but what they say of themselves.
#[test]
fn every_seal_is_fresh() {
    let key = key_of(7, VERSION);
    let (one, two) =
        (seal(&key, &[0; 64], b"", Layout::Plain), seal(&key, &[0; 64], b"", Layout::Plain));
    assert_ne!(one.iv, two.iv);
    assert_ne!(one.blob[4..20], two.blob[4..20], "salts");
    assert_ne!(one.blob[20..52], two.blob[20..52], "commitments");
    assert_ne!(one.blob[52..], two.blob[52..], "ciphertexts");
}

/// Material of other lengths than 32 bytes and version ids of other lengths than 36 are refused.
#[test]
fn keys_have_one_size() {
    for length in [0, 16, 31, 33, 64] {
        let outcome = WrappingKey::new(SecretBytes::zero(length), VERSION);
        assert_eq!(outcome.err(), Some(Error::InvalidLength));
    }
    for id in ["", &VERSION[1..], &VERSION.replace("k-", "k--"), &VERSION.replace("01", "ä")] {
        let outcome = WrappingKey::new(SecretBytes::zero(32), id);
        assert_eq!(outcome.err(), Some(Error::InvalidLength), "{id}");
    }
}

/// Without randomness nothing is sealed.
#[test]
fn no_seal_without_randomness() {
    let key = key_of(7, VERSION);
    let only_iv = || Scripted::numbers(12, [&BigUint::from(1u8)]);
    assert_eq!(
        key.seal(b"", Purpose::Message, b"", Layout::Plain, &mut only_iv()).err(),
        Some(Error::Random)
    );
    let mut none = Scripted::numbers(12, []);
    assert_eq!(
        key.seal(b"", Purpose::Message, b"", Layout::Plain, &mut none).err(),
        Some(Error::Random)
    );
    assert_eq!(none.fill(&mut [0]), Err(Error::Random));
}

/// A data key is random bytes of the length asked for, and its blob opens to them.
#[test]
fn data_keys_open() {
    let key = key_of(7, VERSION);
    for length in [0, 1, 16, 32, 1024] {
        for layout in [Layout::Plain, Layout::Advance] {
            let (plaintext, sealed) =
                generate::data_key(&key, length, b"aad", layout).expect("a data key");
            assert_eq!(plaintext.len(), length);
            let message = opened(&key, &sealed, b"aad", layout);
            assert_eq!(message.as_deref(), Ok(plaintext.expose()));
        }
    }
    for length in [generate::MAX_RANDOM_LENGTH + 1, usize::MAX] {
        let outcome = generate::data_key(&key, length, b"", Layout::Plain);
        assert_eq!(outcome.err(), Some(Error::InvalidLength));
        assert_eq!(generate::random_bytes(length).err(), Some(Error::InvalidLength));
    }
}
