//! Comparisons, and the lengths that are public.

use std::hint::black_box;

use super::Natural;

impl Natural {
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

    /// True if both are the same number.
    ///
    /// # Panics
    /// Unless both have one limb count: a defect of the caller, not an input.
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

    /// self − other modulo `modulus`, which is above both.
    #[must_use]
    pub fn minus_modulo(&self, other: &Self, modulus: &Self) -> Self {
        let (mut difference, borrow) = self.difference(other);
        // What is below zero has wrapped around; the modulus wraps it back.
        difference.replace_if(&difference.plus(modulus), borrow);
        difference
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
        let mask = black_box(mask);
        for (limb, &replacement) in self.limbs.iter_mut().zip(&other.limbs) {
            *limb ^= mask & (*limb ^ replacement);
        }
    }
}
