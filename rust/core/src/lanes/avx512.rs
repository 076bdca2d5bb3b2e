//! The vector engine: eight lanes of 52-bit limbs in AVX-512 registers. Safe Rust, compiled for CPUs
//! that have them; the way in is [`super::dispatch`].

pub(super) mod across;
mod blocks;
pub(super) mod curve;
pub(super) mod division;
mod montgomery;
pub(super) mod power;
mod vector;
