//! Products of a group of limbs with a whole number, summed up in columns.
//!
//! A column is the sum of all products of one weight 2^(28·i), 64 bits wide and not normalised
//! before the very end: at most 2·74 terms meet in one, each a product of limbs below 2^28 + 8.
//! The sums that a group of limbs adds to move along the columns in registers, so a column is read
//! and written once for a whole group.
//!
//! All of it is plain Rust, written so that the compiler makes vector instructions of it where the
//! caller is compiled for a CPU that has them. Hence `inline(always)`: a function that is not part of
//! its caller is compiled for any CPU.

use std::array::from_fn;
use std::hint::black_box;

use super::vector::{Lanes, add, carry_of, limb_of, multiply_add, splat};

/// Limbs of a group: four factors, four sums and what else a step takes fit in 16 registers.
pub(super) const GROUP: usize = 4;

/// window += factors·b; then the window moves up by a column: the lowest sum leaves, `above` enters.
#[inline(always)]
fn add_row<const G: usize>(
    window: &mut [Lanes; G],
    above: Lanes,
    factors: &[Lanes; G],
    b: Lanes,
) -> Lanes {
    let sums: [Lanes; G] = from_fn(|i| multiply_add(window[i], factors[i], b));
    *window = from_fn(|i| if i + 1 < G { sums[i + 1] } else { above });
    sums[0]
}

/// columns += factors·b, where b has G limbs less than there are columns.
#[inline(always)]
pub(super) fn add_product<const G: usize>(
    columns: &mut [Lanes],
    factors: &[Lanes; G],
    b: &[Lanes],
) {
    // A compiler that knew how small these factors are would leave out the masks by which it then
    // recognises a multiplication of 32 bits.
    let factors = *black_box(factors);
    let columns = &mut columns[..b.len() + G];
    let mut window: [Lanes; G] = from_fn(|i| columns[i]);
    let (fours, rest) = b.as_chunks::<4>();
    for (four, b) in fours.iter().enumerate() {
        for (i, &b) in b.iter().enumerate() {
            let above = columns[4 * four + i + G];
            columns[4 * four + i] = add_row(&mut window, above, &factors, b);
        }
    }
    for (i, &b) in (4 * fours.len()..).zip(rest) {
        let above = columns[i + G];
        columns[i] = add_row(&mut window, above, &factors, b);
    }
    columns[b.len()..].copy_from_slice(&window);
}

/// columns += the sum of 2·a[i]·a[j] over i < j.
#[inline(always)]
pub(super) fn add_products_within<const G: usize>(
    columns: &mut [Lanes],
    a: &[Lanes; G],
    doubled: &[Lanes; G],
) {
    let columns = &mut columns[..2 * G];
    let mut window: [Lanes; G] = from_fn(|i| columns[i]);
    for i in 0..G {
        let sums: [Lanes; G] =
            from_fn(|j| if j > i { multiply_add(window[j], doubled[i], a[j]) } else { window[j] });
        let above = columns[i + G];
        columns[i] = sums[0];
        window = from_fn(|j| if j + 1 < G { sums[j + 1] } else { above });
    }
    columns[G..].copy_from_slice(&window);
}

/// Finds the digits whose product with n cancels the lowest G columns, and adds their product with
/// n's lowest G limbs to the columns.
#[inline(always)]
pub(super) fn find_digits<const G: usize>(
    columns: &mut [Lanes],
    n: &[Lanes; G],
    n_inv: Lanes,
) -> [Lanes; G] {
    let columns = &mut columns[..2 * G];
    let mut window: [Lanes; G] = from_fn(|i| columns[i]);
    let mut digits = [splat(0); G];
    for (i, digit) in digits.iter_mut().enumerate() {
        *digit = limb_of(multiply_add(splat(0), window[0], n_inv));
        let sums: [Lanes; G] = from_fn(|j| multiply_add(window[j], *digit, n[j]));
        let above = columns[i + G];
        window = from_fn(|j| if j + 1 < G { sums[j + 1] } else { above });
        window[0] = add(window[0], carry_of(sums[0]));
    }
    columns[G..].copy_from_slice(&window);
    digits
}
