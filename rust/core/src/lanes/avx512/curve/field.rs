//! Arithmetic modulo a curve's prime p in eight lanes, on five limbs of 52 bits.
//!
//! Elements are below 16p and not unique; their limbs are below 2^52. A product of x < αp and
//! y < βp is below (1 + αβ/16)·p for Montgomery, because 2^260 is 16·2^256; for folding it is below
//! 2^256 + 2^220 whatever they are. Callers keep account of α; a bound of "2p" in a comment means
//! 2p·(1 + 2^−28), which no account here is near enough to notice.

use std::arch::x86_64::{
    __mmask8, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_mask_mov_epi64, _mm512_or_si512,
    _mm512_slli_epi64, _mm512_sub_epi64, _mm512_xor_si512,
};

use super::super::vector::{Lanes, add, carry_of, high, limb_of, low, splat, zero};
use super::limbs::LIMBS;
use super::parameters::{Parameters, Reduction};

/// An element of the field in each lane.
pub(super) type Element = [Lanes; LIMBS];

/// Bits of the highest limb that belong to a number below 2^256.
const TOP_BITS: u32 = 48;
/// 2^256 − p of the curve that folds.
const EXCESS: u64 = (1 << 32) + 977;

/// The same number in every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn constant(limbs: [u64; LIMBS]) -> Element {
    [splat(limbs[0]), splat(limbs[1]), splat(limbs[2]), splat(limbs[3]), splat(limbs[4])]
}

/// x·y.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn multiply<C: Parameters>(x: &Element, y: &Element) -> Element {
    let mut columns = [zero(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in 0..LIMBS {
            columns[i + j] = low(columns[i + j], x[i], y[j]);
            columns[i + j + 1] = high(columns[i + j + 1], x[i], y[j]);
        }
    }
    reduce::<C>(&columns)
}

/// x².
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn square<C: Parameters>(x: &Element) -> Element {
    let mut columns = [zero(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in i + 1..LIMBS {
            columns[i + j] = low(columns[i + j], x[i], x[j]);
            columns[i + j + 1] = high(columns[i + j + 1], x[i], x[j]);
        }
    }
    for column in &mut columns {
        *column = add(*column, *column);
    }
    for i in 0..LIMBS {
        columns[2 * i] = low(columns[2 * i], x[i], x[i]);
        columns[2 * i + 1] = high(columns[2 * i + 1], x[i], x[i]);
    }
    reduce::<C>(&columns)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce<C: Parameters>(columns: &[Lanes; 2 * LIMBS]) -> Element {
    match C::REDUCTION {
        Reduction::Montgomery => reduce_from_below(columns),
        Reduction::Folding => reduce_from_above(columns),
    }
}

/// Divides by 2^260 modulo the prime of P-256. That is −1 modulo 2^52, so a column is its own digit
/// of the quotient: with digit times p + 1, less the digit, nothing is left of its 52 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce_from_below(columns: &[Lanes; 2 * LIMBS]) -> Element {
    let mut columns = *columns;
    // p + 1 = 2^44·2^52 + 2^36·2^156 + (2^48 − 2^16)·2^208.
    let [first, third, fourth] = [splat(1 << 44), splat(1 << 36), splat((1 << 48) - (1 << 16))];
    for i in 0..LIMBS {
        let digit = columns[i];
        columns[i + 1] = low(add(columns[i + 1], carry_of(digit)), digit, first);
        columns[i + 2] = high(columns[i + 2], digit, first);
        columns[i + 3] = low(columns[i + 3], digit, third);
        columns[i + 4] = low(high(columns[i + 4], digit, third), digit, fourth);
        columns[i + 5] = high(columns[i + 5], digit, fourth);
    }
    let [.., a, b, c, d, e] = columns;
    carried([a, b, c, d, e])
}

/// Takes what is above 2^260 times 16·(2^256 − p) to the rest, modulo the prime of secp256k1; then
/// what is above 2^256.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce_from_above(columns: &[Lanes; 2 * LIMBS]) -> Element {
    let [a, b, c, d, e, upper @ ..] = *columns;
    let (upper, factor) = (carried(upper), splat(16 * EXCESS));
    let mut lower = [a, b, c, d, e, zero()];
    for i in 0..LIMBS {
        lower[i] = low(lower[i], upper[i], factor);
        lower[i + 1] = high(lower[i + 1], upper[i], factor);
    }
    // Below 2^42. What the lower limbs carry comes on top of 2^256 and is less than 2^213.
    let excess = add(top_of(lower[4]), _mm512_slli_epi64::<4>(lower[5]));
    carried([
        low(lower[0], excess, splat(EXCESS)),
        high(lower[1], excess, splat(EXCESS)),
        lower[2],
        lower[3],
        below_top(lower[4]),
    ])
}

/// x + y.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn sum(x: &Element, y: &Element) -> Element {
    carried(std::array::from_fn(|i| add(x[i], y[i])))
}

/// x − y + M·p, for a y below M·p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn difference<C: Parameters, const M: u64>(x: &Element, y: &Element) -> Element {
    carried(std::array::from_fn(|i| add(_mm512_sub_epi64(x[i], y[i]), splat(M * C::PRIME[i]))))
}

/// x − y − 2z modulo p, below 2p, for a y + 2z below 5p and an x below 9p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn difference_of_three<C: Parameters>(x: &Element, y: &Element, z: &Element) -> Element {
    let mut limbs: Element = std::array::from_fn(|i| {
        let taken = add(y[i], add(z[i], z[i]));
        add(_mm512_sub_epi64(x[i], taken), splat(6 * C::PRIME[i]))
    });
    // With what is p at least, the top is not negative. All but one 2^256 is replaced by 2^256 − p:
    // what remains lies between 2^256 − 2^227 and 2^257 + 2^228.
    let top = top_of(limbs[4]);
    limbs[4] = add(below_top(limbs[4]), splat(1 << TOP_BITS));
    let count = _mm512_sub_epi64(top, splat(1));
    match C::REDUCTION {
        // 2^224 − 2^192 − 2^96 + 1
        Reduction::Montgomery => {
            limbs[4] = add(limbs[4], _mm512_slli_epi64::<16>(count));
            limbs[3] = _mm512_sub_epi64(limbs[3], _mm512_slli_epi64::<36>(count));
            limbs[1] = _mm512_sub_epi64(limbs[1], _mm512_slli_epi64::<44>(count));
            limbs[0] = add(limbs[0], count);
        }
        Reduction::Folding => {
            limbs[0] = _mm512_sub_epi64(low(limbs[0], top, splat(EXCESS)), splat(EXCESS));
        }
    }
    carried(limbs)
}

/// p − y in the lanes of the mask and y in the others, for a y of at most p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn negated_where<C: Parameters>(mask: __mmask8, y: &Element) -> Element {
    carried(std::array::from_fn(|i| {
        _mm512_mask_mov_epi64(y[i], mask, _mm512_sub_epi64(splat(C::PRIME[i]), y[i]))
    }))
}

/// x in the lanes of the mask and y in the others.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn select(mask: __mmask8, x: &Element, y: &Element) -> Element {
    std::array::from_fn(|i| _mm512_mask_mov_epi64(y[i], mask, x[i]))
}

/// The lanes in which x is 0 modulo p, for an x below 2p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn is_zero<C: Parameters>(x: &Element) -> __mmask8 {
    equal(x, &[zero(); LIMBS]) | equal(x, &constant(C::PRIME))
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn equal(x: &Element, y: &Element) -> __mmask8 {
    let differ = |i: usize| _mm512_xor_si512(x[i], y[i]);
    let all = (1..LIMBS).fold(differ(0), |all, i| _mm512_or_si512(all, differ(i)));
    _mm512_cmpeq_epi64_mask(all, zero())
}

/// The number that x stands for, below p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn plain<C: Parameters>(x: &Element) -> Element {
    let x = multiply::<C>(x, &constant([1, 0, 0, 0, 0]));
    let mut less: Element = std::array::from_fn(|i| _mm512_sub_epi64(x[i], splat(C::PRIME[i])));
    for i in 1..LIMBS {
        less[i] = add(less[i], carry_of(less[i - 1]));
    }
    let not_below = _mm512_cmpeq_epi64_mask(carry_of(less[LIMBS - 1]), zero());
    std::array::from_fn(|i| _mm512_mask_mov_epi64(x[i], not_below, limb_of(less[i])))
}

/// Limbs of any sign and up to 63 bits, whose sum is an element, as that element.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn carried(mut limbs: Element) -> Element {
    for i in 1..LIMBS {
        limbs[i] = add(limbs[i], carry_of(limbs[i - 1]));
        limbs[i - 1] = limb_of(limbs[i - 1]);
    }
    limbs
}

/// What of the highest limb is above 2^256.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn top_of(limb: Lanes) -> Lanes {
    std::arch::x86_64::_mm512_srai_epi64::<TOP_BITS>(limb)
}

/// What of the highest limb is below 2^256.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn below_top(limb: Lanes) -> Lanes {
    _mm512_and_si512(limb, splat((1 << TOP_BITS) - 1))
}
