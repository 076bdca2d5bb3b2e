//! Batches: every pair whole, exactly as many as asked for, and an end whenever it is wanted.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::columns::{PairColumns, PairView};
use pairsmith_core::error::Error;
use pairsmith_core::lanes::Engine;
use pairsmith_core::rsa;
use pairsmith_core::secret::SecretBytes;
use pairsmith_core::spec::{Curve, KeyFormat, KeyPairSpec, RsaSize};
use pairsmith_core::wrap::{Layout, Source, WrappingKey};

const PATIENCE: Duration = Duration::from_secs(60);

fn key() -> Arc<WrappingKey> {
    Arc::new(WrappingKey::new(SecretBytes::zero(32), &"v".repeat(36)).expect("a key"))
}

fn order(spec: KeyPairSpec) -> Order {
    Order {
        key: key(),
        spec,
        format: KeyFormat::Der,
        aad: b"batch".to_vec(),
        layout: Layout::Plain,
        with_plaintext: true,
        engine: Engine::best(),
        pairwise_test: false,
    }
}

fn all_of(batch: &Batch) -> Vec<PairColumns> {
    let next = || batch.next_group(PATIENCE).expect("no failure").expect("in time");
    std::iter::repeat_with(next).take_while(|group| !group.is_empty()).collect()
}

/// Whatever the count and the number of workers, exactly so many pairs come, all different in key,
/// Iv and salt, and each opens to its own private key.
#[test]
fn exactly_as_many_come_and_no_two_alike() {
    let rsa = KeyPairSpec::Rsa(RsaSize::Bits2048);
    let cases = [
        (KeyPairSpec::Ec(Curve::P256), 1000, 2),
        (KeyPairSpec::Ec(Curve::P256K), 129, 1),
        (rsa, 13, 2),
        (rsa, 1, 3),
        (rsa, 0, 2),
    ];
    for (spec, count, workers) in cases {
        let batch = Batch::start(order(spec), count, workers);
        let groups = all_of(&batch);
        let pairs: Vec<PairView<'_>> = groups.iter().flat_map(PairColumns::iter).collect();
        assert_eq!(pairs.len() as u64, count);
        let different = |of: fn(PairView<'_>) -> &[u8]| {
            pairs.iter().copied().map(of).collect::<HashSet<&[u8]>>().len() == pairs.len()
        };
        assert!(different(|pair| pair.public_key));
        assert!(different(|pair| pair.iv));
        assert!(different(|pair| &pair.blob[4..20]));
        for pair in &pairs {
            let opened =
                key().open(Source::plain(pair.blob, pair.iv, b"batch")).expect("opens").plaintext;
            let private = pair.private_key.as_ref().expect("asked for");
            assert!(opened.expose() == private.expose());
            if spec == rsa {
                assert_eq!(
                    rsa::pairwise_consistency_test(
                        Engine::best(),
                        private.expose(),
                        pair.public_key
                    ),
                    Ok(())
                );
            }
        }
        assert!(batch.next_group(PATIENCE).expect("the end stays").expect("at once").is_empty());
    }
}

/// So many pairs, asked for until they are there.
fn rows(batch: &Batch, count: usize) -> PairColumns {
    std::iter::repeat_with(|| batch.next_rows(count, PATIENCE).expect("no failure"))
        .find_map(|rows| rows)
        .expect("it goes on until there are some")
}

/// However many are wanted, a caller gets to look around before they are there, and nothing is lost.
#[test]
fn whoever_wants_many_may_look_around() {
    for spec in [KeyPairSpec::Ec(Curve::P256), KeyPairSpec::Rsa(RsaSize::Bits2048)] {
        let batch = Batch::start(order(spec), u64::MAX, 2);
        assert!(batch.next_rows(usize::MAX, PATIENCE).expect("no failure").is_none());
        let group = batch.next_group(PATIENCE).expect("no failure").expect("at once");
        assert!(!group.is_empty());
        batch.stop();
        assert_eq!(batch.next_rows(usize::MAX, PATIENCE).err(), Some(Error::Interrupted));
    }
}

/// Whoever asks for so many pairs gets exactly so many until the last ones, none twice, and none is lost
/// between those who ask for numbers and those who take what comes.
#[test]
fn rows_are_as_many_as_are_asked_for() {
    let batch = Batch::start(order(KeyPairSpec::Ec(Curve::P256)), 9000, 2);
    let mut groups = vec![];
    for count in [1, 300, 7, 5000] {
        groups.push(rows(&batch, count));
        assert_eq!(groups.last().map(PairColumns::len), Some(count));
    }
    groups.push(batch.next_group(PATIENCE).expect("no failure").expect("in time"));
    let left = 9000 - groups.iter().map(PairColumns::len).sum::<usize>();
    groups.push(rows(&batch, 90_000));
    assert_eq!(groups.last().map(PairColumns::len), Some(left));
    assert!(batch.next_rows(1, PATIENCE).expect("the end").expect("at once").is_empty());
    let publics: HashSet<&[u8]> =
        groups.iter().flat_map(PairColumns::iter).map(|pair| pair.public_key).collect();
    assert_eq!(publics.len(), 9000);
    for pair in groups.iter().flat_map(PairColumns::iter) {
        let opened = key().open(Source::plain(pair.blob, pair.iv, b"batch")).expect("opens");
        assert!(Some(opened.plaintext.expose()) == pair.private_key.map(SecretBytes::expose));
    }
}

/// What is there when patience ends is kept: many who will not wait get the same as one who does.
#[test]
fn impatience_for_rows_loses_nothing() {
    let batch = Batch::start(order(KeyPairSpec::Rsa(RsaSize::Bits2048)), 13, 1);
    let (mut rows, mut calls) = (vec![], 0);
    while rows.last() != Some(&0) {
        match batch.next_rows(10, Duration::ZERO).expect("no failure") {
            Some(group) => rows.push(group.len()),
            None => std::thread::yield_now(),
        }
        calls += 1;
    }
    assert_eq!(rows, [10, 3, 0]);
    assert!(calls > 3);
}

/// A batch that is stopped, or dropped with workers waiting for room, ends soon.
#[test]
fn a_batch_ends_when_it_is_told_to() {
    for spec in [KeyPairSpec::Ec(Curve::P256), KeyPairSpec::Rsa(RsaSize::Bits4096)] {
        let batch = Batch::start(order(spec), u64::MAX, 2);
        assert!(!batch.next_group(PATIENCE).expect("a group").expect("in time").is_empty());
        batch.stop();
        assert_eq!(batch.next_group(PATIENCE).err(), Some(Error::Interrupted));
        drop(batch);
        drop(Batch::start(order(spec), u64::MAX, 2));
    }
}

/// A caller who will not wait is told that nothing is ready, and loses nothing by it.
#[test]
fn impatience_loses_nothing() {
    let batch = Batch::start(order(KeyPairSpec::Rsa(RsaSize::Bits3072)), 5, 1);
    let mut pairs = 0;
    loop {
        match batch.next_group(Duration::ZERO).expect("no failure") {
            Some(group) if group.is_empty() => break,
            Some(group) => pairs += group.len(),
            None => std::thread::yield_now(),
        }
    }
    assert_eq!(pairs, 5);
}
