//! Trial division of candidates by the primes of two tables, the primes of one modulus at a time:
//! a coarse one that leaves at the first prime that divides, and a fine one for what is left.
//!
//! The candidate's residue is the dot product of its limbs with a table of weights, up to a power of
//! two that no odd prime divides; a multiplication by a prime's inverse then shows whether the prime
//! divides the residue. What follows is the portable engine's form.

use super::{Engine, MODULUS_PRIMES, inverse, mask};
use crate::natural::Natural;

/// The tables for candidates of one limb count, in the form that one engine reads.
pub(crate) enum Division {
    Portable {
        coarse: Portable,
        fine: Portable,
    },
    #[cfg(target_arch = "x86_64")]
    Avx512(super::dispatch::Avx512Division),
}

impl Division {
    /// The tables for the products of these groups of one to four odd primes, each below 2^52, and
    /// for candidates of 16, 24 or 32 limbs.
    pub(crate) fn new(engine: Engine, limbs: usize, coarse: &[&[u64]], fine: &[&[u64]]) -> Self {
        match engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Avx512 => {
                Self::Avx512(super::dispatch::Avx512Division::new(limbs, coarse, fine))
            }
            _ => Self::Portable {
                coarse: Portable::new(limbs, coarse),
                fine: Portable::new(limbs, fine),
            },
        }
    }

    /// True if no prime of the coarse table divides the candidate. Leaves at the first modulus that
    /// has one that does.
    pub(crate) fn survives(&self, candidate: &Natural) -> bool {
        match self {
            Self::Portable { coarse, .. } => coarse.survives(candidate),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(tables) => tables.survives(candidate),
        }
    }

    /// Bit i is set if no prime of the fine table divides candidate i, of one to eight.
    pub(crate) fn sift(&self, candidates: &[&Natural]) -> u8 {
        match self {
            Self::Portable { fine, .. } => mask(candidates, |candidate| fine.survives(candidate)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(tables) => tables.sift(candidates),
        }
    }
}

/// One modulus after the other, on limbs of 64 bits.
pub(crate) struct Portable {
    limbs: usize,
    moduli: Vec<Modulus>,
    /// `limbs` weights for each modulus: weight i is 2^(64·i) mod m, times a constant.
    weights: Vec<u64>,
}

/// A product m of odd primes. Below 2^52, sums of 32 products with a limb stay below 2^121.
struct Modulus {
    m: u64,
    /// −1/m mod 2^64.
    m_inverse: u64,
    divisors: [Divisor; MODULUS_PRIMES],
}

/// What shows whether a prime divides a word: its multiples, and no other words, come to at most
/// the limit when multiplied by its inverse modulo 2^64.
struct Divisor {
    inverse: u64,
    limit: u64,
}

impl Portable {
    fn new(limbs: usize, groups: &[&[u64]]) -> Self {
        let moduli: Vec<Modulus> = groups.iter().map(|primes| Modulus::new(primes)).collect();
        let mut weights = vec![0; limbs * moduli.len()];
        for (modulus, row) in moduli.iter().zip(weights.chunks_exact_mut(limbs)) {
            // Downwards from one, dividing by 2^64: the constant is 2^(−64·(limbs − 1)).
            let mut weight = 1;
            for slot in row.iter_mut().rev() {
                *slot = weight;
                weight = modulus.reduce(weight.into());
            }
        }
        Self { limbs, moduli, weights }
    }

    fn survives(&self, candidate: &Natural) -> bool {
        let mut rows = self.moduli.iter().zip(self.weights.chunks_exact(self.limbs));
        !rows.any(|(modulus, weights)| modulus.divides(candidate.limbs(), weights))
    }
}

impl Modulus {
    fn new(primes: &[u64]) -> Self {
        let m = primes.iter().product();
        // Places left over repeat the first prime.
        let prime = |place| *primes.get(place).unwrap_or(&primes[0]);
        let divisor = |prime| Divisor { inverse: inverse(prime), limit: u64::MAX / prime };
        Self {
            m,
            m_inverse: inverse(m).wrapping_neg(),
            divisors: std::array::from_fn(|place| divisor(prime(place))),
        }
    }

    /// A word that is sum / 2^64 modulo m, for a sum below 2^121; at most m if the sum is.
    fn reduce(&self, sum: u128) -> u64 {
        let q = (sum as u64).wrapping_mul(self.m_inverse);
        (sum.wrapping_add(u128::from(q).wrapping_mul(self.m.into())) >> 64) as u64
    }

    /// Whether one of the primes divides the candidate.
    fn divides(&self, candidate: &[u64], weights: &[u64]) -> bool {
        let sum = candidate.iter().zip(weights).fold(0u128, |sum, (&limb, &weight)| {
            sum.wrapping_add(u128::from(limb).wrapping_mul(weight.into()))
        });
        let residue = self.reduce(sum);
        self.divisors.iter().any(|prime| residue.wrapping_mul(prime.inverse) <= prime.limit)
    }
}
