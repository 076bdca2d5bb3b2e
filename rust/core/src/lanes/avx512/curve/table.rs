//! Multiples of the base point, computed once: d·32^i·G for every odd d up to 31 and i up to 50, and
//! for i = 50 also for d up to 63.
//!
//! A look-up reads every entry of a window, from the same addresses whatever the digit is; which one
//! is taken is decided between registers.

use std::arch::x86_64::{
    _mm512_mask_blend_epi64, _mm512_mask_permutexvar_epi64, _mm512_permutex2var_epi64,
    _mm512_test_epi64_mask,
};

use super::super::vector::{Lanes, from_words, splat, zero};
use super::digits::{Digits, ENTRIES, Recoded, WINDOW, WINDOWS};
use super::field::{Element, constant, multiply, negated_where};
use super::limbs::{LIMBS, from_bytes, to_limbs52};
use super::parameters::{P256, P256K, Parameters};
use super::point::Affine;
use crate::error::Error;
use crate::lanes::LANES;
use crate::lanes::curve_crates::{Point, SCALAR_LENGTH, odd_multiples_vartime};
use crate::once::Once;

/// Sixteen points: of each limb of x, then of y, the sixteen in order.
type Block = [[Lanes; ENTRIES / LANES]; 2 * LIMBS];

/// The points of windows 0 to 50, lowest sizes first; then sizes 33 to 63 of window 50. 66 KB.
pub(in crate::lanes) struct Table(Vec<Block>);

/// A curve with a place where its table is kept.
pub(in crate::lanes) trait Tabled: Parameters {
    fn table() -> &'static Once<Table>;
}

impl Tabled for P256 {
    fn table() -> &'static Once<Table> {
        static TABLE: Once<Table> = Once::new();
        &TABLE
    }
}

impl Tabled for P256K {
    fn table() -> &'static Once<Table> {
        static TABLE: Once<Table> = Once::new();
        &TABLE
    }
}

impl Table {
    /// The curve's table, made at the first call: see [`crate::once`].
    ///
    /// # Errors
    /// [`Error::Consistency`] if an entry is no point of the curve.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn of<C: Tabled>() -> Result<&'static Self, Error> {
        C::table().get_or_make(|| {
            let points = odd_multiples_vartime(C::CURVE, WINDOW, WINDOWS);
            let mut blocks = Vec::with_capacity(WINDOWS + 1);
            for points in points.chunks_exact(ENTRIES) {
                blocks.push(block::<C>(points)?);
            }
            Ok(Self(blocks))
        })
    }

    /// The point of a window's digit in each lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn select<C: Parameters>(&self, digits: &Digits, window: usize) -> Affine {
        if window == WINDOWS - 1 {
            return self.select_last(digits);
        }
        let (entry, negative) = digits.digit(window);
        let mut point = pick(&self.0[window], entry);
        point.y = negated_where::<C>(negative, &point.y);
        point
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn select_last(&self, digits: &Digits) -> Affine {
        let bits = digits.bits(WINDOWS - 1);
        let upper = _mm512_test_epi64_mask(bits, splat(ENTRIES as u64));
        let (a, b) = (pick(&self.0[WINDOWS - 1], bits), pick(&self.0[WINDOWS], bits));
        let blend = |a: &Element, b: &Element| {
            std::array::from_fn(|i| _mm512_mask_blend_epi64(upper, a[i], b[i]))
        };
        Affine { x: blend(&a.x, &b.x), y: blend(&a.y, &b.y) }
    }

    /// The points of eight windows' digits of one scalar, lane by lane from window `first` on; lanes
    /// beyond the last window get nothing.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn select_run<C: Parameters>(&self, scalar: &Recoded, first: usize) -> Affine {
        let mut limbs = [zero(); 2 * LIMBS];
        let mut negative = 0;
        for (lane, window) in (first..WINDOWS.min(first + LANES)).enumerate() {
            if window == WINDOWS - 1 {
                let bits = scalar.bits(window);
                pick_into(&mut limbs, &self.0[window], lane, bits);
                pick_into(&mut limbs, &self.0[window + 1], lane, bits ^ ENTRIES as u64);
            } else {
                let place = scalar.digit(window);
                negative |= place.negative << lane;
                pick_into(&mut limbs, &self.0[window], lane, place.entry);
            }
        }
        let mut point = halves(limbs);
        point.y = negated_where::<C>(negative, &point.y);
        point
    }
}

/// The entry of each lane, by its low four bits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn pick(block: &Block, entry: Lanes) -> Affine {
    halves(std::array::from_fn(|i| _mm512_permutex2var_epi64(block[i][0], entry, block[i][1])))
}

/// One entry to one lane, if it is below 16.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn pick_into(limbs: &mut [Lanes; 2 * LIMBS], block: &Block, lane: usize, entry: u64) {
    let place = splat(entry);
    let half = entry / LANES as u64;
    // 1 where half is 0, or 1: half is at most 3.
    let masks = [half, half ^ 1].map(|other| ((other.wrapping_sub(1) >> 63) as u8) << lane);
    for (limb, entries) in limbs.iter_mut().zip(block) {
        for (entries, mask) in entries.iter().zip(masks) {
            *limb = _mm512_mask_permutexvar_epi64(*limb, mask, place, *entries);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn halves([a, b, c, d, e, f, g, h, i, j]: [Lanes; 2 * LIMBS]) -> Affine {
    Affine { x: [a, b, c, d, e], y: [f, g, h, i, j] }
}

/// Sixteen points in the form of the field, each of which is found to be on the curve.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn block<C: Parameters>(points: &[Point]) -> Result<Block, Error> {
    let mut block = [[zero(); ENTRIES / LANES]; 2 * LIMBS];
    for (half, points) in points.chunks_exact(LANES).enumerate() {
        let element = |start: usize| {
            let limbs = |i: usize| {
                from_words(std::array::from_fn(|lane| {
                    to_limbs52(&from_bytes(&points[lane][start..]))[i]
                }))
            };
            let plain = [limbs(0), limbs(1), limbs(2), limbs(3), limbs(4)];
            multiply::<C>(&plain, &constant(C::TO_FORM))
        };
        // 0x04 ‖ x ‖ y
        let (x, y) = (element(1), element(1 + SCALAR_LENGTH));
        let entries = Affine { x, y };
        if entries.on_curve::<C>() != u8::MAX {
            return Err(Error::Consistency);
        }
        for (limbs, limb) in block.iter_mut().zip(entries.x.iter().chain(&entries.y)) {
            limbs[half] = *limb;
        }
    }
    Ok(block)
}
