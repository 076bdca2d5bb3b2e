//! Every engine of this machine against num-bigint, which shares no code with them.

mod curve;

use num_bigint::BigUint;
use num_traits::One as _;
use pairsmith_core::lanes::{Engine, LANES, product_modulo, residue};
use pairsmith_core::natural::Natural;
use pairsmith_tests::{big, engines, for_each_engine, natural};
use proptest::prelude::*;

const SIZES: [usize; 3] = [16, 24, 32];

for_each_engine!(it_is_known_what_this_machine_can_run);

/// What this machine can run was found out right when the tests were built.
fn it_is_known_what_this_machine_can_run(engine: Engine) {
    assert!(engine.available());
    assert_eq!(Engine::Avx2.available(), cfg!(engine_avx2));
    assert_eq!(Engine::Avx512.available(), cfg!(engine_avx512ifma));
}

fn references(numbers: &[Natural]) -> Vec<&Natural> {
    numbers.iter().collect()
}

/// Every engine computes these powers as num-bigint does.
fn assert_powers(limbs: usize, lanes: &[(BigUint, BigUint, BigUint)]) {
    let column = |pick: fn(&(BigUint, BigUint, BigUint)) -> &BigUint| -> Vec<Natural> {
        lanes.iter().map(|lane| natural(pick(lane), limbs)).collect()
    };
    let (moduli, bases, exponents) = (column(|l| &l.0), column(|l| &l.1), column(|l| &l.2));
    for engine in engines() {
        let (n, b, e) = (references(&moduli), references(&bases), references(&exponents));
        let powers = engine.power(&n, &b, &e);
        assert_eq!(powers.len(), lanes.len());
        for ((n, base, exponent), power) in lanes.iter().zip(&powers) {
            let name = engine.name();
            assert_eq!(big(power), base.modpow(exponent, n), "{name}: {base}^{exponent} mod {n}");
        }
    }
}

/// Asserts that every engine's Fermat test agrees with num-bigint's exponentiation.
fn assert_fermat(limbs: usize, candidates: &[BigUint]) {
    let expected = candidates.iter().enumerate().fold(0, |passed, (lane, n)| {
        let one = BigUint::from(2u8).modpow(&(n - 1u8), n).is_one();
        passed | u8::from(one) << lane
    });
    let numbers: Vec<Natural> = candidates.iter().map(|n| natural(n, limbs)).collect();
    for engine in engines() {
        let passed = engine.base2_fermat(&references(&numbers));
        assert_eq!(passed, expected, "{}: {candidates:?}", engine.name());
    }
}

/// Limbs of which many are all zeros or all ones, where carries go wrong.
fn number(limbs: usize) -> impl Strategy<Value = BigUint> {
    let limb = prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), any::<u64>()];
    (prop::collection::vec(limb, limbs), 0..64 * limbs as u64).prop_map(|(limbs, cut)| {
        let value =
            limbs.iter().fold(BigUint::ZERO, |value, &limb| (value << 64u32) | BigUint::from(limb));
        // Half of the numbers keep their full length.
        value >> cut.saturating_sub(32 * limbs.len() as u64)
    })
}

fn modulus(limbs: usize) -> impl Strategy<Value = BigUint> {
    number(limbs).prop_map(|value| (value | BigUint::one()).max(BigUint::from(3u8)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Powers of random and carry-heavy numbers, in any number of lanes, are right.
    #[test]
    fn powers_agree(
        (limbs, lanes) in prop::sample::select(&SIZES[..]).prop_flat_map(|limbs| {
            let lane = (modulus(limbs), number(limbs), number(limbs));
            (Just(limbs), prop::collection::vec(lane, 1..=LANES))
        })
    ) {
        let lanes: Vec<_> = lanes.into_iter().map(|(n, b, e)| { let b = b % &n; (n, b, e) }).collect();
        assert_powers(limbs, &lanes);
    }

    /// Residues of numbers of twice the length, and products of residues, are right.
    #[test]
    fn residues_and_products_agree(
        (limbs, n, a, b) in prop::sample::select(&SIZES[..]).prop_flat_map(|limbs| {
            (Just(limbs), modulus(limbs), number(limbs), number(limbs))
        })
    ) {
        let (a, b) = (a % &n, b % &n);
        // Any upper half below the modulus.
        let long = (&a << (64 * limbs)) + &b;
        let modulus = natural(&n, limbs);
        assert_eq!(big(&residue(&natural(&long, 2 * limbs), &modulus)), long % &n);
        let product = product_modulo(&natural(&a, limbs), &natural(&b, limbs), &modulus);
        assert_eq!(big(&product), a * b % n);
    }

    /// The Fermat test of random and carry-heavy numbers is right.
    #[test]
    fn fermat_agrees(
        (limbs, candidates) in prop::sample::select(&SIZES[..]).prop_flat_map(|limbs| {
            (Just(limbs), prop::collection::vec(modulus(limbs), 1..=LANES))
        })
    ) {
        assert_fermat(limbs, &candidates);
    }
}

/// The edges: the largest and smallest moduli, bases 0, 1 and n − 1, exponents 0, 1 and all ones.
#[test]
fn powers_at_the_edges() {
    for limbs in SIZES {
        let all_ones = (BigUint::one() << (64 * limbs)) - 1u8;
        let power_of_two = BigUint::one() << (64 * limbs - 1);
        let moduli = [
            all_ones.clone(),
            &all_ones - 2u8,
            &power_of_two + 1u8,
            &power_of_two - 1u8,
            BigUint::from(3u8),
            (BigUint::one() << 64u8) - 1u8,
            (BigUint::one() << 52u8) + 1u8,
            (BigUint::one() << 104u8) - 1u8,
        ];
        let exponents =
            [BigUint::ZERO, BigUint::one(), BigUint::from(15u8), power_of_two, all_ones];
        for exponent in exponents {
            for base in [0u8, 1, 2] {
                let lane = |n: &BigUint| (n.clone(), BigUint::from(base) % n, exponent.clone());
                assert_powers(limbs, &moduli.iter().map(lane).collect::<Vec<_>>());
            }
            let lane = |n: &BigUint| (n.clone(), n - 1u8, exponent.clone());
            assert_powers(limbs, &moduli.iter().map(lane).collect::<Vec<_>>());
        }
    }
}

/// Primes pass, whatever their length and lane, and so do base-2 pseudoprimes; others do not.
#[test]
fn fermat_knows_primes() {
    let mersenne = |bits: u32| (BigUint::one() << bits) - 1u8;
    for limbs in SIZES {
        let candidates = [
            BigUint::from(3u8),
            mersenne(127),
            mersenne(521),
            BigUint::from(341u16),
            mersenne(607) * mersenne(127),
            BigUint::from(9u8),
            mersenne(61),
            (BigUint::one() << 1023u32) + 1155u32,
        ];
        assert_fermat(limbs, &candidates);
        assert_fermat(limbs, &candidates[7..]);
    }
}

/// The largest prime of each length passes in every lane, beside composites.
#[test]
fn fermat_finds_full_length_primes() {
    for (limbs, distance) in SIZES.into_iter().zip([105u32, 3453, 1557]) {
        let prime = (BigUint::one() << (64 * limbs)) - distance;
        for lane in 0..LANES {
            let mut candidates: Vec<_> = (0..LANES).map(|i| &prime - 2 * (i + 1)).collect();
            candidates[lane] = prime.clone();
            assert_fermat(limbs, &candidates);
        }
    }
}
