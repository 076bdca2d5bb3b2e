//! The portable engine's [`columns`](super::columns) compiled for AVX2, which multiplies 32-bit
//! numbers in four lanes. The way in is [`super::dispatch`].

use super::columns::{Compiled, Lanes, Moduli, Number};

/// The arithmetic on L limbs.
#[target_feature(enable = "avx2")]
pub(super) fn compiled<const L: usize>() -> Compiled<L> {
    Compiled {
        square: |moduli, x, shift| square(moduli, x, shift),
        multiply: |moduli, x, table, index| multiply(moduli, x, table, index),
    }
}

#[target_feature(enable = "avx2")]
fn square<const L: usize>(moduli: &mut Moduli<L>, x: &mut Number<L>, shift: Lanes) {
    moduli.square_inlined(x, shift);
}

#[target_feature(enable = "avx2")]
fn multiply<const L: usize>(
    moduli: &mut Moduli<L>,
    x: &mut Number<L>,
    table: &[Number<L>],
    index: Lanes,
) {
    moduli.multiply_inlined(x, table, index);
}
