//! Natural numbers of a fixed public length that erase themselves.
//!
//! Every operation's instructions and addresses depend on the lengths alone, never on the values.
//! Only what assembling an RSA key takes is here; modular powers live in `lanes`.

mod assemble;
mod compare;
mod gcd;

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

    /// The number whose big-endian bytes are given.
    ///
    /// # Panics
    /// Unless `bytes.len()` is a multiple of 8: a defect of the caller, not an input.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8]) -> Self {
        assert!(bytes.len().is_multiple_of(8), "a whole number of limbs");
        let mut number = Self::zero(bytes.len() / 8);
        for (limb, chunk) in number.limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
            *limb = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        number
    }

    /// Writes the number as big-endian bytes.
    ///
    /// # Panics
    /// Unless `out` has 8 bytes for each limb: a defect of the caller, not an input.
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

    /// The same number once more: erased by itself, and not `Clone`, so that a copy is a decision.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { limbs: self.limbs.clone() }
    }
}
