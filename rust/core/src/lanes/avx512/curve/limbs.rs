//! Numbers of 256 bits outside the lanes: as bytes, and in limbs of 64 and of 52 bits.

use super::super::vector::{LIMB_BITS, LIMB_MASK};

/// Limbs of 52 bits of such a number.
pub(super) const LIMBS: usize = 5;

/// The first 32 bytes, big-endian.
pub(super) fn from_bytes(bytes: &[u8]) -> [u64; 4] {
    let (words, _) = bytes.as_chunks::<8>();
    [3, 2, 1, 0].map(|i| u64::from_be_bytes(words[i]))
}

/// 32 bytes, big-endian.
pub(super) fn to_bytes(out: &mut [u8], limbs: &[u64; 4]) {
    for (bytes, limb) in out.chunks_exact_mut(8).rev().zip(limbs) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
}

pub(super) fn to_limbs52(limbs: &[u64; 4]) -> [u64; LIMBS] {
    let [a, b, c, d] = *limbs;
    let limbs = [a, a >> LIMB_BITS | b << 12, b >> 40 | c << 24, c >> 28 | d << 36, d >> 16];
    limbs.map(|limb| limb & LIMB_MASK)
}

pub(super) fn to_limbs64(limbs: &[u64; LIMBS]) -> [u64; 4] {
    let [a, b, c, d, e] = *limbs;
    [a | b << LIMB_BITS, b >> 12 | c << 40, c >> 24 | d << 28, d >> 36 | e << 16]
}
