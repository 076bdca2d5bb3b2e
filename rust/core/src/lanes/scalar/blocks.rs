//! Products of blocks of eight 64-bit limbs.
//!
//! A block's row, eight limbs times one, is what the compiler turns into a chain of multiplications
//! and additions in registers; loops over whole numbers it leaves rolled, at twice the time.

pub(super) const BLOCK: usize = 8;

pub(super) type Block = [u64; BLOCK];

/// Two neighbouring blocks of columns.
pub(super) fn adjacent(columns: &mut [Block], index: usize) -> (&mut Block, &mut Block) {
    let (left, right) = columns.split_at_mut(index + 1);
    (&mut left[index], &mut right[0])
}

/// The low and the high word of a·b + c + d, which cannot overflow.
pub(super) const fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let product = (a as u128).wrapping_mul(b as u128);
    let sum = product.wrapping_add(c as u128).wrapping_add(d as u128);
    (sum as u64, (sum >> 64) as u64)
}

/// x − n − borrow, and the next borrow.
pub(super) const fn subtract(x: u64, n: u64, borrow: u64) -> (u64, u64) {
    let (difference, below) = x.overflowing_sub(n);
    let (difference, below_too) = difference.overflowing_sub(borrow);
    (difference, (below | below_too) as u64)
}

/// window += a·b + carry; then the window moves up by a word: the lowest word leaves and is returned
/// with the carry, `above` enters.
#[inline]
fn add_row(window: &mut Block, above: u64, a: u64, b: &Block, carry: u64) -> (u64, u64) {
    let (lowest, mut carry) = multiply_add(a, b[0], window[0], carry);
    for j in 1..BLOCK {
        (window[j - 1], carry) = multiply_add(a, b[j], window[j], carry);
    }
    window[BLOCK - 1] = above;
    (lowest, carry)
}

/// columns += a·b, each row beginning with its carry from the block to the right and ending with
/// the one to the left.
pub(super) fn add_product(
    (left, right): (&mut Block, &mut Block),
    a: &Block,
    b: &Block,
    carries: &mut Block,
) {
    let mut window = *left;
    for i in 0..BLOCK {
        (left[i], carries[i]) = add_row(&mut window, right[i], a[i], b, carries[i]);
    }
    *right = window;
}

/// Finds the eight digits whose product with n cancels the left block, and adds the product.
pub(super) fn find_digits(
    digits: &mut Block,
    (left, right): (&mut Block, &mut Block),
    (n, n_inv): (&Block, u64),
    carries: &mut Block,
) {
    let mut window = *left;
    for i in 0..BLOCK {
        digits[i] = window[0].wrapping_mul(n_inv);
        (left[i], carries[i]) = add_row(&mut window, right[i], digits[i], n, 0);
    }
    *right = window;
}

/// columns = the sum of a[i]·a[j] over i < j.
pub(super) fn products_within(columns: &mut [u64], a: &Block) {
    let mut sums = [0; 2 * BLOCK];
    for i in 0..BLOCK - 1 {
        let mut carry = 0;
        for j in i + 1..BLOCK {
            (sums[i + j], carry) = multiply_add(a[i], a[j], sums[i + j], carry);
        }
        sums[i + BLOCK] = carry;
    }
    columns.copy_from_slice(&sums);
}

/// columns += words, the carry running to the end of the columns.
pub(super) fn add(columns: &mut [u64], words: &Block) {
    let words = words.iter().copied().chain(std::iter::repeat(0));
    columns.iter_mut().zip(words).fold(0, |carry, (column, word)| {
        let (sum, carry) = multiply_add(1, word, *column, carry);
        *column = sum;
        carry
    });
}

/// columns = 2·columns, and each limb's square in its place.
pub(super) fn double_and_add_squares(columns: &mut [u64], limbs: &[u64]) {
    let (mut shifted_out, mut carry) = (0, 0);
    for ([even, odd], &limb) in columns.as_chunks_mut().0.iter_mut().zip(limbs) {
        let doubled = [*even << 1 | shifted_out, *odd << 1 | *even >> 63];
        shifted_out = *odd >> 63;
        let high;
        (*even, high) = multiply_add(limb, limb, doubled[0], carry);
        (*odd, carry) = multiply_add(1, high, doubled[1], 0);
    }
}
