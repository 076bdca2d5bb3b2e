//! Modular arithmetic on up to eight odd moduli at once, each lane its own modulus.
//!
//! Two engines give the same answers: the portable one, in two forms, is the oracle that the vector
//! engine is tested against. All are constant-time: instructions and addresses depend on the limb
//! count, the number of lanes and the moduli's bit lengths, never on other bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod columns;
mod curve;
mod curve_crates;
mod dispatch;
mod division;
mod scalar;

pub(crate) use curve_crates::crate_is_ready;
pub use curve_crates::{POINT_LENGTH, Point, SCALAR_LENGTH, Scalar};
pub(crate) use division::Division;

use crate::natural::Natural;

/// The most numbers that one call takes.
pub const LANES: usize = 8;

/// The most primes whose product makes one modulus of trial division, and the bound of the product.
pub(crate) const MODULUS_PRIMES: usize = 4;
pub(crate) const MODULUS_BOUND: u64 = 1 << 52;

/// Who does the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The portable engine for any CPU: 64-bit limbs, one lane after the other.
    Scalar,
    /// The portable engine for vector units: 28-bit limbs, four lanes side by side, in plain Rust
    /// that is compiled for AVX2.
    Avx2,
    /// The vector engine: 52-bit limbs, eight lanes side by side in AVX-512 registers.
    Avx512,
}

impl Engine {
    /// Every engine in every form.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// The fastest engine that this machine can run.
    #[must_use]
    pub fn best() -> Self {
        if Self::Avx512.available() { Self::Avx512 } else { Self::portable() }
    }

    /// The portable engine in the fastest form that this machine can run.
    #[must_use]
    pub fn portable() -> Self {
        if Self::Avx2.available() { Self::Avx2 } else { Self::Scalar }
    }

    /// Whether this machine can run the engine.
    #[must_use]
    pub fn available(self) -> bool {
        dispatch::available(self)
    }

    /// The name of the engine and its form in logs and benchmark reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "portable scalar",
            Self::Avx2 => "portable avx2",
            Self::Avx512 => "avx512ifma",
        }
    }

    /// How many candidates one batch tests for the price of one.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Scalar => 1,
            Self::Avx2 => 4,
            Self::Avx512 => LANES,
        }
    }

    /// Fermat's test to the base 2: bit i of the answer is set if 2^(n−1) ≡ 1 modulo
    /// `candidates[i]`. One to eight odd candidates of at least 3, all of 16, 24 or 32 limbs; their
    /// bit lengths are treated as public.
    ///
    /// # Panics
    ///
    /// If the candidates are not as said: a defect of the caller, not an input.
    #[must_use]
    pub fn base2_fermat(self, candidates: &[&Natural]) -> u8 {
        check(candidates);
        let passed = dispatch::base2_fermat(self, candidates);
        erase_stack();
        passed
    }

    /// `bases[i]` to the power `exponents[i]`, fully reduced modulo `moduli[i]`. One to eight odd
    /// moduli of at least 3 above their bases; every number has the same 16, 24 or 32 limbs. The
    /// bit lengths of the moduli are treated as public.
    ///
    /// # Panics
    ///
    /// If the lanes are not as said: a defect of the caller, not an input.
    #[must_use]
    pub fn power(
        self,
        moduli: &[&Natural],
        bases: &[&Natural],
        exponents: &[&Natural],
    ) -> Vec<Natural> {
        let limbs = check(moduli);
        assert!(bases.len() == moduli.len() && exponents.len() == moduli.len(), "full lanes");
        assert!(
            bases.iter().chain(exponents).all(|number| number.limbs().len() == limbs),
            "bases and exponents have the moduli's limb count"
        );
        let powers = dispatch::power(self, moduli, bases, exponents);
        erase_stack();
        powers
    }

    /// For regression tests: the squarings in one Fermat test of candidates of so many limbs.
    #[doc(hidden)]
    #[must_use]
    pub fn squarings_in_test(self, limbs: usize) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 64 * limbs - columns::leading_bits(limbs),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 64 * limbs - avx512::power::leading_bits(limbs),
            _ => 64 * limbs,
        }
    }

    /// For benchmarks: squares a number modulo each modulus so many times, one after the other.
    #[doc(hidden)]
    pub fn square_repeatedly(self, moduli: &[&Natural], times: usize) {
        check(moduli);
        dispatch::square_repeatedly(self, moduli, times);
    }
}

/// A number of twice the modulus's limbs modulo an odd one of 16, 24 or 32, which is above the number's
/// upper half.
///
/// # Panics
///
/// If the numbers are not as said: a defect of the caller, not an input.
#[must_use]
pub fn residue(number: &Natural, modulus: &Natural) -> Natural {
    assert_eq!(number.limbs().len(), 2 * check(&[modulus]), "twice the limbs");
    let residue = scalar::residue(number, modulus);
    erase_stack();
    residue
}

/// a·b modulo an odd number of 16, 24 or 32 limbs above both.
///
/// # Panics
///
/// If the numbers are not as said: a defect of the caller, not an input.
#[must_use]
pub fn product_modulo(a: &Natural, b: &Natural, modulus: &Natural) -> Natural {
    let limbs = check(&[modulus]);
    assert!(a.limbs().len() == limbs && b.limbs().len() == limbs, "one limb count");
    let product = scalar::product_modulo(a, b, modulus);
    erase_stack();
    product
}

/// Bit i is set if the predicate holds for number i, of at most eight.
fn mask(numbers: &[&Natural], holds: impl Fn(&Natural) -> bool) -> u8 {
    numbers.iter().enumerate().fold(0, |mask, (i, number)| mask | u8::from(holds(number)) << i)
}

/// The common limb count of the moduli. Panics if a caller breaks the contract: a wrong size here
/// is a defect of this crate, not an input.
fn check(moduli: &[&Natural]) -> usize {
    assert!((1..=LANES).contains(&moduli.len()), "one to eight lanes");
    let limbs = moduli[0].limbs().len();
    assert!(matches!(limbs, 16 | 24 | 32), "1024, 1536 or 2048 bits");
    for n in moduli {
        assert!(n.limbs().len() == limbs, "one limb count for all lanes");
        assert!(n.limbs()[0] & 1 == 1, "odd moduli");
    }
    limbs
}

/// Overwrites the stack below the caller, where functions that have returned left registers spilled
/// and values moved. What they hold by name they erase themselves.
#[inline(never)]
fn erase_stack() {
    // Written, because `black_box` might read it.
    std::hint::black_box(&mut [0u64; 2048]);
}

/// 1/a mod 2^64 for an odd a, by Newton's iteration: six steps double one correct bit past 64.
fn inverse(a: u64) -> u64 {
    (0..6).fold(1u64, |x, _| x.wrapping_mul(2u64.wrapping_sub(a.wrapping_mul(x))))
}

/// The position of the highest set bit of n, counted from one; n must not be zero.
fn bit_length(n: &[u64]) -> usize {
    let top = n.iter().rposition(|&limb| limb != 0).expect("a modulus of at least 3");
    64 * top + 64 - n[top].leading_zeros() as usize
}
