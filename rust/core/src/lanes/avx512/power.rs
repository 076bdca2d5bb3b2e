//! Exponentiation in eight lanes.

use std::arch::x86_64::{
    __mmask8, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_mask_mov_epi64, _mm512_or_si512,
    _mm512_srlv_epi64, _mm512_sub_epi64, _mm512_xor_si512,
};

use zeroize::Zeroizing;

use super::blocks::BLOCK;
use super::montgomery::{Moduli, Number, read};
use super::vector::{
    LIMB_BITS, Lanes, add, carry_of, limb_of, shift_left, splat, words_at, write_limbs, zero,
};
use crate::natural::Natural;

/// Exponent bits that one table look-up consumes; they must not straddle words.
const WINDOW: usize = 4;
const DIGITS: usize = 1 << WINDOW;

/// See [`crate::lanes::Engine::base2_fermat`].
///
/// What is computed is 2^(−(n−1)), which is 1 when 2^(n−1) is: its Montgomery form can begin at a
/// bare power of two. The first `leading` bits of n make the exponent's head h = ⌊n/2^s⌋ + 1, and
/// 2^(520·K − h) is the Montgomery form of 2^(−h). Each squaring then doubles the exponent, and a
/// doubling where n has a clear bit takes one off: after all s of them it is h·2^s less the
/// complement of n's tail, which is n + 1. A shift by two in the last step makes that n − 1.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(in crate::lanes) fn base2_fermat<const K: usize>(candidates: &[&Natural]) -> u8 {
    let mut moduli = Moduli::<K>::new(candidates);
    let limbs = candidates[0].limbs().len();
    let (bits, leading) = (64 * limbs, leading_bits(limbs));
    let mut x = Zeroizing::new([[zero(); BLOCK]; K]);
    let words = words_of(candidates);
    let head = bits_at(&words, bits - leading, leading);
    let exponent = _mm512_sub_epi64(splat((LIMB_BITS * BLOCK * K - 1) as u64), head);
    power_of_two(&mut x, exponent);
    for bit in (1..bits - leading).rev() {
        let clear = _mm512_xor_si512(bits_at(&words, bit, 1), splat(1));
        moduli.square(&mut x, clear);
    }
    moduli.square(&mut x, splat(2));
    moduli.divide_by_r(&mut x);
    x[0][0] = _mm512_xor_si512(x[0][0], splat(1));
    let difference =
        x.as_flattened().iter().fold(zero(), |difference, &limb| _mm512_or_si512(difference, limb));
    let lanes = u8::MAX >> (8 - candidates.len());
    _mm512_cmpeq_epi64_mask(difference, zero()) & lanes
}

/// How many bits of a candidate the exponent's head takes: a power of two with any such exponent
/// stays below R. Candidates of 1024, 1536 and 2048 bits have an R of 1040, 1560 and 2080.
pub(in crate::lanes) fn leading_bits(limbs: usize) -> usize {
    (limbs * 65).ilog2() as usize
}

/// See [`crate::lanes::Engine::power`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(in crate::lanes) fn power<const K: usize>(
    numbers: &[&Natural],
    bases: &[&Natural],
    exponents: &[&Natural],
) -> Vec<Natural> {
    let mut moduli = Moduli::<K>::new(numbers);
    let one = one(&moduli, numbers);
    let table = powers(&mut moduli, &one, bases);
    let words = numbers[0].limbs().len();
    let digits = words_of(exponents);
    let mut x = Zeroizing::new(*one);
    let mut factor = Zeroizing::new([[zero(); BLOCK]; K]);
    for low_bit in (0..64 * words).step_by(WINDOW).rev() {
        for _ in 0..WINDOW {
            moduli.square(&mut x, zero());
        }
        select(&mut factor, &table, bits_at(&digits, low_bit, WINDOW));
        moduli.multiply(&mut x, &factor);
    }
    moduli.divide_by_r(&mut x);
    subtract_if_not_below(&mut x, moduli.n());
    let mut results: Vec<_> = numbers.iter().map(|_| Natural::zero(words)).collect();
    write_limbs(&mut results, x.as_flattened());
    results
}

/// See [`crate::lanes::Engine::square_repeatedly`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(in crate::lanes) fn square_repeatedly<const K: usize>(numbers: &[&Natural], times: usize) {
    let mut moduli = Moduli::<K>::new(numbers);
    let mut x = Zeroizing::new(*moduli.n());
    x[0][0] = splat(2);
    for _ in 0..times {
        moduli.square(&mut x, splat(1));
    }
    std::hint::black_box(&x);
}

/// R mod n, the Montgomery form of one: by doubling from a power of two below every modulus.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn one<const K: usize>(moduli: &Moduli<K>, numbers: &[&Natural]) -> Zeroizing<Number<K>> {
    let least_bits = numbers.iter().map(|n| crate::lanes::bit_length(n.limbs())).min();
    let start = least_bits.expect("at least one lane") - 1;
    let mut one = Zeroizing::new([[zero(); BLOCK]; K]);
    power_of_two(&mut one, splat(start as u64));
    double_modulo(&mut one, moduli.n(), LIMB_BITS * BLOCK * K - start);
    one
}

/// The Montgomery forms of base^0 to base^15.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn powers<const K: usize>(
    moduli: &mut Moduli<K>,
    one: &Number<K>,
    bases: &[&Natural],
) -> Zeroizing<Vec<Number<K>>> {
    let mut table = Zeroizing::new(vec![*one; DIGITS]);
    // The Montgomery form of R is 2^(520·K) times that of one: by squaring and doubling.
    let exponent = LIMB_BITS * BLOCK * K;
    for bit in (0..=exponent.ilog2()).rev() {
        moduli.square(&mut table[1], splat((exponent >> bit & 1) as u64));
    }
    let mut base = Zeroizing::new([[zero(); BLOCK]; K]);
    read(&mut base, bases);
    moduli.multiply(&mut table[1], &base);
    *base = table[1];
    for digit in 2..DIGITS {
        table[digit] = table[digit - 1];
        moduli.multiply(&mut table[digit], &base);
    }
    table
}

/// `out` = `table[digit]` in each lane, reading every entry so that no address depends on it.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn select<const K: usize>(out: &mut Number<K>, table: &[Number<K>], digit: Lanes) {
    let masks: [__mmask8; DIGITS] =
        std::array::from_fn(|entry| _mm512_cmpeq_epi64_mask(digit, splat(entry as u64)));
    for (index, limb) in out.as_flattened_mut().iter_mut().enumerate() {
        *limb = table.iter().zip(masks).fold(zero(), |limb, (entry, mask)| {
            _mm512_mask_mov_epi64(limb, mask, entry.as_flattened()[index])
        });
    }
}

/// x = 2^exponent in each lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn power_of_two<const K: usize>(x: &mut Number<K>, exponent: Lanes) {
    let mut count = exponent;
    for limb in x.as_flattened_mut() {
        // Counts from 64 on, and the negative ones below the bit, leave nothing.
        *limb = limb_of(shift_left(splat(1), count));
        count = _mm512_sub_epi64(count, splat(LIMB_BITS as u64));
    }
}

/// The 64-bit words of each number.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn words_of(numbers: &[&Natural]) -> Zeroizing<Vec<Lanes>> {
    let words = numbers[0].limbs().len();
    (0..words).map(|index| words_at(numbers, index)).collect::<Vec<_>>().into()
}

/// `count` bits of each lane from `low_bit` on, which must not straddle words.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn bits_at(words: &[Lanes], low_bit: usize, count: usize) -> Lanes {
    let shifted = _mm512_srlv_epi64(words[low_bit / 64], splat((low_bit % 64) as u64));
    _mm512_and_si512(shifted, splat((1 << count) - 1))
}

/// x = x·2^`doublings` mod n, fully reduced, for x < n.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn double_modulo<const K: usize>(x: &mut Number<K>, n: &Number<K>, doublings: usize) {
    for _ in 0..doublings {
        let mut carry = zero();
        for limb in x.as_flattened_mut() {
            let sum = add(add(*limb, *limb), carry);
            *limb = limb_of(sum);
            carry = carry_of(sum);
        }
        subtract_if_not_below(x, n);
    }
}

/// x = x − n in the lanes where x ≥ n.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn subtract_if_not_below<const K: usize>(x: &mut Number<K>, n: &Number<K>) {
    let mut difference = Zeroizing::new([[zero(); BLOCK]; K]);
    let mut borrow = zero();
    let limbs = x.as_flattened().iter().zip(n.as_flattened());
    for (difference, (&x, &n)) in difference.as_flattened_mut().iter_mut().zip(limbs) {
        let limb = add(_mm512_sub_epi64(x, n), borrow);
        *difference = limb_of(limb);
        borrow = carry_of(limb);
    }
    let not_below = _mm512_cmpeq_epi64_mask(borrow, zero());
    for (limb, &difference) in x.as_flattened_mut().iter_mut().zip(difference.as_flattened()) {
        *limb = _mm512_mask_mov_epi64(*limb, not_below, difference);
    }
}
