//! Trial division of a candidate by all small odd primes, several primes at a time.
//!
//! Consecutive primes are multiplied to moduli of less than 50 bits. The candidate's residue is the
//! dot product of its limbs with a table of weights, up to a power of two that no odd prime divides;
//! a multiplication by each prime's inverse then shows whether the prime divides the residue.
//!
//! **Variable time by design.** [`TrialDivision::survives`] leaves at the first group that divides,
//! so its duration tells which group that was. It tells so of discarded numbers only, each drawn
//! independently of every other: a prime passes through the whole table, in the same time as any
//! other prime. What an observer learns of a prime is that no small prime divides it.

use std::sync::LazyLock;

use crate::lanes::{Engine, inverse};
use crate::natural::Natural;

/// The most primes in one modulus.
const PRIMES: usize = 4;
/// Moduli are below 2^50: sums of 32 products of a modulus and a limb stay below 2^128.
const MODULUS_BITS: u32 = 50;

/// The table for candidates of one limb count.
pub struct TrialDivision {
    limbs: usize,
    groups: Vec<Group>,
    /// `limbs` weights for each group: weight i is 2^(64·i) mod m, times a constant.
    weights: Vec<u64>,
}

/// Primes that are divided by together.
struct Group {
    /// Their product m.
    modulus: u64,
    /// −1/m mod 2^64.
    modulus_inverse: u64,
    primes: [Divisor; PRIMES],
}

/// What it takes to see whether a prime divides a word: its multiples, and no others, come below
/// the limit when multiplied by its inverse modulo 2^64.
#[derive(Clone, Copy)]
struct Divisor {
    inverse: u64,
    limit: u64,
}

/// Primes below these are divided by, for candidates of 16, 24 and 32 limbs.
const BOUNDS: [u64; 3] = [1 << 14, 1 << 15, 1 << 16];

static TABLES: [LazyLock<TrialDivision>; 3] = [
    LazyLock::new(|| TrialDivision::new(16, BOUNDS[0])),
    LazyLock::new(|| TrialDivision::new(24, BOUNDS[1])),
    LazyLock::new(|| TrialDivision::new(32, BOUNDS[2])),
];

impl TrialDivision {
    /// The process's table for candidates of 16, 24 or 32 limbs, made at the first call.
    ///
    /// # Panics
    ///
    /// For any other limb count.
    #[must_use]
    pub fn for_limbs(limbs: usize) -> &'static Self {
        match limbs {
            16 => &TABLES[0],
            24 => &TABLES[1],
            32 => &TABLES[2],
            _ => panic!("candidates of 1024, 1536 or 2048 bits"),
        }
    }

    /// True if no odd prime of the table divides the candidate; false, therefore, also for these
    /// primes themselves.
    ///
    /// # Panics
    ///
    /// If the candidate has not the table's limb count.
    #[must_use]
    pub fn survives(&self, engine: Engine, candidate: &Natural) -> bool {
        assert_eq!(candidate.limbs().len(), self.limbs, "a candidate of the table's size");
        match engine {
            Engine::Portable | Engine::Avx512 => self.survives_portable(candidate.limbs()),
        }
    }

    fn new(limbs: usize, bound: u64) -> Self {
        let groups: Vec<Group> = groups(&odd_primes_below(bound)).collect();
        let mut weights = vec![0; limbs * groups.len()];
        for (group, row) in groups.iter().zip(weights.chunks_exact_mut(limbs)) {
            // Downwards from one, dividing by 2^64: the constant is 2^(−64·(limbs − 1)).
            let mut weight = 1;
            for slot in row.iter_mut().rev() {
                *slot = weight;
                weight = group.reduce(weight.into());
            }
        }
        Self { limbs, groups, weights }
    }

    fn survives_portable(&self, candidate: &[u64]) -> bool {
        self.groups.iter().zip(self.weights.chunks_exact(self.limbs)).all(|(group, weights)| {
            let sum = candidate.iter().zip(weights).fold(0u128, |sum, (&limb, &weight)| {
                sum.wrapping_add(u128::from(limb).wrapping_mul(weight.into()))
            });
            let residue = group.reduce(sum);
            !group.primes.iter().any(|p| residue.wrapping_mul(p.inverse) <= p.limit)
        })
    }
}

impl Group {
    fn new(primes: &[u64]) -> Self {
        let modulus = primes.iter().product();
        // Places left over repeat the first prime.
        let divisor = |i| Divisor::new(*primes.get(i).unwrap_or(&primes[0]));
        Self {
            modulus,
            modulus_inverse: inverse(modulus).wrapping_neg(),
            primes: std::array::from_fn(divisor),
        }
    }

    /// A word that is sum / 2^64 modulo m, for a sum below 2^119; at most m if the sum is below m.
    fn reduce(&self, sum: u128) -> u64 {
        let q = (sum as u64).wrapping_mul(self.modulus_inverse);
        (sum.wrapping_add(u128::from(q).wrapping_mul(self.modulus.into())) >> 64) as u64
    }
}

impl Divisor {
    fn new(prime: u64) -> Self {
        Self { inverse: inverse(prime), limit: u64::MAX / prime }
    }
}

/// As many consecutive primes to a group as its modulus has room for.
fn groups(mut primes: &[u64]) -> impl Iterator<Item = Group> {
    std::iter::from_fn(move || {
        let products = primes.iter().take(PRIMES).scan(1u64, |m, &p| {
            *m *= p;
            Some(*m)
        });
        let fitting = products.take_while(|m| m >> MODULUS_BITS == 0).count();
        let (group, rest) = primes.split_at(fitting);
        primes = rest;
        (!group.is_empty()).then(|| Group::new(group))
    })
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

    fn survives(limbs: usize, value: &BigUint) -> Vec<bool> {
        let table = TrialDivision::for_limbs(limbs);
        let engines = Engine::ALL.into_iter().filter(|engine| engine.available());
        engines.map(|engine| table.survives(engine, &natural(value, limbs))).collect()
    }

    /// Each prime of the table is found where it is the only small factor; without it the number
    /// survives.
    #[test]
    fn every_prime_is_found() {
        for (limbs, exponents) in SIZES {
            let cofactor = cofactor(exponents);
            assert!(survives(limbs, &cofactor).into_iter().all(|survives| survives));
            for prime in odd_primes_below(BOUNDS[limbs / 8 - 2]) {
                let found =
                    survives(limbs, &(&cofactor * prime)).into_iter().all(|survives| !survives);
                assert!(found, "{prime} in {limbs} limbs");
            }
        }
    }

    /// The next prime after the table's last is not found: the bound is what it says.
    #[test]
    fn primes_above_the_bound_survive() {
        for (limbs, exponents) in SIZES {
            let bound = BOUNDS[limbs / 8 - 2];
            let next =
                odd_primes_below(2 * bound).into_iter().find(|p| *p > bound).expect("Bertrand");
            assert!(
                survives(limbs, &(cofactor(exponents) * next)).into_iter().all(|survives| survives)
            );
        }
    }

    /// The sieve finds as many odd primes as there are.
    #[test]
    fn primes_are_counted() {
        assert_eq!(odd_primes_below(20), [3, 5, 7, 11, 13, 17, 19]);
        assert_eq!(odd_primes_below(1 << 16).len(), 6541);
    }
}
