//! The root key: rows open in their own place and nowhere else.

use pairsmith_core::error::Error;
use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::OsRandom;
use pairsmith_core::root_key::{DEV_MARK, RootKey, VersionUse};
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::wrap::{Layout, Source, WrappingKey};

const KEY: &str = "key-0123456789abcdefghijk";
const VERSION: &str = "key-0123456789abcdefghijk-0123456789";
const OTHER_VERSION: &str = "key-0123456789abcdefghijk-9876543210";
/// Iv, format version, salt, commitment, material, tag.
const ROW: usize = 12 + 1 + 16 + 32 + 32 + 16;

fn root(byte: u8) -> RootKey {
    RootKey::new(SecretBytes::copy_of(&[byte; 32])).expect("a root key")
}

fn row(root: &RootKey) -> Vec<u8> {
    root.create_version(KEY, VERSION, &mut OsRandom::unbuffered()).expect("a row")
}

/// Whether two handles hold the same material: one opens what the other sealed.
fn same(one: &WrappingKey, two: &WrappingKey) -> bool {
    let sealed =
        one.seal(b"message", Purpose::Message, b"", Layout::Plain, &mut OsRandom::unbuffered());
    let sealed = sealed.expect("seals");
    two.open(Source::plain(&sealed.blob, &sealed.iv, b"")).is_ok()
}

/// A key says that it is of a dev server if it begins with the whole mark, and not otherwise.
#[test]
fn dev_keys_are_marked() {
    let of = |bytes: &[u8]| RootKey::new(SecretBytes::copy_of(bytes)).expect("a root key");
    let mut bytes = [7; 32];
    assert!(!of(&bytes).is_dev());
    bytes[..DEV_MARK.len()].copy_from_slice(DEV_MARK);
    assert!(of(&bytes).is_dev());
    for place in 0..DEV_MARK.len() {
        let mut other = bytes;
        other[place] ^= 1;
        assert!(!of(&other).is_dev(), "byte {place}");
    }
}

/// A row opens as often as one likes, to the same key version.
#[test]
fn rows_open() {
    let root = root(1);
    let row = row(&root);
    assert_eq!(row.len(), ROW);
    let [one, two] = [(); 2].map(|()| root.open_version(&row, KEY, VERSION).expect("opens"));
    assert!(same(&one, &two));
    assert_eq!(one.version_id(), VERSION);
}

/// Every new version has material of its own.
#[test]
fn versions_differ() {
    let root = root(1);
    let [one, two] = [(); 2].map(|()| root.open_version(&row(&root), KEY, VERSION).expect("opens"));
    assert!(!same(&one, &two));
}

/// A row does not open in another place, under another root key, with a flipped bit, or at another
/// length.
#[test]
fn nothing_else_opens() {
    let root_key = root(1);
    let row = row(&root_key);
    let fails = |row: &[u8], key_id: &str, version_id: &str| {
        let outcome = root_key.open_version(row, key_id, version_id);
        assert_eq!(outcome.err(), Some(Error::Decryption), "{key_id}, {version_id}");
    };
    fails(&row, "key-0123456789abcdefghijl", VERSION);
    fails(&row, KEY, OTHER_VERSION);
    fails(&row, "", VERSION);
    assert_eq!(root(2).open_version(&row, KEY, VERSION).err(), Some(Error::Decryption));
    for bit in 0..8 * row.len() {
        let mut changed = row.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fails(&changed, KEY, VERSION);
    }
    for length in 0..row.len() {
        fails(&row[..length], KEY, VERSION);
    }
    fails(&[&*row, &[0]].concat(), KEY, VERSION);
}

/// No two places share an Aad, whatever stands in the ids: a version id has one length.
#[test]
fn places_are_told_apart() {
    let root = root(1);
    let random = &mut OsRandom::unbuffered();
    let shifted = &VERSION[4..];
    for id in ["", shifted, "a/key-0123456789abcdefghijk-0123456789"] {
        let outcome = root.create_version(KEY, id, random);
        assert_eq!(outcome.err(), Some(Error::InvalidLength), "{id}");
        let outcome = root.open_version(&row(&root), KEY, id);
        assert_eq!(outcome.err(), Some(Error::InvalidLength), "{id}");
    }
    let inside = "a/key-0123456789abcdefghijk-01234567";
    let row = root.create_version("b", inside, random).expect("a row");
    let outcome = root.open_version(&row, "b/a", &format!("{}--", &inside[2..]));
    assert_eq!(outcome.err(), Some(Error::Decryption));
}

/// A rewrapped row holds the same material, opens under the new root key only, and the old row
/// stays as it was.
#[test]
fn rewrapping_keeps_the_material() {
    let (old, new) = (root(1), root(2));
    let random = &mut OsRandom::unbuffered();
    let before = row(&old);
    let after = old.rewrap(VersionUse::Data, &before, KEY, VERSION, &new, random).expect("rewraps");
    let opened = |root: &RootKey, row: &[u8]| root.open_version(row, KEY, VERSION);
    let (one, two) = (opened(&old, &before).expect("opens"), opened(&new, &after).expect("opens"));
    assert!(same(&one, &two));
    assert_eq!(opened(&old, &after).err(), Some(Error::Decryption));
    assert_eq!(opened(&new, &before).err(), Some(Error::Decryption));
    let outcome = new.rewrap(VersionUse::Data, &before, KEY, VERSION, &old, random);
    assert_eq!(outcome.err(), Some(Error::Decryption));
    let outcome = old.rewrap(VersionUse::Data, &before, KEY, OTHER_VERSION, &new, random);
    assert_eq!(outcome.err(), Some(Error::Decryption));
}

/// A root key is 32 bytes; its id tells it from others by 16 digits, which are the beginning of a
/// hash and no part of the key.
#[test]
fn root_keys_are_named() {
    for length in [0, 16, 31, 33] {
        let outcome = RootKey::new(SecretBytes::zero(length));
        assert_eq!(outcome.err(), Some(Error::InvalidLength));
    }
    // SHA-256("pairsmith/root-key-id/v1" ‖ 32 times 0x01), from Python's hashlib.
    assert_eq!(root(1).id(), "a489e6bd83aeb086");
    assert_ne!(root(1).id(), root(2).id());
}

/// What the root key seals is apart from what a key version of the same bytes and id would seal.
#[test]
fn root_keys_are_no_data_keys() {
    let root = root(1);
    let place = format!("{:>36}", root.id());
    let data_key = WrappingKey::new(SecretBytes::copy_of(&[1; 32]), &place).expect("a key");
    let row = row(&root);
    let aad = format!("{KEY}/{VERSION}");
    let outcome = data_key.open(Source::plain(&row[12..], &row[..12], aad.as_bytes()));
    assert_eq!(outcome.err(), Some(Error::Decryption));
}
