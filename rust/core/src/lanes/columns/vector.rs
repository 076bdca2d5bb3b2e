//! One limb of four lanes, and the few operations that everything above is made of.

use zeroize::Zeroize;

use crate::natural::Natural;

/// Numbers side by side: what one 256-bit register holds.
pub(super) const WIDTH: usize = 4;

/// Bits of a limb: the product of two leaves room in 64 bits for the sum of 2^8 such products.
pub(super) const LIMB_BITS: usize = 28;
pub(super) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// Four 64-bit words, one per lane, where a register can be loaded from in one piece.
#[derive(Clone, Copy, Zeroize)]
#[repr(align(32))]
pub(in crate::lanes) struct Lanes(pub(super) [u64; WIDTH]);

/// The same word in every lane.
#[inline(always)]
pub(super) const fn splat(word: u64) -> Lanes {
    Lanes([word; WIDTH])
}

#[inline(always)]
pub(super) fn lanes(word: impl FnMut(usize) -> u64) -> Lanes {
    Lanes(std::array::from_fn(word))
}

/// c + a·b in each lane; of a and b the low 32 bits count, which is what one vector instruction
/// multiplies. The sum must fit.
#[inline(always)]
pub(super) fn multiply_add(c: Lanes, a: Lanes, b: Lanes) -> Lanes {
    let low = u64::from(u32::MAX);
    lanes(|i| c.0[i].wrapping_add((a.0[i] & low).wrapping_mul(b.0[i] & low)))
}

#[inline(always)]
pub(super) fn add(a: Lanes, b: Lanes) -> Lanes {
    lanes(|i| a.0[i].wrapping_add(b.0[i]))
}

/// `a` shifted left by each lane's own count, which is below 64.
#[inline(always)]
pub(super) fn shift_left(a: Lanes, count: Lanes) -> Lanes {
    lanes(|i| a.0[i].wrapping_shl(count.0[i] as u32))
}

/// The low 28 bits of each lane.
#[inline(always)]
pub(super) fn limb_of(a: Lanes) -> Lanes {
    lanes(|i| a.0[i] & LIMB_MASK)
}

/// What each lane carries to the next limb.
#[inline(always)]
pub(super) fn carry_of(a: Lanes) -> Lanes {
    lanes(|i| a.0[i] >> LIMB_BITS)
}

/// `a` in the lanes where `mask` is all ones, `b` where it is zero.
#[inline(always)]
pub(super) fn choose(mask: Lanes, a: Lanes, b: Lanes) -> Lanes {
    lanes(|i| a.0[i] & mask.0[i] | b.0[i] & !mask.0[i])
}

/// All ones in the lanes where a and b are equal, else zero.
#[inline(always)]
pub(super) fn equal(a: Lanes, b: Lanes) -> Lanes {
    lanes(|i| {
        let difference = a.0[i] ^ b.0[i];
        ((difference | difference.wrapping_neg()) >> 63).wrapping_sub(1)
    })
}

/// `count` bits of each number from `low_bit` on, which must not straddle its 64-bit words.
pub(super) fn bits_at(numbers: &[&Natural], low_bit: usize, count: usize) -> Lanes {
    lanes(|lane| word(numbers, lane, low_bit / 64) >> (low_bit % 64) & ((1 << count) - 1))
}

/// The 28-bit limb at `index` of each number; lanes without a number repeat the first.
pub(super) fn limb_at(numbers: &[&Natural], index: usize) -> Lanes {
    let (first, offset) = (index * LIMB_BITS / 64, index * LIMB_BITS % 64);
    lanes(|lane| {
        let low = u128::from(word(numbers, lane, first));
        let pair = u128::from(word(numbers, lane, first + 1)) << 64 | low;
        (pair >> offset) as u64 & LIMB_MASK
    })
}

fn word(numbers: &[&Natural], lane: usize, index: usize) -> u64 {
    numbers.get(lane).unwrap_or(&numbers[0]).limbs().get(index).copied().unwrap_or(0)
}

/// Lane `lane` of the 28-bit limbs as a number of so many 64-bit words, which must have room.
pub(super) fn number_of(limbs: &[Lanes], lane: usize, words: usize) -> Natural {
    let mut number = Natural::zero(words);
    for (index, limb) in limbs.iter().enumerate() {
        let (first, offset) = (index * LIMB_BITS / 64, index * LIMB_BITS % 64);
        let pair = u128::from(limb.0[lane]) << offset;
        let parts = [pair as u64, (pair >> 64) as u64];
        for (slot, part) in number.limbs_mut().iter_mut().skip(first).zip(parts) {
            *slot |= part;
        }
    }
    number
}
