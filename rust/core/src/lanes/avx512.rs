//! The vector engine: eight lanes of 52-bit limbs in AVX-512 registers.
//!
//! This file is the only one in the crate with `unsafe`: it is the way from code that runs on every
//! machine into code compiled for machines with AVX-512 IFMA. What lies below is safe Rust.

#![expect(unsafe_code, reason = "calling code that is compiled for an optional CPU feature")]

mod blocks;
mod curve;
mod division;
mod montgomery;
mod power;
mod vector;

use crate::error::Error;
use crate::natural::Natural;
use crate::spec::Curve;

use super::curve::{Point, Scalar};

/// Whether this machine has what every function below is compiled for.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512ifma")
}

/// See [`super::Engine::base2_fermat`]; the front has checked the candidates' shape.
pub(super) fn base2_fermat(candidates: &[&Natural]) -> u8 {
    assert!(available(), "an engine that this machine can run");
    // SAFETY: the CPU features were checked on the line above; it holds for all three calls.
    unsafe {
        match candidates[0].limbs().len() {
            16 => power::base2_fermat::<2>(candidates),
            24 => power::base2_fermat::<3>(candidates),
            _ => power::base2_fermat::<4>(candidates),
        }
    }
}

/// See [`super::Engine::squarings_in_test`].
pub(super) fn squarings_in_test(limbs: usize) -> usize {
    64 * limbs - power::leading_bits(limbs)
}

/// See [`super::Engine::power`]; the front has checked the numbers' shape.
pub(super) fn power(
    moduli: &[&Natural],
    bases: &[&Natural],
    exponents: &[&Natural],
) -> Vec<Natural> {
    assert!(available(), "an engine that this machine can run");
    // SAFETY: the CPU features were checked on the line above; it holds for all three calls.
    unsafe {
        match moduli[0].limbs().len() {
            16 => power::power::<2>(moduli, bases, exponents),
            24 => power::power::<3>(moduli, bases, exponents),
            _ => power::power::<4>(moduli, bases, exponents),
        }
    }
}

/// See [`super::Engine::square_repeatedly`]; the front has checked the moduli's shape.
pub(super) fn square_repeatedly(moduli: &[&Natural], times: usize) {
    assert!(available(), "an engine that this machine can run");
    // SAFETY: the CPU features were checked on the line above; it holds for all three calls.
    unsafe {
        match moduli[0].limbs().len() {
            16 => power::square_repeatedly::<2>(moduli, times),
            24 => power::square_repeatedly::<3>(moduli, times),
            _ => power::square_repeatedly::<4>(moduli, times),
        }
    }
}

/// See [`super::Engine::base_multiples`]; `None` where these formulas do not hold.
pub(super) fn base_multiples(of: Curve, scalars: &[Scalar]) -> Result<Vec<Option<Point>>, Error> {
    assert!(available(), "an engine that this machine can run");
    // SAFETY: the CPU features were checked on the line above; it holds for both calls.
    unsafe {
        match of {
            Curve::P256 => curve::base_multiples::<curve::P256>(scalars),
            Curve::P256K => curve::base_multiples::<curve::P256K>(scalars),
        }
    }
}

/// A table for trial division in lanes, for candidates of 16, 24 or 32 limbs of 64 bits.
pub(crate) enum Division {
    Limbs20(division::Division<20>),
    Limbs30(division::Division<30>),
    Limbs40(division::Division<40>),
}

impl Division {
    /// See [`super::division::Division::new`].
    pub(super) fn new(limbs: usize, coarse: &[&[u64]], fine: &[&[u64]]) -> Self {
        assert!(available(), "an engine that this machine can run");
        // SAFETY: the CPU features were checked on the line above; it holds for all three calls.
        unsafe {
            match limbs {
                16 => Self::Limbs20(division::Division::new(coarse, fine)),
                24 => Self::Limbs30(division::Division::new(coarse, fine)),
                _ => Self::Limbs40(division::Division::new(coarse, fine)),
            }
        }
    }

    /// See [`super::division::Division::survives`].
    pub(super) fn survives(&self, candidate: &Natural) -> bool {
        // SAFETY: the CPU features are there, or `new` would not have made the table.
        unsafe {
            match self {
                Self::Limbs20(division) => division.survives(candidate),
                Self::Limbs30(division) => division.survives(candidate),
                Self::Limbs40(division) => division.survives(candidate),
            }
        }
    }

    /// See [`super::division::Division::sift`].
    pub(super) fn sift(&self, candidates: &[&Natural]) -> u8 {
        // SAFETY: the CPU features are there, or `new` would not have made the table.
        unsafe {
            match self {
                Self::Limbs20(division) => division.sift(candidates),
                Self::Limbs30(division) => division.sift(candidates),
                Self::Limbs40(division) => division.sift(candidates),
            }
        }
    }
}
