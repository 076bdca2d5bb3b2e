//! Exponentiation of one or two numbers, each spread over the lanes of V registers: limb i is lane i
//! div V of register i mod V, so that the next limb stands in the next register and division by 2^52
//! is mostly a change of names.
//!
//! Two numbers take half the time of eight that have a lane each. The limbs of a product are found
//! from the lowest up, and each waits for the digit that cancels the one before: the two numbers take
//! turns, so that the multipliers have work meanwhile.

use std::arch::x86_64::{
    __mmask8, _mm512_alignr_epi64, _mm512_cmpeq_epi64_mask, _mm512_cmpgt_epu64_mask,
    _mm512_mask_mov_epi64, _mm512_mask_sub_epi64, _mm512_maskz_srli_epi64,
    _mm512_permutexvar_epi64, _mm512_srli_epi64,
};

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::vector::{
    LIMB_BITS, LIMB_MASK, Lanes, add, from_words, high, limb, limb_of, low, number, put_limb,
    splat, to_words, zero,
};
use crate::lanes::scalar;
use crate::natural::Natural;

/// How many numbers are worked on side by side.
pub(in crate::lanes) const NUMBERS: usize = 2;

/// Exponent bits that one table look-up consumes; they must not straddle words.
const WINDOW: usize = 4;
const DIGITS: usize = 1 << WINDOW;

type Number<const V: usize> = [Lanes; V];
type Pair<const V: usize> = [Number<V>; NUMBERS];

/// Two odd moduli.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Moduli<const V: usize> {
    n: Pair<V>,
    /// −1/n mod 2^52, in every lane.
    n_inv: [Lanes; NUMBERS],
}

/// See [`crate::lanes::Engine::power`]; one or two lanes of 16, 24 or 32 limbs for a V of 3, 4 or 5.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(in crate::lanes) fn power<const V: usize>(
    numbers: &[&Natural],
    bases: &[&Natural],
    exponents: &[&Natural],
) -> Vec<Natural> {
    let moduli = Moduli::<V>::new(numbers);
    let table = powers(&moduli, numbers, bases);
    let mut x = Zeroizing::new(table[0]);
    let mut factor = Zeroizing::new([[zero(); V]; NUMBERS]);
    for low_bit in (0..64 * numbers[0].limbs().len()).step_by(WINDOW).rev() {
        for _ in 0..WINDOW {
            *factor = *x;
            moduli.multiply(&mut x, &factor);
        }
        select(&mut factor, &table, exponents, low_bit);
        moduli.multiply(&mut x, &factor);
    }
    moduli.multiply(&mut x, &power_of_two(0));
    let results = numbers.iter().zip(x.iter());
    // A result is n at most, and n only where it should be 0.
    results.map(|(n, x)| natural(x, n.limbs().len()).reduced_once_by(n)).collect()
}

impl<const V: usize> Moduli<V> {
    /// Lanes that hold a number, at least 16 bits longer than a modulus.
    const LANES: usize = if V == 3 { 7 } else { 8 };
    /// R is two to this power.
    const R_BITS: usize = LIMB_BITS * V * Self::LANES;

    #[expect(clippy::unnecessary_box_returns, reason = "moving secrets would leave copies of them")]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn new(moduli: &[&Natural]) -> Box<Self> {
        let empty = [[zero(); V]; NUMBERS];
        let mut this = Box::new(Self { n: empty, n_inv: [zero(); NUMBERS] });
        read(&mut this.n, moduli);
        for (i, n_inv) in this.n_inv.iter_mut().enumerate() {
            let inverse = crate::lanes::inverse(number(moduli, i).limbs()[0]);
            *n_inv = splat(inverse.wrapping_neg() & LIMB_MASK);
        }
        this
    }

    /// x = x·y / R mod n: below R if both are, and at most n for a y of one.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn multiply(&self, x: &mut Pair<V>, y: &Pair<V>) {
        // Two names and no array: the sums stay in registers.
        let (mut first, mut second) = (Sums::zero(), Sums::zero());
        for lane in 0..Self::LANES {
            let lane = splat(lane as u64);
            for (&of_first, &of_second) in y[0].iter().zip(&y[1]) {
                let factor = _mm512_permutexvar_epi64(lane, of_first);
                first.add_row(&x[0], factor, (&self.n[0], self.n_inv[0]));
                let factor = _mm512_permutexvar_epi64(lane, of_second);
                second.add_row(&x[1], factor, (&self.n[1], self.n_inv[1]));
            }
        }
        first.write(&mut x[0]);
        second.write(&mut x[1]);
    }
}

/// A sum of products that is being divided by R.
struct Sums<const V: usize>(Number<V>);

impl<const V: usize> Sums<V> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn zero() -> Self {
        Self([zero(); V])
    }

    /// self = (self + x·factor + n·digit) / 2^52, with the digit that makes the lowest limb vanish.
    ///
    /// What the next digit waits for is short: what x contributes is there before this digit is.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn add_row(&mut self, x: &Number<V>, factor: Lanes, (n, n_inv): (&Number<V>, Lanes)) {
        let sums = &mut self.0;
        let lowest = add(sums[0], low(zero(), x[0], factor));
        let digit = low(zero(), _mm512_permutexvar_epi64(zero(), lowest), n_inv);
        // The lowest limb becomes a multiple of 2^52: the next one above, whatever the digit is.
        let carry =
            _mm512_maskz_srli_epi64::<{ LIMB_BITS as u32 }>(1, add(lowest, splat(LIMB_MASK)));
        for i in 1..V {
            let sum = high(low(sums[i], x[i], factor), x[i - 1], factor);
            let sum = if i == 1 { add(sum, carry) } else { sum };
            sums[i - 1] = high(low(sum, n[i], digit), n[i - 1], digit);
        }
        // The lowest limbs of all lanes but one are the highest of the lane below.
        let highest = _mm512_alignr_epi64::<1>(zero(), low(lowest, n[0], digit));
        sums[V - 1] = high(high(highest, x[V - 1], factor), n[V - 1], digit);
    }

    /// x = self in limbs of 52 bits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn write(&self, x: &mut Number<V>) {
        let sums = &self.0;
        let carries = sums.map(|sum| _mm512_srli_epi64::<{ LIMB_BITS as u32 }>(sum));
        for i in 0..V {
            let below = if i > 0 {
                carries[i - 1]
            } else {
                _mm512_alignr_epi64::<7>(carries[V - 1], zero())
            };
            x[i] = add(limb_of(sums[i]), below);
        }
        // What still carries is one at most, and runs along limbs that are all ones: within a lane
        // from register to register, and from lane to lane as in a sum of bit masks.
        let carrying = x.map(|limb| _mm512_cmpgt_epu64_mask(limb, splat(LIMB_MASK)));
        let passing = x.map(|limb| _mm512_cmpeq_epi64_mask(limb, splat(LIMB_MASK)));
        let out = |i: usize, into: __mmask8| carrying[i] | passing[i] & into;
        let generated = (0..V).fold(0, |into, i| out(i, into));
        let passed = passing.iter().fold(__mmask8::MAX, |all, one| all & one);
        let mut into = (generated << 1).wrapping_add(passed) ^ passed;
        for (i, limb) in x.iter_mut().enumerate() {
            *limb = limb_of(_mm512_mask_sub_epi64(*limb, into, *limb, splat(u64::MAX)));
            into = out(i, into);
        }
    }
}

/// The Montgomery forms of base^0 to base^15.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn powers<const V: usize>(
    moduli: &Moduli<V>,
    numbers: &[&Natural],
    bases: &[&Natural],
) -> Zeroizing<Vec<Pair<V>>> {
    // Multiplying by R² makes a Montgomery form. The portable engine's own R is 2^w, with w as many
    // bits as a modulus has: (2^2w)² / R · 2^(4·(r − w)) / R is 2^2r = R².
    let bits = 64 * numbers[0].limbs().len();
    let known: Vec<Natural> = numbers.iter().map(|n| scalar::r_squared(n)).collect();
    let mut square = Zeroizing::new([[zero(); V]; NUMBERS]);
    read(&mut square, &known.iter().collect::<Vec<_>>());
    let mut factor = Zeroizing::new(*square);
    moduli.multiply(&mut square, &factor);
    moduli.multiply(&mut square, &power_of_two(4 * (Moduli::<V>::R_BITS - bits)));
    let mut table = Zeroizing::new(vec![*square; DIGITS]);
    moduli.multiply(&mut table[0], &power_of_two(0));
    read(&mut factor, bases);
    moduli.multiply(&mut table[1], &factor);
    for digit in 2..DIGITS {
        let (known, unknown) = table.split_at_mut(digit);
        unknown[0] = known[digit - 1];
        moduli.multiply(&mut unknown[0], &known[1]);
    }
    table
}

/// `out` = `table[digit]` of each number's own digit, the exponent's bits from `low_bit` on, reading
/// every entry so that no address depends on it.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn select<const V: usize>(
    out: &mut Pair<V>,
    table: &[Pair<V>],
    exponents: &[&Natural],
    low_bit: usize,
) {
    for (i, out) in out.iter_mut().enumerate() {
        let word = number(exponents, i).limbs()[low_bit / 64];
        let digit = splat(word >> (low_bit % 64) & (DIGITS as u64 - 1));
        *out = table.iter().enumerate().fold([zero(); V], |out, (entry, numbers)| {
            let mask = _mm512_cmpeq_epi64_mask(digit, splat(entry as u64));
            std::array::from_fn(|limb| _mm512_mask_mov_epi64(out[limb], mask, numbers[i][limb]))
        });
    }
}

/// 2^exponent, twice.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn power_of_two<const V: usize>(exponent: usize) -> Pair<V> {
    let (place, bit) = (exponent / LIMB_BITS, exponent % LIMB_BITS);
    let mut lanes = [0; 8];
    lanes[place / V] = 1 << bit;
    let mut number = [zero(); V];
    number[place % V] = from_words(lanes);
    [number; NUMBERS]
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn read<const V: usize>(pair: &mut Pair<V>, numbers: &[&Natural]) {
    for (i, of_number) in pair.iter_mut().enumerate() {
        let number = number(numbers, i);
        for (register, limbs) in of_number.iter_mut().enumerate() {
            *limbs = from_words(std::array::from_fn(|lane| limb(number, V * lane + register)));
        }
    }
}

/// The number in so many 64-bit words, which must have room.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn natural<const V: usize>(x: &Number<V>, words: usize) -> Natural {
    let mut number = Natural::zero(words);
    for (register, &limbs) in x.iter().enumerate() {
        for (lane, limb) in to_words(limbs).into_iter().enumerate() {
            put_limb(&mut number, V * lane + register, limb);
        }
    }
    number
}
