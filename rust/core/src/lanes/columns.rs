//! The portable engine's form for vector units: four numbers side by side in limbs of 28 bits.
//!
//! Plain Rust without `unsafe` or intrinsics. What is compiled for a vector unit is a squaring and a
//! multiplication ([`Compiled`]); the rest calls them and is compiled for any CPU.

#![expect(
    clippy::inline_always,
    reason = "what is inlined is compiled for the caller's CPU features"
)]

mod montgomery;
mod power;
mod rows;
mod vector;

pub(super) use montgomery::{Compiled, Moduli, Number};
pub(super) use power::leading_bits;
pub(super) use vector::Lanes;

use crate::natural::Natural;
use vector::WIDTH;

/// See [`super::Engine::base2_fermat`], for candidates that fit L limbs and leave four bits.
pub(super) fn base2_fermat<const L: usize>(candidates: &[&Natural], compiled: Compiled<L>) -> u8 {
    candidates
        .chunks(WIDTH)
        .rev()
        .fold(0, |passed, candidates| passed << WIDTH | power::base2_fermat(candidates, compiled))
}

/// See [`super::Engine::power`], for moduli that fit L limbs and leave four bits.
pub(super) fn power<const L: usize>(
    moduli: &[&Natural],
    bases: &[&Natural],
    exponents: &[&Natural],
    compiled: Compiled<L>,
) -> Vec<Natural> {
    let lanes = moduli.chunks(WIDTH).zip(bases.chunks(WIDTH)).zip(exponents.chunks(WIDTH));
    lanes
        .flat_map(|((moduli, bases), exponents)| power::power(moduli, bases, exponents, compiled))
        .collect()
}

/// See [`super::Engine::square_repeatedly`], for moduli that fit L limbs and leave four bits.
pub(super) fn square_repeatedly<const L: usize>(
    moduli: &[&Natural],
    times: usize,
    compiled: Compiled<L>,
) {
    for moduli in moduli.chunks(WIDTH) {
        power::square_repeatedly(moduli, times, compiled);
    }
}
