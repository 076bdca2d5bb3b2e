//! What libraries leave on the stack: ring's functions keep scalars, primes and key schedules in
//! local variables and do not erase them.

use std::hint::black_box;

/// Runs `work` in a frame of its own and then overwrites `WORDS` of the stack from there downwards,
/// where its frames were. What it returns should own its secrets on the heap.
///
/// `WORDS` is more than what the calls of `work` take, by measurement: `tests/test_memory.py` looks
/// through a process's memory after generating pairs of every spec.
pub fn erased_after<const WORDS: usize, T>(work: impl FnOnce() -> T) -> T {
    let result = in_its_own_frame(work);
    overwrite::<WORDS>();
    result
}

/// Words of 64 bits for a seal or an encoding: 16 KiB.
pub const SHALLOW: usize = 2 << 10;
/// Words for an elliptic-curve pair from the vector engine: 24 KiB. It runs in threads of 16.
pub const LANES: usize = 3 << 10;
/// Words for another key pair: 48 KiB. The curves' frames alone take some 30.
pub const DEEP: usize = 6 << 10;

/// Words for an ML-KEM pair, 64 KiB: its library's frames take up to 49, the pairwise test included.
pub const ML_KEM: usize = 8 << 10;
/// Words for an ML-DSA pair, 224 KiB: its library's frames take up to 115, and 186 with the pairwise
/// test.
pub const ML_DSA: usize = 28 << 10;

#[inline(never)]
fn in_its_own_frame<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Begins where the frame of [`in_its_own_frame`] began: both are called from one function.
#[inline(never)]
fn overwrite<const WORDS: usize>() {
    // Written, because `black_box` might read it; volatile writes would take three times as long.
    black_box(&mut [0u64; WORDS]);
}
