//! Sums, products and exact quotients: what turns two primes into a key.

use super::Natural;

impl Natural {
    /// self − 1 for an odd number.
    #[must_use]
    pub fn with_low_bit_cleared(&self) -> Self {
        let mut number = self.copy();
        number.limbs[0] &= !1;
        number
    }

    /// self / 2, rounded down.
    #[must_use]
    pub fn half(&self) -> Self {
        let mut number = self.copy();
        number.halve();
        number
    }

    /// 2 · self, which must fit.
    #[must_use]
    pub fn double(&self) -> Self {
        let mut number = Self::zero(self.limbs.len());
        let mut below = 0;
        for (out, limb) in number.limbs.iter_mut().zip(&self.limbs) {
            *out = limb << 1 | below;
            below = limb >> 63;
        }
        number
    }

    /// self + other modulo 2^(64 · limbs), for another of no more limbs.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.copy();
        let mut carry = 0;
        for (i, out) in sum.limbs.iter_mut().enumerate() {
            let addend = other.limbs.get(i).copied().unwrap_or(0);
            (*out, carry) = multiply_add(1, addend, *out, carry);
        }
        sum
    }

    /// left · right, in as many limbs as both have together.
    #[must_use]
    pub fn product(left: &Self, right: &Self) -> Self {
        let mut product = Self::zero(left.limbs.len() + right.limbs.len());
        for (i, &a) in left.limbs.iter().enumerate() {
            let mut carry = 0;
            for (j, &b) in right.limbs.iter().enumerate() {
                (product.limbs[i + j], carry) = multiply_add(a, b, product.limbs[i + j], carry);
            }
            product.limbs[i + right.limbs.len()] = carry;
        }
        product
    }

    /// self · factor + addend, in one limb more.
    #[must_use]
    pub fn times_word_plus(&self, factor: u64, addend: u64) -> Self {
        let mut product = Self::zero(self.limbs.len() + 1);
        let mut carry = addend;
        for (out, &limb) in product.limbs.iter_mut().zip(&self.limbs) {
            (*out, carry) = multiply_add(limb, factor, 0, carry);
        }
        product.limbs[self.limbs.len()] = carry;
        product
    }

    /// self / divisor, in `limbs` limbs, for an odd divisor that divides exactly (T. Jebelean,
    /// "An algorithm for exact division", 1993): from the lowest limb upwards by the divisor's
    /// inverse modulo 2^64, so without a division instruction, whose time would tell.
    #[must_use]
    pub fn divided_exactly_by(&self, divisor: u64, limbs: usize) -> Self {
        let inverse = inverse_modulo_word(divisor);
        let mut quotient = Self::zero(limbs);
        let mut borrow = 0;
        for (out, &limb) in quotient.limbs.iter_mut().zip(&self.limbs) {
            let (rest, below) = limb.overflowing_sub(borrow);
            *out = rest.wrapping_mul(inverse);
            let (_, high) = multiply_add(*out, divisor, 0, 0);
            borrow = high.wrapping_add(u64::from(below));
        }
        quotient
    }

    /// self mod 65537: as 2^16 ≡ −1, the alternating sum of the 16-bit digits.
    #[must_use]
    pub fn modulo_65537(&self) -> u64 {
        let digit = |limb: u64, i: u32| i64::from((limb >> (16 * i)) as u16);
        let sum: i64 =
            self.limbs.iter().map(|&l| digit(l, 0) - digit(l, 1) + digit(l, 2) - digit(l, 3)).sum();
        // A division by a constant is a multiplication to the compiler.
        sum.rem_euclid(65537).unsigned_abs()
    }

    /// self / 2^bits, rounded down; variable time in `bits`.
    #[must_use]
    pub fn shifted_right_vartime(&self, bits: u32) -> Self {
        (0..bits).fold(self.copy(), |mut number, _| {
            number.halve();
            number
        })
    }

    fn halve(&mut self) {
        let mut above = 0;
        for limb in self.limbs.iter_mut().rev() {
            let low = *limb << 63;
            *limb = *limb >> 1 | above;
            above = low;
        }
    }
}

/// a · b + c + d as (low, high): cannot overflow.
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (wide as u64, (wide >> 64) as u64)
}

/// The inverse of an odd word modulo 2^64: four Newton steps double five correct bits past 64.
pub(super) fn inverse_modulo_word(odd: u64) -> u64 {
    let start = odd.wrapping_mul(3) ^ 2;
    (0..4).fold(start, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))))
}
