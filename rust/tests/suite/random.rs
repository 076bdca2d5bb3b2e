//! Sources of randomness: what they hand out, and what they never hand out twice.

use std::collections::HashSet;

use pairsmith_core::random::{HmacDrbg, OsRandom, RandomSource};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// Whatever the sizes of the draws, no eight bytes come twice: a block is never handed out
    /// again, draws never overlap, and none is left unfilled.
    #[test]
    fn no_bytes_come_twice(sizes in prop::collection::vec(0usize..10_000, 1..40), buffered: bool) {
        let mut source = if buffered { OsRandom::buffered() } else { OsRandom::unbuffered() };
        let mut seen = HashSet::new();
        for size in sizes {
            let mut draw = vec![0; size];
            source.fill(&mut draw).expect("random bytes");
            // Odds of a false alarm: some (40 · 1250)² / 2^65, below 2^-33.
            for piece in draw.chunks_exact(8) {
                prop_assert!(seen.insert(piece.to_vec()), "eight bytes came twice");
            }
        }
    }
}

/// Two sources made at once have nothing in common, as two generations in two threads or processes.
#[test]
fn sources_share_nothing() {
    let draw = || {
        let mut bytes = [0; 64];
        OsRandom::buffered().fill(&mut bytes).expect("random bytes");
        bytes
    };
    let draws: HashSet<[u8; 64]> = (0..100).map(|_| draw()).collect();
    assert_eq!(draws.len(), 100);
}

/// Every bit of a draw is set about half of the time, at the beginning and end of blocks too.
#[test]
fn bits_are_balanced() {
    const ROUNDS: u32 = 4000;
    let mut source = OsRandom::buffered();
    let mut ones = [0u32; 128 * 8];
    for _ in 0..ROUNDS {
        let mut draw = [0u8; 128];
        source.fill(&mut draw).expect("random bytes");
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += u32::from(draw[bit / 8] >> (bit % 8) & 1);
        }
    }
    // Seven standard deviations of √4000 / 2: a false alarm in 10^8 runs.
    for (bit, count) in ones.into_iter().enumerate() {
        assert!(count.abs_diff(ROUNDS / 2) < 222, "bit {bit} was set {count} times");
    }
}

/// `HMAC_DRBG` after SP 800-90A with SHA-256: the numbers that Python's hmac computes by the
/// standard's text. The published det-keygen keys, made from it, are checked in their own test.
#[test]
fn hmac_drbg_is_the_standard_s() {
    let mut drbg = HmacDrbg::new(b"seed", b"personalization");
    for expected in DRAWS {
        let expected = hex::decode(expected).expect("digits");
        let mut draw = vec![0; expected.len()];
        drbg.fill(&mut draw).expect("never fails");
        assert_eq!(draw, expected);
    }
}

/// Draws of 16, 32, 40, 0 and 5 bytes, one after the other.
const DRAWS: [&str; 5] = [
    "d37795c8e2dc5c7c3448f25b5be7654d",
    "c43739ad438749bb4f1edef17a728a6a68fb6e4e1e5f96daea1f035d49b216ae",
    "a9d6991e9df577e500053921b96d1e807ed65d6881041788873f5209f709fe9201cc33a80a9cfed5",
    "",
    "73d0ad5c5f",
];
