//! One limb of eight lanes: the few instructions that everything above is made of.

use std::arch::x86_64::{
    __m512i, _mm256_extract_epi64, _mm512_add_epi64, _mm512_and_si512, _mm512_castsi512_si256,
    _mm512_extracti64x4_epi64, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_set1_epi64,
    _mm512_setr_epi64, _mm512_setzero_si512, _mm512_sllv_epi64, _mm512_srai_epi64,
};

use crate::natural::Natural;

/// Eight 64-bit words, one per lane.
pub(super) type Lanes = __m512i;

/// Bits of a limb: what one multiply-add instruction takes.
pub(super) const LIMB_BITS: usize = 52;
pub(super) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// c + the low 52 bits of a·b, in each lane; of a and b the low 52 bits count.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn low(c: Lanes, a: Lanes, b: Lanes) -> Lanes {
    _mm512_madd52lo_epu64(c, a, b)
}

/// c + the high 52 bits of a·b, in each lane; of a and b the low 52 bits count.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn high(c: Lanes, a: Lanes, b: Lanes) -> Lanes {
    _mm512_madd52hi_epu64(c, a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add(a: Lanes, b: Lanes) -> Lanes {
    _mm512_add_epi64(a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn zero() -> Lanes {
    _mm512_setzero_si512()
}

/// The same word in every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn splat(word: u64) -> Lanes {
    _mm512_set1_epi64(word.cast_signed())
}

/// `a` shifted left by each lane's own count; nothing remains of it from 64 on.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn shift_left(a: Lanes, count: Lanes) -> Lanes {
    _mm512_sllv_epi64(a, count)
}

/// The low 52 bits of each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn limb_of(a: Lanes) -> Lanes {
    _mm512_and_si512(a, splat(LIMB_MASK))
}

/// What each lane carries to the next limb; a borrow is negative.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn carry_of(a: Lanes) -> Lanes {
    _mm512_srai_epi64::<{ LIMB_BITS as u32 }>(a)
}

/// Eight words, lane 0 first.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn from_words(words: [u64; 8]) -> Lanes {
    let [a, b, c, d, e, f, g, h] = words.map(u64::cast_signed);
    _mm512_setr_epi64(a, b, c, d, e, f, g, h)
}

/// The words of the lanes, lane 0 first.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn to_words(a: Lanes) -> [u64; 8] {
    let (left, right) = (_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64::<1>(a));
    let words = [
        _mm256_extract_epi64::<0>(left),
        _mm256_extract_epi64::<1>(left),
        _mm256_extract_epi64::<2>(left),
        _mm256_extract_epi64::<3>(left),
        _mm256_extract_epi64::<0>(right),
        _mm256_extract_epi64::<1>(right),
        _mm256_extract_epi64::<2>(right),
        _mm256_extract_epi64::<3>(right),
    ];
    words.map(i64::cast_unsigned)
}

/// Lanes without a number repeat the first.
#[inline]
pub(super) fn number<'a>(numbers: &[&'a Natural], lane: usize) -> &'a Natural {
    numbers.get(lane).unwrap_or(&numbers[0])
}

/// The 52-bit limb at `index` of a number; 0 above it.
#[inline]
pub(super) fn limb(number: &Natural, index: usize) -> u64 {
    let (first, offset) = (index * LIMB_BITS / 64, index * LIMB_BITS % 64);
    let word = |index: usize| u128::from(number.limbs().get(index).copied().unwrap_or(0));
    ((word(first + 1) << 64 | word(first)) >> offset) as u64 & LIMB_MASK
}

/// Writes the 52-bit limb at `index` of a number that has zeros there, and room.
#[inline]
pub(super) fn put_limb(number: &mut Natural, index: usize, limb: u64) {
    let (first, offset) = (index * LIMB_BITS / 64, index * LIMB_BITS % 64);
    let pair = u128::from(limb) << offset;
    let words = [pair as u64, (pair >> 64) as u64];
    for (slot, word) in number.limbs_mut().iter_mut().skip(first).zip(words) {
        *slot |= word;
    }
}

/// The 64-bit word at `index` of each number.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn words_at(numbers: &[&Natural], index: usize) -> Lanes {
    from_words(std::array::from_fn(|lane| number(numbers, lane).limbs()[index]))
}

/// The 52-bit limb at `index` of each number.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn limbs_at(numbers: &[&Natural], index: usize) -> Lanes {
    from_words(std::array::from_fn(|lane| limb(number(numbers, lane), index)))
}

/// The 52-bit limbs of one number, the same in every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn broadcast_limbs<const L: usize>(number: &Natural) -> [Lanes; L] {
    std::array::from_fn(|index| splat(limb(number, index)))
}

/// Writes lane `i` of the 52-bit limbs to `numbers[i]`, which is 0 and has room.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn write_limbs(numbers: &mut [Natural], limbs: &[Lanes]) {
    for (index, &lanes) in limbs.iter().enumerate() {
        for (number, limb) in numbers.iter_mut().zip(to_words(lanes)) {
            put_limb(number, index, limb);
        }
    }
}
