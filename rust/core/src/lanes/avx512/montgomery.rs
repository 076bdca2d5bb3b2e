//! Montgomery arithmetic on K blocks of ten 52-bit limbs in eight lanes, R = 2^(520·K).
//!
//! R exceeds every modulus by at least 16 bits, so no step needs a conditional subtraction: the
//! square of an x below R comes back below x²/R + n. Every lane executes the same instructions on
//! the same addresses, whatever the numbers are.
//!
//! A column is the sum of all products of one weight 2^(52·i), 64 bits wide and not normalised
//! before the very end: at most 4·40 terms below 2^52 meet in one. Two multiply-adds can start in a
//! cycle, and each takes four: what decides is that there is always something independent to start.
//! Hence blocks whose ten sums live in registers, and quotient digits, which wait for one another,
//! found beside an ordinary product.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::vector::{
    LIMB_MASK, Lanes, add, carry_of, from_words, high, limb_of, limbs_at, low, shift_left, splat,
    to_words, zero,
};
use crate::natural::Natural;

/// Limbs of a block: ten sums, ten factors and what else a row takes fit in 32 registers.
pub(super) const BLOCK: usize = 10;

pub(super) type Block = [Lanes; BLOCK];
pub(super) type Number<const K: usize> = [Block; K];

/// Eight odd moduli, and the room to compute with them.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Moduli<const K: usize> {
    n: Number<K>,
    /// −1/n mod 2^52.
    n_inv: Lanes,
    columns: [Number<K>; 2],
    quotient: Number<K>,
}

impl<const K: usize> Moduli<K> {
    #[expect(clippy::unnecessary_box_returns, reason = "moving secrets would leave copies of them")]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn new(moduli: &[&Natural]) -> Box<Self> {
        let empty = [[zero(); BLOCK]; K];
        let columns = [empty; 2];
        let mut this = Box::new(Self { n: empty, n_inv: zero(), columns, quotient: empty });
        read(&mut this.n, moduli);
        let inverse = |n: u64| crate::lanes::inverse(n).wrapping_neg();
        this.n_inv = limb_of(from_words(to_words(this.n[0][0]).map(inverse)));
        this
    }

    pub(super) fn n(&self) -> &Number<K> {
        &self.n
    }

    /// x = x²·2^shift / R mod n, each lane with its own small shift.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn square(&mut self, x: &mut Number<K>, shift: Lanes) {
        let columns = self.columns.as_flattened_mut();
        for (pair, x) in columns.as_chunks_mut::<2>().0.iter_mut().zip(&*x) {
            products_within(pair.as_flattened_mut(), x);
        }
        for j in 2..K {
            for i in 0..j {
                add_product(adjacent(columns, i + j), &x[i], &x[j]);
            }
        }
        // So far each product of two different limbs stands once. The first digits need the lowest
        // block only; the product of the lowest two blocks is what they are found beside.
        double_and_add_squares(&mut columns[..1], &x[0][..BLOCK / 2]);
        let lowest = (&self.n[0], self.n_inv);
        let sums = digits_beside(&mut self.quotient[0], columns, lowest, &x[0], &x[1]);
        double_and_add_squares(&mut columns[1..], &x.as_flattened()[BLOCK / 2..]);
        add_block(&mut columns[1], &sums);
        self.reduce(1, x, shift);
    }

    /// x = x·y / R mod n.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn multiply(&mut self, x: &mut Number<K>, y: &Number<K>) {
        self.columns = [[[zero(); BLOCK]; K]; 2];
        let columns = self.columns.as_flattened_mut();
        for i in 0..K {
            for j in 0..K {
                // Again this product is what the first digits are found beside.
                if (i, j) != (0, 1) {
                    add_product(adjacent(columns, i + j), &x[i], &y[j]);
                }
            }
        }
        let lowest = (&self.n[0], self.n_inv);
        let sums = digits_beside(&mut self.quotient[0], columns, lowest, &x[0], &y[1]);
        add_block(&mut columns[1], &sums);
        self.reduce(1, x, zero());
    }

    /// x = x / R mod n, in [0, n] for an x below R.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn divide_by_r(&mut self, x: &mut Number<K>) {
        self.columns = [*x, [[zero(); BLOCK]; K]];
        self.reduce(0, x, zero());
    }

    /// x = columns·2^shift / R mod n, the digits of the first `found` blocks of the quotient being
    /// known and multiplied by the lowest block of n.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn reduce(&mut self, found: usize, x: &mut Number<K>, shift: Lanes) {
        let (columns, n) = (self.columns.as_flattened_mut(), &self.n);
        let nothing = [zero(); BLOCK];
        for c in found..K {
            let (known, unknown) = self.quotient.split_at_mut(c);
            for i in 1..c {
                add_product(adjacent(columns, c), &known[i - 1], &n[c + 1 - i]);
            }
            let feeding = if c == 0 { (&nothing, &n[0]) } else { (&known[c - 1], &n[1]) };
            find_digits(&mut unknown[0], adjacent(columns, c), (&n[0], self.n_inv), feeding);
        }
        let (last, others) = self.quotient.split_last().expect("at least one block");
        let mut carry = zero();
        for c in K..2 * K - 1 {
            for i in c + 1 - K..K - 1 {
                add_product(adjacent(columns, c), &others[i], &n[c - i]);
            }
            let (left, right) = adjacent(columns, c);
            add_product((&mut *left, right), last, &n[c + 1 - K]);
            carry = normalise(&mut x[c - K], left, shift, carry);
        }
        normalise(&mut x[K - 1], &columns[2 * K - 1], shift, carry);
    }
}

/// The 52-bit limbs of eight numbers.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn read<const K: usize>(x: &mut Number<K>, numbers: &[&Natural]) {
    for (index, limb) in x.as_flattened_mut().iter_mut().enumerate() {
        *limb = limbs_at(numbers, index);
    }
}

/// Two neighbouring blocks of columns.
#[inline]
fn adjacent(columns: &mut [Block], index: usize) -> (&mut Block, &mut Block) {
    let (left, right) = columns.split_at_mut(index + 1);
    (&mut left[index], &mut right[0])
}

/// columns = the sum of a[i]·a[j] over i < j.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn products_within(columns: &mut [Lanes], a: &Block) {
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
fn double_and_add_squares(columns: &mut [Block], limbs: &[Lanes]) {
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
fn add_block(columns: &mut Block, sums: &Block) {
    for (column, &sum) in columns.iter_mut().zip(sums) {
        *column = add(*column, sum);
    }
}

/// columns += a·b. The left block is added late, so that a row need not wait for whatever wrote it.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add_product((left, right): (&mut Block, &mut Block), a: &Block, b: &Block) {
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
fn find_digits(
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
fn digits_beside(
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
fn normalise(x: &mut Block, columns: &Block, shift: Lanes, mut carry: Lanes) -> Lanes {
    for (limb, &column) in x.iter_mut().zip(columns) {
        let sum = add(shift_left(column, shift), carry);
        *limb = limb_of(sum);
        carry = carry_of(sum);
    }
    carry
}
