//! Bytes that erase themselves and print nothing.

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A fixed run of secret bytes, erased on drop. Neither `Clone` nor `Debug`; boxed, so that moving
/// it copies a pointer and it never grows, which would leave a copy behind.
pub struct SecretBytes {
    bytes: Box<[u8]>,
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl SecretBytes {
    /// `length` zero bytes, to be filled in place.
    #[must_use]
    pub fn zero(length: usize) -> Self {
        Self { bytes: vec![0; length].into_boxed_slice() }
    }

    /// A copy of bytes whose owner remains responsible for the original.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into() }
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be written in place.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The length, which is public.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True for no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Compares in a time that depends on the lengths alone.
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
