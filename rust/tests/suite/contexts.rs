//! What is sealed in one context opens in no other: every pair of contexts, with one and the same
//! secret, id, Iv and Aad under all of them, so that nothing but the context keeps them apart.

use pairsmith_core::purpose::Purpose;
use pairsmith_core::random::OsRandom;
use pairsmith_core::root_key::RootKey;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::service_key::ServiceKey;
use pairsmith_core::spec::{KeyFormat, KeyPairSpec};
use pairsmith_core::wrap::{Format, Layout, Source, WrappingKey};

/// With the root key of the example in `docs/formats.md`, whose id fills this place, as root keys do.
const ROOT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const VERSION: &str = "                    57ee49e5b1a43af1";
const OWNER: &str = "pairsmith-server";
/// 32 bytes, so that even a row's content has the length that a row needs.
const MESSAGE: [u8; 32] = [0x5a; 32];

fn secret() -> SecretBytes {
    SecretBytes::copy_of(&hex::decode(ROOT).expect("digits"))
}

fn aad() -> Vec<u8> {
    format!("{OWNER}/{VERSION}").into_bytes()
}

/// Every purpose there is.
fn purposes() -> Vec<Purpose> {
    let mut all = vec![Purpose::Unstated, Purpose::Message, Purpose::DataKey, Purpose::Job];
    for spec in KeyPairSpec::ALL {
        all.extend([KeyFormat::Der, KeyFormat::Pem].map(|format| Purpose::Pair(spec, format)));
    }
    // A purpose more in the core does not compile here before it stands in the list.
    for purpose in &all {
        match purpose {
            Purpose::Unstated
            | Purpose::Message
            | Purpose::DataKey
            | Purpose::Pair(..)
            | Purpose::Job => {}
        }
    }
    all
}

/// What something was sealed as.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Context {
    Blob(Layout, Purpose),
    DataRow,
    ServiceRow,
    Service,
}

fn contexts() -> Vec<Context> {
    let mut all = vec![Context::DataRow, Context::ServiceRow, Context::Service];
    for layout in [Layout::Plain, Layout::Advance] {
        all.extend(purposes().into_iter().map(|purpose| Context::Blob(layout, purpose)));
    }
    all
}

/// Iv, and what comes after the head: salt, commitment, ciphertext, tag.
fn sealed(context: Context) -> (Vec<u8>, Vec<u8>) {
    let random = &mut OsRandom::unbuffered();
    match context {
        Context::Blob(layout, purpose) => {
            let key = WrappingKey::new(secret(), VERSION).expect("a key");
            let sealed = key.seal(&MESSAGE, purpose, &aad(), layout, random).expect("seals");
            let head = if layout == Layout::Plain { 4 } else { 51 + 4 };
            (sealed.iv.to_vec(), sealed.blob[head..].to_vec())
        }
        Context::DataRow | Context::ServiceRow => {
            let root = RootKey::new(secret()).expect("a root key");
            let row = if context == Context::DataRow {
                root.create_version(OWNER, VERSION, random)
            } else {
                root.create_service_version(VERSION, random)
            };
            let row = row.expect("a row");
            (row[..12].to_vec(), row[13..].to_vec())
        }
        Context::Service => {
            let key = ServiceKey::new(secret(), VERSION).expect("a key");
            let place = String::from_utf8(aad()).expect("text");
            let sealed = key.seal(&MESSAGE, &place, random).expect("seals");
            (sealed.iv.to_vec(), sealed.blob[1..].to_vec())
        }
    }
}

/// Whether it opens in that context, with the head and the place that belong to it.
fn opens(context: Context, iv: &[u8], body: &[u8]) -> bool {
    match context {
        Context::Blob(layout, purpose) => {
            let key = WrappingKey::new(secret(), VERSION).expect("a key");
            let blob = [head(layout, purpose, iv), body.to_vec()].concat();
            key.open(Source { layout, blob: &blob, iv, aad: &aad() }).is_ok_and(|opened| {
                assert_eq!((opened.purpose, opened.format), (purpose, Format::Two));
                true
            })
        }
        Context::DataRow | Context::ServiceRow => {
            let root = RootKey::new(secret()).expect("a root key");
            let row = [iv, &[2], body].concat();
            if context == Context::DataRow {
                root.open_version(&row, OWNER, VERSION).is_ok()
            } else {
                root.open_service_version(&row, VERSION).is_ok()
            }
        }
        Context::Service => {
            let key = ServiceKey::new(secret(), VERSION).expect("a key");
            let place = String::from_utf8(aad()).expect("text");
            key.open(&[&[2], body].concat(), iv, &place).is_ok()
        }
    }
}

/// The head of a blob that says that it is of that layout and purpose.
fn head(layout: Layout, purpose: Purpose, iv: &[u8]) -> Vec<u8> {
    let key = WrappingKey::new(SecretBytes::zero(32), VERSION).expect("a key");
    let sealed = key.seal(b"", purpose, b"", layout, &mut OsRandom::unbuffered()).expect("seals");
    match layout {
        Layout::Plain => sealed.blob[..4].to_vec(),
        Layout::Advance => [&sealed.blob[..39], iv, &sealed.blob[51..55]].concat(),
    }
}

/// Of all pairs of contexts, what was sealed in the first opens in the second only if both are one.
#[test]
fn nothing_opens_in_another_context() {
    let all = contexts();
    let mut tried = 0;
    for from in &all {
        let (iv, body) = sealed(*from);
        for to in &all {
            assert_eq!(opens(*to, &iv, &body), from == to, "{from:?} as {to:?}");
            // What is said in format 2 does not open as format 1, which said nothing.
            let key = WrappingKey::new(secret(), VERSION).expect("a key");
            let old = [&[1], &*body].concat();
            assert!(key.open(Source::plain(&old, &iv, &aad())).is_err(), "{from:?}");
            let root = RootKey::new(secret()).expect("a root key");
            let old = [&*iv, &[1], &body].concat();
            assert!(root.open_version_1(&old, OWNER, VERSION).is_err(), "{from:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 71 * 71);
}

/// A service key opens what it sealed for that place, and its MACs are of one message in one place,
/// however the two are cut.
#[test]
fn service_keys_bind_to_the_place() {
    let key = ServiceKey::new(secret(), VERSION).expect("a key");
    let sealed = key.seal(b"message", "identity/a", &mut OsRandom::unbuffered()).expect("seals");
    let open = |place: &str| key.open(&sealed.blob, &sealed.iv, place).map(|it| it.len()).ok();
    assert_eq!((open("identity/a"), open("identity/b"), open("")), (Some(7), None, None));
    let mac = key.mac("key/a", b"message");
    assert!(key.verify("key/a", b"message", &mac));
    for (place, message) in
        [("key/b", b"message".as_slice()), ("key/am", b"essage"), ("key/", b"amessage"), ("", b"")]
    {
        assert!(!key.verify(place, message, &mac), "{place}");
    }
    assert!(!key.verify("key/a", b"message", &mac[..31]));
    assert!(!key.verify("key/a", b"message", &[]));
    let other = ServiceKey::new(SecretBytes::zero(32), VERSION).expect("a key");
    assert!(!other.verify("key/a", b"message", &mac));
    let renamed = ServiceKey::new(secret(), &"v".repeat(36)).expect("a key");
    assert!(!renamed.verify("key/a", b"message", &mac));
}

/// A row is made, moved to another root key, and opened for one use only.
#[test]
fn rows_have_one_use() {
    use pairsmith_core::root_key::VersionUse;
    let random = &mut OsRandom::unbuffered();
    let (root, new) = (
        RootKey::new(secret()).expect("a root key"),
        RootKey::new(SecretBytes::zero(32)).expect("a root key"),
    );
    let data = root.create_version(OWNER, VERSION, random).expect("a row");
    let service = root.create_service_version(VERSION, random).expect("a row");
    for (row, right, wrong) in [
        (&data, VersionUse::Data, VersionUse::Service),
        (&service, VersionUse::Service, VersionUse::Data),
    ] {
        assert!(root.rewrap(wrong, row, OWNER, VERSION, &new, random).is_err());
        let moved = root.rewrap(right, row, OWNER, VERSION, &new, random).expect("moves");
        let is_data = new.open_version(&moved, OWNER, VERSION).is_ok();
        let is_service = new.open_service_version(&moved, VERSION).is_ok();
        assert_eq!(
            (is_data, is_service),
            (right == VersionUse::Data, right == VersionUse::Service)
        );
        assert!(root.upgrade_version(row, OWNER, VERSION, random).is_err());
        assert!(root.open_version_1(row, OWNER, VERSION).is_err());
    }
}
