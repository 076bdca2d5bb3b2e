//! The curves' crates: points of one scalar after the other, and the points that tables are made of.

use k256::elliptic_curve::group::{Curve as _, Group};
use k256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use k256::elliptic_curve::{
    AffinePoint, CurveArithmetic, FieldBytesSize, ProjectivePoint, SecretKey,
};

use crate::error::Error;
use crate::once::Once;
use crate::spec::Curve;

/// Bytes of a scalar and of a coordinate on either curve.
pub const SCALAR_LENGTH: usize = 32;
/// Bytes of an uncompressed point: 0x04 ‖ x ‖ y (SEC 1, 2.3.3).
pub const POINT_LENGTH: usize = 1 + 2 * SCALAR_LENGTH;

/// d, big-endian.
pub type Scalar = [u8; SCALAR_LENGTH];
/// An uncompressed point.
pub type Point = [u8; POINT_LENGTH];

/// The tables of the curves' crates, which make them themselves at their first use of a curve.
static TABLES_OF_CRATES: [Once<()>; Curve::ALL.len()] = [const { Once::new() }; Curve::ALL.len()];

/// Makes the table of a curve's crate, unless it is made; before every use of it.
pub(crate) fn crate_is_ready(curve: Curve) -> Result<(), Error> {
    let make = || {
        let mut one = [0; SCALAR_LENGTH];
        one[SCALAR_LENGTH - 1] = 1;
        by_crate(curve, &one).map(|_| ())
    };
    TABLES_OF_CRATES[curve as usize].get_or_make(make).copied()
}

/// Q = dG.
///
/// # Errors
/// [`Error::Consistency`] for a scalar out of 1 .. n, and after a fault.
pub(super) fn multiple(curve: Curve, scalar: &Scalar) -> Result<Point, Error> {
    crate_is_ready(curve)?;
    by_crate(curve, scalar)
}

fn by_crate(curve: Curve, scalar: &Scalar) -> Result<Point, Error> {
    match curve {
        Curve::P256 => base_multiple::<p256::NistP256>(scalar),
        Curve::P256K => base_multiple::<k256::Secp256k1>(scalar),
    }
}

fn base_multiple<C>(scalar: &Scalar) -> Result<Point, Error>
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    let secret = SecretKey::<C>::from_slice(scalar).map_err(|_| Error::Consistency)?;
    Ok(uncompressed::<C>(secret.public_key().as_affine()))
}

/// d·2^(`window`·i)·G for every odd d below 2^`window` and every i below `windows`, d running
/// faster; then for the last i also those up to 2^(`window` + 1). For tables: it takes milliseconds.
pub(super) fn odd_multiples_vartime(curve: Curve, window: usize, windows: usize) -> Vec<Point> {
    match curve {
        Curve::P256 => odd_multiples::<p256::NistP256>(window, windows),
        Curve::P256K => odd_multiples::<k256::Secp256k1>(window, windows),
    }
}

fn odd_multiples<C>(window: usize, windows: usize) -> Vec<Point>
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    let mut points = vec![];
    let mut base = ProjectivePoint::<C>::generator();
    for i in 0..windows {
        let mut multiple = base;
        let last = usize::from(i == windows - 1);
        for _ in 0..1 << (window - 1 + last) {
            points.push(multiple);
            multiple += base.double();
        }
        base = (0..window).fold(base, |base, _| base.double());
    }
    let mut affine = vec![AffinePoint::<C>::default(); points.len()];
    ProjectivePoint::<C>::batch_normalize(&points, &mut affine);
    affine.iter().map(uncompressed::<C>).collect()
}

fn uncompressed<C>(point: &AffinePoint<C>) -> Point
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: ToSec1Point<C>,
{
    let mut bytes = [0; POINT_LENGTH];
    bytes.copy_from_slice(point.to_sec1_point(false).as_bytes());
    bytes
}
