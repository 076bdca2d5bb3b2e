//! Montgomery arithmetic on K blocks of eight 64-bit limbs, R = 2^(512·K).
//!
//! The work is done block by block, in [`super::blocks`].

use std::hint::black_box;

use zeroize::Zeroizing;

use super::blocks::{
    BLOCK, Block, add, add_product, adjacent, double_and_add_squares, find_digits, multiply_add,
    products_within, subtract,
};
use crate::lanes::{bit_length, inverse};
use crate::natural::Natural;

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

    /// R² mod n, which makes a Montgomery form of what it is multiplied by: 2^k in Montgomery form,
    /// squared, is 2^(2·k).
    pub(super) fn r_squared(&self) -> Natural {
        let mut work = Work::new(&self.one);
        let bits = 64 * BLOCK * K;
        for _ in 0..bits >> bits.trailing_zeros() {
            self.double_if(&mut work, 1);
        }
        for _ in 0..bits.trailing_zeros() {
            self.square(&mut work);
        }
        work.number
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

    /// work = number / R mod n, for a number below n·R.
    pub(super) fn reduce_whole(&self, work: &mut Work<K>, number: &Natural) {
        let product = work.product.as_flattened_mut().as_flattened_mut();
        product.copy_from_slice(number.limbs());
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
