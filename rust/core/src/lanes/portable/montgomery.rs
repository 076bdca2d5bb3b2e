//! Montgomery arithmetic on K blocks of eight 64-bit limbs, R = 2^(512·K).
//!
//! A block's row, eight limbs times one, is what the compiler turns into a chain of multiplications
//! and additions in registers; loops over whole numbers it leaves rolled, at twice the time.

use std::hint::black_box;

use zeroize::Zeroizing;

use crate::lanes::{bit_length, inverse};
use crate::natural::Natural;

const BLOCK: usize = 8;
type Block = [u64; BLOCK];

/// The number being worked on, below the modulus, and the room to compute with it.
pub(super) struct Work<const K: usize> {
    number: Natural,
    /// The double-length product that is being reduced.
    product: Zeroizing<[[Block; K]; 2]>,
    difference: Zeroizing<[Block; K]>,
    quotient: Zeroizing<Block>,
    /// What each row of the blocks in work carries into the block to the left.
    carries: Zeroizing<Block>,
}

impl<const K: usize> Work<K> {
    pub(super) fn new(number: &Natural) -> Self {
        Self {
            number: number.copy(),
            product: [[[0; BLOCK]; K]; 2].into(),
            difference: [[0; BLOCK]; K].into(),
            quotient: [0; BLOCK].into(),
            carries: [0; BLOCK].into(),
        }
    }

    pub(super) fn number(&self) -> &Natural {
        &self.number
    }
}

/// An odd modulus.
pub(super) struct Modulus<'a, const K: usize> {
    n: &'a Natural,
    /// −1/n mod 2^64.
    n_inv: Zeroizing<u64>,
    /// R mod n: the number one in Montgomery form.
    one: Natural,
}

impl<'a, const K: usize> Modulus<'a, K> {
    pub(super) fn new(n: &'a Natural) -> Self {
        let n_inv = inverse(n.limbs()[0]).wrapping_neg().into();
        let mut modulus = Self { n, n_inv, one: Natural::zero(K * BLOCK) };
        // R mod n by doubling the power of two just below n; a single step for a full-length n.
        let bits = bit_length(n.limbs());
        let mut work = Work::new(&modulus.one);
        work.number.limbs_mut()[(bits - 1) / 64] = 1 << ((bits - 1) % 64);
        for _ in bits..=64 * BLOCK * K {
            modulus.double_if(&mut work, 1);
        }
        modulus.one = work.number;
        modulus
    }

    pub(super) fn one(&self) -> &Natural {
        &self.one
    }

    /// work = R² mod n, for a work of one: 2^k in Montgomery form, squared, is 2^(2·k).
    pub(super) fn multiply_by_r(&self, work: &mut Work<K>) {
        let bits = 64 * BLOCK * K;
        for _ in 0..bits >> bits.trailing_zeros() {
            self.double_if(work, 1);
        }
        for _ in 0..bits.trailing_zeros() {
            self.square(work);
        }
    }

    /// work = work·2^`set` mod n, for a `set` of 0 or 1.
    pub(super) fn double_if(&self, work: &mut Work<K>, set: u64) {
        // An addition and no shift by `set`: a shift by a secret count is for machines to get wrong.
        let (mask, mut carry) = (set.wrapping_neg(), 0);
        for limb in work.number.limbs_mut() {
            (*limb, carry) = multiply_add(1, *limb & mask, *limb, carry);
        }
        self.subtract_if_not_below(work, carry);
    }

    /// work = work·y / R mod n.
    pub(super) fn multiply(&self, work: &mut Work<K>, y: &Natural) {
        let columns = work.product.as_flattened_mut();
        columns.as_flattened_mut().fill(0);
        for (i, a) in blocks(&work.number).iter().enumerate() {
            work.carries.fill(0);
            for (j, b) in blocks(y).iter().enumerate() {
                add_product(adjacent(columns, i + j), a, b, &mut work.carries);
            }
            add(columns[i + K..].as_flattened_mut(), &work.carries);
        }
        self.reduce(work);
    }

    /// work = work² / R mod n.
    pub(super) fn square(&self, work: &mut Work<K>) {
        let columns = work.product.as_flattened_mut();
        let x = blocks(&work.number);
        for (pair, a) in columns.as_chunks_mut::<2>().0.iter_mut().zip(x) {
            products_within(pair.as_flattened_mut(), a);
        }
        for (i, a) in x.iter().enumerate().take(K - 1) {
            work.carries.fill(0);
            for (j, b) in x.iter().enumerate().skip(i + 1) {
                add_product(adjacent(columns, i + j), a, b, &mut work.carries);
            }
            add(columns[i + K..].as_flattened_mut(), &work.carries);
        }
        double_and_add_squares(columns.as_flattened_mut(), work.number.limbs());
        self.reduce(work);
    }

    /// work = work / R mod n.
    pub(super) fn divide_by_r(&self, work: &mut Work<K>) {
        let [low, high] = &mut *work.product;
        low.as_flattened_mut().copy_from_slice(work.number.limbs());
        high.as_flattened_mut().fill(0);
        self.reduce(work);
    }

    /// work = work.product / R mod n, for a product below n·R.
    fn reduce(&self, work: &mut Work<K>) {
        let columns = work.product.as_flattened_mut();
        let (lowest, others) = blocks(self.n).split_first().expect("at least one block");
        let mut carry = 0;
        for i in 0..K {
            let (quotient, carries) = (&mut work.quotient, &mut work.carries);
            find_digits(quotient, adjacent(columns, i), (lowest, *self.n_inv), carries);
            for (j, n) in others.iter().enumerate() {
                add_product(adjacent(columns, i + j + 1), quotient, n, carries);
            }
            for (column, &row) in columns[i + K].iter_mut().zip(carries.iter()) {
                (*column, carry) = multiply_add(1, row, *column, carry);
            }
        }
        work.number.limbs_mut().copy_from_slice(work.product[1].as_flattened());
        self.subtract_if_not_below(work, carry);
    }

    /// work = work − n if `carry`·R + work ≥ n, for a value below 2n.
    fn subtract_if_not_below(&self, work: &mut Work<K>, carry: u64) {
        let mut borrow = 0;
        let limbs = work.number.limbs().iter().zip(self.n.limbs());
        for (difference, (&x, &n)) in work.difference.as_flattened_mut().iter_mut().zip(limbs) {
            (*difference, borrow) = subtract(x, n, borrow);
        }
        // Keep what is there where the subtraction borrowed and no carry pays for it.
        let keep = black_box((borrow & !carry).wrapping_neg());
        for (x, d) in work.number.limbs_mut().iter_mut().zip(work.difference.as_flattened()) {
            *x = *x & keep | d & !keep;
        }
    }
}

fn blocks(number: &Natural) -> &[Block] {
    number.limbs().as_chunks().0
}

/// Two neighbouring blocks of columns.
fn adjacent(columns: &mut [Block], index: usize) -> (&mut Block, &mut Block) {
    let (left, right) = columns.split_at_mut(index + 1);
    (&mut left[index], &mut right[0])
}

/// The low and the high word of a·b + c + d, which cannot overflow.
const fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let product = (a as u128).wrapping_mul(b as u128);
    let sum = product.wrapping_add(c as u128).wrapping_add(d as u128);
    (sum as u64, (sum >> 64) as u64)
}

/// x − n − borrow, and the next borrow.
const fn subtract(x: u64, n: u64, borrow: u64) -> (u64, u64) {
    let difference = (x as u128).wrapping_sub(n as u128).wrapping_sub(borrow as u128);
    (difference as u64, (difference >> 64) as u64 & 1)
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
fn add_product((left, right): (&mut Block, &mut Block), a: &Block, b: &Block, carries: &mut Block) {
    let mut window = *left;
    for i in 0..BLOCK {
        (left[i], carries[i]) = add_row(&mut window, right[i], a[i], b, carries[i]);
    }
    *right = window;
}

/// Finds the eight digits whose product with n cancels the left block, and adds the product.
fn find_digits(
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
fn products_within(columns: &mut [u64], a: &Block) {
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
fn add(columns: &mut [u64], words: &Block) {
    let words = words.iter().copied().chain(std::iter::repeat(0));
    columns.iter_mut().zip(words).fold(0, |carry, (column, word)| {
        let (sum, carry) = multiply_add(1, word, *column, carry);
        *column = sum;
        carry
    });
}

/// columns = 2·columns, and each limb's square in its place.
fn double_and_add_squares(columns: &mut [u64], limbs: &[u64]) {
    let (mut shifted_out, mut carry) = (0, 0);
    for ([even, odd], &limb) in columns.as_chunks_mut().0.iter_mut().zip(limbs) {
        let doubled = [*even << 1 | shifted_out, *odd << 1 | *even >> 63];
        shifted_out = *odd >> 63;
        let high;
        (*even, high) = multiply_add(limb, limb, doubled[0], carry);
        (*odd, carry) = multiply_add(1, high, doubled[1], 0);
    }
}
