//! Trial division of one candidate by eight moduli at once.
//!
//! The candidate's residue is the dot product of its limbs with a table of weights 2^(52·i) mod m,
//! times a constant that no odd prime divides; one Montgomery step makes a word of it.

use std::arch::x86_64::{_mm512_cmple_epu64_mask, _mm512_mullo_epi64, _mm512_srli_epi64};

use super::vector::{
    LIMB_BITS, Lanes, add, broadcast_limbs, from_words, high, limb_of, low, splat, zero,
};
use crate::lanes::{MODULUS_PRIMES, inverse};
use crate::natural::Natural;

/// A table for candidates of L limbs.
pub(crate) struct Division<const L: usize> {
    chunks: Vec<Chunk<L>>,
}

/// Eight moduli below 2^50, each a product of up to four odd primes.
struct Chunk<const L: usize> {
    weights: [Lanes; L],
    modulus: Lanes,
    /// −1/m mod 2^52.
    modulus_inverse: Lanes,
    /// For each prime of a modulus: its inverse modulo 2^64, and the greatest multiple of that
    /// inverse that a multiple of the prime comes to.
    divisors: [(Lanes, Lanes); MODULUS_PRIMES],
    /// How many primes the moduli have at most.
    primes: usize,
}

impl<const L: usize> Division<L> {
    /// The table for moduli that are the products of these groups.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn new(groups: &[&[u64]]) -> Self {
        Self { chunks: groups.chunks(8).map(|groups| Chunk::new(groups)).collect() }
    }

    /// True if no prime of the table divides the candidate.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn survives(&self, candidate: &Natural) -> bool {
        let limbs = broadcast_limbs::<L>(candidate);
        self.chunks.iter().all(|chunk| !chunk.divides(&limbs))
    }
}

impl<const L: usize> Chunk<L> {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn new(groups: &[&[u64]]) -> Self {
        // Lanes left over repeat the first group, places left over a group's first prime.
        let group = |lane: usize| groups.get(lane).unwrap_or(&groups[0]);
        let prime = |lane, place| *group(lane).get(place).unwrap_or(&group(lane)[0]);
        let moduli: [u64; 8] = std::array::from_fn(|lane| group(lane).iter().product());
        let mut this = Self {
            weights: [zero(); L],
            modulus: from_words(moduli),
            modulus_inverse: limb_of(from_words(moduli.map(|m| inverse(m).wrapping_neg()))),
            divisors: std::array::from_fn(|place| {
                let primes: [u64; 8] = std::array::from_fn(|lane| prime(lane, place));
                (from_words(primes.map(inverse)), from_words(primes.map(|p| u64::MAX / p)))
            }),
            primes: groups.iter().map(|group| group.len()).max().unwrap_or(0),
        };
        // Downwards from one, dividing by 2^52: the constant is 2^(−52·(L − 1)).
        let mut weight = splat(1);
        for index in (0..L).rev() {
            this.weights[index] = weight;
            weight = this.reduce(weight, zero());
        }
        this
    }

    /// In each lane a word that is sum / 2^52 + `above` modulo m, for a sum of at most 2^62.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn reduce(&self, sum: Lanes, above: Lanes) -> Lanes {
        let q = low(zero(), sum, self.modulus_inverse);
        let carry = _mm512_srli_epi64::<{ LIMB_BITS as u32 }>(low(sum, q, self.modulus));
        add(high(above, q, self.modulus), carry)
    }

    /// Whether any prime of any lane divides the candidate.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn divides(&self, candidate: &[Lanes; L]) -> bool {
        // Two sums of each kind: a multiply-add takes four cycles, and two start in each.
        let (mut lows, mut highs) = ([zero(); 2], [zero(); 2]);
        for i in 0..L {
            lows[i % 2] = low(lows[i % 2], candidate[i], self.weights[i]);
            highs[i % 2] = high(highs[i % 2], candidate[i], self.weights[i]);
        }
        let residue = self.reduce(add(lows[0], lows[1]), add(highs[0], highs[1]));
        let divided = self.divisors[..self.primes].iter().fold(0, |divided, (inverse, limit)| {
            divided | _mm512_cmple_epu64_mask(_mm512_mullo_epi64(residue, *inverse), *limit)
        });
        divided != 0
    }
}
