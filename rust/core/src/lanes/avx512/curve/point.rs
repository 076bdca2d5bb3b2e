//! Addition of points in eight lanes, by the formulas of Cohen, Miyaji and Ono (1998).
//!
//! They add points that differ and are not each other's negative; of others z comes out as 0, and
//! stays 0. That is for the callers to rule out or to look at.

use std::arch::x86_64::__mmask8;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::field::{
    Element, constant, difference, difference_of_three, is_zero, multiply, square, sum,
};
use super::parameters::Parameters;

/// (x/z², y/z³). x is below 2p, y below 5p and z below 2p.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Point {
    pub(super) x: Element,
    pub(super) y: Element,
    pub(super) z: Element,
}

/// (x, y), both below 2p.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Affine {
    pub(super) x: Element,
    pub(super) y: Element,
}

impl Affine {
    /// The lanes in which the point satisfies the equation of the curve.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn on_curve<C: Parameters>(&self) -> __mmask8 {
        let slope = sum(&square::<C>(&self.x), &constant(C::A));
        let right = sum(&multiply::<C>(&slope, &self.x), &constant(C::B));
        let apart = difference::<C, 2>(&right, &square::<C>(&self.y));
        // A product with one brings it below 2p.
        is_zero::<C>(&multiply::<C>(&apart, &constant(C::ONE)))
    }
}

impl Point {
    /// self + other.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn plus_affine<C: Parameters>(&self, other: &Affine) -> Self {
        let zz = square::<C>(&self.z);
        let x = multiply::<C>(&other.x, &zz);
        let y = multiply::<C>(&other.y, &multiply::<C>(&zz, &self.z));
        chord::<C>(&self.z, (&self.x, &self.y), (&x, &y))
    }

    /// self + other.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn plus<C: Parameters>(&self, other: &Self) -> Self {
        let (zz, other_zz) = (square::<C>(&self.z), square::<C>(&other.z));
        let x = multiply::<C>(&self.x, &other_zz);
        let y = multiply::<C>(&self.y, &multiply::<C>(&other_zz, &other.z));
        let other_x = multiply::<C>(&other.x, &zz);
        let other_y = multiply::<C>(&other.y, &multiply::<C>(&zz, &self.z));
        let z = multiply::<C>(&self.z, &other.z);
        chord::<C>(&z, (&x, &y), (&other_x, &other_y))
    }
}

/// The sum of (x/z², y/z³) and (u/z², v/z³), with x < 2p, y < 5p and the others below 2p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn chord<C: Parameters>(
    z: &Element,
    (x, y): (&Element, &Element),
    (u, v): (&Element, &Element),
) -> Point {
    // The bounds are those of P-256; u and v are products with a factor below p or two below 2p, so
    // below 1.25p, and z below 2p.
    let h = difference::<C, 3>(u, x); // 4.25p
    let r = difference::<C, 5>(v, y); // 6.25p
    let hh = square::<C>(&h); // 2.13p
    let hhh = multiply::<C>(&hh, &h); // 1.57p
    let xhh = multiply::<C>(x, &hh); // 1.27p
    let rr = square::<C>(&r); // 3.45p
    // y + 2z there is below 4.11p; x comes out below 2p.
    let third_x = difference_of_three::<C>(&rr, &hhh, &xhh);
    let along = multiply::<C>(&r, &difference::<C, 3>(&xhh, &third_x)); // 2.67p
    let third_y = difference::<C, 2>(&along, &multiply::<C>(y, &hhh)); // 4.67p
    Point { x: third_x, y: third_y, z: multiply::<C>(z, &h) } // z: 1.54p
}
