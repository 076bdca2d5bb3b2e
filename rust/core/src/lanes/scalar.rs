//! The portable engine's form for any CPU: one number after the other, in blocks of 64-bit limbs.
//!
//! All secrets live in [`Natural`]s and in `Zeroizing`s, which erase themselves. Conditions on
//! secrets are masks.

mod blocks;
mod montgomery;

use std::hint::black_box;

use crate::natural::Natural;
use montgomery::{Modulus, Work};

/// Exponent bits that one table look-up consumes; they must not straddle limbs.
const WINDOW: usize = 4;

/// Whether 2^(n−1) ≡ 1 mod n, for an odd n ≥ 3 of K blocks.
pub(super) fn base2_fermat<const K: usize>(n: &Natural) -> bool {
    let modulus = Modulus::<K>::new(n);
    let mut work = Work::new(modulus.one());
    for bit in (0..64 * n.limbs().len()).rev() {
        modulus.square(&mut work);
        // The lowest bit of n − 1 is clear and the others are those of the odd n.
        let set = n.limbs()[bit / 64] >> (bit % 64) & u64::from(bit > 0);
        modulus.double_if(&mut work, set);
    }
    let limbs = work.number().limbs().iter().zip(modulus.one().limbs());
    limbs.fold(0, |difference, (x, one)| difference | x ^ one) == 0
}

/// See [`super::Engine::power`], for moduli of K blocks.
pub(super) fn powers<const K: usize>(
    moduli: &[&Natural],
    bases: &[&Natural],
    exponents: &[&Natural],
) -> Vec<Natural> {
    let lanes = moduli.iter().zip(bases).zip(exponents);
    lanes.map(|((n, base), exponent)| power::<K>(n, base, exponent)).collect()
}

/// `base`^`exponent` mod n, fully reduced, for an odd n ≥ 3 of K blocks above `base`.
fn power<const K: usize>(n: &Natural, base: &Natural, exponent: &Natural) -> Natural {
    let modulus = Modulus::<K>::new(n);
    let table = table(&modulus, base);
    let mut work = Work::new(modulus.one());
    let mut factor = Natural::zero(n.limbs().len());
    for low_bit in (0..64 * n.limbs().len()).step_by(WINDOW).rev() {
        for _ in 0..WINDOW {
            modulus.square(&mut work);
        }
        let digit = exponent.limbs()[low_bit / 64] >> (low_bit % 64) & ((1 << WINDOW) - 1);
        select(&mut factor, &table, digit);
        modulus.multiply(&mut work, &factor);
    }
    modulus.divide_by_r(&mut work);
    work.number().copy()
}

/// See [`super::residue`].
pub(super) fn residue(number: &Natural, n: &Natural) -> Natural {
    match n.limbs().len() {
        16 => residue_in::<2>(number, n),
        24 => residue_in::<3>(number, n),
        _ => residue_in::<4>(number, n),
    }
}

fn residue_in<const K: usize>(number: &Natural, n: &Natural) -> Natural {
    let modulus = Modulus::<K>::new(n);
    let (mut work, r_squared) = (Work::new(modulus.one()), modulus.r_squared());
    modulus.reduce_whole(&mut work, number);
    modulus.multiply(&mut work, &r_squared);
    work.number().copy()
}

/// See [`super::product_modulo`].
pub(super) fn product_modulo(a: &Natural, b: &Natural, n: &Natural) -> Natural {
    match n.limbs().len() {
        16 => product_in::<2>(a, b, n),
        24 => product_in::<3>(a, b, n),
        _ => product_in::<4>(a, b, n),
    }
}

fn product_in<const K: usize>(a: &Natural, b: &Natural, n: &Natural) -> Natural {
    let modulus = Modulus::<K>::new(n);
    let mut work = Work::new(a);
    modulus.multiply(&mut work, b);
    modulus.multiply(&mut work, &modulus.r_squared());
    work.number().copy()
}

/// 2^(2·w) mod n for an odd n ≥ 3 of 16, 24 or 32 limbs, w bits.
#[cfg(target_arch = "x86_64")]
pub(super) fn r_squared(n: &Natural) -> Natural {
    match n.limbs().len() {
        16 => Modulus::<2>::new(n).r_squared(),
        24 => Modulus::<3>::new(n).r_squared(),
        _ => Modulus::<4>::new(n).r_squared(),
    }
}

/// See [`super::Engine::square_repeatedly`].
pub(super) fn square_repeatedly<const K: usize>(n: &Natural, times: usize) {
    let modulus = Modulus::<K>::new(n);
    let mut work = Work::new(modulus.one());
    modulus.double_if(&mut work, 1);
    (0..times).for_each(|_| modulus.square(&mut work));
    black_box(work.number());
}

/// base^0, base^1, … base^15 in Montgomery form.
fn table<const K: usize>(modulus: &Modulus<K>, base: &Natural) -> Vec<Natural> {
    let mut work = Work::new(base);
    modulus.multiply(&mut work, &modulus.r_squared());
    let mut table = vec![modulus.one().copy(), work.number().copy()];
    while table.len() < 1 << WINDOW {
        modulus.multiply(&mut work, &table[1]);
        table.push(work.number().copy());
    }
    table
}

/// `out` = `table[digit]`, reading every entry so that no address depends on the digit.
fn select(out: &mut Natural, table: &[Natural], digit: u64) {
    out.limbs_mut().fill(0);
    for (index, entry) in (0u64..).zip(table) {
        let difference = index ^ digit;
        let mask = black_box(((difference | difference.wrapping_neg()) >> 63).wrapping_sub(1));
        for (out, limb) in out.limbs_mut().iter_mut().zip(entry.limbs()) {
            *out |= limb & mask;
        }
    }
}
