//! Moving blobs: the message arrives whole, under the new key and Aad only, and what does not open
//! does not move.

use pairsmith_core::error::Error;
use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::OsRandom;
use pairsmith_core::re_encrypt::{Destination, re_encrypt};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::wrap::{Layout, Sealed, Source, WrappingKey};
use proptest::prelude::*;

const OLD: &str = "key-0123456789abcdefghijk-0000000001";
const NEW: &str = "key-0123456789abcdefghijk-0000000002";
const LAYOUTS: [Layout; 2] = [Layout::Plain, Layout::Advance];

fn key_of(byte: u8, version_id: &str) -> WrappingKey {
    WrappingKey::new(SecretBytes::copy_of(&[byte; 32]), version_id).expect("a key")
}

fn moved(
    old: &WrappingKey,
    source: Source<'_>,
    new: &WrappingKey,
    destination: Destination<'_>,
) -> Result<Sealed, Error> {
    re_encrypt(old, source, new, destination, &mut OsRandom::unbuffered())
}

fn opened(key: &WrappingKey, sealed: &Sealed, aad: &[u8], layout: Layout) -> Option<Vec<u8>> {
    let source = Source { layout, blob: &sealed.blob, iv: &sealed.iv, aad };
    key.open(source).ok().map(|opened| opened.plaintext.expose().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// From either layout to either, any message under any Aads opens with the new key and the new
    /// Aad; the old blob still opens as before; nothing of it is in the new one.
    #[test]
    fn messages_move(
        message in prop::collection::vec(any::<u8>(), 1..3000),
        aad in prop::collection::vec(any::<u8>(), 0..100),
        new_aad in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let (old, new) = (key_of(1, OLD), key_of(2, NEW));
        for from in LAYOUTS {
            let first = old.seal(&message, Purpose::Message, &aad, from, &mut OsRandom::unbuffered()).expect("seals");
            let source = Source { layout: from, blob: &first.blob, iv: &first.iv, aad: &aad };
            for layout in LAYOUTS {
                let destination = Destination { layout, aad: &new_aad };
                let second = moved(&old, source, &new, destination).expect("moves");
                prop_assert_eq!(opened(&new, &second, &new_aad, layout), Some(message.clone()));
                prop_assert_eq!(opened(&old, &second, &new_aad, layout), None);
                prop_assert_ne!(second.iv, first.iv);
                prop_assert!(!second.blob.ends_with(&first.blob[first.blob.len() - 16..]));
            }
            prop_assert_eq!(opened(&old, &first, &aad, from), Some(message.clone()));
        }
    }
}

/// Any bit of blob or Iv, another Aad, another key, another layout: one and the same error.
#[test]
fn what_does_not_open_does_not_move() {
    let (old, new) = (key_of(1, OLD), key_of(2, NEW));
    for layout in LAYOUTS {
        let sealed =
            old.seal(b"message", Purpose::Message, b"aad", layout, &mut OsRandom::unbuffered());
        let sealed = sealed.expect("seals");
        let right = Source { layout, blob: &sealed.blob, iv: &sealed.iv, aad: b"aad" };
        let to = Destination { layout, aad: b"aad" };
        moved(&old, right, &new, to).expect("moves");
        let refused = |key: &WrappingKey, source: Source<'_>| {
            matches!(moved(key, source, &new, to), Err(Error::Decryption))
        };
        for bit in 0..sealed.blob.len() * 8 {
            let mut blob = sealed.blob.clone();
            blob[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&old, Source { blob: &blob, ..right }), "bit {bit}");
        }
        for length in 0..sealed.blob.len() {
            assert!(refused(&old, Source { blob: &sealed.blob[..length], ..right }));
        }
        assert!(refused(&old, Source { aad: b"other", ..right }));
        assert!(refused(&new, right));
        let other = if layout == Layout::Plain { Layout::Advance } else { Layout::Plain };
        assert!(refused(&old, Source { layout: other, ..right }));
        if layout == Layout::Plain {
            assert!(refused(&old, Source { iv: b"", ..right }));
            assert!(refused(&old, Source { iv: &[0; 12], ..right }));
        }
    }
}

/// Under the same key and Aad the blob is another one all the same: Iv and salt are fresh.
#[test]
fn the_same_key_seals_anew() {
    let key = key_of(1, OLD);
    let first =
        key.seal(b"message", Purpose::Message, b"", Layout::Plain, &mut OsRandom::unbuffered());
    let first = first.expect("seals");
    let source = Source { layout: Layout::Plain, blob: &first.blob, iv: &first.iv, aad: b"" };
    let to = Destination { layout: Layout::Plain, aad: b"" };
    let second = moved(&key, source, &key, to).expect("moves");
    assert_ne!(first.blob[4..52], second.blob[4..52]);
    assert_eq!(opened(&key, &second, b"", Layout::Plain).as_deref(), Some(b"message".as_slice()));
}
