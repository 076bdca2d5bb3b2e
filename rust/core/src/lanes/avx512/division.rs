//! Trial division in lanes: one candidate by eight moduli at once, or eight candidates by one.
//!
//! A candidate's residue is the dot product of its limbs with a table of weights 2^(52·i) mod m,
//! times a constant that no odd prime divides; one Montgomery step makes a word of it.
//!
//! The first form can leave early, and most candidates fall to the smallest primes. The second reads
//! an eighth of the table for each candidate: beyond the first-level cache that is what counts.

use std::arch::x86_64::{_mm512_cmple_epu64_mask, _mm512_mullo_epi64, _mm512_srli_epi64};

use zeroize::Zeroizing;

use super::vector::{
    LIMB_BITS, LIMB_MASK, Lanes, add, broadcast_limbs, from_words, high, limbs_at, low, splat, zero,
};
use crate::lanes::{MODULUS_PRIMES, inverse};
use crate::natural::Natural;

/// The tables for candidates of L limbs.
pub(crate) struct Division<const L: usize> {
    coarse: Vec<Modulus<L, Lanes>>,
    fine: Vec<Modulus<L, u64>>,
}

/// Eight moduli below 2^52, or one: products of up to four odd primes.
struct Modulus<const L: usize, W> {
    weights: [W; L],
    m: W,
    /// −1/m mod 2^52.
    m_inverse: W,
    /// For each prime of a modulus: its inverse modulo 2^64, and the greatest multiple of that
    /// inverse that a multiple of the prime comes to.
    divisors: [(W, W); MODULUS_PRIMES],
    /// How many primes the moduli have at most.
    primes: usize,
}

impl<const L: usize> Division<L> {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(in crate::lanes) fn new(coarse: &[&[u64]], fine: &[&[u64]]) -> Self {
        let eight = |groups: &[&[u64]]| {
            // Lanes left over repeat the first group.
            let group = |lane: usize| *groups.get(lane).unwrap_or(&groups[0]);
            let moduli: [_; 8] = std::array::from_fn(|lane| Modulus::new(group(lane)));
            Modulus::side_by_side(&moduli)
        };
        Self {
            coarse: coarse.chunks(8).map(eight).collect(),
            // An even number: one may stand there twice.
            fine: fine
                .chunks(2)
                .flat_map(|pair| [pair[0], pair[pair.len() - 1]])
                .map(Modulus::new)
                .collect(),
        }
    }

    /// True if no prime of the coarse table divides the candidate.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(in crate::lanes) fn survives(&self, candidate: &Natural) -> bool {
        let limbs = Zeroizing::new(broadcast_limbs::<L>(candidate));
        self.coarse.iter().all(|moduli| divided([moduli], &limbs, |lanes| lanes) == 0)
    }

    /// Bit i is set if no prime of the fine table divides candidate i.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(in crate::lanes) fn sift(&self, candidates: &[&Natural]) -> u8 {
        let mut limbs = Zeroizing::new([zero(); L]);
        for (index, limb) in limbs.iter_mut().enumerate() {
            *limb = limbs_at(candidates, index);
        }
        let divided = self.fine.as_chunks().0.iter().fold(0, |divided_before, [a, b]| {
            divided_before | divided([a, b], &limbs, |word| splat(word))
        });
        !divided & u8::MAX >> (8 - candidates.len())
    }
}

impl<const L: usize> Modulus<L, u64> {
    fn new(primes: &[u64]) -> Self {
        let m = primes.iter().product();
        let m_inverse = inverse(m).wrapping_neg() & LIMB_MASK;
        // Places left over repeat the first prime.
        let divisor = |place| {
            let prime = *primes.get(place).unwrap_or(&primes[0]);
            (inverse(prime), u64::MAX / prime)
        };
        let divisors = std::array::from_fn(divisor);
        let mut weights = [1u64; L];
        // Downwards from one, dividing by 2^52: the constant is 2^(−52·(L − 1)).
        for index in (1..L).rev() {
            let q = weights[index].wrapping_mul(m_inverse) & LIMB_MASK;
            let sum = u128::from(weights[index]) + u128::from(q) * u128::from(m);
            weights[index - 1] = (sum >> LIMB_BITS) as u64;
        }
        Self { weights, m, m_inverse, divisors, primes: primes.len() }
    }
}

impl<const L: usize> Modulus<L, Lanes> {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn side_by_side(moduli: &[Modulus<L, u64>; 8]) -> Self {
        let lanes = |word: &dyn Fn(&Modulus<L, u64>) -> u64| {
            from_words(std::array::from_fn(|lane| word(&moduli[lane])))
        };
        Self {
            weights: std::array::from_fn(|index| lanes(&|modulus| modulus.weights[index])),
            m: lanes(&|modulus| modulus.m),
            m_inverse: lanes(&|modulus| modulus.m_inverse),
            divisors: std::array::from_fn(|place| {
                let inverse = lanes(&|modulus| modulus.divisors[place].0);
                (inverse, lanes(&|modulus| modulus.divisors[place].1))
            }),
            primes: moduli.iter().map(|modulus| modulus.primes).max().unwrap_or(0),
        }
    }
}

/// The lanes in which a prime of the moduli divides the candidate; `lanes` loads a word. Two moduli
/// at a time share the candidate's loads, which would otherwise take longer than the arithmetic.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn divided<const L: usize, const N: usize, W: Copy>(
    moduli: [&Modulus<L, W>; N],
    candidate: &[Lanes; L],
    lanes: impl Fn(W) -> Lanes,
) -> u8 {
    // Two sums of each kind: a multiply-add takes four cycles, and two start in each.
    let mut sums = [[zero(); 4]; N];
    for (pair, [even, odd]) in candidate.as_chunks::<2>().0.iter().enumerate() {
        for ([low_even, high_even, low_odd, high_odd], modulus) in sums.iter_mut().zip(moduli) {
            let weight = lanes(modulus.weights[2 * pair]);
            *low_even = low(*low_even, *even, weight);
            *high_even = high(*high_even, *even, weight);
            let weight = lanes(modulus.weights[2 * pair + 1]);
            *low_odd = low(*low_odd, *odd, weight);
            *high_odd = high(*high_odd, *odd, weight);
        }
    }
    let mut divided = 0;
    for ([low_even, high_even, low_odd, high_odd], modulus) in sums.into_iter().zip(moduli) {
        let (sum, above, m) = (add(low_even, low_odd), add(high_even, high_odd), lanes(modulus.m));
        let q = low(zero(), sum, lanes(modulus.m_inverse));
        let carry = _mm512_srli_epi64::<{ LIMB_BITS as u32 }>(low(sum, q, m));
        let residue = add(high(above, q, m), carry);
        for &(inverse, limit) in &modulus.divisors[..modulus.primes] {
            let quotient = _mm512_mullo_epi64(residue, lanes(inverse));
            divided |= _mm512_cmple_epu64_mask(quotient, lanes(limit));
        }
    }
    divided
}
