//! The table of kinds: each kind has its row, its code and its names, and is served by every part of
//! the core.

use std::collections::HashSet;
use std::time::Duration;

use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::generate::{self, Effort, Request};
use pairsmith_core::health::examine;
use pairsmith_core::interrupt::Never;
use pairsmith_core::kind::KINDS;
use pairsmith_core::lanes::Engine;
use pairsmith_core::open_pair::{Claim, open_pair};
use pairsmith_core::pool::Pool;
use pairsmith_core::purpose::Purpose;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::seeded;
use pairsmith_core::spec::{Curve, DrawnKind, KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::wrap::{Layout, Source, WrappingKey};

const PATIENCE: Duration = Duration::from_secs(120);
const VERSION: &str = "key-0123456789abcdefghijk-0123456789";

/// Every kind stands in the table once, at its place, under a name, a code and a personalization string
/// of its own.
#[test]
fn every_kind_has_a_row_of_its_own() {
    let all = RsaSize::ALL.map(KeyPairSpec::Rsa).into_iter();
    let all = all.chain(Curve::ALL.map(KeyPairSpec::Ec));
    let all: Vec<KeyPairSpec> = all.chain(DrawnKind::ALL.map(KeyPairSpec::Drawn)).collect();
    assert_eq!(all, KeyPairSpec::ALL);
    for (i, spec) in all.iter().enumerate() {
        assert_eq!((spec.place(), spec.kind().spec), (i, *spec));
    }
    let distinct = |values: Vec<&[u8]>| values.iter().collect::<HashSet<_>>().len();
    assert_eq!(distinct(KINDS.iter().map(|kind| kind.name.as_bytes()).collect()), KINDS.len());
    assert_eq!(distinct(KINDS.iter().map(|kind| kind.personalization).collect()), KINDS.len());
}

/// Codes are for ever: blobs are stored with them.
#[test]
fn codes_stay() {
    let codes: Vec<(&str, u8)> = KINDS.iter().map(|kind| (kind.name, kind.code)).collect();
    let expected = [
        ("RSA_2048", 1),
        ("RSA_3072", 2),
        ("RSA_4096", 3),
        ("EC_P256", 4),
        ("EC_P256K", 5),
        ("EC_P384", 6),
        ("EC_P521", 7),
        ("ED25519", 8),
        ("X25519", 9),
        ("ML_KEM_512", 10),
        ("ML_KEM_768", 11),
        ("ML_KEM_1024", 12),
        ("ML_DSA_44", 13),
        ("ML_DSA_65", 14),
        ("ML_DSA_87", 15),
    ];
    assert_eq!(codes, expected);
}

fn key() -> WrappingKey {
    WrappingKey::new(SecretBytes::copy_of(&[7; 32]), VERSION).expect("a key")
}

/// Each kind is made alone, in a batch and for a pool, from a seed twice the same, with its pairwise
/// test; and what was sealed opens as what it was made as, and as no other kind.
#[test]
fn every_kind_is_served_everywhere() {
    let engine = Engine::best();
    for spec in KeyPairSpec::ALL {
        let effort = Effort { pairwise_test: true, ..Effort::of(engine) };
        for format in [KeyFormat::Der, KeyFormat::Pem] {
            let layout = Layout::Plain;
            let request = Request { spec, format, aad: b"", layout, with_plaintext: true };
            let pair = generate::data_key_pair(&key(), &request, effort, &Never).expect("a pair");
            let source = Source::plain(&pair.blob, &pair.iv, b"");
            for claimed in KeyPairSpec::ALL {
                let claim = Claim { spec: claimed, format, public_key: &pair.public_key };
                let opened = open_pair(&key(), source, claim, engine);
                assert_eq!(opened.is_ok(), claimed == spec, "{spec:?} as {claimed:?}");
                if let Ok(opened) = opened {
                    assert_eq!(opened.purpose, Purpose::Pair(spec, format));
                }
            }
        }
        let order = Order {
            key: key().into(),
            spec,
            format: KeyFormat::Der,
            aad: vec![],
            layout: Layout::Advance,
            with_plaintext: false,
            engine,
            pairwise_test: false,
        };
        let (batch, mut made) = (Batch::start(order, 3, 1), 0);
        while made < 3 {
            made += batch.next_group(PATIENCE).expect("no failure").expect("in time").len();
        }
        let pool = Pool::start(&[(spec, 1)], engine, true).expect("memory");
        assert!(pool.wait_full(PATIENCE) && pool.take(spec).is_some(), "{spec:?}");
        let seeded = || seeded::key_pair(spec, Effort::of(engine), &[7; 16], &Never);
        let (one, two) = (seeded().expect("a pair"), seeded().expect("a pair"));
        assert!(one.private_key.expose() == two.private_key.expose(), "{spec:?}");
    }
}

/// Each kind that is drawn has two self-tests, which the examination of everything runs.
#[test]
fn every_kind_has_self_tests() {
    let mut names = vec![];
    examine(Engine::best(), |name, _| names.push(name));
    for kind in DrawnKind::ALL {
        let standard = KeyPairSpec::Drawn(kind).kind().parameters;
        let standard = standard.trim_start_matches("NIST ").split(' ').next().expect("a name");
        assert!(names.contains(&standard), "{standard}");
        let pairwise = |name: &&&str| name.starts_with(&format!("{standard} "));
        assert_eq!(names.iter().filter(pairwise).count(), 1, "{standard}");
    }
}
