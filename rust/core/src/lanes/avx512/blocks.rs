//! Products of blocks of ten limbs in eight lanes, summed up in columns.
//!
//! A column is the sum of all products of one weight 2^(52·i), 64 bits wide and not normalised
//! before the very end: at most 4·40 terms below 2^52 meet in one. Two multiply-adds can start in a
//! cycle, and each takes four: what decides is that there is always something independent to start.
//! Hence blocks whose ten sums live in registers, and quotient digits, which wait for one another,
//! found beside an ordinary product.

use super::vector::{LIMB_MASK, Lanes, add, carry_of, high, limb_of, low, shift_left, splat, zero};

/// Limbs of a block: ten sums, ten factors and what else a row takes fit in 32 registers.
pub(super) const BLOCK: usize = 10;

pub(super) type Block = [Lanes; BLOCK];
/// Two neighbouring blocks of columns.
#[inline]
pub(super) fn adjacent(columns: &mut [Block], index: usize) -> (&mut Block, &mut Block) {
    let (left, right) = columns.split_at_mut(index + 1);
    (&mut left[index], &mut right[0])
}

/// columns = the sum of a[i]·a[j] over i < j.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn products_within(columns: &mut [Lanes], a: &Block) {
    let mut sums = [zero(); 2 * BLOCK];
    for i in 0..BLOCK {
        for j in i + 1..BLOCK {
            sums[i + j] = low(sums[i + j], a[i], a[j]);
            sums[i + j + 1] = high(sums[i + j + 1], a[i], a[j]);
        }
    }
    columns.copy_from_slice(&sums);
}

/// columns = 2·columns, and each limb's square in its place.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn double_and_add_squares(columns: &mut [Block], limbs: &[Lanes]) {
    for ([even, odd], &limb) in columns.as_flattened_mut().as_chunks_mut().0.iter_mut().zip(limbs) {
        *even = low(add(*even, *even), limb, limb);
        *odd = high(add(*odd, *odd), limb, limb);
    }
}

/// window += a·b; then the window moves up by a column: the lowest sum leaves, `above` enters.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add_row(window: &mut Block, above: Lanes, a: Lanes, b: &Block) -> Lanes {
    let lowest = low(window[0], a, b[0]);
    for j in 1..BLOCK {
        window[j - 1] = high(low(window[j], a, b[j]), a, b[j - 1]);
    }
    window[BLOCK - 1] = high(above, a, b[BLOCK - 1]);
    lowest
}

/// Finds the digit whose product with n cancels window + `column`, adds the product, and moves the
/// window up by a column.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add_digit_row(window: &mut Block, column: Lanes, (n, n_inv): (&Block, Lanes)) -> Lanes {
    let lowest = add(window[0], column);
    let digit = low(zero(), lowest, n_inv);
    // The lowest column becomes a multiple of 2^52: the next one above, whatever the digit is.
    let carry = carry_of(add(lowest, splat(LIMB_MASK)));
    // The next digit waits for this sum: the two products are not made to wait for each other.
    window[0] = add(low(add(window[1], carry), digit, n[1]), high(zero(), digit, n[0]));
    for j in 2..BLOCK {
        window[j - 1] = high(low(window[j], digit, n[j]), digit, n[j - 1]);
    }
    window[BLOCK - 1] = high(zero(), digit, n[BLOCK - 1]);
    digit
}

/// columns += sums.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add_block(columns: &mut Block, sums: &Block) {
    for (column, &sum) in columns.iter_mut().zip(sums) {
        *column = add(*column, sum);
    }
}

/// columns += a·b. The left block is added late, so that a row need not wait for whatever wrote it.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add_product((left, right): (&mut Block, &mut Block), a: &Block, b: &Block) {
    let mut window = [zero(); BLOCK];
    for i in 0..BLOCK {
        left[i] = add(left[i], add_row(&mut window, right[i], a[i], b));
    }
    *right = window;
}

/// Finds the ten digits that cancel left + a·b's lower half, where `feeding` is a and b; right =
/// right + a·b's upper half + the upper half of the digits' product with n.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn find_digits(
    digits: &mut Block,
    (left, right): (&mut Block, &mut Block),
    lowest: (&Block, Lanes),
    (a, b): (&Block, &Block),
) {
    let (mut product, mut multiple) = ([zero(); BLOCK], [zero(); BLOCK]);
    for i in 0..BLOCK {
        let column = add(left[i], add_row(&mut product, right[i], a[i], b));
        digits[i] = add_digit_row(&mut multiple, column, lowest);
    }
    for i in 0..BLOCK {
        right[i] = add(product[i], multiple[i]);
    }
}

/// Finds the ten digits that cancel columns[0], beside adding a·b to columns[1] and [2]; returns
/// what the digits' product with n adds to columns[1].
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn digits_beside(
    digits: &mut Block,
    columns: &mut [Block],
    lowest: (&Block, Lanes),
    a: &Block,
    b: &Block,
) -> Block {
    let [bottom, left, right] = columns.first_chunk_mut().expect("at least four blocks");
    let (mut product, mut multiple) = ([zero(); BLOCK], [zero(); BLOCK]);
    for i in 0..BLOCK {
        left[i] = add(left[i], add_row(&mut product, right[i], a[i], b));
        digits[i] = add_digit_row(&mut multiple, bottom[i], lowest);
    }
    *right = product;
    multiple
}

/// x = columns·2^shift + carry in limbs of 52 bits; returns the next carry.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn normalise(x: &mut Block, columns: &Block, shift: Lanes, mut carry: Lanes) -> Lanes {
    for (limb, &column) in x.iter_mut().zip(columns) {
        let sum = add(shift_left(column, shift), carry);
        *limb = limb_of(sum);
        carry = carry_of(sum);
    }
    carry
}
