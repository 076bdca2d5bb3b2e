//! Natural numbers of a fixed public length that erase themselves.
//!
//! Every operation's instructions and addresses depend on the lengths alone, never on the values.
//! Only what assembling an RSA key takes is here; modular arithmetic lives in `lanes`.

use zeroize::Zeroize;

/// A non-negative integer as little-endian 64-bit limbs. Erased on drop; neither `Clone` nor
/// `Debug`, and boxed so that moving one copies a pointer, not the number.
pub struct Natural {
    limbs: Box<[u64]>,
}

impl Drop for Natural {
    fn drop(&mut self) {
        self.limbs.zeroize();
    }
}

impl Natural {
    /// Zero, in `limbs` limbs.
    #[must_use]
    pub fn zero(limbs: usize) -> Self {
        Self { limbs: vec![0; limbs].into_boxed_slice() }
    }

    /// The number whose big-endian bytes are given; `bytes.len()` must be a multiple of 8.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8]) -> Self {
        assert!(bytes.len().is_multiple_of(8), "a whole number of limbs");
        let mut number = Self::zero(bytes.len() / 8);
        for (limb, chunk) in number.limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
            *limb = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        number
    }

    /// Writes the number as big-endian bytes; `out.len()` must be 8 times the limb count.
    pub fn write_be_bytes(&self, out: &mut [u8]) {
        assert_eq!(out.len(), 8 * self.limbs.len(), "the number's own length");
        for (limb, chunk) in self.limbs.iter().zip(out.rchunks_exact_mut(8)) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
    }

    /// The limbs, least significant first.
    #[must_use]
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// The limbs, to be written in place.
    pub fn limbs_mut(&mut self) -> &mut [u64] {
        &mut self.limbs
    }

    /// `value`, in `limbs` limbs.
    #[must_use]
    pub fn word(value: u64, limbs: usize) -> Self {
        let mut number = Self::zero(limbs);
        number.limbs[0] = value;
        number
    }

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
        let mut number = Self::zero(self.limbs.len());
        for i in 0..self.limbs.len() {
            let above = self.limbs.get(i + 1).map_or(0, |limb| limb << 63);
            number.limbs[i] = self.limbs[i] >> 1 | above;
        }
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

    /// self · factor + 1, in one limb more.
    #[must_use]
    pub fn times_word_plus_one(&self, factor: u64) -> Self {
        let mut product = Self::zero(self.limbs.len() + 1);
        let mut carry = 1;
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

    /// |self − other|.
    #[must_use]
    pub fn distance(&self, other: &Self) -> Self {
        let (mut forward, borrow) = self.difference(other);
        let (backward, _) = other.difference(self);
        forward.replace_if(&backward, borrow);
        forward
    }

    /// self − modulus if that is not negative, else self: one step of a reduction.
    #[must_use]
    pub fn reduced_once_by(&self, modulus: &Self) -> Self {
        let (mut reduced, borrow) = self.difference(modulus);
        reduced.replace_if(self, borrow);
        reduced
    }

    /// The greatest common divisor of two odd numbers of the same limb count, in a number of steps
    /// that depends on that count alone.
    ///
    /// Each step halves u: made even by subtracting v if it was odd, after a swap if it was
    /// smaller. u and v lose a bit between them each time, so after twice their length u is 0.
    #[must_use]
    pub fn gcd_of_odd(left: &Self, right: &Self) -> Self {
        let (mut u, mut v) = (left.copy(), right.copy());
        for _ in 0..2 * 64 * left.limbs.len() {
            let (difference, smaller) = u.difference(&v);
            let odd = (u.limbs[0] & 1).wrapping_neg();
            // u even: (u, v). u odd and u ≥ v: (u − v, v). u odd and u < v: (v − u, u).
            let swap = odd & smaller;
            let mut carry = swap & 1;
            for i in 0..u.limbs.len() {
                let was = u.limbs[i];
                let (negated, overflow) = (difference.limbs[i] ^ swap).overflowing_add(carry);
                carry = u64::from(overflow);
                u.limbs[i] = was ^ (odd & (was ^ negated));
                v.limbs[i] ^= swap & (v.limbs[i] ^ was);
            }
            u.halve();
        }
        v
    }

    /// True if the number is 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.limbs.iter().fold(0, |any, limb| any | limb) == 0
    }

    /// True if the number is 1.
    #[must_use]
    pub fn is_one(&self) -> bool {
        (self.limbs[0] ^ 1) | self.limbs[1..].iter().fold(0, |any, limb| any | limb) == 0
    }

    /// True if both are the same number, of the same limb count.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        assert_eq!(self.limbs.len(), other.limbs.len(), "numbers of one size");
        let different = self.limbs.iter().zip(&other.limbs).fold(0, |any, (a, b)| any | (a ^ b));
        different == 0
    }

    /// True if self < other, of the same limb count.
    #[must_use]
    pub fn is_less_than(&self, other: &Self) -> bool {
        self.difference(other).1 != 0
    }

    /// Bits up to the highest that is set. Variable time: for lengths, which are public.
    #[must_use]
    pub fn bit_length_vartime(&self) -> usize {
        let top = self.limbs.iter().rposition(|&limb| limb != 0);
        top.map_or(0, |i| 64 * (i + 1) - self.limbs[i].leading_zeros() as usize)
    }

    /// Zero bits below the lowest that is set. Variable time: every candidate of a search has the
    /// same answer.
    #[must_use]
    pub fn trailing_zeros_vartime(&self) -> u32 {
        let zeros = self.limbs.iter().take_while(|&&limb| limb == 0).count();
        64 * zeros as u32 + self.limbs.get(zeros).map_or(0, |limb| limb.trailing_zeros())
    }

    /// self / 2^bits, rounded down; variable time in `bits`.
    #[must_use]
    pub fn shifted_right_vartime(&self, bits: u32) -> Self {
        (0..bits).fold(self.copy(), |mut number, _| {
            number.halve();
            number
        })
    }

    /// The same number once more: erased by itself, and not `Clone`, so that a copy is a decision.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { limbs: self.limbs.clone() }
    }

    fn halve(&mut self) {
        let mut above = 0;
        for limb in self.limbs.iter_mut().rev() {
            let low = *limb << 63;
            *limb = *limb >> 1 | above;
            above = low;
        }
    }

    /// self − other modulo 2^(64 · limbs), and all ones if it was negative, else 0.
    fn difference(&self, other: &Self) -> (Self, u64) {
        assert_eq!(self.limbs.len(), other.limbs.len(), "numbers of one size");
        let mut difference = Self::zero(self.limbs.len());
        let mut borrow = false;
        for (out, (&a, &b)) in difference.limbs.iter_mut().zip(self.limbs.iter().zip(&other.limbs))
        {
            let (partial, first) = a.overflowing_sub(b);
            let (limb, second) = partial.overflowing_sub(u64::from(borrow));
            *out = limb;
            borrow = first | second;
        }
        (difference, u64::from(borrow).wrapping_neg())
    }

    /// Takes the other's value where `mask` is all ones, keeps its own where it is 0.
    fn replace_if(&mut self, other: &Self, mask: u64) {
        for (limb, &replacement) in self.limbs.iter_mut().zip(&other.limbs) {
            *limb ^= mask & (*limb ^ replacement);
        }
    }
}

/// a · b + c + d as (low, high): cannot overflow.
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (wide as u64, (wide >> 64) as u64)
}

/// The inverse of an odd word modulo 2^64: five Newton steps from five correct bits.
fn inverse_modulo_word(odd: u64) -> u64 {
    let start = odd.wrapping_mul(3) ^ 2;
    (0..4).fold(start, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))))
}
