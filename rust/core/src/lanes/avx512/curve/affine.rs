//! From three coordinates to two, and to bytes.

use zeroize::Zeroizing;

use super::super::vector::{from_words, to_words};
use super::field::{Element, constant, is_zero, multiply, negated_where, plain, select, square};
use super::inverse::inverse;
use super::limbs::{LIMBS, to_bytes, to_limbs52, to_limbs64};
use super::parameters::Parameters;
use super::point::{Affine, Point};
use crate::error::Error;
use crate::lanes::LANES;
use crate::lanes::curve_crates::{self, POINT_LENGTH};

/// Points of eight lanes, of which the first `lanes` are wanted, negated where `negative` says so.
/// `None` stands where z is 0.
///
/// # Errors
/// [`Error::Consistency`] if one is not on the curve.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn finish<C: Parameters>(
    point: &Point,
    z_inverse: &Element,
    negative: u8,
    lanes: usize,
) -> Result<Vec<Option<curve_crates::Point>>, Error> {
    let missing = is_zero::<C>(&point.z);
    let zz = square::<C>(z_inverse);
    let x = multiply::<C>(&point.x, &zz);
    let y = multiply::<C>(&point.y, &multiply::<C>(&zz, z_inverse));
    let affine = Affine { x, y };
    let wanted = u8::MAX >> (LANES - lanes);
    if (affine.on_curve::<C>() | missing) & wanted != wanted {
        return Err(Error::Consistency);
    }
    let x = plain::<C>(&affine.x);
    let y = negated_where::<C>(negative, &plain::<C>(&affine.y));
    Ok(uncompressed(&x, &y, missing, lanes))
}

/// 1/z in the first `lanes` lanes.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inverses<C: Parameters>(z: &Element, lanes: usize) -> Element {
    let z = Zeroizing::new(plain::<C>(z).map(|limb| to_words(limb)));
    let mut inverses = Zeroizing::new([[0; LANES]; LIMBS]);
    let prime = to_limbs64(&C::PRIME);
    for lane in 0..lanes {
        let limbs = Zeroizing::new(to_limbs64(&std::array::from_fn(|i| z[i][lane])));
        let inverse = Zeroizing::new(inverse(&limbs, &prime));
        for (i, limbs) in inverses.iter_mut().enumerate() {
            limbs[lane] = to_limbs52(&inverse)[i];
        }
    }
    let [a, b, c, d, e] = *inverses;
    let plain = [from_words(a), from_words(b), from_words(c), from_words(d), from_words(e)];
    multiply::<C>(&plain, &constant(C::TO_FORM))
}

/// z, and one where z is 0.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn without_zeros<C: Parameters>(z: &Element) -> Element {
    select(is_zero::<C>(z), &constant(C::ONE), z)
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn uncompressed(
    x: &Element,
    y: &Element,
    missing: u8,
    lanes: usize,
) -> Vec<Option<curve_crates::Point>> {
    let [x, y] = [x, y].map(|element| element.map(|limb| to_words(limb)));
    let point = |lane: usize| {
        let mut bytes = [0; POINT_LENGTH];
        bytes[0] = 4;
        for (half, coordinate) in bytes[1..].chunks_exact_mut(32).zip([&x, &y]) {
            let limbs = to_limbs64(&std::array::from_fn(|i| coordinate[i][lane]));
            to_bytes(half, &limbs);
        }
        (missing >> lane & 1 == 0).then_some(bytes)
    };
    (0..lanes).map(point).collect()
}
