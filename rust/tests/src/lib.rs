//! What several tests share: a test for each engine, num-bigint's numbers, and scripted randomness.

#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "only tests call this: a panic is a test that fails"
)]

use std::collections::VecDeque;

use num_bigint::BigUint;
use pairsmith_core::error::Error;
use pairsmith_core::lanes::Engine;
use pairsmith_core::natural::Natural;
use pairsmith_core::primes::primality::is_prime_vartime;
use pairsmith_core::random::{OsRandom, RandomSource};

/// Makes three tests of each function that takes an engine, in a module of the function's name; what
/// this machine cannot run is counted as ignored.
#[macro_export]
macro_rules! for_each_engine {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use pairsmith_core::lanes::Engine;

            #[test]
            fn portable_scalar() {
                super::$test(Engine::Scalar);
            }

            #[test]
            #[cfg_attr(not(engine_avx2), ignore = "this machine has no AVX2")]
            fn portable_avx2() {
                super::$test(Engine::Avx2);
            }

            #[test]
            #[cfg_attr(not(engine_avx512ifma), ignore = "this machine has no AVX-512 IFMA")]
            fn avx512ifma() {
                super::$test(Engine::Avx512);
            }
        }
    )+ };
}

/// The engines that this machine can run; `for_each_engine` counts those that it cannot.
pub fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| engine.available())
}

/// A number of ours as one of num-bigint.
pub fn big(number: &Natural) -> BigUint {
    let limbs = number.limbs().iter().rev();
    limbs.fold(BigUint::ZERO, |value, &limb| (value << 64u32) | BigUint::from(limb))
}

/// A number of num-bigint as one of ours, which it must fit.
pub fn natural(value: &BigUint, limbs: usize) -> Natural {
    assert!(value.bits() <= 64 * limbs as u64, "{limbs} limbs for {} bits", value.bits());
    let mut number = Natural::zero(limbs);
    for (limb, digit) in number.limbs_mut().iter_mut().zip(value.iter_u64_digits()) {
        *limb = digit;
    }
    number
}

/// The bytes that hexadecimal digits stand for.
pub fn decode_hex(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("hexadecimal digits")
}

/// The first prime among `start`, `start + step`, `start + 2·step`, ….
pub fn prime_from(start: BigUint, step: u64, limbs: usize) -> BigUint {
    let mut candidate = start;
    let mut bases = OsRandom::buffered();
    while !is_prime_vartime(Engine::best(), &natural(&candidate, limbs), &mut bases)
        .expect("random bases")
    {
        candidate += step;
    }
    candidate
}

/// k for which 6k + 1, 12k + 1 and 18k + 1 are prime: their product is a Carmichael number (J.
/// Chernick, 1939), here one of 1024 bits.
pub const CHERNICK: &str = "38974e200bc6eec468d67e2dd891ecdf5afde6939ffbc9dbf1bf4ee72e96890a2987842081\
                            4f953d52b56";

/// A prime p ≡ 7 mod 8 for which q = 4p − 3 is prime and 2 is a fourth power modulo q: p·q has 1024
/// bits, is 7 mod 8 like a candidate of the search, and passes Fermat's test to the base 2.
pub const PSEUDOPRIME_FACTOR: &str = "77bba845a0fd248155725fd3e136939cad106bff3387e97ad60270ecc555677\
                                      9a72b5c6ddf4145db043f748e4d167b4b84a8f3a624a905d9d6ef97ecb80d6d\
                                      87";

/// A number from hexadecimal digits.
pub fn big_hex(digits: &str) -> BigUint {
    BigUint::parse_bytes(digits.as_bytes(), 16).expect("hexadecimal digits")
}

/// p·(4p − 3): see [`PSEUDOPRIME_FACTOR`].
pub fn base2_pseudoprime() -> BigUint {
    let p = big_hex(PSEUDOPRIME_FACTOR);
    &p * (4u8 * &p - 3u8)
}

/// Hands out what a test wrote down, one draw after the other, then fails.
pub struct Scripted(pub VecDeque<Vec<u8>>);

impl Scripted {
    /// Numbers of `bytes` bytes, big-endian.
    pub fn numbers<'a>(bytes: usize, numbers: impl IntoIterator<Item = &'a BigUint>) -> Self {
        let draw = |number: &BigUint| {
            let digits = number.to_bytes_be();
            [vec![0; bytes - digits.len()], digits].concat()
        };
        Self(numbers.into_iter().map(draw).collect())
    }
}

impl RandomSource for Scripted {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let draw = self.0.pop_front().ok_or(Error::Random)?;
        out.copy_from_slice(&draw);
        Ok(())
    }
}
