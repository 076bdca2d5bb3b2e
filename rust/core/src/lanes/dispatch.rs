//! From an engine and a size to the code compiled for them.
//!
//! This file is the only one in the crate with `unsafe`: it is the way from code that runs on every
//! machine into code compiled for machines with AVX2 or AVX-512 IFMA. What lies below is safe Rust.

#![expect(unsafe_code, reason = "calling code that is compiled for an optional CPU feature")]

use super::{Engine, mask, scalar};
#[cfg(target_arch = "x86_64")]
use super::{
    avx2,
    avx512::{across, curve, division, power as vector},
    columns::{self, Compiled},
    curve_crates::{Point, Scalar},
};
#[cfg(target_arch = "x86_64")]
use crate::error::Error;
use crate::natural::Natural;
#[cfg(target_arch = "x86_64")]
use crate::spec::Curve;

const HERE: &str = "an engine that this machine can run";

/// Whether this machine has what the engine's code is compiled for.
pub(super) fn available(engine: Engine) -> bool {
    match engine {
        Engine::Scalar => true,
        #[cfg(target_arch = "x86_64")]
        Engine::Avx2 => is_x86_feature_detected!("avx2"),
        #[cfg(target_arch = "x86_64")]
        Engine::Avx512 => {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512ifma")
        }
        #[cfg(not(target_arch = "x86_64"))]
        _ => false,
    }
}

/// See [`Engine::base2_fermat`]; the front has checked the candidates' shape.
pub(super) fn base2_fermat(engine: Engine, candidates: &[&Natural]) -> u8 {
    assert!(available(engine), "{HERE}");
    match (engine, candidates[0].limbs().len()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU features were checked on the first line; it holds for all three calls.
        (Engine::Avx512, limbs) => unsafe {
            match limbs {
                16 => vector::base2_fermat::<2>(candidates),
                24 => vector::base2_fermat::<3>(candidates),
                _ => vector::base2_fermat::<4>(candidates),
            }
        },
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, 16) => columns::base2_fermat::<37>(candidates, for_avx2()),
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, 24) => columns::base2_fermat::<55>(candidates, for_avx2()),
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, _) => columns::base2_fermat::<74>(candidates, for_avx2()),
        (_, 16) => mask(candidates, scalar::base2_fermat::<2>),
        (_, 24) => mask(candidates, scalar::base2_fermat::<3>),
        _ => mask(candidates, scalar::base2_fermat::<4>),
    }
}

/// See [`Engine::power`]; the front has checked the numbers' shape.
pub(super) fn power(
    engine: Engine,
    n: &[&Natural],
    bases: &[&Natural],
    exponents: &[&Natural],
) -> Vec<Natural> {
    assert!(available(engine), "{HERE}");
    match (engine, n[0].limbs().len()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU features were checked on the first line; it holds for all six calls.
        (Engine::Avx512, limbs) => unsafe {
            match (limbs, n.len()) {
                (16, ..=across::NUMBERS) => across::power::<3>(n, bases, exponents),
                (24, ..=across::NUMBERS) => across::power::<4>(n, bases, exponents),
                (_, ..=across::NUMBERS) => across::power::<5>(n, bases, exponents),
                (16, _) => vector::power::<2>(n, bases, exponents),
                (24, _) => vector::power::<3>(n, bases, exponents),
                _ => vector::power::<4>(n, bases, exponents),
            }
        },
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, 16) => columns::power::<37>(n, bases, exponents, for_avx2()),
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, 24) => columns::power::<55>(n, bases, exponents, for_avx2()),
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, _) => columns::power::<74>(n, bases, exponents, for_avx2()),
        (_, 16) => scalar::powers::<2>(n, bases, exponents),
        (_, 24) => scalar::powers::<3>(n, bases, exponents),
        _ => scalar::powers::<4>(n, bases, exponents),
    }
}

/// See [`Engine::square_repeatedly`]; the front has checked the moduli's shape.
pub(super) fn square_repeatedly(engine: Engine, moduli: &[&Natural], times: usize) {
    assert!(available(engine), "{HERE}");
    match (engine, moduli[0].limbs().len()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU features were checked on the first line; it holds for all three calls.
        (Engine::Avx512, limbs) => unsafe {
            match limbs {
                16 => vector::square_repeatedly::<2>(moduli, times),
                24 => vector::square_repeatedly::<3>(moduli, times),
                _ => vector::square_repeatedly::<4>(moduli, times),
            }
        },
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, 16) => columns::square_repeatedly::<37>(moduli, times, for_avx2()),
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, 24) => columns::square_repeatedly::<55>(moduli, times, for_avx2()),
        #[cfg(target_arch = "x86_64")]
        (Engine::Avx2, _) => columns::square_repeatedly::<74>(moduli, times, for_avx2()),
        (_, 16) => moduli.iter().for_each(|n| scalar::square_repeatedly::<2>(n, times)),
        (_, 24) => moduli.iter().for_each(|n| scalar::square_repeatedly::<3>(n, times)),
        _ => moduli.iter().for_each(|n| scalar::square_repeatedly::<4>(n, times)),
    }
}

/// See [`Engine::base_multiples`]; `None` where the lanes' formulas do not hold.
#[cfg(target_arch = "x86_64")]
pub(super) fn base_multiples(of: Curve, scalars: &[Scalar]) -> Result<Vec<Option<Point>>, Error> {
    assert!(available(Engine::Avx512), "{HERE}");
    // SAFETY: the CPU features were checked on the line above; it holds for both calls.
    unsafe {
        match of {
            Curve::P256 => curve::base_multiples::<curve::P256>(scalars),
            Curve::P256K => curve::base_multiples::<curve::P256K>(scalars),
        }
    }
}

/// The arithmetic of [`columns`] on L limbs, for AVX2.
#[cfg(target_arch = "x86_64")]
fn for_avx2<const L: usize>() -> Compiled<L> {
    assert!(available(Engine::Avx2), "{HERE}");
    // SAFETY: the CPU feature was checked on the line above. What is returned needs it, too: it is
    // the same CPU for as long as the process lives.
    unsafe { avx2::compiled() }
}

/// A table for trial division in AVX-512 lanes, for candidates of 16, 24 or 32 limbs of 64 bits.
#[cfg(target_arch = "x86_64")]
pub(crate) enum Avx512Division {
    Limbs20(division::Division<20>),
    Limbs30(division::Division<30>),
    Limbs40(division::Division<40>),
}

#[cfg(target_arch = "x86_64")]
impl Avx512Division {
    /// See [`super::Division::new`].
    pub(super) fn new(limbs: usize, coarse: &[&[u64]], fine: &[&[u64]]) -> Self {
        assert!(available(Engine::Avx512), "{HERE}");
        // SAFETY: the CPU features were checked on the line above; it holds for all three calls.
        unsafe {
            match limbs {
                16 => Self::Limbs20(division::Division::new(coarse, fine)),
                24 => Self::Limbs30(division::Division::new(coarse, fine)),
                _ => Self::Limbs40(division::Division::new(coarse, fine)),
            }
        }
    }

    /// See [`super::Division::survives`].
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

    /// See [`super::Division::sift`].
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
