//! Greatest common divisors and inverses: T. Pornin, "Optimized Binary GCD for Modular Inversion"
//! (IACR ePrint 2020/972), algorithm 2.
//!
//! The binary algorithm halves one of two numbers in every step. Here the steps are decided on words
//! that hold both numbers' lowest 31 and highest 33 bits, and every 31 of them are applied to the
//! numbers themselves at once. How many steps there are depends on the limb count alone.

use std::hint::black_box;
use std::mem::swap;

use zeroize::ZeroizeOnDrop;

use super::Natural;
use super::assemble::inverse_modulo_word;

/// Steps decided on one pair of words: their factors then fit 32 bits and a sign.
const STEPS: u32 = 31;
const LOW_BITS: u64 = (1 << STEPS) - 1;

/// What 31 steps do: a becomes (f0·a + g0·b) / 2^31, and b becomes (f1·a + g1·b) / 2^31.
#[derive(ZeroizeOnDrop)]
struct Factors {
    f0: i64,
    g0: i64,
    f1: i64,
    g1: i64,
}

impl Natural {
    /// The greatest common divisor of two odd numbers of the same limb count.
    #[must_use]
    pub fn gcd_of_odd(left: &Self, right: &Self) -> Self {
        let (mut a, mut b) = (left.copy(), right.copy());
        let mut next = [Self::zero(a.limbs.len()), Self::zero(a.limbs.len())];
        for _ in 0..passes(a.limbs.len()) {
            step(&mut a, &mut b, &mut next);
        }
        b
    }

    /// self⁻¹ modulo an odd modulus of the same limb count; the number is below the modulus and has
    /// no divisor in common with it.
    #[must_use]
    pub fn inverse_modulo_odd(&self, modulus: &Self) -> Self {
        let limbs = self.limbs.len();
        let (mut a, mut b) = (self.copy(), modulus.copy());
        // Throughout, a ≡ u · self and b ≡ v · self modulo the modulus.
        let (mut u, mut v) = (Self::word(1, limbs), Self::zero(limbs));
        let mut next = [Self::zero(limbs), Self::zero(limbs)];
        let negated_inverse = inverse_modulo_word(modulus.limbs[0]).wrapping_neg();
        for _ in 0..passes(limbs) {
            let by = step(&mut a, &mut b, &mut next);
            next[0].assign_modular([&u, &v], [by.f0, by.g0], modulus, negated_inverse);
            next[1].assign_modular([&u, &v], [by.f1, by.g1], modulus, negated_inverse);
            let [next_u, next_v] = &mut next;
            swap(&mut u, next_u);
            swap(&mut v, next_v);
        }
        v
    }

    /// self = (f·x + g·y) / 2^31, which is exact; returns what lies above the limbs, the sign.
    fn assign_combination<const N: usize>(&mut self, numbers: [&Self; N], by: [i64; N]) -> i64 {
        let (mut carry, mut below) = (0i128, 0);
        for i in 0..self.limbs.len() {
            let terms = numbers.iter().zip(by);
            let sum = terms.fold(carry, |sum, (x, f)| sum + i128::from(x.limbs[i]) * i128::from(f));
            if i > 0 {
                self.limbs[i - 1] = below >> STEPS | (sum.cast_unsigned() as u64) << (64 - STEPS);
            }
            below = sum.cast_unsigned() as u64;
            carry = sum >> 64;
        }
        let top = self.limbs.len() - 1;
        self.limbs[top] = below >> STEPS | (carry.cast_unsigned() as u64) << (64 - STEPS);
        (carry >> STEPS) as i64
    }

    /// self = (f·x + g·y) / 2^31 modulo m, for x and y below m and |f| + |g| ≤ 2^31.
    fn assign_modular(
        &mut self,
        [x, y]: [&Self; 2],
        [f, g]: [i64; 2],
        m: &Self,
        negated_inverse: u64,
    ) {
        let low = x.limbs[0]
            .wrapping_mul(f.cast_unsigned())
            .wrapping_add(y.limbs[0].wrapping_mul(g.cast_unsigned()));
        // The multiple of m that makes the sum divisible by 2^31: the result is in −m .. 2m.
        let multiple = (low.wrapping_mul(negated_inverse) & LOW_BITS).cast_signed();
        let mut top = self.assign_combination([x, y, m], [f, g, multiple]);
        top += self.add_if(m, (top >> 63).cast_unsigned()).cast_signed();
        top -= self.subtract(m).cast_signed();
        self.add_if(m, (top >> 63).cast_unsigned());
    }

    /// self = −self modulo 2^(64 · limbs) where `mask` is all ones.
    fn negate_if(&mut self, mask: u64) {
        let mask = black_box(mask);
        let mut carry = mask & 1;
        for limb in &mut self.limbs {
            let (negated, overflow) = (*limb ^ mask).overflowing_add(carry);
            *limb = negated;
            carry = u64::from(overflow);
        }
    }

    /// self += other where `mask` is all ones; returns the carry.
    fn add_if(&mut self, other: &Self, mask: u64) -> u64 {
        let mask = black_box(mask);
        let mut carry = 0;
        for (limb, &added) in self.limbs.iter_mut().zip(&other.limbs) {
            let sum = u128::from(*limb) + u128::from(added & mask) + u128::from(carry);
            *limb = sum as u64;
            carry = (sum >> 64) as u64;
        }
        carry
    }

    /// self −= other; returns the borrow.
    fn subtract(&mut self, other: &Self) -> u64 {
        let mut borrow = false;
        for (limb, &subtracted) in self.limbs.iter_mut().zip(&other.limbs) {
            let (partial, first) = limb.overflowing_sub(subtracted);
            let (difference, second) = partial.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = first | second;
        }
        u64::from(borrow)
    }
}

/// Both numbers together lose a bit in every step. Two passes are to spare; once a is 0, a step
/// changes nothing.
fn passes(limbs: usize) -> u32 {
    (2 * 64 * limbs as u32).div_ceil(STEPS) + 2
}

/// 31 steps of the binary algorithm, applied to a and b.
fn step(a: &mut Natural, b: &mut Natural, next: &mut [Natural; 2]) -> Factors {
    let (a_word, b_word) = approximations(a, b);
    let mut by = decide(a_word, b_word);
    let [next_a, next_b] = next;
    let a_sign = next_a.assign_combination([&*a, &*b], [by.f0, by.g0]);
    let b_sign = next_b.assign_combination([&*a, &*b], [by.f1, by.g1]);
    // A comparison of words can be wrong where the numbers hardly differ; the result is then small
    // and may be negative (section 3 of the paper).
    next_a.negate_if((a_sign >> 63).cast_unsigned());
    next_b.negate_if((b_sign >> 63).cast_unsigned());
    by.negate_if(a_sign >> 63, b_sign >> 63);
    swap(a, next_a);
    swap(b, next_b);
    by
}

/// The lowest 31 bits of each number with 33 bits of each from where the longer one begins; the
/// numbers themselves once both fit a word.
fn approximations(a: &Natural, b: &Natural) -> (u64, u64) {
    // The highest limb that is not zero in both, and the one below it.
    let (mut a_high, mut b_high, mut a_low, mut b_low) = (0, 0, 0, 0);
    let mut searching = u64::MAX;
    for i in (1..a.limbs.len()).rev() {
        a_high ^= (a_high ^ a.limbs[i]) & searching;
        b_high ^= (b_high ^ b.limbs[i]) & searching;
        a_low ^= (a_low ^ a.limbs[i - 1]) & searching;
        b_low ^= (b_low ^ b.limbs[i - 1]) & searching;
        searching = black_box(searching & ones_if_zero(a.limbs[i] | b.limbs[i]));
    }
    // If `searching` is still set, both fit their lowest limb and the high limbs are 0.
    let shift = (a_high | b_high).leading_zeros() & 63;
    let near = |high: u64, low: u64, lowest: u64| {
        let top = high << shift | low >> 1 >> (63 - shift);
        let joined = top & !LOW_BITS | lowest & LOW_BITS;
        joined ^ (joined ^ lowest) & searching
    };
    (near(a_high, a_low, a.limbs[0]), near(b_high, b_low, b.limbs[0]))
}

/// Decides 31 steps: a is made even by subtracting b if it was odd, after a swap if it was the
/// smaller one, and halved.
fn decide(mut a: u64, mut b: u64) -> Factors {
    let (mut f0, mut g0, mut f1, mut g1) = (1i64, 0i64, 0i64, 1i64);
    for _ in 0..STEPS {
        let odd = black_box((a & 1).wrapping_neg());
        let swapped = odd & black_box(u64::from(a < b).wrapping_neg());
        exchange(&mut a, &mut b, swapped);
        let (odd_signed, swapped) = (odd.cast_signed(), swapped.cast_signed());
        let (f, g) = ((f0 ^ f1) & swapped, (g0 ^ g1) & swapped);
        (f0, f1, g0, g1) = (f0 ^ f, f1 ^ f, g0 ^ g, g1 ^ g);
        a = a.wrapping_sub(b & odd) >> 1;
        (f0, g0) = (f0 - (f1 & odd_signed), g0 - (g1 & odd_signed));
        (f1, g1) = (f1 << 1, g1 << 1);
    }
    Factors { f0, g0, f1, g1 }
}

impl Factors {
    /// Changes signs where a mask is −1.
    fn negate_if(&mut self, first: i64, second: i64) {
        (self.f0, self.g0) = ((self.f0 ^ first) - first, (self.g0 ^ first) - first);
        (self.f1, self.g1) = ((self.f1 ^ second) - second, (self.g1 ^ second) - second);
    }
}

fn exchange(a: &mut u64, b: &mut u64, mask: u64) {
    let difference = (*a ^ *b) & mask;
    (*a, *b) = (*a ^ difference, *b ^ difference);
}

fn ones_if_zero(word: u64) -> u64 {
    ((word | word.wrapping_neg()) >> 63).wrapping_sub(1)
}
