//! Trial division of a candidate by all small odd primes, several primes at a time.
//!
//! **Variable time by design.** [`TrialDivision::survives`] leaves at the first group of primes that
//! has a divisor, so its duration tells which group that was. It tells so of discarded numbers only,
//! each drawn independently of every other: a prime passes through the whole table, in the same time
//! as any other prime. What an observer learns of a prime is that no small prime divides it.
//!
//! How far the tables reach was measured: `docs/decisions/trial-division-bound.md`.

use std::sync::OnceLock;

use crate::lanes::{Division, Engine, LANES, MODULUS_BOUND, MODULUS_PRIMES};
use crate::natural::Natural;

/// The primes to divide candidates of one limb count by; each engine has tables of its own, made
/// when they are first used.
pub struct TrialDivision {
    limbs: usize,
    bounds: [Bounds; 3],
    tables: [OnceLock<Division>; 3],
}

/// How far an engine divides.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Primes below this are divided by in [`TrialDivision::survives`].
    pub coarse: u64,
    /// Primes from there to below this are divided by in [`TrialDivision::sift`].
    pub fine: u64,
}

/// For each engine, in the order of [`Engine::ALL`], primes below 2^12 and from there to 2^fine.
const fn bounds([scalar, avx2, avx512]: [u32; 3]) -> [Bounds; 3] {
    const fn to(fine: u32) -> Bounds {
        Bounds { coarse: 1 << 12, fine: 1 << fine }
    }
    [to(scalar), to(avx2), to(avx512)]
}

/// One for each size, kept for as long as the process lives.
static ALL: [TrialDivision; 3] = [
    TrialDivision::new(16, bounds([16, 15, 16])),
    TrialDivision::new(24, bounds([17, 17, 17])),
    TrialDivision::new(32, bounds([18, 17, 17])),
];

impl TrialDivision {
    /// What the process keeps for candidates of 16, 24 or 32 limbs.
    ///
    /// # Panics
    ///
    /// For any other limb count.
    #[must_use]
    pub fn for_limbs(limbs: usize) -> &'static Self {
        match limbs {
            16 => &ALL[0],
            24 => &ALL[1],
            32 => &ALL[2],
            _ => panic!("candidates of 1024, 1536 or 2048 bits"),
        }
    }

    /// Division as far as the bounds for each engine say, in the order of [`Engine::ALL`].
    #[doc(hidden)]
    #[must_use]
    pub const fn new(limbs: usize, bounds: [Bounds; 3]) -> Self {
        Self { limbs, bounds, tables: [const { OnceLock::new() }; 3] }
    }

    /// True if no odd prime below the coarse bound divides the candidate; false, therefore, also
    /// for these primes themselves.
    ///
    /// # Panics
    ///
    /// If the candidate has not the table's limb count.
    #[must_use]
    pub fn survives(&self, engine: Engine, candidate: &Natural) -> bool {
        assert_eq!(candidate.limbs().len(), self.limbs, "a candidate of the table's size");
        self.tables(engine).survives(candidate)
    }

    /// Bit i is set if no odd prime from the coarse to below the fine bound divides candidate i. One
    /// to eight candidates; [`Engine::width`] of them cost as much as one.
    ///
    /// # Panics
    ///
    /// If there are more candidates, or one that has not the table's limb count.
    #[must_use]
    pub fn sift(&self, engine: Engine, candidates: &[&Natural]) -> u8 {
        assert!((1..=LANES).contains(&candidates.len()), "one to eight lanes");
        let mut limbs = candidates.iter().map(|candidate| candidate.limbs().len());
        assert!(limbs.all(|limbs| limbs == self.limbs), "candidates of the table's size");
        self.tables(engine).sift(candidates)
    }

    /// Makes an engine's tables, unless they are made.
    pub(crate) fn prepare(&self, engine: Engine) {
        self.tables(engine);
    }

    fn tables(&self, engine: Engine) -> &Division {
        self.tables[engine as usize].get_or_init(|| {
            let Bounds { coarse, fine } = self.bounds[engine as usize];
            let primes = odd_primes_below(fine);
            let (below, above) = primes.split_at(primes.partition_point(|prime| *prime < coarse));
            Division::new(engine, self.limbs, &groups(below), &groups(above))
        })
    }
}

/// As many consecutive primes to a group as its product has room for.
fn groups(mut primes: &[u64]) -> Vec<&[u64]> {
    let mut groups = vec![];
    while !primes.is_empty() {
        let products = primes.iter().take(MODULUS_PRIMES).scan(1u64, |product, &prime| {
            *product = product.checked_mul(prime).filter(|product| *product < MODULUS_BOUND)?;
            Some(*product)
        });
        let fitting = products.count();
        let (group, rest) = primes.split_at(fitting);
        groups.push(group);
        primes = rest;
    }
    groups
}

/// Eratosthenes' sieve.
fn odd_primes_below(bound: u64) -> Vec<u64> {
    let mut composite = vec![false; bound as usize];
    let mut primes = vec![];
    for n in (3..bound).step_by(2) {
        if !composite[n as usize] {
            primes.push(n);
            for multiple in (n * n..bound).step_by(2 * n as usize) {
                composite[multiple as usize] = true;
            }
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;

    const SIZES: [(usize, &[u32]); 3] = [
        (16, &[521, 127, 107, 89, 61, 61]),
        (24, &[1279, 127, 61, 31]),
        (32, &[1279, 521, 127, 61, 31]),
    ];

    /// A number whose prime factors are Mersenne's, all above any table's bound.
    fn cofactor(exponents: &[u32]) -> BigUint {
        exponents.iter().map(|&bits| (BigUint::from(1u8) << bits) - 1u8).product()
    }

    fn natural(value: &BigUint, limbs: usize) -> Natural {
        let mut number = Natural::zero(limbs);
        for (limb, digit) in number.limbs_mut().iter_mut().zip(value.iter_u64_digits()) {
            *limb = digit;
        }
        number
    }

    /// Each prime below the bounds is found where it is the only small factor, by the table that it
    /// belongs to; without it, and with the next prime above instead, the number survives.
    #[test]
    fn the_primes_of_the_tables_are_found() {
        for (limbs, exponents) in SIZES {
            let (cofactor, table) = (cofactor(exponents), TrialDivision::for_limbs(limbs));
            for engine in Engine::ALL.into_iter().filter(|engine| engine.available()) {
                let Bounds { coarse, fine } = table.bounds[engine as usize];
                for primes in odd_primes_below(2 * fine).chunks(LANES) {
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
    }

    /// The sieve finds as many odd primes as there are.
    #[test]
    fn primes_are_counted() {
        assert_eq!(odd_primes_below(20), [3, 5, 7, 11, 13, 17, 19]);
        assert_eq!(odd_primes_below(1 << 16).len(), 6541);
    }
}
