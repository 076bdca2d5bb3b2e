//! Does a branch or an address of the portable engine, in either form, depend on a secret?
//! Valgrind's memcheck reports both for memory that it takes to be undefined, so secrets are declared
//! undefined:
//!
//!     cargo build --release -p pairsmith-benches --bin memcheck
//!     valgrind --error-exitcode=1 target/release/memcheck          # must report nothing
//!     valgrind --error-exitcode=1 target/release/memcheck leak     # must report the branch below
//!
//! `benches/memcheck.sh` does all of it. Valgrind does not know AVX-512: the vector engine has no
//! branch on data but the results', and its tests are those of timing.

#![expect(
    unsafe_code,
    reason = "a request to valgrind is an instruction sequence; no product code"
)]

use std::arch::asm;
use std::hint::black_box;

use pairsmith_core::lanes::Engine;
use pairsmith_core::natural::Natural;

const MAKE_MEMORY_UNDEFINED: u64 = 0x4d43_0001;
const MAKE_MEMORY_DEFINED: u64 = 0x4d43_0002;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("leak") {
        leak();
    }
    for engine in [Engine::Scalar, Engine::Avx2] {
        if engine.available() {
            test_and_raise(engine);
        } else {
            println!("not checked, because this machine cannot run it: {}", engine.name());
        }
    }
}

fn test_and_raise(engine: Engine) {
    for limbs in [16, 24, 32] {
        let (n, base, exponent) = (modulus(limbs), below(limbs), secret(limbs));
        let mut passed = [u64::from(engine.base2_fermat(&[&n, &n]))];
        request(MAKE_MEMORY_DEFINED, &mut passed);
        let mut powers = engine.power(&[&n], &[&base], &[&exponent]);
        request(MAKE_MEMORY_DEFINED, powers[0].limbs_mut());
        let name = engine.name();
        println!("{name}, {limbs} limbs: {passed:?}, {:x}", powers[0].limbs()[0]);
    }
}

/// What must be found, or memcheck is blind: a branch on a secret.
fn leak() {
    if black_box(secret(16)).limbs()[3] > 1 << 63 {
        println!("a branch was taken");
    }
}

/// A number of which memcheck takes every bit to be undefined.
fn secret(limbs: usize) -> Natural {
    let mut number = Natural::zero(limbs);
    number.limbs_mut().fill(0x0123_4567_89ab_cdef);
    request(MAKE_MEMORY_UNDEFINED, number.limbs_mut());
    number
}

/// A secret modulus: that it is odd, and of full length, is public.
fn modulus(limbs: usize) -> Natural {
    let mut number = secret(limbs);
    number.limbs_mut()[0] |= 1;
    number.limbs_mut()[limbs - 1] = u64::MAX;
    number
}

/// A secret number below any such modulus.
fn below(limbs: usize) -> Natural {
    let mut number = secret(limbs);
    number.limbs_mut()[limbs - 1] >>= 1;
    number
}

/// Asks memcheck, if the program runs under it, to change what it takes the words to be.
fn request(kind: u64, words: &mut [u64]) {
    let arguments = [kind, words.as_mut_ptr() as u64, 8 * words.len() as u64, 0, 0, 0];
    // SAFETY: the sequence rotates a register by 128 bits in all and exchanges another with itself:
    // nothing happens, unless valgrind runs the program and recognises it.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") 0u64 => _,
        );
    }
}
