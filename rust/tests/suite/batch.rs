//! Batches: every pair whole, exactly as many as asked for, and an end whenever it is wanted.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use pairsmith_core::batch::{Batch, Order};
use pairsmith_core::error::Error;
use pairsmith_core::generate::DataKeyPair;
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

fn all_of(batch: &Batch) -> Vec<DataKeyPair> {
    let mut pairs = vec![];
    loop {
        let group = batch.next_group(PATIENCE).expect("no failure").expect("in time");
        if group.is_empty() {
            return pairs;
        }
        pairs.extend(group);
    }
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
        let pairs = all_of(&batch);
        assert_eq!(pairs.len() as u64, count);
        let different = |of: fn(&DataKeyPair) -> &[u8]| {
            pairs.iter().map(of).collect::<HashSet<&[u8]>>().len() == pairs.len()
        };
        assert!(different(|pair| &pair.public_key));
        assert!(different(|pair| &pair.iv));
        assert!(different(|pair| &pair.blob[4..20]));
        for pair in &pairs {
            let opened =
                key().open(Source::plain(&pair.blob, &pair.iv, b"batch")).expect("opens").plaintext;
            let private = pair.private_key.as_ref().expect("asked for");
            assert!(opened.expose() == private.expose());
            if spec == rsa {
                assert_eq!(
                    rsa::pairwise_consistency_test(private.expose(), &pair.public_key),
                    Ok(())
                );
            }
        }
        assert!(batch.next_group(PATIENCE).expect("the end stays").expect("at once").is_empty());
    }
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
