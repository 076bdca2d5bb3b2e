//! Montgomery arithmetic on L limbs of 52 bits in eight lanes, R = 2^(52·L).
//!
//! R exceeds every modulus by at least 16 bits, so no step needs a conditional subtraction:
//! x < R/2^7, say, squares to less than n + n·2^2 and stays there. Every lane executes the same
//! instructions on the same addresses, whatever the numbers are.
//!
//! A column is the sum of all products of one weight 2^(52·i). Columns are 64 bits wide and are not
//! normalised before the very end: at most 4·40 terms below 2^52 meet in one.

use std::arch::x86_64::{_mm512_cmpeq_epi64_mask, _mm512_mask_mov_epi64, _mm512_sub_epi64};

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::vector::{
    LIMB_BITS, Lanes, add, carry_of, from_words, high, limb_of, limbs_at, low, shift_left, splat,
    to_words, zero,
};
use crate::natural::Natural;

/// Limbs that are multiplied by one another in registers: ten sums, ten factors, and room to spare.
const BLOCK: usize = 10;

/// Eight odd moduli. R counts the quotient digits that one pass of the reduction finds; it divides
/// L, and R sums must fit in the 32 registers.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Moduli<const L: usize, const R: usize> {
    n: [Lanes; L],
    /// −1/n mod 2^52.
    n_inv: Lanes,
    /// The double-length product that is being reduced.
    columns: [[Lanes; L]; 2],
    quotient: [Lanes; R],
}

impl<const L: usize, const R: usize> Moduli<L, R> {
    #[expect(clippy::unnecessary_box_returns, reason = "moving secrets would leave copies of them")]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn new(moduli: &[&Natural]) -> Box<Self> {
        let zero = zero();
        let mut this = Box::new(Self {
            n: [zero; L],
            n_inv: zero,
            columns: [[zero; L]; 2],
            quotient: [zero; R],
        });
        for (index, limb) in this.n.iter_mut().enumerate() {
            *limb = limbs_at(moduli, index);
        }
        let inverse = |n: u64| crate::lanes::inverse(n).wrapping_neg();
        this.n_inv = limb_of(from_words(to_words(this.n[0]).map(inverse)));
        this
    }

    pub(super) fn n(&self) -> &[Lanes; L] {
        &self.n
    }

    /// x = x²·2^shift / R mod n, each lane with its own small shift.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn square(&mut self, x: &mut [Lanes; L], shift: Lanes) {
        square_columns(&mut self.columns, x);
        self.reduce();
        normalise(x, &self.columns[1], shift);
    }

    /// x = x·y / R mod n.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn multiply(&mut self, x: &mut [Lanes; L], y: &[Lanes; L]) {
        self.columns = [[zero(); L]; 2];
        let columns = self.columns.as_flattened_mut().as_chunks_mut::<BLOCK>().0;
        for (i, x) in x.as_chunks::<BLOCK>().0.iter().enumerate() {
            for (j, y) in y.as_chunks::<BLOCK>().0.iter().enumerate() {
                add_product(adjacent(columns, i + j), x, y);
            }
        }
        self.reduce();
        normalise(x, &self.columns[1], zero());
    }

    /// x = x / R mod n, in [0, n].
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn divide_by_r(&mut self, x: &mut [Lanes; L]) {
        self.columns = [*x, [zero(); L]];
        self.reduce();
        normalise(x, &self.columns[1], zero());
    }

    /// columns[1] = columns / R mod n: R digits of the quotient at a time make R low columns vanish.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn reduce(&mut self) {
        let columns = self.columns.as_flattened_mut().as_chunks_mut::<R>().0;
        let (lowest, rest) = self.n.as_chunks::<R>().0.split_first().expect("R divides L");
        for i in 0..L / R {
            find_quotient(&mut self.quotient, adjacent(columns, i), lowest, self.n_inv);
            for (j, n) in rest.iter().enumerate() {
                add_product(adjacent(columns, i + j + 1), &self.quotient, n);
            }
        }
    }
}

/// Two neighbouring blocks of columns.
#[inline]
fn adjacent<const B: usize>(
    columns: &mut [[Lanes; B]],
    index: usize,
) -> (&mut [Lanes; B], &mut [Lanes; B]) {
    let (left, right) = columns.split_at_mut(index + 1);
    (&mut left[index], &mut right[0])
}

/// columns = x².
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn square_columns<const L: usize>(columns: &mut [[Lanes; L]; 2], x: &[Lanes; L]) {
    let columns = columns.as_flattened_mut();
    let (blocks, _) = x.as_chunks::<BLOCK>();
    for (target, block) in columns.chunks_exact_mut(2 * BLOCK).zip(blocks) {
        products_within(target, block);
    }
    let targets = columns.as_chunks_mut::<BLOCK>().0;
    for (i, a) in blocks.iter().enumerate() {
        for (j, b) in blocks.iter().enumerate().skip(i + 1) {
            add_product(adjacent(targets, i + j), a, b);
        }
    }
    // So far each product of two different limbs stands once.
    for ([even, odd], &limb) in columns.as_chunks_mut::<2>().0.iter_mut().zip(x) {
        *even = low(add(*even, *even), limb, limb);
        *odd = high(add(*odd, *odd), limb, limb);
    }
}

/// columns = the sum of a[i]·a[j] over i < j.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn products_within(columns: &mut [Lanes], a: &[Lanes; BLOCK]) {
    let mut sums = [zero(); 2 * BLOCK];
    for i in 0..BLOCK {
        for j in i + 1..BLOCK {
            sums[i + j] = low(sums[i + j], a[i], a[j]);
            sums[i + j + 1] = high(sums[i + j + 1], a[i], a[j]);
        }
    }
    columns.copy_from_slice(&sums);
}

/// columns += a·b, row by row under a sliding window of sums in registers.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add_product<const B: usize>(
    (left, right): (&mut [Lanes; B], &mut [Lanes; B]),
    a: &[Lanes; B],
    b: &[Lanes; B],
) {
    let mut window = *left;
    for i in 0..B {
        left[i] = low(window[0], a[i], b[0]);
        for j in 1..B {
            window[j - 1] = high(low(window[j], a[i], b[j]), a[i], b[j - 1]);
        }
        window[B - 1] = high(right[i], a[i], b[B - 1]);
    }
    *right = window;
}

/// Finds B digits q such that q·n cancels the left columns, and adds what it adds to the right.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn find_quotient<const B: usize>(
    quotient: &mut [Lanes; B],
    (left, right): (&mut [Lanes; B], &mut [Lanes; B]),
    n: &[Lanes; B],
    n_inv: Lanes,
) {
    let mut window = *left;
    let mut digit = low(zero(), window[0], n_inv);
    for i in 0..B {
        quotient[i] = digit;
        // The lowest column becomes a multiple of 2^52: the next one above, whatever the digit is.
        let carry = carry_of(add(window[0], splat((1 << LIMB_BITS) - 1)));
        // The next digit waits for this column alone, so it comes before the others.
        let next = low(add(window[1], carry), digit, n[1]);
        window[0] = add(next, high(zero(), digit, n[0]));
        let next_digit = low(zero(), window[0], n_inv);
        for j in 2..B {
            window[j - 1] = high(low(window[j], digit, n[j]), digit, n[j - 1]);
        }
        window[B - 1] = high(right[i], digit, n[B - 1]);
        digit = next_digit;
    }
    *right = window;
}

/// x = columns·2^shift, in limbs of 52 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn normalise<const L: usize>(x: &mut [Lanes; L], columns: &[Lanes; L], shift: Lanes) {
    let mut carry = zero();
    for (limb, &column) in x.iter_mut().zip(columns) {
        let sum = add(shift_left(column, shift), carry);
        *limb = limb_of(sum);
        carry = carry_of(sum);
    }
}

/// x = x·2^`doublings` mod n, fully reduced, for x < n.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn double_modulo<const L: usize>(x: &mut [Lanes; L], n: &[Lanes; L], doublings: usize) {
    for _ in 0..doublings {
        let mut carry = zero();
        for limb in x.iter_mut() {
            let sum = add(add(*limb, *limb), carry);
            *limb = limb_of(sum);
            carry = carry_of(sum);
        }
        subtract_if_not_below(x, n);
    }
}

/// x = x − n in the lanes where x ≥ n.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn subtract_if_not_below<const L: usize>(x: &mut [Lanes; L], n: &[Lanes; L]) {
    let mut difference = [zero(); L];
    let mut borrow = zero();
    for i in 0..L {
        let limb = add(_mm512_sub_epi64(x[i], n[i]), borrow);
        difference[i] = limb_of(limb);
        borrow = carry_of(limb);
    }
    let not_below = _mm512_cmpeq_epi64_mask(borrow, zero());
    for (limb, &difference) in x.iter_mut().zip(&difference) {
        *limb = _mm512_mask_mov_epi64(*limb, not_below, difference);
    }
    difference.zeroize();
}
