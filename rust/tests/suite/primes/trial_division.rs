//! Trial division: each small prime is found by the table that it belongs to.

use num_bigint::BigUint;
use pairsmith_core::lanes::{Engine, LANES};
use pairsmith_core::natural::Natural;
use pairsmith_core::primes::trial_division::{Bounds, TrialDivision};
use pairsmith_tests::{for_each_engine, natural};

for_each_engine!(the_primes_of_the_tables_are_found);

/// Exponents of Mersenne primes, all above any table's bound, for each limb count.
const SIZES: [(usize, &[u32]); 3] = [
    (16, &[521, 127, 107, 89, 61, 61]),
    (24, &[1279, 127, 61, 31]),
    (32, &[1279, 521, 127, 61, 31]),
];

/// Primes below the bounds are found: all that are near a bound, and some of the others.
fn the_primes_of_the_tables_are_found(engine: Engine) {
    assert_found(engine, |i, primes, Bounds { coarse, fine }| {
        let beside = |bound: u64| primes.iter().any(|prime| prime.abs_diff(bound) < 1000);
        i % 10 == 0 || beside(coarse) || beside(fine)
    });
}

mod slow {
    use pairsmith_tests::engines;

    /// All primes below the bounds are found.
    #[test]
    #[ignore = "slow: make test-slow"]
    fn all_primes_of_the_tables_are_found() {
        for engine in engines() {
            super::assert_found(engine, |_, _, _| true);
        }
    }
}

/// Each prime below the bounds is found where it is the only small factor, by the table that it
/// belongs to; without it, and with the next primes above instead, the number survives. Only of the
/// chunks of primes that are `wanted`.
fn assert_found(engine: Engine, wanted: impl Fn(usize, &[u64], Bounds) -> bool) {
    for (limbs, exponents) in SIZES {
        let (cofactor, table) = (mersenne_product(exponents), TrialDivision::for_limbs(limbs));
        let bounds = table.bounds(engine);
        let Bounds { coarse, fine } = bounds;
        let primes = odd_primes_below(2 * fine);
        let chunks = primes.chunks(LANES).enumerate();
        for (_, primes) in chunks.filter(|(i, primes)| wanted(*i, primes, bounds)) {
            let numbers: Vec<Natural> =
                primes.iter().map(|prime| natural(&(&cofactor * prime), limbs)).collect();
            let sifted = table.sift(engine, &numbers.iter().collect::<Vec<_>>());
            for (lane, (prime, number)) in primes.iter().zip(&numbers).enumerate() {
                let name = format!("{engine:?}, {limbs} limbs, {prime}");
                assert_eq!(table.survives(engine, number), *prime >= coarse, "{name}");
                let found = (coarse..fine).contains(prime);
                assert_eq!(sifted >> lane & 1 == 0, found, "{name}");
            }
        }
    }
}

/// The sieve of this test finds as many odd primes as there are.
#[test]
fn primes_are_counted() {
    assert_eq!(odd_primes_below(20), [3, 5, 7, 11, 13, 17, 19]);
    assert_eq!(odd_primes_below(1 << 16).len(), 6541);
}

fn mersenne_product(exponents: &[u32]) -> BigUint {
    exponents.iter().map(|&bits| (BigUint::from(1u8) << bits) - 1u8).product()
}

/// Odd numbers that no smaller prime divides.
fn odd_primes_below(bound: u64) -> Vec<u64> {
    let mut primes: Vec<u64> = vec![];
    for n in (3..bound).step_by(2) {
        let mut small = primes.iter().take_while(|prime| *prime * *prime <= n);
        if small.all(|prime| n % prime != 0) {
            primes.push(n);
        }
    }
    primes
}
