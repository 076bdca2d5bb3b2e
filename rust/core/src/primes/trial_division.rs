//! Trial division of a candidate by all small odd primes, several primes at a time.
//!
//! **Variable time by design.** [`TrialDivision::survives`] leaves at the first group of primes that
//! has a divisor, so its duration tells which group that was. It tells so of discarded numbers only,
//! each drawn independently of every other: a prime passes through the whole table, in the same time
//! as any other prime. What an observer learns of a prime is that no small prime divides it.
//!
//! How far the tables reach was measured: `docs/decisions/trial-division-bound.md`.

use std::convert::Infallible;

use crate::lanes::{Division, Engine, LANES, MODULUS_BOUND, MODULUS_PRIMES};
use crate::natural::Natural;
use crate::once::Once;

/// The primes to divide candidates of one limb count by; each engine has tables of its own, made
/// when they are first used.
pub struct TrialDivision {
    limbs: usize,
    bounds: [Bounds; 3],
    tables: [Once<Division>; 3],
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
        Self { limbs, bounds, tables: [const { Once::new() }; 3] }
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

    /// For tests: how far the engine divides.
    #[doc(hidden)]
    #[must_use]
    pub const fn bounds(&self, engine: Engine) -> Bounds {
        self.bounds[engine as usize]
    }

    /// Makes an engine's tables, unless they are made.
    pub(crate) fn prepare(&self, engine: Engine) {
        self.tables(engine);
    }

    fn tables(&self, engine: Engine) -> &Division {
        let made = self.tables[engine as usize].get_or_make(|| {
            let Bounds { coarse, fine } = self.bounds(engine);
            let primes = odd_primes_below(fine);
            let (below, above) = primes.split_at(primes.partition_point(|prime| *prime < coarse));
            Ok::<_, Infallible>(Division::new(engine, self.limbs, &groups(below), &groups(above)))
        });
        made.unwrap_or_else(|never| match never {})
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
