//! kG without doublings: one table entry for each digit of k, all added up.
//!
//! **No case is left out.** Every digit is odd, so no partial sum of digits times powers of 32 is 0,
//! and no two over disjoint windows are equal or opposite as integers: the highest digit outweighs
//! the rest. They can be so modulo n where their sum or difference is ±n, which is more than any
//! but the last addition reaches, and there for one odd k alone: for eight scalars, where the last
//! entry E·32^50 meets the rest k − E·32^50 = E·32^50 − n; for one scalar, where even and odd
//! windows differ by n. Then z is 0, as it is for no other k, and so is it for n − k. These two
//! scalars in 2^256 are for the caller to multiply by; a test does.

use std::arch::x86_64::{_mm512_permutex_epi64, _mm512_shuffle_i64x2};

use zeroize::Zeroizing;

use super::super::vector::Lanes;
#[cfg(feature = "fault-injection")]
use super::super::vector::{from_words, to_words};
use super::affine::{finish, inverses, without_zeros};
use super::digits::{Digits, Recoded, WINDOWS};
use super::field::{Element, constant, multiply, select};
use super::parameters::Parameters;
use super::point::{Affine, Point};
use super::table::{Table, Tabled};
use crate::error::Error;
#[cfg(feature = "fault-injection")]
use crate::fault::{self, Place};
use crate::lanes::LANES;
use crate::lanes::curve_crates::{self, Scalar};

/// Up to so many scalars are quicker one by one.
const FEW: usize = 3;
/// Eights of scalars that share one inversion.
const GROUPS: usize = 16;

/// kG for each scalar k in 1 .. n; `None` where this engine's formulas do not hold.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(in crate::lanes) fn base_multiples<C: Tabled>(
    scalars: &[Scalar],
) -> Result<Vec<Option<curve_crates::Point>>, Error> {
    let table = Table::of::<C>()?;
    let mut points = Vec::with_capacity(scalars.len());
    if scalars.len() <= FEW {
        for scalar in scalars {
            points.extend(one::<C>(table, scalar)?);
        }
    } else {
        for scalars in scalars.chunks(GROUPS * LANES) {
            many::<C>(table, scalars, &mut points)?;
        }
    }
    Ok(points)
}

/// Eight scalars at a time, one in each lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn many<C: Parameters>(
    table: &Table,
    scalars: &[Scalar],
    points: &mut Vec<Option<curve_crates::Point>>,
) -> Result<(), Error> {
    let mut sums = Vec::with_capacity(GROUPS);
    // Products of all z up to each: the last is inverted for all (P. L. Montgomery, 1987).
    let mut products: Zeroizing<Vec<Element>> = Zeroizing::new(Vec::with_capacity(GROUPS));
    for scalars in scalars.chunks(LANES) {
        let digits = Digits::new::<C>(scalars);
        let sum = sum_of_windows::<C>(table, &digits);
        #[cfg(feature = "fault-injection")]
        let sum = with_faults(sum);
        let z = without_zeros::<C>(&sum.z);
        let product = products.last().map_or(z, |before| multiply::<C>(before, &z));
        products.push(product);
        sums.push((sum, digits.negative));
    }
    let last = products.last().expect("scalars come in chunks of at least one");
    let mut inverse = Zeroizing::new(inverses::<C>(last, LANES));
    let mut finished = Vec::with_capacity(sums.len());
    for (i, scalars) in scalars.chunks(LANES).enumerate().rev() {
        let (sum, negative) = &sums[i];
        let z_inverse = match i.checked_sub(1) {
            Some(before) => multiply::<C>(&inverse, &products[before]),
            None => *inverse,
        };
        finished.push(finish::<C>(sum, &z_inverse, *negative, scalars.len())?);
        *inverse = multiply::<C>(&inverse, &without_zeros::<C>(&sum.z));
    }
    points.extend(finished.into_iter().rev().flatten());
    Ok(())
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn sum_of_windows<C: Parameters>(table: &Table, digits: &Digits) -> Point {
    let mut sum = with_z_one::<C>(&table.select::<C>(digits, 0));
    for window in 1..WINDOWS {
        sum = sum.plus_affine::<C>(&table.select::<C>(digits, window));
    }
    sum
}

/// One scalar: lane i adds up windows i, i + 8, …; then the lanes are added up.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn one<C: Parameters>(
    table: &Table,
    scalar: &Scalar,
) -> Result<Vec<Option<curve_crates::Point>>, Error> {
    let scalar = Recoded::new::<C>(scalar);
    let mut sum = with_z_one::<C>(&table.select_run::<C>(&scalar, 0));
    for first in (LANES..WINDOWS - WINDOWS % LANES).step_by(LANES) {
        sum = sum.plus_affine::<C>(&table.select_run::<C>(&scalar, first));
    }
    // The last windows are fewer than the lanes: the others keep their sum.
    let longer = sum.plus_affine::<C>(&table.select_run::<C>(&scalar, WINDOWS - WINDOWS % LANES));
    let has_last = u8::MAX >> (LANES - WINDOWS % LANES);
    let sum = Point {
        x: select(has_last, &longer.x, &sum.x),
        y: select(has_last, &longer.y, &sum.y),
        z: select(has_last, &longer.z, &sum.z),
    };
    // Lane i and lane i ± 4, then ± 2; then the even windows, which are in even lanes, and the odd.
    let sum = sum.plus::<C>(&moved(&sum, |limb| _mm512_shuffle_i64x2::<0b01_00_11_10>(limb, limb)));
    let sum = sum.plus::<C>(&moved(&sum, |limb| _mm512_shuffle_i64x2::<0b10_11_00_01>(limb, limb)));
    let sum = sum.plus::<C>(&moved(&sum, |limb| _mm512_permutex_epi64::<0b10_11_00_01>(limb)));
    #[cfg(feature = "fault-injection")]
    let sum = with_faults(sum);
    let inverse = Zeroizing::new(inverses::<C>(&sum.z, 1));
    finish::<C>(&sum, &inverse, scalar.negative, 1)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn moved(point: &Point, lanes: impl Fn(Lanes) -> Lanes) -> Point {
    Point { x: point.x.map(&lanes), y: point.y.map(&lanes), z: point.z.map(&lanes) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn with_z_one<C: Parameters>(point: &Affine) -> Point {
    Point { x: point.x, y: point.y, z: constant(C::ONE) }
}

#[cfg(feature = "fault-injection")]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn with_faults(mut sum: Point) -> Point {
    let limbs = [sum.x, sum.y, sum.z].concat();
    let mut words: Vec<[u64; LANES]> = limbs.iter().map(|limb| to_words(*limb)).collect();
    fault::in_words(Place::Multiple, words.as_flattened_mut().iter_mut());
    let [x, y, z] = [&mut sum.x, &mut sum.y, &mut sum.z];
    for (limb, words) in x.iter_mut().chain(y).chain(z).zip(words) {
        *limb = from_words(words);
    }
    sum
}
