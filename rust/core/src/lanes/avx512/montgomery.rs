//! Montgomery arithmetic on K blocks of ten 52-bit limbs in eight lanes, R = 2^(520·K).
//!
//! R exceeds every modulus by at least 16 bits, so no step needs a conditional subtraction: the
//! square of an x below R comes back below x²/R + n. Every lane executes the same instructions on
//! the same addresses, whatever the numbers are.
//!
//! The work is done block by block, in [`super::blocks`].

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::blocks::{
    BLOCK, Block, add_block, add_product, adjacent, digits_beside, double_and_add_squares,
    find_digits, normalise, products_within,
};
use super::vector::{Lanes, from_words, limb_of, limbs_at, to_words, zero};
use crate::natural::Natural;

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
        for (i, a) in x.iter().enumerate() {
            for (j, b) in y.iter().enumerate() {
                // Again this product is what the first digits are found beside.
                if (i, j) != (0, 1) {
                    add_product(adjacent(columns, i + j), a, b);
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
