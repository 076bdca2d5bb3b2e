//! Multiples of a curve's base point in eight lanes: public keys.
//!
//! The way down: `multiply` → `affine`, `table`, `digits` → `point`, `inverse` → `field` →
//! `parameters` → `limbs`. Instructions and addresses never depend on a scalar.

mod affine;
mod digits;
mod field;
mod inverse;
mod limbs;
mod multiply;
mod parameters;
mod point;
mod table;

pub(in crate::lanes) use multiply::base_multiples;
pub(in crate::lanes) use parameters::{P256, P256K};
