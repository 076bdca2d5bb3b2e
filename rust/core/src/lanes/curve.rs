//! Multiples of a curve's base point: the public halves of private scalars.
//!
//! The portable engine takes them from the curve's crate, one after the other; the vector engine has
//! arithmetic of its own, which a page of `docs/decisions` argues for.

use super::Engine;
use super::curve_crates::{Point, SCALAR_LENGTH, Scalar, crate_is_ready, multiple};
#[cfg(target_arch = "x86_64")]
use super::dispatch;
use crate::error::Error;
use crate::spec::Curve;

impl Engine {
    /// Makes whatever tables a curve has, unless they are made.
    ///
    /// # Errors
    /// [`Error::Consistency`] after a fault.
    pub(crate) fn prepare_curve(self, curve: Curve) -> Result<(), Error> {
        crate_is_ready(curve)?;
        self.base_multiples(curve, &[[1; SCALAR_LENGTH]]).map(|_| ())
    }

    /// Q = dG for each scalar d, every one of which is on the curve. Time depends on how many there
    /// are, and on the scalars only in two of 2^256, which the vector engine leaves to the other.
    ///
    /// # Errors
    /// [`Error::Consistency`] for a scalar out of 1 .. n, and after a fault.
    pub fn base_multiples(self, curve: Curve, scalars: &[Scalar]) -> Result<Vec<Point>, Error> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                let points = dispatch::base_multiples(curve, scalars)?.into_iter().zip(scalars);
                points.map(|(point, d)| point.map_or_else(|| multiple(curve, d), Ok)).collect()
            }
            _ => scalars.iter().map(|scalar| multiple(curve, scalar)).collect(),
        }
    }

    /// For tests: which of the scalars the vector engine's own formulas have a point for.
    ///
    /// # Errors
    /// As [`Engine::base_multiples`].
    #[cfg(all(feature = "fault-injection", target_arch = "x86_64"))]
    pub fn has_formulas_for(curve: Curve, scalars: &[Scalar]) -> Result<Vec<bool>, Error> {
        let points = dispatch::base_multiples(curve, scalars)?;
        Ok(points.iter().map(Option::is_some).collect())
    }
}
