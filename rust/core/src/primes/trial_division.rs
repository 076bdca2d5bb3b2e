//! Trial division of a candidate by all small odd primes, several primes at a time.
//!
//! **Variable time by design.** [`TrialDivision::survives`] leaves at the first group of primes that
//! has a divisor, so its duration tells which group that was. It tells so of discarded numbers only,
//! each drawn independently of every other: a prime passes through the whole table, in the same time
//! as any other prime. What an observer learns of a prime is that no small prime divides it.
//!
//! How far the tables reach was measured: `docs/decisions/trial-division-bound.md`.

use std::sync::OnceLock;

use crate::lanes::{Division, Engine, MODULUS_BOUND, MODULUS_PRIMES};
use crate::natural::Natural;

/// The primes to divide candidates of one limb count by; each engine has a table of its own, made
/// when it is first used.
pub struct TrialDivision {
    limbs: usize,
    bounds: [u64; 2],
    tables: [OnceLock<Division>; 2],
}

/// One for each size, kept for as long as the process lives.
static ALL: [TrialDivision; 3] = [
    TrialDivision::new(16, [1 << 14, 1 << 16]),
    TrialDivision::new(24, [1 << 15, 1 << 17]),
    TrialDivision::new(32, [1 << 16, 1 << 17]),
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

    /// Division by the primes below a bound for each engine, in the order of [`Engine::ALL`].
    #[doc(hidden)]
    #[must_use]
    pub const fn new(limbs: usize, bounds: [u64; 2]) -> Self {
        Self { limbs, bounds, tables: [const { OnceLock::new() }; 2] }
    }

    /// True if no odd prime of the engine's table divides the candidate; false, therefore, also for
    /// these primes themselves.
    ///
    /// # Panics
    ///
    /// If the candidate has not the table's limb count.
    #[must_use]
    pub fn survives(&self, engine: Engine, candidate: &Natural) -> bool {
        assert_eq!(candidate.limbs().len(), self.limbs, "a candidate of the table's size");
        self.table(engine).survives(candidate)
    }

    fn table(&self, engine: Engine) -> &Division {
        self.tables[engine as usize].get_or_init(|| {
            let primes = odd_primes_below(self.bounds[engine as usize]);
            Division::new(engine, self.limbs, &groups(&primes))
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

    fn engines() -> impl Iterator<Item = Engine> {
        Engine::ALL.into_iter().filter(|engine| engine.available())
    }

    /// Each prime of a table is found where it is the only small factor; without it, and with the
    /// next prime above the bound instead, the number survives.
    #[test]
    fn the_primes_of_the_table_are_found() {
        for (limbs, exponents) in SIZES {
            let (cofactor, table) = (cofactor(exponents), TrialDivision::for_limbs(limbs));
            for engine in engines() {
                let bound = table.bounds[engine as usize];
                let primes = odd_primes_below(2 * bound);
                let below = primes.partition_point(|prime| *prime < bound);
                let survives =
                    |factor: u64| table.survives(engine, &natural(&(&cofactor * factor), limbs));
                assert!(survives(1) && survives(primes[below]), "{engine:?} {limbs}");
                let missed = primes[..below].iter().find(|prime| survives(**prime));
                assert_eq!(missed, None, "{engine:?} {limbs}");
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
