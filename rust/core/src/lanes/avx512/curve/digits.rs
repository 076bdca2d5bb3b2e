//! Scalars as signed odd digits, which are never 0 and so need no case of their own.
//!
//! An odd k below 2^256 is Σ dᵢ·32^i for i = 0 … 50, where dᵢ is odd: with wᵢ the i-th five bits of
//! (k − 1)/2, dᵢ = 2wᵢ − 31; but the last is 2w + 1, between 1 and 63, because
//! Σ 31·32^i for i < 50 is 32^50 − 1. An even k is replaced by n − k, and the point by its negative.

use std::arch::x86_64::{
    __mmask8, _mm512_and_si512, _mm512_mask_xor_epi64, _mm512_or_si512, _mm512_srlv_epi64,
    _mm512_testn_epi64_mask,
};

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::super::vector::{Lanes, from_words, shift_left, splat};
use super::limbs::from_bytes;
use super::parameters::Parameters;
use crate::lanes::LANES;
use crate::lanes::curve_crates::Scalar;

/// How many digits a scalar has.
pub(super) const WINDOWS: usize = 51;
/// Bits of a digit.
pub(super) const WINDOW: usize = 5;
/// Entries of a table for one digit: its odd sizes, 1 to 31.
pub(super) const ENTRIES: usize = 1 << (WINDOW - 1);

/// (k − 1)/2 of an odd scalar, or of n less an even one.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Recoded {
    words: [u64; 4],
    /// 1 if the scalar was even: its point is the negative of what the words stand for.
    pub(super) negative: u8,
}

/// Where in its table a digit's size is, and whether the digit is negative.
pub(super) struct Place {
    pub(super) entry: u64,
    pub(super) negative: u8,
}

impl Recoded {
    pub(super) fn new<C: Parameters>(scalar: &Scalar) -> Self {
        let mut k = Zeroizing::new(from_bytes(scalar));
        let even = (k[0] & 1).wrapping_sub(1);
        let mut borrow = false;
        for (k, n) in k.iter_mut().zip(C::ORDER) {
            let (less, first) = n.overflowing_sub(*k);
            let (less, second) = less.overflowing_sub(u64::from(borrow));
            borrow = first | second;
            *k ^= (*k ^ less) & even;
        }
        let half = |i: usize| k[i] >> 1 | k.get(i + 1).map_or(0, |above| above << 63);
        Self { words: std::array::from_fn(half), negative: (even & 1) as u8 }
    }

    /// The digit of a window below the last.
    pub(super) fn digit(&self, window: usize) -> Place {
        let bits = self.bits(window);
        let positive = bits >> (WINDOW - 1);
        // 15 − w for the negative ones, w − 16 for the others.
        let entry = (bits ^ positive.wrapping_sub(1)) & (ENTRIES as u64 - 1);
        Place { entry, negative: (positive ^ 1) as u8 }
    }

    /// The five bits of a window.
    pub(super) fn bits(&self, window: usize) -> u64 {
        let (word, offset) = (WINDOW * window / 64, WINDOW * window % 64);
        let above = self.words.get(word + 1).copied().unwrap_or(0);
        (self.words[word] >> offset | above << 1 << (63 - offset)) & (2 * ENTRIES as u64 - 1)
    }
}

/// Eight recoded scalars, one per lane.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Digits {
    words: [Lanes; 4],
    pub(super) negative: __mmask8,
}

impl Digits {
    /// Lanes without a scalar repeat the first.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn new<C: Parameters>(scalars: &[Scalar]) -> Self {
        let recoded: [Recoded; LANES] =
            std::array::from_fn(|lane| Recoded::new::<C>(scalars.get(lane).unwrap_or(&scalars[0])));
        let word = |i: usize| from_words(std::array::from_fn(|lane| recoded[lane].words[i]));
        let negative =
            recoded.iter().enumerate().fold(0, |mask, (lane, one)| mask | one.negative << lane);
        Self { words: [word(0), word(1), word(2), word(3)], negative }
    }

    /// The digits of a window below the last: their entries, and the lanes where they are negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn digit(&self, window: usize) -> (Lanes, __mmask8) {
        let bits = self.bits(window);
        let negative = _mm512_testn_epi64_mask(bits, splat(ENTRIES as u64));
        (_mm512_mask_xor_epi64(bits, negative, bits, splat(ENTRIES as u64 - 1)), negative)
    }

    /// The five bits of a window.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn bits(&self, window: usize) -> Lanes {
        let (word, offset) = (WINDOW * window / 64, (WINDOW * window % 64) as u64);
        let mut bits = _mm512_srlv_epi64(self.words[word], splat(offset));
        if let Some(&above) = self.words.get(word + 1) {
            bits = _mm512_or_si512(bits, shift_left(above, splat(64 - offset)));
        }
        _mm512_and_si512(bits, splat(2 * ENTRIES as u64 - 1))
    }
}
