//! Montgomery arithmetic on L limbs of 28 bits in four lanes, R = 2^(28·L).
//!
//! R exceeds every modulus by at least 4 bits, so no step needs a conditional subtraction: twice the
//! square of an x of at most R/4 comes back as at most 2·(x²/R + n), which is R/4 again. Limbs of
//! such numbers may exceed 28 bits by a few units. Every lane executes the same instructions on the
//! same addresses, whatever the numbers are.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::rows::{GROUP, add_product, add_products_within, find_digits};
use super::vector::{
    Lanes, add, carry_of, choose, equal, lanes, limb_at, limb_of, multiply_add, shift_left, splat,
};
use crate::natural::Natural;

pub(in crate::lanes) type Number<const L: usize> = [Lanes; L];

/// [`Moduli::square_inlined`] and [`Moduli::multiply_inlined`], compiled for this CPU.
#[derive(Clone, Copy)]
pub(in crate::lanes) struct Compiled<const L: usize> {
    pub(in crate::lanes) square: fn(&mut Moduli<L>, &mut Number<L>, Lanes),
    pub(in crate::lanes) multiply: fn(&mut Moduli<L>, &mut Number<L>, &[Number<L>], Lanes),
}

/// Four odd moduli, and the room to compute with them.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(in crate::lanes) struct Moduli<const L: usize> {
    #[zeroize(skip)]
    compiled: Compiled<L>,
    n: Number<L>,
    /// −1/n mod 2^28.
    n_inv: Lanes,
    columns: [Number<L>; 2],
    digits: [Lanes; GROUP],
    factor: Number<L>,
}

impl<const L: usize> Moduli<L> {
    pub(super) fn new(moduli: &[&Natural], compiled: Compiled<L>) -> Box<Self> {
        let empty = [splat(0); L];
        let mut this = Box::new(Self {
            compiled,
            n: empty,
            n_inv: splat(0),
            columns: [empty; 2],
            digits: [splat(0); GROUP],
            factor: empty,
        });
        read(&mut this.n, moduli);
        let lowest = this.n[0].0;
        this.n_inv = limb_of(lanes(|lane| crate::lanes::inverse(lowest[lane]).wrapping_neg()));
        this
    }

    pub(super) fn n(&self) -> &Number<L> {
        &self.n
    }

    /// x = x²·2^shift / R mod n, each lane with its own shift of at most two.
    pub(super) fn square(&mut self, x: &mut Number<L>, shift: Lanes) {
        (self.compiled.square)(self, x, shift);
    }

    /// x = x·`table[index]` / R mod n, each lane with its own index, reading every entry so that no
    /// address depends on it.
    pub(super) fn multiply(&mut self, x: &mut Number<L>, table: &[Number<L>], index: Lanes) {
        (self.compiled.multiply)(self, x, table, index);
    }

    /// x = x / R mod n: at most n.
    pub(super) fn divide_by_r(&mut self, x: &mut Number<L>) {
        let mut one = [splat(0); L];
        one[0] = splat(1);
        self.multiply(x, &[one], splat(0));
    }

    #[inline(always)]
    pub(in crate::lanes) fn square_inlined(&mut self, x: &mut Number<L>, shift: Lanes) {
        let columns = self.columns.as_flattened_mut();
        for (pair, &limb) in columns.as_chunks_mut().0.iter_mut().zip(&*x) {
            *pair = [multiply_add(splat(0), limb, limb), splat(0)];
        }
        for i in 0..L % GROUP {
            add_crossing::<1>(&mut columns[2 * i..], &x[i..]);
        }
        for i in (L % GROUP..L).step_by(GROUP) {
            add_crossing::<GROUP>(&mut columns[2 * i..], &x[i..]);
        }
        self.reduce();
        self.settle(x, shift);
    }

    #[inline(always)]
    pub(in crate::lanes) fn multiply_inlined(
        &mut self,
        x: &mut Number<L>,
        table: &[Number<L>],
        index: Lanes,
    ) {
        self.select(table, index);
        self.columns = [[splat(0); L]; 2];
        let columns = self.columns.as_flattened_mut();
        let (ones, groups) = x.split_at(L % GROUP);
        for (i, &factor) in ones.iter().enumerate() {
            add_product(&mut columns[i..], &[factor], &self.factor);
        }
        for (i, factors) in groups.as_chunks::<GROUP>().0.iter().enumerate() {
            add_product(&mut columns[L % GROUP + GROUP * i..], factors, &self.factor);
        }
        self.reduce();
        self.settle(x, splat(0));
    }

    /// factor = `table[index]`.
    #[inline(always)]
    fn select(&mut self, table: &[Number<L>], index: Lanes) {
        self.factor = [splat(0); L];
        for (place, entry) in table.iter().enumerate() {
            let mask = std::hint::black_box(equal(index, splat(place as u64)));
            for (limb, &of_entry) in self.factor.iter_mut().zip(entry) {
                *limb = choose(mask, of_entry, *limb);
            }
        }
    }

    /// Adds the multiple of n that makes the lower half of the columns vanish.
    ///
    /// A digit waits some ten cycles for the last. So the digits of a group are found as soon as the
    /// columns they depend on are complete, beside the rest of the group before.
    #[inline(always)]
    fn reduce(&mut self) {
        let (columns, n) = (self.columns.as_flattened_mut(), &self.n);
        let (lowest, next) = (n.first_chunk().expect("a group"), &n[GROUP..2 * GROUP]);
        for i in 0..L % GROUP {
            let digit = find_digits(&mut columns[i..], &[n[0]], self.n_inv);
            add_product(&mut columns[i + 1..], &digit, &n[1..]);
        }
        self.digits = find_digits(&mut columns[L % GROUP..], lowest, self.n_inv);
        for i in (L % GROUP + GROUP..L).step_by(GROUP) {
            add_product(&mut columns[i..], &self.digits, next);
            let digits = find_digits(&mut columns[i..], lowest, self.n_inv);
            add_product(&mut columns[i + GROUP..], &self.digits, &n[2 * GROUP..]);
            self.digits = digits;
        }
        add_product(&mut columns[L..], &self.digits, &n[GROUP..]);
    }

    /// x = the upper half of the columns, times 2^shift. A column's low, middle and high bits each go
    /// where they belong, then what is above 28 bits once more: all limbs at once, none waiting for
    /// a carry to arrive. Limbs below 2^28 + 8 are left.
    #[inline(always)]
    fn settle(&mut self, x: &mut Number<L>, shift: Lanes) {
        let (mut from_below, mut high, mut carry) = (splat(0), splat(0), splat(0));
        for (limb, &column) in x.iter_mut().zip(&self.columns[1]) {
            let sum = shift_left(add(limb_of(column), from_below), shift);
            let above = carry_of(column);
            from_below = add(limb_of(above), high);
            high = carry_of(above);
            *limb = add(limb_of(sum), carry);
            carry = carry_of(sum);
        }
    }
}

/// columns += twice the products of x's first G limbs with each other and with all others.
#[inline(always)]
fn add_crossing<const G: usize>(columns: &mut [Lanes], x: &[Lanes]) {
    let (group, others) = x.split_first_chunk::<G>().expect("a group at least");
    let doubled = group.map(|limb| add(limb, limb));
    add_products_within(columns, group, &doubled);
    if !others.is_empty() {
        add_product(&mut columns[G..], &doubled, others);
    }
}

/// The 28-bit limbs of four numbers.
pub(super) fn read<const L: usize>(x: &mut Number<L>, numbers: &[&Natural]) {
    for (index, limb) in x.iter_mut().enumerate() {
        *limb = limb_at(numbers, index);
    }
}
