//! The portable engine: Montgomery arithmetic on L limbs of 64 bits, R = 2^(64·L), one number after
//! the other.
//!
//! All secrets live in [`Natural`]s, which erase themselves. Conditions on secrets are masks.

use std::hint::black_box;

use crate::natural::Natural;

/// Exponent bits that one table look-up consumes.
const WINDOW: usize = 4;

/// Whether 2^(n−1) ≡ 1 mod n, for an odd n ≥ 3.
pub(super) fn base2_fermat<const L: usize>(n: &Natural) -> bool {
    let modulus = Modulus::<L>::new(n);
    let mut work = Work::<L>::new();
    work.x_mut().copy_from_slice(modulus.one.limbs());
    for bit in (0..64 * L).rev() {
        modulus.square(&mut work);
        // The lowest bit of n − 1 is clear and the others are those of the odd n.
        let set = modulus.n[bit / 64] >> (bit % 64) & u64::from(bit > 0);
        modulus.double_if(work.x_mut(), set);
    }
    let difference = work.x.limbs().iter().zip(modulus.one.limbs()).fold(0, |d, (x, y)| d | x ^ y);
    difference == 0
}

/// `base`^`exponent` mod n, fully reduced, for an odd n ≥ 3 above `base`.
pub(super) fn power<const L: usize>(n: &Natural, base: &Natural, exponent: &Natural) -> Natural {
    let modulus = Modulus::<L>::new(n);
    let mut work = Work::<L>::new();
    let table = powers(&modulus, &mut work, base);
    work.x_mut().copy_from_slice(modulus.one.limbs());
    let mut factor = Natural::zero(L);
    for low_bit in (0..64 * L).step_by(WINDOW).rev() {
        for _ in 0..WINDOW {
            modulus.square(&mut work);
        }
        let digit = exponent.limbs()[low_bit / 64] >> (low_bit % 64) & ((1 << WINDOW) - 1);
        select(&mut factor, &table, digit);
        modulus.multiply(&mut work, array(&factor));
    }
    work.product[..L].copy_from_slice(work.x.limbs());
    work.product[L..].fill(0);
    modulus.reduce(&mut work);
    work.x
}

/// See [`super::Engine::square_repeatedly`].
pub(super) fn square_repeatedly<const L: usize>(n: &Natural, times: usize) {
    let modulus = Modulus::<L>::new(n);
    let mut work = Work::<L>::new();
    work.x_mut().copy_from_slice(modulus.one.limbs());
    modulus.double_if(work.x_mut(), 1);
    (0..times).for_each(|_| modulus.square(&mut work));
    black_box(&work.x);
}

/// base^0, base^1, … base^15 in Montgomery form.
fn powers<const L: usize>(
    modulus: &Modulus<L>,
    work: &mut Work<L>,
    base: &Natural,
) -> Vec<Natural> {
    modulus.r_squared(work);
    modulus.multiply(work, array(base));
    let mut table = vec![Natural::zero(L), Natural::zero(L)];
    table[0].limbs_mut().copy_from_slice(modulus.one.limbs());
    table[1].limbs_mut().copy_from_slice(work.x.limbs());
    while table.len() < 1 << WINDOW {
        modulus.multiply(work, array(&table[1]));
        table.push(Natural::zero(L));
        table.last_mut().expect("just pushed").limbs_mut().copy_from_slice(work.x.limbs());
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

/// The number being worked on and the double-length product above it.
struct Work<const L: usize> {
    x: Natural,
    product: zeroize::Zeroizing<Vec<u64>>,
}

impl<const L: usize> Work<L> {
    fn new() -> Self {
        Self { x: Natural::zero(L), product: vec![0; 2 * L].into() }
    }

    fn x_mut(&mut self) -> &mut [u64; L] {
        array_mut(&mut self.x)
    }
}

struct Modulus<'a, const L: usize> {
    n: &'a [u64; L],
    /// −1/n mod 2^64.
    n_inv: zeroize::Zeroizing<u64>,
    /// R mod n: the number one in Montgomery form.
    one: Natural,
}

impl<'a, const L: usize> Modulus<'a, L> {
    fn new(n: &'a Natural) -> Self {
        let n_inv = super::inverse(n.limbs()[0]).wrapping_neg().into();
        let mut modulus = Self { n: array(n), n_inv, one: Natural::zero(L) };
        // R mod n by doubling the power of two just below n; a single step for a full-length n.
        let bits = super::bit_length(modulus.n);
        let mut one = Natural::zero(L);
        one.limbs_mut()[(bits - 1) / 64] = 1 << ((bits - 1) % 64);
        for _ in bits..=64 * L {
            modulus.double_if(array_mut(&mut one), 1);
        }
        modulus.one = one;
        modulus
    }

    /// work.x = R² mod n: R·2^k is one in Montgomery form times 2^k, and squaring doubles k.
    fn r_squared(&self, work: &mut Work<L>) {
        work.x_mut().copy_from_slice(self.one.limbs());
        let bits = 64 * L;
        for _ in 0..bits >> bits.trailing_zeros() {
            self.double_if(work.x_mut(), 1);
        }
        for _ in 0..bits.trailing_zeros() {
            self.square(work);
        }
    }

    /// x = x·2^`set` mod n, for x < n and a `set` of 0 or 1.
    #[inline]
    fn double_if(&self, x: &mut [u64; L], set: u64) {
        let mut carry = 0;
        for limb in x.iter_mut() {
            let doubled = *limb << set | carry;
            carry = *limb >> 63 & set;
            *limb = doubled;
        }
        self.subtract_if_not_below(x, carry);
    }

    /// work.x = work.x · y / R mod n.
    fn multiply(&self, work: &mut Work<L>, y: &[u64; L]) {
        work.product.fill(0);
        for (i, &limb) in work.x.limbs().iter().enumerate() {
            work.product[i + L] = add_product(&mut work.product[i..i + L], y, limb);
        }
        self.reduce(work);
    }

    /// work.x = work.x² / R mod n.
    #[inline]
    fn square(&self, work: &mut Work<L>) {
        let x = array::<L>(&work.x);
        work.product.fill(0);
        for i in 0..L {
            // x[i] times everything above it; what lies below came from the other factor.
            work.product[i + L] =
                add_product(&mut work.product[2 * i + 1..i + L], &x[i + 1..], x[i]);
        }
        let (mut shifted_out, mut carry) = (0, 0);
        for (pair, &limb) in work.product.chunks_exact_mut(2).zip(x) {
            let square = wide(limb).wrapping_mul(wide(limb));
            let doubled = [pair[0] << 1 | shifted_out, pair[1] << 1 | pair[0] >> 63];
            shifted_out = pair[1] >> 63;
            let low = wide(doubled[0]).wrapping_add(wide(square as u64)).wrapping_add(carry);
            let high = wide(doubled[1]).wrapping_add(square >> 64).wrapping_add(low >> 64);
            *pair.first_mut().expect("two limbs") = low as u64;
            pair[1] = high as u64;
            carry = high >> 64;
        }
        self.reduce(work);
    }

    /// work.x = work.product / R mod n, for a product below n·R.
    #[inline]
    fn reduce(&self, work: &mut Work<L>) {
        let mut carry = 0;
        for i in 0..L {
            let q = work.product[i].wrapping_mul(*self.n_inv);
            let row = add_product(&mut work.product[i..i + L], self.n, q);
            let sum = wide(work.product[i + L]).wrapping_add(wide(row)).wrapping_add(carry);
            work.product[i + L] = sum as u64;
            carry = sum >> 64;
        }
        let x = array_mut::<L>(&mut work.x);
        x.copy_from_slice(&work.product[L..]);
        self.subtract_if_not_below(x, carry as u64);
    }

    /// x = x − n if `carry`·R + x ≥ n, for a value below 2n.
    #[inline]
    fn subtract_if_not_below(&self, x: &mut [u64; L], carry: u64) {
        let mut difference = [0; L];
        let mut borrow = false;
        for ((d, &x), &n) in difference.iter_mut().zip(x.iter()).zip(self.n) {
            let (low, below) = x.overflowing_sub(n);
            let (low, below_too) = low.overflowing_sub(u64::from(borrow));
            *d = low;
            borrow = below | below_too;
        }
        // Keep x where the subtraction borrowed and no carry pays for it.
        let keep = black_box((u64::from(borrow) & !carry).wrapping_neg());
        for (x, d) in x.iter_mut().zip(&difference) {
            *x = *x & keep | d & !keep;
        }
        zeroize::Zeroize::zeroize(&mut difference);
    }
}

/// t += a·b over the length of a; returns the limb that is carried out.
#[inline]
fn add_product(t: &mut [u64], a: &[u64], b: u64) -> u64 {
    let mut carry = 0;
    for (t, &a) in t.iter_mut().zip(a) {
        let sum = wide(a).wrapping_mul(wide(b)).wrapping_add(wide(*t)).wrapping_add(wide(carry));
        *t = sum as u64;
        carry = (sum >> 64) as u64;
    }
    carry
}

const fn wide(limb: u64) -> u128 {
    limb as u128
}

fn array<const L: usize>(number: &Natural) -> &[u64; L] {
    number.limbs().try_into().expect("the front checked the limb count")
}

fn array_mut<const L: usize>(number: &mut Natural) -> &mut [u64; L] {
    number.limbs_mut().try_into().expect("the front checked the limb count")
}
