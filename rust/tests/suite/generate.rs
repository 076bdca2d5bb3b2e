//! A seed gives one key: on the portable engine, on the vector engine, on any number of threads.

use pairsmith_core::generate::{self, Effort};
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::{HmacDrbg, OsRandom, RandomSource};
use pairsmith_core::spec::{KeyPairSpec, RsaSize};
use pairsmith_tests::engines;

fn document(seed: &[u8], size: RsaSize, effort: Effort) -> Vec<u8> {
    let mut candidates = HmacDrbg::new(seed, b"engines agree");
    let pair = generate::key_pair(KeyPairSpec::Rsa(size), effort, &mut candidates, &Never)
        .expect("a key from the seed");
    pair.private_key.expose().to_vec()
}

/// Fresh random seeds, so many for each size. The portable engine on one thread is the oracle.
fn assert_agreement(seeds: [usize; 3]) {
    for (size, seeds) in RsaSize::ALL.into_iter().zip(seeds) {
        for i in 0..seeds {
            let mut seed = [0; 32];
            OsRandom::unbuffered().fill(&mut seed).expect("random bytes");
            let expected = document(&seed, size, Effort::of(Engine::Scalar));
            // Three threads bring nothing that two have not; each seed tries one number.
            let threads = 1 + i % 3;
            for engine in engines() {
                let same =
                    document(&seed, size, Effort { threads, ..Effort::of(engine) }) == expected;
                assert!(
                    same,
                    "{size:?}, {engine:?}, {threads} threads, seed {}",
                    hex::encode(seed)
                );
            }
        }
    }
}

/// The engines agree on some seeds.
#[test]
fn engines_and_threads_agree() {
    assert_agreement([3, 1, 1]);
}

mod slow {
    /// The engines agree on a thousand seeds.
    #[test]
    #[ignore = "slow: make test-slow"]
    fn engines_and_threads_agree_on_a_thousand_seeds() {
        super::assert_agreement([700, 200, 100]);
    }
}
